/* cmd.h -- the narrow waist: everything a client can ask, everything it can be told.
 *
 * Read this first. Front-ends (native frames today; WebSocket, JSON and IRC later) turn
 * bytes into `struct cmd` and `struct event` into bytes; the server turns commands into
 * events and never sees a byte of any wire format. A field that is not here cannot be said.
 *
 * Ownership: every `struct slice` in a decoded command borrows from the bytes that were
 * given to decode, and every slice in an event from whoever built it. Neither outlives the
 * call that it was passed to.
 *
 * Units: times are Unix time in milliseconds unless the name says otherwise. Room ids,
 * connection ids and sequence numbers are chosen by the server; message ids by the client.
 */
#ifndef UPROAR_PROTO_CMD_H
#define UPROAR_PROTO_CMD_H

#include "proto/limits.h"

/* Why something was refused or ended: one enum for the wire, the log and the counters.
 *
 *   1–999      the request failed; the connection goes on
 *   1000–1999  why numbers are missing (GAP)
 *   4000–4499  the connection ends; connecting again is right
 *   4500–4999  the connection ends; connecting again without a change will fail again
 *
 * The numbers are wire format: never renumber, only add. proto/reason.c holds the name and
 * the sentence of each. */
#define REASONS(X)                                                                               \
    X(NONE, 0, "none", "no reason")                                                              \
    X(BAD_TEXT, 1, "bad-text", "text is not valid UTF-8")                                        \
    X(NAME_EMPTY, 2, "name-empty", "the name is empty")                                          \
    X(NAME_TOO_LONG, 3, "name-too-long", "the name is too long")                                 \
    X(NAME_CONTROL, 4, "name-control", "the name holds control characters")                      \
    X(NAME_TAKEN, 5, "name-taken", "somebody else has this name")                                \
    X(UNKNOWN_TYPE, 6, "unknown-type", "this message type is unknown")                           \
    X(MALFORMED, 7, "malformed", "the fields do not fit the frame")                              \
    X(HELLO_FIRST, 8, "hello-first", "say HELLO first")                                          \
    X(HELLO_TWICE, 9, "hello-twice", "HELLO was said already")                                   \
    X(ALREADY_JOINED, 10, "already-joined", "you are in this room already")                      \
    X(NOT_JOINED, 11, "not-joined", "you are not in this room")                                  \
    X(ROOMS_FULL, 12, "rooms-full", "you are in as many rooms as one client may be")             \
    X(ROOM_FULL, 13, "room-full", "this room has as many members as a room may have")            \
    X(ROOM_LIMIT, 14, "room-limit", "the server has as many rooms as it may have")               \
    X(BODY_TOO_LONG, 15, "body-too-long", "the message is longer than the server allows")        \
    X(NO_SUCH_NAME, 16, "no-such-name", "nobody here has this name")                             \
    X(NO_SUCH_ROOM, 17, "no-such-room", "there is no such room")                                 \
    X(BUSY, 18, "busy", "an earlier request of this kind is still being answered")               \
    X(NO_MEMORY, 19, "no-memory", "the server is short of memory; try again")                    \
    X(WRONG_DIRECTION, 20, "wrong-direction", "only the server may send this message type")      \
    X(BAD_TOKEN, 21, "bad-token", "a resume token has 0 or 16 bytes")                            \
    X(UNDELIVERED, 22, "undelivered", "the receiver left before the message reached it")         \
    X(TOO_EXPENSIVE, 23, "too-expensive",                                                        \
      "this message to so many members costs more than you may ever spend")                      \
    X(NOT_RETAINED, 1000, "not-retained", "the server no longer holds these messages")           \
    X(TOO_SLOW, 1001, "too-slow", "the reader fell too far behind")                              \
    X(NEW_EPOCH, 1002, "new-epoch", "the room began anew; earlier numbers have no meaning now")  \
    X(AWAY, 1003, "away", "sent while your session had no connection")                           \
    X(PEER_CLOSED, 4000, "peer-closed", "the client closed the connection")                      \
    X(PEER_RESET, 4001, "peer-reset", "the connection was reset or timed out")                   \
    X(SHUTDOWN, 4002, "shutdown", "the server is shutting down")                                 \
    X(SERVER_FULL, 4003, "server-full", "the server has as many clients as it may have")         \
    X(CONTROL_OVERRUN, 4004, "control-overrun", "replies were not read; the bound was reached")  \
    X(INPUT_OVERRUN, 4005, "input-overrun", "more was sent than could be held back")             \
    X(NO_MEMORY_CLOSE, 4006, "no-memory-close", "the server is out of memory for this client")   \
    X(HELLO_TIMEOUT, 4007, "hello-timeout", "no HELLO came in time")                             \
    X(HEARTBEAT_MISSED, 4008, "heartbeat-missed", "nothing was heard for two heartbeats")        \
    X(STALLED, 4009, "stalled", "what was sent was not read for too long")                       \
    X(ADDRESS_FULL, 4010, "address-full", "your address has as many connections as it may have") \
    X(ADDRESS_RATE, 4011, "address-rate", "too many connections a second from your address")     \
    X(SHED, 4012, "shed", "the server is at its memory limit and had to let somebody go")        \
    X(NOT_RESUMED, 4013, "not-resumed", "the session was not resumed in time")                   \
    X(ANSWERED, 4014, "answered", "the HTTP request was answered")                               \
    X(BAD_MAGIC, 4500, "bad-magic", "this is not the Uproar protocol (wrong magic byte)")        \
    X(BAD_VERSION, 4501, "bad-version", "this protocol version is not spoken here")              \
    X(LENGTH_ZERO, 4502, "length-zero", "a frame's length must cover its header (at least 4)")   \
    X(FRAME_TOO_LONG, 4503, "frame-too-long", "the frame is longer than the server allows")      \
    X(TRUNCATED, 4504, "truncated", "the connection ended in the middle of a frame")             \
    X(UNKNOWN_PROTOCOL, 4505, "unknown-protocol", "the first bytes fit no protocol spoken here") \
    X(HELLO_BUDGET, 4506, "hello-budget", "more came before HELLO was done than a HELLO needs")  \
    X(REPLACED, 4507, "replaced", "another connection took this session over")                   \
    X(WS_FRAME, 4508, "ws-frame", "a frame broke the rules of WebSocket")                        \
    X(WS_TEXT, 4509, "ws-text", "a text message was not valid UTF-8")                            \
    X(WS_KIND, 4510, "ws-kind", "this subprotocol has no messages of this kind")                 \
    X(HTTP_REFUSED, 4511, "http-refused", "the HTTP request was refused")

