/* stats.h -- what a shard counts, for whoever asks: by name, unit and help.
 *
 * Each shard has one struct stats, which its thread alone writes; any thread may read all of them
 * and add up (stats_sum). A count is a relaxed atomic: it is never torn, it may be a turn old, and
 * nothing else hangs on it. They belong to the server and outlive the shards, so that the last sums
 * can be taken when nobody counts any more; and they lie in a file that other processes read
 * (stats_file.h), which is why the rows say what they are.
 *
 * Three kinds of rows:
 *
 *   plain      one number. Some are counted where they happen; others are counters of the loop,
 *              the mesh and so on, shown to readers once for each turn (stats_set).
 *   by reason  one number for each member of enum reason in the row's range. There are as many
 *              cells as REASONS has lines, so a new reason cannot be forgotten.
 *   stages     a histogram of durations each, for a few messages of many.
 *
 * Every GAP, every refusal and every end of a connection is counted in the second kind, once:
 * what a client is told in stats_told, which sees all that session_tell puts in a lane; the end of
 * a connection where its descriptor is closed. So, at any moment when no shard is in a turn,
 *
 *     connections_accepted = connections_ended of all reasons + connections_open
 */
#ifndef UPROAR_SHARD_STATS_H
#define UPROAR_SHARD_STATS_H

#include <stdatomic.h>

#include "core/stats_map.h"
#include "proto/cmd.h"

/* id, kind, name, unit, help. Kinds are stats_map.h's: of a PEAK the largest of all shards counts.
 * What clients do, what is sent, what crosses shards, what the loops do, what is held. */
