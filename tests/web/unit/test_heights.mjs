/* test_heights.mjs -- sums of many heights, against the plain way to compute them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Heights } from "../../../tools/web/heights.js";

/* A generator that gives the same numbers each time (Numerical Recipes' ranqd1). */
function numbers(seed) {
    return (below) => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) % below;
}

function check(heights, plain) {
    let top = 0;

    assert.equal(heights.count, plain.length);
    plain.forEach((height, i) => {
        assert.equal(heights.get(i), height);
        assert.equal(heights.top(i), top);
        assert.equal(heights.at(top), i);
        assert.equal(heights.at(top + height - 1), i);
        top += height;
    });
    assert.equal(heights.total, top);
    assert.equal(heights.top(plain.length), top);
}

test("rows come, change and go", () => {
    const heights = new Heights(), next = numbers(5);
    let plain = [];

    for (let step = 0; step < 300; step++) {
        const height = 1 + next(100);
        if (next(3) > 0 || plain.length === 0) {
            plain.push(height);
            heights.push(height);
        } else {
            const i = next(plain.length);
            plain[i] = height;
            heights.set(i, height);
        }
        if (step % 100 === 99) {
            check(heights, plain);
            const gone = next(plain.length);
            plain = plain.slice(gone);
            heights.drop(gone);
            check(heights, plain);
        }
    }
});

test("beyond both ends are the first and the last row", () => {
    const heights = new Heights();

    assert.equal(heights.at(0), -1);
    for (const height of [10, 20, 30])
        heights.push(height);
    assert.equal(heights.at(-5), 0);
    assert.equal(heights.at(60), 2);
    assert.equal(heights.at(Infinity), 2);
    heights.clear();
    assert.equal(heights.total, 0);
    assert.equal(heights.at(0), -1);
});
