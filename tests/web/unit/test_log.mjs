/* test_log.mjs -- what a conversation keeps, and what it lets go. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CHARACTERS_MAX, ENTRIES_MAX, Log, PRESENCE_NAMES_MAX, RUN_MS } from "../../../tools/web/log.js";

const NOON = new Date(2026, 0, 5, 12).getTime();

function say(log, body, { name = "anna", at = 0 } = {}) {
    return log.message({ name, sender: name, own: false, body, time: new Date(NOON + at) });
}

/* What a view would have to show, kept by the watcher's calls alone. */
function watch(log) {
    const seen = { count: log.entries.length, changed: [] };

    log.watcher = {
        appended: () => seen.count++,
        changed: (index) => seen.changed.push(index),
        trimmed: (count) => (seen.count -= count),
    };
    return seen;
}

test("words of one person that follow each other are a run", () => {
    const log = new Log();
    const firsts = [say(log, "a"), say(log, "b", { at: 1000 }), say(log, "c", { name: "bob", at: 2000 }),
        say(log, "d", { at: 3000 }), say(log, "e", { at: 3000 + RUN_MS }), say(log, "f", { at: 3001 + RUN_MS })];

    assert.deepEqual(firsts.map((entry) => entry.first), [true, false, true, true, false, true]);
});

test("a note ends a run", () => {
    const log = new Log();
    say(log, "a");
    log.note("3 messages were missed", "gap", new Date(NOON));
    assert.equal(say(log, "b").first, true);
});

test("a new day is told, once", () => {
    const log = new Log();
    say(log, "a");
    say(log, "b", { at: 24 * 3600 * 1000 });
    say(log, "c", { at: 24 * 3600 * 1000 });
    assert.deepEqual(log.entries.map((entry) => entry.kind), ["message", "day", "message", "message"]);
});

test("who came and went shares a row, up to a number", () => {
    const log = new Log(), seen = watch(log);
    for (let i = 0; i <= PRESENCE_NAMES_MAX; i++)
        log.presence(`p${i} came`, new Date(NOON));
    assert.equal(log.entries.length, 2);
    assert.equal(log.entries[0].body.split("; ").length, PRESENCE_NAMES_MAX);
    say(log, "hello");
    log.presence("x left", new Date(NOON));
    assert.equal(log.entries.length, 4);
    assert.equal(seen.count, 4);
    assert.deepEqual(seen.changed, Array(PRESENCE_NAMES_MAX - 1).fill(0));
});

test("the oldest go when there are too many, and ids stay", () => {
    const log = new Log(), seen = watch(log);
    for (let i = 0; i <= ENTRIES_MAX; i++)
        say(log, `${i}`);
    assert.equal(log.dropped, ENTRIES_MAX / 10);
    assert.equal(log.entries.length, ENTRIES_MAX + 1 - ENTRIES_MAX / 10);
    assert.equal(seen.count, log.entries.length);
    assert.equal(log.entries[0].body, `${ENTRIES_MAX / 10}`);
    assert.equal(log.entries[log.index_of(ENTRIES_MAX)].body, `${ENTRIES_MAX}`);
    say(log, "one more");
    assert.equal(log.dropped, ENTRIES_MAX / 10, "room for many before it happens again");
});

test("long messages are bounded by their length", () => {
    const log = new Log(), long = "x".repeat(1 << 16);
    let characters = 0;
    for (let i = 0; i < 200; i++) {
        say(log, long);
        characters = log.entries.reduce((sum, entry) => sum + entry.body.length, 0);
        assert.ok(characters <= CHARACTERS_MAX);
    }
    assert.ok(characters > CHARACTERS_MAX / 2);
    assert.equal(log.entries.length + log.dropped, 200);
});

test("where unread things begin is marked once and moves", () => {
    const log = new Log();
    say(log, "a");
    const b = say(log, "b"), c = say(log, "c");
    log.mark_fresh(b.id);
    log.mark_fresh(c.id);
    assert.deepEqual(log.entries.map((entry) => entry.fresh), [false, false, true]);
    log.mark_fresh(null);
    assert.ok(log.entries.every((entry) => !entry.fresh));
});
