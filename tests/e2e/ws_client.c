/* ws_client.c -- see ws_client.h. */
#include "tests/e2e/ws_client.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/http_site.h"
#include "proto/wire.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

struct client *http_open_at(int line, const struct server *server)
{
    struct client *client = client_open_at(line, server);
    client->speech = BYTES;
    return client;
}

/* Takes so many bytes from the front. */
static void drop(struct client *client, size_t bytes)
{
    memmove(client->in, client->in + bytes, client->in_len - bytes);
    client->in_len -= bytes;
}

/* Waits until so many bytes are there. */
static void need(int line, struct client *client, size_t bytes)
{
    while (client->in_len < bytes)
        cr_assert(client_read(client, SIZE_MAX, WAIT_MS), "line %d: %zu bytes of %zu came: %.*s",
                  line, client->in_len, bytes, (int)size_min(client->in_len, 200), client->in);
}

/* The bytes of the head that is first in client->in. */
static size_t need_head(int line, struct client *client)
{
    for (size_t have = 4;; have++) {
        need(line, client, have);
        if (memcmp(client->in + have - 4, "\r\n\r\n", 4) == 0)
            return have;
    }
}

const struct answer *http_answer_at(int line, struct client *client, bool bodyless)
{
    static struct answer answer;
    size_t head = need_head(line, client), status_at = strlen("HTTP/1.1 ");

    cr_assert(head < sizeof(answer.head), "line %d: a head of %zu bytes", line, head);
    memcpy(answer.head, client->in, head);
    answer.head[head] = '\0';
    drop(client, head);
    cr_assert(memcmp(answer.head, "HTTP/1.1 ", status_at) == 0, "line %d: %s", line, answer.head);
    answer.status = (unsigned)strtoul(answer.head + status_at, NULL, 10);
    const char *length = strstr(answer.head, "\r\nContent-Length: ");
    answer.body_bytes =
        length && !bodyless ? strtoul(length + strlen("\r\nContent-Length: "), NULL, 10) : 0;
    cr_assert(answer.body_bytes < sizeof(answer.body), "line %d: %s", line, answer.head);
    need(line, client, answer.body_bytes);
    memcpy(answer.body, client->in, answer.body_bytes);
    answer.body[answer.body_bytes] = '\0';
    drop(client, answer.body_bytes);
    return &answer;
}

const struct answer *http_ask_at(int line, struct client *client, const char *request,
                                 unsigned status)
{
    client_send_at(line, client, request, strlen(request));
    const struct answer *answer = http_answer_at(line, client, strncmp(request, "HEAD ", 5) == 0);
    cr_assert(answer->status == status, "line %d: %u instead of %u: %s", line, answer->status,
              status, answer->head);
    return answer;
}

struct client *ws_open_at(int line, const struct server *server, enum speech speech)
{
    static const char *const requests[] = {
        [WS_BIN] = WS_UPGRADE("/ws", "Sec-WebSocket-Protocol: uproar.v1.bin\r\n"),
        [WS_JSON] = WS_UPGRADE("/ws", "Sec-WebSocket-Protocol: uproar.v1.json\r\n"),
        [BYTES] = WS_UPGRADE("/echo", ""),
    };
    struct client *client = http_open_at(line, server);
    const char *head = http_ask_at(line, client, requests[speech], HTTP_SWITCHING)->head;
    uint8_t accept[HTTP_ACCEPT_BYTES];
    char field[96];

    http_accept(slice_str(KEY), accept);
    snprintf(field, sizeof(field), "\r\nSec-WebSocket-Accept: %.*s\r\n", (int)sizeof(accept),
             (const char *)accept);
    cr_assert(strstr(head, field), "line %d: %s", line, head);
    snprintf(field, sizeof(field), "\r\nSec-WebSocket-Protocol: uproar.v1.%s\r\n",
             speech == WS_BIN ? "bin" : "json");
    cr_assert(speech == BYTES || strstr(head, field), "line %d: %s", line, head);
    client_speaks(client, speech);
    return client;
}

