/* lateness.c -- see lateness.h. */
#include "tools/load/lateness.h"

#include "core/clock.h"

/* Each look is three system calls. */
#define LOOK_NS NS_PER_MS

static struct load_moment moment_now(const struct load_lateness *lateness)
{
    struct load_moment moment = {.ran_ns = clock_thread_cpu_ns()};
    moment.waited_ns = busy_needed_ns(&lateness->busy) - moment.ran_ns;
    moment.process_ns = clock_process_cpu_ns();
    return moment;
}

void load_lateness_init(struct load_lateness *lateness)
{
    *lateness = (struct load_lateness){.in_time_ns = 0};
    busy_init(&lateness->busy, clock_monotonic_ns());
}

void load_lateness_fini(struct load_lateness *lateness)
{
    busy_fini(&lateness->busy);
}

void load_lateness_in_time(struct load_lateness *lateness, uint64_t now_ns)
{
    if (lateness->in_time_ns != 0 && now_ns < lateness->in_time_ns + LOOK_NS)
        return;
    lateness->in_time = moment_now(lateness);
    lateness->in_time_ns = now_ns;
}

bool load_lateness_starved(struct load_lateness *lateness, uint64_t now_ns, uint64_t late_ns)
{
    if (lateness->in_time_ns == 0 || lateness->busy.fd < 0)
        return false;
    if (lateness->asked_ns != now_ns) {
        struct load_moment now = moment_now(lateness);
        lateness->ours_ns = load_moment_ours(&lateness->in_time, &now);
        lateness->asked_ns = now_ns;
    }
    return late_ns > lateness->ours_ns + LOAD_LATE_NS;
}

uint64_t load_moment_ours(const struct load_moment *from, const struct load_moment *to)
{
    uint64_t ran_ns = to->ran_ns - from->ran_ns;
    uint64_t waited_ns = to->waited_ns - from->waited_ns;
    uint64_t process_ns = to->process_ns - from->process_ns;
    /* The clocks are read one after the other. */
    uint64_t others_ns = process_ns > ran_ns ? process_ns - ran_ns : 0;
    return ran_ns + u64_min(waited_ns, others_ns);
}