enum reason {
#define X(id, number, name, sentence) REASON_##id = (number),
    REASONS(X)
#undef X
};

/* Never NULL: an unknown number gives "unknown". Any thread. */
const char *reason_name(enum reason reason);
const char *reason_sentence(enum reason reason);
static inline bool reason_is_fatal(enum reason reason)
{
    return reason >= 4000;
}

/* Message types. The same numbers on the native wire; gaps are reserved in proto/README.md. JSON
 * and people call them by their names (proto/msg.c). */
enum msg_type {
    MSG_NONE = 0, /* decode: bytes were consumed, nothing to do (a skipped frame) */
    MSG_HELLO = 0x01,
    MSG_WELCOME = 0x02,
    MSG_JOIN = 0x03,
    MSG_JOINED = 0x04,
    MSG_LEAVE = 0x05,
    MSG_LEFT = 0x06,
    MSG_PUBLISH = 0x07,
    MSG_ACK = 0x08,
    MSG_NACK = 0x09,
    MSG_MESSAGE = 0x0A,
    MSG_DIRECT = 0x0B,
    MSG_DIRECT_MESSAGE = 0x0C,
    MSG_WHO = 0x0D,
    MSG_MEMBERS = 0x0E,
    MSG_ROOMS = 0x0F,
    MSG_ROOM_LIST = 0x10,
    MSG_PRESENCE = 0x11,
    /* 0x12 and 0x1A are reserved: history. */
    MSG_GAP = 0x13,
    MSG_PING = 0x14,
    MSG_PONG = 0x15,
    MSG_GOAWAY = 0x16,
    MSG_ERROR = 0x17,
    MSG_NICK = 0x18,
    MSG_NICKED = 0x19,
};

/* "PUBLISH"; NULL for MSG_NONE and for what is no type. Any thread. */
const char *msg_type_name(enum msg_type type);
/* MSG_NONE: nothing is called so. */
enum msg_type msg_type_named(struct slice name);

/* JOIN flags. */
#define JOIN_NO_ECHO 0x01u /* do not give me back what I publish */
#define JOIN_SINCE   0x02u /* epoch and since are given: tell me what I missed */
#define JOIN_QUIET   0x04u /* send me no PRESENCE for this room (programs that only listen) */

