/* test_page_chat.mjs -- people at the page, and beside them a terminal: what one says the others read. */
import assert from "node:assert/strict";
import { scene } from "./browser.mjs";
import { Person } from "./chat.mjs";
import { Uproar } from "./process.mjs";
import { Visitor } from "./visitor.mjs";

scene("two pages and a terminal chat", [], async (stage, t) => {
    const anna = await Visitor.arrive(stage, "anna", "lobby");
    const bob = await Visitor.arrive(stage, "bob", "lobby");
    const tail = new Uproar(stage.server, "tail", "lobby", "--json", "--name", "zoe", "--count", "4");
    t.after(() => tail.kill("SIGKILL"));
    for (const page of [anna, bob]) await page.members.getByText("zoe").waitFor();

    await anna.say("hello, Zoë 😀");
    await bob.reads("hello, Zoë 😀");
    await bob.say("two\tlines");
    await anna.reads("two");
    const send = new Uproar(stage.server, "send", "lobby", "--name", "cron", "-m", "from a terminal");
    assert.equal(await send.end(), 0);
    for (const page of [anna, bob]) await page.reads("from a terminal");
    await anna.composer.fill("one");
    await anna.composer.press("Shift+Enter");
    await anna.composer.pressSequentially("two");
    await anna.composer.press("Enter");
    await bob.reads("one");

    const bodies = ["hello, Zoë 😀", "two\tlines", "from a terminal", "one\ntwo"];
    assert.deepEqual(await bob.bodies(), bodies);
    assert.deepEqual(await anna.bodies(), bodies);
    for (const [name, body] of [
        ["anna", bodies[0]],
        ["bob", bodies[1]],
        ["cron", bodies[2]],
        ["anna", bodies[3]],
    ]) {
        const line = JSON.parse(await tail.out.take("line"));
        assert.deepEqual([line.name, line.body], [name, body]);
    }
    assert.equal(await tail.end(), 0);
    await anna.members.getByText("zoe").waitFor({ state: "detached" });
    await bob.page.getByRole("button", { name: "Leave", exact: true }).click();
    await bob.door.waitFor();
    await anna.members.getByText("bob").waitFor({ state: "detached" });
    await anna.announcer.getByText("bob: two").waitFor();
    await stage.picture(anna.page, "end");
});

scene("words for one alone, and what is unread", [], async (stage, t) => {
    const anna = await Visitor.arrive(stage, "anna", "lobby");
    const bob = await Visitor.arrive(stage, "bob", "lobby");
    await bob.say("/join dev");
    await bob.in("dev");

    await anna.say("is bob here?");
    await anna.say("bob!");
    await bob.rooms.getByRole("button", { name: "#lobby, 2 unread messages" }).waitFor();
    await bob.until("the count in the title", () => document.title.startsWith("(2) "));
    await anna.members.getByRole("button", { name: "bob" }).click();
    await anna.say("psst");
    await bob.people.getByRole("button", { name: "anna, 1 unread message" }).click();
    await bob.reads("psst");
    await bob.say("yes?");
    await anna.reads("yes?");
    assert.deepEqual(await anna.bodies(), ["psst", "yes?"]);

    const zoe = await Person.arrive(t, stage.server, "zoe");
    zoe.say({ type: "DIRECT", msgid: "1", to: "anna", body: "from a program" });
    await zoe.hear("ACK");
    await anna.people.getByRole("button", { name: "zoe, 1 unread message" }).click();
    await anna.reads("from a program");
    await anna.say("to a program");
    assert.equal((await zoe.hear("DIRECT_MESSAGE")).body, "to a program");
    await zoe.leave();
    await anna.say("are you there?");
    await anna.page
        .getByText(/Not sent.*Nobody here has this name/)
        .first()
        .waitFor();

    await bob.opens("#lobby, 2 unread messages");
    await bob.reads("bob!");
    await bob.until("nothing unread", () => !document.title.startsWith("("));
    await stage.picture(bob.page, "read");
});

