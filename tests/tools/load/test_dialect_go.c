/* test_dialect_go.c -- the protocol of perf/peers/go, byte for byte. */
#include "tests/tools/load/news.h"

static const struct load_dialect *const go = &load_dialect_go;

/* A literal with zeros in it. */
#define BYTES(text) slice_of(text, sizeof(text) - 1)

Test(load_dialect_go, what_a_client_says)
{
    uint8_t out[256];
    news_wrote(out, go->greet(out, "anna"), BYTES("\0\0\0\x05Hanna"));
    news_wrote(out, go->join(out, "ops", 3), BYTES("\0\0\0\x04Jops"));
    news_wrote(out, go->publish(out, "ops", slice_str("hello")), BYTES("\0\0\0\x0AP\x03opshello"));
    cr_expect_not(go->speakers_join);
}

Test(load_dialect_go, what_a_server_says)
{
    news_cut(go, BYTES("\0\0\0\x01W"), NEWS_READY);
    struct load_news news = news_cut(go, BYTES("\0\0\0\x04Kops"), NEWS_JOINED);
    news_text_is(news.room, "ops");
    cr_expect_eq(news.place, LOAD_PLACE_NONE);
    news = news_cut(go, BYTES("\0\0\0\x0AM\x03opshello"), NEWS_MESSAGE);
    news_text_is(news.room, "ops");
    news_text_is(news.body, "hello");
    news = news_cut(go, BYTES("\0\0\0\x05M\x03ops"), NEWS_MESSAGE);
    cr_expect_eq(news.body.len, 0);
}

Test(load_dialect_go, what_no_server_says)
{
    news_alien(go, slice_str("220 mail.example ESMTP\r\n"));
    news_alien(go, BYTES("\0\0\0\0"));
    news_alien(go, BYTES("\0\0\0\x01X"));
    news_alien(go, BYTES("\0\0\0\x01M"));
    news_alien(go, BYTES("\0\0\0\x04M\x03op"));
}
