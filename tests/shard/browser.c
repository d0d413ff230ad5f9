/* browser.c -- see browser.h. */
#include "tests/shard/browser.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/wire.h"
#include "tests/shard/peer.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

struct browser *browser_open_narrow(unsigned shard, int rcvbuf_bytes)
{
    static struct browser *all[64]; /* until the process ends */
    static unsigned count;
    struct browser *browser = calloc(1, sizeof(*browser));

    cr_assert(browser != NULL && count < ARRAY_SIZE(all));
    all[count++] = browser;
    browser->client = client_open_narrow(shard, rcvbuf_bytes);
    browser->who = browser->client->who;
    return browser;
}

struct browser *browser_open(unsigned shard)
{
    return browser_open_narrow(shard, 0);
}

void browser_bytes(const struct browser *browser, struct slice bytes)
{
    client_bytes(browser->client, bytes.data, bytes.len);
}

void browser_ask(const struct browser *browser, const char *request_line, const char *fields)
{
    char text[8192];

    snprintf(text, sizeof(text), "%s\r\nHost: here\r\n%s\r\n", request_line, fields);
    browser_bytes(browser, slice_str(text));
}

/* Whether anything has come since. */
static bool read_more(struct browser *browser)
{
    size_t before = browser->len;

    memmove(browser->in, browser->in + browser->from, browser->len - browser->from);
    browser->len -= browser->from;
    before -= browser->from;
    browser->from = 0;
    for (unsigned turns = 0; turns < 2 && browser->len == before && !browser->eof; turns++) {
        if (turns > 0)
            world_settle();
        size_t got;
        while (!browser->eof && browser->len < sizeof(browser->in) &&
               (got = peer_recv(browser->client->fd, browser->in + browser->len,
                                sizeof(browser->in) - browser->len, &browser->eof)) > 0)
            browser->len += got;
    }
    return browser->len > before;
}

static struct slice unread(const struct browser *browser)
{
    return slice_of(browser->in + browser->from, browser->len - browser->from);
}

/* The head of an answer, and the bytes of its body; false: it is not whole. */
static bool answer_whole(struct slice in, size_t *head, size_t *body)
{
    const uint8_t *end = memmem(in.data, in.len, "\r\n\r\n", 4);

    if (end == NULL)
        return false;
    *head = (size_t)(end - in.data) + 4;
    const char *length = memmem(in.data, *head, "Content-Length: ", 16);
    *body = length != NULL ? strtoul(length + 16, NULL, 10) : 0;
    return in.len - *head >= *body;
}

unsigned browser_answer(struct browser *browser, struct slice *body)
{
    size_t head, bytes;

    while (!answer_whole(unread(browser), &head, &bytes))
        cr_assert(read_more(browser), "no answer came, but %zu bytes of one", unread(browser).len);
    const uint8_t *in = unread(browser).data;
    cr_assert_eq(memcmp(in, "HTTP/1.1 ", 9), 0);
    unsigned status = (unsigned)strtoul((const char *)in + 9, NULL, 10);
    if (body != NULL)
        *body = slice_of(in + head, bytes);
    browser->from += head + bytes;
    return status;
}

void browser_upgrade(const struct browser *browser, const char *path, const char *protocol)
{
    char line[256], fields[512];

    snprintf(line, sizeof(line), "GET %s HTTP/1.1", path);
    snprintf(fields, sizeof(fields),
             "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: " KEY "\r\n%s%s%s",
             protocol ? "Sec-WebSocket-Protocol: " : "", protocol ? protocol : "",
             protocol ? "\r\n" : "");
    browser_ask(browser, line, fields);
}

struct browser *browser_ws(unsigned shard, const char *path, const char *protocol)
{
    struct browser *browser = browser_open(shard);

    browser_upgrade(browser, path, protocol);
    expect_status(browser, 101);
    return browser;
}

void browser_part(const struct browser *browser, enum ws_opcode opcode, bool fin,
                  struct slice payload)
{
    static const uint8_t key[4] = {0x37, 0xFA, 0x21, 0x3D};
    static uint8_t frame[1u << 18];
    size_t len = ws_write_client(opcode, fin, payload, key, frame, sizeof(frame));

