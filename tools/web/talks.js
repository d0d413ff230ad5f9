/* talks.js -- the conversations: rooms that are joined, and people to whom one speaks directly.
 *
 * Bound: rooms are the server's to limit (64 by default); of people PEOPLE_MAX, and for one more the
 * one goes that was quiet for longest, those with nothing unread first. */
import { Log } from "./log.js";

export const PEOPLE_MAX = 64;
export const OUTBOX_MAX = 50; // failed messages that wait for somebody to look at them, in each

/* Names of people are one when their ASCII letters differ in case only, as on the server. */
export function fold(name) {
    return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

export const room_key = (name) => `#${name}`;
export const person_key = (name) => `@${fold(name)}`;

export class Talk {
    kind; // "room" or "person"
    name;
    log = new Log();
    unread = 0;
    fresh = null; // id of the first unread entry
    place = null; // where the reader was; null: at the newest
    draft = "";
    outbox = []; // own messages without a number: { msgid, body, failed, seq }
    touched = 0; // order of use
    members = null; // of a room: members.js

    constructor(kind, name) {
        this.kind = kind;
        this.name = name;
    }

    get key() {
        return this.kind === "room" ? room_key(this.name) : person_key(this.name);
    }

    get title() {
        return this.kind === "room" ? `#${this.name}` : this.name;
    }
}

export class Talks {
    current = null;
    #talks = new Map(); // by key, in the order of coming
    #uses = 0;

    get(key) {
        return this.#talks.get(key) ?? null;
    }

    /* Rooms first, each kind in the order in which they came. */
    get all() {
        const talks = [...this.#talks.values()];
        return [...talks.filter((talk) => talk.kind === "room"), ...talks.filter((talk) => talk.kind === "person")];
    }

    get unread() {
        return this.all.reduce((sum, talk) => sum + talk.unread, 0);
    }

    open(kind, name) {
        const talk = this.get(kind === "room" ? room_key(name) : person_key(name)) ?? this.#add(new Talk(kind, name));

        talk.touched = ++this.#uses;
        return talk;
    }

    turn_to(talk) {
        this.current = talk;
        talk.touched = ++this.#uses;
    }

    close(talk) {
        this.#talks.delete(talk.key);
        if (this.current === talk)
            this.current = null;
    }

    rename(talk, name) {
        this.#talks.delete(talk.key);
        talk.name = name;
        this.#talks.set(talk.key, talk);
    }

    /* Something came that was not looked at. */
    missed(talk, entry) {
        talk.unread++;
        talk.fresh ??= entry.id;
    }

    seen(talk) {
        talk.unread = 0;
        talk.fresh = null;
    }

    /* The neighbour in the list, around its ends. */
    beside(talk, step) {
        const all = this.all, index = all.indexOf(talk);
        return all.length === 0 ? null : all[(index + step + all.length) % all.length];
    }

    #add(talk) {
        if (talk.kind === "person") {
            const people = this.all.filter((other) => other.kind === "person");
            const others = people.filter((other) => other !== this.current);
            others.sort((a, b) => (a.unread > 0) - (b.unread > 0) || a.touched - b.touched);
            if (people.length >= PEOPLE_MAX)
                this.close(others[0]);
        }
        this.#talks.set(talk.key, talk);
        return talk;
    }
}
