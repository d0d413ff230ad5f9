/* test_ws.mjs -- npm's `ws`, which nobody here wrote, against the server. */
import assert from "node:assert/strict";
import test from "node:test";
import { BIN_PROTOCOL, JSON_PROTOCOL, Person, Socket } from "./chat.mjs";
import { Server } from "./server.mjs";
import { inTime } from "./waiting.mjs";

/* The longest of --body-bytes=8k, by proto/WEBSOCKET.md and proto/limits.h. */
const BODY_MAX = 8192;
const NATIVE_MAX = BODY_MAX + 77;
const ECHO_MAX = 65536;

/* proto/README.md's frames, without their length: HELLO of `name`, and the start of WELCOME. */
const helloFrame = (name) => Buffer.from([0xc5, 1, 1, 0, 0, 0, 0, 0, name.length, ...Buffer.from(name), 0]);
const WELCOME_TYPE = 2;

test("subprotocols: the first that is known; without any, JSON", async (t) => {
    const server = await Server.start(t);
    for (const [offered, taken] of [
        [[JSON_PROTOCOL], JSON_PROTOCOL],
        [[BIN_PROTOCOL], BIN_PROTOCOL],
        [[BIN_PROTOCOL, JSON_PROTOCOL], BIN_PROTOCOL],
        [[JSON_PROTOCOL, BIN_PROTOCOL], JSON_PROTOCOL],
        [["chat", BIN_PROTOCOL], BIN_PROTOCOL],
        [[], ""],
    ]) {
        const socket = await Socket.open(t, server.url, offered);
        assert.equal(socket.ws.protocol, taken, `of ${offered}`);
        if (taken === BIN_PROTOCOL) {
            socket.ws.send(helloFrame("anna"));
            const welcome = await socket.said.take("WELCOME");
            assert.deepEqual([...welcome.subarray(0, 3)], [0xc5, 1, WELCOME_TYPE]);
        } else {
            socket.ws.send('{"type":"HELLO","name":"anna"}');
            assert.equal(JSON.parse(await socket.said.take("WELCOME")).name, "anna");
        }
        socket.ws.close(1000);
        await socket.closed();
    }
    assert.equal(await Socket.refused(server.url, ["chat"]), 400);
    await server.stop();
});

test("permessage-deflate is offered and declined", async (t) => {
    const server = await Server.start(t);
    const anna = await Person.arrive(t, server, "anna", { perMessageDeflate: { threshold: 0 } });
    assert.equal(anna.ws.extensions, "");
    const room = await anna.join("lobby");
    anna.publish(room, "a".repeat(4000));
    assert.equal((await anna.hear("MESSAGE")).body.length, 4000);
    await anna.leave();
    await server.stop();
});

test("origins: the page of this server, those that were allowed, and programs", async (t) => {
    const server = await Server.start(t, "--allow-origin", "https://chat.example,http://dev.example:8080");
    for (const origin of [server.origin, "https://chat.example", "http://dev.example:8080", undefined]) {
        const socket = await Socket.open(t, server.url, JSON_PROTOCOL, { origin });
        socket.ws.close(1000);
        await socket.closed();
    }
    for (const origin of [
        "https://evil.example",
        "http://chat.example",
        "https://chat.example:8443",
        "null",
        `http://127.0.0.1:${server.port + 1}`,
        `http://localhost:${server.port}`,
    ])
        assert.equal(await Socket.refused(server.url, JSON_PROTOCOL, { origin }), 403, origin);
    await server.stop();
});

test("versions and paths that are not spoken", async (t) => {
    const server = await Server.start(t);
    assert.equal(await Socket.refused(server.url, JSON_PROTOCOL, { protocolVersion: 8 }), 426);
    assert.equal(await Socket.refused(server.echo), 404, "there is no /echo unless it was asked for");
    assert.equal(await Socket.refused(`${server.url}/`), 404);
    await server.stop();
});

