/* http_site.c -- see http_site.h. */
#include "proto/http_site.h"

#include "proto/sha1.h"
#include "proto/wire.h"

/* What every answer forbids. Scripts, styles, images and connections are the server's own or none
 * ('self' covers ws: and wss: on the same host and port, CSP Level 3). */
#define GUARDS                                                                           \
    "X-Content-Type-Options: nosniff\r\n"                                                \
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; " \
    "img-src 'self' data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "   \
    "form-action 'none'; frame-ancestors 'none'\r\n"                                     \
    "Referrer-Policy: no-referrer\r\n"                                                   \
    "Cross-Origin-Resource-Policy: same-origin\r\n"

/* IMF-fixdate (RFC 9110 section 5.6.7). Years begin in March here, so that a leap day is a year's
 * last, and 400 of them have 146097 days. */
static void put_date(struct writer *w, uint64_t now_s)
{
    static const char days[] = "Thu\0Fri\0Sat\0Sun\0Mon\0Tue\0Wed";
    static const char months[] = "Mar\0Apr\0May\0Jun\0Jul\0Aug\0Sep\0Oct\0Nov\0Dec\0Jan\0Feb";
    uint64_t day = now_s / 86400, second = now_s % 86400;
    uint64_t since = day + 719468; /* from 1 March of the year 0 to 1 January 1970 */
    uint64_t in_era = since % 146097;
    uint64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    uint64_t in_year = in_era - (365 * year + year / 4 - year / 100);
    uint64_t month = (5 * in_year + 2) / 153; /* 0: March */

    if (now_s == 0)
        return;
    writer_text(w, "Date: ");
    writer_text(w, days + 4 * (day % 7));
    writer_text(w, ", ");
    writer_decimal(w, in_year - (153 * month + 2) / 5 + 1, 2);
    writer_text(w, " ");
    writer_text(w, months + 4 * month);
    writer_text(w, " ");
    writer_decimal(w, since / 146097 * 400 + year + (month >= 10), 4);
    writer_text(w, " ");
    writer_decimal(w, second / 3600, 2);
    writer_text(w, ":");
    writer_decimal(w, second / 60 % 60, 2);
    writer_text(w, ":");
    writer_decimal(w, second % 60, 2);
    writer_text(w, " GMT\r\n");
}

struct phrase {
    enum http_status status;
    const char *phrase;
    const char *fields;   /* that belong to this status, or "" */
    const char *sentence; /* for people */
};

static const struct phrase phrases[] = {
    {HTTP_OK, "OK", "", ""},
    {HTTP_NOT_MODIFIED, "Not Modified", "", ""},
    {HTTP_BAD_REQUEST, "Bad Request", "", "This is not a request that is understood here.\n"},
    {HTTP_FORBIDDEN, "Forbidden", "",
     "Pages of this origin may not use this server (--allow-origin lets them).\n"},
    {HTTP_NOT_FOUND, "Not Found", "", "There is nothing here.\n"},
    {HTTP_METHOD, "Method Not Allowed", "Allow: GET, HEAD\r\n", "Only GET and HEAD.\n"},
    {HTTP_TIMEOUT, "Request Timeout", "", "The request did not come in time.\n"},
    {HTTP_UPGRADE_REQUIRED, "Upgrade Required",
     "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", "This is for WebSocket, version 13.\n"},
    {HTTP_HEAD_TOO_LARGE, "Request Header Fields Too Large", "", "The request is too long.\n"},
    {HTTP_UNAVAILABLE, "Service Unavailable", "Retry-After: 5\r\n", "Not now; try again.\n"},
    {HTTP_VERSION, "HTTP Version Not Supported", "", "Only HTTP/1.\n"},
};

static const struct phrase *phrase_of(enum http_status status)
{
    for (size_t i = 0; i < ARRAY_SIZE(phrases); i++)
        if (phrases[i].status == status)
            return &phrases[i];
    return phrase_of(HTTP_BAD_REQUEST);
}

/* RFC 9110 section 7.8: who sends Upgrade names it in Connection. */
static void put_connection(struct writer *w, const struct http_answer *answer)
{
    bool upgrade = answer->status == HTTP_UPGRADE_REQUIRED;

    if (upgrade || answer->close) {
        writer_text(w, upgrade ? "Connection: upgrade" : "Connection: close");
        writer_text(w, upgrade && answer->close ? ", close\r\n" : "\r\n");
    }
}

