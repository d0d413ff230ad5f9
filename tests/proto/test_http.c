/* test_http.c -- request heads: what is read out of them, and every way to be refused. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/http.h"

#define KEY   "dGhlIHNhbXBsZSBub25jZQ=="
#define H     "Host: chat.example:8080\r\n"
#define OPENS "GET /ws HTTP/1.1\r\n" H

/* From a heap block of exactly its size, which outlives the request. */
static int64_t read_head(struct slice head, struct http_request *request, size_t *want)
{
    static uint8_t *copy;
    free(copy);
    copy = malloc(head.len + !head.len);
    memcpy(copy, head.data, head.len);
    return http_read(slice_of(copy, head.len), request, want);
}

static struct http_request good(const char *head)
{
    struct http_request request;
    size_t want, len = strlen(head);
    int64_t n = read_head(slice_of(head, len), &request, &want);
    cr_assert_eq(n, (int64_t)len, "%s: %ld", head, (long)n);
    return request;
}

static bool is(struct slice s, const char *text)
{
    return slice_equal(s, slice_str(text));
}

Test(http, what_a_browser_sends)
{
    struct http_request r =
        good("GET /ws?x=1 HTTP/1.1\r\n" H "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
             "Origin: http://chat.example:8080\r\n"
             "Connection: keep-alive, Upgrade\r\n"
             "Upgrade: websocket\r\n"
             "Sec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: " KEY "\r\n"
             "Sec-WebSocket-Extensions: permessage-deflate\r\n"
             "Sec-WebSocket-Protocol: uproar.v1.json\r\n\r\n");
    cr_assert_eq(r.method, HTTP_GET);
    cr_assert(!r.http10 && r.keep_alive && r.upgrade && r.version13 && r.offered);
    cr_assert(is(r.path, "/ws"));
    cr_assert(is(r.host, "chat.example:8080"));
    cr_assert(is(r.origin, "http://chat.example:8080"));
    cr_assert(is(r.key, KEY));
    cr_assert_eq(r.protocols, HTTP_PROTOCOL_JSON);
    cr_assert_eq(r.protocol, HTTP_PROTOCOL_JSON);
}

Test(http, the_least_there_is)
{
    struct http_request r = good("GET / HTTP/1.1\r\nHost:x\r\n\r\n");
    cr_assert(is(r.path, "/"));
    cr_assert(is(r.host, "x"));
    cr_assert(r.keep_alive && !r.upgrade && !r.version13 && !r.offered);
    cr_assert_eq(r.origin.len + r.key.len + r.etag.len, 0);
    cr_assert_eq(r.protocols, 0);
    r = good("HEAD /a HTTP/1.1\r\n" H "If-None-Match: \"abc\"\r\n\r\n");
    cr_assert_eq(r.method, HTTP_HEAD);
    cr_assert(is(r.etag, "\"abc\""));
    cr_assert_eq(good("DELETE /a HTTP/1.1\r\n" H "\r\n").method, HTTP_OTHER);
    cr_assert_eq(good("get /a HTTP/1.1\r\n" H "\r\n").method, HTTP_OTHER, "methods have case");
    cr_assert_eq(good("OPTIONS * HTTP/1.1\r\n" H "\r\n").path.len, 0);
    cr_assert_eq(good("CONNECT [::1]:443 HTTP/1.1\r\n" H "\r\n").path.len, 0);
    r = good("GET / HTTP/1.1\r\n" H "If-None-Match: \"a\"\r\nIf-None-Match: \"b\"\r\n\r\n");
    cr_assert(is(r.etag, "\"a\""));
}

/* Fields of a name may come in several lines, lists have empty elements, and only names and tokens
 * ignore the case of letters. */
