/* shared.c -- names, failures and the common view of how far everybody is. */
#include "tools/load/shared.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "proto/cmd.h"
#include "tools/load/words.h"

void load_shared_fail(struct load_shared *shared, const char *fmt, ...)
{
    pthread_mutex_lock(&shared->why_lock);
    if (!atomic_load_explicit(&shared->failed, memory_order_relaxed)) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(shared->why, sizeof(shared->why), fmt, args);
        va_end(args);
        /* Pairs with main's acquire: why[] is complete when failed is seen. */
        atomic_store_explicit(&shared->failed, true, memory_order_release);
    }
    pthread_mutex_unlock(&shared->why_lock);
}

uint64_t load_shared_reached(const struct load_shared *shared, uint32_t room)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t thread = 0; thread < shared->plan.threads; thread++) {
        const _Atomic uint64_t *at = &shared->reached[(size_t)thread * shared->plan.rooms + room];
        /* Relaxed: only the number itself is used. */
        least = u64_min(least, atomic_load_explicit(at, memory_order_relaxed));
    }
    return least;
}

unsigned load_tag(const struct load_options *options)
{
    return (unsigned)getpid() | options->run << 22; /* PID_MAX_LIMIT is 2^22: proc(5) */
}

int load_shared_cpu(const struct load_shared *shared, unsigned n)
{
    const struct load_options *options = shared->options;
    return options->cpus_count == 0 ? -1 : options->cpus[n % options->cpus_count];
}

void load_room_name(const struct load_shared *shared, uint32_t room, char out[LOAD_NAME_BYTES])
{
    snprintf(out, LOAD_NAME_BYTES, "load-%u-r%u", shared->tag, room);
}

uint32_t load_room_of_name(const struct load_shared *shared, struct slice name)
{
    uint64_t tag, room;
    if (name.len >= LOAD_NAME_BYTES || !load_begins(name, "load-"))
        return UINT32_MAX;
    name = slice_of(name.data + 5, name.len - 5);
    if (!load_take_decimal(&name, &tag) || !load_begins(name, "-r"))
        return UINT32_MAX;
    name = slice_of(name.data + 2, name.len - 2);
    if (!load_take_decimal(&name, &room) || name.len != 0 || tag != shared->tag ||
        room >= shared->plan.rooms)
        return UINT32_MAX;
    return (uint32_t)room;
}

void load_client_name(const struct load_shared *shared, char kind, uint32_t n,
                      char out[LOAD_NAME_BYTES])
{
    snprintf(out, LOAD_NAME_BYTES, "load-%u-%c%u", shared->tag, kind, n);
}

void load_nick(const struct load_shared *shared, char kind, uint32_t n, char out[LOAD_NAME_BYTES])
{
    /* Four digits of base 36 for the run and four for the number, of which there are fewer than
     * 36^4. Runs next to each other get tags far apart. */
    uint32_t tag = shared->tag * 2654435761u >> 11;
    uint32_t parts[2] = {n, tag};
    size_t at = 9;
    out[at] = '\0';
    for (size_t part = 0; part < 2; part++)
        for (int digit = 0; digit < 4; digit++, parts[part] /= 36)
            out[--at] = "0123456789abcdefghijklmnopqrstuvwxyz"[parts[part] % 36];
    out[0] = kind;
}

void load_shown(struct slice words, char *out, size_t out_bytes)
{
    size_t used = size_min(words.len, out_bytes - 1);
    for (size_t i = 0; i < used; i++)
        out[i] = words.data[i] >= ' ' && words.data[i] <= '~' ? (char)words.data[i] : '.';
    out[used] = '\0';
}

void load_refusal(const struct event *event, char *out, size_t out_bytes)
{
    enum reason reason = event->type == MSG_GOAWAY ? event->goaway.reason
                         : event->type == MSG_NACK ? event->nack.reason
                                                   : event->error.reason;
    /* Not the text that came along: the sentences of the enum are ours and fit to be shown. */
    snprintf(out, out_bytes, "%s (%s)", reason_sentence(reason), reason_name(reason));
}