test("fragments, with pings between them and characters cut in two", async (t) => {
    const server = await Server.start(t);
    const anna = await Person.arrive(t, server, "anna");
    const room = await anna.join("lobby");
    const text = Buffer.from(JSON.stringify({ type: "PUBLISH", room, msgid: "7", body: "Zoë 😀 €" }));

    for (let i = 0; i < text.length; i++) {
        anna.ws.send(text.subarray(i, i + 1), { binary: false, fin: false });
        if (i % 16 === 0) anna.ws.ping(Buffer.from([i]));
    }
    anna.ws.send("", { binary: false, fin: true });
    assert.equal((await anna.hear("MESSAGE", { msgid: "7" })).body, "Zoë 😀 €");
    for (let i = 0; i < text.length; i += 16)
        assert.deepEqual((await anna.frames.take("pong")).pong, Buffer.from([i]));

    const bob = await Socket.open(t, server.url, BIN_PROTOCOL);
    const hello = helloFrame("bob");
    bob.parts(
        { binary: hello.subarray(0, 3) },
        { binary: hello.subarray(3, 3) },
        { binary: hello.subarray(3) },
    );
    assert.equal((await bob.said.take("WELCOME"))[2], WELCOME_TYPE);
    bob.ws.close(1000);
    await bob.closed();
    await anna.leave();
    await server.stop();
});

test("the server's pings are answered by any client; one that does not answer is ended", async (t) => {
    const server = await Server.start(t, "--heartbeat", "200");
    const anna = await Person.arrive(t, server, "anna");
    const deaf = await Person.arrive(t, server, "deaf", { autoPong: false });
    for (let i = 0; i < 5; i++)
        assert.equal((await anna.frames.take("ping", (frame) => frame.ping)).ping.length, 8);
    await deaf.closed();
    await server.logged("reason=heartbeat-missed");
    await anna.barrier();
    await anna.leave();
    await server.stop();
});

test("goodbye with 1000 ends the session; 1001 and a broken connection leave it waiting", async (t) => {
    const server = await Server.start(t);
    let anna = await Person.arrive(t, server, "anna");
    await anna.join("lobby");
    for (const part of [
        () => anna.ws.terminate(),
        () => anna.ws.close(1001),
        () => anna.ws.close(3000, "later"),
    ]) {
        part();
        await anna.closed();
        const { token } = anna;
        anna = await Person.arrive(t, server, "anna", { token });
        assert.equal(anna.welcome.features & 1, 1, `the session goes on after ${part}`);
    }
    await anna.leave(1000);
    anna = await Person.arrive(t, server, "anna", { token: anna.token });
    assert.equal(anna.welcome.features & 1, 0, "it was over");
    anna.ws.close(); /* no code at all */
    assert.equal((await anna.closed()).code, 1005);
    await server.stop();
});

test("a session that is taken over closes its first connection", async (t) => {
    const server = await Server.start(t);
    const first = await Person.arrive(t, server, "anna");
    const second = await Person.arrive(t, server, "anna", { token: first.token });
    assert.equal(second.welcome.features & 1, 1);
    assert.equal((await first.hear("GOAWAY")).reason_name, "replaced");
    assert.equal((await first.closed()).reason, "replaced");
    await second.leave();
    await server.stop();
});

test("what the server closes with", async (t) => {
    const server = await Server.start(t);
    const cases = [
        ["binary in JSON", JSON_PROTOCOL, (ws) => ws.send(Buffer.from("{}")), 1003, "ws-kind"],
        ["text in binary", BIN_PROTOCOL, (ws) => ws.send("{}"), 1003, "ws-kind"],
        ["no UTF-8", JSON_PROTOCOL, (ws) => ws.send(Buffer.from([0xff]), { binary: false }), 1007, "ws-text"],
        [
            "too long",
            JSON_PROTOCOL,
            (ws) => ws.send(" ".repeat(2 * NATIVE_MAX + 1000)),
            1009,
            "frame-too-long",
        ],
        [
            "too long in binary",
            BIN_PROTOCOL,
            (ws) => ws.send(Buffer.alloc(NATIVE_MAX + 1000)),
            1009,
            "frame-too-long",
        ],
        ["no native frame", BIN_PROTOCOL, (ws) => ws.send(Buffer.from([0xc6, 1, 1, 0])), 4500, "bad-magic"],
        ["another version", BIN_PROTOCOL, (ws) => ws.send(Buffer.from([0xc5, 2, 1, 0])), 4501, "bad-version"],
    ];
    for (const [what, protocol, act, code, reason] of cases) {
        const socket = await Socket.open(t, server.url, protocol);
        act(socket.ws);
        assert.deepEqual(await socket.closed(), { code, reason }, what);
    }
    await server.stop();
});

