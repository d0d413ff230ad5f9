/* uproar.js -- a client of Uproar, for pages and for programs: one module, no dependencies.
 *
 *     import { connect } from "./uproar.js";
 *
 *     const chat = await connect({ url: "ws://127.0.0.1:7667/ws", name: "anna" });
 *     chat.addEventListener("message", ({ detail }) => console.log(detail.name, detail.body));
 *     const room = await chat.join("lobby");
 *     const { seq } = await chat.publish(room, "hello");      // a BigInt: its number in the room
 *     await chat.close();
 *
 * Node has had a WebSocket of its own since version 22; before that, give it npm's:
 * connect({ ..., WebSocket: (await import("ws")).WebSocket }). Node 18 is the oldest.
 *
 * What goes over the wire is the subprotocol uproar.v1.json, which proto/WEBSOCKET.md describes;
 * fields here have the names that they have there. What is different in JavaScript:
 *
 *   numbers to count with (seq, head, epoch, from, to, count, missed)   BigInt
 *   numbers that only name something (id, sender, msgid)                strings
 *   times                                                               Date
 *
 * connect(options) makes an Uproar and waits until it is up. For events that come before that, make it
 * yourself: const chat = new Uproar(options); listen; await chat.connect(). Options:
 *
 *   url        where: ws: or wss:. The path is /ws
 *   name       who: 1 to 32 bytes of UTF-8
 *   token      optional: from saved(), to go on with the session that had it
 *   rooms      optional: from saved(), where it stood in each room
 *   reconnect  false: the first loss is the last. Otherwise it comes back by itself
 *   WebSocket  optional: a class like the browser's
 *   clock, random   optional, for tests: see real_clock; like Math.random
 *
 * Requests. Each gives a promise, and a refusal is an UproarError:
 *
 *   join(name)            the Room: name, epoch, head (the last number that was seen), members (how
 *                         many); also when it was joined already. Stays pending over a reconnection
 *   leave(room)           when nothing more of the room will come
 *   publish(room, text)   { msgid, seq }, once the server has given it its number
 *   direct(name, text)    { msgid }, once it was handed on to that person. The promises of these two
 *                         have the msgid as a property, for who wants to know it before
 *   who(roomName)         { total, people: [{ id, name }] }; one need not be in it
 *   rooms()               { total, rooms: [{ name, members }] }
 *   nick(name)            the new name
 *   ping()                milliseconds to the server and back, behind all that was published before
 *   close()               when goodbye was said: the session is over and its name free
 *
 * and at once: room(name) is the Room, or null; hurry() comes back now instead of when it is due, and
 * asks whether a connection that seems to be there still is: for when the network has changed or a
 * computer has slept. The properties below are there to be read.
 *
 * Events. What is listed is in event.detail:
 *
 *   state      state, and with "up": again, resumed, away_ms; with "down": why, code, retry_ms;
 *              with "over": why, code. "over" is the end: nothing more happens by itself
 *   message    room, seq, time, sender, name, msgid, body, own: whether this session said it
 *   gap        room, from, to, count, reason_name: these numbers do not come. "none" for the reason:
 *              the server skipped them and did not say so, which it should never do
 *   joined     room, again: after a reconnection, missed: numbers given meanwhile, new_epoch: its
 *              numbers began anew
 *   left       room, reason_name: "none" if it was asked for
 *   presence   room, members, people: [{ kind: "joined" | "left" | "renamed", id, name, old_name }]
 *   direct     time, sender, name, msgid, body
 *   nick       name: it was changed
 *   goaway     reason_name, reconnect_after_ms, text: the server is about to end the connection
 *   latency    ms: measured every PING_MS
 *   refused    code, text, about: a refusal that belongs to no promise
 *
 * Errors are UproarError: `code` is the server's name of the reason ("name-taken", "no-memory", …; the
 * table is in proto/README.md), or one of ours:
 *
 *   not-connected     there is no connection now, or the room is not joined; nothing was sent
 *   too-many          as many as may wait for an answer do (WAITING_MAX), or SEND_BYTES_MAX have not
 *                     left yet; nothing was sent
 *   unknown-outcome   sent, and the connection was lost before the answer came. The server does not
 *                     tell one message that is sent twice from two, so this is never repeated here:
 *                     whoever published it decides. Of a new name the same
 *   lost              the same for a question
 *   no-server         the first connection failed
 *   unreadable        what answered is no Uproar server
 *   closed            close() was called
 *
 * `may_retry` says whether the same request can succeed later. `msgid` is that of a message that
 * failed; if it arrived after all, a "message" with this msgid and own comes.
 *
 * Coming back. A lost connection is dialled again after 0.5 to 1 s, doubling up to 15 s, or when
 * GOAWAY says. HELLO carries the token: within the server's resume window the session goes on and
 * nobody saw it leave. In both cases each room is joined again from the last number that was seen,
 * and a "gap" tells what was missed. Reasons from 4500 on forbid coming back; one of them is
 * "replaced": somebody who knows the token, such as a copy of this tab, took the session over, and
 * to fight over it would take it away from them.
 *
 * saved() is all that a later connect needs to go on: { name, token, rooms }, of strings only. The
 * token is a secret like a password.
 */

