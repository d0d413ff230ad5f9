/* test_uproar.mjs -- the client module against a server that says what a test tells it to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as uproar from "../../../tools/web/uproar.js";
import { Uproar, UproarError } from "../../../tools/web/uproar.js";

/* Time that passes when a test says so. */
class Clock {
    time = 1000;
    timers = new Map();
    #last = 0;

    now = () => this.time;
    set = (call, ms) => {
        this.timers.set(++this.#last, { call, due: this.time + ms });
        return this.#last;
    };
    clear = (timer) => this.timers.delete(timer);

    pass(ms) {
        const end = this.time + ms;
        for (;;) {
            const [next] = [...this.timers].filter(([, { due }]) => due <= end).sort((a, b) => a[1].due - b[1].due);
            if (next === undefined)
                break;
            this.timers.delete(next[0]);
            this.time = Math.max(this.time, next[1].due);
            next[1].call();
        }
        this.time = end;
    }
}

/* The browser's WebSocket as far as the module uses it, and the server's end of it. */
function sockets() {
    const all = [];

    class Socket {
        readyState = 0;
        bufferedAmount = 0;
        sent = [];
        closed_with = null;

        constructor(url, protocols) {
            Object.assign(this, { url, protocols });
            all.push(this);
        }

        send(text) {
            this.sent.push(JSON.parse(text));
        }

        close(code) {
            this.closed_with = code;
            this.readyState = 2;
        }

        // The server's end

        open() {
            this.readyState = 1;
            this.onopen();
        }

        say(...events) {
            for (const event of events)
                this.onmessage?.({ data: JSON.stringify(event) });
        }

        end(code = 1006, reason = "") {
            this.readyState = 3;
            this.onclose?.({ code, reason });
        }

        /* What was sent since the last call, without PING. */
        take() {
            return this.sent.splice(0).filter((command) => command.type !== "PING");
        }
    }
    return { Socket, all };
}

const welcome = (more = {}) => ({ type: "WELCOME", connection: "65537", shard: 0, heartbeat_ms: 30000, features: 0,
    body_bytes_max: 8192, rooms_max: 64, name: "anna", token: "0f".repeat(16), server: "uproard 0.1.0", ...more });
const joined = (more = {}) => ({ type: "JOINED", room: 7, epoch: "3", head: "41", members: 2, name: "lobby", ...more });
const message = (seq, more = {}) => ({ type: "MESSAGE", sender: "131073", room: 7, seq: String(seq),
    time_ms: "1700000000000", msgid: "5", name: "bob", body: `no. ${seq}`, ...more });
const error = (reason, reason_name, about, ref = "0") => ({ type: "ERROR", reason, reason_name, about, ref, text: reason_name });

/* A client and what it has told since the last look; not connected yet. */
function client(options = {}) {
    const clock = new Clock(), { Socket, all } = sockets(), told = [];
    const chat = new Uproar({ url: "ws://x/ws", name: "anna", WebSocket: Socket, clock, random: () => 0.5, ...options });

    for (const type of ["state", "message", "gap", "joined", "left", "presence", "direct", "nick", "goaway", "refused"])
        chat.addEventListener(type, ({ detail }) => told.push([type, detail]));
    return { chat, clock, all, get socket() { return all.at(-1); },
        /* [type, detail] of all since the last look, or the details of one type. */
        take: (type) => type === undefined ? told.splice(0)
            : told.splice(0).filter((one) => one[0] === type).map((one) => one[1]) };
}

async function up(options = {}, more = {}) {
    const it = client(options);
    const connected = it.chat.connect();
    it.socket.open();
    it.socket.say(welcome(more));
    await connected;
    return it;
}

async function in_lobby(options = {}) {
    const it = await up(options);
    const promise = it.chat.join("lobby");
    it.socket.say(joined());
    await promise;
    it.socket.take();
    it.take();
    return it;
}

async function refusal(promise) {
    try {
        await promise;
    } catch (refused) {
        assert.ok(refused instanceof UproarError, String(refused));
        return refused;
    }
    return assert.fail("it was not refused");
}

test("the greeting", async () => {
    const it = client();
    const connected = it.chat.connect();
    assert.deepEqual([it.socket.url, it.socket.protocols], ["ws://x/ws", ["uproar.v1.json"]]);
    it.socket.open();
    assert.deepEqual(it.socket.take(), [{ type: "HELLO", features: 0, name: "anna", token: "" }]);
    it.socket.say(welcome({ name: "Anna" }));
    assert.equal(await connected, it.chat);
    assert.equal(it.chat.name, "Anna");
    assert.equal(it.chat.id, "65537");
    assert.deepEqual(it.take("state").map(({ state }) => state), ["dialing", "greeting", "up"]);
});

test("a first connection that fails is the last", async () => {
    const it = client();
    const connected = it.chat.connect();
    it.socket.end();
    assert.equal((await refusal(connected)).code, "no-server");
    assert.equal(it.chat.state, "over");
    it.clock.pass(100000);
    assert.equal(it.all.length, 1);
});

test("nothing answers", async () => {
    const it = client();
    const connected = it.chat.connect();
    it.socket.open();
    it.clock.pass(uproar.GREETING_MS);
    assert.equal((await refusal(connected)).code, "no-server");
});

test("a name that is taken", async () => {
    const it = client();
    const connected = it.chat.connect();
    it.socket.open();
    it.socket.say(error(5, "name-taken", "HELLO"));
    assert.equal((await refusal(connected)).code, "name-taken");
});

test("what answers there is something else", async () => {
    for (const data of ["hello", "[]", "null", '{"no":"type"}', new ArrayBuffer(3)]) {
        const it = client();
        const connected = it.chat.connect();
        it.socket.open();
        it.socket.onmessage({ data });
        assert.equal((await refusal(connected)).code, "unreadable");
    }
});

test("events of the future, and names of objects' own, are passed over", async () => {
    const it = await in_lobby();
    it.socket.say({ type: "HISTORY" }, { type: "constructor" }, { type: "__proto__" });
    assert.deepEqual(it.take(), []);
    assert.equal(it.chat.state, "up");
});

test("joining, publishing, and who says what", async () => {
    const it = await up();
    const promise = it.chat.join("lobby");
    assert.equal(it.chat.join("lobby"), promise, "one JOIN");
    assert.deepEqual(it.socket.take().slice(1), [{ type: "JOIN", flags: 0, room: "lobby" }]);
    it.socket.say(joined());
    const room = await promise;
    assert.deepEqual([room.name, room.id, room.epoch, room.head, room.members], ["lobby", 7, 3n, 41n, 2]);
    const sent = it.chat.publish(room, "hello");
    assert.deepEqual(it.socket.take(), [{ type: "PUBLISH", room: 7, msgid: sent.msgid, body: "hello" }]);
    it.take();
    it.socket.say(message(42, { sender: "65537", msgid: sent.msgid, body: "hello" }), message(43),
        { type: "ACK", room: 7, msgid: sent.msgid, seq: "42" });
    assert.deepEqual(await sent, { msgid: sent.msgid, seq: 42n });
    const said = it.take("message");
    assert.deepEqual(said.map(({ seq, own, name }) => [seq, own, name]), [[42n, true, "bob"], [43n, false, "bob"]]);
    assert.equal(said[1].time.getTime(), 1700000000000);
});

test("seq counts beyond what a Number holds", async () => {
    const it = await up();
    const promise = it.chat.join("lobby");
    it.socket.say(joined({ head: "18446744073709551612" }));
    await promise;
    it.take();
    it.socket.say(message("18446744073709551613"), message("18446744073709551615"));
    assert.deepEqual(it.take("gap").map(({ from, to, count }) => [from, to, count]),
        [[18446744073709551614n, 18446744073709551614n, 1n]]);
});

test("a refused message says why, and whether it may be tried again", async () => {
    const it = await in_lobby();
    const sent = it.chat.publish("lobby", "x");
    it.socket.say({ type: "NACK", room: 7, msgid: sent.msgid, reason: 19, reason_name: "no-memory", may_retry: true, text: "try again" });
    const { code, may_retry, msgid } = await refusal(sent);
    assert.deepEqual([code, may_retry, msgid], ["no-memory", true, sent.msgid]);
});

test("what cannot be sent is refused here, and nothing is sent", async () => {
    const it = await in_lobby();
    assert.equal((await refusal(it.chat.publish("lobby", "x".repeat(8193)))).code, "body-too-long");
    assert.equal((await refusal(it.chat.publish("lobby", "é".repeat(4097)))).code, "body-too-long");
    assert.equal((await refusal(it.chat.publish("attic", "x"))).code, "not-connected");
    it.socket.bufferedAmount = uproar.SEND_BYTES_MAX + 1;
    assert.equal((await refusal(it.chat.publish("lobby", "x"))).code, "too-many");
    it.socket.bufferedAmount = 0;
    assert.deepEqual(it.socket.take(), []);
    for (let i = 0; i < uproar.WAITING_MAX; i++)
        it.chat.publish("lobby", "x");
    assert.equal((await refusal(it.chat.publish("lobby", "x"))).code, "too-many");
    assert.equal(it.socket.take().length, uproar.WAITING_MAX);
});

test("half a character becomes U+FFFD, since JSON cannot carry it", async () => {
    const it = await in_lobby();
    it.chat.publish("lobby", "a\ud800b");
    it.chat.publish("lobby", "\ufeffa");
    assert.deepEqual(it.socket.take().map(({ body }) => body), ["a\ufffdb", "\ufeffa"]);
});

test("a direct message", async () => {
    const it = await up();
    const sent = it.chat.direct("bob", "psst");
    assert.deepEqual(it.socket.take().slice(1), [{ type: "DIRECT", msgid: sent.msgid, to: "bob", body: "psst" }]);
    it.socket.say({ type: "ACK", room: 0, msgid: sent.msgid, seq: "0" },
        { type: "DIRECT_MESSAGE", time_ms: "1700000000000", sender: "131073", msgid: "9", name: "bob", body: "yes?" });
    await sent;
    assert.deepEqual(it.take("direct").map(({ name, body }) => [name, body]), [["bob", "yes?"]]);
});

test("who is asked for one room after the other, and lists come in parts", async () => {
    const it = await up();
    const first = it.chat.who("a"), second = it.chat.who("b"), rooms = it.chat.rooms();
    assert.deepEqual(it.socket.take().slice(1), [{ type: "WHO", room: "a" }, { type: "ROOMS" }]);
    it.socket.say({ type: "MEMBERS", more: true, total: 2, room: "a", people: [{ id: "1", name: "x" }] },
        { type: "MEMBERS", more: false, total: 2, room: "a", people: [{ id: "2", name: "y" }] });
    assert.deepEqual(await first, { total: 2, people: [{ id: "1", name: "x" }, { id: "2", name: "y" }] });
    assert.deepEqual(it.socket.take(), [{ type: "WHO", room: "b" }]);
    it.socket.say(error(18, "busy", "WHO"), { type: "ROOM_LIST", more: false, total: 1, rooms: [{ members: 2, name: "a" }] });
    assert.equal((await refusal(second)).code, "busy");
    assert.deepEqual((await rooms).rooms, [{ members: 2, name: "a" }]);
});

test("a new name", async () => {
    const it = await up();
    const renamed = it.chat.nick("zoe"), taken = it.chat.nick("bob");
    it.socket.say({ type: "NICKED", name: "zoe" }, error(5, "name-taken", "NICK"));
    assert.equal(await renamed, "zoe");
    assert.equal((await refusal(taken)).code, "name-taken");
    assert.equal(it.chat.name, "zoe");
});

test("one JOIN at a time, since a refusal does not say of which room", async () => {
    const it = await up();
    const full = it.chat.join("full"), next = it.chat.join("next");
    assert.deepEqual(it.socket.take().slice(1).map(({ room }) => room), ["full"]);
    it.socket.say(error(13, "room-full", "JOIN"));
    assert.equal((await refusal(full)).code, "room-full");
    assert.deepEqual(it.socket.take().map(({ room }) => room), ["next"]);
    it.socket.say(joined({ name: "next" }));
    assert.equal((await next).name, "next");
});

test("leaving", async () => {
    const it = await in_lobby();
    const left = it.chat.leave("lobby");
    assert.deepEqual(it.socket.take(), [{ type: "LEAVE", room: 7 }]);
    assert.equal((await refusal(it.chat.publish("lobby", "x"))).code, "not-connected");
    it.socket.say({ type: "LEFT", room: 7, reason: 0, reason_name: "none" });
    await left;
    assert.deepEqual(it.take("left").map(({ reason_name }) => reason_name), ["none"]);
    assert.equal(it.chat.room("lobby"), null);
});

test("joining again while leaving waits for the end of it", async () => {
    const it = await in_lobby();
    it.chat.leave("lobby");
    const again = it.chat.join("lobby");
    it.socket.say({ type: "LEFT", room: 7, reason: 0, reason_name: "none" });
    await null;
    await null;
    assert.deepEqual(it.socket.take().map(({ type, flags }) => [type, flags]), [["LEAVE", undefined], ["JOIN", 0]]);
    it.socket.say(joined({ room: 8 }));
    assert.equal((await again).id, 8);
});

test("gaps are told once, and a hole that nobody explained is one", async () => {
    const it = await in_lobby();
    it.socket.say(message(42), { type: "GAP", room: 7, from: "43", to: "50", reason: 1001, reason_name: "too-slow" },
        message(51), message(51), { type: "GAP", room: 7, from: "43", to: "50", reason: 1001, reason_name: "too-slow" },
        message(54), { type: "GAP", room: 7, from: "54", to: "60", reason: 1001, reason_name: "too-slow" });
    assert.deepEqual(it.take().map(([type, { seq, from, to, reason_name }]) => [type, seq ?? [from, to], reason_name]),
        [["message", 42n, undefined], ["gap", [43n, 50n], "too-slow"], ["message", 51n, undefined],
            ["gap", [52n, 53n], "none"], ["message", 54n, undefined], ["gap", [55n, 60n], "too-slow"]]);
});

test("a lost connection: what is unanswered has an unknown outcome, and is not sent again", async () => {
    const it = await in_lobby();
    const sent = it.chat.publish("lobby", "x"), asked = it.chat.who("lobby"), renamed = it.chat.nick("zoe");
    it.socket.end();
    assert.equal((await refusal(renamed)).code, "unknown-outcome");
    const { code, msgid } = await refusal(sent);
    assert.deepEqual([code, msgid], ["unknown-outcome", sent.msgid]);
    assert.equal((await refusal(asked)).code, "lost");
    assert.equal((await refusal(it.chat.publish("lobby", "y"))).code, "not-connected");
    const [down] = it.take("state");
    assert.deepEqual([down.state, down.code, down.retry_ms], ["down", "lost", 750]);
    it.clock.pass(749);
    assert.equal(it.all.length, 1);
    it.clock.pass(1);
    assert.equal(it.all.length, 2);
    it.socket.open();
    assert.deepEqual(it.socket.take(), [{ type: "HELLO", features: 0, name: "anna", token: "0f".repeat(16) }]);
    it.socket.say(welcome({ features: 1 }));
    assert.deepEqual(it.socket.take(), [{ type: "JOIN", flags: 2, room: "lobby", epoch: "3", since: "41" }]);
});

test("the session goes on: JOINED comes by itself, around the refusal of our own JOIN", async () => {
    for (const order of ["before", "after", "as its answer"]) {
        const it = await in_lobby();
        it.socket.say(message(42));
        it.socket.end();
        it.clock.pass(1000);
        it.socket.open();
        it.take();
        it.socket.say(welcome({ features: 1 }));
        const again = joined({ room: 9, head: "45" }), refused = error(10, "already-joined", "JOIN");
        const gap = { type: "GAP", room: 9, from: "44", to: "45", reason: 1003, reason_name: "away" };
        it.socket.say(...(order === "before" ? [again, gap, refused] : order === "after" ? [refused, again, gap] : [again, gap]));
        it.socket.say({ ...message(46), room: 9 });
        const told = it.take();
        assert.deepEqual(told.map(([type]) => type), ["state", "joined", "gap", "message"], order);
        assert.deepEqual([told[0][1].resumed, told[0][1].away_ms], [true, 1000]);
        assert.equal(told[1][1].missed, 3n);
        assert.deepEqual([told[2][1].from, told[2][1].to, told[2][1].reason_name], [43n, 45n, "away"], order);
    }
});

test("the session is gone: the server says what was missed", async () => {
    const it = await in_lobby();
    it.socket.end();
    it.clock.pass(1000);
    it.socket.open();
    it.socket.say(welcome({ token: "1e".repeat(16), connection: "9" }));
    it.take();
    it.socket.say(joined({ room: 9, head: "44" }), { type: "GAP", room: 9, from: "42", to: "44", reason: 1000, reason_name: "not-retained" });
    assert.deepEqual(it.take().map(([type, { missed, count }]) => [type, missed ?? count]), [["joined", 3n], ["gap", 3n]]);
    assert.equal(it.chat.saved().token, "1e".repeat(16));
});

test("a room that began anew has numbers of its own", async () => {
    const it = await in_lobby();
    it.socket.end();
    it.clock.pass(1000);
    it.socket.open();
    it.socket.say(welcome());
    it.take();
    it.socket.say(joined({ room: 9, epoch: "4", head: "2" }), { type: "GAP", room: 9, from: "1", to: "2", reason: 1002, reason_name: "new-epoch" },
        { ...message(3), room: 9 });
    assert.deepEqual(it.take().map(([type, { new_epoch, reason_name, seq }]) => [type, new_epoch ?? reason_name ?? seq]),
        [["joined", true], ["gap", "new-epoch"], ["message", 3n]]);
});

test("a room that was left while the connection was down is left on the server too", async () => {
    const it = await in_lobby();
    it.socket.end();
    await it.chat.leave("lobby");
    it.clock.pass(1000);
    it.socket.open();
    it.socket.say(welcome({ features: 1 }), joined({ room: 9 }));
    assert.deepEqual(it.socket.take().slice(1), [{ type: "LEAVE", room: 9 }]);
});

test("a JOIN stays pending over a reconnection", async () => {
    const it = await up();
    const promise = it.chat.join("lobby");
    it.socket.end();
    it.clock.pass(1000);
    it.socket.open();
    it.socket.say(welcome());
    it.socket.say(joined());
    assert.equal((await promise).id, 7);
});

test("each attempt that fails waits longer, up to a bound; a steady connection begins anew", async () => {
    const it = await up();
    const waits = [];
    for (let i = 0; i < 7; i++) {
        it.take();
        it.socket.end();
        waits.push(it.take("state")[0].retry_ms);
        it.clock.pass(waits.at(-1));
    }
    assert.deepEqual(waits, [750, 1500, 3000, 6000, 11250, 11250, 11250]);
    it.socket.open();
    it.socket.say(welcome());
    it.clock.pass(5000);
    for (let passed = 5000; passed < uproar.STEADY_MS; passed += 1000) {
        it.socket.say({ type: "PONG", token: "0" });
        it.clock.pass(1000);
    }
    it.take();
    it.socket.end();
    assert.equal(it.take("state")[0].retry_ms, 750);
});

test("GOAWAY says when to come back", async () => {
    const it = await in_lobby();
    it.socket.say({ type: "GOAWAY", reason: 4002, reason_name: "shutdown", reconnect_after_ms: 4000, text: "back soon" });
    assert.equal(it.chat.state, "up", "the server closes when all was said");
    it.socket.end(4002, "shutdown");
    const down = it.take("state")[0];
    assert.deepEqual([down.code, down.why, down.retry_ms], ["shutdown", "back soon", 4100]);
});

test("a server that says GOAWAY and does not close is left", async () => {
    const it = await in_lobby();
    it.socket.say({ type: "GOAWAY", reason: 4002, reason_name: "shutdown", reconnect_after_ms: 0, text: "" });
    const socket = it.socket;
    it.clock.pass(uproar.GOODBYE_MS);
    assert.equal(it.chat.state, "down");
    assert.notEqual(socket.closed_with, null);
});

test("who was replaced does not come back by itself", async () => {
    for (const goaway of [true, false]) {
        const it = await in_lobby();
        const sent = it.chat.publish("lobby", "x");
        if (goaway)
            it.socket.say({ type: "GOAWAY", reason: 4507, reason_name: "replaced", reconnect_after_ms: 0, text: "" });
        else
            it.socket.end(4507, "replaced");
        assert.equal((await refusal(sent)).code, "unknown-outcome");
        assert.deepEqual(it.take("state").map(({ state, code }) => [state, code]), [["over", "replaced"]]);
        it.clock.pass(1000000);
        it.chat.hurry();
        assert.equal(it.all.length, 1);
        assert.equal(it.chat.saved().token, "0f".repeat(16), "to come back when somebody asks for it");
    }
});

test("close codes that a new connection would only meet again are the end", async () => {
    for (const code of [1002, 1003, 1007, 1009, 4508]) {
        const it = await in_lobby();
        it.socket.end(code, "ws-frame");
        assert.equal(it.chat.state, "over", String(code));
    }
    for (const code of [1000, 1001, 1006, 1011, 1012, 4009]) {
        const it = await in_lobby();
        it.socket.end(code, "");
        assert.equal(it.chat.state, "down", String(code));
    }
});

test("the latency, and a server that has gone silent", async () => {
    const it = await up();
    const measured = [];
    it.chat.addEventListener("latency", ({ detail }) => measured.push(detail.ms));
    it.clock.pass(uproar.FIRST_PING_MS);
    const ping = it.socket.sent.find(({ type }) => type === "PING");
    it.clock.pass(30);
    it.socket.say({ type: "PONG", token: ping.token }, { type: "PONG", token: "77" });
    assert.deepEqual(measured, [30]);
    assert.equal(it.chat.latency_ms, 30);
    const socket = it.socket;
    it.clock.pass(uproar.PING_MS + uproar.SILENCE_MS + uproar.PING_MS);
    assert.equal(socket.closed_with, 4000, "not 1000, which would end the session");
    assert.notEqual(it.chat.state, "up");
});

test("the server's question whether we live is answered", async () => {
    const it = await up();
    it.socket.say({ type: "PING", token: "1234605616436508552" });
    assert.deepEqual(it.socket.take().at(-1), { type: "PONG", token: "1234605616436508552" });
});

test("saved() is enough to go on", async () => {
    const it = await in_lobby();
    it.socket.say(message(42));
    const saved = JSON.parse(JSON.stringify(it.chat.saved()));
    assert.deepEqual(saved, { name: "anna", token: "0f".repeat(16), rooms: [{ name: "lobby", epoch: "3", seq: "42" }] });
    const next = await up(saved, { features: 1 });
    assert.equal(next.socket.take()[0].token, saved.token);
    next.take();
    next.socket.say(joined({ head: "44" }), message(45));
    assert.deepEqual(next.take().map(([type]) => type), ["joined", "gap", "message"]);
});

test("close says goodbye, and everything that waits is told", async () => {
    const it = await in_lobby();
    const socket = it.socket, pending = it.chat.join("attic"), closed = it.chat.close();
    assert.equal(socket.closed_with, 1000);
    assert.equal((await refusal(pending)).code, "closed");
    socket.end(1000);
    await closed;
    assert.equal(it.clock.timers.size, 0, "no timer is left behind");
    assert.equal((await refusal(it.chat.join("lobby"))).code, "not-connected");
});

test("hurry dials at once", async () => {
    const it = await up();
    it.socket.end();
    it.chat.hurry();
    assert.equal(it.all.length, 2);
    it.clock.pass(2000);
    assert.equal(it.all.length, 2, "and not a second time when it would have been due");
});
