/* test_sample.c -- what came between two samples, and how one is asked for. */
#include "tools/load/sample.h"

#include <criterion/criterion.h>

static struct load_check check;
static struct load_sampler sampler;
static struct load_sample now, before;

Test(load_sample, is_given_once_for_each_time_it_is_asked_for)
{
    cr_expect_not(load_sampler_wanted(&sampler));
    cr_expect(load_sampler_ready(&sampler));
    load_sampler_ask(&sampler);
    cr_expect(load_sampler_wanted(&sampler));
    cr_expect_not(load_sampler_ready(&sampler));
    check.counts.delivered = 7;
    load_histogram_record(&check.latency, 100);
    load_sampler_give(&sampler, &check);
    cr_expect_not(load_sampler_wanted(&sampler));
    cr_expect(load_sampler_ready(&sampler));
    check.counts.delivered = 8;
    cr_expect_eq(sampler.sample.counts.delivered, 7, "a copy, not a view");
    cr_expect_eq(sampler.sample.latency.count, 1);
}

Test(load_sample, threads_are_added_up_and_what_came_before_is_taken_away)
{
    struct load_histogram *latency = &before.latency;
    before.counts = (struct load_counts){.delivered = 10, .lost = 3, .gaps = 2, .corrupt = 1};
    load_histogram_record(latency, 50);
    load_histogram_record(latency, 9000000);
    load_sample_add(&now, &before);
    load_sample_add(&now, &(struct load_sample){.counts = {.delivered = 5, .reordered = 4}});
    load_histogram_record(&now.latency, 60);
    load_histogram_record(&now.latency, 1000);

    load_sample_since(&now, &before);
    cr_expect_eq(now.counts.delivered, 5);
    cr_expect_eq(now.counts.reordered, 4);
    cr_expect_eq(now.counts.lost + now.counts.gaps + now.counts.corrupt, 0);
    cr_expect_eq(now.latency.count, 2);
    cr_expect_eq(load_histogram_at(&now.latency, 500000), 60);
    /* The 9 ms were before: the largest is known to 0.8 %. */
    cr_expect_geq(now.latency.max, 1000);
    cr_expect_leq(now.latency.max, 1008);
}

/* A number that seemed lost came late: nothing below zero. */
Test(load_sample, what_was_lost_before_and_came_since_is_not_lost)
{
    before.counts.lost = 2;
    now.counts = (struct load_counts){.lost = 1, .reordered = 1};
    load_sample_since(&now, &before);
    cr_expect_eq(now.counts.lost, 0);
    cr_expect_eq(now.counts.reordered, 1);
}
