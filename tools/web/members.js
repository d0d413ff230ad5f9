/* members.js -- who is in a room: from one answer to WHO, kept up to date by PRESENCE.
 *
 * WHO asks shard after shard while people come and go, so its answer can be old in parts; when the
 * number of names does not fit the number that PRESENCE tells, `stale` says that it is worth asking
 * again. Of a large room only the number is known, or the first names. */

export class Members {
    count = 0; // as the server says
    #names = new Map(); // by id
    #since = null; // changes since WHO was asked

    get names() {
        const by_name = (a, b) => a.name.localeCompare(b.name);
        return [...this.#names].map(([id, name]) => ({ id, name })).sort(by_name);
    }

    get stale() {
        return this.#names.size !== this.count;
    }

    asking() {
        this.#since = [];
    }

    answered(people) {
        const since = this.#since ?? [];

        this.#since = null;
        this.#names = new Map(people.map(({ id, name }) => [id, name]));
        this.#apply(since);
    }

    changed(count, people) {
        if (people.length === 0 && count !== this.count)
            this.#names.clear(); // too large for names: those that are known would only become wrong
        this.count = count;
        this.#since?.push(...people);
        this.#apply(people);
    }

    /* The answer did not come. */
    unanswered() {
        this.#since = null;
    }

    #apply(people) {
        for (const { kind, id, name } of people) {
            if (kind === "left")
                this.#names.delete(id);
            else
                this.#names.set(id, name);
        }
    }
}
