/* page.js -- the page: what the server says to what is seen, and what is done to what it is asked.
 *
 *     uproar.js ─ events ─► talks (what was said, where) ─► views: the log, the lists, the status
 *         ▲                                                   │
 *         └───────────────── requests ◄── composer, buttons ──┘
 *
 * One conversation is shown at a time, and all state that is not on the screen is in `talks`. Views
 * are drawn once for each frame in which something changed. */
import { Uproar, UproarError } from "./uproar.js";
import { Announcer } from "./announcer.js";
import { parse } from "./commands.js";
import { Composer } from "./composer.js";
import { Dialogs } from "./dialogs.js";
import { $ } from "./dom.js";
import { Drawers } from "./drawers.js";
import { LogView } from "./log-view.js";
import { draw_members } from "./member-list.js";
import { Members } from "./members.js";
import { Outbox, make_room, take, why_not } from "./outbox.js";
import { Status, state_sentence } from "./status.js";
import * as tab from "./tab.js";
import { draw_talks } from "./talk-list.js";
import { Talks, person_key, room_key } from "./talks.js";
import { gap_sentence, plural, sentence } from "./words.js";

const WHO_AGAIN_MS = 3000;
const STORE_MS = 1000;

let chat = null;
let talks = new Talks();
const view = new LogView($("log"), $("log-list"));
const composer = new Composer($("composer"), $("message"), $("message-note"));
const outbox = new Outbox($("outbox"), { onagain: send_again, ondiscard: discard });
const announcer = new Announcer($("announcer"));
const drawers = new Drawers($("shade"), [$("head"), $("talks"), $("talk"), $("members")]);
const dialogs = new Dialogs({ join, rename: (name) => chat.nick(name), rooms: () => chat.rooms(),
    before: () => {
        drawers.close();
        composer.focus();
    } });
const status = new Status({ bar: $("status"), text: $("status-text"), countdown: $("status-countdown"),
    actions: $("status-actions"), signal: $("signal"), signal_text: $("signal-text") });

// Drawing

const LATE_MS = 250; // a tab that nobody looks at has no frames, but a title that counts

let frame = 0, late = null;

function changed() {
    if (frame !== 0)
        return;
    frame = requestAnimationFrame(draw);
    late = setTimeout(draw, LATE_MS);
}

function draw() {
    const talk = talks.current, unread = talks.unread;

    cancelAnimationFrame(frame);
    clearTimeout(late);
    frame = 0;
    draw_talks({ room: $("rooms"), person: $("people") }, talks, { onopen: show, onclose: leave });
    $("self-name").textContent = chat?.name ?? "";
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${talk === null ? "" : `${talk.title} – `}Uproar`;
    const elsewhere = unread - (talk?.unread ?? 0);
    $("show-talks-count").hidden = elsewhere === 0;
    $("show-talks-count").textContent = elsewhere > 99 ? "99+" : String(elsewhere);
    $("show-talks").setAttribute("aria-label",
        `Rooms and people${elsewhere > 0 ? `, ${plural(elsewhere, "unread message")}` : ""}`);
    $("chat").classList.toggle("alone", talk?.kind !== "room");
    $("title").textContent = talk?.title ?? "No room";
    $("subtitle").textContent = talk?.kind === "room" ? plural(talk.members.count, "member")
        : talk?.kind === "person" ? "direct messages" : "";
    $("send").setAttribute("aria-disabled", String(chat?.state !== "up" || talk === null));
    draw_newest();
    if (talk?.kind === "room")
        draw_members({ list: $("members-list"), more: $("members-more") }, talk.members, chat.id,
            (name) => show(talks.open("person", name)));
    if (talk !== null) {
        $("log-trimmed").hidden = talk.log.dropped === 0;
        $("log-trimmed").textContent = `${plural(talk.log.dropped, "older line")} are no longer kept by this page.`;
        outbox.draw(talk);
    } else {
        $("outbox").replaceChildren();
        $("log-trimmed").hidden = true;
    }
    view.refresh();
}

function draw_newest() {
    const talk = talks.current, away = talk !== null && view.place !== null;

    $("newest").hidden = !away;
    $("newest").textContent = away && talk.unread > 0 ? `${talk.unread.toLocaleString()} new` : "Newest";
}

view.onplace = () => {
    const talk = talks.current;

    if (talk !== null && talk.unread > 0 && view.place === null && looking()) {
        talks.seen(talk);
        changed();
    } else
        draw_newest(); // often, while one scrolls
};

function looking() {
    return document.visibilityState === "visible";
}

// Conversations

function show(talk) {
    const before = talks.current;

    wanted = null;
    drawers.close();
    if (talk === null || talk === before) {
        composer.focus();
        return;
    }
    if (before !== null) {
        before.place = view.place;
        before.draft = composer.text;
        before.log.mark_fresh(null);
    }
    talks.turn_to(talk);
    composer.text = talk.draft;
    composer.describe(`Message to ${talk.title}`);
    $("log").setAttribute("aria-label", `Messages in ${talk.title}`);
    talk.log.mark_fresh(talk.fresh);
    view.show(talk.log, talk.place);
    if (talk.fresh !== null)
        view.go_to(talk.fresh);
    talks.seen(talk);
    history.replaceState(null, "", talk.kind === "room" ? `#${encodeURIComponent(talk.name)}` : location.pathname);
    composer.focus();
    draw();
}

