/* ws_client.h -- WebSocket and HTTP for the clients of the harness.
 *
 * A client that was opened here is one of harness.h's: what it is told comes as events, what it
 * says are commands, and login_over opens one that has said HELLO. What is below is for tests that
 * want to see, or spoil, the frames and heads themselves.
 */
#ifndef UPROAR_TESTS_E2E_WS_CLIENT_H
#define UPROAR_TESTS_E2E_WS_CLIENT_H

#include "proto/ws.h"
#include "tests/e2e/harness.h"

/* The fields of an upgrade that is right, but for Host. */
#define WS_HOST                  "Host: chat.example\r\n"
#define WS_KEY                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define WS_MAY                   "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
#define WS_UPGRADE(path, fields) "GET " path " HTTP/1.1\r\n" WS_HOST WS_MAY WS_KEY fields "\r\n"

/* Connected, and the handshake is over: at /ws, with the subprotocol of that name; BYTES: at /echo.
 */
#define ws_open(server, speech) ws_open_at(__LINE__, (server), (speech))
struct client *ws_open_at(int line, const struct server *server, enum speech speech);

/* An answer of HTTP, read from a client that speaks BYTES. */
struct answer {
    unsigned status;
    char head[2048]; /* with its last, empty line */
    char body[65536];
    size_t body_bytes;
};

/* Connected, to speak BYTES. */
#define http_open(server) http_open_at(__LINE__, (server))
struct client *http_open_at(int line, const struct server *server);
/* The next answer; what is behind it stays. bodyless: to HEAD. The answer is static: it holds until
 * the next. */
#define http_answer(client)         http_answer_at(__LINE__, (client), false)
#define http_answer_to_head(client) http_answer_at(__LINE__, (client), true)
const struct answer *http_answer_at(int line, struct client *client, bool bodyless);
/* Sends this and reads the answer, which must have this status. */
#define http_ask(client, request, status) http_ask_at(__LINE__, (client), (request), (status))
const struct answer *http_ask_at(int line, struct client *client, const char *request,
                                 unsigned status);

/* A frame with a key. */
#define ws_send(client, opcode, payload) \
    ws_send_at(__LINE__, (client), (opcode), true, slice_str(payload))
#define ws_send_part(client, opcode, fin, payload) \
    ws_send_at(__LINE__, (client), (opcode), (fin), (payload))
void ws_send_at(int line, struct client *client, enum ws_opcode opcode, bool fin,
                struct slice payload);
/* A close frame with this code; WS_CODE_NONE: an empty one. */
#define ws_send_close(client, code) ws_send_close_at(__LINE__, (client), (code))
void ws_send_close_at(int line, struct client *client, unsigned code);
/* The server says close with this code, and the connection ends (FIN); nothing came before it. */
#define ws_expect_close(client, code) ws_expect_close_at(__LINE__, (client), (code))
void ws_expect_close_at(int line, struct client *client, unsigned code);

/* For client.c. A command as a client's frame; bytes, 0: cap is too small. */
size_t ws_encode_cmd(enum speech speech, const struct cmd *cmd, uint8_t *out, size_t cap);
/* Notes the first whole frame of `in`: events, a close frame's code. Bytes, 0: it is not whole. */
size_t ws_keep_first(struct client *client, struct slice in);

/* ws_json.c, with jansson, which is not ours. A command as an object; bytes. */
size_t ws_json_write(const struct cmd *cmd, uint8_t *out, size_t cap);
/* An event's object as a native frame; bytes. What it does not understand fails the test. */
size_t ws_json_read(struct slice text, uint8_t *out, size_t cap);

#endif
