/* test_http.mjs -- the plain HTTP side: what is served, how, and that there is nothing else. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import test from "node:test";
import { Server } from "./server.mjs";
import { inTime } from "./waiting.mjs";

/* All that the server says to these bytes until it ends the connection. */
function exchange(server, bytes) {
    const answer = new Promise((resolve, reject) => {
        const socket = connect(server.port, "127.0.0.1", () => socket.write(bytes));
        let text = "";
        socket.setEncoding("latin1");
        socket.on("data", (more) => (text += more)).on("end", () => socket.end(() => resolve(text)));
        socket.on("error", reject);
    });
    return inTime(answer, `answer to ${JSON.stringify(bytes)}`);
}

const REQUIRED = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
};

function guarded(response, what) {
    for (const [name, value] of Object.entries(REQUIRED))
        assert.equal(response.headers.get(name), value, `${name} of ${what}`);
    const csp = response.headers.get("content-security-policy");
    for (const part of [
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ])
        assert.ok(csp.includes(part), `${part} in the CSP of ${what}: ${csp}`);
    assert.ok(!/unsafe|\*/.test(csp), csp);
}

test("/healthz says that the server is there", async (t) => {
    const server = await Server.start(t);
    const response = await fetch(`${server.origin}/healthz`);
    assert.equal(response.status, 200);
    assert.match(response.headers.get("content-type"), /^text\/plain/);
    guarded(response, "/healthz");
    assert.equal((await response.text()).length, Number(response.headers.get("content-length")));
    const age = Date.now() - Date.parse(response.headers.get("date"));
    assert.ok(Math.abs(age) < 60000, `the answer is ${age} ms old`);
    await server.stop();
});

const TYPES = {
    html: "text/html; charset=utf-8",
    css: "text/css; charset=utf-8",
    js: "text/javascript; charset=utf-8",
    svg: "image/svg+xml",
};

test("the page and its parts: as they are in the tree, typed, and kept by browsers", async (t) => {
    const server = await Server.start(t);
    const parts = readdirSync("tools/web").filter((name) => name.split(".").at(-1) in TYPES);
    assert.ok(parts.includes("index.html") && parts.includes("uproar.js"));
    for (const name of parts) {
        const url = `${server.origin}/${name === "index.html" ? "" : name}`;
        const whole = await fetch(url);
        assert.equal(whole.status, 200, name);
        assert.equal(whole.headers.get("content-type"), TYPES[name.split(".").at(-1)], name);
        assert.equal(whole.headers.get("cache-control"), "no-cache", name);
        guarded(whole, name);
        assert.equal(await whole.text(), readFileSync(`tools/web/${name}`, "utf8"), name);

        const etag = whole.headers.get("etag");
        assert.match(etag, /^"[^"]+"$/, name);
        const again = await fetch(url, { headers: { "If-None-Match": etag } });
        assert.equal(again.status, 304, name);
        assert.equal(again.headers.get("etag"), etag, name);
        assert.equal(await again.text(), "");
        const other = await fetch(url, { headers: { "If-None-Match": '"x"' } });
        assert.equal(other.status, 200, name);
        await other.text();
    }
    await server.stop();
});

test("there is nothing else, and metrics are elsewhere", async (t) => {
    const server = await Server.start(t);
    for (const path of ["/metrics", "/favicon.ico", "/index", "/ws/", "/echo", "//", "/healthz?"]) {
        const response = await fetch(`${server.origin}${path}`);
        assert.ok(path === "/healthz?" || response.status === 404, `${path}: ${response.status}`);
        guarded(response, path);
        await response.text();
    }
    /* What fetch would have tidied up. */
    for (const path of ["/../healthz", "/%2e%2e/healthz", "/./healthz", "/%68ealthz", "/healthz/"]) {
        const answer = await exchange(server, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        assert.match(answer, /^HTTP\/1\.1 404 /, path);
    }
    await server.stop();
});

test("other methods: 405, and the end", async (t) => {
    const server = await Server.start(t);
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
        const answer = await exchange(
            server,
            `${method} /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}`,
        );
        assert.match(answer, /^HTTP\/1\.1 405 /, method);
        assert.match(answer, /\r\nAllow: GET, HEAD\r\n/, method);
    }
    await server.stop();
});

test("HEAD is GET without its body, and a connection is kept for the next request", async (t) => {
    const server = await Server.start(t);
    const get = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    const answer = await exchange(
        server,
        `${get.replace("GET", "HEAD")}${get}${get.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")}`,
    );
    const [nothing, head, first, last, ...more] = answer.split(/^HTTP\/1\.1 200 OK\r\n/m);
    assert.equal(nothing, "");
    assert.deepEqual(more, []);
    const length = Number(/\r\nContent-Length: (\d+)\r\n/.exec(head)[1]);
    assert.ok(head.endsWith("\r\n\r\n"), "no body");
    for (const text of [first, last]) assert.equal(text.slice(text.indexOf("\r\n\r\n") + 4).length, length);
    await server.stop();
});

test("heads that are wrong end the connection", async (t) => {
    const server = await Server.start(t);
    for (const [head, status] of [
        ["GET / HTTP/1.1\r\n\r\n", 400],
        ["GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400],
        ["GET / HTTP/1.1\nHost: x\n\n", 400],
        ["GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400],
        ["GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n", 400],
        ["GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 400],
        ["GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505],
        ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
        [`GET / HTTP/1.1\r\nHost: x\r\nA: ${"a".repeat(5000)}\r\n\r\n`, 431],
        [`GET / HTTP/1.1\r\nHost: x\r\n${"A: b\r\n".repeat(70)}\r\n`, 431],
        ["GET /ws HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 426],
    ])
        assert.match(
            await exchange(server, head),
            new RegExp(`^HTTP/1\\.1 ${status} `),
            JSON.stringify(head.slice(0, 60)),
        );
    const response = await fetch(`${server.origin}/healthz`);
    assert.equal(response.status, 200, "nobody else noticed");
    await server.stop();
});