#define STATS(X)                                                                                   \
    X(ACCEPTED, COUNTER, "connections_accepted", "connections", "taken from the listener")         \
    X(UNANSWERED, COUNTER, "connections_unanswered", "connections",                                \
      "closed at once without a GOAWAY, since those kept for saying server-full were used up; "    \
      "in connections_ended too")                                                                  \
    X(CUT, COUNTER, "connections_cut", "connections",                                              \
      "ended by a stop of the server before they had been handed all; in connections_ended too")   \
    X(OPEN, GAUGE, "connections_open", "connections", "not closed yet")                            \
    X(GREETING, GAUGE, "connections_greeting", "connections", "of these, without a WELCOME yet")   \
    X(NATIVE, GAUGE, "connections_native", "connections", "of these, that speak native frames")    \
    X(WS_BIN, GAUGE, "connections_ws_bin", "connections", "of these, WebSocket, uproar.v1.bin")    \
    X(WS_JSON, GAUGE, "connections_ws_json", "connections", "of these, WebSocket, uproar.v1.json") \
    X(WS_ECHO, GAUGE, "connections_ws_echo", "connections", "of these, at /echo")                  \
    X(HTTP, GAUGE, "connections_http", "connections", "of these, that did not ask for WebSocket")  \
    X(LINGERING, GAUGE, "connections_lingering", "connections",                                    \
      "of these, that have been told all and wait for the peer's FIN")                             \
    X(HELD, GAUGE, "sessions_held", "sessions", "without a connection, waiting to be resumed")     \
    X(ACCEPT_FAILED, COUNTER, "accepts_failed", "connections",                                     \
      "that broke before they could be accepted")                                                  \
    X(ACCEPT_EXHAUSTED, COUNTER, "accepts_exhausted", "times",                                     \
      "accepting paused for want of descriptors or memory; who waits in the backlog is not lost")  \
    X(BYTES_IN, COUNTER, "bytes_received", "bytes", "from clients")                                \
    X(COMMANDS, COUNTER, "commands", "commands", "decoded, refused ones too")                      \
    X(ANSWERS, COUNTER, "http_answers", "requests", "of HTTP that were answered, upgrades too")    \
    X(NUMBERED, COUNTER, "messages_published", "messages", "given a number by their room's home")  \
    X(DIRECTS, COUNTER, "directs", "messages", "to one person, put among the replies to him")      \
    X(ACKS, COUNTER, "acks", "publishes", "and directs that were acknowledged to their sender")    \
    X(BUDGET_BLOCKED, COUNTER, "budget_blocked", "times",                                          \
      "that a client had spent more than --publish-bytes and was not read until it recovered")     \
    X(IN_DEBT, GAUGE, "clients_in_debt", "clients", "that are not read for that reason")           \
    X(ROOMS, GAUGE, "rooms", "rooms", "with members, by the shard that numbers them")              \
    X(MEMBERSHIPS, GAUGE, "memberships", "memberships", "of clients in rooms")                     \
    X(NAMES, GAUGE, "names", "names", "in use")                                                    \
    X(PRESENCE_LATER, COUNTER, "presence_later", "changes",                                        \
      "of a large room's number of members, told with later ones")                                 \
    X(DELIVERIES, COUNTER, "deliveries", "messages",                                               \
      "of rooms, put into sends; one to N members is N deliveries")                                \
    X(SENDS, COUNTER, "sends", "sends", "given to the kernel, each with all that was owed")        \
    X(SENDS_SHORT, COUNTER, "sends_short", "sends",                                                \
      "that the kernel gave up half done, to a peer that had said FIN; the rest was sent again")   \
    X(SENDING, GAUGE, "sends_under_way", "sends", "that the kernel has not taken wholly yet")      \
    X(BYTES_OUT, COUNTER, "bytes_sent", "bytes", "that the kernel took for clients")               \
    X(SLICES, COUNTER, "flush_slices", "times",                                                    \
      "that sends were left for the next turn, so as not to keep the others waiting")              \
    X(SPACING, PEAK, "send_spacing_ns", "ns", "between flushes, now, of the busiest shard")        \
    X(FALLEN, COUNTER, "members_fallen", "times",                                                  \
      "that a member fell off its room's feed, and gets a GAP")                                    \
    X(SHED_FEEDS, COUNTER, "feeds_shed", "times",                                                  \
      "that a room's laggards lost what they had not read, for want of memory")                    \
    X(CROSSED, COUNTER, "mesh_messages", "messages", "posted to shards, to itself too")            \
    X(BATCHES, COUNTER, "mesh_batches", "batches", "of these, shown to another shard together")    \
    X(OVERFLOWED, COUNTER, "mesh_overflowed", "messages", "that had to wait behind a full ring")   \
    X(DEPTH, PEAK, "mesh_depth_most", "slots",                                                     \
      "in use at once in a ring between two shards, until their receipt is seen")                  \
    X(WAKEUPS, COUNTER, "wakeups", "wake-ups", "of sleeping shards, sent")                         \
    X(TURNS, COUNTER, "turns", "turns", "of the shard's loop")                                     \
    X(SLEEPS, COUNTER, "sleeps", "turns", "that ended in a sleep")                                 \
    X(LATE, COUNTER, "turns_late", "turns", "that worked for more than 10 ms")                     \
    X(WORK, COUNTER, "work_ns", "ns", "that turns worked, without the system call at their end")   \
    X(NEED, COUNTER, "need_ns", "ns",                                                              \
      "that the shard was on a CPU or waited for one; looked at every 10 ms")                      \
    X(COMPLETIONS, COUNTER, "completions", "completions", "of operations of the ring")             \
    X(ENTERS, COUNTER, "enters", "calls", "of io_uring_enter")                                     \
    X(TIMERS, GAUGE, "timers", "timers", "that run")                                               \
    X(BUFFERS, GAUGE, "receive_buffers", "buffers", "free for the kernel to receive into")         \
    X(STARVED, COUNTER, "receives_starved", "times", "that a receive found no buffer and waited")  \
    X(FEED_BYTES, GAUGE, "feed_bytes", "bytes", "encoded, that members have not read yet")         \
    X(MESSAGE_BYTES, GAUGE, "message_bytes", "bytes", "of message memory in use")                  \
    X(MESSAGE_MOST, PEAK, "message_bytes_most", "bytes",                                           \
      "of that in use at the end of a turn, of the shard with most")                               \
    X(MESSAGE_LIMIT, GAUGE, "message_bytes_limit", "bytes", "of that there may be: see --memory")  \
    X(MESSAGE_HELD, GAUGE, "message_bytes_held", "bytes", "taken from the host for it, used or not")

/* id, name, unit, the range of reasons, help. A GAP has reasons of its own, or no-memory. */
#define STATS_BY_REASON(X)                                                            \
    X(REFUSED, "requests_refused", "requests", 1, 999, "answered with ERROR or NACK") \
    X(GAPS, "gaps_told", "gaps", 1, 1999, "that members were told")                   \
    X(GAP_NUMBERS, "gap_numbers", "messages", 1, 1999, "that those gaps covered")     \
    X(EXPIRED, "sessions_expired", "sessions", 4000, 4999,                            \
      "that had outlived their connection, and ended")                                \
    X(ENDED, "connections_ended", "connections", 4000, 4999, "whose descriptor was closed")