function leave(talk) {
    if (talk.kind === "room")
        chat.leave(talk.name).catch(() => {});
    remove(talk);
    store();
}

function remove(talk) {
    const next = talks.beside(talk, talks.all.at(-1) === talk ? -1 : 1);

    if (talks.current === talk && next !== null && next !== talk)
        show(next);
    talks.close(talk);
    if (talks.current === null) {
        $("log-list").replaceChildren();
        view.hide();
        composer.describe("/join ROOM");
    }
    changed();
}

/* Something new in a conversation, and whether somebody sees it now. */
function arrived(talk, entry) {
    if (talk !== talks.current || !looking() || view.place !== null)
        talks.missed(talk, entry);
    if (talk === talks.current && !looking() && talk.unread === 1)
        talk.log.mark_fresh(entry.id);
    changed();
}

function note_here(text) {
    talks.current?.log.note(text, "quiet");
    announcer.say(text);
    changed();
}

// What the server says

const on = {
    state(detail) {
        status.signal(detail.state, chat.latency_ms);
        if (detail.state === "over")
            return over(detail);
        const text = state_sentence(detail), down = detail.state === "down";
        if (down || detail.state === "up")
            status.say(text, down ? "wait" : "good", { stay: down, retry_ms: detail.retry_ms,
                actions: down ? [{ label: "Now", run: () => chat.hurry() }] : [] });
        if (detail.state === "up") {
            composer.bytes_max = chat.body_bytes_max;
            enter();
            tab.store(chat.saved());
        }
        changed();
    },

    joined({ room, again, new_epoch }) {
        const talk = talks.open("room", room.name);
        talk.members ??= new Members();
        talk.members.count = room.members;
        if (talk.log.entries.length === 0)
            talk.log.note(`${again ? "You are back" : "You are here"}, ${room.members === 1 ? "alone so far"
                : `with ${plural(room.members - 1, "other")}`}.${again ? " What this tab had shown before is gone." : ""}`, "quiet");
        else if (new_epoch)
            talk.log.note("The room began anew while you were away.", "gap");
        ask_who(talk);
        enter_room(talk);
        store();
        changed();
    },

    left({ room, reason_name }) {
        const talk = talks.get(room_key(room.name));
        if (talk !== null)
            remove(talk);
        if (reason_name !== "none" && reason_name !== "not-joined")
            status.say(`#${room.name}: ${sentence(reason_name)}`, "bad", { stay: false });
        store();
    },

    presence({ room, members, people }) {
        const talk = talks.get(room_key(room.name));
        if (talk === null)
            return;
        talk.members.changed(members, people);
        for (const { kind, id, name, old_name } of people) {
            if (kind === "renamed") {
                const direct = talks.get(person_key(old_name));
                if (direct !== null && talks.get(person_key(name)) === null)
                    talks.rename(direct, name);
            }
            if (id !== chat.id)
                talk.log.presence(kind === "renamed" ? `${old_name} is now ${name}` : `${name} ${kind === "left" ? "left" : "came"}`);
        }
        if (people.length > 0 && talk.members.stale)
            ask_who(talk, WHO_AGAIN_MS);
        changed();
    },

    message({ room, time, sender, name, msgid, body, own }) {
        const talk = talks.get(room_key(room.name));
        if (talk === null)
            return;
        if (own)
            take(talk, msgid);
        const entry = talk.log.message({ name, sender, own, body, time });
        if (own) {
            changed();
            return;
        }
        arrived(talk, entry);
        announcer.say(talk === talks.current ? `${name}: ${body}` : `New message in ${talk.title}`);
    },

    gap(detail) {
        const talk = talks.get(room_key(detail.room.name));
        if (talk === null)
            return;
        talk.outbox = talk.outbox.filter((mail) => mail.seq === undefined || mail.seq > detail.room.seq);
        talk.log.note(gap_sentence(detail), "gap");
        if (detail.reason_name !== "new-epoch")
            status.missed(detail);
        changed();
    },

    direct({ time, sender, name, body }) {
        const talk = talks.open("person", name);
        arrived(talk, talk.log.message({ name, sender, own: false, body, time }));
        announcer.say(`${name}, to you only: ${body}`);
    },

    nick({ name }) {
        note_here(`You are now ${name}.`);
        store();
    },

    goaway({ reason_name, text }) {
        if (reason_name === "shutdown")
            status.say(sentence(reason_name, text), "wait");
    },

    latency({ ms }) {
        status.signal(chat.state, ms);
    },

    refused({ code, text }) {
        status.say(sentence(code, text), "bad", { stay: false });
    },
};

