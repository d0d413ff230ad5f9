/* member-list.js -- the list of who is in a room; a name in it begins a conversation. */
import { el } from "./dom.js";
import { plural } from "./words.js";

const SHOWN_MAX = 300; // in the document; the others are a number

export function draw_members({ list, more }, members, self_id, onopen) {
    const shown = members.names.slice(0, SHOWN_MAX);
    const rest = Math.max(members.count - shown.length, 0);

    list.replaceChildren(...shown.map(({ id, name }) => id === self_id
        ? el("li", { class: "self-entry", dir: "auto" }, `${name} (you)`)
        : el("li", {}, el("button", { type: "button", dir: "auto", title: `Write to ${name}`,
            onclick: () => onopen(name) }, name))));
    more.textContent = rest === 0 ? "" : shown.length === 0
        ? `${plural(rest, "member")}; the server names them in smaller rooms only.` : `and ${rest.toLocaleString()} more`;
}
