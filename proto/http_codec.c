/* http_codec.c -- HTTP as a codec: pages, and the way into WebSocket.
 *
 *     GET /ws     with an upgrade to WebSocket: 101, and the connection becomes ws-bin or ws-json
 *     GET /echo   the same, ws-echo, where the site has it
 *     GET, HEAD   what the site has: 200, or 304; else 404
 *
 * No command ever comes from here, and no event can be said. A refused request ends the connection,
 * since after it nobody knows where the next one begins; so does the last of HTTP_ANSWERS_MAX
 * answers, as a stranger may not stay one for ever.
 */
#include "proto/codec.h"
#include "proto/http_site.h"

/* A page and its assets, and some room. */
#define HTTP_ANSWERS_MAX 16u

struct state {
    uint16_t status;  /* that refuses what could not be read; 0: nothing has */
    uint8_t answered; /* requests */
    bool ended;       /* the last answer was given */
};
static_assert(sizeof(struct state) <= CODEC_STATE_BYTES_MAX, "there is one for each connection");

static const struct http_site nothing;

static const struct http_site *site_of(const struct codec_limits *limits)
{
    return limits->site ? limits->site : &nothing;
}

/* By the method, the only thing to be seen in the first bytes. PRI begins HTTP/2, which is told
 * 505. */
static enum sniff http_sniff(struct slice first)
{
    static const char *const methods[] = {"GET ",     "HEAD ",  "POST ",  "PUT ",     "DELETE ",
                                          "OPTIONS ", "PATCH ", "TRACE ", "CONNECT ", "PRI "};
    enum sniff answer = SNIFF_NO;

    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        size_t len = strlen(methods[i]), have = size_min(len, first.len);
        if (have > 0 && memcmp(first.data, methods[i], have) != 0)
            continue;
        if (have == len)
            return SNIFF_YES;
        answer = SNIFF_MORE;
    }
    return answer;
}

static void http_open(void *state, const struct codec_limits *limits)
{
    (void)limits;
    memset(state, 0, sizeof(struct state));
}

/* What has been decided for one request. */
struct reply {
    size_t head;       /* bytes in scratch, with the body of a refusal */
    struct slice body; /* empty for HEAD and refusals */
    bool switched;
    uint8_t become;
};

static struct reply refuse(enum http_status status, const struct http_request *request, bool close,
                           const struct http_site *site, uint8_t *scratch)
{
    return (struct reply){.head = http_write_refusal(status, request->method == HTTP_HEAD, close,
                                                     site->now_s, scratch, OWED_BYTES_MAX)};
}

/* Whether the request may become a WebSocket: 101, or what refuses it. */
static enum http_status check_upgrade(const struct http_request *request,
                                      const struct http_site *site, bool echo)
{
    if (request->method == HTTP_OTHER)
        return HTTP_METHOD;
    /* RFC 6455 sections 4.2.1 and 4.4. HEAD is told what GET would be without an upgrade. */
    if (request->method != HTTP_GET || !request->upgrade || !request->version13)
        return HTTP_UPGRADE_REQUIRED;
    if (request->key.len == 0)
        return HTTP_BAD_REQUEST;
    if (!http_origin_allowed(request->origin, request->host, site->origins, site->origin_count))
        return HTTP_FORBIDDEN;
    /* Only subprotocols that are unknown here: the client would not like any other. */
    if (!echo && request->offered && request->protocol == 0)
        return HTTP_BAD_REQUEST;
    return HTTP_SWITCHING;
}

static struct reply upgrade(const struct http_request *request, bool close,
                            const struct http_site *site, bool echo, uint8_t *scratch)
{
    enum http_status status = check_upgrade(request, site, echo);

    if (status != HTTP_SWITCHING)
        return refuse(status, request, close, site, scratch);
    uint8_t protocol = echo ? 0 : request->protocol;
    unsigned become = echo                            ? CODEC_WS_ECHO
                      : protocol == HTTP_PROTOCOL_BIN ? CODEC_WS_BIN
                                                      : CODEC_WS_JSON;
    return (struct reply){
        .head = http_write_switch(request->key, protocol, site->now_s, scratch, OWED_BYTES_MAX),
        .switched = true,
        .become = (uint8_t)become};
}

