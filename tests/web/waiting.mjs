/* waiting.mjs -- waits that end: for something to be said, and for a process to be gone.
 *
 * A test waits for what must happen and never for time to pass. WAIT_MS is how long that may take
 * on a machine that does much else under a sanitizer; nothing waits so long when all is well. */
export const WAIT_MS = 20000;

/* `promise`, or an error that says what was waited for. */
export function inTime(promise, what, details = () => "") {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no ${what} after ${WAIT_MS} ms\n${details()}`)), WAIT_MS);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/* A list that grows while a test reads it. `take` goes forward only, as a reader of a page does: what
 * it passes over is not found by the next one. */
export class Growing {
    constructor(name) {
        this.name = name;
        this.all = [];
        this.read = 0; /* the items before this one were taken or passed over */
        this.over = null; /* why no more will come */
        this.waiting = [];
    }

    wake() {
        for (const resolve of this.waiting.splice(0)) resolve();
    }

    push(item) {
        this.all.push(item);
        this.wake();
    }

    end(why) {
        this.over ??= why;
        this.wake();
    }

    /* The next item for which `fits` is true. */
    async take(what, fits = () => true) {
        const there = this.find(fits);
        return there !== null
            ? there.item
            : inTime(this.wait(what, fits), `${what} from ${this.name}`, () => this.tail());
    }

    find(fits) {
        while (this.read < this.all.length) {
            const item = this.all[this.read++];
            if (fits(item)) return { item };
        }
        return null;
    }

    async wait(what, fits) {
        for (let there; ;) {
            if ((there = this.find(fits)) !== null) return there.item;
            if (this.over !== null)
                throw new Error(`no ${what}: ${this.name} ended: ${this.over}\n${this.tail()}`);
            await new Promise((resolve) => this.waiting.push(resolve));
        }
    }

    /* The last ones, for whoever has waited in vain. */
    tail() {
        return this.all
            .slice(-20)
            .map((item) => `    ${shown(item)}`)
            .join("\n");
    }
}

function shown(item) {
    if (typeof item === "string") return item;
    return Buffer.isBuffer(item) ? item.toString("hex") : JSON.stringify(item);
}
