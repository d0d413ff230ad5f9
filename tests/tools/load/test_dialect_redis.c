/* test_dialect_redis.c -- RESP2, byte for byte. */
#include "tests/tools/load/news.h"

static const struct load_dialect *const redis = &load_dialect_redis;

Test(load_dialect_redis, what_a_client_says)
{
    uint8_t out[256];
    news_wrote(out, redis->greet(out, "anna"), slice_str("*1\r\n$4\r\nPING\r\n"));
    news_wrote(out, redis->join(out, "ops", 0),
               slice_str("*2\r\n$9\r\nSUBSCRIBE\r\n$3\r\nops\r\n"));
    news_wrote(out, redis->publish(out, "ops", slice_str("hello")),
               slice_str("*3\r\n$7\r\nPUBLISH\r\n$3\r\nops\r\n$5\r\nhello\r\n"));
    cr_expect_not(redis->speakers_join);
}

Test(load_dialect_redis, what_a_server_says)
{
    news_cut(redis, slice_str("+PONG\r\n"), NEWS_READY);
    news_cut(redis, slice_str("+OK\r\n"), NEWS_NOTHING);
    news_cut(redis, slice_str(":100\r\n"), NEWS_NOTHING);
    struct load_news news = news_cut(redis, slice_str("-ERR no\r\n"), NEWS_REFUSED);
    news_text_is(news.body, "-ERR no");
    news = news_cut(redis, slice_str("*3\r\n$9\r\nsubscribe\r\n$3\r\nops\r\n:12\r\n"), NEWS_JOINED);
    news_text_is(news.room, "ops");
    cr_expect_eq(news.place, LOAD_PLACE_NONE);
    news = news_cut(redis, slice_str("*3\r\n$7\r\nmessage\r\n$3\r\nops\r\n$6\r\na\r\nb:c\r\n"),
                    NEWS_MESSAGE);
    news_text_is(news.room, "ops");
    news_text_is(news.body, "a\r\nb:c"); /* its length counts, not what is in it */
    news =
        news_cut(redis, slice_str("*3\r\n$7\r\nmessage\r\n$3\r\nops\r\n$0\r\n\r\n"), NEWS_MESSAGE);
    cr_expect_eq(news.body.len, 0);
}

Test(load_dialect_redis, what_no_server_says)
{
    news_alien(redis, slice_str("220 mail.example ESMTP\r\n"));
    news_alien(redis, slice_str("*2\r\n$4\r\npong\r\n$0\r\n\r\n"));
    news_alien(redis, slice_str("*3\r\n:1\r\n:2\r\n:3\r\n"));
    news_alien(redis, slice_str("*3\r\n$x\r\n"));
    news_alien(redis, slice_str("*3\r\n$7\n\nmessage"));
    news_alien(redis, slice_str("*3\r\n$999999999999999999\r\n"));
    news_alien(redis, slice_str("*3\r\n$8\r\npmessage\r\n$3\r\nops\r\n$1\r\nx\r\n"));
}
