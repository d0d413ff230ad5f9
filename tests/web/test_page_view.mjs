/* test_page_view.mjs -- how the page looks and is used: narrow, by keyboard, read aloud, with much to show. */
import assert from "node:assert/strict";
import { scene } from "./browser.mjs";
import { Person } from "./chat.mjs";
import { Visitor } from "./visitor.mjs";

const PHONE = { viewport: { width: 320, height: 568 }, hasTouch: true, isMobile: true };

/* Nothing sticks out to the right: what it is, or null. */
const too_wide = () => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width && document.body.scrollWidth <= width) return null;
    const wide = [...document.querySelectorAll("body *")].find(
        (element) => element.getBoundingClientRect().right > width + 0.5,
    );
    return `${document.documentElement.scrollWidth} > ${width}: ${wide?.outerHTML.slice(0, 200)}`;
};

/* Some words of each kind, so that pictures show something. */
async function conversation(stage, t) {
    const bob = await Person.arrive(t, stage.server, "Bob the builder");
    bob.lobby = await bob.join("lobby");
    for (const body of [
        "Good morning!",
        "Has anybody seen https://example.org/a/very/long/path/that/does/not/end/before/the/column/does/at/all",
        "W".repeat(200),
        "one\ntwo\nthree",
        "日本語でも大丈夫です 😀",
        "שלום עולם",
    ])
        bob.publish(bob.lobby, body);
    bob.say({ type: "DIRECT", msgid: "77", to: "anna", body: "between us" });
    await bob.hear("ACK", { msgid: "77" });
    return bob;
}

for (const width of [320, 375])
    scene(`a phone of ${width} pixels`, [], async (stage, t) => {
        const anna = new Visitor(await stage.enter({ ...PHONE, viewport: { width, height: 640 } }));
        await anna.door.waitFor();
        assert.equal(await anna.page.evaluate(too_wide), null, "the door");
        await stage.picture(anna.page, "door");
        await anna.knock("anna", "lobby");
        await anna.in("lobby");
        const bob = await conversation(stage, t);
        await anna.reads("שלום עולם");
        assert.equal(await anna.page.evaluate(too_wide), null, "the conversation");
        await stage.picture(anna.page, "lobby");

        await anna.page.getByRole("button", { name: /^Rooms and people, 1 unread/ }).tap();
        await anna.page.getByRole("button", { name: "Bob the builder, 1 unread message" }).waitFor();
        assert.equal(await anna.page.evaluate(too_wide), null, "the rooms");
        await stage.picture(anna.page, "rooms");
        await anna.page.getByRole("button", { name: "Bob the builder, 1 unread message" }).tap();
        await anna.reads("between us");
        await anna.page.getByRole("button", { name: "Rooms and people", exact: true }).tap();
        await anna.rooms.getByRole("button", { name: "#lobby", exact: true }).tap();
        await anna.page.getByRole("button", { name: "Members" }).tap();
        await anna.members.getByText("Bob the builder").waitFor();
        assert.equal(await anna.page.evaluate(too_wide), null, "the members");
        await stage.picture(anna.page, "members");
        await anna.page.keyboard.press("Escape");
        await anna.say("typed with two thumbs");
        assert.equal((await bob.hear("MESSAGE", { name: "anna" })).body, "typed with two thumbs");
        await bob.leave();
    });

