/* test_page_connection.mjs -- the page says what happens to its connection, and comes back where it may. */
import assert from "node:assert/strict";
import { scene } from "./browser.mjs";
import { Person } from "./chat.mjs";
import { Uproar } from "./process.mjs";
import { Visitor } from "./visitor.mjs";
import { inTime } from "./waiting.mjs";
import { Wire } from "./wire.mjs";

/* What Chromium itself complains of when a server is away. */
const AWAY =
    /WebSocket connection to '[^']*' failed|net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE)/;

/* When somebody came or left, as this person was told since `from`. */
const moves = (person, name, from) =>
    person.said.all
        .slice(from)
        .filter((event) => event.type === "PRESENCE" && event.people.some((one) => one.name === name));

scene("the server restarts", ["--drain-timeout", "2000"], async (stage, t) => {
    const { server } = stage;
    const anna = await Visitor.arrive(stage, "anna", "lobby");
    const bob = await Visitor.arrive(stage, "bob", "dev");
    stage.forgive(AWAY);
    await anna.say("before");
    await anna.reads("before");

    await server.stop();
    for (const page of [anna, bob]) await page.told(/restarting.*Back in \d+ s/);
    await stage.picture(anna.page, "away");
    await anna.composer.fill("a draft");
    await server.again();
    for (const page of [anna, bob])
        await page.told(/Reconnected after .* to the others you left and came back/);
    assert.equal(await anna.composer.inputValue(), "a draft", "what was being written is still there");
    await anna.row("began anew").waitFor();
    await stage.picture(anna.page, "back");

    const send = new Uproar(server, "send", "lobby", "--name", "cron", "-m", "after");
    assert.equal(await send.end(), 0);
    await anna.reads("after");
    await anna.composer.press("Enter");
    await anna.reads("a draft");
    assert.deepEqual(await anna.bodies(), ["before", "after", "a draft"]);
});

scene("the wire is cut: the session goes on, and what was missed is said", [], async (stage, t) => {
    const wire = await Wire.lay(t, stage.server);
    const anna = await Visitor.arrive(stage, "anna", "lobby", { origin: wire.origin });
    const bob = await Person.arrive(t, stage.server, "bob");
    const room = await bob.join("lobby");
    stage.forgive(AWAY);
    await anna.say("here");
    await anna.reads("here");
    await bob.barrier();
    const before = bob.said.all.length;

    wire.cut();
    await anna.told(/connection was lost/);
    await anna.say("into the void");
    await anna.page.getByText("There is no connection now; your text stays here.").waitFor();
    for (const body of ["1", "2", "3"]) {
        bob.publish(room, body);
        await bob.hear("ACK");
    }
    wire.mend();
    await anna.told(/Reconnected after .*3 messages were missed/);
    await stage.picture(anna.page, "missed");
    bob.publish(room, "4");
    await anna.reads("4");
    assert.deepEqual(await anna.bodies(), ["here", "4"]);
    assert.deepEqual(moves(bob, "anna", before), [], "nobody saw anna leave or come");
    assert.equal(await anna.composer.inputValue(), "into the void");
    await anna.composer.press("Enter");
    await bob.hear("MESSAGE", { body: "into the void" });
    await bob.leave();
});

scene("a page that is reloaded is still the same person", [], async (stage, t) => {
    const anna = await Visitor.arrive(stage, "anna", "lobby");
    const bob = await Person.arrive(t, stage.server, "bob");
    const room = await bob.join("lobby");
    await anna.say("/join dev");
    await anna.in("dev");
    await bob.barrier();
    const before = bob.said.all.length;
    await anna.page.reload();
    await anna.in("dev");
    await anna.rooms.getByRole("button", { name: "#lobby", exact: true }).waitFor();
    bob.publish(room, "welcome back");
    await anna.rooms.getByRole("button", { name: "#lobby, 1 unread message" }).click();
    await anna.reads("welcome back");
    assert.deepEqual(moves(bob, "anna", before), [], "nobody saw anna leave or come");
    await anna.page.getByRole("button", { name: "Leave", exact: true }).click();
    await bob.hear("PRESENCE");
    await bob.leave();
});

scene("a second tab takes the session over, and the first does not fight", [], async (stage) => {
    const first = await Visitor.arrive(stage, "anna", "lobby");
    /* A window that a page opens begins with a copy of its session storage, as a duplicated tab does. */
    const opened = first.page.waitForEvent("popup");
    await first.page.evaluate(() => void open(location.href));
    const second = new Visitor(await inTime(opened, "second tab"));
    await second.in("lobby");
    await first.told(/This session goes on in another tab or window/);
    await second.say("from the second");
    await second.reads("from the second");
    await stage.picture(first.page, "replaced");

    await first.page.getByRole("button", { name: "Use it here" }).click();
    await second.told(/This session goes on in another tab or window/);
    await first.say("from the first");
    await first.reads("from the first");
    assert.deepEqual((await second.bodies()).slice(-1), ["from the second"]);
});

scene(
    "a name that was given away while the page was gone",
    ["--resume-window", "200", "--log-level", "debug"],
    async (stage, t) => {
        const wire = await Wire.lay(t, stage.server);
        const anna = await Visitor.arrive(stage, "anna", "lobby", { origin: wire.origin });
        stage.forgive(AWAY);
        wire.cut();
        await anna.told(/connection was lost/);
        await stage.server.logged("session ended without a connection");
        const other = await Person.arrive(t, stage.server, "anna");
        wire.mend();
        await anna.page.getByRole("alert").filter({ hasText: "Somebody has this name" }).waitFor();
        await anna.knock("anna2", "lobby");
        await anna.in("lobby");
        await other.leave();
    },
);

scene("the lamp shows the connection and how long a question takes", [], async (stage) => {
    const anna = await Visitor.arrive(stage, "anna", "lobby");
    await anna.page.getByRole("img", { name: /^Connected; [\d.]+ m?s to the server and back$/ }).waitFor();
    stage.forgive(AWAY);
    stage.server.program.kill("SIGKILL");
    await anna.page.getByRole("img", { name: /^Not connected|^Connecting/ }).waitFor();
    await stage.server.program.end();
    await stage.server.again();
    await anna.page.getByRole("img", { name: /^Connected/ }).waitFor();
});
