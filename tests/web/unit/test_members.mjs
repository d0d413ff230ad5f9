/* test_members.mjs -- WHO's answer and PRESENCE, in any order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Members } from "../../../tools/web/members.js";

const names = (members) => members.names.map(({ name }) => name);
const change = (kind, id, name) => ({ kind, id, name });

test("an answer, then changes", () => {
    const members = new Members();
    members.asking();
    members.changed(2, []);
    members.answered([{ id: "2", name: "bob" }, { id: "1", name: "anna" }]);
    assert.deepEqual(names(members), ["anna", "bob"]);
    members.changed(3, [change("joined", "3", "eve")]);
    members.changed(2, [change("left", "2", "bob")]);
    members.changed(2, [change("renamed", "1", "zoe")]);
    assert.deepEqual(names(members), ["eve", "zoe"]);
    assert.equal(members.stale, false);
});

test("what changes while it is asked is not lost", () => {
    const members = new Members();
    members.asking();
    members.changed(1, [change("left", "2", "bob")]);
    members.answered([{ id: "1", name: "anna" }, { id: "2", name: "bob" }]);
    assert.deepEqual(names(members), ["anna"]);
});

test("without an answer what was known stays", () => {
    const members = new Members();
    members.answered([{ id: "1", name: "anna" }]);
    members.asking();
    members.unanswered();
    members.changed(2, [change("joined", "2", "bob")]);
    assert.deepEqual(names(members), ["anna", "bob"]);
});

test("of a large room the rest is a number", () => {
    const members = new Members();
    members.changed(90000, []);
    members.answered([{ id: "1", name: "anna" }]);
    assert.deepEqual([names(members), members.count, members.stale], [["anna"], 90000, true]);
    members.changed(90000, []);
    assert.deepEqual(names(members), ["anna"]);
    members.changed(89999, []);
    assert.deepEqual([names(members), members.count], [[], 89999], "who it was is not told");
});
