/* test_http_codec.c -- HTTP as a codec: pages, refusals, and becoming a WebSocket. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/http_site.h"
#include "proto/ws.h"
#include "tests/fuzz/drive.h"

#define H     "Host: chat.example\r\n"
#define KEY   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define MAY   "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
#define OPENS "GET /ws HTTP/1.1\r\n" H MAY KEY

#define S(text)                                   \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }
static const struct http_resource resources[] = {
    {S("/"), S("text/html; charset=utf-8"), S("<!doctype html>"), S("\"v1\"")},
    {S("/healthz"), S("text/plain"), S("ok\n"), {NULL, 0}},
};
static const struct slice origins[] = {S("https://other.example")};
static const struct http_site site = {resources, ARRAY_SIZE(resources), origins, 1, true, 0};

static struct drive *drive_new(void)
{
    struct drive *drive = calloc(1, sizeof(*drive));
    drive->limits.frame_bytes_max = 1000;
    drive->limits.site = &site;
    drive_open(drive, CODEC_HTTP);
    return drive;
}

static void drive_free(struct drive *drive)
{
    drive_fini(drive);
    free(drive);
}

/* One request and the status of its answer; `end`: whether the connection ends with it. */
static struct drive *ask(const char *request, int status, bool end)
{
    struct drive *drive = drive_new();
    char line[32];
    drive_bytes_in_steps(drive, slice_str(request), 7);
    snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
    cr_assert_eq(memcmp(drive->out, line, strlen(line)), 0, "%s: %.12s", request, drive->out);
    cr_assert_eq(drive->end != REASON_NONE, end, "%s", request);
    cr_assert_eq(drive->commands, 0);
    return drive;
}

static void asked(const char *request, int status, bool end)
{
    drive_free(ask(request, status, end));
}

static void assert_ends_with(const struct drive *drive, const char *text)
{
    size_t len = strlen(text);
    cr_assert_geq(drive->out_len, len);
    cr_assert_eq(memcmp(drive->out + drive->out_len - len, text, len), 0, "%s", drive->out);
}

Test(http_codec, sniffs_methods)
{
    static const char *const mine[] = {"GET ", "HEAD /", "POST ", "OPTIONS *", "PRI * HTTP/2.0"};
    static const char *const maybe[] = {"", "G", "GE", "GET", "P", "CONNEC", "OPTIONS"};
    static const char *const others[] = {"NICK a\r\n", "get /", "GETX",  "USER a", "\x16\x03",
                                         "PASS x",     "GET\t", "CAP L", "PONG x", "PING x"};
    for (size_t i = 0; i < ARRAY_SIZE(mine); i++)
        cr_assert_eq(codec_http.sniff(slice_str(mine[i])), SNIFF_YES, "%s", mine[i]);
    for (size_t i = 0; i < ARRAY_SIZE(maybe); i++)
        cr_assert_eq(codec_http.sniff(slice_str(maybe[i])), SNIFF_MORE, "%s", maybe[i]);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        cr_assert_eq(codec_http.sniff(slice_str(others[i])), SNIFF_NO, "%s", others[i]);
}

Test(http_codec, pages)
{
    struct drive *drive = ask("GET / HTTP/1.1\r\n" H "\r\n", 200, false);
    assert_ends_with(drive, "\r\n\r\n<!doctype html>");
    drive_free(drive);
    drive = ask("HEAD / HTTP/1.1\r\n" H "\r\n", 200, false);
    assert_ends_with(drive, "\r\n\r\n");
    cr_assert(strstr((char *)drive->out, "Content-Length: 15\r\n"));
    drive_free(drive);
    drive = ask("GET /healthz HTTP/1.0\r\n\r\n", 200, true);
    assert_ends_with(drive, "\r\n\r\nok\n");
    cr_assert_eq(drive->end, REASON_ANSWERED);
    drive_free(drive);
    drive = ask("GET /?q HTTP/1.1\r\n" H "If-None-Match: \"v1\"\r\n\r\n", 304, false);
    assert_ends_with(drive, "\r\n\r\n");
    drive_free(drive);
    asked("GET / HTTP/1.1\r\n" H "If-None-Match: \"v0\"\r\n\r\n", 200, false);
    asked("GET / HTTP/1.1\r\n" H "If-None-Match: \"v0\", W/\"v1\"\r\n\r\n", 304, false);
    asked("HEAD / HTTP/1.1\r\n" H "If-None-Match: *\r\n\r\n", 304, false);
    asked("GET /healthz HTTP/1.1\r\n" H "If-None-Match: *\r\n\r\n", 200, false);
    asked("GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n", 200, true);
}

