/* log_rate.c -- a token bucket without tokens: one time says how full it is.
 *
 * The bucket is full at full_ns; each line moves that time on by what one line costs, and a line
 * is refused if that would be further ahead than a whole bucket (the virtual scheduling
 * algorithm of ITU-T I.371, known as GCRA). */
#include "core/log_rate.h"

#include "core/check.h"
#include "core/clock.h"

bool log_rate_take(struct log_rate *rate, uint64_t now_ns, uint64_t *told)
{
    CHECK(rate->per_second > 0 && rate->burst > 0);
    uint64_t line_ns = NS_PER_SEC / rate->per_second;
    uint64_t full_ns = u64_max(rate->full_ns, now_ns) + line_ns;
    *told = 0;
    if (full_ns - now_ns > line_ns * rate->burst) {
        rate->suppressed++;
        return false;
    }
    rate->full_ns = full_ns;
    *told = rate->suppressed;
    rate->suppressed = 0;
    return true;
}
