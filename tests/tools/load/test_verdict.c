/* test_verdict.c -- what a result is worth, apart from whether the server was right. */
#include <criterion/criterion.h>

#include "tools/load/verdict.h"

static struct load_result result;

static void expect_valid(void)
{
    const char *why_not = load_result_why_not_valid(&result);
    cr_expect_null(why_not, "%s", why_not);
}

static void expect_not_valid(const char *words)
{
    const char *why_not = load_result_why_not_valid(&result);
    cr_assert_not_null(why_not);
    cr_expect_not_null(strstr(why_not, words), "%s", why_not);
}

Test(load_verdict, one_in_a_thousand_may_be_late)
{
    result = (struct load_result){.published = 10000, .late = 10};
    expect_valid();
    result.late = 11;
    expect_not_valid("1 ms late");
    cr_expect_float_eq(load_result_late_share(&result), 0.0011, 1e-9);
    result.held = 1; /* the server's fault */
    expect_valid();
}

Test(load_verdict, a_busy_thread_spoils_the_open_loop_only)
{
    result = (struct load_result){.published = 10000, .busiest_share = 0.94, .open_loop = true};
    expect_valid();
    result.busiest_share = 0.96;
    expect_not_valid("busy for over 95 %");
    result.open_loop = false; /* there it is meant to be */
    expect_valid();
}

Test(load_verdict, guests_who_do_not_come_spoil_a_churn)
{
    result = (struct load_result){.churn = {.due = 1000, .arrived = 990}};
    expect_valid();
    result.churn.arrived = 989;
    expect_not_valid("--arrivals");
}

static void expect_cost(const char *words)
{
    const char *why_not = load_result_why_cost_not_valid(&result);
    if (words == NULL) {
        cr_expect_null(why_not, "%s", why_not);
        return;
    }
    cr_assert_not_null(why_not);
    cr_expect_not_null(strstr(why_not, words), "%s", why_not);
}

Test(load_verdict, a_few_that_are_late_spoil_latencies_and_not_the_cost)
{
    result = (struct load_result){.published = 10000, .late = 10};
    expect_valid();
    expect_cost(NULL);
    result.late = 500;
    expect_not_valid("the generator sent over 0.1 %");
    expect_cost(NULL);
    cr_expect_float_eq(load_result_late_share(&result), 0.05, 1e-9);
    result.late = 501;
    expect_not_valid("the generator sent over 5 %");
    expect_cost("the generator sent over 5 %");
    result.held = 1;
    expect_not_valid("the generator sent over 0.1 %");
    expect_cost(NULL);
}

Test(load_verdict, whose_fault_it_was_is_said)
{
    result = (struct load_result){.published = 10000, .late = 310, .starved = 300};
    expect_not_valid("over 0.1 % of the messages were sent more than 1 ms late, as others");
    expect_cost(NULL);
    result.late = 311; /* eleven of them are ours */
    expect_not_valid("the generator sent over 0.1 %");
    result.held = 1;
    expect_not_valid("as others");
    result.held = 0;
    result.late = result.starved = 501;
    expect_not_valid("over 5 % of the messages were sent more than 1 ms late, as others");
    expect_cost("over 5 %");
    result.busiest_share = 0.96;
    result.open_loop = true;
    expect_not_valid("busy for over 95 %");
    expect_cost("busy for over 95 %");
}

Test(load_verdict, a_server_that_others_kept_waiting_has_no_cost)
{
    result = (struct load_result){.published = 10000,
                                  .open_loop = true,
                                  .cost = {.known = true, .wall_ns = 1000, .starved_ns = 50}};
    expect_cost(NULL);
    result.cost.starved_ns = 51;
    expect_cost("the server's CPU");
    expect_valid();           /* the generator was in time */
    result.open_loop = false; /* its sends are full anyhow */
    expect_cost(NULL);
    result.open_loop = true;
    result.cost.known = false;
    expect_cost(NULL);
}

/* A run in which nothing was published has no share of anything, and no schedule. */
Test(load_verdict, nothing_is_not_late)
{
    result = (struct load_result){.published = 0, .busiest_share = 0.99, .open_loop = true};
    cr_expect_eq(load_result_late_share(&result), 0);
    expect_valid();
}

Test(load_verdict, what_the_server_did_wrong_is_another_question)
{
    result = (struct load_result){.published = 10, .counts = {.lost = 1}};
    expect_valid();
    cr_expect_not(load_result_clean(&result));
    result = (struct load_result){.published = 10, .late = 10};
    expect_not_valid("late");
    cr_expect(load_result_clean(&result));
    result = (struct load_result){.disconnected = 1};
    cr_expect_not(load_result_clean(&result));
    result = (struct load_result){.churn = {.thrown_out = 1}};
    cr_expect_not(load_result_clean(&result));
    result = (struct load_result){.churn = {.refused = 1}};
    cr_expect_not(load_result_clean(&result));
}
