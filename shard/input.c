/* input.c -- see input.h. */
#include "shard/input.h"

#include "shard/dispatch.h"
#include "shard/outgoing.h"
#include "shard/probe.h"
#include "shard/shard.h"

static bool readable(const struct session *session)
{
    return session->blocked == 0 && session->state <= SESSION_LIVE;
}

struct codec_limits input_limits(struct shard *shard, const struct session *session)
{
    uint32_t most = (uint32_t)shard->options->body_bytes_max + MESSAGE_OVERHEAD_MAX;

    return (struct codec_limits){.frame_bytes_max =
                                     session->state == SESSION_LIVE ? most : HELLO_FRAME_BYTES_MAX,
                                 .site = &shard->site.http};
}

/* The stream cannot be read any further: say why, unless the protocol's farewell does, then end. */
static void unreadable(struct shard *shard, struct session *session, enum reason reason)
{
    struct event event = {.type = MSG_ERROR};

    if (session->codec == CODEC_UNKNOWN || codecs[session->codec]->farewell == NULL) {
        event.error.reason = reason;
        event.error.about = MSG_NONE;
        event.error.text = slice_str(reason_sentence(reason));
        session_tell(shard, session, &event);
    }
    session_end(shard, session, reason);
}

/* Returns whether there is memory for what the codec remembers. */
static bool speak(struct shard *shard, struct session *session, unsigned index)
{
    struct codec_limits limits = input_limits(shard, session);
    struct recall *recall = NULL;

    if (codecs[index]->state_bytes > 0) {
        recall = errand_recall(shard, errand_at(shard, session));
        if (recall == NULL) {
            session_cut(shard, session, REASON_NO_MEMORY_CLOSE);
            return false;
        }
    }
    if (session->codec != CODEC_UNKNOWN)
        shard->speakers[session->codec]--;
    shard->speakers[index]++;
    session->codec = (uint8_t)index;
    codecs[index]->open(recall == NULL ? NULL : recall->codec, &limits);
    return true;
}

/* The protocol is known now, or that it is none. Whether its commands are taken: else there is only
 * a goodbye for it. */
static bool may_ask(struct shard *shard, struct session *session)
{
    if (session->end_reason != REASON_NONE) /* it was not let in */
        session_goaway(shard, session, (enum reason)session->end_reason);
    else if (drain_begun(&shard->drain))
        session_block(shard, session, BLOCK_DRAIN);
    else
        return true;
    return false;
}

static bool sniffed(struct shard *shard, struct session *session, struct slice first)
{
    unsigned index;

    switch (codec_sniff(first, &index)) {
    case SNIFF_YES:
        return speak(shard, session, index) && may_ask(shard, session);
    case SNIFF_MORE:
        errand_at(shard, session)->want = (uint32_t)first.len + 1;
        return false;
    case SNIFF_NO:
        if (!may_ask(shard, session))
            return false;
        break;
    }
    unreadable(shard, session,
               first.len > FRAME_LENGTH_BYTES && first.data[0] == 0 ? REASON_BAD_MAGIC
                                                                    : REASON_UNKNOWN_PROTOCOL);
    return false;
}

/* So many bytes were a request that HTTP answers: the next has as much time and as many bytes.
 * (What WebSocket answers to a stranger renews nothing.) */
static void answered(struct shard *shard, struct session *session, int64_t used)
{
    errand_at(shard, session)->hello_bytes -= (uint16_t)used;
    shard->answers++;
    line_enter(shard, session, LINE_HELLO);
}

/* What can follow a command, or stand for one (codec.h, 1 to 5 without 2). */
static void act(struct shard *shard, struct session *session, const struct decoded *out)
{
    if (unlikely(out->also & DECODED_OWED)) {
        session_owe(shard, session, out->owed[0]);
        session_owe(shard, session, out->owed[1]);
        if (session->state > SESSION_LIVE)
            return; /* no memory for what it is owed */
    } else {
        shard->commands++;
    }
    dispatch(shard, session, &out->cmd);
    if (unlikely(out->also & DECODED_BECOME)) {
        if (speak(shard, session, out->become) && session_asks_only(session))
            session_live(shard, session); /* nobody to say HELLO */
    }
    if (unlikely(out->also & DECODED_END)) {
        if (out->end == REASON_PEER_RESET)
            session_part(shard, session);
        else
            session_end(shard, session, (enum reason)out->end);
    }
}

static bool piece_append(struct shard *shard, struct recall *recall, struct slice piece)
{
    struct segment *message = recall->message;
    size_t have = message == NULL ? 0 : message->used;

    if (message == NULL || segment_room(message) < piece.len) {
        struct segment *larger = segment_get(&shard->segments, have + piece.len);
        if (larger == NULL)
            return false;
        if (message != NULL)
            memcpy(larger->bytes, message->bytes, have);
        larger->used = (uint32_t)have;
        segment_put(message);
        recall->message = message = larger;
    }
    if (piece.len > 0)
        memcpy(message->bytes + have, piece.data, piece.len);
    message->used += (uint32_t)piece.len;
    return true;
}