export const PROTOCOL = "uproar.v1.json";

export const RETRY_MS_MIN = 500; // no attempt comes sooner
export const RETRY_MS_MAX = 15000;
export const STEADY_MS = 10000; // a connection that lived so long resets the back-off
export const GREETING_MS = 10000; // from dialling to WELCOME
export const PING_MS = 10000; // between two measurements
export const FIRST_PING_MS = 300; // the first, when the joins and all that they bring are over
export const SILENCE_MS = 15000; // a PING may be unanswered for so long
export const GOODBYE_MS = 2000; // after GOAWAY, and after close()
export const WAITING_MAX = 512;
export const SEND_BYTES_MAX = 1 << 20;

const JOIN_SINCE = 2;
const WELCOME_RESUMED = 1;
const REASON_FATAL_MIN = 4000; // from here on a reason ends the connection
const REASON_FINAL_MIN = 4500; // and from here on coming back is pointless
/* RFC 6455 section 7.4.1: the server could not read us. A new connection would say the same. */
const CLOSE_FINAL = new Set([1002, 1003, 1007, 1009, 1010]);

export class UproarError extends Error {
    constructor(code, text, { may_retry = false, msgid = null } = {}) {
        super(text || code);
        this.name = "UproarError";
        this.code = code;
        this.may_retry = may_retry;
        this.msgid = msgid;
    }
}

export class UproarEvent extends Event {
    constructor(type, detail) {
        super(type);
        this.detail = detail;
    }
}

/* A room that was joined, or is to be. Its owner writes, everybody may read. */
export class Room {
    name;
    state = "wanted"; // wanted, joining, in, leaving, gone
    id = 0; // on this connection
    members = 0; // how many
    known = false; // epoch and seq mean something
    epoch = 0n;
    seq = 0n; // the last number that was given, or covered by a gap

    constructor(name) {
        this.name = name;
    }

    get head() {
        return this.seq;
    }
}

/* JSON cannot carry half a surrogate pair, and the server takes none. */
function well_formed(text) {
    const bytes = new TextEncoder().encode(String(text));
    return { text: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes), bytes: bytes.length };
}

function promised() {
    const waiter = {};
    waiter.promise = new Promise((resolve, reject) => Object.assign(waiter, { resolve, reject }));
    return waiter;
}

/* Of a room: it is there for each, whether or not somebody waits. "left" tells of a refusal too. */
function promised_room() {
    const waiter = promised();
    waiter.promise.catch(() => {});
    return waiter;
}

const real_clock = {
    now: () => performance.now(),
    set: (call, ms) => setTimeout(call, ms),
    clear: (timer) => clearTimeout(timer),
};

export class Uproar extends EventTarget {
    state = "idle"; // idle, dialing, greeting, up, down, over
    name;
    id = ""; // of the session: what its messages have as sender
    server = ""; // product and version
    body_bytes_max = 0;
    rooms_max = 0;
    latency_ms = null;

    #options;
    #clock;
    #socket = null;
    #token;
    #timer = null; // the one that the state waits for
    #pulse = null; // the next PING
    #first; // of connect()
    #closing = null;
    #was_up = false;
    #failures = 0; // in a row
    #up_at = 0;
    #down_at = 0;
    #heard_at = 0;
    #goodbye = null; // GOAWAY has come
    #pings = new Map(); // token: { at, waiter }
    #msgid;
    #unanswered = new Map(); // msgid: waiter
    #asked = { WHO: [], ROOMS: [], NICK: [] }; // waiters; the first one's request was sent
    #rooms = new Map(); // by name
    #rooms_by_id = new Map();
    #joining = null;
    #resumed = false;
    #restated = 0; // JOINs that may yet be refused although their room is joined

