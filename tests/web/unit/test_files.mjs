/* test_files.mjs -- what must hold for the page's files as they stand: nothing inline, nothing that takes
 * markup, names that fit each other, and colours that can be read. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../../tools/web/", import.meta.url));
const read = (name) => readFileSync(folder + name, "utf8");
const modules = readdirSync(folder).filter((name) => name.endsWith(".js"));
const html = read("index.html"), css = read("style.css");

/* Comments may name what the code may not do. */
const code = (name) => read(name).replace(/\/\*[^]*?\*\//gu, "").replace(/(^|\s)\/\/.*$/gmu, "$1");

test("the document has no script, style or handler of its own", () => {
    assert.deepEqual(html.match(/<script(?![^>]* src=)[^>]*>/gu), null);
    assert.deepEqual(html.match(/<style|\sstyle=|\son[a-z]+=|javascript:/giu), null);
});

test("everything that it and the modules refer to is there", () => {
    const files = readdirSync(folder);
    for (const [, name] of html.matchAll(/(?:src|href)="([^"#]+)"/gu))
        assert.ok(files.includes(name), name);
    for (const name of modules)
        for (const [, from] of read(name).matchAll(/from "\.\/([^"]+)"/gu))
            assert.ok(files.includes(from), `${name}: ${from}`);
});

test("the client module depends on nothing", () => {
    assert.deepEqual(code("uproar.js").match(/^\s*(?:import|export .* from)\b/gmu), null);
});

test("no module has a way to make markup, code or styles from text", () => {
    const ways = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|srcdoc|\beval\b|new Function|setAttribute\("style"|\.cssText/u;
    for (const name of modules)
        assert.doesNotMatch(code(name), ways, name);
});

test("no module writes a token where it would stay or be seen", () => {
    for (const name of modules) {
        assert.doesNotMatch(code(name), /localStorage|document\.cookie|console\./u, name);
        if (name !== "uproar.js" && name !== "page.js")
            assert.doesNotMatch(code(name), /\btoken\b/u, name);
    }
});

test("elements that are looked up are in the document, once", () => {
    const ids = [...html.matchAll(/\sid="([^"]+)"/gu)].map(([, id]) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const name of modules)
        for (const [, id] of code(name).matchAll(/\$\("([^"]+)"\)/gu))
            assert.ok(ids.includes(id), `${name}: ${id}`);
    for (const [, list] of html.matchAll(/aria-(?:labelledby|describedby|controls)="([^"]+)"|\sfor="[^"]+"/gu))
        for (const id of (list ?? "").split(" ").filter(Boolean))
            assert.ok(ids.includes(id), id);
});

/* WCAG 2.1, relative luminance and contrast ratio. */
function luminance(hex) {
    const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
        .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a, b) {
    const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (light + 0.05) / (dark + 0.05);
}

function variables(text) {
    return Object.fromEntries([...text.matchAll(/--([a-z0-9-]+): (#[0-9a-f]{6});/gu)].map(([, name, value]) => [name, value]));
}

test("colours that words are written in have a contrast of 4.5, marks of 3, in light and dark", () => {
    const [light, dark] = [...css.matchAll(/:root \{([^}]*)\}/gu)].map(([, body]) => variables(body));
    const hues = [...Array(8)].map((_, i) => `hue-${i}`);
    const words = [
        [["ink", "soft", "accent", "warn", "bad", ...hues], ["paper"]],
        [["ink", "soft", "accent"], ["shelf", "raised", "accent-soft"]],
        [["ink", "soft", "accent"], ["warn-soft", "bad-soft"]],
        [["soft"], ["line"]],
        [["on-accent"], ["accent"]],
    ];
    for (const theme of [light, { ...light, ...dark }]) {
        for (const [fronts, backs] of words)
            for (const front of fronts)
                for (const back of backs)
                    assert.ok(contrast(theme[front], theme[back]) >= 4.5,
                        `${front} on ${back}: ${contrast(theme[front], theme[back]).toFixed(2)}`);
        for (const mark of ["edge", "good", "warn", "bad", "accent"])
            assert.ok(contrast(theme[mark], theme.paper) >= 3, `${mark}: ${contrast(theme[mark], theme.paper).toFixed(2)}`);
    }
});