static void put_head(struct writer *w, const struct http_answer *answer)
{
    const struct phrase *phrase = phrase_of(answer->status);

    writer_text(w, "HTTP/1.1 ");
    writer_decimal(w, (uint64_t)answer->status, 3);
    writer_text(w, " ");
    writer_text(w, phrase->phrase);
    writer_text(w, "\r\n");
    put_date(w, answer->now_s);
    writer_text(w, phrase->fields);
    put_connection(w, answer);
    if (answer->status != HTTP_NOT_MODIFIED) {
        writer_text(w, "Content-Type: ");
        writer_slice(w, answer->type);
        writer_text(w, "\r\nContent-Length: ");
        writer_decimal(w, answer->body_bytes, 1);
        writer_text(w, "\r\n");
    }
    if (answer->etag.len > 0) {
        writer_text(w, "ETag: ");
        writer_slice(w, answer->etag);
        writer_text(w, "\r\n");
    }
    writer_text(w, answer->status == HTTP_OK || answer->status == HTTP_NOT_MODIFIED
                       ? "Cache-Control: no-cache\r\n"
                       : "Cache-Control: no-store\r\n");
    writer_text(w, GUARDS "\r\n");
}

static size_t written(const struct writer *w, const uint8_t *out)
{
    return w->failed ? 0 : (size_t)(w->at - out);
}

size_t http_write_answer(const struct http_answer *answer, uint8_t *out, size_t cap)
{
    struct writer w = {.at = out, .left = cap};

    put_head(&w, answer);
    return written(&w, out);
}

size_t http_write_refusal(enum http_status status, bool head, bool close, uint64_t now_s,
                          uint8_t *out, size_t cap)
{
    const char *sentence = phrase_of(status)->sentence;
    struct writer w = {.at = out, .left = cap};
    struct http_answer answer = {.status = status,
                                 .type = slice_str("text/plain; charset=utf-8"),
                                 .body_bytes = strlen(sentence),
                                 .close = close,
                                 .now_s = now_s};

    put_head(&w, &answer);
    if (!head)
        writer_text(&w, sentence);
    return written(&w, out);
}

/* RFC 4648 section 4. */
static void base64(const uint8_t *in, size_t len, uint8_t *out)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < len; i += 3, out += 4) {
        uint32_t v = (uint32_t)in[i] << 16;
        if (i + 1 < len)
            v |= (uint32_t)in[i + 1] << 8;
        if (i + 2 < len)
            v |= in[i + 2];
        for (unsigned j = 0; j < 4; j++)
            out[j] = (uint8_t)(i + j <= len ? letters[v >> (18 - 6 * j) & 0x3F] : '=');
    }
}

void http_accept(struct slice key, uint8_t accept[HTTP_ACCEPT_BYTES])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t text[HTTP_KEY_BYTES + sizeof(guid) - 1], digest[SHA1_BYTES];

    key.len = size_min(key.len, HTTP_KEY_BYTES);
    uint8_t *end = store_slice(store_slice(text, key), slice_str(guid));
    sha1(slice_of(text, (size_t)(end - text)), digest);
    base64(digest, sizeof(digest), accept);
}
static_assert((SHA1_BYTES + 2u) / 3u * 4u == HTTP_ACCEPT_BYTES, "four letters for three bytes");

size_t http_write_switch(struct slice key, uint8_t protocol, uint64_t now_s, uint8_t *out,
                         size_t cap)
{
    struct writer w = {.at = out, .left = cap};
    uint8_t accept[HTTP_ACCEPT_BYTES];

    http_accept(key, accept);
    writer_text(&w, "HTTP/1.1 101 Switching Protocols\r\n");
    put_date(&w, now_s);
    writer_text(&w, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ");
    writer_slice(&w, slice_of(accept, sizeof(accept)));
    if (protocol != 0) {
        writer_text(&w, "\r\nSec-WebSocket-Protocol: ");
        writer_text(&w, protocol == HTTP_PROTOCOL_BIN ? HTTP_PROTOCOL_NAME_BIN
                                                      : HTTP_PROTOCOL_NAME_JSON);
    }
    writer_text(&w, "\r\n\r\n");
    return written(&w, out);
}
