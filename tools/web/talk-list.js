/* talk-list.js -- the list of conversations, with what is unread in each. */
import { el } from "./dom.js";
import { hue } from "./log-row.js";
import { plural } from "./words.js";

function item(talk, current, { onopen, onclose }) {
    const unread = talk.unread > 0;
    const mark = talk.kind === "room" ? "#" : "";
    const label = talk.title + (unread ? `, ${plural(talk.unread, "unread message")}` : "");

    return el("li", { class: `talk ${talk.kind}${unread ? " unread" : ""}${talk === current ? " current" : ""}` },
        el("button", { type: "button", class: "open", "data-key": talk.key, "aria-label": label,
            "aria-current": talk === current ? "true" : null, onclick: () => onopen(talk) },
            el("span", { class: talk.kind === "room" ? "mark" : `mark dot hue-${hue(talk.name)}`, "aria-hidden": "true" }, mark),
            el("span", { class: "label", dir: "auto" }, talk.name),
            unread ? el("span", { class: "count" }, talk.unread > 999 ? "999+" : String(talk.unread)) : ""),
        el("button", { type: "button", class: "close", onclick: () => onclose(talk),
            "aria-label": talk.kind === "room" ? `Leave ${talk.title}` : `Close ${talk.title}`,
            title: talk.kind === "room" ? "Leave" : "Close" }, "×"));
}

/* Draws all of them: there are at most a hundred. Who had the focus keeps it. */
export function draw_talks(lists, talks, handlers) {
    const focused = document.activeElement?.closest?.("li.talk")?.querySelector(".open")?.dataset.key;
    const which = document.activeElement?.classList.contains("close") ? ".close" : ".open";

    for (const kind of ["room", "person"]) {
        const all = talks.all.filter((talk) => talk.kind === kind);
        lists[kind].replaceChildren(...all.map((talk) => item(talk, talks.current, handlers)));
        lists[kind].parentElement.hidden = kind === "person" && all.length === 0;
    }
    if (focused !== undefined)
        for (const button of document.querySelectorAll("li.talk .open"))
            if (button.dataset.key === focused)
                button.parentElement.querySelector(which).focus();
}
