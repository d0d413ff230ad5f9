/* browser.mjs -- Chromium for a test, and what a page must never do while it is watched.
 *
 * `scene` is a test with a server and as many people as it likes, each with cookies, storage and tabs
 * of their own. Whatever a scene is about, it fails if a page logs an error or a warning, throws,
 * breaks its Content-Security-Policy, or asks for what it does not get. What a scene is about may
 * make the browser itself complain, as a server that is away does: `forgive` takes a pattern.
 *
 * A scene that fails leaves for each person a picture and a trace, which Playwright's viewer shows;
 * all are in $UPROAR_WEB/artifacts. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { chromium } from "./modules.mjs";
import { Server } from "./server.mjs";
import { WAIT_MS } from "./waiting.mjs";

const ARTIFACTS = join(process.env.UPROAR_WEB, "artifacts");
mkdirSync(ARTIFACTS, { recursive: true });

let launched = null;
const home = mkdtempSync(join(tmpdir(), "uproar-web-"));

function browser() {
    launched ??= chromium.launch({
        executablePath: "/usr/bin/chromium",
        chromiumSandbox: process.getuid() !== 0, // Chromium refuses to have one as root
        env: { ...process.env, HOME: home },
        tracesDir: home,
    });
    return launched;
}

after(async () => {
    await (await launched)?.close();
    rmSync(home, { recursive: true, force: true });
});

/* Before anything of the page runs: what breaks its policy is an error in the console. */
const watch_policy = () =>
    addEventListener("securitypolicyviolation", (event) =>
        console.error(`CSP: ${event.violatedDirective} forbids ${event.blockedURI}`),
    );

/* Keeps all that the lines above the conversation have said, as a screen reader would have heard it:
 * what is said there soon gives way to something newer. */
const keep_status = () => {
    globalThis.told = [];
    addEventListener("DOMContentLoaded", () => {
        for (const line of document.querySelectorAll("main [role=status]"))
            new MutationObserver(() => {
                const text = line.parentElement.textContent.replace(/\s+/g, " ").trim();
                if (text !== globalThis.told.at(-1)) globalThis.told.push(text);
            }).observe(line.parentElement, { subtree: true, childList: true, characterData: true });
    });
};

export class Stage {
    constructor(name, server) {
        this.name = name.replace(/[^a-z0-9]+/gi, "-").toLowerCase();
        this.server = server;
        this.people = [];
        this.complaints = [];
        this.forgiven = [];
    }

    /* Somebody with a browser of their own, on the server's page; options as newContext's. */
    async enter({ origin = this.server.origin, ...options } = {}) {
        const context = await (
            await browser()
        ).newContext({ locale: "en-GB", timezoneId: "UTC", ...options });
        this.people.push(context);
        context.setDefaultTimeout(WAIT_MS);
        await context.tracing.start({ screenshots: true, snapshots: true });
        await context.addInitScript(watch_policy);
        await context.addInitScript(keep_status);
        context.on("page", (page) => this.watch(page));
        const page = await context.newPage();
        await page.goto(`${origin}/`);
        return page;
    }

    watch(page) {
        page.on("console", (message) => {
            if (["error", "warning"].includes(message.type()))
                this.complaints.push(`console: ${message.text()} (${message.location().url})`);
        });
        page.on("pageerror", (error) => this.complaints.push(`thrown: ${error.stack}`));
        page.on("requestfailed", (request) =>
            this.complaints.push(`failed: ${request.url()}: ${request.failure().errorText}`),
        );
        page.on("response", (response) => {
            if (response.status() >= 400) this.complaints.push(`${response.status()}: ${response.url()}`);
        });
        page.on("dialog", (dialog) => {
            this.complaints.push(`dialog: ${dialog.message()}`);
            dialog.dismiss();
        });
    }

    forgive(pattern) {
        this.forgiven.push(pattern);
    }

    picture(page, what) {
        return page.screenshot({ path: join(ARTIFACTS, `${this.name}-${what}.png`) });
    }

    clean() {
        const left = this.complaints.filter((text) => !this.forgiven.some((pattern) => pattern.test(text)));
        assert.deepEqual(left, [], "the browser complained");
    }

    /* Everybody goes; a failed scene leaves what was to be seen. */
    async end(failed) {
        for (const [i, context] of this.people.entries()) {
            const base = join(ARTIFACTS, `FAILED-${this.name}-${i + 1}`);
            if (failed) {
                for (const [tab, page] of context.pages().entries())
                    await page.screenshot({ path: `${base}-${tab + 1}.png` }).catch(() => {});
                await context.tracing.stop({ path: `${base}.zip` }).catch(() => {});
            }
            await context.close();
        }
    }
}

export function scene(name, flags, act) {
    test(name, async (t) => {
        const server = await Server.start(t, ...flags);
        const stage = new Stage(name, server);
        let failed = true;
        try {
            await act(stage, t);
            stage.clean();
            failed = false;
        } finally {
            await stage.end(failed);
        }
        await server.stop();
    });
}