/* A part of a message; the last one makes it whole. */
static void take_piece(struct shard *shard, struct session *session, struct recall *recall,
                       const struct codec_limits *limits, struct decoded *out)
{
    const struct codec *codec = codecs[session->codec];

    if (!piece_append(shard, recall, out->piece)) {
        session_cut(shard, session, REASON_NO_MEMORY_CLOSE);
        return;
    }
    if (!(out->also & DECODED_WHOLE))
        return;
    struct segment *whole = recall->message; /* the command's slices point into it */
    recall->message = NULL;
    int64_t used = codec->message(recall->codec, limits, span_of(whole->bytes, whole->used), out);
    if (used < 0)
        unreadable(shard, session, (enum reason)(-used));
    else
        act(shard, session, out);
    segment_put(whole);
}

/* More than a command came, or something else. */
static void take(struct shard *shard, struct session *session, struct recall *recall,
                 const struct codec_limits *limits, int64_t used, struct decoded *out)
{
    if ((out->also & DECODED_OWED) && session->state == SESSION_NEW && session_asks_only(session))
        answered(shard, session, used);
    if (out->also & DECODED_PIECE)
        take_piece(shard, session, recall, limits, out);
    else
        act(shard, session, out);
}

/* At most one command from `in`. Returns the bytes consumed; 0 when it needs more
 * (errand->want says how many in all) or when reading is over. */
static size_t consume(struct shard *shard, struct session *session, struct errand *errand,
                      struct span in)
{
    struct codec_limits limits = input_limits(shard, session);
    struct recall *recall = NULL;
    struct decoded out;

    if (unlikely(session->codec == CODEC_UNKNOWN) && !sniffed(shard, session, span_slice(in)))
        return 0;
    const struct codec *codec = codecs[session->codec];
    if (codec->state_bytes > 0 && (recall = errand_recall(shard, errand)) == NULL) {
        session_cut(shard, session, REASON_NO_MEMORY_CLOSE);
        return 0;
    }
    out.scratch = shard->scratch;
    int64_t used = codec->decode(recall == NULL ? NULL : recall->codec, &limits, in, &out);
    if (used < 0) {
        unreadable(shard, session, (enum reason)(-used));
        return 0;
    }
    if (used == 0) {
        errand->want = (uint32_t)out.want;
        return 0;
    }
    PROBE(decode, session_connection(shard, session), out.cmd.type, used);
    if (likely(out.also == 0)) {
        shard->commands++;
        dispatch(shard, session, &out.cmd);
    } else {
        take(shard, session, recall, &limits, used, &out);
    }
    return (size_t)used;
}

/* A codec that wants one byte more would like any: it reads a head from its beginning each time,
 * and a head that comes byte by byte costs its square. What is taken too much is consumed from
 * carry. */
#define CARRY_STEP 512u

/* Appends to carry until it has what decoding wants. Returns the bytes taken, or -1 when there
 * is no memory (the session is cut). */
static int64_t carry_fill(struct shard *shard, struct session *session, struct slice in)
{
    struct errand *errand = errand_at(shard, session);
    struct segment *carry = errand->carry;
    size_t have = carry == NULL ? 0 : carry->used;
    size_t take = size_min(in.len, errand->want > have + 1 ? errand->want - have : CARRY_STEP);

    if (carry == NULL || segment_room(carry) < take) {
        /* Grows with what has come, not with what a length field promises. */
        struct segment *larger = segment_get(&shard->segments, have + take);
        if (larger == NULL) {
            session_cut(shard, session, REASON_NO_MEMORY_CLOSE);
            return -1;
        }
        if (carry != NULL)
            memcpy(larger->bytes, carry->bytes, have);
        larger->used = (uint32_t)have;
        segment_put(carry);
        errand->carry = carry = larger;
    }
    memcpy(carry->bytes + have, in.data, take);
    carry->used += (uint32_t)take;
    return (int64_t)take;
}

/* Decodes from carry. Returns whether it got anywhere. */
static bool carry_consume(struct shard *shard, struct session *session)
{
    struct errand *errand = errand_at(shard, session);
    struct segment *carry = errand->carry;
    size_t used;

    /* The command's slices point into carry: keep it, whatever the command leads to. */
    segment_ref(carry);
    used = consume(shard, session, errand, span_of(carry->bytes, carry->used));
    if (used > 0 && errand->carry == carry) {
        carry->used -= (uint32_t)used;
        memmove(carry->bytes, carry->bytes + used, carry->used);
        if (carry->used == 0) {
            segment_put(carry);
            errand->carry = NULL;
        }
    }
    segment_put(carry);
    return used > 0;
}

