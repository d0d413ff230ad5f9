/* drive.c -- see drive.h. */
#include "tests/fuzz/drive.h"

#include "tests/fuzz/fuzz.h"

void drive_open(struct drive *drive, unsigned codec)
{
    drive->codec = codec;
    must(codecs[codec]->state_bytes <= sizeof(drive->state));
    memset(drive->state, 0xEE, sizeof(drive->state));
    codecs[codec]->open(drive->state, &drive->limits);
}

void drive_fini(struct drive *drive)
{
    free(drive->carry);
    drive->carry = NULL;
}

static void send_out(struct drive *drive, struct slice bytes)
{
    must(bytes.len <= sizeof(drive->out) - drive->out_len);
    if (bytes.len > 0)
        memcpy(drive->out + drive->out_len, bytes.data, bytes.len);
    drive->out_len += bytes.len;
}

void drive_end(struct drive *drive, enum reason reason)
{
    const struct codec *codec = codecs[drive->codec];
    uint8_t last[OWED_BYTES_MAX];

    drive->end = reason;
    if (codec->farewell)
        send_out(drive, slice_of(last, codec->farewell(drive->state, &drive->limits, reason, last,
                                                       sizeof(last))));
}

/* What a call of decode or message brought, but for pieces. */
static void take(struct drive *drive, const struct decoded *out)
{
    if (out->also & DECODED_OWED) {
        send_out(drive, out->owed[0]);
        send_out(drive, out->owed[1]);
    }
    if (out->cmd.type != MSG_NONE || out->cmd.error != REASON_NONE) {
        drive->commands++;
        if (drive->command)
            drive->command(drive->ctx, &out->cmd);
    }
    if (out->also & DECODED_BECOME)
        drive_open(drive, out->become);
    if (out->also & DECODED_END)
        drive_end(drive, (enum reason)out->end);
}

/* From a block of its own, as it is changed and may not be looked beyond. */
static void take_message(struct drive *drive, struct decoded *out)
{
    uint8_t *whole = malloc(drive->message_len + !drive->message_len);
    memcpy(whole, drive->message, drive->message_len);
    int64_t n = codecs[drive->codec]->message(drive->state, &drive->limits,
                                              span_of(whole, drive->message_len), out);
    drive->message_len = 0;
    must(n != 0);
    if (n < 0)
        drive_end(drive, (enum reason) - n);
    else
        take(drive, out);
    free(whole);
}

static void take_piece(struct drive *drive, struct decoded *out)
{
    must(out->piece.len <= sizeof(drive->message) - drive->message_len);
    if (out->piece.len > 0)
        memcpy(drive->message + drive->message_len, out->piece.data, out->piece.len);
    drive->message_len += out->piece.len;
    if (out->also & DECODED_WHOLE)
        take_message(drive, out);
}

/* One call. Returns the bytes consumed. */
static size_t decode(struct drive *drive)
{
    struct decoded out = {.scratch = drive->scratch, .also = 0xFF};
    struct span in = span_of(drive->carry, drive->carry_len);
    uint8_t *before = malloc(in.len + !in.len);
    memcpy(before, in.data, in.len);
    int64_t n = codecs[drive->codec]->decode(drive->state, &drive->limits, in, &out);

    must(n <= (int64_t)in.len);
    must(out.also != 0xFF);
    if (n == 0) {
        must(out.want > in.len);
        must(memcmp(before, in.data, in.len) == 0); /* changed, and not consumed */
        must(out.also == 0);
        drive->want = out.want;
    } else if (n < 0) {
        drive_end(drive, (enum reason) - n);
    } else {
        must(memcmp(before + n, in.data + n, in.len - (size_t)n) == 0); /* not its bytes */
        if (out.also & DECODED_PIECE)
            take_piece(drive, &out);
        else
            take(drive, &out);
    }
    free(before);
    return n > 0 ? (size_t)n : 0;
}

void drive_bytes(struct drive *drive, struct slice bytes)
{
    if (drive->end)
        return; /* nobody reads any more */
    uint8_t *longer = malloc(drive->carry_len + bytes.len + 1);
    if (drive->carry_len > 0)
        memcpy(longer, drive->carry, drive->carry_len);
    if (bytes.len > 0)
        memcpy(longer + drive->carry_len, bytes.data, bytes.len);
    free(drive->carry);
    drive->carry_len += bytes.len;
    drive->carry = realloc(longer, drive->carry_len + !drive->carry_len);

    while (!drive->end && drive->carry_len > 0 && drive->carry_len >= drive->want) {
        drive->want = 0;
        size_t used = decode(drive);
        if (used == 0)
            break;
        uint8_t *rest = malloc(drive->carry_len - used + 1);
        memcpy(rest, drive->carry + used, drive->carry_len - used);
        free(drive->carry);
        drive->carry_len -= used;
        drive->carry = realloc(rest, drive->carry_len + !drive->carry_len);
    }
}

void drive_bytes_in_steps(struct drive *drive, struct slice bytes, size_t step)
{
    for (size_t at = 0; at < bytes.len; at += step)
        drive_bytes(drive, slice_of(bytes.data + at, size_min(step, bytes.len - at)));
}
