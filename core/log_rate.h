/* log_rate.h -- how often one thing may be logged: a token bucket that counts what it holds back.
 *
 * Each rate belongs to one thread, since nothing in it is atomic: it lives beside what that thread
 * owns, not in a static that several would share.
 *
 *     struct log_rate rate = LOG_RATE(1, 5);
 *     if (log_allowed(&rate))                  // core/log.h: also hands over the count
 *         log_event(LOG_WARN, "frame refused", LOG_HEX("client", id));
 */
#ifndef UPROAR_CORE_LOG_RATE_H
#define UPROAR_CORE_LOG_RATE_H

#include "core/base.h"

struct log_rate {
    uint32_t per_second; /* lines in the long run, more than 0 */
    uint32_t burst;      /* lines at once, more than 0 */
    uint64_t full_ns;    /* the bucket is full again at this time */
    uint64_t suppressed; /* lines held back since the last that was let through */
};

#define LOG_RATE(per_second_, burst_)                  \
    {                                                  \
        .per_second = (per_second_), .burst = (burst_) \
    }

/* At now_ns of any clock that never runs backwards. If it is true, *told has how many were held
 * back before: they are the caller's to tell, and forgotten here. */
bool log_rate_take(struct log_rate *rate, uint64_t now_ns, uint64_t *told);

/* Lines held back that no line has told of yet: what is to be said at the end. */
static inline uint64_t log_suppressed(const struct log_rate *rate)
{
    return rate->suppressed;
}

#endif
