/* harness.h -- a real uproard for each test, and clients that say anything to it.
 *
 * A test starts the server (the program that $UPROARD names, else build/uproard) on a port of
 * the kernel's choice, speaks to it over loopback and stops it. server_stop is an assertion as
 * much as an end: SIGTERM must lead to its exit status in time, and nothing may have been logged
 * as an error. $UPROAR_TEST_FLAGS adds options to every server, so that the same tests run
 * on what older kernels offer.
 *
 * Every wait is bounded by WAIT_MS, so a test ends whatever the server does. One test is one
 * process (Criterion forks); a server that its test left behind is killed by the kernel.
 *
 * What fails is told with the line of the test: hence the macros, which pass __LINE__.
 */
#ifndef UPROAR_TESTS_E2E_HARNESS_H
#define UPROAR_TESTS_E2E_HARNESS_H

#include <criterion/criterion.h>
#include <sys/types.h>

#include "proto/frame.h"

/* Sanitizer builds on a busy machine are slow; nothing waits that long when all is well. */
#define WAIT_MS 15000

/* A server, in its own folder with its log (stderr) and its port file. */
struct server {
    pid_t pid;
    uint16_t port;
    char folder[64];
    /* To be set before server_stop: */
    bool errors_expected; /* the test provokes "error" lines */
    bool clients_stay;    /* they do not close when the server says it goes */
    int status;           /* the exit status to expect: 0 unless said */
};

/* RLIMIT_NOFILE, soft and hard, of servers that start from now on; 0: the test's. */
extern unsigned server_fds_max;

/* Arguments up to NULL. --listen, --port-file and, unless given, --workers 4 are added. */
#define server_start(...) server_start_to(-1, __VA_ARGS__)
/* The same; it writes to this descriptor instead of to its log. */
#define server_start_to(out, ...) \
    server_start_at(__LINE__, (out), (const char *[]){__VA_ARGS__, NULL})
struct server *server_start_at(int line, int out, const char **flags);
/* Another one in the place of a server that has ended: the same port, folder and log. */
#define server_again(server, ...) \
    server_again_at(__LINE__, (server), (const char *[]){__VA_ARGS__, NULL})
void server_again_at(int line, struct server *server, const char **flags);
/* SIGTERM, upon which the clients go, the exit status, a clean log. */
#define server_stop(server) server_stop_at(__LINE__, (server))
void server_stop_at(int line, struct server *server);
/* The same for a server that has been told already. */
#define server_ended(server) server_ended_at(__LINE__, (server))
void server_ended_at(int line, struct server *server);
/* How often the server's log (so far) holds this text. */
unsigned server_logged(const struct server *server, const char *text);
/* What a server that has ended counted in all, or for one reason; 0 if it says nothing of it. */
uint64_t server_counted(const struct server *server, const char *name, enum reason reason);
/* Descriptors that the server has open now. */
unsigned server_fds(const struct server *server);
/* Bytes of memory that it has now; 0 with a sanitizer, whose own are many times as many. */
uint64_t server_resident(const struct server *server);
/* Bytes that the kernel holds for all connections to its port, on its side. */
uint64_t server_in_sockets(const struct server *server);
/* Kills what is left, shows the log of a server that was not stopped, removes the folders. The
 * .fini of every suite, also when the test failed. */
void harness_fini(void);
void clients_fini(void); /* closes all that are open */

/* Runs uproard to its end with these arguments (up to NULL); its status, and what it said on
 * stdout and stderr together, cut to size. */
int uproard_run(char *said, size_t said_bytes, const char **args);
#define uproard(said, ...) uproard_run((said), sizeof(said), (const char *[]){__VA_ARGS__, NULL})
/* The same with the tools: the programs that $UPROAR and $UPROAR_LOAD name, else those in build. */
int uproar_run(char *said, size_t said_bytes, const char **args);
int uproar_load_run(char *said, size_t said_bytes, const char **args);
#define uproar(said, ...) uproar_run((said), sizeof(said), (const char *[]){__VA_ARGS__, NULL})
#define uproar_load(said, ...) \
    uproar_load_run((said), sizeof(said), (const char *[]){__VA_ARGS__, NULL})

/* The longest that one client's buffer has to hold: a JSON message of which every byte is escaped
 * by six. */
#define CLIENT_IN_BYTES (6u * BODY_BYTES_CEILING + 1024u)

/* What a client needs to take its session over with another connection. */
struct ticket {
    char name[NAME_BYTES_MAX + 1];
    uint8_t token[TOKEN_BYTES];
    uint64_t id;
};

/* What a client speaks. Whatever it is, the functions below take commands and give events. */
enum speech {
    NATIVE,
    WS_BIN,  /* WebSocket, as ws_client.h opens it */
    WS_JSON, /* the same */
    BYTES,   /* nothing is read out of what comes: it is in `in` */
};

/* One connection, and what came in over it. */
struct client {
    int fd;
    enum speech speech;
    uint16_t close_code; /* of the server's close frame, WebSocket only; 0: none has come */
    bool eof;            /* the server ended its direction; everything before it was read */
    bool reset;          /* the connection ended with an error instead */
    uint64_t id;         /* from WELCOME */
    uint16_t shard;
    struct ticket ticket;
    uint64_t msgid;     /* the last that publish or direct used; they count from 1 */
    struct event event; /* the one returned last; its slices hold until the next is taken */
    struct event_lists lists;
    struct frame_copy *taken, *first, **last; /* frames that came in, oldest first */
    uint8_t in[CLIENT_IN_BYTES];
    size_t in_len;
    struct client *next;
};

