/* chat.mjs -- npm's `ws` as a client: a socket of which all that happens is kept, and a person on it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { WebSocket } from "./modules.mjs";
import { Growing, inTime } from "./waiting.mjs";

export const JSON_PROTOCOL = "uproar.v1.json";
export const BIN_PROTOCOL = "uproar.v1.bin";

/* One connection. `said` gets the messages: objects for JSON, else strings and Buffers as they came;
 * `frames` the pings and pongs. */
export class Socket {
    constructor(url, protocols, options = {}) {
        this.ws = new WebSocket(url, protocols, options);
        this.said = new Growing(url);
        this.frames = new Growing(url);
        const parse = options.parse ?? ((data) => data);
        this.ws.on("message", (data, binary) => this.said.push(parse(binary ? data : data.toString())));
        this.ws.on("ping", (data) => this.frames.push({ ping: data }));
        this.ws.on("pong", (data) => this.frames.push({ pong: data }));
        this.gone = new Promise((resolve) => {
            this.ws.on("close", (code, reason) => {
                this.said.end(`closed with ${code} "${reason}"`);
                this.frames.end(`closed with ${code} "${reason}"`);
                resolve({ code, reason: reason.toString() });
            });
        });
    }

    /* A connection that is to be had. */
    static async open(t, ...args) {
        const socket = new this(...args);
        t.after(() => socket.ws.terminate());
        await inTime(once(socket.ws, "open"), `opening of ${args[0]}`);
        return socket;
    }

    /* One that is to be refused: the answer's status. */
    static async refused(url, protocols, options) {
        const ws = new WebSocket(url, protocols, options);
        const answered = new Promise((resolve, reject) => {
            ws.on("unexpected-response", (request, response) => {
                request.destroy();
                resolve(response.statusCode);
            });
            ws.on("open", () => {
                ws.terminate();
                reject(new Error(`${url} was opened`));
            });
            ws.on("error", reject);
        });
        return inTime(answered, `answer from ${url}`);
    }

    /* The parts of one message, each in a frame of its own. */
    parts(...parts) {
        const binary = parts.some((part) => part.binary);
        parts.forEach((part, i) =>
            this.ws.send(part.binary ?? part, { binary, fin: i === parts.length - 1 }),
        );
    }

    /* What the server closed the connection with. */
    closed() {
        return inTime(this.gone, "close frame", () => this.said.tail());
    }
}

/* A person who speaks JSON. */
export class Person extends Socket {
    constructor(url, protocols = JSON_PROTOCOL, options = {}) {
        super(url, protocols, { ...options, parse: JSON.parse });
        this.messages = 0;
    }

    /* Says HELLO; `token`: to come back. */
    static async arrive(t, server, name, { token, ...options } = {}) {
        const person = await this.open(t, server.url, JSON_PROTOCOL, options);
        person.say({ type: "HELLO", name, ...(token && { token }) });
        person.welcome = await person.hear("WELCOME");
        person.token = person.welcome.token;
        return person;
    }

    say(command) {
        this.ws.send(JSON.stringify(command));
    }

    /* The next event of this type, and with these fields. */
    hear(type, fields = {}) {
        return this.said.take(
            `${type} ${JSON.stringify(fields)}`,
            (event) =>
                event.type === type && Object.entries(fields).every(([key, value]) => event[key] === value),
        );
    }

    async join(room, more = {}) {
        this.say({ type: "JOIN", flags: 0, room, ...more });
        const joined = await this.hear("JOINED", { name: room });
        return joined.room;
    }

    /* Without waiting for the ACK. */
    publish(room, body) {
        const msgid = String(++this.messages);
        this.say({ type: "PUBLISH", room, msgid, body });
        return msgid;
    }

    /* PONG comes behind all that was asked before. */
    async barrier() {
        const token = String(++this.messages);
        this.say({ type: "PING", token });
        await this.hear("PONG", { token });
    }

    async leave(code = 1000) {
        this.ws.close(code);
        const { code: answer } = await this.closed();
        assert.equal(answer, code);
    }
}
