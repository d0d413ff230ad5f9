/* test_conversation.c -- news come out whole however the bytes arrive; what is owed is said. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/tools/load/foreign.h"
#include "tools/load/conversation.h"

static const char *const dialects[] = {"redis", "nats", "mqtt", "irc", "go"};

#define BODIES 3u
static const size_t sizes[BODIES] = {48, 3000, 64};

/* A room and three messages in it, as a server says them. */
static size_t some_news(const struct foreign_words *words, uint8_t *out)
{
    static uint8_t text[3000];
    memset(text, 'x', sizeof(text));
    size_t used = words->joined(out, slice_str("load-1-r0"), 1);
    for (unsigned i = 0; i < BODIES; i++)
        used += words->message(out + used, slice_str("load-1-r0"), 0, slice_of(text, sizes[i]));
    return used;
}

static void cut_in_steps(const char *name, size_t step)
{
    const struct load_dialect *dialect = load_dialect_find(name);
    static uint8_t bytes[8000];
    size_t total = some_news(foreign_words(name), bytes);
    struct load_connection connection = {.carry = NULL};
    struct load_news news;
    unsigned messages = 0;
    int got = 0;
    for (size_t at = 0; at < total; at += step) {
        struct slice in = slice_of(bytes + at, size_min(step, total - at));
        while ((got = load_conversation_next(dialect, &connection, &in, &news)) > 0) {
            if (news.type != NEWS_MESSAGE)
                continue;
            cr_assert_lt(messages, BODIES);
            cr_assert_eq(news.body.len, sizes[messages], "%s, step %zu", name, step);
            for (size_t i = 0; i < news.body.len; i++)
                cr_assert_eq(news.body.data[i], 'x');
            messages++;
        }
        cr_assert_eq(got, 0, "%s, step %zu, at %zu", name, step, at);
        cr_assert_eq(in.len, 0);
    }
    cr_assert_eq(messages, BODIES, "%s, step %zu: %u messages", name, step, messages);
    load_connection_fini(&connection);
}

TestSuite(load_conversation, .timeout = 60);

Test(load_conversation, news_survive_every_cut)
{
    for (size_t i = 0; i < ARRAY_SIZE(dialects); i++) {
        for (size_t step = 1; step <= 600; step++)
            cut_in_steps(dialects[i], step);
        cut_in_steps(dialects[i], 8000);
    }
}

Test(load_conversation, what_does_not_end_is_refused)
{
    struct load_connection connection = {.carry = NULL};
    struct load_news news;
    static uint8_t noise[4096];
    memset(noise, 'x', sizeof(noise));
    noise[0] = '+'; /* a line of Redis that never ends */
    int got = 0;
    size_t fed = 0;
    for (; got == 0 && fed < 4u * LOAD_NEWS_BYTES_MAX; fed += sizeof(noise)) {
        struct slice in = slice_of(noise, sizeof(noise));
        got = load_conversation_next(&load_dialect_redis, &connection, &in, &news);
    }
    cr_expect_eq(got, -1);
    cr_expect_leq(fed, 3u * LOAD_NEWS_BYTES_MAX);
    load_connection_fini(&connection);
}

Test(load_conversation, a_second_ready_is_the_first_joined)
{
    struct load_conversation conversation = {0};
    struct load_news news = {.type = NEWS_READY};
    cr_assert(load_conversation_note(&conversation, &load_dialect_redis, &news));
    cr_expect_eq(news.type, NEWS_READY);
    for (uint32_t place = 0; place < 3; place++) {
        news = (struct load_news){.type = NEWS_READY};
        cr_assert(load_conversation_note(&conversation, &load_dialect_redis, &news));
        cr_expect_eq(news.type, NEWS_JOINED);
        cr_expect_eq(news.place, place);
    }
    load_conversation_fini(&conversation);
}

Test(load_conversation, joins_are_owed_until_they_are_said)
{
    struct load_conversation conversation = {0};
    uint8_t want[2 * LOAD_JOINING_BYTES];
    size_t len = load_dialect_redis.join(want, "a", 0);
    len += load_dialect_redis.join(want + len, "b", 1);
    cr_assert(load_conversation_join(&conversation, &load_dialect_redis, "a", 0));
    cr_assert(load_conversation_join(&conversation, &load_dialect_redis, "b", 1));
    cr_assert_eq(conversation.owed_used, len);
    cr_expect_eq(memcmp(conversation.owed, want, len), 0);
    for (uint32_t n = 0; n < 100; n++)
        cr_assert(load_conversation_join(&conversation, &load_dialect_redis, "many", n));
    cr_expect_gt(conversation.owed_used, 100 * 20);
    load_conversation_fini(&conversation);
}