/* Connected; has said nothing. */
#define client_open(server) client_open_at(__LINE__, (server))
struct client *client_open_at(int line, const struct server *server);
/* The same from this IPv4 address of the host's (INADDR_ANY: its choice), with a receive buffer of
 * so many bytes (0: the kernel's choice). */
#define client_open_as(server, host, rcvbuf_bytes) \
    client_open_as_at(__LINE__, (server), (host), (rcvbuf_bytes))
struct client *client_open_as_at(int line, const struct server *server, uint32_t host,
                                 int rcvbuf_bytes);
/* FIN, or with reset RST. The client is freed; harness_fini closes those that are left. */
void client_close(struct client *client, bool reset);
void client_finish_writing(struct client *client); /* half-close */

#define client_send(client, data, len) client_send_at(__LINE__, (client), (data), (len))
void client_send_at(int line, struct client *client, const void *data, size_t len);
/* Encodes the command without any check and sends it. */
#define client_cmd(client, ...) client_cmd_at(__LINE__, (client), &(struct cmd){__VA_ARGS__})
void client_cmd_at(int line, struct client *client, const struct cmd *cmd);
/* From here on it speaks this: what has come already is read so. */
void client_speaks(struct client *client, enum speech speech);
/* Notes an event that came in, written as a native frame. */
void client_keep(struct client *client, struct slice frame);
/* A frame of any type around these bytes. */
size_t frame_raw(uint8_t *out, uint8_t type, uint8_t flags, const void *body, size_t len);

/* The next event, which must be of this type. */
#define expect(client, type) client_expect(__LINE__, (client), (type))
const struct event *client_expect(int line, struct client *client, enum msg_type type);
/* The next event of this type; others before it stay for later calls. */
#define await(client, type) client_await(__LINE__, (client), (type))
const struct event *client_await(int line, struct client *client, enum msg_type type);
/* PRESENCE that says this of the session `id`; events before it are dropped, PINGs answered. */
#define await_presence(client, kind, id) client_await_presence(__LINE__, (client), (kind), (id))
const struct event *client_await_presence(int line, struct client *client, enum presence_kind kind,
                                          uint64_t id);
/* The next event is ERROR with this reason about this type, and holds a sentence. */
#define expect_error(client, reason, about) \
    client_expect_error(__LINE__, (client), (reason), (about))
const struct event *client_expect_error(int line, struct client *client, enum reason reason,
                                        enum msg_type about);
/* GOAWAY with this reason, over WebSocket the close frame of the same, and the connection ends
 * (FIN). */
#define expect_goaway(client, reason) client_expect_goaway(__LINE__, (client), (reason))
void client_expect_goaway(int line, struct client *client, enum reason reason);
/* The connection ends (FIN) with nothing more said. */
#define expect_eof(client) client_expect_eof(__LINE__, (client))
void client_expect_eof(int line, struct client *client);
/* PING, PONG, and nothing else was there to be read: what came before is all there is. */
#define barrier(client) client_barrier(__LINE__, (client))
void client_barrier(int line, struct client *client);
/* The next event, or NULL if none comes in timeout_ms or the connection ended. */
const struct event *client_next(struct client *client, int timeout_ms);
/* Reads once, at most so many bytes; false when nothing came in time or the connection ended. */
bool client_read(struct client *client, size_t bytes_max, int timeout_ms);
/* client_next, and every PING on the way is answered. */
const struct event *client_next_alive(struct client *client, int timeout_ms);

/* Connected, HELLO said, WELCOME seen. Tries again while the name is still taken. */
#define login(server, name)           login_at(__LINE__, (server), (name), -1, NATIVE)
/* The same, on that shard: tries until the kernel's choice fits. */
#define login_on(server, name, shard) login_at(__LINE__, (server), (name), (shard), NATIVE)
/* The same, over anything. shard -1: any. */
#define login_over(server, name, shard, speech) \
    login_at(__LINE__, (server), (name), (shard), (speech))
struct client *login_at(int line, const struct server *server, const char *name, int shard,
                        enum speech speech);
/* Another connection for this session, whatever became of the last: WELCOME says that it goes on.
 */
#define resume(server, ticket)              resume_at(__LINE__, (server), (ticket), NATIVE)
#define resume_over(server, ticket, speech) resume_at(__LINE__, (server), (ticket), (speech))
struct client *resume_at(int line, const struct server *server, const struct ticket *ticket,
                         enum speech speech);
/* HELLO with the ticket's name and token; no answer is waited for. */
#define hello_again(client, ticket) hello_again_at(__LINE__, (client), (ticket))
void hello_again_at(int line, struct client *client, const struct ticket *ticket);
/* JOIN and JOINED; returns the room's id, the rest is in client->event. JOIN_QUIET unless said. */
#define join(client, room)             join_at(__LINE__, (client), (room), JOIN_QUIET)
#define join_with(client, room, flags) join_at(__LINE__, (client), (room), (flags))
uint32_t join_at(int line, struct client *client, const char *room, uint8_t flags);
/* Only sends; the message id. */
#define publish(client, room, body) publish_at(__LINE__, (client), (room), (body))
uint64_t publish_at(int line, struct client *client, uint32_t room, const char *body);
#define direct(client, to, body) direct_at(__LINE__, (client), (to), (body))
uint64_t direct_at(int line, struct client *client, const char *to, const char *body);
/* The next MESSAGE, whatever else came before it, has this body; returns it. */
#define expect_message(client, body) client_expect_message(__LINE__, (client), (body))
const struct event *client_expect_message(int line, struct client *client, const char *body);

#define assert_text(slice_, text_)                                                   \
    cr_assert(slice_equal((slice_), slice_str(text_)), "\"%.*s\" instead of \"%s\"", \
              (int)(slice_).len, (const char *)(slice_).data, (text_))

#endif
