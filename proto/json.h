/* json.h -- uproar.v1.json: one JSON object (RFC 8259) for each command and event.
 *
 * proto/WEBSOCKET.md is the normative text. The same messages and the same field names as the
 * native protocol's; numbers of 64 bits are strings of decimal digits, since a JavaScript number
 * cannot hold them; tokens are strings of 32 hexadecimal digits.
 *
 * A command is flat, so reading it needs no stack and no memory: each value is found where it lies,
 * and escapes are undone in place, which only ever shortens a string.
 *
 * Nothing in an object closes the connection: each stands in a message of its own, and the next
 * one can be read whatever this one was.
 */
#ifndef UPROAR_PROTO_JSON_H
#define UPROAR_PROTO_JSON_H

#include "proto/cmd.h"

/* The longest text of a command where a native frame may have frame_bytes_max bytes. Escapes may
 * double it, which is what quotes, backslashes and line ends do; a client that writes every
 * character as \uXXXX has room for less. The names of fields take the rest. */
static inline uint32_t json_bytes_max(uint32_t frame_bytes_max)
{
    return 2 * frame_bytes_max + 256;
}

/* Reads a command from the whole of `text`, which is UTF-8 and is changed. What is wrong with it is
 * cmd->error, with type and ref as far as they could be read. Slices in *cmd point into text. */
void json_decode_cmd(struct span text, struct cmd *cmd);

/* Writes an event. Bytes written, 0 when cap is too small or it is a client's type. The strings of
 * the event are UTF-8. */
size_t json_encode_event(const struct event *event, uint8_t *out, size_t cap);

/* So many bytes are always enough for it; it looks into the strings for what has to be escaped. */
size_t json_event_bytes_max(const struct event *event);

/* The sender of a MESSAGE that json_encode_event wrote; 0: something else. */
uint64_t json_message_sender(struct slice text);

#endif
