/* log.js -- what was said in one conversation, in order, as far as the page keeps it.
 *
 * Bounds: ENTRIES_MAX entries and CHARACTERS_MAX characters. When there are more, the oldest go, a
 * tenth at once, so that this is rare; `dropped` counts them. With the conversations' own bound
 * (talks.js) that is what a page can hold.
 *
 * An entry is one row:
 *
 *   kind "message"   name, sender, own, body; first: it begins a run of the same person's
 *   kind "note"      body, tone: "quiet" for comings and goings, "gap", "news"
 *   kind "day"       a new date begins
 *
 * and each has id (counts from 0 and never changes), time, and fresh: unread things begin here.
 * A watcher is told of changes: appended(), changed(index), trimmed(count). */

export const ENTRIES_MAX = 10000;
export const CHARACTERS_MAX = 4 << 20;
export const RUN_MS = 5 * 60 * 1000; // later words get a name and time of their own
export const PRESENCE_NAMES_MAX = 6; // in one row

function same_day(a, b) {
    return a.getDate() === b.getDate() && a.getMonth() === b.getMonth() && a.getFullYear() === b.getFullYear();
}

export class Log {
    entries = [];
    dropped = 0; // entries that were once here: the id of entries[0]
    watcher = null;
    #characters = 0;
    #people = null; // the presence note that the next one may be added to

    index_of(id) {
        return id - this.dropped;
    }

    message({ name, sender, own, body, time }) {
        this.#day(time);
        const last = this.entries.at(-1);
        const first = last?.kind !== "message" || last.sender !== sender || last.name !== name ||
            time - last.run > RUN_MS;
        return this.#append({ kind: "message", name, sender, own, body, time, first, run: first ? time : last.run });
    }

    note(body, tone = "news", time = new Date()) {
        this.#day(time);
        return this.#append({ kind: "note", body, tone, time });
    }

    /* Who came and went. Several in a row share one. */
    presence(change, time = new Date()) {
        const last = this.entries.at(-1);

        if (this.#people !== null && this.#people.entry === last && this.#people.changes.length < PRESENCE_NAMES_MAX) {
            this.#people.changes.push(change);
            this.#characters -= last.body.length;
            last.body = this.#people.changes.join("; ");
            this.#characters += last.body.length;
            this.watcher?.changed(this.entries.length - 1);
            return;
        }
        const entry = this.note(change, "quiet", time);
        this.#people = { entry, changes: [change] };
    }

    /* Unread things begin with this entry, or nowhere: null. */
    mark_fresh(id) {
        this.entries.forEach((entry, index) => {
            if (entry.fresh !== (entry.id === id)) {
                entry.fresh = entry.id === id;
                this.watcher?.changed(index);
            }
        });
    }

    #day(time) {
        const last = this.entries.at(-1);

        if (last !== undefined && !same_day(last.time, time))
            this.#append({ kind: "day", body: "", time });
    }

    #append(entry) {
        entry.id = this.dropped + this.entries.length;
        entry.fresh = false;
        this.entries.push(entry);
        this.#characters += entry.body.length;
        this.watcher?.appended();
        if (this.entries.length > ENTRIES_MAX || this.#characters > CHARACTERS_MAX)
            this.#trim();
        return entry;
    }

    #trim() {
        const keep = CHARACTERS_MAX - CHARACTERS_MAX / 10;
        let count = 0;

        if (this.entries.length > ENTRIES_MAX)
            count = ENTRIES_MAX / 10;
        for (let i = 0; i < count; i++)
            this.#characters -= this.entries[i].body.length;
        while (this.#characters > keep && count < this.entries.length - 1)
            this.#characters -= this.entries[count++].body.length;
        this.entries.splice(0, count);
        this.dropped += count;
        this.watcher?.trimmed(count);
    }
}
