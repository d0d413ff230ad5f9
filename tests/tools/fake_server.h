/* fake_server.h -- a small, obedient server in a thread, for tests of the client.
 *
 * It knows names, rooms, numbers and echoes, and does on request what a real server does only
 * with bad luck: closing everybody's connection, sending GOAWAY, losing messages, staying silent,
 * speaking something else. One at a time in a process; every call may come from any thread. */
#ifndef UPROAR_TESTS_TOOLS_FAKE_SERVER_H
#define UPROAR_TESTS_TOOLS_FAKE_SERVER_H

#include "proto/cmd.h"

/* Listens on a loopback port of the kernel's choice, which is returned. */
uint16_t fake_start(void);
void fake_stop(void);
/* "127.0.0.1:PORT" */
const char *fake_address(void);

/* Whoever asks for this name is told that it is taken. */
void fake_take_name(const char *name);
/* A PUBLISH or DIRECT is answered with NACK instead of ACK, from now on; REASON_NONE ends it. */
void fake_refuse(enum reason reason);
/* Nobody gets any answer from now on. */
void fake_mute(bool mute);
/* What new connections are told instead of anything sensible; NULL ends it. */
void fake_speak(const char *bytes);

/* Somebody says something in the room. Its members get it; it has a number in any case. */
void fake_say(const char *room, const char *name, const char *body);
/* The same to everybody, as a direct message. */
void fake_whisper(const char *name, const char *body);
void fake_presence(const char *room, enum presence_kind kind, const char *name);
/* Numbers that nobody will be told of. */
void fake_skip(const char *room, unsigned count);
void fake_gap(const char *room, uint64_t from, uint64_t to, enum reason reason);

/* Closes every connection; `listening` says whether new ones are taken from then on. */
void fake_drop(bool listening);
/* From now on WELCOME has a token, and who loses the connection without FIN stays in the rooms
 * under the name until the token comes back. */
void fake_hold_sessions(bool hold);
/* Connections that their client has ended with FIN. */
unsigned fake_fins(void);
void fake_goaway(enum reason reason, uint32_t reconnect_after_ms);
void fake_new_epoch(void);

/* Waits up to 5 s until that many connections are members of the room, or fails the test. */
void fake_await_members(const char *room, unsigned members);
/* How many messages were published in the room, by anybody. */
uint64_t fake_head(const char *room);
/* The body of the message published last by a client; static. */
const char *fake_last_body(void);

#endif
