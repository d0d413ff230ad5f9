/* wire.mjs -- a wire between a client and the server that can be cut, and mended on the same port.
 *
 * To the page it is the server: its address is what the browser shows and names as origin. */
import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Wire {
    static async lay(t, server) {
        const wire = new Wire();
        wire.server = server;
        wire.ends = new Set();
        wire.dead = false;
        wire.listener = createServer((near) => wire.join(near)).listen(0, "127.0.0.1");
        t.after(() => {
            wire.cut();
            wire.listener.close();
        });
        await once(wire.listener, "listening");
        wire.origin = `http://127.0.0.1:${wire.listener.address().port}`;
        return wire;
    }

    join(near) {
        const far = connect(this.server.port, "127.0.0.1");
        for (const [end, other] of [
            [near, far],
            [far, near],
        ]) {
            this.ends.add(end);
            end.on("error", () => {}); /* as it is cut */
            end.on("close", () => {
                this.ends.delete(end);
                other.destroy();
            });
            end.pipe(other);
        }
        if (this.dead) this.cut();
    }

    /* All connections break, and new ones do at once, until it is mended. */
    cut() {
        this.dead = true;
        for (const end of this.ends) end.destroy();
    }

    mend() {
        this.dead = false;
    }
}