/* Reads as far as it may. Returns how many bytes of `in` were taken; the rest has to wait. */
static size_t read_bytes(struct shard *shard, struct session *session, struct span in)
{
    struct errand *errand = errand_at(shard, session);
    size_t at = 0;

    while (readable(session)) {
        if (errand->carry != NULL) {
            /* Commands that are whole in carry already (it was left while blocked). */
            if (carry_consume(shard, session))
                continue;
            if (at == in.len || !readable(session))
                break;
            int64_t took = carry_fill(shard, session, slice_of(in.data + at, in.len - at));
            if (took < 0)
                return in.len;
            at += (size_t)took;
            continue;
        }
        if (at == in.len)
            break;
        size_t used = consume(shard, session, errand, span_of(in.data + at, in.len - at));
        if (used > 0) {
            at += used;
            continue;
        }
        if (!readable(session))
            break;
        /* The rest is the beginning of a frame. */
        size_t rest = in.len - at;
        uint32_t want = errand->want;
        errand->want = (uint32_t)rest;
        if (carry_fill(shard, session, slice_of(in.data + at, rest)) < 0)
            return in.len;
        errand->want = want;
        return in.len;
    }
    return session->state > SESSION_LIVE ? in.len : at;
}

/* Appends to the last segment, then to new ones: nothing but the last is ever partly empty. */
static bool held_append(struct shard *shard, struct segment **end, struct slice bytes, size_t piece)
{
    while (bytes.len > 0) {
        if (*end != NULL && segment_room(*end) == 0)
            end = &(*end)->next;
        if (*end == NULL)
            *end = segment_get(&shard->segments, size_min(bytes.len, piece));
        if (*end == NULL)
            return false;
        size_t len = size_min(bytes.len, segment_room(*end));
        memcpy((*end)->bytes + (*end)->used, bytes.data, len);
        (*end)->used += (uint32_t)len;
        bytes = slice_of(bytes.data + len, bytes.len - len);
    }
    return true;
}

static void hold(struct shard *shard, struct session *session, struct slice bytes)
{
    struct segment **end = &errand_at(shard, session)->held;
    size_t piece = session->state < SESSION_LIVE ? HELLO_HELD_PIECE : SEGMENT_CAPACITY_GROWN;
    size_t held = 0;

    for (; *end != NULL; end = &(*end)->next) {
        held += (*end)->used;
        if ((*end)->next == NULL)
            break;
    }
    if (held + bytes.len > HELD_BYTES_MAX)
        session_cut(shard, session, REASON_INPUT_OVERRUN);
    else if (!held_append(shard, end, bytes, piece))
        session_cut(shard, session, REASON_NO_MEMORY_CLOSE);
}

/* How much of `len` more bytes a stranger may have sent. Behind a HELLO that is being answered is
 * what the kernel had handed over when reading was stopped. */
static size_t hello_affords(const struct session *session, struct errand *errand, size_t len)
{
    if (session->state != SESSION_NEW)
        return len;
    size_t most = size_min(len, HELLO_BYTES_MAX - errand->hello_bytes);
    errand->hello_bytes += (uint16_t)most;
    return most;
}

void input_bytes(struct shard *shard, struct session *session, struct span bytes)
{
    if (session->state > SESSION_LIVE)
        return; /* ending: read and thrown away */
    struct errand *errand = errand_need(shard, session);
    if (errand == NULL) {
        session_cut(shard, session, REASON_NO_MEMORY_CLOSE);
        return;
    }
    while (bytes.len > 0 && session->state <= SESSION_LIVE) {
        size_t len = hello_affords(session, errand, bytes.len);
        if (len == 0) {
            unreadable(shard, session, REASON_HELLO_BUDGET);
            break;
        }
        size_t taken =
            errand->held == NULL ? read_bytes(shard, session, span_of(bytes.data, len)) : 0;
        if (taken < len && session->state <= SESSION_LIVE)
            hold(shard, session, slice_of(bytes.data + taken, len - taken));
        bytes = span_of(bytes.data + len, bytes.len - len);
    }
    errand_rest(shard, session);
}

void input_resume(struct shard *shard, struct session *session)
{
    while (readable(session) && errand_of(shard, session)->held != NULL) {
        struct errand *errand = errand_at(shard, session);
        struct segment *segment = errand->held;
        segment_ref(segment);
        size_t taken = read_bytes(shard, session, span_of(segment->bytes, segment->used));
        if (errand->held == segment) { /* else the session ended and let go of it */
            segment->used -= (uint32_t)taken;
            memmove(segment->bytes, segment->bytes + taken, segment->used);
            if (segment->used == 0) {
                errand->held = segment->next;
                segment_put(segment);
            }
        }
        segment_put(segment);
    }
    if (!readable(session))
        return;
    /* A command may be whole in carry although nothing was held. */
    if (errand_of(shard, session)->carry != NULL)
        read_bytes(shard, session, span_of(NULL, 0));
    if (readable(session))
        stream_resume(&shard->streams, &session->stream);
    if (session->eof)
        session_answered(shard, session);
}
