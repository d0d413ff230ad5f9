/* wire.h -- how a client of an Uproar server travels: our own frames, or WebSocket in two formats.
 *
 * All three say the same and are checked alike; other servers' protocols, which say less, are
 * dialects (dialect.h). What is said is a struct cmd. What is heard is handed on as the frame of
 * our own without its length (connection.h), whatever it came as.
 *
 * Any thread. Masking keys come from a generator of the thread's own.
 */
#ifndef UPROAR_TOOLS_LOAD_WIRE_H
#define UPROAR_TOOLS_LOAD_WIRE_H

#include "proto/frame.h"
#include "proto/ws.h"
#include "tools/json_say.h"

enum load_wire { LOAD_NATIVE, LOAD_WS, LOAD_WS_JSON, LOAD_WIRES };

/* Of the clients that travel alike. */
struct load_wire_counts {
    uint64_t clients, delivered;
    uint64_t bytes; /* received from go on, without TCP's and IP's own */
};

/* For --protocol. */
const char *load_wire_name(enum load_wire wire);
/* LOAD_WIRES: none is called so. */
enum load_wire load_wire_named(struct slice name);

/* What a command takes at most beside its strings, if these need no escapes in JSON. */
#define LOAD_SAY_BYTES (WS_CLIENT_HEADER_MAX + JSON_SAY_BYTES)
static_assert(JSON_SAY_BYTES > FRAME_HEADER_BYTES + 32u, "more than our own frames take");

/* Writes a command. Bytes written; 0 when cap is less than LOAD_SAY_BYTES and the strings. */
size_t load_wire_say(enum load_wire wire, const struct cmd *cmd, uint8_t *out, size_t cap);

/* A control frame of WebSocket; a payload of at most WS_CONTROL_BYTES_MAX. Bytes written. */
#define LOAD_CONTROL_BYTES (6u + WS_CONTROL_BYTES_MAX)
size_t load_wire_control(enum ws_opcode opcode, struct slice payload, uint8_t *out);

#endif
