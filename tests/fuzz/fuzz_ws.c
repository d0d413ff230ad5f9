/* fuzz_ws.c -- WebSocket frames of any bytes at all, for each of the three codecs.
 *
 * Byte 0 of the input says which codec, byte 1 into which pieces to cut the rest. A fuzzer does not
 * guess masks, and need not: with a key of zeros the payload is what it is.
 */
#include "proto/ws.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/twice.h"

/* The frames one after the other: what is read lies where it came from, and is within the limits.
 */
static void check_frames(struct slice bytes)
{
    static const struct ws_limits limits = {500, WS_TAKES_TEXT | WS_TAKES_BINARY};
    uint8_t *copy = malloc(bytes.len + !bytes.len);
    struct ws ws = {0};
    struct ws_piece piece;
    size_t message = 0, want;
    int64_t n;

    memcpy(copy, bytes.data, bytes.len);
    for (size_t at = 0; at < bytes.len; at += (size_t)n) {
        struct span in = span_of(copy + at, bytes.len - at);
        n = ws_read(&ws, &limits, in, &piece, &want);
        if (n <= 0) {
            must(n == 0 ? want > in.len : ws_code_may_appear((unsigned)-n));
            break;
        }
        must((size_t)n <= in.len);
        must_be_inside(span_slice(piece.payload), slice_of(in.data, (size_t)n));
        if (piece.opcode >= WS_CLOSE) {
            must(piece.payload.len <= WS_CONTROL_BYTES_MAX && piece.last);
            continue;
        }
        message = piece.first ? piece.payload.len : message + piece.payload.len;
        must(message <= limits.message_bytes_max);
        if (piece.first && piece.last && piece.opcode == WS_TEXT)
            must(utf8_valid(span_slice(piece.payload)));
    }
    free(copy);
}

int FUZZ_TARGET(ws)(const uint8_t *data, size_t len)
{
    static const unsigned all[] = {CODEC_WS_BIN, CODEC_WS_JSON, CODEC_WS_ECHO};
    struct codec_limits limits = {.frame_bytes_max = 1000};
    enum reason end;

    if (len < 2 || len > 32768)
        return 0;
    struct slice in = slice_of(data + 2, len - 2);
    check_frames(in);
    drive_twice(all[data[0] % ARRAY_SIZE(all)], &limits, in, data[1], &end);
    return 0;
}
