/* test_upgrade.c -- the request is what a server takes, and only the right answer is one. */
#include "tools/load/upgrade.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define SWITCH                                                   \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" \
    "Connection: Upgrade\r\nSec-WebSocket-Accept: "              \
    "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

/* Of RFC 6455 section 1.3. */
static struct load_upgrade *known(enum load_wire wire)
{
    struct load_upgrade *upgrade = load_upgrade_new(wire, slice_str("hello"));
    cr_assert_not_null(upgrade);
    memcpy(upgrade->key, "dGhlIHNhbXBsZSBub25jZQ==", HTTP_KEY_BYTES);
    return upgrade;
}

Test(load_upgrade, a_server_takes_the_request_and_its_answer_is_right)
{
    for (unsigned wire = LOAD_WS; wire < LOAD_WIRES; wire++) {
        struct load_upgrade *upgrade = load_upgrade_new((enum load_wire)wire, slice_str("hello"));
        uint8_t request[LOAD_REQUEST_BYTES], answer[1024];
        struct http_request read;
        size_t want, len = load_upgrade_request(upgrade, request);
        cr_assert_eq(http_read(slice_of(request, len), &read, &want), (int64_t)len);
        cr_expect(slice_equal(read.path, slice_str(HTTP_PATH_WS)));
        cr_expect(read.upgrade && read.version13);
        cr_expect(slice_equal(read.key, slice_of(upgrade->key, HTTP_KEY_BYTES)));
        cr_expect_eq(read.protocol, wire == LOAD_WS ? HTTP_PROTOCOL_BIN : HTTP_PROTOCOL_JSON);
        cr_expect(
            slice_equal(slice_of(upgrade->opening, upgrade->opening_bytes), slice_str("hello")));

        len = http_write_switch(read.key, read.protocol, 0, answer, sizeof(answer));
        cr_assert_gt(len, 0);
        for (size_t cut = 0; cut < len; cut++)
            cr_expect_eq(load_upgrade_head(slice_of(answer, cut)), 0, "%zu", cut);
        memcpy(answer + len, "\x82\x00", 2); /* what comes behind it */
        cr_expect_eq(load_upgrade_head(slice_of(answer, len + 2)), (int64_t)len);
        cr_expect_eq(load_upgrade_status(slice_of(answer, len)), 101);
        cr_expect(load_upgrade_right(upgrade, slice_of(answer, len)));
        free(upgrade);
    }
}

Test(load_upgrade, keys_differ)
{
    struct load_upgrade *a = load_upgrade_new(LOAD_WS, slice_str(""));
    struct load_upgrade *b = load_upgrade_new(LOAD_WS, slice_str(""));
    cr_expect_neq(memcmp(a->key, b->key, HTTP_KEY_BYTES), 0);
    free(a);
    free(b);
}

Test(load_upgrade, what_is_no_answer_of_http)
{
    static char long_head[LOAD_HEAD_BYTES_MAX + 10];
    cr_expect_eq(load_upgrade_head(slice_str("220 mail.example ESMTP\r\n")), -1);
    cr_expect_eq(load_upgrade_head(slice_str("HTTP/1.0 200 OK\r\n")), -1);
    cr_expect_eq(load_upgrade_head(slice_of("\0\0\0\x10\xC5\x01", 6)), -1);
    memset(long_head, 'x', sizeof(long_head));
    memcpy(long_head, "HTTP/1.1 ", 9);
    cr_expect_eq(load_upgrade_head(slice_of(long_head, LOAD_HEAD_BYTES_MAX)), 0);
    cr_expect_eq(load_upgrade_head(slice_of(long_head, LOAD_HEAD_BYTES_MAX + 1)), -1);
    cr_expect_eq(load_upgrade_status(slice_str("HTTP/1.1 OK\r\n\r\n")), 0);
}

Test(load_upgrade, answers_right_and_wrong)
{
    static const struct {
        bool right;
        const char *head;
    } cases[] = {
        {true, SWITCH "Sec-WebSocket-Protocol: uproar.v1.bin\r\n\r\n"},
        {true, "HTTP/1.1 101 \r\nSEC-WEBSOCKET-ACCEPT:s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
               "connection: upgrade\r\nupgrade:  WebSocket \r\n"
               "sec-websocket-protocol: uproar.v1.bin\r\nDate: now\r\n\r\n"},
        {false, SWITCH "\r\n"},
        {false, SWITCH "Sec-WebSocket-Protocol: uproar.v1.json\r\n\r\n"},
        {false, SWITCH "Sec-WebSocket-Protocol: uproar.v1.bin\r\n"
                       "Sec-WebSocket-Protocol: uproar.v1.bin\r\n\r\n"},
        {false, SWITCH "Sec-WebSocket-Protocol: uproar.v1.bin\r\n"
                       "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"},
        {false, "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                "Sec-WebSocket-Protocol: uproar.v1.bin\r\n\r\n"},
        {false, "HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                "Sec-WebSocket-Protocol: uproar.v1.bin\r\n\r\n"},
        {false, "HTTP/1.1 101 x\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                "Sec-WebSocket-Protocol: uproar.v1.bin\r\n\r\n"},
    };
    struct load_upgrade *upgrade = known(LOAD_WS);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct slice head = slice_str(cases[i].head);
        cr_expect_eq(load_upgrade_head(head), (int64_t)head.len, "case %zu", i);
        cr_expect_eq(load_upgrade_right(upgrade, head), cases[i].right, "case %zu", i);
    }
    free(upgrade);
}

Test(load_upgrade, when_to_come_back)
{
    cr_expect_eq(load_upgrade_retry_s(slice_str("HTTP/1.1 503 x\r\nRetry-After: 7\r\n\r\n")), 7);
    cr_expect_eq(load_upgrade_retry_s(slice_str("HTTP/1.1 503 x\r\n\r\n")), 0);
    cr_expect_eq(load_upgrade_retry_s(slice_str("HTTP/1.1 503 x\r\nRetry-After: Fri\r\n\r\n")), 0);
}
