/* frame.h -- the native frame, both ways: what the server's codec and every client share.
 *
 * proto/README.md is the normative text. The server uses frame_decode_cmd and
 * frame_encode_event (through codec_native), a client the other two. All four are pure.
 */
#ifndef UPROAR_PROTO_FRAME_H
#define UPROAR_PROTO_FRAME_H

#include "proto/codec.h"

/* Room for the lists of one decoded event. */
struct event_lists {
    struct person people[LIST_ENTRIES_MAX];
    struct room_entry rooms[LIST_ENTRIES_MAX];
};

/* As codec.decode. */
int64_t frame_decode_cmd(uint32_t frame_bytes_max, struct slice in, struct cmd *cmd, size_t *want);

/* The same for a frame without its length, all of `in`, as something else has stated it.
 * REASON_NONE, or why nothing that follows can be read. */
enum reason frame_decode_cmd_unframed(struct slice in, struct cmd *cmd);

/* As codec.encode. */
size_t frame_encode_event(const struct event *event, uint8_t *out, size_t cap);

/* Writes a client's command. Returns the bytes written, 0 when cap is too small. Only type
 * and the matching member of the union are read. It writes what it is told, also an illegal
 * name: tests need that. */
size_t frame_encode_cmd(const struct cmd *cmd, uint8_t *out, size_t cap);

/* Reads at most one event; returns as codec.decode. An unknown type with FRAME_FLAG_SKIP is
 * consumed and gives MSG_NONE. Text is checked for UTF-8: a client trusts no server either.
 * Lists point into *lists. */
int64_t frame_decode_event(uint32_t frame_bytes_max, struct slice in, struct event *event,
                           struct event_lists *lists, size_t *want);

/* The same for a frame without its length, all of `in`. REASON_NONE, or what is wrong with it. */
enum reason frame_decode_event_unframed(struct slice in, struct event *event,
                                        struct event_lists *lists);

#endif
