/* test_dialect_irc.c -- IRC, byte for byte. */
#include "tests/tools/load/news.h"

static const struct load_dialect *const irc = &load_dialect_irc;

Test(load_dialect_irc, what_a_client_says)
{
    uint8_t out[LOAD_GREETING_BYTES];
    news_wrote(out, irc->greet(out, "anna"), slice_str("NICK anna\r\nUSER anna 0 * :anna\r\n"));
    news_wrote(out, irc->join(out, "ops", 3), slice_str("JOIN #ops\r\n"));
    news_wrote(out, irc->publish(out, "ops", slice_str("hello")),
               slice_str("PRIVMSG #ops :hello\r\n"));
    news_wrote(out, irc->answer(out, slice_str("12 34")), slice_str("PONG :12 34\r\n"));
    cr_expect(irc->speakers_join);

    char endless[300];
    memset(endless, 'x', sizeof(endless));
    cr_expect_eq(irc->answer(out, slice_of(endless, sizeof(endless))), LOAD_ANSWER_BYTES);
}

Test(load_dialect_irc, what_a_server_says)
{
    news_cut(irc, slice_str(":irc.example NOTICE * :*** Looking up\r\n"), NEWS_NOTHING);
    news_cut(irc, slice_str("NOTICE AUTH :*** Looking up\r\n"), NEWS_NOTHING);
    news_cut(irc, slice_str(":irc.example 001 anna :Welcome\r\n"), NEWS_READY);
    news_cut(irc, slice_str(":irc.example 372 anna :- a day\r\n"), NEWS_NOTHING);
    news_cut(irc, slice_str(":irc.example 422 anna :no MOTD\r\n"), NEWS_NOTHING);
    news_cut(irc, slice_str(":anna!a@h JOIN :#ops\r\n"), NEWS_NOTHING);
    struct load_news news =
        news_cut(irc, slice_str(":irc.example 366 anna #ops :End of list\r\n"), NEWS_JOINED);
    news_text_is(news.room, "ops");
    cr_expect_eq(news.place, LOAD_PLACE_NONE);
    news_text_is(news_cut(irc, slice_str("PING :12 34\r\n"), NEWS_ASKED).body, "12 34");
    news_text_is(news_cut(irc, slice_str(":irc.example PING x\r\n"), NEWS_ASKED).body, "x");
    news_text_is(news_cut(irc, slice_str(":irc.example 433 * anna :in use\r\n"), NEWS_REFUSED).body,
                 "anna :in use");
    news_text_is(news_cut(irc, slice_str("ERROR :Closing link\r\n"), NEWS_REFUSED).body,
                 "Closing link");
    news = news_cut(irc, slice_str(":bob!~b@h PRIVMSG #ops ::a b: \r\n"), NEWS_MESSAGE);
    news_text_is(news.room, "ops");
    news_text_is(news.body, ":a b: ");
    news = news_cut(irc, slice_str(":bob!~b@h PRIVMSG #ops one\n"), NEWS_MESSAGE);
    news_text_is(news.body, "one");
}

Test(load_dialect_irc, what_no_server_says)
{
    news_alien(irc, slice_str("220 mail.example ESMTP\r\n"));
    news_alien(irc, slice_str("INFO {\"server_id\":\"x\"}\r\n"));
    news_alien(irc, slice_str("-ERR unknown command\r\n"));
    news_alien(irc, slice_str(":irc.example 366 anna\r\n"));
    news_alien(irc, slice_str(":irc.example 12x anna\r\n"));
    news_alien(irc, slice_str("\r\n"));
}
