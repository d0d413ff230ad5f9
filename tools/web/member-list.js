/* member-list.js -- the list of who is in a room; a name in it begins a conversation. */
import { el, reconcile } from "./dom.js";
import { plural } from "./words.js";

const SHOWN_MAX = 300; // in the document; the others are a number

function make(self, onopen) {
    const name = self ? el("span", {}) : el("button", { type: "button", onclick: () => onopen(name.textContent) });
    name.setAttribute("dir", "auto");
    return self ? el("li", { class: "self-entry" }, name, " (you)") : el("li", {}, name);
}

function update(item, name) {
    const label = item.firstElementChild;

    if (label.textContent === name)
        return;
    label.textContent = name;
    if (label.localName === "button")
        label.title = `Write to ${name}`;
}

/* onopen(name) is what a name does. */
export function draw_members({ list, more }, members, self_id, onopen) {
    const names = members.names.slice(0, SHOWN_MAX), rest = Math.max(members.count - names.length, 0);

    reconcile(list, names, ({ id }) => id, ({ id }) => make(id === self_id, onopen), (item, { name }) => update(item, name));
    more.textContent = rest === 0 ? "" : names.length === 0
        ? `${plural(rest, "member")}; the server names them in smaller rooms only.` : `and ${rest.toLocaleString()} more`;
}