void ws_send_at(int line, struct client *client, enum ws_opcode opcode, bool fin,
                struct slice payload)
{
    static const uint8_t key[4] = {0x5A, 0x01, 0xFF, 0x80};
    static uint8_t out[CLIENT_IN_BYTES];
    size_t n = ws_write_client(opcode, fin, payload, key, out, sizeof(out));
    cr_assert(n > 0, "line %d: %zu bytes are too much", line, payload.len);
    client_send_at(line, client, out, n);
}

void ws_send_close_at(int line, struct client *client, unsigned code)
{
    uint8_t payload[2];
    store_u16(payload, (uint16_t)code);
    ws_send_at(line, client, WS_CLOSE, true, slice_of(payload, code == WS_CODE_NONE ? 0 : 2));
}

void ws_expect_close_at(int line, struct client *client, unsigned code)
{
    client_expect_eof(line, client);
    cr_assert(client->close_code == code, "line %d: close code %u instead of %u", line,
              client->close_code, code);
}

size_t ws_encode_cmd(enum speech speech, const struct cmd *cmd, uint8_t *out, size_t cap)
{
    static const uint8_t key[4] = {0x11, 0x22, 0x33, 0xF4};
    static uint8_t message[2 * FRAME_BYTES_CEILING];
    size_t n;

    if (cmd->type == MSG_PONG) {
        store_u64(message, cmd->pong.token);
        return ws_write_client(WS_PONG, true, slice_of(message, 8), key, out, cap);
    }
    if (speech == WS_JSON) {
        n = ws_json_write(cmd, message, sizeof(message));
        return n > 0 ? ws_write_client(WS_TEXT, true, slice_of(message, n), key, out, cap) : 0;
    }
    n = frame_encode_cmd(cmd, message, sizeof(message));
    return n > 0 ? ws_write_client(WS_BINARY, true,
                                   slice_of(message + FRAME_LENGTH_BYTES, n - FRAME_LENGTH_BYTES),
                                   key, out, cap)
                 : 0;
}

/* A message or control frame of the server's as the native frame that it stands for; its bytes. */
static size_t to_native(struct client *client, enum ws_opcode opcode, struct slice payload,
                        uint8_t *out, size_t cap)
{
    struct event event = {.type = opcode == WS_PING ? MSG_PING : MSG_PONG};

    cr_assert(client->close_code == 0, "a frame behind the close frame");
    switch (opcode) {
    case WS_PING:
    case WS_PONG:
        cr_assert(payload.len == 8, "a ping or pong of %zu bytes", payload.len);
        event.ping.token = load_u64(payload.data);
        return frame_encode_event(&event, out, cap);
    case WS_CLOSE:
        cr_assert(payload.len != 1);
        client->close_code = payload.len == 0 ? WS_CODE_NONE : load_u16(payload.data);
        return 0;
    case WS_TEXT:
        cr_assert(client->speech == WS_JSON, "a text message");
        return ws_json_read(payload, out, cap);
    default:
        cr_assert(opcode == WS_BINARY && client->speech == WS_BIN, "a frame of kind %d", opcode);
        cr_assert(payload.len <= cap - FRAME_LENGTH_BYTES);
        store_u32(out, (uint32_t)payload.len);
        memcpy(out + FRAME_LENGTH_BYTES, payload.data, payload.len);
        return FRAME_LENGTH_BYTES + payload.len;
    }
}

size_t ws_keep_first(struct client *client, struct slice in)
{
    static uint8_t native[2 * FRAME_BYTES_CEILING];
    enum ws_opcode opcode;
    struct slice payload;
    size_t bytes = ws_first_frame(in, &opcode, &payload);

    if (bytes == 0)
        return 0;
    /* [5.1], [5.4]: no key, whole. ws_first_frame looks at neither. */
    cr_assert((in.data[0] & 0xF0) == 0x80 && (in.data[1] & 0x80) == 0, "a frame of a client's");
    cr_assert(ws_header_bytes(payload.len) + payload.len == bytes, "a longer header than it needs");
    size_t n = to_native(client, opcode, payload, native, sizeof(native));
    if (n > 0)
        client_keep(client, slice_of(native, n));
    return bytes;
}
