/* browser.h -- a client that came by HTTP: requests, an upgrade, and then WebSocket frames.
 *
 * It says whatever a test wants, right or wrong, and reads what a server may write: whole frames
 * without keys.
 */
#ifndef UPROAR_TESTS_SHARD_BROWSER_H
#define UPROAR_TESTS_SHARD_BROWSER_H

#include "proto/ws.h"
#include "tests/shard/fixture.h"

struct browser {
    struct client *client;
    struct session_ref who; /* the client's, also when that is closed */
    uint8_t in[1u << 18];
    size_t len, from; /* what has come, and how much of it was looked at */
    bool eof;
};

/* Connected; has said nothing. Lives until the test ends. */
struct browser *browser_open(unsigned shard);
/* The same with a receive buffer of so many bytes. */
struct browser *browser_open_narrow(unsigned shard, int rcvbuf_bytes);
void browser_bytes(const struct browser *browser, struct slice bytes);
/* A request with Host, and with these lines of fields. */
void browser_ask(const struct browser *browser, const char *request_line, const char *fields);
/* The status of the next answer, whose body is *body (may be NULL). */
unsigned browser_answer(struct browser *browser, struct slice *body);
#define expect_status(browser, status) cr_assert_eq(browser_answer((browser), NULL), (status))

/* The request that becomes WebSocket; protocol NULL: none is offered. */
void browser_upgrade(const struct browser *browser, const char *path, const char *protocol);
/* browser_open, browser_upgrade, and 101. */
struct browser *browser_ws(unsigned shard, const char *path, const char *protocol);

/* A frame with a key. */
void browser_part(const struct browser *browser, enum ws_opcode opcode, bool fin,
                  struct slice payload);
void browser_say(const struct browser *browser, const char *text);
/* A close frame; code 0: an empty one. */
void browser_close(const struct browser *browser, unsigned code);

/* The next frame, which must come. */
#define next_frame(browser, opcode) browser_next(__LINE__, (browser), (opcode))
struct slice browser_next(int line, struct browser *browser, enum ws_opcode *opcode);
/* It must be of this kind. The payload holds until the next is asked for. */
#define expect_frame(browser, opcode) browser_expect(__LINE__, (browser), (opcode))
struct slice browser_expect(int line, struct browser *browser, enum ws_opcode opcode);
/* A text message that begins so. */
#define expect_text(browser, begins) browser_expect_text(__LINE__, (browser), (begins))
struct slice browser_expect_text(int line, struct browser *browser, const char *begins);
/* A close frame with this code, and the end. */
#define expect_close(browser, code) browser_expect_close(__LINE__, (browser), (code))
void browser_expect_close(int line, struct browser *browser, unsigned code);
/* The end, and nothing before it. */
#define expect_no_more(browser) browser_expect_end(__LINE__, (browser))
void browser_expect_end(int line, struct browser *browser);
#define expect_quiet(browser) browser_expect_quiet(__LINE__, (browser))
void browser_expect_quiet(int line, struct browser *browser);

/* On uproar.v1.json: HELLO and WELCOME, whose token goes to token[33] if that is not NULL; JOIN and
 * JOINED, without presence; the room's id. */
void browser_hello(struct browser *browser, const char *name, char *token);
struct browser *browser_login(unsigned shard, const char *name, char *token);
uint32_t browser_join(struct browser *browser, struct slice room);
void browser_publish(const struct browser *browser, uint32_t room, uint64_t msgid,
                     const char *body);

#endif