let wanted = null; // the room to be shown when it is joined

/* Rooms are joined in any order: the first is better than none, until the wanted one comes. */
function enter_room(talk) {
    const other = wanted !== null && room_key(wanted) !== talk.key ? wanted : null;

    if (talks.current !== null && (wanted === null || other !== null))
        return;
    show(talk);
    wanted = other;
}

/* While there is no connection a room is not waited for: who asked would see nothing happen. */
async function join(name) {
    if (chat.state !== "up")
        throw new UproarError("not-connected");
    wanted = name;
    const talk = talks.get(room_key(name));
    if (talk !== null) {
        show(talk);
        return;
    }
    await chat.join(name);
}

/* Not more often than every so often for one room. */
function ask_who(talk, after_ms = 0) {
    if (talk.asking)
        return;
    talk.asking = true;
    setTimeout(async () => {
        try {
            talk.members.asking();
            const { people } = await chat.who(talk.name);
            talk.members.answered(people);
        } catch {
            talk.members.unanswered(); // JOINED asks again after a reconnection
        }
        talk.asking = false;
        changed();
    }, after_ms);
}

// What the reader does

function deliver(talk, body) {
    const sent = talk.kind === "room" ? chat.publish(talk.name, body) : chat.direct(talk.name, body);
    const mail = { msgid: sent.msgid ?? null, body, failed: null, seq: undefined };

    talk.outbox.push(mail);
    sent.then(({ msgid, seq }) => {
        if (talk.kind === "person") {
            take(talk, msgid);
            talk.log.message({ name: chat.name, sender: chat.id, own: true, body, time: new Date() });
        } else if (talk.outbox.includes(mail)) {
            mail.seq = seq; // its message follows, or a gap that covers it
            if (chat.room(talk.name)?.seq >= seq)
                take(talk, msgid);
        }
    }).catch((error) => {
        mail.failed = error;
        announcer.say(why_not(error));
    }).finally(changed);
    changed();
}

function send(talk, body) {
    if (chat.state !== "up") {
        composer.note("There is no connection now; your text stays here.");
        return false;
    }
    if (!make_room(talk)) {
        composer.note("The server has not taken your last messages yet; your text stays here.");
        return false;
    }
    deliver(talk, body);
    talk.log.mark_fresh(null);
    view.follow();
    return true;
}

function send_again(mail) {
    const talk = talks.current;
    if (chat.state !== "up")
        return;
    discard(mail);
    deliver(talk, mail.body);
}

function discard(mail) {
    const talk = talks.current;
    talk.outbox = talk.outbox.filter((other) => other !== mail);
    composer.focus();
    changed();
}

function failed(error) {
    note_here(sentence(error.code, error.message));
}

const commands = {
    join: ({ name }) => join(name).catch(failed),
    leave: () => leave(talks.current),
    msg: ({ name, text }) => {
        const talk = talks.open("person", name);
        show(talk);
        send(talk, text);
    },
    who: () => chat.who(talks.current.name).then(({ total, people }) =>
        note_here(`${plural(total, "member")}: ${people.map(({ name }) => name).join(", ")}`)).catch(failed),
    rooms: () => dialogs.room(),
    nick: ({ name }) => chat.nick(name).catch(failed),
    quit: () => quit(),
    help: () => dialogs.help(),
    missing: ({ word }) => composer.note(`It is: ${word}`),
    unknown: ({ word }) => composer.note(`There is no ${word}; /help lists the commands, // begins a message with /`),
};