/* WELCOME features. */
#define WELCOME_RESUMED 0x01u /* the token was good: this is the session it belongs to */

/* What a client asks. */
struct cmd {
    enum msg_type type;
    /* REASON_NONE, or why this one command is refused although the stream is readable; then
     * `type` and `ref` say what is being refused and no other field counts. */
    enum reason error;
    /* With an error: what is wrong with the fields, for people, in less than TEXT_BYTES_MAX bytes
     * that last; or NULL, when the reason says it all. */
    const char *fault;
    uint64_t ref; /* what ERROR and NACK refer to: the message id or the room id, else 0 */
    union {
        struct {
            uint32_t features;
            struct slice name;
            struct slice token; /* 0 or TOKEN_BYTES */
        } hello;
        struct {
            uint8_t flags;
            struct slice room;
            uint64_t epoch, since; /* with JOIN_SINCE, else 0 */
        } join;
        struct {
            uint32_t room;
        } leave;
        struct {
            uint32_t room;
            uint64_t msgid;
            struct slice body;
        } publish;
        struct {
            uint64_t msgid;
            struct slice to; /* a name */
            struct slice body;
        } direct;
        struct {
            struct slice room; /* by name: one may ask before joining */
        } who;
        struct {
            struct slice name;
        } nick;
        struct {
            uint64_t token;
        } ping, pong;
    };
};

enum presence_kind { PRESENCE_JOINED = 1, PRESENCE_LEFT = 2, PRESENCE_RENAMED = 3 };

/* One entry of a list that an event carries. */
struct person {
    enum presence_kind kind; /* PRESENCE only */
    uint64_t id;
    struct slice name;
    struct slice old_name; /* PRESENCE_RENAMED only */
};

struct room_entry {
    uint32_t members;
    struct slice name;
};

/* What a client is told. */
struct event {
    enum msg_type type;
    union {
        struct {
            uint64_t
                connection; /* the session's id: its first connection's; never reused in a run */
            uint16_t shard;
            uint32_t heartbeat_ms; /* 0: none */
            uint32_t features;     /* WELCOME_… */
            uint32_t body_bytes_max;
            uint16_t rooms_max;
            struct slice name;   /* as the server holds it */
            struct slice token;  /* 0 or TOKEN_BYTES */
            struct slice server; /* product and version */
        } welcome;
        struct {
            uint32_t room;
            uint64_t epoch;
            uint64_t head; /* the last number given; this member's first is head + 1 */
            uint32_t members;
            struct slice name;
        } joined;
        struct {
            uint32_t room;
            enum reason reason;
        } left;
        struct {
            uint32_t room; /* 0 with seq 0: a DIRECT was placed */
            uint64_t msgid;
            uint64_t seq;
        } ack;
        struct {
            uint32_t room;
            uint64_t msgid;
            enum reason reason;
            bool may_retry;
            struct slice text;
        } nack;
        struct {
            uint32_t room;
            uint64_t seq;
            uint64_t time_ms;
            uint64_t sender;
            uint64_t msgid;
            struct slice name;
            struct slice body;
        } message;
        struct {
            uint64_t time_ms;
            uint64_t sender;
            uint64_t msgid;
            struct slice name;
            struct slice body;
        } direct;
        struct {
            bool more;
            uint32_t total;
            struct slice room;
            uint16_t count; /* <= LIST_ENTRIES_MAX */
            const struct person *people;
        } members;
        struct {
            bool more;
            uint32_t total;
            uint16_t count; /* <= LIST_ENTRIES_MAX */
            const struct room_entry *rooms;
        } room_list;
        struct {
            uint32_t room;
            uint32_t members; /* after all of the changes listed */
            uint16_t count;   /* 0: too many to list, only the total counts */
            const struct person *people;
        } presence;
        struct {
            uint32_t room;
            uint64_t from, to; /* inclusive */
            enum reason reason;
        } gap;
        struct {
            uint64_t token;
        } ping, pong;
        struct {
            enum reason reason;
            uint32_t reconnect_after_ms;
            struct slice text;
        } goaway;
        struct {
            enum reason reason;
            enum msg_type about; /* the type refused, MSG_NONE if it could not be read */
            uint64_t ref;
            struct slice text;
        } error;
        struct {
            struct slice name;
        } nicked;
    };
};

#endif
