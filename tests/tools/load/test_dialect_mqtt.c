/* test_dialect_mqtt.c -- MQTT 3.1.1 at QoS 0, byte for byte. */
#include "tests/tools/load/news.h"

static const struct load_dialect *const mqtt = &load_dialect_mqtt;

/* A literal with zeros in it. */
#define BYTES(text) slice_of(text, sizeof(text) - 1)

Test(load_dialect_mqtt, what_a_client_says)
{
    uint8_t out[512];
    news_wrote(out, mqtt->greet(out, "anna"),
               BYTES("\x10\x10\0\x04MQTT\x04\x02\0\0\0\x04"
                     "anna"));
    news_wrote(out, mqtt->join(out, "ops", 0), BYTES("\x82\x08\0\x01\0\x03ops\0"));
    news_wrote(out, mqtt->join(out, "ops", 299), BYTES("\x82\x08\x01\x2C\0\x03ops\0"));
    news_wrote(out, mqtt->publish(out, "ops", slice_str("hello")), BYTES("\x30\x0A\0\x03opshello"));
    cr_expect_not(mqtt->speakers_join);

    /* Lengths from 128 on take two bytes. */
    uint8_t body[200];
    memset(body, 'x', sizeof(body));
    size_t len = mqtt->publish(out, "ops", slice_of(body, sizeof(body)));
    cr_expect_eq(len, 3 + 2 + 3 + 200);
    cr_expect_eq(memcmp(out, "\x30\xCD\x01\0\x03ops", 8), 0); /* 205 = 0x4D + 128 * 1 */
}

Test(load_dialect_mqtt, what_a_server_says)
{
    news_cut(mqtt, BYTES("\x20\x02\0\0"), NEWS_READY);
    news_cut(mqtt, BYTES("\xD0\0"), NEWS_NOTHING);
    news_text_is(news_cut(mqtt, BYTES("\x20\x02\0\x05"), NEWS_REFUSED).body, "not authorized");
    cr_expect_eq(news_cut(mqtt, BYTES("\x90\x03\0\x01\0"), NEWS_JOINED).place, 0);
    cr_expect_eq(news_cut(mqtt, BYTES("\x90\x03\x01\x2C\0"), NEWS_JOINED).place, 299);
    news_cut(mqtt, BYTES("\x90\x03\0\x01\x80"), NEWS_REFUSED);
    struct load_news news = news_cut(mqtt, BYTES("\x30\x0A\0\x03opshello"), NEWS_MESSAGE);
    news_text_is(news.room, "ops");
    news_text_is(news.body, "hello");
    news = news_cut(mqtt, BYTES("\x30\x05\0\x03ops"), NEWS_MESSAGE);
    cr_expect_eq(news.body.len, 0);

    uint8_t out[512], body[200];
    memset(body, 'x', sizeof(body));
    size_t len = mqtt->publish(out, "ops", slice_of(body, sizeof(body)));
    cr_expect_eq(news_cut(mqtt, slice_of(out, len), NEWS_MESSAGE).body.len, sizeof(body));
}

Test(load_dialect_mqtt, what_no_server_says)
{
    news_alien(mqtt, slice_str("220 mail.example ESMTP\r\n"));
    news_alien(mqtt, slice_str("INFO {}\r\n"));
    news_alien(mqtt, BYTES("\x32\x0C\0\x03ops\0\x01hello")); /* QoS 1, which nobody asked for */
    news_alien(mqtt, BYTES("\x30\x01\0"));                   /* no topic */
    news_alien(mqtt, BYTES("\x30\x04\0\x03op"));             /* shorter than its topic */
    news_alien(mqtt, BYTES("\x30\xFF\xFF\xFF\xFF\x01"));     /* a length of five bytes */
    news_alien(mqtt, BYTES("\x30\xFF\xFF\xFF\x7F"));         /* 256 MB */
    news_alien(mqtt, BYTES("\x90\x03\0\0\0"));               /* no identifier is 0 */
    news_alien(mqtt, BYTES("\x20\x03\0\0\0"));
}
