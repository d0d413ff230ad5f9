/* server.mjs -- a real uproard for a test, on a port of the kernel's choice.
 *
 * `stop` is an assertion as much as an end: SIGTERM must lead to exit status 0 in time, and nothing may
 * have been logged as an error. $UPROAR_TEST_FLAGS adds options, as for the tests of tests/e2e. */
import assert from "node:assert/strict";
import { Program } from "./process.mjs";

const ALWAYS = ["--workers", "4", "--stats-file", "none", "--drain-timeout", "5000"];
const ADDED = (process.env.UPROAR_TEST_FLAGS ?? "").split(" ").filter(Boolean);

export class Server {
    /* t: the node:test context, at whose end a server that is still there is ended. */
    static async start(t, ...flags) {
        const server = new Server();
        t.after(() => server.program.kill("SIGKILL"));
        server.flags = flags;
        await server.run(0);
        return server;
    }

    async run(port) {
        const args = ["--listen", `127.0.0.1:${port}`, ...ALWAYS, ...ADDED, ...this.flags];
        this.program = new Program("uproard", process.env.UPROARD, args);
        const line = await this.program.err.take("msg=listening", (text) => text.includes(" msg=listening "));
        this.port = Number(/ port=(\d+)/.exec(line)[1]);
        this.host = `127.0.0.1:${this.port}`;
        this.origin = `http://${this.host}`;
        this.url = `ws://${this.host}/ws`;
        this.echo = `ws://${this.host}/echo`;
    }

    /* SIGTERM goes out at once; the promise is that of a clean end. */
    async stop(status = 0) {
        this.program.kill("SIGTERM");
        assert.equal(await this.program.end(), status, `exit status of uproard:\n${this.program.err.tail()}`);
        const errors = this.program.err.all.filter((line) => line.includes(" level=error "));
        assert.deepEqual(errors, [], "uproard logged errors");
    }

    /* Another one on the same port, after this one has stopped. */
    again() {
        return this.run(this.port);
    }

    /* Waits for a line of the log. */
    logged(text) {
        return this.program.err.take(`"${text}" in the log`, (line) => line.includes(text));
    }
}
