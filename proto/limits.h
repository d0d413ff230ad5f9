/* limits.h -- the bounds that the protocol itself sets, and how they fit together.
 *
 * A server may be stricter (see `uproard --help`, and the limits that WELCOME
 * states); nobody may go beyond these. Lengths are bytes of UTF-8, not characters.
 */
#ifndef UPROAR_PROTO_LIMITS_H
#define UPROAR_PROTO_LIMITS_H

#include "core/base.h"

#define NAME_BYTES_MAX   32u  /* a person's name; its length travels as u8 */
#define ROOM_BYTES_MAX   64u  /* a room's name; its length travels as u8 */
#define TOKEN_BYTES      16u  /* a resume token: 128 bits from the kernel */
#define TEXT_BYTES_MAX   200u /* the sentence in ERROR, NACK and GOAWAY */
#define SERVER_BYTES_MAX 64u  /* "uproard 0.1.0" in WELCOME */

/* The native frame header: u32 length, u8 magic, u8 version, u8 type, u8 flags.
 * `length` counts what follows it, so that a frame without a body states 4. */
#define FRAME_HEADER_BYTES 8u
#define FRAME_LENGTH_BYTES 4u
#define FRAME_MAGIC        0xC5u
#define FRAME_VERSION      1u
#define FRAME_FLAG_SKIP    0x80u /* a receiver that does not know the type may skip the frame */

/* Default and ceiling for the body of one message, and for one whole frame in
 * either direction. The ceiling is what fits the server's largest segment. */
#define BODY_BYTES_DEFAULT 8192u
#define BODY_BYTES_CEILING 32768u

/* MESSAGE: room 4, seq 8, time 8, sender 8, message id 8, name 1 + NAME_BYTES_MAX. It is the
 * longest wrapping that a body ever gets. */
#define MESSAGE_OVERHEAD_MAX (FRAME_HEADER_BYTES + 4u + 8u + 8u + 8u + 8u + 1u + NAME_BYTES_MAX)
#define FRAME_BYTES_CEILING  (BODY_BYTES_CEILING + 256u)
static_assert(MESSAGE_OVERHEAD_MAX <= 256u, "the longest MESSAGE fits FRAME_BYTES_CEILING");

/* Lists that can be long (MEMBERS, ROOM_LIST, PRESENCE) are cut into frames of at most this
 * many entries; `more` says that another follows. The largest entry is 8 + 1 + 1 +
 * 2 * NAME_BYTES_MAX bytes (a rename) or 4 + 1 + ROOM_BYTES_MAX (a room). */
#define LIST_ENTRIES_MAX     32u
#define LIST_ENTRY_BYTES_MAX 80u
static_assert(8u + 1u + 1u + NAME_BYTES_MAX + 1u + NAME_BYTES_MAX <= LIST_ENTRY_BYTES_MAX,
              "rename");
static_assert(4u + 1u + ROOM_BYTES_MAX <= LIST_ENTRY_BYTES_MAX, "room");

/* No control frame (everything but MESSAGE and DIRECT_MESSAGE) is longer than this. */
#define CONTROL_FRAME_BYTES_MAX \
    (FRAME_HEADER_BYTES + 128u + LIST_ENTRIES_MAX * LIST_ENTRY_BYTES_MAX)

#endif
