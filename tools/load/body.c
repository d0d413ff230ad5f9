/* body.c -- writing and checking generated bodies. */
#include "tools/load/body.h"

#include "core/check.h"

static void hex_write(uint8_t *out, uint64_t value)
{
    for (int i = 15; i >= 0; i--, value >>= 4)
        out[i] = (uint8_t) "0123456789abcdef"[value & 15];
}

static bool hex_read(const uint8_t *in, uint64_t *value)
{
    uint64_t sum = 0;
    for (int i = 0; i < 16; i++) {
        uint8_t c = in[i];
        uint64_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (uint64_t)(c - 'a' + 10);
        else
            return false;
        sum = sum << 4 | digit;
    }
    *value = sum;
    return true;
}

/* Eight characters from '0' to 'O', the n-th eight of a body. */
static uint64_t pattern_at(uint64_t print, size_t n)
{
    uint64_t x = load_body_print(print, n);
    return (x & 0x1F1F1F1F1F1F1F1Full) + 0x3030303030303030ull;
}

void load_body_write(const struct load_body *body, uint8_t *out, size_t len)
{
    CHECK(len >= LOAD_BODY_BYTES_MIN);
    hex_write(out, body->publisher);
    hex_write(out + 16, body->counter);
    hex_write(out + 32, body->due_ns);

    uint64_t print = load_body_print(body->publisher, body->counter);
    for (size_t at = LOAD_BODY_BYTES_MIN, n = 0; at < len; at += 8, n++) {
        uint64_t eight = pattern_at(print, n);
        memcpy(out + at, &eight, size_min(8, len - at));
    }
}

bool load_body_read(struct slice text, struct load_body *body)
{
    if (text.len < LOAD_BODY_BYTES_MIN || !hex_read(text.data, &body->publisher) ||
        !hex_read(text.data + 16, &body->counter) || !hex_read(text.data + 32, &body->due_ns))
        return false;

    uint64_t print = load_body_print(body->publisher, body->counter);
    for (size_t at = LOAD_BODY_BYTES_MIN, n = 0; at < text.len; at += 8, n++) {
        uint64_t eight = pattern_at(print, n);
        if (memcmp(text.data + at, &eight, size_min(8, text.len - at)) != 0)
            return false;
    }
    return true;
}
