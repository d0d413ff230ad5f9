/* test_dialect_nats.c -- core NATS, byte for byte. */
#include "tests/tools/load/news.h"

static const struct load_dialect *const nats = &load_dialect_nats;

Test(load_dialect_nats, what_a_client_says)
{
    uint8_t out[LOAD_GREETING_BYTES];
    news_wrote(out, nats->greet(out, "anna"),
               slice_str("CONNECT {\"verbose\":false,\"pedantic\":false,\"tls_required\":false,"
                         "\"echo\":true,\"lang\":\"c\",\"version\":\"1\",\"name\":\"anna\"}\r\n"
                         "PING\r\n"));
    news_wrote(out, nats->join(out, "ops", 0), slice_str("SUB ops 1\r\nPING\r\n"));
    news_wrote(out, nats->join(out, "ops", 11), slice_str("SUB ops 12\r\nPING\r\n"));
    news_wrote(out, nats->publish(out, "ops", slice_str("hello")),
               slice_str("PUB ops 5\r\nhello\r\n"));
    news_wrote(out, nats->answer(out, slice_str("PING")), slice_str("PONG\r\n"));
    cr_expect_not(nats->speakers_join);
}

Test(load_dialect_nats, what_a_server_says)
{
    news_cut(nats, slice_str("INFO {\"server_id\":\"NB\"} \r\n"), NEWS_NOTHING);
    news_cut(nats, slice_str("+OK\r\n"), NEWS_NOTHING);
    news_cut(nats, slice_str("PONG\r\n"), NEWS_READY);
    news_cut(nats, slice_str("PING\r\n"), NEWS_ASKED);
    struct load_news news = news_cut(nats, slice_str("-ERR 'Slow Consumer'\r\n"), NEWS_REFUSED);
    news_text_is(news.body, "-ERR 'Slow Consumer'");
    news = news_cut(nats, slice_str("MSG ops 1 7\r\na\r\nPING\r\n"), NEWS_MESSAGE);
    news_text_is(news.room, "ops");
    news_text_is(news.body, "a\r\nPING"); /* its length counts, not what is in it */
    news = news_cut(nats, slice_str("MSG ops 12 0\r\n\r\n"), NEWS_MESSAGE);
    cr_expect_eq(news.body.len, 0);
}

Test(load_dialect_nats, what_no_server_says)
{
    news_alien(nats, slice_str("220 mail.example ESMTP\r\n"));
    news_alien(nats, slice_str("-ERR unknown command\r\n")); /* Redis has no quotes */
    news_alien(nats, slice_str("MSG ops 1\r\n"));
    news_alien(nats, slice_str("MSG ops 1 inbox 5\r\nhello\r\n"));
    news_alien(nats, slice_str("MSG ops 1 999999999999\r\n"));
    news_alien(nats, slice_str("MSG ops 1 5\r\nhello..\r\n"));
}
