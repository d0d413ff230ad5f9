/* test_together.mjs -- one room: npm's `ws` in JSON and binary, python3-websockets and the terminal client. */
import assert from "node:assert/strict";
import test from "node:test";
import { BIN_PROTOCOL, Person, Socket } from "./chat.mjs";
import * as uproar from "../../tools/web/uproar.js";
import { WebSocket } from "./modules.mjs";
import { Program, Uproar } from "./process.mjs";
import { Server } from "./server.mjs";
import { Growing } from "./waiting.mjs";

const SAYS = 20;
const BODIES = ["hello", "Zoë 😀 €", '"\\/\b\f\n\r\t\u0001', "<b>&amp;</b>", ""];

/* Big-endian fields, as proto/README.md has them. */
const frame = (type, ...fields) => Buffer.concat([Buffer.from([0xc5, 1, type, 0]), ...fields]);
const str8 = (text) => Buffer.concat([Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)]);
const u32 = (n) => Buffer.from([n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);
const HELLO = 1,
    JOIN = 3,
    JOINED = 4,
    PUBLISH = 7,
    MESSAGE = 10;

async function native(t, server, name, room) {
    const socket = await Socket.open(t, server.url, BIN_PROTOCOL);
    const next = (type) => socket.said.take(`type ${type}`, (message) => message[2] === type);
    socket.ws.send(frame(HELLO, u32(0), str8(name), str8("")));
    socket.ws.send(frame(JOIN, Buffer.from([0]), str8(room)));
    const id = (await next(JOINED)).subarray(4, 8);
    return {
        socket,
        publish: (n, body) => socket.ws.send(frame(PUBLISH, id, u32(0), u32(n), Buffer.from(body))),
        /* room, seq, time_ms, sender, msgid, name, body */
        message: async () => {
            const bytes = await next(MESSAGE);
            const at = 4 + 4 + 8 + 8 + 8 + 8;
            const nameEnd = at + 1 + bytes[at];
            return {
                seq: String(bytes.readBigUInt64BE(8)),
                name: bytes.subarray(at + 1, nameEnd).toString(),
                body: bytes.subarray(nameEnd).toString(),
            };
        },
    };
}

test("four kinds of client hear the same words in the same order", async (t) => {
    const server = await Server.start(t);
    const tail = new Uproar(server, "tail", "lobby", "--json", "--name", "tail", "--count", String(4 * SAYS));
    t.after(() => tail.kill("SIGKILL"));
    const python = new Program("member.py", "/usr/bin/python3", [
        "tests/web/member.py",
        server.url,
        "python",
        "lobby",
    ]);
    t.after(() => python.kill("SIGKILL"));
    assert.equal(JSON.parse(await python.out.take("JOINED")).type, "JOINED");
    const anna = await Person.arrive(t, server, "anna");
    const room = await anna.join("lobby");
    const bin = await native(t, server, "bin", "lobby");
    const here = new Set();
    while (!here.has("tail")) {
        /* it came by itself: ask until it is there */
        anna.say({ type: "WHO", room: "lobby" });
        (await anna.hear("MEMBERS")).people.forEach((person) => here.add(person.name));
    }

    const send = new Uproar(server, "send", "lobby", "--name", "send");
    t.after(() => send.kill("SIGKILL"));
    for (let i = 0; i < SAYS; i++) {
        const body = BODIES[i % BODIES.length];
        anna.publish(room, body);
        bin.publish(i, body);
        send.write(`terminal ${i}\n`);
        python.write(`python ${i}\n`);
    }
    send.child.stdin.end();
    assert.equal(await send.end(), 0, "every line was acknowledged");

    const heard = [];
    for (let seq = 1; seq <= 4 * SAYS; seq++) {
        const { name, body, ...message } = await anna.hear("MESSAGE");
        assert.equal(message.seq, String(seq));
        heard.push({ name, body });
        const byBinary = await bin.message();
        assert.deepEqual(byBinary, { seq: String(seq), name, body });
        const byPython = JSON.parse(await python.out.take("MESSAGE"));
        assert.deepEqual([byPython.seq, byPython.name, byPython.body], [String(seq), name, body]);
        const byTail = JSON.parse(await tail.out.take("line"));
        assert.deepEqual([String(byTail.seq), byTail.name, byTail.body], [String(seq), name, body]);
    }
    for (const [name, said] of [
        ["anna", (i) => BODIES[i % BODIES.length]],
        ["bin", (i) => BODIES[i % BODIES.length]],
        ["send", (i) => `terminal ${i}`],
        ["python", (i) => `python ${i}`],
    ])
        assert.deepEqual(
            heard.filter((message) => message.name === name).map((message) => message.body),
            Array.from({ length: SAYS }, (_, i) => said(i)),
            `what ${name} said`,
        );

    assert.equal(await tail.end(), 0);
    python.child.stdin.end();
    assert.equal(await python.end(), 0, python.err.tail());
    bin.socket.ws.close(1000);
    await anna.leave();
    await server.stop();
});

test("words for one alone, between JSON and the terminal", async (t) => {
    const server = await Server.start(t);
    const tail = new Uproar(server, "tail", "lobby", "--json", "--direct", "--name", "zoe", "--count", "1");
    t.after(() => tail.kill("SIGKILL"));
    const anna = await Person.arrive(t, server, "anna");
    let acknowledged = false;
    while (!acknowledged) {
        /* until zoe is there */
        anna.say({ type: "DIRECT", msgid: "5", to: "zoe", body: "psst" });
        const answer = await anna.said.take("ACK or NACK", (event) => /^N?ACK$/.test(event.type));
        acknowledged = answer.type === "ACK";
        assert.ok(acknowledged || answer.reason_name === "no-such-name");
    }
    const line = JSON.parse(await tail.out.take("line"));
    assert.deepEqual([line.direct, line.name, line.body], [true, "anna", "psst"]);
    assert.equal(await tail.end(), 0);
    await anna.leave();
    await server.stop();
});

test("the page's client module, in a program", async (t) => {
    const server = await Server.start(t);
    const bob = await Person.arrive(t, server, "bob");
    const lobby = await bob.join("lobby");
    const chat = await uproar.connect({ url: server.url, name: "anna", WebSocket });
    const events = new Growing("uproar.js");
    for (const type of ["message", "direct", "state"])
        chat.addEventListener(type, ({ detail }) => events.push({ type, ...detail }));
    const next = (type) => events.take(type, (event) => event.type === type);

    const room = await chat.join("lobby");
    assert.deepEqual((await chat.who("lobby")).people.map(({ name }) => name).sort(), ["anna", "bob"]);
    for (let i = 1n; i <= 3n; i++) {
        assert.equal((await chat.publish(room, `${i}`)).seq, i);
        assert.equal((await bob.hear("MESSAGE")).seq, String(i));
    }
    bob.publish(lobby, "hello");
    let heard;
    do heard = await next("message");
    while (heard.own);
    assert.deepEqual([heard.name, heard.body, heard.seq], ["bob", "hello", 4n]);
    await assert.rejects(chat.direct("nobody", "?"), { code: "no-such-name" });
    await chat.direct("bob", "psst");
    assert.equal((await bob.hear("DIRECT_MESSAGE")).body, "psst");

    await server.stop();
    await next("state");
    await server.again();
    let state;
    do state = await next("state");
    while (state.state !== "up");
    assert.equal(state.again, true);
    await chat.join("lobby");
    assert.equal((await chat.publish("lobby", "anew")).seq, 1n);
    await chat.close();
    await server.stop();
});