Test(http_codec, what_is_not_there)
{
    asked("GET /metrics HTTP/1.1\r\n" H "\r\n", 404, false);
    asked("GET /WS HTTP/1.1\r\n" H "\r\n", 404, false);
    asked("GET /../etc/passwd HTTP/1.1\r\n" H "\r\n", 404, false);
    asked("POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\n", 405, true);
    asked("DELETE / HTTP/1.1\r\n" H "\r\n", 405, false);
    asked("OPTIONS * HTTP/1.1\r\n" H "\r\n", 405, false);
    asked("POST /ws HTTP/1.1\r\n" H MAY KEY "\r\n", 405, false);
    asked("CONNECT chat.example:443 HTTP/1.1\r\n" H "\r\n", 405, false);
    asked("GET /\n", 400, true);
    asked("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, true);
    asked("GET / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\n", 400, true);
}

Test(http_codec, upgrades)
{
    static const struct {
        const char *request;
        unsigned codec;
    } cases[] = {
        {OPENS "\r\n", CODEC_WS_JSON},
        {OPENS "Sec-WebSocket-Protocol: uproar.v1.json\r\n\r\n", CODEC_WS_JSON},
        {OPENS "Sec-WebSocket-Protocol: x, uproar.v1.bin, uproar.v1.json\r\n\r\n", CODEC_WS_BIN},
        {OPENS "Origin: http://chat.example\r\n\r\n", CODEC_WS_JSON},
        {OPENS "Origin: https://other.example\r\n\r\n", CODEC_WS_JSON},
        {"GET /echo HTTP/1.1\r\n" H MAY KEY "\r\n", CODEC_WS_ECHO},
        {"GET /echo HTTP/1.1\r\n" H MAY KEY "Sec-WebSocket-Protocol: x\r\n\r\n", CODEC_WS_ECHO},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct drive *drive = ask(cases[i].request, 101, false);
        cr_assert_eq(drive->codec, cases[i].codec, "%zu", i);
        drive_free(drive);
    }
}

Test(http_codec, upgrades_that_are_refused)
{
    asked("GET /ws HTTP/1.1\r\n" H "\r\n", 426, false);
    asked("HEAD /ws HTTP/1.1\r\n" H MAY KEY "\r\n", 426, false);
    asked("GET /ws HTTP/1.0\r\n" H MAY KEY "\r\n", 426, true);
    asked("GET /ws HTTP/1.1\r\n" H "Upgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Version: 8\r\n" KEY "\r\n",
          426, false);
    asked("GET /ws HTTP/1.1\r\n" H MAY "\r\n", 400, false);
    asked("GET /ws HTTP/1.1\r\n" H MAY "Sec-WebSocket-Key: short\r\n\r\n", 400, false);
    asked(OPENS "Origin: https://evil.example\r\n\r\n", 403, false);
    asked(OPENS "Origin: null\r\n\r\n", 403, false);
    asked(OPENS "Sec-WebSocket-Protocol: graphql-ws\r\n\r\n", 400, false);
    asked("GET /echo HTTP/1.1\r\n" H MAY KEY "Origin: https://evil.example\r\n\r\n", 403, false);
}

/* Frames may follow the request at once: they are for the codec that it becomes. */
Test(http_codec, frames_behind_the_request)
{
    static const uint8_t key[4] = {5, 6, 7, 8};
    for (size_t step = 1; step < 400; step += 37) {
        struct drive *drive = drive_new();
        uint8_t in[512];
        size_t n =
            (size_t)snprintf((char *)in, sizeof(in), "GET /echo HTTP/1.1\r\n" H MAY KEY "\r\n");
        n += ws_write_client(WS_TEXT, true, slice_str("hello"), key, in + n, sizeof(in) - n);
        drive_bytes_in_steps(drive, slice_of(in, n), step);
        assert_ends_with(drive, "\r\n\r\n\x81\x05hello");
        drive_free(drive);
    }
}

/* Several requests without waiting, answered in order, and no more than the bound. */
Test(http_codec, one_after_the_other)
{
    static const char one[] = "GET /healthz HTTP/1.1\r\n" H "\r\n";
    struct drive *drive = drive_new();
    unsigned answers = 0;

    for (unsigned i = 0; i < 40; i++)
        drive_bytes(drive, slice_str(one));
    drive->out[drive->out_len] = 0;
    for (const char *at = (char *)drive->out; (at = strstr(at, "HTTP/1.1 200 ")); at++)
        answers++;
    cr_assert_eq(answers, 16);
    cr_assert_eq(drive->end, REASON_ANSWERED);
    cr_assert(strstr((char *)drive->out, "Connection: close\r\n"));
    drive_free(drive);
}

Test(http_codec, without_a_site_there_is_nothing)
{
    struct drive *drive = drive_new();
    drive->limits.site = NULL;
    drive_bytes(drive, slice_str("GET / HTTP/1.1\r\n" H "\r\n"));
    cr_assert_eq(memcmp(drive->out, "HTTP/1.1 404 ", 13), 0);
    drive_bytes(drive, slice_str("GET /echo HTTP/1.1\r\n" H MAY KEY "\r\n"));
    cr_assert_eq(drive->codec, CODEC_HTTP);
    drive_free(drive);
}

/* What the server says when it ends a connection that has asked nothing yet. */
Test(http_codec, farewells)
{
    static const struct {
        enum reason reason;
        const char *begins;
    } cases[] = {
        {REASON_HELLO_TIMEOUT, "HTTP/1.1 408 "}, {REASON_HELLO_BUDGET, "HTTP/1.1 431 "},
        {REASON_TRUNCATED, "HTTP/1.1 400 "},     {REASON_SHUTDOWN, "HTTP/1.1 503 "},
        {REASON_SHED, "HTTP/1.1 503 "},          {REASON_PEER_CLOSED, NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct drive *drive = drive_new();
        drive_bytes(drive, slice_str("GET "));
        drive_end(drive, cases[i].reason);
        if (cases[i].begins)
            cr_assert_eq(memcmp(drive->out, cases[i].begins, 13), 0);
        else
            cr_assert_eq(drive->out_len, 0);
        drive_free(drive);
    }
    /* An answered client that stays too long is not told that its request was late. */
    struct drive *drive = ask("GET / HTTP/1.1\r\n" H "\r\n", 200, false);
    size_t len = drive->out_len;
    drive_end(drive, REASON_HELLO_TIMEOUT);
    cr_assert_eq(drive->out_len, len);
    drive_free(drive);
}
