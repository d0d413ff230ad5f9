/* words.js -- how the page puts things: numbers, times, and why something did not work. */

export function plural(count, one, many = `${one}s`) {
    return `${count.toLocaleString()} ${count == 1 ? one : many}`; // BigInt or Number
}

/* Like the terminal client's: short, and as wide at any hour. */
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const date = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

export const time_short = (time) => clock.format(time);
export const time_full = (time) => moment.format(time);
export const day_name = (time) => date.format(time);

/* 900 ms, 4 s, 2 min */
export function duration(ms) {
    if (ms < 1000)
        return `${Math.round(ms)} ms`;
    if (ms < 120000)
        return `${Math.round(ms / 1000)} s`;
    return `${Math.round(ms / 60000)} min`;
}

/* The latency, for a small place: 0.4 ms, 12 ms, 1.3 s */
export function latency(ms) {
    if (ms < 10)
        return `${ms.toFixed(1)} ms`;
    return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

const SENTENCES = {
    "name-empty": "A name has at least one character.",
    "name-too-long": "That is too long: a person's name has at most 32 bytes, a room's 64.",
    "name-control": "A name may not hold control or invisible characters, nor begin or end with a blank.",
    "name-taken": "Somebody has this name. If that was you a moment ago, it is free again within half a minute.",
    "rooms-full": "You are in as many rooms as one person may be.",
    "room-full": "This room has as many members as a room may have.",
    "room-limit": "The server has as many rooms as it may have.",
    "body-too-long": "This is longer than the server allows.",
    "no-such-name": "Nobody here has this name.",
    "no-memory": "The server is short of memory; try again.",
    busy: "The server is busy; try again.",
    undelivered: "They left before it reached them.",
    "too-expensive": "To so many members, this costs more than you may ever spend.",
    shutdown: "The server is restarting.",
    "server-full": "The server has as many clients as it may have.",
    "address-full": "Your address has as many connections as it may have.",
    "address-rate": "Too many connections a second come from your address.",
    shed: "The server is at its memory limit and had to let somebody go.",
    stalled: "What the server sent was not read for too long.",
    "heartbeat-missed": "The server had heard nothing from here for too long.",
    replaced: "This session goes on in another tab or window.",
    "not-connected": "There is no connection now.",
    "too-many": "Too much is waiting for the server's answer.",
    "unknown-outcome": "The connection was lost before the server had answered: it may have arrived, or not.",
    lost: "The connection was lost.",
    "no-server": "The server cannot be reached.",
    unreadable: "What answers there is not an Uproar server of this version.",
    away: "while you were away",
    "not-retained": "while you were away",
    "too-slow": "because this page had fallen too far behind",
};

/* What an UproarError, or a reason of the server's, means. */
export function sentence(code, text = "") {
    if (Object.hasOwn(SENTENCES, code))
        return SENTENCES[code];
    return text !== "" ? text : `The server says: ${code}.`;
}

/* What a gap is called in the log. */
export function gap_sentence({ count, reason_name }) {
    if (reason_name === "new-epoch")
        return "The room began anew; what was said before is gone.";
    const why = reason_name in SENTENCES ? ` ${SENTENCES[reason_name]}` : "";
    return `${plural(count, "message")} ${count == 1 ? "was" : "were"} missed${why}.`;
}
