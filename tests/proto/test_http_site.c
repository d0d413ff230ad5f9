/* test_http_site.c -- the heads of answers, byte by byte where it matters. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

#include "proto/codec.h"
#include "proto/http_site.h"

/* Zero-terminated. */
static const char *text_of(uint8_t *out, size_t n)
{
    cr_assert_gt(n, 0);
    out[n] = '\0';
    return (const char *)out;
}

static void assert_has(const char *text, const char *line)
{
    cr_assert(strstr(text, line), "no %s in %s", line, text);
}

/* The example of RFC 6455 section 1.3. */
Test(http_site, accept_of_the_rfc)
{
    uint8_t accept[HTTP_ACCEPT_BYTES];
    http_accept(slice_str("dGhlIHNhbXBsZSBub25jZQ=="), accept);
    cr_assert_eq(memcmp(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", sizeof(accept)), 0);
}

Test(http_site, switching)
{
    uint8_t out[OWED_BYTES_MAX];
    struct slice key = slice_str("dGhlIHNhbXBsZSBub25jZQ==");
    size_t n = http_write_switch(key, HTTP_PROTOCOL_JSON, 0, out, sizeof(out));
    cr_assert_str_eq(text_of(out, n), "HTTP/1.1 101 Switching Protocols\r\n"
                                      "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                                      "Sec-WebSocket-Protocol: uproar.v1.json\r\n\r\n");
    cr_assert_eq(http_write_switch(key, HTTP_PROTOCOL_JSON, 0, out, n - 1), 0);
    n = http_write_switch(key, HTTP_PROTOCOL_BIN, 1, out, sizeof(out));
    assert_has(text_of(out, n), "\r\nSec-WebSocket-Protocol: uproar.v1.bin\r\n");
    assert_has(text_of(out, n), "\r\nDate: ");
    n = http_write_switch(key, 0, 0, out, sizeof(out));
    cr_assert_null(strstr(text_of(out, n), "Protocol:"));
}

Test(http_site, answer)
{
    uint8_t out[OWED_BYTES_MAX];
    struct http_answer answer = {.status = HTTP_OK,
                                 .type = slice_str("text/html; charset=utf-8"),
                                 .etag = slice_str("\"abc\""),
                                 .body_bytes = 12345,
                                 .now_s = 1700000000};
    size_t n = http_write_answer(&answer, out, sizeof(out));
    const char *text = text_of(out, n);
    cr_assert_eq(strncmp(text, "HTTP/1.1 200 OK\r\n", 17), 0);
    assert_has(text, "\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n");
    assert_has(text, "\r\nContent-Type: text/html; charset=utf-8\r\n");
    assert_has(text, "\r\nContent-Length: 12345\r\n");
    assert_has(text, "\r\nETag: \"abc\"\r\n");
    assert_has(text, "\r\nCache-Control: no-cache\r\n");
    assert_has(text, "\r\nX-Content-Type-Options: nosniff\r\n");
    assert_has(text, "\r\nContent-Security-Policy: default-src 'none'; script-src 'self';");
    assert_has(text, "frame-ancestors 'none'");
    cr_assert_null(strstr(text, "Connection:"));
    cr_assert_str_eq(text + n - 4, "\r\n\r\n");
    for (size_t cap = 0; cap < n; cap++)
        cr_assert_eq(http_write_answer(&answer, out, cap), 0);
    answer.close = true;
    assert_has(text_of(out, http_write_answer(&answer, out, sizeof(out))),
               "\r\nConnection: close\r\n");
    answer.status = HTTP_NOT_MODIFIED;
    text = text_of(out, http_write_answer(&answer, out, sizeof(out)));
    cr_assert_null(strstr(text, "Content-Length"));
    assert_has(text, "\r\nETag: \"abc\"\r\n");
}

Test(http_site, refusals)
{
    static const enum http_status all[] = {
        HTTP_BAD_REQUEST,      HTTP_FORBIDDEN,      HTTP_NOT_FOUND,   HTTP_METHOD, HTTP_TIMEOUT,
        HTTP_UPGRADE_REQUIRED, HTTP_HEAD_TOO_LARGE, HTTP_UNAVAILABLE, HTTP_VERSION};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        uint8_t out[OWED_BYTES_MAX + 1];
        char line[64];
        size_t n = http_write_refusal(all[i], false, true, 1700000000, out, OWED_BYTES_MAX);
        const char *text = text_of(out, n), *body = strstr(text, "\r\n\r\n") + 4;
        snprintf(line, sizeof(line), "HTTP/1.1 %d ", all[i]);
        cr_assert_eq(strncmp(text, line, strlen(line)), 0);
        snprintf(line, sizeof(line), "\r\nContent-Length: %zu\r\n", strlen(body));
        assert_has(text, line);
        assert_has(text, "close\r\n");
        assert_has(text, "\r\nCache-Control: no-store\r\n");
        assert_has(text, "\r\nContent-Type: text/plain; charset=utf-8\r\n");
        size_t head = http_write_refusal(all[i], true, true, 1700000000, out, OWED_BYTES_MAX);
        cr_assert_eq(head, n - strlen(body));
        cr_assert_gt(strlen(body), 0);
    }
}

/* What belongs to a status by its definition (RFC 9110 sections 15.5.6 and 15.5.22). */
Test(http_site, fields_of_a_status)
{
    uint8_t out[OWED_BYTES_MAX + 1];
    size_t n = http_write_refusal(HTTP_METHOD, false, false, 0, out, OWED_BYTES_MAX);
    assert_has(text_of(out, n), "\r\nAllow: GET, HEAD\r\n");
    cr_assert_null(strstr((char *)out, "Connection:"));
    n = http_write_refusal(HTTP_UPGRADE_REQUIRED, false, false, 0, out, OWED_BYTES_MAX);
    assert_has(text_of(out, n), "\r\nUpgrade: websocket\r\n");
    assert_has(text_of(out, n), "\r\nSec-WebSocket-Version: 13\r\n");
    assert_has(text_of(out, n), "\r\nConnection: upgrade\r\n");
    n = http_write_refusal(HTTP_UPGRADE_REQUIRED, false, true, 0, out, OWED_BYTES_MAX);
    assert_has(text_of(out, n), "\r\nConnection: upgrade, close\r\n");
}

/* Against the C library, days around leap days and ends of centuries among them. */
Test(http_site, dates)
{
    static const uint64_t moments[] = {1,          951782399,  951782400,  951868799,
                                       951868800,  1709164800, 784111777,  1735689599,
                                       4107542400, 4102444799, 13574563200};
    for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
        uint8_t out[OWED_BYTES_MAX + 1];
        char line[64];
        time_t now = (time_t)moments[i];
        struct tm tm;
        size_t n = http_write_refusal(HTTP_NOT_FOUND, true, false, moments[i], out, OWED_BYTES_MAX);
        strftime(line, sizeof(line), "\r\nDate: %a, %d %b %Y %H:%M:%S GMT\r\n",
                 gmtime_r(&now, &tm));
        assert_has(text_of(out, n), line);
    }
}
