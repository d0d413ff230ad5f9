/* commands.js -- what a typed line asks for: a message, or a command like the terminal client's. */

export const COMMANDS = [
    ["/join ROOM", "join a room, or switch to one you are in"],
    ["/leave", "leave this room"],
    ["/msg NAME TEXT", 'to one person only; a NAME with blanks in "quotes"'],
    ["/who", "who is here"],
    ["/rooms", "which rooms there are"],
    ["/nick NAME", "change your name"],
    ["/quit", "leave"],
    ["/help", "this list"],
];

function first_name(text) {
    const quoted = /^"([^"]*)"\s*/u.exec(text), bare = /^(\S+)\s*/u.exec(text);
    const match = quoted ?? bare;
    return match === null ? ["", ""] : [match[1], text.slice(match[0].length)];
}

/* { what: "say", text }, { what: "join", name } and so on; { what: "unknown", word } for a command
 * that there is not, "missing" for one that lacks something. A line that begins with // is a message
 * that begins with /. */
export function parse(line) {
    if (line.startsWith("//"))
        return { what: "say", text: line.slice(1) };
    const match = /^\/([a-z]+)(?:\s+|$)/u.exec(line);
    if (match === null)
        return { what: "say", text: line };
    const [all, what] = match, rest = line.slice(all.length).trim();
    const missing = { what: "missing", word: COMMANDS.find(([usage]) => usage.startsWith(`/${what} `))?.[0] };
    switch (what) {
    case "join":
        return rest === "" ? missing : { what, name: rest.replace(/^#(?=.)/u, "") };
    case "nick":
        return rest === "" ? missing : { what, name: rest };
    case "msg": {
        const [name, text] = first_name(rest);
        return name === "" || text === "" ? missing : { what, name, text };
    }
    case "leave":
    case "who":
    case "rooms":
    case "quit":
    case "help":
        return { what };
    default:
        return { what: "unknown", word: `/${what}` };
    }
}
