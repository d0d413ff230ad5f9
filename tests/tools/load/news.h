/* news.h -- what the tests of all dialects say of the bytes that are written and cut. */
#ifndef UPROAR_TESTS_TOOLS_LOAD_NEWS_H
#define UPROAR_TESTS_TOOLS_LOAD_NEWS_H

#include <criterion/criterion.h>

#include "tools/load/dialect.h"

/* The bytes that a writer wrote are exactly these. */
static inline void news_wrote(const uint8_t *out, size_t len, struct slice want)
{
    cr_expect_eq(len, want.len, "wrote %zu bytes, not %zu", len, want.len);
    cr_expect_eq(memcmp(out, want.data, size_min(len, want.len)), 0, "wrote \"%.*s\"", (int)len,
                 (const char *)out);
}

/* All of `in` is one item of this type, and none of its beginnings is, or is refused. */
static inline struct load_news news_cut(const struct load_dialect *dialect, struct slice in,
                                        enum load_news_type type)
{
    struct load_news news = {0};
    uint8_t exact[1024];
    cr_assert_leq(in.len, sizeof(exact));
    for (size_t len = 0; len < in.len; len++)
        cr_assert_eq(dialect->cut(slice_of(in.data, len), &news), 0, "%zu bytes of \"%.*s\"", len,
                     (int)in.len, (const char *)in.data);
    /* What follows is not looked at. */
    memset(exact, '*', sizeof(exact));
    memcpy(exact, in.data, in.len);
    cr_assert_eq(dialect->cut(slice_of(exact, sizeof(exact)), &news), (int64_t)in.len, "\"%.*s\"",
                 (int)in.len, (const char *)in.data);
    cr_assert_eq(dialect->cut(in, &news), (int64_t)in.len);
    cr_expect_eq(news.type, type, "\"%.*s\" is %d", (int)in.len, (const char *)in.data, news.type);
    return news;
}

static inline void news_alien(const struct load_dialect *dialect, struct slice in)
{
    struct load_news news;
    cr_expect_lt(dialect->cut(in, &news), 0, "\"%.*s\"", (int)in.len, (const char *)in.data);
}

static inline void news_text_is(struct slice got, const char *want)
{
    cr_expect(slice_equal(got, slice_str(want)), "\"%.*s\" is not \"%s\"", (int)got.len,
              (const char *)got.data, want);
}

#endif