    constructor(options) {
        super();
        this.#options = { reconnect: true, random: Math.random, ...options };
        this.#options.WebSocket ??= globalThis.WebSocket;
        this.#clock = this.#options.clock ?? real_clock;
        this.name = well_formed(this.#options.name).text;
        this.#token = this.#options.token ?? "";
        this.#msgid = BigInt(Math.floor(this.#options.random() * 2 ** 48)) << 12n;
        for (const saved of this.#options.rooms ?? []) {
            const room = this.#room_new(saved.name);
            if (saved.epoch !== undefined) {
                room.known = true;
                room.epoch = BigInt(saved.epoch);
                room.seq = BigInt(saved.seq);
            }
        }
    }

    connect() {
        if (this.#first === undefined) {
            this.#first = promised();
            this.#dial();
        }
        return this.#first.promise;
    }

    saved() {
        const rooms = [];
        for (const room of this.#rooms.values())
            rooms.push(room.known ? { name: room.name, epoch: String(room.epoch), seq: String(room.seq) }
                                  : { name: room.name });
        return { name: this.name, token: this.#token, rooms };
    }

    room(name) {
        return this.#rooms.get(name) ?? null;
    }

    hurry() {
        if (this.state === "down")
            this.#dial();
        else if (this.state === "up")
            this.#beat();
    }

    join(name) {
        name = well_formed(name).text;
        if (this.state === "over")
            return Promise.reject(this.#not_connected());
        const room = this.#rooms.get(name) ?? this.#room_new(name);
        if (room.state === "leaving")
            return room.waiter.promise.then(() => this.join(name));
        if (room.state === "in")
            return Promise.resolve(room);
        this.#join_next();
        return room.waiter.promise;
    }

    async leave(which) {
        const room = this.#room_of(which);
        if (room === null)
            throw this.#not_connected();
        if (room.state === "joining")
            await room.waiter.promise;
        if (room.state === "wanted")
            this.#forget(room, new UproarError("closed", "the room was left"));
        if (room.state === "in") {
            room.state = "leaving";
            room.waiter = promised_room();
            this.#send({ type: "LEAVE", room: room.id });
        }
        if (room.state === "leaving")
            await room.waiter.promise;
    }

    publish(which, body) {
        const room = this.#room_of(which);
        return this.#say(body, room?.state !== "in" ? null
            : (msgid, text) => ({ type: "PUBLISH", room: room.id, msgid, body: text }));
    }

    direct(to, body) {
        return this.#say(body, (msgid, text) => ({ type: "DIRECT", msgid, to: well_formed(to).text, body: text }));
    }

    who(name) {
        return this.#ask({ type: "WHO", room: well_formed(name).text });
    }

    rooms() {
        return this.#ask({ type: "ROOMS" });
    }

    nick(name) {
        return this.#ask({ type: "NICK", name: well_formed(name).text });
    }

    ping() {
        if (this.state !== "up")
            return Promise.reject(this.#not_connected());
        if (this.#pings.size >= WAITING_MAX)
            return Promise.reject(new UproarError("too-many"));
        const token = this.#next_msgid();
        const waiter = promised();
        this.#pings.set(token, { at: this.#clock.now(), waiter });
        this.#send({ type: "PING", token });
        return waiter.promise;
    }

    close() {
        if (this.#closing === null) {
            this.#closing = promised();
            const socket = this.#socket;
            this.#over("closed", "goodbye");
            if (socket === null || socket.readyState > 1)
                this.#closing.resolve();
            else {
                const timer = this.#clock.set(this.#closing.resolve, GOODBYE_MS);
                socket.onclose = () => {
                    this.#clock.clear(timer);
                    this.#closing.resolve();
                };
                socket.close(1000);
            }
        }
        return this.#closing.promise;
    }

    // The connection

    #tell(type, detail) {
        this.dispatchEvent(new UproarEvent(type, detail));
    }

    #not_connected() {
        return new UproarError("not-connected", "there is no connection now", { may_retry: true });
    }

    #become(state, detail = {}) {
        this.state = state;
        this.#tell("state", { state, ...detail });
    }

    #wait(ms, call) {
        this.#clock.clear(this.#timer);
        this.#timer = ms === null ? null : this.#clock.set(call, ms);
    }

    #send(command) {
        if (this.#socket?.readyState === 1)
            this.#socket.send(JSON.stringify(command));
    }

    #dial() {
        let socket;

        this.#wait(GREETING_MS, () => this.#lost("no-server", "nothing answered in time"));
        this.#goodbye = null;
        try {
            socket = new this.#options.WebSocket(this.#options.url, [PROTOCOL]);
        } catch (error) {
            this.#over("no-server", error.message);
            return;
        }
        this.#socket = socket;
        socket.onopen = () => this.#greet();
        socket.onmessage = (event) => this.#heard(event.data);
        socket.onerror = () => {}; // close follows, and knows as much
        socket.onclose = (event) => this.#closed(event.code, event.reason);
        this.#become("dialing");
    }