scene("what tries to be markup stays text", [], async (stage, t) => {
    const attempts = [
        '<img src="/x" onerror="pwned=1">',
        "<script>pwned=1</script>",
        '"><svg onload=pwned=1>',
        "<a href=javascript:pwned=1>click</a>",
        "javascript:pwned=1",
        "data:text/html,<script>pwned=1</script>",
        "&lt;b&gt;&#60;",
        "{{7*7}} ${7*7}",
        "\u202egnp.exe",
    ];
    const evil = "<img src=x onerror=pwned=1>";
    const anna = await Visitor.arrive(stage, "anna", "lobby");
    await anna.say(`/join ${evil}`);
    await anna.in(evil);
    const mallory = await Person.arrive(t, stage.server, evil);
    const room = await mallory.join(evil);
    mallory.publish(room, attempts[0]);
    await anna.announcer.getByText(attempts[0]).waitFor();
    for (const body of attempts.slice(1)) mallory.publish(room, body);
    mallory.say({ type: "DIRECT", msgid: "99", to: "anna", body: attempts[0] });
    await anna.reads(attempts.at(-1));

    assert.deepEqual(await anna.bodies(), attempts);
    await anna.members.getByText(evil).waitFor();
    await anna.people.getByRole("button", { name: `${evil}, 1 unread message` }).click();
    await anna.reads(attempts[0]);
    await anna.page.getByRole("button", { name: "Join a room …" }).click();
    await anna.page.getByRole("list", { name: "Rooms on this server" }).getByText(evil).waitFor();
    await anna.page.keyboard.press("Escape");
    const found = await anna.page.evaluate(() => ({
        ran: typeof globalThis.pwned,
        elements: document.querySelectorAll("img, iframe, object, embed, [onerror], [onload]").length,
        scripts: document.scripts.length,
        links: document.querySelectorAll("#log a").length,
    }));
    assert.deepEqual(found, { ran: "undefined", elements: 0, scripts: 1, links: 0 });
    await stage.picture(anna.page, "text");
    await mallory.leave();
});

scene("addresses of the web are links, and nothing else is", [], async (stage, t) => {
    const anna = await Visitor.arrive(stage, "anna", "lobby");
    const bob = await Person.arrive(t, stage.server, "bob");
    const room = await bob.join("lobby");
    bob.publish(
        room,
        "see https://example.org/a?b=1&c=%20#d, (http://example.net/x_(y)) and HTTPS://EXAMPLE.COM/.",
    );
    bob.publish(room, "not ftp://example.org, file:///etc/passwd, //example.org, https://user@evil.example");
    await anna.reads("not ftp:");
    const links = await anna.log
        .getByRole("link")
        .evaluateAll((all) => all.map((a) => [a.textContent, a.getAttribute("href"), a.target, a.rel]));
    const safely = ["_blank", "noopener noreferrer"];
    assert.deepEqual(links, [
        ["https://example.org/a?b=1&c=%20#d", "https://example.org/a?b=1&c=%20#d", ...safely],
        ["http://example.net/x_(y)", "http://example.net/x_(y)", ...safely],
        ["HTTPS://EXAMPLE.COM/", "https://example.com/", ...safely],
    ]);
    await bob.leave();
});

scene("names: one that is taken, and a new one", [], async (stage, t) => {
    const bob = await Person.arrive(t, stage.server, "bob");
    await bob.join("lobby");
    const anna = new Visitor(await stage.enter());
    await anna.knock("bob", "lobby");
    await anna.page.getByRole("alert").filter({ hasText: "Somebody has this name" }).waitFor();
    await stage.picture(anna.page, "taken");
    await anna.knock("anna", "lobby");
    await anna.in("lobby");

    await anna.say("/nick zoe");
    await anna.row("You are now zoe.").waitFor();
    const renamed = (one) => one.kind === "renamed" && one.name === "zoe" && one.old_name === "anna";
    await bob.said.take("the new name", (event) => event.type === "PRESENCE" && event.people.some(renamed));
    await anna.say("/nick bob");
    await anna.row("Somebody has this name").waitFor();
    bob.say({ type: "NICK", name: "robert" });
    await anna.row("bob is now robert").waitFor();
    await anna.members.getByText("robert").waitFor();
    await bob.leave();
});
