/* visitor.mjs -- somebody at the page, who finds things as people do: by what they are and are called. */
import assert from "node:assert/strict";
import { inTime } from "./waiting.mjs";

export class Visitor {
    constructor(page) {
        this.page = page;
        this.door = page.getByRole("button", { name: "Enter" });
        this.composer = page.getByRole("textbox", { name: /^Message to / });
        this.log = page.getByRole("region", { name: /^Messages in / });
        this.rooms = page.getByRole("list", { name: "Rooms", exact: true });
        this.people = page.getByRole("list", { name: "People", exact: true });
        this.members = page.getByRole("complementary", { name: "Members" });
        this.heard = 0; /* of what the page said about itself; see told */
        this.announcer = page.getByRole("log", { name: "New messages" });
    }

    /* Through the door, into a room. */
    static async arrive(stage, name, room, options) {
        const visitor = new Visitor(await stage.enter(options));
        await visitor.knock(name, room);
        await visitor.in(room);
        return visitor;
    }

    async knock(name, room) {
        await this.page.getByRole("textbox", { name: "Your name" }).fill(name);
        await this.page.getByRole("textbox", { name: "Room", exact: true }).fill(room);
        await this.door.click();
    }

    /* Until this room is what is shown. */
    in(room) {
        return this.page.getByRole("region", { name: `Messages in #${room}` }).waitFor();
    }

    async say(text) {
        await this.composer.fill(text);
        await this.composer.press("Enter");
    }

    /* The rows that hold this text; own words only when the server has given them back. */
    row(text) {
        return this.log.locator("#log-list > li").filter({ hasText: text });
    }

    /* Until somebody's words are there. */
    async reads(text) {
        await this.row(text).first().waitFor();
    }

    /* What was said in the log, in order, without notes and what is still on its way. */
    bodies() {
        return this.log.locator("#log-list .message .body").allTextContents();
    }

    /* Until the page has said something like it about itself, since it was last asked. */
    async told(pattern) {
        const find = ([source, from]) => {
            const at = globalThis.told.findIndex((text, i) => i >= from && new RegExp(source).test(text));
            return at < 0 ? null : { at };
        };
        try {
            const found = await this.page.waitForFunction(find, [pattern.source, this.heard]);
            this.heard = (await found.jsonValue()).at;
        } catch (error) {
            const told = await this.page.evaluate(() => globalThis.told);
            throw new Error(`not told ${pattern}, but: ${JSON.stringify(told, null, 1)}`, { cause: error });
        }
    }

    until(what, check, argument) {
        return inTime(this.page.waitForFunction(check, argument), what);
    }

    async opens(conversation) {
        await this.page.getByRole("button", { name: conversation, exact: true }).click();
    }

    async hasFocus(locator, what) {
        assert.ok(
            await locator.evaluate((element) => element === document.activeElement),
            `${what} has the focus`,
        );
    }
}
