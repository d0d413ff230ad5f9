/* test_talks.mjs -- the conversations: order, names, what is unread, and their bound. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PEOPLE_MAX, Talks, person_key, room_key } from "../../../tools/web/talks.js";

const entry = { id: 7 };

test("rooms come before people", () => {
    const talks = new Talks();
    talks.open("person", "bob");
    talks.open("room", "lobby");
    talks.open("room", "ops");
    assert.deepEqual(talks.all.map((talk) => talk.title), ["#lobby", "#ops", "bob"]);
});

test("a room and a person of one name are two; people's ASCII letters fold, rooms' do not", () => {
    const talks = new Talks();
    const bob = talks.open("person", "Bob");
    assert.equal(talks.open("person", "bOB"), bob);
    assert.notEqual(talks.open("room", "Bob"), bob);
    assert.notEqual(talks.open("room", "bob"), talks.get(room_key("Bob")));
    assert.notEqual(person_key("Ä"), person_key("ä"));
});

test("unread is counted until it is seen, from the first on", () => {
    const talks = new Talks(), talk = talks.open("room", "lobby");
    talks.missed(talk, entry);
    talks.missed(talk, { id: 8 });
    assert.equal(talks.unread, 2);
    assert.equal(talk.fresh, 7);
    talks.seen(talk);
    assert.equal(talks.unread, 0);
    assert.equal(talk.fresh, null);
});

test("the neighbours go around", () => {
    const talks = new Talks(), a = talks.open("room", "a"), b = talks.open("room", "b");
    assert.equal(talks.beside(a, -1), b);
    assert.equal(talks.beside(b, 1), a);
    talks.close(a);
    assert.equal(talks.beside(b, 1), b);
    talks.close(b);
    assert.equal(talks.beside(null, 1), null);
});

test("somebody who is renamed stays the same conversation", () => {
    const talks = new Talks(), talk = talks.open("person", "bob");
    talks.rename(talk, "robert");
    assert.equal(talks.open("person", "Robert"), talk);
    assert.equal(talks.get(person_key("bob")), null);
});

test("of too many people the one who was quiet for longest goes, but not what is unread", () => {
    const talks = new Talks();
    for (let i = 0; i < PEOPLE_MAX; i++)
        talks.open("person", `p${i}`);
    talks.missed(talks.get("@p0"), entry);
    talks.current = talks.get("@p1");
    talks.open("person", "p2"); // used again
    talks.open("person", "new");
    assert.equal(talks.all.length, PEOPLE_MAX);
    assert.equal(talks.get("@p3"), null);
    assert.ok(talks.get("@p0") !== null && talks.get("@p1") !== null && talks.get("@p2") !== null);
});
