/* shared.c -- names, failures and the common view of how far everybody is. */
#include "tools/load/shared.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "proto/cmd.h"

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
    char text[LOAD_NAME_BYTES];
    unsigned tag, room;
    int end = 0;
    if (name.len >= sizeof(text))
        return UINT32_MAX;
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    if (sscanf(text, "load-%u-r%u%n", &tag, &room, &end) != 2 || (size_t)end != name.len ||
        tag != shared->tag || room >= shared->plan.rooms)
        return UINT32_MAX;
    return room;
}

void load_client_name(const struct load_shared *shared, char kind, uint32_t n,
                      char out[LOAD_NAME_BYTES])
{
    snprintf(out, LOAD_NAME_BYTES, "load-%u-%c%u", shared->tag, kind, n);
}

void load_refusal(const struct event *event, char *out, size_t out_bytes)
{
    enum reason reason = event->type == MSG_GOAWAY ? event->goaway.reason
                         : event->type == MSG_NACK ? event->nack.reason
                                                   : event->error.reason;
    /* Not the text that came along: the sentences of the enum are ours and fit to be shown. */
    snprintf(out, out_bytes, "%s (%s)", reason_sentence(reason), reason_name(reason));
}
