/* fixture.h -- whole shards in the test's thread, stepped by hand.
 *
 * A world is some shards with a mesh between them, in the order that the test gives them turns.
 * Nothing runs by itself, so a test stops the world where it wants to look inside. Each shard
 * listens on a port of its own, so that a test says which shard a client lives on.
 *
 * A world may have *probes*: ports of the mesh behind which there is no shard but the test. Through
 * one the test plays a client's shard towards a home, or a home towards a client's shard, and
 * sees exactly what crosses.
 *
 * One world for each test: Criterion gives each a process of its own. world_stop is an assertion
 * as much as an end: everything that was lent must have come home.
 */
#ifndef UPROAR_TESTS_SHARD_FIXTURE_H
#define UPROAR_TESTS_SHARD_FIXTURE_H

#include <criterion/criterion.h>

#include "proto/frame.h"
#include "shard/room.h"
#include "shard/session.h"
#include "shard/shard.h"

#define WORLD_SHARDS_MAX 8u

/* Options as on the command line, more in `...`. Unless they say otherwise, nobody's session
 * outlives its connection. */
#define world_start(shards, probes, ...) \
    world_start_with((shards), (probes), (const char *[]){"uproard", __VA_ARGS__, NULL})
void world_start_with(unsigned shards, unsigned probes, const char **argv);
/* Cuts all clients, lets everything come home and checks that nothing leaked. */
void world_stop(void);

/* What all shards together have counted so far. */
uint64_t world_counted(enum stats_id stat);
uint64_t world_counted_reason(enum stats_reason_id stat, enum reason reason);

/* The shard, which becomes the current one: what follows may be done in its name. */
struct shard *world_shard(unsigned index);
/* One turn of one shard, of each shard, and turns until nothing moves any more. */
void world_turn(unsigned index);
void world_turn_all(void);
void world_settle(void);

/* All who stand in that line have waited long enough; then as world_settle. */
void world_line_due(unsigned index, enum line_index line);

/* The first of the names "PREFIX0", "PREFIX1", ... whose home is that port. */
struct slice room_homed(const char *prefix, unsigned port);
struct slice name_homed(const char *prefix, unsigned port);

/* A message that a probe took from the mesh: the payload is a copy. */
struct caught {
    struct xmsg msg;
    struct caught *next;
};
/* Stages one from probe number `probe` (0 is the first); probe_flush shows them. */
struct xmsg *probe_post(unsigned probe, unsigned to, enum xmsg_type type);
void probe_flush(unsigned probe);
uint16_t probe_port(unsigned probe);
/* What a probe's payloads are made of. */
struct segments *probe_segments(unsigned probe);
/* The next message that came for the probe, after turns if need be, which must be of this type.
 * Lives until world_stop. */
#define probe_expect(probe, type) probe_expect_at(__LINE__, (probe), (type))
const struct xmsg *probe_expect_at(int line, unsigned probe, enum xmsg_type type);
/* The next that has come already, or NULL. */
const struct xmsg *probe_next(unsigned probe);
/* Nothing more comes. */
#define probe_expect_silence(probe)                                        \
    do {                                                                   \
        probe_flush(probe);                                                \
        world_settle();                                                    \
        const struct xmsg *silent = probe_next(probe);                     \
        cr_assert_null(silent, "a message of type %u came", silent->type); \
    } while (0)
/* Takes all that segments have to give but `left` bytes; and back. */
struct segment *memory_hoard(struct segments *segments, size_t left);
void memory_give_back(struct segment *hoard);

/* A client on one shard, over TCP. */
struct client {
    int fd;
    struct session *session; /* the server's side; looked at only while it is open */
    struct session_ref who;  /* finds it as long as it is */
    struct event event;      /* returned last; its slices hold until the next */
    struct event_lists lists;
    uint64_t msgid; /* given last */
    uint8_t *in;
    size_t in_len, in_from;
    bool eof;                          /* the server's FIN was read */
    uint8_t rest[FRAME_BYTES_CEILING]; /* of a frame that client_try could not send whole */
    size_t rest_len;
    struct client *next;
};

/* What is under way for it, on its shard. */
const struct errand *client_errand(const struct client *client);

/* Connected and accepted; has said nothing. */
struct client *client_open(unsigned shard);
/* The same with a receive buffer of so many bytes (0: the kernel's choice). */
struct client *client_open_narrow(unsigned shard, int rcvbuf_bytes);
void client_close(struct client *client);
void client_bytes(struct client *client, const void *data, size_t len);
/* Encodes and sends; nobody takes a turn. */
#define client_say(client, ...) client_cmd((client), &(struct cmd){__VA_ARGS__})
void client_cmd(struct client *client, const struct cmd *cmd);
/* The encoded command, at most cap bytes. */
size_t client_frame(const struct cmd *cmd, uint8_t *out, size_t cap);
/* The next event, or NULL if none comes however many turns the shards take. */
const struct event *client_next(struct client *client);
/* The next event that has come already, without a turn, or NULL. */
const struct event *client_ready(struct client *client);
/* Sends if all of it fits into the socket; a part that was sent is followed by its rest later. */
bool client_try(struct client *client, const struct cmd *cmd);
/* The next event must be of this type. */
#define expect(client, type) client_expect((__LINE__), (client), (type))
const struct event *client_expect(int line, struct client *client, enum msg_type type);
/* ERROR with this reason about this type. */
#define expect_error(client, reason, about) \
    client_expect_error((__LINE__), (client), (reason), (about))
void client_expect_error(int line, struct client *client, enum reason reason, enum msg_type about);
/* Nothing more is said. */
#define expect_silence(client) client_expect_silence((__LINE__), (client))
void client_expect_silence(int line, struct client *client);
/* The server says nothing more and ends the connection. */
#define expect_end(client) client_expect_end((__LINE__), (client))
void client_expect_end(int line, struct client *client);

/* HELLO and WELCOME; JOIN and JOINED, quiet unless flags say otherwise. */
struct client *login(unsigned shard, const char *name);
uint32_t join_with(struct client *client, struct slice room, uint8_t flags);
#define join(client, room) join_with((client), (room), JOIN_QUIET)
uint64_t publish(struct client *client, uint32_t room, struct slice body);

#define assert_slice(slice_, text_)                                                  \
    cr_assert(slice_equal((slice_), slice_str(text_)), "\"%.*s\" instead of \"%s\"", \
              (int)(slice_).len, (const char *)(slice_).data, (text_))

#endif
