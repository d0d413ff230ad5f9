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

static struct codec_limits limits_of(struct shard *shard, const struct session *session)
{
    uint32_t most = (uint32_t)shard->options->body_bytes_max + MESSAGE_OVERHEAD_MAX;

    return (struct codec_limits){.frame_bytes_max =
                                     session->state == SESSION_LIVE ? most : HELLO_FRAME_BYTES_MAX};
}

/* The stream cannot be read any further: say why, then end. */
static void unreadable(struct shard *shard, struct session *session, enum reason reason)
{
    struct event event = {.type = MSG_ERROR};

    event.error.reason = reason;
    event.error.about = MSG_NONE;
    event.error.text = slice_str(reason_sentence(reason));
    session_tell(shard, session, &event);
    session_end(shard, session, reason);
}

static bool sniffed(struct shard *shard, struct session *session, struct slice first)
{
    unsigned index;

    switch (codec_sniff(first, &index)) {
    case SNIFF_YES:
        if (codecs[index]->state_bytes > 0)
            break; /* sessions keep no state for a codec */
        session->codec = (uint8_t)index;
        return true;
    case SNIFF_MORE:
        errand_at(shard, session)->want = (uint32_t)first.len + 1;
        return false;
    case SNIFF_NO:
        break;
    }
    unreadable(shard, session,
               first.len > FRAME_LENGTH_BYTES && first.data[0] == 0 ? REASON_BAD_MAGIC
                                                                    : REASON_UNKNOWN_PROTOCOL);
    return false;
}

/* At most one command from `in`. Returns the bytes consumed; 0 when it needs more
 * (errand->want says how many in all) or when reading is over. */
static size_t consume(struct shard *shard, struct session *session, struct slice in)
{
    struct codec_limits limits = limits_of(shard, session);
    struct decoded out;

    if (session->codec == CODEC_UNKNOWN && !sniffed(shard, session, in))
        return 0;
    const struct codec *codec = codecs[session->codec];
    /* The bytes are in the receive buffer or in a segment of the session's: ours to change. */
    int64_t used =
        codec->decode(NULL, &limits, span_of((uint8_t *)(uintptr_t)in.data, in.len), &out);
    if (used < 0) {
        unreadable(shard, session, (enum reason)(-used));
        return 0;
    }
    if (used == 0) {
        errand_at(shard, session)->want = (uint32_t)out.want;
        return 0;
    }
    shard->commands++;
    PROBE(decode, session_connection(shard, session), out.cmd.type, used);
    dispatch(shard, session, &out.cmd);
    return (size_t)used;
}

/* Appends to carry until it has what decoding wants. Returns the bytes taken, or -1 when there
 * is no memory (the session is cut). */
static int64_t carry_fill(struct shard *shard, struct session *session, struct slice in)
{
    struct errand *errand = errand_at(shard, session);
    struct segment *carry = errand->carry;
    size_t have = carry == NULL ? 0 : carry->used;
    size_t take = size_min(in.len, errand->want > have ? errand->want - have : 1);

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
    used = consume(shard, session, slice_of(carry->bytes, carry->used));
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
static size_t read_bytes(struct shard *shard, struct session *session, struct slice in)
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
        size_t used = consume(shard, session, slice_of(in.data + at, in.len - at));
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
    size_t piece = session->state < SESSION_LIVE ? HELLO_HELD_PIECE : SEGMENT_CAPACITY_MOST;
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

/* Whether a stranger may have sent so much more. Behind a HELLO that is being answered is what the
 * kernel had handed over when reading was stopped. */
static bool hello_affords(const struct session *session, struct errand *errand, size_t len)
{
    if (session->state != SESSION_NEW)
        return true;
    if (len > HELLO_BYTES_MAX - errand->hello_bytes)
        return false;
    errand->hello_bytes += (uint16_t)len;
    return true;
}

void input_bytes(struct shard *shard, struct session *session, struct slice bytes)
{
    if (session->state > SESSION_LIVE)
        return; /* ending: read and thrown away */
    struct errand *errand = errand_need(shard, session);
    if (errand == NULL) {
        session_cut(shard, session, REASON_NO_MEMORY_CLOSE);
        return;
    }
    if (!hello_affords(session, errand, bytes.len)) {
        unreadable(shard, session, REASON_HELLO_BUDGET);
        return;
    }
    size_t taken = errand->held == NULL ? read_bytes(shard, session, bytes) : 0;
    if (taken < bytes.len && session->state <= SESSION_LIVE)
        hold(shard, session, slice_of(bytes.data + taken, bytes.len - taken));
    errand_rest(shard, session);
}

void input_resume(struct shard *shard, struct session *session)
{
    while (readable(session) && errand_of(shard, session)->held != NULL) {
        struct errand *errand = errand_at(shard, session);
        struct segment *segment = errand->held;
        segment_ref(segment);
        size_t taken = read_bytes(shard, session, slice_of(segment->bytes, segment->used));
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
        read_bytes(shard, session, slice_of(NULL, 0));
    if (readable(session))
        stream_resume(&shard->streams, &session->stream);
    if (session->eof)
        session_answered(shard, session);
}