static struct reply serve(const struct http_resource *resource, const struct http_request *request,
                          bool close, const struct http_site *site, uint8_t *scratch)
{
    bool same = resource->etag.len > 0 && http_etag_listed(request->etag, resource->etag);
    struct http_answer answer = {.status = same ? HTTP_NOT_MODIFIED : HTTP_OK,
                                 .type = resource->type,
                                 .etag = resource->etag,
                                 .body_bytes = resource->body.len,
                                 .close = close,
                                 .now_s = site->now_s};
    struct reply reply = {.head = http_write_answer(&answer, scratch, OWED_BYTES_MAX)};

    if (!same && request->method == HTTP_GET)
        reply.body = resource->body;
    return reply;
}

static struct reply reply_to(const struct http_request *request, bool close,
                             const struct http_site *site, uint8_t *scratch)
{
    bool echo = site->echo && slice_equal(request->path, slice_str(HTTP_PATH_ECHO));

    if (echo || slice_equal(request->path, slice_str(HTTP_PATH_WS)))
        return upgrade(request, close, site, echo, scratch);
    for (size_t i = 0; i < site->resource_count; i++) {
        if (!slice_equal(request->path, site->resources[i].path))
            continue;
        return request->method == HTTP_OTHER
                   ? refuse(HTTP_METHOD, request, close, site, scratch)
                   : serve(&site->resources[i], request, close, site, scratch);
    }
    return refuse(request->path.len > 0 ? HTTP_NOT_FOUND : HTTP_METHOD, request, close, site,
                  scratch);
}

static int64_t http_decode(void *opaque, const struct codec_limits *limits, struct span in,
                           struct decoded *out)
{
    struct state *state = opaque;
    struct http_request request;

    out->also = 0;
    int64_t used = http_read(span_slice(in), &request, &out->want);
    if (used == 0)
        return 0;
    if (used < 0) {
        state->status = (uint16_t)-used;
        return -(int64_t)REASON_HTTP_REFUSED;
    }
    out->cmd = (struct cmd){.type = MSG_NONE};
    bool close = !request.keep_alive || ++state->answered == HTTP_ANSWERS_MAX;
    struct reply reply = reply_to(&request, close, site_of(limits), out->scratch);
    out->also = DECODED_OWED;
    out->owed[0] = slice_of(out->scratch, reply.head);
    out->owed[1] = reply.body;
    if (reply.switched) {
        out->also |= DECODED_BECOME;
        out->become = reply.become;
    } else if (close) {
        out->also |= DECODED_END;
        out->end = REASON_ANSWERED;
        state->ended = true;
    }
    return used;
}

/* What refuses a connection that is to end for this reason; 0: nobody asked anything. */
static enum http_status status_of(const struct state *state, enum reason reason)
{
    if (state->status != 0)
        return (enum http_status)state->status;
    switch (reason) {
    case REASON_HELLO_TIMEOUT:
        return state->answered == 0 ? HTTP_TIMEOUT : 0;
    case REASON_HELLO_BUDGET:
        return HTTP_HEAD_TOO_LARGE;
    case REASON_TRUNCATED:
        return HTTP_BAD_REQUEST;
    case REASON_PEER_CLOSED:
    case REASON_PEER_RESET:
        return 0;
    default:
        return state->answered == 0 ? HTTP_UNAVAILABLE : 0;
    }
}

static size_t http_farewell(const void *opaque, const struct codec_limits *limits,
                            enum reason reason, uint8_t *out, size_t cap)
{
    const struct state *state = opaque;
    enum http_status status = status_of(state, reason);

    if (state->ended || status == 0)
        return 0;
    return http_write_refusal(status, false, true, site_of(limits)->now_s, out, cap);
}

const struct codec codec_http = {
    .name = "http",
    .state_bytes = sizeof(struct state),
    .fin_is_goodbye = true,
    .sniff = http_sniff,
    .open = http_open,
    .decode = http_decode,
    .farewell = http_farewell,
};
