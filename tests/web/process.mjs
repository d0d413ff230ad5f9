/* process.mjs -- programs that a test starts: read line by line, and dead when the test is. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { Growing, inTime } from "./waiting.mjs";

export class Program {
    /* `out` and `err` hold the lines that it writes. */
    constructor(name, command, args, env = {}) {
        this.name = name;
        this.out = new Growing(`${name}'s output`);
        this.err = new Growing(`${name}'s standard error`);
        /* The kernel ends it when this process is gone, whatever that died of. */
        this.child = spawn("setpriv", ["--pdeathsig", "KILL", "--", command, ...args], {
            env: { ...process.env, ...env },
        });
        this.ended = new Promise((resolve) => {
            this.child.on("error", (error) => resolve(error.message));
            this.child.on("close", (status, signal) => resolve(signal ?? status));
        });
        for (const [lines, stream] of [
            [this.out, this.child.stdout],
            [this.err, this.child.stderr],
        ])
            createInterface({ input: stream, crlfDelay: Infinity })
                .on("line", (line) => lines.push(line))
                .on("close", () => lines.end("it closed it"));
        this.child.stdin.on("error", () => {}); /* it may end before it has read all */
    }

    write(text) {
        this.child.stdin.write(text);
    }

    kill(signal) {
        this.child.kill(signal);
    }

    /* Its exit status, or the signal that ended it, behind the end of its output. */
    end() {
        return inTime(this.ended, `end of ${this.name}`, () => `${this.out.tail()}\n${this.err.tail()}`);
    }
}

/* build/uproar, the terminal client. */
export class Uproar extends Program {
    constructor(server, ...args) {
        const [command, ...rest] = args;
        super(`uproar ${command}`, process.env.UPROAR, [command, "--server", server.host, ...rest]);
    }
}
