/* status.js -- the line that says what has become of the connection, and the small indicator.
 *
 * What was lost, and what was not, is said as it is. The sentence is a live region and changes only
 * when there is something new; the seconds that count down beside it are not read out. */
import { el } from "./dom.js";
import { duration, latency, plural, sentence } from "./words.js";

const NEWS_MS = 20000; // how long good news stays
const SLOW_MS = 400; // a latency that one feels

/* The sentence for a state of the connection; "" for nothing to say. detail: of Uproar's event. */
export function state_sentence({ state, code, why, again, resumed, away_ms }) {
    switch (state) {
    case "dialing":
    case "greeting":
        return "Connecting …";
    case "up":
        if (!again)
            return "";
        return resumed ? `Reconnected after ${duration(away_ms)}.`
                       : `Reconnected after ${duration(away_ms)}; to the others you left and came back.`;
    case "down":
        return code === "lost" || code === "no-server" ? "The connection was lost." : sentence(code, why);
    case "over":
        return code === "closed" ? "" : sentence(code, why);
    default:
        return "";
    }
}

export class Status {
    #parts;
    #timer = null;
    #countdown = null;
    #missed = 0n;
    #said = "";

    /* parts: bar, text, countdown, actions, signal, signal_text */
    constructor(parts) {
        this.#parts = parts;
    }

    /* tone: "good", "wait" or "bad". actions: [{ label, run }]. until: shown as a countdown. */
    say(text, tone, { actions = [], retry_ms = 0, stay = true } = {}) {
        const { bar, text: line, actions: buttons } = this.#parts;

        clearTimeout(this.#timer);
        clearInterval(this.#countdown);
        this.#said = text;
        this.#missed = 0n;
        bar.dataset.tone = tone;
        bar.classList.toggle("unseen", text === ""); // not hidden: a live region must be there before its text
        line.textContent = text;
        this.#parts.countdown.textContent = "";
        buttons.replaceChildren(...actions.map(({ label, run }) =>
            el("button", { type: "button", onclick: run }, label)));
        if (retry_ms > 0)
            this.#count_down(performance.now() + retry_ms);
        if (!stay)
            this.#timer = setTimeout(() => this.say("", "good"), NEWS_MS);
    }

    /* Added to what was said last: what a reconnection has cost. */
    missed({ count, reason_name }) {
        const { text } = this.#parts;

        if (this.#said === "")
            this.say(reason_name === "away" || reason_name === "not-retained" ? "Back again."
                : "This page could not keep up.", "wait", { stay: false });
        this.#missed += count;
        text.textContent = `${this.#said} ${plural(this.#missed, "message")} ${this.#missed == 1n ? "was" : "were"} missed.`;
    }

    signal(state, ms = null) {
        const { signal, signal_text } = this.#parts;
        const slow = ms !== null && ms > SLOW_MS;
        const words = { up: "Connected", down: "Not connected", over: "Not connected" };

        signal.dataset.state = state === "up" && slow ? "slow" : state;
        signal_text.textContent = state === "up" && ms !== null ? latency(ms) : "";
        signal.title = (words[state] ?? "Connecting") + (state === "up" && ms !== null ? `; ${latency(ms)} to the server and back` : "");
        signal.setAttribute("aria-label", signal.title);
    }

    #count_down(due) {
        const tick = () => {
            const left = Math.max(0, due - performance.now());
            this.#parts.countdown.textContent = left > 0 ? `Back in ${Math.ceil(left / 1000)} s` : "";
        };
        tick();
        this.#countdown = setInterval(tick, 250);
    }
}
