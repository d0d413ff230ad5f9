/* links.js -- which parts of a text are addresses of the web.
 *
 * Only http and https, and only what URL() reads as such: "javascript:" and its like stay text.
 * What is shown is always what was written, so a link goes where it says. */

const START = /\bhttps?:\/\//giu;
/* What ends an address: a blank, a quote or angle bracket, and whatever is drawn as nothing. */
const END = /[\s"<>\u0000-\u0020\u007f-\u00a0\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]/u;
/* What closes a sentence belongs to it and not to the address. */
const TAIL = /[.,:;!?'’”»…]$/u;
const PAIRS = { ")": "(", "]": "[", "}": "{" };

function count(text, character) {
    return text.split(character).length - 1;
}

function without_tail(address) {
    for (;;) {
        const last = address.at(-1), opens = PAIRS[last];
        if (TAIL.test(address) || (opens && count(address, last) > count(address, opens)))
            address = address.slice(0, -1);
        else
            return address;
    }
}

/* null: not the address of anything. A name before the host is no use but to deceive. */
function address_of(text) {
    try {
        const url = new URL(text);
        const web = url.protocol === "http:" || url.protocol === "https:";
        return web && url.username === "" && url.password === "" ? url.href : null;
    } catch {
        return null;
    }
}

/* Parts that make up the text: { text }, with href where it is an address. */
export function parts(text) {
    const found = [];
    let at = 0;

    START.lastIndex = 0;
    for (let start; (start = START.exec(text)) !== null;) {
        const rest = text.slice(start.index), end = rest.search(END);
        const address = without_tail(end < 0 ? rest : rest.slice(0, end));
        const href = address_of(address);
        if (href === null)
            continue;
        if (start.index > at)
            found.push({ text: text.slice(at, start.index) });
        found.push({ text: address, href });
        at = START.lastIndex = start.index + address.length;
    }
    if (at < text.length || found.length === 0)
        found.push({ text: text.slice(at) });
    return found;
}