    #greet() {
        this.#resumed = false;
        this.#restated = 0;
        this.#become("greeting");
        this.#send({ type: "HELLO", features: 0, name: this.name, token: this.#token });
    }

    /* Lets go of the socket: nothing that it may still say is for us. */
    #hang_up() {
        const socket = this.#socket;

        this.#socket = null;
        this.#wait(null);
        this.#clock.clear(this.#pulse);
        if (socket === null)
            return;
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.onerror = () => {};
        if (this.#closing === null && socket.readyState <= 1)
            socket.close(4000); // not 1000, which would end the session
    }

    #closed(code, reason) {
        if (code >= REASON_FINAL_MIN && code < 5000)
            this.#over(reason || String(code), "");
        else if (CLOSE_FINAL.has(code))
            this.#over(this.#was_up ? reason || String(code) : "unreadable", `closed with ${code}`);
        else if (code >= REASON_FATAL_MIN && code < REASON_FINAL_MIN)
            this.#lost(reason || String(code), "");
        else
            this.#lost(this.#was_up ? "lost" : "no-server", "the connection was lost");
    }

    /* Half of the step at least, all of it at most: who was lost together does not come back
     * together. */
    #backoff_ms() {
        const step = Math.min(2 * RETRY_MS_MIN * 2 ** Math.min(this.#failures, 10), RETRY_MS_MAX);
        return step / 2 + (this.#options.random() * step) / 2;
    }

    #lost(code, why) {
        if (this.state === "over")
            return;
        if (this.#goodbye !== null)
            ({ code, why } = this.#goodbye);
        if (!this.#was_up || !this.#options.reconnect) {
            this.#over(code, why);
            return;
        }
        this.#hang_up();
        if (this.state === "up") {
            this.#down_at = this.#clock.now();
            if (this.#down_at - this.#up_at >= STEADY_MS)
                this.#failures = 0;
        }
        let retry_ms = this.#backoff_ms();
        this.#failures++;
        /* The server gives each client a time of its own: more jitter would undo that. */
        if (this.#goodbye?.after_ms > 0)
            retry_ms = this.#goodbye.after_ms * (1 + this.#options.random() / 20);
        this.#goodbye = null;
        this.#drop_requests();
        this.#unjoin();
        this.#wait(retry_ms, () => this.#dial());
        this.#become("down", { code, why, retry_ms });
    }

    #over(code, why) {
        const error = new UproarError(code, why);

        if (this.state === "over")
            return;
        this.#hang_up();
        this.#drop_requests();
        for (const room of this.#rooms.values()) {
            room.waiter.reject(error);
            room.id = 0;
        }
        this.#rooms_by_id.clear();
        this.#joining = null;
        this.#become("over", { code, why });
        this.#first?.reject(error);
    }

    /* Nothing is asked twice: what changes something may have happened. */
    #drop_requests() {
        const { WHO, ROOMS, NICK } = this.#asked, pings = [...this.#pings.values()];
        const changes = [...this.#unanswered, ...NICK.map((waiter) => [null, waiter])];
        const questions = [...WHO, ...ROOMS, ...pings.map((ping) => ping.waiter)];

        this.#unanswered.clear();
        this.#pings.clear();
        for (const list of [WHO, ROOMS, NICK])
            list.length = 0;
        for (const [msgid, waiter] of changes)
            waiter.reject(new UproarError("unknown-outcome",
                "the connection was lost before the server had answered", { msgid }));
        for (const waiter of questions)
            waiter.reject(new UproarError("lost", "the connection was lost", { may_retry: true }));
    }

    // Requests

    #next_msgid() {
        return String(++this.#msgid);
    }

    /* command(msgid, text) is what is sent; null: there is no such room. */
    #say(body, command) {
        const { text, bytes } = well_formed(body);
        const msgid = this.#next_msgid(), waiter = promised();

        waiter.promise.msgid = msgid;
        if (this.state !== "up" || command === null)
            waiter.reject(this.#not_connected());
        else if (bytes > this.body_bytes_max)
            waiter.reject(new UproarError("body-too-long",
                `${bytes} bytes; the server takes ${this.body_bytes_max}`, { msgid }));
        else if (this.#unanswered.size >= WAITING_MAX || this.#socket.bufferedAmount > SEND_BYTES_MAX)
            waiter.reject(new UproarError("too-many", "too much waits for the server's answer",
                { may_retry: true, msgid }));
        else {
            this.#unanswered.set(msgid, waiter);
            this.#send(command(msgid, text));
        }
        return waiter.promise;
    }

    /* One of a type at a time, since answers do not say which of two they are for. */
    #ask(command) {
        const queue = this.#asked[command.type];

        if (this.state !== "up")
            return Promise.reject(this.#not_connected());
        if (queue.length >= WAITING_MAX)
            return Promise.reject(new UproarError("too-many"));
        const waiter = { ...promised(), command, entries: [] };
        if (queue.push(waiter) === 1)
            this.#send(command);
        return waiter.promise;
    }

    #asked_next(type) {
        const queue = this.#asked[type], waiter = queue.shift();

        if (queue.length > 0)
            this.#send(queue[0].command);
        return waiter;
    }

    #listed(type, event, entries, result) {
        const waiter = this.#asked[type][0];

        if (waiter === undefined)
            return;
        waiter.entries.push(...entries);
        if (!event.more)
            this.#asked_next(type).resolve({ total: event.total, ...result(waiter.entries) });
    }

    // What the server says

    #heard(data) {
        let event = null;

        this.#heard_at = this.#clock.now();
        try {
            event = JSON.parse(data);
        } catch {
            // told below
        }
        if (typeof event?.type !== "string") {
            if (this.#was_up)
                this.#lost("unreadable", "the server sent what cannot be read");
            else
                this.#over("unreadable", "what answers there is no Uproar server");
            return;
        }
        const on = this.#on[event.type];
        if (on !== undefined && (this.state === "up" || this.state === "greeting"))
            on(event);
    }

    #on = Object.assign(Object.create(null), {
        WELCOME: (event) => this.#welcome(event),
        NICKED: (event) => {
            this.name = event.name;
            this.#asked_next("NICK")?.resolve(event.name);
            this.#tell("nick", { name: event.name });
        },
        JOINED: (event) => this.#joined(event),
        LEFT: (event) => this.#left(event),
        PRESENCE: (event) => {
            const room = this.#rooms_by_id.get(event.room);
            if (room === undefined)
                return;
            room.members = event.members;
            this.#tell("presence", { room, members: event.members, people: event.people });
        },
        MEMBERS: (event) => this.#listed("WHO", event, event.people, (people) => ({ people })),
        ROOM_LIST: (event) => this.#listed("ROOMS", event, event.rooms, (rooms) => ({ rooms })),
        ACK: (event) => {
            const waiter = this.#unanswered.get(event.msgid);
            this.#unanswered.delete(event.msgid);
            waiter?.resolve({ msgid: event.msgid, seq: BigInt(event.seq) });
        },
        NACK: (event) => {
            const waiter = this.#unanswered.get(event.msgid);
            this.#unanswered.delete(event.msgid);
            waiter?.reject(new UproarError(event.reason_name, event.text, event));
        },
        MESSAGE: (event) => this.#message(event),
        GAP: (event) => this.#gap(event),
        DIRECT_MESSAGE: (event) =>
            this.#tell("direct", { time: new Date(Number(event.time_ms)), sender: event.sender,
                name: event.name, msgid: event.msgid, body: event.body }),
        PING: (event) => this.#send({ type: "PONG", token: event.token }),
        PONG: (event) => {
            const ping = this.#pings.get(event.token);
            if (ping === undefined)
                return;
            this.#pings.delete(event.token);
            this.latency_ms = this.#clock.now() - ping.at;
            ping.waiter.resolve(this.latency_ms);
            this.#tell("latency", { ms: this.latency_ms });
        },
        GOAWAY: (event) => {
            this.#tell("goaway", event);
            this.#go_away(event.reason, event.reason_name, event.text, event.reconnect_after_ms);
        },
        ERROR: (event) => this.#refused(event),
    });

    #welcome(event) {
        const again = this.#was_up;

        if (this.state !== "greeting")
            return;
        this.#wait(null);
        this.#was_up = true;
        this.#resumed = this.#token !== "" && (event.features & WELCOME_RESUMED) !== 0;
        this.#token = event.token;
        this.#up_at = this.#clock.now();
        this.name = event.name;
        this.id = event.connection;
        this.server = event.server;
        this.body_bytes_max = event.body_bytes_max;
        this.rooms_max = event.rooms_max;
        this.#become("up", { again, resumed: this.#resumed, away_ms: again ? this.#up_at - this.#down_at : 0 });
        this.#join_next();
        this.#pulse = this.#clock.set(() => this.#beat(), FIRST_PING_MS);
        this.#first.resolve(this);
    }

    /* Measures the latency, and gives up a connection on which nothing comes back. */
    #beat() {
        const [oldest] = this.#pings.values();
        const now = this.#clock.now();

        this.#clock.clear(this.#pulse);
        if (this.state !== "up")
            return;
        if (oldest !== undefined && now - oldest.at >= SILENCE_MS && now - this.#heard_at >= SILENCE_MS) {
            this.#lost("lost", "the server has been silent");
            return;
        }
        if (oldest === undefined)
            this.ping().catch(() => {});
        this.#pulse = this.#clock.set(() => this.#beat(), PING_MS);
    }

    /* GOAWAY, or an ERROR that ends the connection. The server closes when it has said everything. */
    #go_away(reason, code, why, after_ms) {
        if (reason >= REASON_FINAL_MIN) {
            this.#over(code, why);
            return;
        }
        this.#goodbye = { code, why, after_ms };
        this.#wait(GOODBYE_MS, () => this.#lost(code, why));
    }

    #refused(event) {
        const error = new UproarError(event.reason_name, event.text);

        if (event.reason >= REASON_FATAL_MIN)
            this.#go_away(event.reason, event.reason_name, event.text, 0);
        else if (event.about === "HELLO" && this.state === "greeting") {
            if (event.reason_name === "no-memory" || event.reason_name === "busy")
                this.#lost(event.reason_name, event.text);
            else
                this.#over(event.reason_name, event.text);
        } else if (event.about === "JOIN" && this.#barred(error))
            return;
        else if (event.about === "LEAVE" && this.#rooms_by_id.has(Number(event.ref)))
            this.#left({ room: Number(event.ref), reason_name: event.reason_name });
        else if (this.#asked[event.about]?.length > 0)
            this.#asked_next(event.about).reject(error);
        else
            this.#tell("refused", { code: event.reason_name, text: event.text, about: event.about });
    }

    // Rooms. One JOIN is under way at a time: the refusal of a JOIN does not say of which room.

    #room_new(name) {
        const room = new Room(name);
        Object.defineProperty(room, "waiter", { value: promised_room(), writable: true });
        this.#rooms.set(name, room);
        return room;
    }

    #room_of(which) {
        const room = this.#rooms.get(typeof which === "string" ? which : which?.name) ?? null;
        return this.state === "over" ? null : room;
    }

    #forget(room, error) {
        this.#rooms.delete(room.name);
        this.#rooms_by_id.delete(room.id);
        room.id = 0;
        room.state = "gone";
        if (error !== undefined)
            room.waiter.reject(error);
        else
            room.waiter.resolve();
    }

    #unjoin() {
        this.#joining = null;
        this.#rooms_by_id.clear();
        for (const room of [...this.#rooms.values()]) {
            if (room.state === "leaving") {
                this.#forget(room); // and left, should the session go on with it
                continue;
            }
            if (room.state === "in")
                room.waiter = promised_room();
            room.state = "wanted";
            room.id = 0;
        }
    }

    #join_next() {
        if (this.state !== "up" || this.#joining !== null)
            return;
        for (const room of this.#rooms.values()) {
            if (room.state !== "wanted")
                continue;
            room.state = "joining";
            this.#joining = room;
            const command = { type: "JOIN", flags: 0, room: room.name };
            if (room.known)
                Object.assign(command, { flags: JOIN_SINCE, epoch: String(room.epoch), since: String(room.seq) });
            this.#send(command);
            return;
        }
    }

    /* A session that goes on is told its rooms by itself, and nothing says when the last of them was
     * named. So each is asked for all the same; JOINED may come before the JOIN is refused with
     * already-joined, after it, or as its answer. */
    #barred(error) {
        const room = this.#joining, restated = this.#resumed && error.code === "already-joined";

        if (restated && this.#restated > 0) {
            this.#restated--;
            return true;
        }
        if (room === null)
            return false;
        this.#joining = null;
        if (!restated) {
            this.#forget(room, error);
            this.#tell("left", { room, reason_name: error.code });
        }
        this.#join_next();
        return true;
    }

    #joined(event) {
        const room = this.#rooms.get(event.name), epoch = BigInt(event.epoch), head = BigInt(event.head);

        if (room === undefined) { // of a session that goes on; left meanwhile
            this.#send({ type: "LEAVE", room: event.room });
            return;
        }
        if (room === this.#joining) {
            this.#joining = null;
            this.#restated += this.#resumed ? 1 : 0;
        }
        this.#rooms_by_id.delete(room.id);
        this.#rooms_by_id.set(event.room, room);
        room.id = event.room;
        room.members = event.members;
        if (room.state !== "in" && room.state !== "leaving")
            this.#begin(room, epoch, head);
        this.#join_next();
    }

    #begin(room, epoch, head) {
        const again = room.known;
        /* A head below what was seen, under the same epoch, is a room that began anew too. */
        const new_epoch = again && (epoch !== room.epoch || head < room.seq);
        const missed = again && !new_epoch ? head - room.seq : 0n;

        if (!again || new_epoch)
            room.seq = head;
        room.state = "in";
        room.epoch = epoch;
        room.known = true;
        room.waiter.resolve(room);
        this.#tell("joined", { room, again, new_epoch, missed });
        /* Some of it was never sent to us, some was on its way when the connection broke, and of
         * that nobody speaks. Told as one. */
        if (this.#resumed && missed > 0n)
            this.#skip(room, room.seq + 1n, head, "away");
    }

    #left(event) {
        const room = this.#rooms_by_id.get(event.room);

        if (room === undefined)
            return;
        this.#forget(room);
        this.#tell("left", { room, reason_name: event.reason_name });
    }

    #skip(room, from, to, reason_name) {
        room.seq = to;
        this.#tell("gap", { room, from, to, count: to - from + 1n, reason_name });
    }

    #gap(event) {
        const room = this.#rooms_by_id.get(event.room), to = BigInt(event.to);
        let from = BigInt(event.from);

        if (room === undefined)
            return;
        if (event.reason_name === "new-epoch") { // JOINED has said where the new numbers stand
            this.#tell("gap", { room, from, to, count: to - from + 1n, reason_name: event.reason_name });
            return;
        }
        if (to <= room.seq || to < from)
            return;
        if (from > room.seq + 1n)
            this.#skip(room, room.seq + 1n, from - 1n, "none");
        else
            from = room.seq + 1n;
        this.#skip(room, from, to, event.reason_name);
    }

    #message(event) {
        const room = this.#rooms_by_id.get(event.room), seq = BigInt(event.seq);

        if (room === undefined || seq <= room.seq)
            return;
        if (seq > room.seq + 1n)
            this.#skip(room, room.seq + 1n, seq - 1n, "none");
        room.seq = seq;
        this.#tell("message", { room, seq, time: new Date(Number(event.time_ms)), sender: event.sender,
            name: event.name, msgid: event.msgid, body: event.body, own: event.sender === this.id });
    }
}

export function connect(options) {
    return new Uproar(options).connect();
}