/* id, name, help: histograms of durations in ns, of messages that are timed (stages.h). */
#define STAGES(X)                                                                            \
    X(READ, "stage_read", "from the turn that read the bytes to the run's way to its home")  \
    X(TO_HOME, "stage_to_home", "from there until the room's home has numbered it")          \
    X(TO_MEMBER, "stage_to_member", "from its number to a shard with members")               \
    X(ENCODE, "stage_encode", "there, until it is encoded and its readers are due")          \
    X(FIRST_SEND, "stage_first_send",                                                        \
      "from encoded until the first reader's send is built; "                                \
      "spacing waits here")                                                                  \
    X(LAST_SEND, "stage_last_send", "from encoded until the last reader's send is built")    \
    X(SENT, "stage_sent", "from a send built to its end: all its bytes are with the kernel") \
    X(WHOLE, "stage_whole", "all of that together")                                          \
    X(TURN, "stage_turn", "the work of a turn of the loop, without the system call at its end")

enum stats_id {
#define X(id, kind, name, unit, help) STAT_##id,
    STATS(X)
#undef X
        STATS_COUNT
};

enum stats_reason_id {
#define X(id, name, unit, least, most, help) STAT_##id,
    STATS_BY_REASON(X)
#undef X
        STATS_BY_REASON_COUNT
};

enum stage_id {
#define X(id, name, help) STAGE_##id,
    STAGES(X)
#undef X
        STAGES_COUNT
};

enum {
#define X(id, number, name, sentence) REASON_INDEX_##id,
    REASONS(X)
#undef X
        REASONS_COUNT
};

/* The reason that a cell of a row by reason belongs to, in the order of REASONS. */
extern const enum reason reasons[REASONS_COUNT];

struct stats_row {
    const char *name, *unit, *help;
    enum stats_map_kind kind;
    uint16_t reason_least, reason_most; /* of a row by reason; 0: plain */
};
extern const struct stats_row stats_rows[STATS_COUNT];
extern const struct stats_row stats_rows_by_reason[STATS_BY_REASON_COUNT];
extern const struct stats_row stats_rows_of_stages[STAGES_COUNT];

/* A part of the stats file as it is (stats_file.h), or on the heap. */
struct stats {
    _Alignas(CACHE_LINE) _Atomic uint64_t plain[STATS_COUNT];
    _Atomic uint64_t by_reason[STATS_BY_REASON_COUNT][REASONS_COUNT];
    _Atomic uint64_t stages[STAGES_COUNT][STATS_MAP_HISTOGRAM_CELLS];
};

/* Zeroed, one for each shard. NULL: no memory. Given back with free(3). */
struct stats *stats_new(unsigned shards);

/* The shard's thread. One writer, so adding needs no locked instruction. */
static inline void stats_set(struct stats *stats, enum stats_id stat, uint64_t value)
{
    atomic_store_explicit(&stats->plain[stat], value, memory_order_relaxed);
}
static inline void stats_add(struct stats *stats, enum stats_id stat, uint64_t n)
{
    stats_set(stats, stat, atomic_load_explicit(&stats->plain[stat], memory_order_relaxed) + n);
}
/* A stage took so long. */
void stats_time(struct stats *stats, enum stage_id stage, uint64_t ns);
/* For a PEAK of which this is the present value. */
static inline void stats_raise(struct stats *stats, enum stats_id stat, uint64_t value)
{
    if (value > atomic_load_explicit(&stats->plain[stat], memory_order_relaxed))
        stats_set(stats, stat, value);
}
/* CHECKs that the reason is in the row's range. */
void stats_add_reason(struct stats *stats, enum stats_reason_id stat, enum reason reason,
                      uint64_t n);
/* Counts what this event says, if it is a GAP or refuses a request. An ERROR that announces the
 * end of the connection is counted with that end. */
void stats_told(struct stats *stats, const struct event *event);

/* Any thread: over stats[0..shards). Of a peak, the largest. */
uint64_t stats_sum(const struct stats *stats, unsigned shards, enum stats_id stat);
uint64_t stats_sum_reason(const struct stats *stats, unsigned shards, enum stats_reason_id stat,
                          enum reason reason);
/* Adds up one stage's histogram into cells[STATS_MAP_HISTOGRAM_CELLS]. */
void stats_sum_stage(const struct stats *stats, unsigned shards, enum stage_id stage,
                     uint64_t *cells);

#endif
