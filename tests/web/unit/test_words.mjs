/* test_words.mjs -- sentences that people read: the page's own, and what a typed line asks for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "../../../tools/web/commands.js";
import { state_sentence } from "../../../tools/web/status.js";
import { duration, gap_sentence, latency, plural, sentence } from "../../../tools/web/words.js";

test("one and many", () => {
    assert.equal(plural(1, "message"), "1 message");
    assert.equal(plural(0n, "message"), "0 messages");
    assert.equal(plural(1n, "message"), "1 message");
});

test("times", () => {
    assert.deepEqual([900, 4000, 119999, 120000].map(duration), ["900 ms", "4 s", "120 s", "2 min"]);
    assert.deepEqual([0.42, 12.3, 1300].map(latency), ["0.4 ms", "12 ms", "1.3 s"]);
});

test("a gap says how many and why", () => {
    assert.equal(gap_sentence({ count: 1n, reason_name: "away" }), "1 message was missed while you were away.");
    assert.equal(gap_sentence({ count: 3n, reason_name: "too-slow" }),
        "3 messages were missed because this page had fallen too far behind.");
    assert.equal(gap_sentence({ count: 2n, reason_name: "of-the-future" }), "2 messages were missed.");
    assert.match(gap_sentence({ count: 2n, reason_name: "new-epoch" }), /began anew/u);
});

test("a reason that is not known here is told in the server's words", () => {
    assert.equal(sentence("of-the-future", "no room on Mondays"), "no room on Mondays");
    assert.equal(sentence("of-the-future"), "The server says: of-the-future.");
    assert.equal(sentence("constructor"), "The server says: constructor.");
});

test("what becomes of the connection is said as it is", () => {
    const up = { state: "up", again: true, away_ms: 4000 };
    assert.equal(state_sentence({ state: "up", again: false }), "");
    assert.equal(state_sentence({ ...up, resumed: true }), "Reconnected after 4 s.");
    assert.match(state_sentence({ ...up, resumed: false }), /left and came back/u);
    assert.equal(state_sentence({ state: "down", code: "shutdown" }), "The server is restarting.");
    assert.equal(state_sentence({ state: "down", code: "lost" }), "The connection was lost.");
    assert.match(state_sentence({ state: "over", code: "replaced" }), /another tab/u);
});

test("typed lines", () => {
    const cases = [
        ["hello", { what: "say", text: "hello" }],
        ["/ hello", { what: "say", text: "/ hello" }],
        ["//join", { what: "say", text: "/join" }],
        ["/join lobby", { what: "join", name: "lobby" }],
        ["/join #lobby", { what: "join", name: "lobby" }],
        ["/join #", { what: "join", name: "#" }],
        ["/join", { what: "missing", word: "/join ROOM" }],
        ["/msg bob hi  there", { what: "msg", name: "bob", text: "hi  there" }],
        ['/msg "Bob B" hi', { what: "msg", name: "Bob B", text: "hi" }],
        ["/msg bob", { what: "missing", word: "/msg NAME TEXT" }],
        ["/nick  zoe ", { what: "nick", name: "zoe" }],
        ["/help", { what: "help" }],
        ["/dance", { what: "unknown", word: "/dance" }],
        ["/constructor", { what: "unknown", word: "/constructor" }],
        ["/usr/bin/env", { what: "say", text: "/usr/bin/env" }],
        ["/join\nx", { what: "join", name: "x" }],
    ];
    for (const [line, asked] of cases)
        assert.deepEqual(parse(line), asked, line);
});
