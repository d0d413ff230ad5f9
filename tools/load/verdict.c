/* verdict.c -- see verdict.h. */
#include "tools/load/verdict.h"

#include "tools/load/effort.h"

/* Of all messages: above it, no latency counts, and above the other, nothing. */
#define LATE_SHARE_MAX    0.001
#define BUNCHED_SHARE_MAX 0.05
/* Of the time that others may have had the server's CPU. */
#define STARVED_SHARE_MAX 0.05
/* Of the guests of a churn. */
#define ABSENT_SHARE_MAX  0.01

bool load_result_clean(const struct load_result *result)
{
    return load_counts_clean(&result->counts) && result->disconnected == 0 &&
           result->churn.refused == 0 && result->churn.thrown_out == 0 &&
           load_farewell_clean(&result->farewell);
}

double load_result_late_share(const struct load_result *result)
{
    uint64_t late = result->late - result->held;
    return result->published == 0 ? 0 : (double)late / (double)result->published;
}

/* Whether it would be too many without those that were late because others had the CPU. */
static bool late_by_us(const struct load_result *result)
{
    uint64_t ours = result->late - result->held - result->starved;
    return (double)ours > (double)result->published * LATE_SHARE_MAX;
}

/* Why nothing counts, or NULL. */
static const char *spoiled(const struct load_result *result)
{
    const struct load_churn_counts *churn = &result->churn;
    /* Without a message there is no schedule to keep. */
    if (result->busiest_share > LOAD_BUSY_SHARE_MAX && result->open_loop && result->published > 0)
        return LOAD_BUSY_WHY;
    if (load_result_late_share(result) > BUNCHED_SHARE_MAX)
        return late_by_us(result)
                   ? "the generator sent over 5 % of the messages more than 1 ms late"
                   : "over 5 % of the messages were sent more than 1 ms late, as others had the "
                     "CPU";
    if ((double)churn->arrived < (double)churn->due * (1 - ABSENT_SHARE_MAX))
        return "guests came more slowly than --arrivals asks: allow more --clients at a time";
    return NULL;
}

const char *load_result_why_not_valid(const struct load_result *result)
{
    const char *why = spoiled(result);
    if (why == NULL && load_result_late_share(result) > LATE_SHARE_MAX)
        why =
            late_by_us(result)
                ? "the generator sent over 0.1 % of the messages more than 1 ms late"
                : "over 0.1 % of the messages were sent more than 1 ms late, as others had the CPU";
    return why;
}

const char *load_result_why_cost_not_valid(const struct load_result *result)
{
    const char *why = spoiled(result);
    if (why == NULL && result->open_loop &&
        load_cost_starved_share(&result->cost) > STARVED_SHARE_MAX)
        why = "others had the server's CPU for over 5 % of the time, and what waits shares sends";
    return why;
}