scene("by keyboard alone", [], async (stage, t) => {
    const bob = await Person.arrive(t, stage.server, "bob");
    await bob.join("lobby");
    const anna = new Visitor(await stage.enter());
    const { keyboard } = anna.page;
    await anna.door.waitFor();

    /* Whatever has the focus shows it: an outline, a shadow or a border that is not there without. */
    const focus_shows = () => {
        const element = document.activeElement;
        const look = () => {
            const { outlineStyle, outlineWidth, boxShadow, borderColor, backgroundColor } =
                getComputedStyle(element);
            return JSON.stringify([
                outlineStyle === "none" ? "0px" : outlineWidth,
                boxShadow,
                borderColor,
                backgroundColor,
            ]);
        };
        const focused = look();
        element.blur();
        const without = look();
        element.focus({ focusVisible: true });
        return focused !== without ? null : element.outerHTML.slice(0, 200);
    };
    await keyboard.type("anna");
    await keyboard.press("Tab");
    await keyboard.press("Control+A");
    await keyboard.type("lobby");
    await keyboard.press("Tab");
    await anna.hasFocus(anna.door, "Enter");
    assert.equal(await anna.page.evaluate(focus_shows), null);
    await keyboard.press("Enter");
    await anna.in("lobby");
    await anna.hasFocus(anna.composer, "the field to write in");
    await keyboard.type("hello");
    await keyboard.press("Enter");
    await bob.hear("MESSAGE", { body: "hello" });

    /* All the way round: each stop can be seen and has a name. */
    const stops = [];
    for (let i = 0; i < 40; i++) {
        await keyboard.press("Tab");
        const stop = await anna.page.evaluate(() => {
            const element = document.activeElement;
            if (element === document.body) return null;
            const { width, height, x, y } = element.getBoundingClientRect();
            return {
                name:
                    element.getAttribute("aria-label") ||
                    element.labels?.[0]?.textContent ||
                    element.textContent.trim(),
                seen:
                    width > 0 &&
                    height > 0 &&
                    x < innerWidth &&
                    y < innerHeight &&
                    x + width > 0 &&
                    y + height > 0,
            };
        });
        if (stop === null) continue;
        if (stops.some((other) => other.name === stop.name)) break;
        assert.ok(stop.seen && stop.name !== "", JSON.stringify(stop));
        assert.equal(await anna.page.evaluate(focus_shows), null, stop.name);
        stops.push(stop);
    }
    const names = stops.map((stop) => stop.name);
    for (const name of [
        "Skip to writing",
        "#lobby",
        "Leave #lobby",
        "Join a room …",
        "Help",
        "Messages in #lobby",
        "bob",
    ])
        assert.ok(names.includes(name), `${name} can be reached: ${names}`);

    await anna.page.getByRole("button", { name: "Join a room …" }).focus();
    await keyboard.press("Enter");
    await anna.page.getByRole("dialog", { name: "Join a room" }).waitFor();
    await keyboard.type("dev");
    await keyboard.press("Enter");
    await anna.in("dev");
    await anna.hasFocus(anna.composer, "the field to write in");
    await keyboard.press("Alt+ArrowUp");
    await anna.in("lobby");
    await anna.reads("hello");
    await keyboard.press("Alt+ArrowDown");
    await anna.in("dev");
    await keyboard.type("/leave");
    await keyboard.press("Enter");
    await anna.in("lobby");
    await keyboard.type("/help");
    await keyboard.press("Enter");
    await anna.page.getByRole("dialog", { name: "Help" }).waitFor();
    await stage.picture(anna.page, "help");
    await keyboard.press("Escape");
    await anna.hasFocus(anna.composer, "the field to write in");
    await keyboard.type("/quit");
    await keyboard.press("Enter");
    await anna.door.waitFor();
    await bob.hear("PRESENCE", { members: 1 });
    await bob.leave();
});

scene("ten thousand messages", ["--feed-bytes", "64M"], async (stage, t) => {
    const MESSAGES = 10000;
    const ROWS_MAX = 200;
    const anna = await Visitor.arrive(stage, "anna", "lobby");
    const bob = await Person.arrive(t, stage.server, "bob");
    const room = await bob.join("lobby", { flags: 1 });
    for (let i = 1; i <= MESSAGES; i++) {
        bob.publish(room, `number ${i}${i % 7 === 0 ? "\nand a second line" : ""}`);
        if (i % 500 === 0) await bob.barrier();
    }
    await anna.reads(`number ${MESSAGES}`);
    const rows = () => anna.log.getByRole("listitem").count();
    assert.ok((await rows()) < ROWS_MAX, `${await rows()} rows in the document`);
    const elements = await anna.page.evaluate(() => document.querySelectorAll("*").length);
    assert.ok(elements < 2000, `${elements} elements`);

    /* Up a page at a time: what was at the top is still in sight, so nothing is jumped over. */
    const numbers = () =>
        anna.log.evaluate((log) => {
            const { top, bottom } = log.getBoundingClientRect();
            return [...log.querySelectorAll("li .body")]
                .filter(
                    (body) =>
                        body.getBoundingClientRect().bottom > top &&
                        body.getBoundingClientRect().top < bottom,
                )
                .map((body) => Number(/^number (\d+)/.exec(body.textContent)?.[1]))
                .filter((number) => number > 0);
        });
    let seen = await numbers();
    assert.equal(seen.at(-1), MESSAGES);
    for (let i = 0; i < 10; i++) {
        const [top] = seen;
        await anna.composer.press("PageUp");
        await anna.until(
            "a page further up",
            ([log, first]) => {
                const { top: edge } = document.querySelector(log).getBoundingClientRect();
                const above = [...document.querySelectorAll(`${log} li .body`)].find(
                    (body) => body.getBoundingClientRect().bottom > edge,
                );
                return Number(/^number (\d+)/.exec(above?.textContent)?.[1]) < first;
            },
            ["#log", top],
        );
        seen = await numbers();
        assert.deepEqual(
            seen,
            Array.from(seen, (_, n) => seen[0] + n),
            "in order, without a hole",
        );
        assert.ok(seen.includes(top) || seen.at(-1) === top - 1, `${top} is still there: ${seen}`);
    }
    await stage.picture(anna.page, "up");

    /* Who reads above is not moved by what comes below. */
    bob.publish(room, "number 10001");
    await anna.page.getByRole("button", { name: "1 new", exact: true }).waitFor();
    assert.deepEqual(await numbers(), seen);
    await anna.log.evaluate((log) => (log.scrollTop = 0));
    await anna
        .row(/are no longer kept by this page/)
        .or(anna.log.getByText(/older lines are no longer kept/))
        .first()
        .waitFor();
    await stage.picture(anna.page, "oldest");
    assert.ok((await rows()) < ROWS_MAX, `${await rows()} rows in the document`);
    await anna.page.getByRole("button", { name: "1 new", exact: true }).click();
    await anna.reads("number 10001");
    assert.equal((await numbers()).at(-1), MESSAGES + 1);
    await bob.leave();
});

