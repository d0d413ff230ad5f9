/* outbox.js -- what was sent and has no number yet, or failed; shown below the newest message.
 *
 * A message leaves it when it arrives as everybody's does, so that it is seen once and in its place.
 * One that failed stays, with the reason, until somebody sends it again or lets it go; nothing is
 * sent again by itself. At most OUTBOX_MAX (talks.js) are kept in each conversation. */
import { el, reconcile } from "./dom.js";
import { body_of } from "./log-row.js";
import { OUTBOX_MAX } from "./talks.js";
import { sentence } from "./words.js";

export function why_not(error) {
    return `${error.code === "unknown-outcome" ? "" : "Not sent: "}${sentence(error.code, error.message)}`;
}

function item(mail, { onagain, ondiscard }) {
    const parts = [body_of(mail.body)];

    if (mail.failed !== null)
        parts.push(el("div", { class: "why" }, el("span", {}, why_not(mail.failed)),
            el("button", { type: "button", onclick: () => onagain(mail) }, "Send again"),
            el("button", { type: "button", onclick: () => ondiscard(mail) }, "Discard")));
    return el("li", { class: `row message ${mail.failed === null ? "pending" : "failed"}` }, ...parts);
}

export class Outbox {
    #list;
    #handlers;

    constructor(list, handlers) {
        this.#list = list;
        this.#handlers = handlers;
    }

    draw(talk) {
        reconcile(this.#list, talk.outbox, (mail) => `${mail.msgid}${mail.failed === null ? "" : " failed"}`,
            (mail) => item(mail, this.#handlers), () => {});
        this.#list.hidden = talk.outbox.length === 0;
    }
}

/* Room for one more; the oldest that failed goes. False when all are still on their way. */
export function make_room(talk) {
    if (talk.outbox.length < OUTBOX_MAX)
        return true;
    const oldest = talk.outbox.findIndex((mail) => mail.failed !== null);
    if (oldest >= 0)
        talk.outbox.splice(oldest, 1);
    return oldest >= 0;
}

export function take(talk, msgid) {
    const index = talk.outbox.findIndex((mail) => mail.msgid === msgid);
    return index < 0 ? null : talk.outbox.splice(index, 1)[0];
}