Test(http, lists_and_letters)
{
    struct http_request r = good(OPENS "connection: close\r\nCONNECTION: ,, uPgRaDe ,\r\n"
                                       "upGRADE: h2c, \tWebSocket\r\n\r\n");
    cr_assert(r.upgrade && !r.keep_alive);
    cr_assert(!good(OPENS "Connection: Upgrade\r\nUpgrade: websocket/13\r\n\r\n").upgrade);
    cr_assert(!good(OPENS "Connection: Upgraded\r\nUpgrade: websocket\r\n\r\n").upgrade);
    cr_assert(!good(OPENS "Connection: keep-alive\r\nUpgrade: websocket\r\n\r\n").upgrade);
    cr_assert(!good(OPENS "Connection: Upgrade\r\n\r\n").upgrade);

    r = good(OPENS "Sec-WebSocket-Protocol: chat, uproar.v1.bin\r\n"
                   "Sec-WebSocket-Protocol: uproar.v1.json\r\n\r\n");
    cr_assert_eq(r.protocols, HTTP_PROTOCOL_BIN | HTTP_PROTOCOL_JSON);
    cr_assert_eq(r.protocol, HTTP_PROTOCOL_BIN, "the first");
    r = good(OPENS "Sec-WebSocket-Protocol: UPROAR.v1.bin, uproar.v1.binary\r\n\r\n");
    cr_assert(r.offered && r.protocols == 0 && r.protocol == 0);
    cr_assert(!good(OPENS "Sec-WebSocket-Version: 8\r\n\r\n").version13);
    cr_assert(!good(OPENS "Sec-WebSocket-Version: 13, 8\r\n\r\n").version13);
}

Test(http, keys)
{
    static const char *const wrong[] = {"",
                                        "dGhlIHNhbXBsZSBub25jZQ=",
                                        "dGhlIHNhbXBsZSBub25jZQ===",
                                        "dGhlIHNhbXBsZSBub25jZR==",
                                        "dGhlIHNhbXBsZSBub25j*Q==",
                                        "dGhlIHNhbXBsZSBub25jZQAA"};
    char head[256];
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        snprintf(head, sizeof(head), OPENS "Sec-WebSocket-Key: %s\r\n\r\n", wrong[i]);
        cr_assert_eq(good(head).key.len, 0, "%s", wrong[i]);
    }
}

