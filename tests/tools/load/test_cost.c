/* test_cost.c -- what a process cost between two moments: here, this one. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "tools/load/cost.h"

static struct load_cost cost;
static char *text;

static void teardown(void)
{
    free(text);
}

TestSuite(load_cost, .fini = teardown, .timeout = 30);

static const char *printed(void (*print)(FILE *, const struct load_cost *, uint64_t),
                           uint64_t delivered)
{
    size_t len;
    free(text);
    FILE *out = open_memstream(&text, &len);
    cr_assert_not_null(out);
    print(out, &cost, delivered);
    fclose(out);
    return text;
}

Test(load_cost, counts_from_begin_to_end)
{
    load_cost_begin(&cost, getpid());
    uint64_t before_ns = cost.cpu_ns;
    cr_expect_gt(before_ns, 0);
    uint64_t until_ns = clock_thread_cpu_ns() + 30 * NS_PER_MS;
    while (clock_thread_cpu_ns() < until_ns)
        ;
    for (unsigned i = 0; i < 10; i++)
        usleep(1000); /* gives up the CPU of its own will */
    load_cost_end(&cost);
    cr_expect(cost.known);
    cr_expect_geq(cost.cpu_ns, 25 * NS_PER_MS);
    cr_expect_geq(cost.switches.voluntary, 10);
    cr_expect_lt(cost.switches.voluntary, 1000000);
    cr_expect_gt(cost.rss_bytes, 100000);
}

Test(load_cost, remembers_the_highest_memory)
{
    enum { GROWN = 32 << 20 };
    load_cost_begin(&cost, getpid());
    load_cost_look(&cost, NS_PER_SEC);
    uint64_t before = cost.rss_bytes;
    char *grown = malloc(GROWN);
    cr_assert_not_null(grown);
    for (size_t i = 0; i < GROWN; i += 4096)
        ((volatile char *)grown)[i] = 1;
    load_cost_look(&cost, NS_PER_SEC + 1); /* too soon: not looked */
    cr_expect_eq(cost.rss_bytes, before);
    load_cost_look(&cost, 2 * NS_PER_SEC);
    cr_expect_geq(cost.rss_bytes, before + GROWN / 2);
    free(grown);
    uint64_t peak = cost.rss_bytes;
    load_cost_end(&cost);
    cr_expect_geq(cost.rss_bytes, peak);
}

Test(load_cost, without_a_process_nothing_is_known)
{
    load_cost_begin(&cost, 0);
    load_cost_look(&cost, NS_PER_SEC);
    load_cost_end(&cost);
    cr_expect_not(cost.known);
    cr_expect_str_eq(printed(load_cost_table, 10), "");
    cr_expect_not_null(strstr(printed(load_cost_json, 10), "\"server_rss_bytes\":null"));
}

Test(load_cost, of_a_process_that_ended_meanwhile_nothing_is_known)
{
    cost = (struct load_cost){.known = true, .pid = 4194304};
    load_cost_end(&cost);
    cr_expect_not(cost.known);
}

Test(load_cost, is_told_by_delivery_if_there_were_any)
{
    cost = (struct load_cost){.known = true,
                              .cpu_ns = 5000000,
                              .switches = {.voluntary = 7, .involuntary = 2},
                              .rss_bytes = 3 << 20};
    cr_expect_not_null(strstr(printed(load_cost_table, 1000), "5000.0 ns a delivery"), "%s", text);
    cr_expect_not_null(strstr(text, "7 of its own will, 2 not"), "%s", text);
    cr_expect_not_null(strstr(printed(load_cost_table, 0), "5.00 ms in all"), "%s", text);
    cr_expect_not_null(strstr(printed(load_cost_json, 1000), "\"server_context_switches\":9"));
    cr_expect_not_null(strstr(text, "\"server_cpu_ns_per_delivery\":5000"));
    cr_expect_not_null(strstr(text, "\"server_rss_bytes\":3145728"));
    cr_expect_not_null(strstr(printed(load_cost_json, 0), "\"server_cpu_ns_per_delivery\":null"));
}
