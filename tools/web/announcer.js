/* announcer.js -- what a screen reader is told as it happens.
 *
 * The log itself is no live region: its rows come and go with scrolling, and each would be read
 * again. This is one, which nobody sees. In a flood only every so often a sentence is said, with
 * how many messages it stands for, as nobody can listen to ten a second. */
import { el } from "./dom.js";
import { plural } from "./words.js";

const LINES_MAX = 5; // in the document
const PAUSE_MS = 1500;

export class Announcer {
    #region;
    #waiting = [];
    #timer = null;

    constructor(region) {
        this.#region = region;
    }

    say(text) {
        this.#waiting.push(text);
        if (this.#waiting.length > 3)
            this.#waiting = [{ count: this.#waiting.reduce((sum, line) => sum + (line.count ?? 1), 0) }];
        this.#timer ??= setTimeout(() => this.#flush(), this.#region.childElementCount === 0 ? 0 : PAUSE_MS);
    }

    #flush() {
        for (const line of this.#waiting)
            this.#region.append(el("p", {}, line.count ? plural(line.count, "new message") : line));
        this.#waiting = [];
        this.#timer = null;
        while (this.#region.childElementCount > LINES_MAX)
            this.#region.firstElementChild.remove();
    }
}
