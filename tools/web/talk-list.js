/* talk-list.js -- the list of conversations, with what is unread in each. */
import { el, reconcile } from "./dom.js";
import { hue } from "./log-row.js";
import { plural } from "./words.js";

const SHOWN_MAX = 999; // a larger number says no more

/* The talk of an element changes when one is closed and another of its name begins. */
const shown = new WeakMap();

function make({ onopen, onclose }) {
    const item = el("li", {},
        el("button", { type: "button", class: "open", onclick: () => onopen(shown.get(item)) },
            el("span", { "aria-hidden": "true" }), el("span", { class: "label", dir: "auto" }), el("span", { class: "count" })),
        el("button", { type: "button", class: "close", onclick: () => onclose(shown.get(item)) }, "×"));
    return item;
}

function update(item, talk, current) {
    const [open, close] = item.children, [mark, label, count] = open.children;
    const room = talk.kind === "room", unread = talk.unread > 0;

    shown.set(item, talk);
    item.className = `talk ${talk.kind}${unread ? " unread" : ""}${talk === current ? " current" : ""}`;
    open.setAttribute("aria-label", talk.title + (unread ? `, ${plural(talk.unread, "unread message")}` : ""));
    if (talk === current)
        open.setAttribute("aria-current", "true");
    else
        open.removeAttribute("aria-current");
    mark.className = room ? "mark" : `mark dot hue-${hue(talk.name)}`;
    mark.textContent = room ? "#" : "";
    label.textContent = talk.name;
    count.hidden = !unread;
    count.textContent = talk.unread > SHOWN_MAX ? `${SHOWN_MAX}+` : String(talk.unread);
    close.title = room ? "Leave" : "Close";
    close.setAttribute("aria-label", `${close.title} ${talk.title}`);
}

/* lists: { room, person }; handlers: onopen(talk), onclose(talk). */
export function draw_talks(lists, talks, handlers) {
    for (const kind of ["room", "person"]) {
        const all = talks.all.filter((talk) => talk.kind === kind);
        reconcile(lists[kind], all, (talk) => talk.key, () => make(handlers),
            (item, talk) => update(item, talk, talks.current));
        lists[kind].parentElement.hidden = kind === "person" && all.length === 0;
    }
}