for (const [what, options] of [
    ["light", { colorScheme: "light" }],
    ["dark", { colorScheme: "dark" }],
    ["with high contrast", { forcedColors: "active" }],
])
    scene(`the page ${what}`, [], async (stage, t) => {
        const anna = await Visitor.arrive(stage, "anna", "lobby", { reducedMotion: "reduce", ...options });
        const bob = await conversation(stage, t);
        await anna.say("All of it in one place.");
        await anna.reads("All of it in one place.");
        await stage.picture(anna.page, "lobby");
        if (what === "with high contrast") {
            await bob.leave();
            return;
        }
        /* WCAG 2.2, 1.4.3: 4.5 to 1, for text that can be seen and is not only decoration. */
        const weak = await anna.page.evaluate(() => {
            const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
            const rgba = (color) => {
                canvas.clearRect(0, 0, 1, 1);
                canvas.fillStyle = color;
                canvas.fillRect(0, 0, 1, 1);
                return canvas.getImageData(0, 0, 1, 1).data;
            };
            const luminance = ([r, g, b]) => {
                const [x, y, z] = [r, g, b]
                    .map((v) => v / 255)
                    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
                return 0.2126 * x + 0.7152 * y + 0.0722 * z;
            };
            const behind = (element) => {
                for (let at = element; at !== null; at = at.parentElement) {
                    const color = rgba(getComputedStyle(at).backgroundColor);
                    if (color[3] === 255) return color;
                }
                return rgba(matchMedia("(prefers-color-scheme: dark)").matches ? "black" : "white");
            };
            const found = [];
            for (const element of document.querySelectorAll("#chat *")) {
                const text = [...element.childNodes].some(
                    (node) => node.nodeType === 3 && node.data.trim() !== "",
                );
                if (!text || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
                    continue;
                if (element.closest("[aria-hidden=true]")) continue;
                const [front, back] = [
                    luminance(rgba(getComputedStyle(element).color)),
                    luminance(behind(element)),
                ];
                const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
                if (ratio < 4.5)
                    found.push(
                        `${ratio.toFixed(2)} ${element.className || element.id}: ${element.textContent.slice(0, 30)}`,
                    );
            }
            return found;
        });
        assert.deepEqual(weak, [], "text that is hard to read");
        await bob.leave();
    });

scene("what a screen reader is given", [], async (stage, t) => {
    const anna = await Visitor.arrive(stage, "anna", "lobby");
    const zoe = await Person.arrive(t, stage.server, "zoe");
    zoe.publish(await zoe.join("lobby"), "read me");
    await anna.announcer.getByText("zoe: read me").waitFor();
    assert.equal(await anna.announcer.getByText("read me").count(), 1);
    assert.equal(await anna.log.locator("[aria-live], [role=status], [role=log]").count(), 0);
    await zoe.leave();

    const bob = await conversation(stage, t);
    await anna.reads("שלום עולם");
    const session = await anna.page.context().newCDPSession(anna.page);
    const { nodes } = await session.send("Accessibility.getFullAXTree");
    const seen = nodes
        .filter((node) => !node.ignored)
        .map((node) => ({ role: node.role?.value, name: node.name?.value ?? "" }));
    for (const role of [
        "button",
        "textbox",
        "link",
        "dialog",
        "complementary",
        "navigation",
        "region",
        "log",
    ])
        for (const node of seen.filter((other) => other.role === role))
            assert.notEqual(node.name, "", `a ${role} without a name`);
    for (const [role, name] of [
        ["navigation", "Rooms and people"],
        ["region", "Messages in #lobby"],
        ["complementary", "Members"],
        ["list", "Rooms"],
        ["textbox", "Message to #lobby"],
        ["log", "New messages"],
        ["heading", "#lobby"],
        ["button", "#lobby"],
        ["button", "Bob the builder, 1 unread message"],
    ])
        assert.ok(
            seen.some((node) => node.role === role && node.name === name),
            `${role} "${name}"`,
        );
    assert.equal(seen.filter((node) => node.role === "main").length, 1);
    assert.equal(await anna.page.evaluate(() => document.documentElement.lang), "en");
    assert.deepEqual(
        await anna.page.evaluate(() => {
            const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
            return ids.filter((id, i) => ids.indexOf(id) !== i);
        }),
        [],
        "ids that are there twice",
    );
    await bob.leave();
});