composer.onsend = (text) => {
    const asked = parse(text);

    if (talks.current === null && ["say", "leave", "who"].includes(asked.what)) {
        composer.note("You are in no room; /join ROOM, or the list of rooms, helps.");
        return false;
    }
    if (asked.what === "say")
        return send(talks.current, asked.text);
    const kept = asked.what === "missing" || asked.what === "unknown";
    if (!kept && chat.state !== "up" && asked.what !== "help" && asked.what !== "quit") {
        composer.note("There is no connection now; your text stays here.");
        return false;
    }
    if (!kept)
        composer.text = ""; // before another conversation is shown
    commands[asked.what](asked);
    return false;
};
composer.onscroll = (pages) => $("log").scrollBy({ top: pages * $("log").clientHeight * 0.9 });

function key(event) {
    if ($("chat").hidden || document.querySelector("dialog[open]"))
        return;
    if (event.key === "Escape") {
        if (!drawers.close())
            composer.focus();
    } else if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
        event.preventDefault();
        show(talks.beside(talks.current, event.key === "ArrowUp" ? -1 : 1));
    }
}

// Coming and going

function url() {
    const address = new URL("ws", document.baseURI);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    address.hash = "";
    return address.href;
}

function start(options) {
    chat = new Uproar({ url: url(), ...options });
    for (const [type, handle] of Object.entries(on))
        chat.addEventListener(type, ({ detail }) => handle(detail));
    chat.connect().catch(() => {}); // "over" has said it
}

function enter() {
    if (!$("chat").hidden)
        return; // it was only a reconnection: the focus is the reader's
    $("door").hidden = true;
    $("chat").hidden = false;
    composer.focus();
}

function hash_room() {
    try {
        return decodeURIComponent(location.hash.slice(1));
    } catch {
        return "";
    }
}

function door(error = "") {
    const saved = tab.load();

    $("chat").hidden = true;
    $("door").hidden = false;
    $("door-error").textContent = error;
    $("door-name").value ||= saved?.name ?? chat?.name ?? "";
    $("door-room").value ||= hash_room() || "lobby";
    $("door-enter").disabled = false;
    $("door-name").focus();
    document.title = "Uproar";
}

/* The end of a session, or of the attempt to begin one. */
function over({ code, why }) {
    const text = sentence(code, why);
    const saved = chat.saved();

    if (code === "closed")
        return;
    if ($("chat").hidden || code === "name-taken") {
        tab.store({ ...saved, token: "" });
        door(text);
        return;
    }
    const again = () => start(saved);
    const actions = code === "replaced" ? [{ label: "Use it here", run: again }] : [{ label: "Try again", run: again }];
    status.say(text, "bad", { actions });
    changed();
}

async function quit() {
    tab.forget();
    await chat.close();
    talks = new Talks();
    view.hide();
    composer.text = "";
    status.say("", "good");
    door();
}

let storing = null;

function store() {
    storing ??= setTimeout(() => {
        storing = null;
        if (chat !== null && chat.state !== "over")
            tab.store(chat.saved());
    }, STORE_MS);
}

$("door-form").addEventListener("submit", (event) => {
    const name = $("door-name").value.trim(), room = $("door-room").value.trim().replace(/^#(?=.)/u, "");

    event.preventDefault();
    if (name === "" || room === "")
        return;
    $("door-error").textContent = "";
    $("door-enter").disabled = true;
    wanted = room;
    const rooms = (tab.load()?.rooms ?? []).filter((other) => other.name !== room);
    talks = new Talks();
    start({ name, rooms: [{ name: room }, ...rooms] });
});
drawers.add($("show-talks"), $("talks"));
drawers.add($("show-members"), $("members"));
$("find-room").addEventListener("click", () => dialogs.room());
$("rename").addEventListener("click", () => dialogs.name(chat.name));
$("quit").addEventListener("click", quit);
$("show-help").addEventListener("click", () => dialogs.help());
$("newest").addEventListener("click", () => {
    view.follow();
    composer.focus();
});
$("skip").addEventListener("click", (event) => {
    event.preventDefault();
    composer.focus();
});
document.addEventListener("keydown", key);
document.addEventListener("visibilitychange", () => {
    if (!looking() || chat === null)
        return;
    chat.hurry();
    view.onplace();
});
addEventListener("online", () => chat?.hurry());
addEventListener("hashchange", () => {
    if (chat?.state === "up" && hash_room() !== "")
        join(hash_room()).catch(failed);
});
addEventListener("pagehide", () => {
    if (chat !== null && chat.state !== "over")
        tab.store(chat.saved());
});

const saved = tab.load();
if (saved?.token) {
    wanted = hash_room() || (saved.rooms[0]?.name ?? null);
    start(saved);
} else {
    door();
}
