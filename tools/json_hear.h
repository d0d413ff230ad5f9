/* json_hear.h -- a server's events in uproar.v1.json (proto/WEBSOCKET.md), for clients.
 *
 * An event is turned into the native frame that says the same, so that whoever can read native
 * frames has nothing else to learn, and can compare what two clients got in different formats byte
 * by byte.
 *
 * MESSAGE and ACK are most of what comes. If their fields are in the order in which our server
 * writes them and their strings need no escapes, they are read without jansson, and the number of a
 * MESSAGE is found without reading it to its end.
 *
 * Any thread; nothing is kept.
 */
#ifndef UPROAR_TOOLS_JSON_HEAR_H
#define UPROAR_TOOLS_JSON_HEAR_H

#include "proto/cmd.h"

/* Takes the literal off *in. */
static inline bool json_hear_literal(struct slice *in, const char *literal, size_t len)
{
    if (unlikely(in->len < len || memcmp(in->data, literal, len) != 0))
        return false;
    *in = slice_of(in->data + len, in->len - len);
    return true;
}

/* Takes a decimal number without zeros in front off *in. */
static inline bool json_hear_number(struct slice *in, uint64_t max, uint64_t *value)
{
    uint64_t sum = 0;
    size_t used = 0;
    for (; used < in->len && in->data[used] >= '0' && in->data[used] <= '9'; used++)
        if (unlikely(__builtin_mul_overflow(sum, 10, &sum) ||
                     __builtin_add_overflow(sum, (uint64_t)(in->data[used] - '0'), &sum)))
            return false;
    if (unlikely(used == 0 || sum > max || (used > 1 && in->data[0] == '0')))
        return false;
    *in = slice_of(in->data + used, in->len - used);
    *value = sum;
    return true;
}

/* The room and the number of a MESSAGE whose fields are in our server's order. False: it is
 * something else, or is to be read as a whole. */
static inline bool json_hear_place(struct slice text, uint32_t *room, uint64_t *seq)
{
#define HEAR(literal) json_hear_literal(&text, literal, sizeof(literal) - 1)
    uint64_t sender, id;
    if (!HEAR("{\"type\":\"MESSAGE\",\"sender\":\"") ||
        !json_hear_number(&text, UINT64_MAX, &sender) || !HEAR("\",\"room\":") ||
        !json_hear_number(&text, UINT32_MAX, &id) || !HEAR(",\"seq\":\"") ||
        !json_hear_number(&text, UINT64_MAX, seq) || !HEAR("\","))
        return false;
#undef HEAR
    *room = (uint32_t)id;
    return true;
}

/* Writes the native frame, with its length, of the event that `text` is. Bytes written; 0: it is
 * not an event as proto/WEBSOCKET.md has it, or cap is too small. Fields that are unknown are
 * passed over. Whether strings are UTF-8 and not too long is for the reader of the frame to judge.
 */
size_t json_hear(struct slice text, uint8_t *out, size_t cap);

#endif