    cr_assert(len > 0);
    browser_bytes(browser, slice_of(frame, len));
}

void browser_say(const struct browser *browser, const char *text)
{
    browser_part(browser, WS_TEXT, true, slice_str(text));
}

void browser_close(const struct browser *browser, unsigned code)
{
    uint8_t payload[2];

    store_u16(payload, (uint16_t)code);
    browser_part(browser, WS_CLOSE, true, slice_of(payload, code != 0 ? 2 : 0));
}

struct slice browser_next(int line, struct browser *browser, enum ws_opcode *opcode)
{
    struct slice payload;
    size_t bytes;

    while ((bytes = ws_first_frame(unread(browser), opcode, &payload)) == 0)
        cr_assert(read_more(browser), "line %d: no frame came", line);
    browser->from += bytes;
    return payload;
}

struct slice browser_expect(int line, struct browser *browser, enum ws_opcode opcode)
{
    enum ws_opcode found;
    struct slice payload = browser_next(line, browser, &found);

    cr_assert_eq(found, opcode, "line %d: a frame of kind %d: %.*s", line, (int)found,
                 (int)payload.len, (const char *)payload.data);
    return payload;
}

struct slice browser_expect_text(int line, struct browser *browser, const char *begins)
{
    struct slice text = browser_expect(line, browser, WS_TEXT);

    cr_assert(text.len >= strlen(begins) && memcmp(text.data, begins, strlen(begins)) == 0,
              "line %d: %.*s", line, (int)text.len, (const char *)text.data);
    return text;
}

void browser_expect_close(int line, struct browser *browser, unsigned code)
{
    struct slice payload = browser_expect(line, browser, WS_CLOSE);
    unsigned found = payload.len >= 2 ? load_u16(payload.data) : WS_CODE_NONE;

    cr_assert_eq(found, code, "line %d: code %u", line, found);
    browser_expect_end(line, browser);
}

void browser_expect_end(int line, struct browser *browser)
{
    while (!browser->eof)
        cr_assert(read_more(browser) || browser->eof, "line %d: it goes on", line);
    cr_assert_eq(unread(browser).len, 0, "line %d: more was said", line);
}

void browser_expect_quiet(int line, struct browser *browser)
{
    world_settle();
    read_more(browser);
    cr_assert(unread(browser).len == 0 && !browser->eof, "line %d: %.*s", line,
              (int)unread(browser).len, (const char *)unread(browser).data);
}

void browser_hello(struct browser *browser, const char *name, char *token)
{
    char hello[128];

    snprintf(hello, sizeof(hello), "{\"type\":\"HELLO\",\"name\":\"%s\"}", name);
    browser_say(browser, hello);
    struct slice welcome = expect_text(browser, "{\"type\":\"WELCOME\"");
    const char *found = memmem(welcome.data, welcome.len, "\"token\":\"", 9);
    cr_assert_not_null(found);
    if (token != NULL) {
        memcpy(token, found + 9, 32);
        token[32] = '\0';
    }
}

struct browser *browser_login(unsigned shard, const char *name, char *token)
{
    struct browser *browser = browser_ws(shard, "/ws", HTTP_PROTOCOL_NAME_JSON);

    browser_hello(browser, name, token);
    return browser;
}

uint32_t browser_join(struct browser *browser, struct slice room)
{
    char join[128];

    snprintf(join, sizeof(join), "{\"type\":\"JOIN\",\"flags\":%u,\"room\":\"%.*s\"}", JOIN_QUIET,
             (int)room.len, (const char *)room.data);
    browser_say(browser, join);
    struct slice joined = expect_text(browser, "{\"type\":\"JOINED\",\"room\":");
    return (uint32_t)strtoul((const char *)joined.data + 24, NULL, 10);
}

void browser_publish(const struct browser *browser, uint32_t room, uint64_t msgid, const char *body)
{
    char publish[8192];

    snprintf(publish, sizeof(publish),
             "{\"type\":\"PUBLISH\",\"room\":%u,\"msgid\":\"%llu\",\"body\":\"%s\"}", room,
             (unsigned long long)msgid, body);
    browser_say(browser, publish);
}
