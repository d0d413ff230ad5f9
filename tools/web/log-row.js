/* log-row.js -- one entry of a log as an element. Text is text: it comes in as text nodes, and only
 * addresses of the web become links (links.js). */
import { el } from "./dom.js";
import { parts } from "./links.js";
import { day_name, time_full, time_short } from "./words.js";

export const HUES = 8; // classes hue-0 … in style.css

/* The same name has the same colour for everybody. */
export function hue(name) {
    let sum = 0;

    for (const character of name)
        sum = (sum * 31 + character.codePointAt(0)) >>> 0;
    return sum % HUES;
}

export function body_of(text) {
    const body = el("div", { class: "body", dir: "auto" });

    for (const part of parts(text))
        body.append(part.href === undefined
            ? part.text
            : el("a", { href: part.href, target: "_blank", rel: "noopener noreferrer" }, part.text));
    return body;
}

function time_of(time) {
    return el("time", { datetime: time.toISOString(), title: time_full(time) }, time_short(time));
}

/* first: the entry is the oldest that is kept, so it cannot lean on one before it. */
export function row(entry, first) {
    const begins = entry.first || first;
    const fresh = entry.fresh ? " fresh" : "";

    if (entry.kind === "day")
        return el("li", { class: `row day${fresh}` }, el("span", {}, day_name(entry.time)));
    if (entry.kind === "note")
        return el("li", { class: `row note ${entry.tone}${fresh}` }, time_of(entry.time),
            el("div", { class: "body", dir: "auto" }, entry.body));
    return el("li", { class: `row message${begins ? " first" : ""}${entry.own ? " own" : ""}${fresh}` },
        time_of(entry.time),
        el("div", { class: begins ? `name hue-${hue(entry.name)}` : "unseen", dir: "auto" },
            entry.name, begins ? "" : ": "),
        body_of(entry.body));
}