/* RFC 9112 section 9.3: 1.1 stays unless told, 1.0 goes unless told, and cannot upgrade. */
Test(http, versions)
{
    cr_assert(!good("GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n").keep_alive);
    struct http_request r = good("GET / HTTP/1.0\r\n\r\n");
    cr_assert(r.http10 && !r.keep_alive && r.host.len == 0);
    cr_assert(good("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
    r = good("GET /ws HTTP/1.0\r\n" H "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    cr_assert(!r.upgrade);
    cr_assert(!good("GET / HTTP/1.7\r\n" H "\r\n").http10, "a later 1.x is read as 1.1");
}

Test(http, targets)
{
    cr_assert(is(good("GET http://other:81/p?q HTTP/1.1\r\n" H "\r\n").path, "/p"));
    cr_assert(is(good("GET http://other:81/p?q HTTP/1.1\r\n" H "\r\n").host, "other:81"));
    cr_assert(is(good("GET HTTP://other HTTP/1.1\r\n" H "\r\n").path, "/"));
    cr_assert(is(good("GET /a%20b/../c;d=e HTTP/1.1\r\n" H "\r\n").path, "/a%20b/../c;d=e"));
    cr_assert(is(good("GET /? HTTP/1.1\r\n" H "\r\n").path, "/"));
}

/* A body on what is not served is not read, but then nothing behind it is either. */
Test(http, bodies_of_others_end_the_connection)
{
    cr_assert(!good("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n").keep_alive);
    cr_assert(!good("PUT / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n").keep_alive);
    cr_assert(good("DELETE / HTTP/1.1\r\n" H "\r\n").keep_alive);
}

static const struct {
    const char *head;
    int status;
} bad[] = {
    /* lines */
    {"GET / HTTP/1.1\n", 400},
    {"GET / HTTP/1.1\r\nHost: x\n", 400},
    {"GET / HTTP/1.1\rHost: x", 400},
    {"GET / HTTP/1.1\r\nHost: x\r\r", 400},
    {"GET / HTTP/1.1\r\nHost: x\r\nA: b\001", 400},
    {"GET / HTTP/1.1\r\nHost: x\r\nA: b\177", 400},
    /* request line */
    {"\r\n", 400},
    {"GET\r\n", 400},
    {"GET /\r\n", 400},
    {"GET  / HTTP/1.1\r\n", 400},
    {"GET / HTTP/1.1 \r\n", 400},
    {"GET / / HTTP/1.1\r\n", 400},
    {"GET\t/ HTTP/1.1\r\n", 400},
    {" GET / HTTP/1.1\r\n", 400},
    {"G(T / HTTP/1.1\r\n", 400},
    {"GET / http/1.1\r\n", 400},
    {"GET / HTTP/11\r\n", 400},
    {"GET / HTTP/1.10\r\n", 400},
    {"GET / HTTP/2.0\r\n", 505},
    {"PRI * HTTP/2.0\r\n", 505},
    {"GET / HTTP/0.9\r\n", 505},
    /* target */
    {"GET a HTTP/1.1\r\n", 400},
    {"GET * HTTP/1.1\r\n", 400},
    {"GET /a#b HTTP/1.1\r\n", 400},
    {"GET /\"<> HTTP/1.1\r\n", 400},
    {"GET /\303\244 HTTP/1.1\r\n", 400},
    {"GET /%2 HTTP/1.1\r\n", 400},
    {"GET /%zz HTTP/1.1\r\n", 400},
    {"GET https://x/ HTTP/1.1\r\n", 400},
    {"GET http:///p HTTP/1.1\r\n", 400},
    {"GET http://a@b/p HTTP/1.1\r\n", 400},
    {"POST /a#b HTTP/1.1\r\n", 400},
    {"POST /\303\244 HTTP/1.1\r\n", 400},
    {"CONNECT u@h:443 HTTP/1.1\r\n", 400},
    {"OPTIONS ** HTTP/1.1\r\n", 400},
    /* fields */
    {"GET / HTTP/1.1\r\nHost : x\r\n", 400},
    {"GET / HTTP/1.1\r\nHost\r\n", 400},
    {"GET / HTTP/1.1\r\n: x\r\n", 400},
    {"GET / HTTP/1.1\r\n Host: x\r\n", 400},
    {"GET / HTTP/1.1\r\nA: b\r\n c\r\n", 400},
    {"GET / HTTP/1.1\r\nA: b\r\n\tc\r\n", 400},
    {"GET / HTTP/1.1\r\nA\303\244: b\r\n", 400},
    {"GET / HTTP/1.1\r\nA b: c\r\n", 400},
    /* Host */
    {"GET / HTTP/1.1\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: x\r\nhost: x\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: x:8o\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: [::1]8\r\n\r\n", 400},
    {"GET / HTTP/1.0\r\nHost: a b\r\n\r\n", 400},
    /* bodies */
    {"GET / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n", 400},
    {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"HEAD / HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\ntransfer-encoding: x\r\n", 400},
    /* what must not come twice */
    {"GET / HTTP/1.1\r\n" H "Origin: http://a\r\nOrigin: http://a\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "Origin: \r\n", 400},
    {"GET / HTTP/1.1\r\n" H "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Key: " KEY "\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13\r\n", 400},
};

/* By the last byte of the text at the latest, and in pieces as in whole. */
Test(http, refusals)
{
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct http_request request;
        size_t want, len = strlen(bad[i].head);
        cr_assert_eq(read_head(slice_of(bad[i].head, len), &request, &want), -bad[i].status,
                     "%zu: %s", i, bad[i].head);
        int64_t n = 0;
        for (size_t have = 0; have <= len && n == 0; have++) {
            n = read_head(slice_of(bad[i].head, have), &request, &want);
            cr_assert(n != 0 || want > have);
        }
        cr_assert_eq(n, -bad[i].status, "%zu in pieces: %s", i, bad[i].head);
    }
}

Test(http, nul_is_refused_anywhere)
{
    static const char head[] = "GET /a HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n";
    struct http_request request;
    size_t want;
    for (size_t i = 0; i < sizeof(head) - 1; i++) {
        uint8_t bytes[sizeof(head) - 1];
        memcpy(bytes, head, sizeof(bytes));
        bytes[i] = 0;
        cr_assert_eq(read_head(slice_of(bytes, sizeof(bytes)), &request, &want), -400, "at %zu", i);
    }
}

/* `want` never asks for more than the head has, and following it gets there. */
Test(http, want_leads_to_the_end)
{
    static const char head[] = "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\nbehind";
    size_t end = sizeof(head) - 1 - strlen("behind"), want = 0;
    struct http_request request;
    for (size_t have = 0; have < end; have++) {
        cr_assert_eq(read_head(slice_of(head, have), &request, &want), 0);
        cr_assert(want > have && want <= end, "%zu: %zu", have, want);
    }
    cr_assert_eq(read_head(slice_of(head, sizeof(head) - 1), &request, &want), (int64_t)end);
}

/* A head of `lines` fields and `bytes` in all. */
static struct slice long_head(uint8_t *out, size_t lines, size_t bytes)
{
    int at = snprintf((char *)out, 64, "GET / HTTP/1.1\r\nHost: x\r\n");
    for (size_t i = 1; i + 1 < lines; i++)
        at += snprintf((char *)out + at, 16, "A: b\r\n");
    at += snprintf((char *)out + at, 16, "Pad: ");
    cr_assert_leq((size_t)at + 4, bytes);
    memset(out + at, 'p', bytes - 4 - (size_t)at);
    memcpy(out + bytes - 4, "\r\n\r\n", 4);
    return slice_of(out, bytes);
}

Test(http, bounds)
{
    static uint8_t out[2 * HTTP_HEAD_BYTES_MAX];
    struct http_request request;
    size_t want = 0;

    struct slice head = long_head(out, 10, HTTP_HEAD_BYTES_MAX);
    cr_assert_eq(read_head(head, &request, &want), HTTP_HEAD_BYTES_MAX);
    head = long_head(out, 10, HTTP_HEAD_BYTES_MAX + 1);
    cr_assert_eq(read_head(head, &request, &want), -431);
    head.len = HTTP_HEAD_BYTES_MAX; /* and not a byte later */
    cr_assert_eq(read_head(head, &request, &want), -431);
    head.len--;
    cr_assert_eq(read_head(head, &request, &want), 0);
    cr_assert_eq(want, HTTP_HEAD_BYTES_MAX);

    head = long_head(out, HTTP_LINES_MAX, 1000);
    cr_assert_eq(read_head(head, &request, &want), 1000);
    head = long_head(out, HTTP_LINES_MAX + 1, 1000);
    cr_assert_eq(read_head(head, &request, &want), -431);
}

Test(http, origins)
{
    static const struct {
        const char *origin, *host;
        bool allowed;
    } cases[] = {
        {"", "x", true},
        {"http://x", "x", true},
        {"https://x", "x", true},
        {"http://X:8080", "x:8080", true},
        {"HTTP://x", "x", true},
        {"http://x", "x:80", true},
        {"http://x:80", "x", true},
        {"https://x", "x:443", true},
        {"http://[::1]:7000", "[::1]:7000", true},
        {"https://x", "x:80", false},
        {"http://x:8080", "x", false},
        {"http://x", "x:8080", false},
        {"http://y", "x", false},
        {"http://x.evil", "x", false},
        {"http://evil-x", "x", false},
        {"http://", "x", false},
        {"http://x/", "x", false},
        {"ftp://x", "x", false},
        {"x", "x", false},
        {"null", "null", false},
        {"http://x", "", false},
        {"https://listed.example", "x", true},
        {"https://listed.example:8", "x", false},
        {"http://listed.example", "x", false},
    };
    const struct slice list[] = {slice_str("http://a"), slice_str("https://listed.example")};
    const struct slice all[] = {slice_str("*")}, null[] = {slice_str("null")};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        cr_assert_eq(http_origin_allowed(slice_str(cases[i].origin), slice_str(cases[i].host), list,
                                         ARRAY_SIZE(list)),
                     cases[i].allowed, "%s at %s", cases[i].origin, cases[i].host);
    cr_assert(http_origin_allowed(slice_str("http://y"), slice_str("x"), all, 1));
    cr_assert(http_origin_allowed(slice_str("null"), slice_str("x"), null, 1));
}

/* RFC 9110 section 13.1.2: weak tags will do. */
Test(http, etags)
{
    static const struct {
        const char *list;
        bool listed;
    } cases[] = {
        {"\"v1\"", true},
        {"W/\"v1\"", true},
        {"*", true},
        {"\"v0\", \"v1\"", true},
        {"\"v0\",\"v1\"", true},
        {", W/\"v1\" ,", true},
        {"", false},
        {"v1", false},
        {"\"v0\"", false},
        {"\"v12\"", false},
        {"w/\"v1\"", false},
        {"\"v0\", *", false},
        {"W/", false},
        {"\"V1\"", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct slice list = slice_str(cases[i].list);
        cr_assert_eq(http_etag_listed(list, slice_str("\"v1\"")), cases[i].listed, "%s",
                     cases[i].list);
        cr_assert_eq(http_etag_listed(list, slice_str("W/\"v1\"")), cases[i].listed, "%s",
                     cases[i].list);
    }
}

Test(http, same_ignores_case_in_ascii_only)
{
    cr_assert(http_same(slice_str("KEEP-alive"), "keep-ALIVE"));
    cr_assert(!http_same(slice_str("keep"), "keep-alive"));
    cr_assert(!http_same(slice_str("@"), "`"));
    cr_assert(!http_same(slice_str("["), "{"));
}