test("the longest body, and one byte more", async (t) => {
    const server = await Server.start(t);
    const anna = await Person.arrive(t, server, "anna");
    const room = await anna.join("lobby");
    assert.equal(anna.welcome.body_bytes_max, BODY_MAX);
    for (const letter of ["x", '"']) {
        /* a quote takes two bytes in JSON */
        const msgid = anna.publish(room, letter.repeat(BODY_MAX));
        assert.equal((await anna.hear("MESSAGE", { msgid })).body, letter.repeat(BODY_MAX));
    }
    const msgid = anna.publish(room, "x".repeat(BODY_MAX + 1));
    assert.equal((await anna.hear("NACK", { msgid })).reason_name, "body-too-long");
    await anna.leave();
    await server.stop();
});

test("an object that is wrong is refused, and the connection goes on", async (t) => {
    const server = await Server.start(t);
    const anna = await Person.arrive(t, server, "anna");
    for (const text of [
        "",
        "[]",
        "null",
        '{"type":"NICK","name":{}}',
        '{"type":"NICK","name":"a","name":"b"}',
    ]) {
        anna.ws.send(text);
        assert.equal((await anna.hear("ERROR")).reason_name, "malformed", text);
    }
    await anna.barrier();
    await anna.leave();
    await server.stop();
});

test("/echo gives back text and binary of every length, in one frame or many", async (t) => {
    const server = await Server.start(t, "--enable-echo", "on");
    const echo = await Socket.open(t, server.echo);
    for (const length of [0, 1, 125, 126, 127, 65535, ECHO_MAX]) {
        echo.ws.send("x".repeat(length));
        assert.equal(await echo.said.take("text"), "x".repeat(length));
        const bytes = Buffer.alloc(length, 0xa5);
        echo.ws.send(bytes);
        assert.deepEqual(await echo.said.take("binary"), bytes);
    }
    echo.parts("Zo", "", "ë");
    assert.equal(await echo.said.take("text"), "Zoë");
    echo.parts(...Array.from({ length: 64 }, (_, i) => ({ binary: Buffer.alloc(ECHO_MAX / 64, i) })));
    assert.equal((await echo.said.take("binary")).length, ECHO_MAX);
    echo.ws.send(Buffer.alloc(1 << 20));
    assert.deepEqual(await echo.closed(), { code: 1009, reason: "frame-too-long" });
    await server.stop();
});

test("a hundred people in a room hear the same, in one order", async (t) => {
    const PEOPLE = 100;
    const EACH = 10;
    const server = await Server.start(t);
    const people = await Promise.all(
        Array.from({ length: PEOPLE }, (_, i) => Person.arrive(t, server, `p${i}`)),
    );
    const rooms = await Promise.all(people.map((person) => person.join("lobby", { flags: 4 })));
    for (let i = 0; i < EACH; i++) people.forEach((person, p) => person.publish(rooms[p], `${p}.${i}`));

    const heard = await Promise.all(
        people.map(async (person) => {
            const bodies = [];
            for (let seq = 1; seq <= PEOPLE * EACH; seq++) {
                const message = await person.hear("MESSAGE");
                assert.equal(message.seq, String(seq));
                bodies.push(message.body);
            }
            return bodies;
        }),
    );
    assert.equal(new Set(heard[0]).size, PEOPLE * EACH);
    for (const bodies of heard) assert.deepEqual(bodies, heard[0]);
    await Promise.all(people.map((person) => person.leave()));
    await server.stop();
});

test("a server that stops says GOAWAY, then closes with 4002", async (t) => {
    const server = await Server.start(t);
    const people = await Promise.all(["anna", "bob", "zoe"].map((name) => Person.arrive(t, server, name)));
    const silent = await Socket.open(t, server.url, JSON_PROTOCOL);
    const rooms = await Promise.all(people.map((person) => person.join("lobby")));
    people[0].publish(rooms[0], "last words");
    await people[0].hear("ACK");
    const stopped = server.stop();
    for (const person of people) {
        assert.equal((await person.hear("MESSAGE")).body, "last words");
        const goaway = await person.hear("GOAWAY");
        assert.equal(goaway.reason_name, "shutdown");
        assert.ok(goaway.reconnect_after_ms <= 10000);
        assert.deepEqual(await person.closed(), { code: 4002, reason: "shutdown" });
    }
    assert.equal((await silent.closed()).code, 4002);
    await inTime(stopped, "end of the server");
});
