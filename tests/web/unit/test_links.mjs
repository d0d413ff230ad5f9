/* test_links.mjs -- what becomes a link, and above all what does not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parts } from "../../../tools/web/links.js";

const links = (text) => parts(text).filter((part) => part.href !== undefined).map((part) => part.text);

test("the parts make up the text", () => {
    for (const text of ["", "plain", "https://a.example", "see https://a.example/b, or http://c.example.", "((https://x.example)"])
        assert.equal(parts(text).map((part) => part.text).join(""), text);
    assert.deepEqual(parts("see https://a.example/b now"),
        [{ text: "see " }, { text: "https://a.example/b", href: "https://a.example/b" }, { text: " now" }]);
});

test("addresses end where a reader would end them", () => {
    const cases = {
        "https://a.example/x.": "https://a.example/x",
        "(https://a.example/x)": "https://a.example/x",
        "https://a.example/x_(y)": "https://a.example/x_(y)",
        "(see https://a.example/x_(y))": "https://a.example/x_(y)",
        "https://a.example/?q=1&r=2!": "https://a.example/?q=1&r=2",
        "“https://a.example/”": "https://a.example/",
        "<https://a.example/>": "https://a.example/",
        "https://a.example/a\u200bb": "https://a.example/a",
        "HTTPS://A.EXAMPLE/": "HTTPS://A.EXAMPLE/",
        "https://a.example:8443/#frag": "https://a.example:8443/#frag",
    };
    for (const [text, address] of Object.entries(cases))
        assert.deepEqual(links(text), [address], text);
});

test("two in a row", () => {
    assert.deepEqual(links("http://a.example http://b.example"), ["http://a.example", "http://b.example"]);
});

test("what is no address of the web stays text", () => {
    for (const text of ["javascript:alert(1)", "data:text/html,<b>", "JaVaScRiPt:alert(1)//https:", "ftp://a.example/",
        "file:///etc/passwd", "https://", "http://", "xhttps://a.example", "www.a.example", "vbscript:x",
        "https://bank.example@evil.example/", "https://user:pass@a.example/", "https://[bad/", "https://a b"])
        assert.deepEqual(links(text).filter((link) => link !== "https://a"), [], text);
});

test("where it goes is what URL() reads, and only http or https", () => {
    for (const part of parts("http://a.example/\\..\\x https://ä.example/ü http://a.example/\"onclick=x")) {
        if (part.href !== undefined)
            assert.match(part.href, /^https?:\/\//u);
    }
});

test("a long text without an address is read in one go", () => {
    const text = "http:/".repeat(200000);
    assert.deepEqual(parts(text), [{ text }]);
});
