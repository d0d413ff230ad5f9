/* log-view.js -- a log on the screen, of which only what can be seen is in the document.
 *
 * The list has a padding as high as the rows above those that are there, and one for those below.
 * Heights are measured when a row is first shown, and estimated before (heights.js). Whatever
 * changes, what the reader looks at stays where it is: a *place* is an entry and how far it is
 * above the upper edge; or null, which means "at the newest" and stays there.
 *
 *     something changed ─► (next frame) rows around the place ─► measure ─► padding, scrollTop
 *
 * The browser's own scroll anchoring is off (style.css); two would pull. */
import { Heights } from "./heights.js";
import { row } from "./log-row.js";

const AROUND_PX = 600; // rows above and below the view, so that a step of scrolling finds them there
const NEAR_PX = 32; // this close to the end is at the end
const ROUNDS = 4; // to measure and look again: rows may turn out lower than thought

export class LogView {
    onplace = () => {}; // the reader has moved
    #scroller;
    #list;
    #log = null;
    #heights = new Heights();
    #rows = new Map(); // by entry id, those in the document
    #place = null;
    #frame = 0;
    #set_top = -1; // where we scrolled to ourselves
    #width = 0;
    #height = 0; // of the view, when it was drawn last
    #line = { height: 22, characters: 60 };

    constructor(scroller, list) {
        this.#scroller = scroller;
        this.#list = list;
        scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
        new ResizeObserver(() => this.#resized()).observe(scroller);
    }

    get place() {
        return this.#place;
    }

    /* How many rows are in the document; for tests. */
    get rows_shown() {
        return this.#rows.size;
    }

    show(log, place) {
        if (this.#log !== null)
            this.#log.watcher = null;
        this.#log = log;
        this.#place = place;
        log.watcher = this;
        this.#begin();
        this.refresh();
    }

    hide() {
        if (this.#log !== null)
            this.#log.watcher = null;
        this.#log = null;
        this.#place = null;
        this.#begin();
        this.#list.style.paddingTop = this.#list.style.paddingBottom = "0";
    }

    /* To the newest, and stay there. */
    follow() {
        this.#place = null;
        this.refresh();
        this.onplace();
    }

    /* So that this entry is in the upper part of the view. */
    go_to(id) {
        this.#place = { id, offset: -this.#scroller.clientHeight / 4 };
        this.refresh();
    }

    refresh() {
        this.#frame ||= requestAnimationFrame(() => {
            this.#frame = 0;
            this.#render();
        });
    }

    // What the log says

    appended() {
        this.#heights.push(this.#estimate(this.#log.entries.at(-1)));
        this.refresh();
    }

    changed(index) {
        this.#remove(this.#log.entries[index].id);
        this.refresh();
    }

    trimmed(count) {
        this.#heights.drop(count);
        for (const id of [...this.#rows.keys()])
            if (id <= this.#log.dropped) // the oldest that is left looks different now
                this.#remove(id);
        this.refresh();
    }

    // Inside

    #begin() {
        const style = getComputedStyle(this.#scroller);
        const size = parseFloat(style.fontSize);

        this.#line = { height: parseFloat(style.lineHeight) || size * 1.5,
            characters: Math.max(20, Math.min(this.#scroller.clientWidth - 80, 45 * size) / (size * 0.48)) };
        this.#width = this.#scroller.clientWidth;
        this.#heights.clear();
        for (const id of [...this.#rows.keys()])
            this.#remove(id);
        for (const entry of this.#log?.entries ?? [])
            this.#heights.push(this.#estimate(entry));
    }

    #estimate(entry) {
        const lines = Math.ceil((entry.body.length + 1) / this.#line.characters) + (entry.body.match(/\n/g)?.length ?? 0);
        return this.#line.height * (lines + (entry.first ? 1.5 : 0.2));
    }

    #remove(id) {
        this.#rows.get(id)?.remove();
        this.#rows.delete(id);
    }

    #resized() {
        if (this.#log === null)
            return;
        if (this.#scroller.clientWidth !== this.#width)
            this.#begin();
        this.refresh();
    }

    #scrolled() {
        const scroller = this.#scroller, top = scroller.scrollTop;

        if (this.#log === null || Math.abs(top - this.#set_top) <= 1)
            return;
        if (scroller.clientHeight !== this.#height) {
            this.refresh(); // the view became higher or lower: that is nobody's scrolling
            return;
        }
        this.#set_top = -1;
        if (this.#at_end() || this.#heights.count === 0)
            this.#place = null;
        else {
            const y = top - this.#list.offsetTop, index = this.#heights.at(Math.max(0, y));
            this.#place = { id: this.#log.entries[index].id, offset: y - this.#heights.top(index) };
        }
        this.refresh();
        this.onplace();
    }

    /* The upper edge of the view, in the list. */
    #top() {
        if (this.#place === null)
            return Infinity;
        const index = Math.max(0, this.#log.index_of(this.#place.id));
        return this.#heights.top(index) + this.#place.offset;
    }

    #render() {
        if (this.#log === null)
            return;
        for (let round = 0; round < ROUNDS; round++) {
            const before = this.#heights.total;
            this.#fill();
            this.#measure();
            this.#pad();
            if (Math.abs(this.#heights.total - before) < 1)
                break;
        }
        this.#height = this.#scroller.clientHeight;
        const top = this.#place === null ? this.#scroller.scrollHeight : this.#top() + this.#list.offsetTop;
        if (Math.abs(this.#scroller.scrollTop - top) > 1)
            this.#scroller.scrollTop = top;
        this.#set_top = this.#scroller.scrollTop;
        if (this.#place !== null && this.#at_end()) {
            this.#place = null; // all from there on fits the view
            this.onplace();
        }
    }

    #at_end() {
        return this.#scroller.scrollHeight - this.#scroller.clientHeight - this.#scroller.scrollTop <= NEAR_PX;
    }

    #first = 0;
    #last = 0; // behind the last

    /* Exactly the rows around the view are in the list, in order. */
    #fill() {
        const view = this.#scroller.clientHeight;
        const top = Math.min(this.#top(), this.#heights.total - view);
        const entries = this.#log.entries;

        this.#first = Math.max(0, this.#heights.at(top - AROUND_PX));
        this.#last = Math.min(entries.length, this.#heights.at(top + view + AROUND_PX) + 1);
        const low = entries[this.#first]?.id ?? 0, high = low + this.#last - this.#first;
        for (const id of [...this.#rows.keys()])
            if (id < low || id >= high)
                this.#remove(id);
        let next = this.#list.firstElementChild;
        for (let i = this.#first; i < this.#last; i++) {
            const entry = entries[i], here = this.#rows.get(entry.id);
            if (here !== undefined) {
                next = here.nextElementSibling;
                continue;
            }
            const element = row(entry, i === 0);
            element.setAttribute("aria-posinset", String(entry.id + 1));
            element.setAttribute("aria-setsize", "-1");
            this.#rows.set(entry.id, element);
            this.#list.insertBefore(element, next);
        }
    }

    #measure() {
        for (let i = this.#first; i < this.#last; i++) {
            const height = this.#rows.get(this.#log.entries[i].id).getBoundingClientRect().height;
            if (Math.abs(height - this.#heights.get(i)) > 0.01)
                this.#heights.set(i, height);
        }
    }

    #pad() {
        this.#list.style.paddingTop = `${this.#heights.top(this.#first)}px`;
        this.#list.style.paddingBottom = `${Math.max(0, this.#heights.total - this.#heights.top(this.#last))}px`;
    }
}
