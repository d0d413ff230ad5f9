/* test_http.c -- HTTP on the port that the chat is on: what is served, what is refused and how, and
 * the way into WebSocket.
 */
#include "core/clock.h"
#include "tests/e2e/ws_client.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

TestSuite(http, .fini = harness_fini, .timeout = 60);

#define H      WS_HOST
#define HEALTH "GET /healthz HTTP/1.1\r\n" H "\r\n"

static uint64_t now_ms(void)
{
    return clock_monotonic_ns() / NS_PER_MS;
}

static void assert_head(const struct answer *answer, const char *field)
{
    cr_assert(strstr(answer->head, field), "no \"%s\" in %s", field, answer->head);
}

Test(http, serves_a_word_for_health_checks)
{
    struct server *server = server_start(NULL);
    struct client *client = http_open(server);
    const struct answer *answer = http_ask(client, HEALTH, 200);

    cr_assert_str_eq(answer->body, "ok\n");
    assert_head(answer, "Content-Length: 3\r\n");
    assert_head(answer, "Content-Type: text/plain");
    assert_head(answer, "X-Content-Type-Options: nosniff\r\n");
    assert_head(answer, "Content-Security-Policy: ");
    assert_head(answer, "Date: ");
    cr_assert_null(strstr(answer->head, "Connection: close"));
    /* The same connection goes on, and HEAD has all but the body. */
    answer = http_ask(client, "HEAD /healthz HTTP/1.1\r\n" H "\r\n", 200);
    assert_head(answer, "Content-Length: 3\r\n");
    http_ask(client, "GET /healthz?really HTTP/1.1\r\n" H "\r\n", 200);
    answer = http_ask(client, "GET /healthz HTTP/1.1\r\n" H "Connection: close\r\n\r\n", 200);
    assert_head(answer, "Connection: close\r\n");
    expect_eof(client);
    client = http_open(server);
    http_ask(client, "GET /healthz HTTP/1.0\r\n\r\n", 200);
    expect_eof(client);
    server_stop(server);
    cr_expect_eq(server_counted(server, "connections_ended", REASON_ANSWERED), 2);
}

/* What a browser does on a reload. */
Test(http, the_page_is_not_sent_again_if_it_has_not_changed)
{
    struct server *server = server_start(NULL);
    struct client *client = http_open(server);
    const struct answer *answer = http_ask(client, "GET / HTTP/1.1\r\n" H "\r\n", 200);
    const char *etag = strstr(answer->head, "\r\nETag: ");
    char tag[80], request[256];

    assert_head(answer, "Content-Type: text/html; charset=utf-8\r\n");
    assert_head(answer, "Cache-Control: no-cache\r\n");
    cr_assert(etag && sscanf(etag, "\r\nETag: %79s\r\n", tag) == 1, "%s", answer->head);
    cr_assert_gt(answer->body_bytes, 100);
    const char *lists[][2] = {{"", tag}, {"W/", tag}, {"\"another\", ", tag}, {"", "*"}};
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        snprintf(request, sizeof(request), "GET / HTTP/1.1\r\n" H "If-None-Match: %s%s\r\n\r\n",
                 lists[i][0], lists[i][1]);
        answer = http_ask(client, request, 304);
        assert_head(answer, "ETag: ");
        cr_assert_null(strstr(answer->head, "Content-Length"));
        cr_assert_eq(client->in_len, 0, "a body");
    }
    http_ask(client, "GET / HTTP/1.1\r\n" H "If-None-Match: \"another\"\r\n\r\n", 200);
    server_stop(server);
}

Test(rows, R22_metrics_and_everything_else_are_not_there, .fini = harness_fini, .timeout = 60)
{
    static const char *const paths[] = {"/metrics",       "/echo",       "/WS", "/ws/",
                                        "/../etc/passwd", "/%77s",       "//",  "/healthz/.",
                                        "/index",         "/debug/pprof"};
    struct server *server = server_start(NULL);

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        struct client *client = http_open(server);
        char request[128];
        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" H "\r\n", paths[i]);
        http_ask(client, request, 404);
        client_close(client, false);
    }
    /* It is not there to be upgraded to either. */
    http_ask(http_open(server), WS_UPGRADE("/echo", ""), 404);
    server_stop(server);
}

/* What leaves the connection as it was. */
Test(http, refusals_that_go_on)
{
    static const struct {
        const char *request;
        unsigned status;
        const char *field;
    } cases[] = {
        {"POST /healthz HTTP/1.1\r\n" H "\r\n", 405, "Allow: GET, HEAD\r\n"},
        {"DELETE /ws HTTP/1.1\r\n" H "\r\n", 405, "Allow: GET, HEAD\r\n"},
        {"OPTIONS * HTTP/1.1\r\n" H "\r\n", 405, "Allow: GET, HEAD\r\n"},
        {"CONNECT chat.example:80 HTTP/1.1\r\n" H "\r\n", 405, "Allow: GET, HEAD\r\n"},
        {"GET /ws HTTP/1.1\r\n" H "\r\n", 426, "Upgrade: websocket\r\n"},
        {"HEAD /ws HTTP/1.1\r\n" H "\r\n", 426, "Upgrade: websocket\r\n"},
        {"GET /ws HTTP/1.1\r\n" H WS_KEY "Connection: Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: 8\r\n\r\n",
         426, "Sec-WebSocket-Version: 13\r\n"},
        {"GET /ws HTTP/1.1\r\n" H WS_MAY "\r\n", 400, ""},
        {"GET /ws HTTP/1.1\r\n" H WS_MAY "Sec-WebSocket-Key: AAAA\r\n\r\n", 400, ""},
        {WS_UPGRADE("/ws", "Sec-WebSocket-Protocol: graphql-ws\r\n"), 400, ""},
        {WS_UPGRADE("/ws", "Origin: http://evil.example\r\n"), 403, ""},
        {WS_UPGRADE("/ws", "Origin: null\r\n"), 403, ""},
    };
    struct server *server = server_start(NULL);
    struct client *client = http_open(server);

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_head(http_ask(client, cases[i].request, cases[i].status), cases[i].field);
        cr_assert_eq(client->in_len, 0);
    }
    http_ask(client, HEALTH, 200);
    server_stop(server);
}

#define S(text) (text), sizeof(text) - 1

/* What nobody can read on from. Each is the second thing that a client says. */
static const struct {
    const char *bytes;
    size_t len;
    unsigned status;
} ends[] = {
    {S("GET /healthz HTTP/1.1\n" H "\n"), 400},
    {S("GET /healthz HTTP/1.1\r\nHost: x\n\r\n"), 400},
    {S("GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n"), 400},
    {S("GET /heal\0thz HTTP/1.1\r\n" H "\r\n"), 400},
    {S("GET /healthz HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n"), 400},
    {S("GET /healthz HTTP/1.1\r\n" H "A : b\r\n\r\n"), 400},
    {S("GET /healthz HTTP/1.1\r\n\r\n"), 400},
    {S("GET /healthz HTTP/1.1\r\n" H "Host: other\r\n\r\n"), 400},
    {S("GET /healthz HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\nbody"), 400},
    {S("GET /healthz HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400},
    {S("POST /healthz HTTP/1.1\r\n" H "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"),
     400},
    {S("POST /healthz HTTP/1.1\r\n" H "Content-Length: 60\r\n\r\nGET /healthz HTTP/1.1\r\n" H
       "\r\n"),
     405},
    {S("GET http://u@h/ HTTP/1.1\r\n" H "\r\n"), 400},
    {S("GET /healthz HTTP/2.0\r\n" H "\r\n"), 505},
    {S("GET /healthz\r\n"), 400},
    {S("\x16\x03\x01\x02\x00\x01"), 400},
    {S("GET /ws HTTP/1.0\r\n" H WS_MAY WS_KEY "\r\n"), 426},
};

/* The refusal is the last that comes, whatever was sent behind it. */
Test(http, refusals_that_end_the_connection)
{
    struct server *server = server_start(NULL);
    struct client *bystander = login(server, "bystander");
    uint32_t room = join(bystander, "lobby");

    for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
        for (int first = 0; first < 2; first++) {
            struct client *client = http_open(server);
            if (first)
                http_ask(client, HEALTH, 200);
            else if (memcmp(ends[i].bytes, "\x16", 1) == 0)
                continue; /* the first bytes would be of no protocol */
            client_send(client, ends[i].bytes, ends[i].len);
            client_send(client, HEALTH, strlen(HEALTH));
            const struct answer *answer = http_answer(client);
            cr_assert_eq(answer->status, ends[i].status, "%zu: %s", i, answer->head);
            cr_assert(strstr(answer->head, "close\r\n"), "%zu: %s", i, answer->head);
            expect_eof(client);
            client_close(client, false);
            publish(bystander, room, "goes on");
            expect_message(bystander, "goes on");
            await(bystander, MSG_ACK);
        }
    barrier(bystander);
    server_stop(server);
    cr_expect_gt(server_counted(server, "connections_ended", REASON_HTTP_REFUSED), 20);
    cr_expect_gt(server_logged(server, "reason=http-refused"), 20);
}

Test(http, a_flood_of_fields_is_too_large)
{
    static char head[8192];
    struct server *server = server_start(NULL);
    int at = snprintf(head, sizeof(head), "GET /healthz HTTP/1.1\r\n" H);

    /* Too many lines, of few bytes. */
    for (int i = 0; i < 64; i++)
        at += snprintf(head + at, 16, "A: b\r\n");
    struct client *client = http_open(server);
    http_ask(client, head, 431);
    expect_eof(client);

    /* Too many bytes, of one line that has no end; as many as are allowed are no matter. */
    at = snprintf(head, sizeof(head), "GET /healthz HTTP/1.1\r\n" H "Cookie: ");
    memset(head + at, 'c', sizeof(head) - (size_t)at);
    memcpy(head + 4092, "\r\n\r\n", 5);
    client = http_open(server);
    http_ask(client, head, 200);
    head[4092] = head[4093] = head[4094] = head[4095] = 'c';
    client_send(client, head, 4096);
    cr_assert_eq(http_answer(client)->status, 431);
    expect_eof(client);

    /* Byte by byte, too. */
    client = http_open(server);
    for (int i = 0; i < 5000; i++)
        client_send(client, head + (i < 4096 ? i : 4095), 1);
    cr_assert_eq(http_answer(client)->status, 431);
    expect_eof(client);
    server_stop(server);
}

Test(http, a_head_that_drips_is_cut_at_its_time)
{
    enum { HELLO_MS = 500 };
    struct server *server = server_start("--hello-timeout", "500");
    struct client *honest = login(server, "honest");
    uint64_t began_ms = now_ms();
    struct client *drips = http_open(server);
    static const char head[] = "GET /healthz HTTP/1.1\r\n" H "Cookie: ";
    struct pollfd readable = {.fd = drips->fd, .events = POLLIN};

    client_send(drips, head, strlen(head));
    for (int i = 0; i < 4000 && poll(&readable, 1, 10) == 0; i++)
        client_send(drips, "c", 1);
    cr_assert_geq(now_ms() - began_ms + 20, HELLO_MS);
    cr_assert_eq(http_answer(drips)->status, 408);
    expect_eof(drips);

    /* One that has been answered and asks nothing more is not told that it was late. */
    struct client *idle = http_open(server);
    http_ask(idle, HEALTH, 200);
    expect_eof(idle);
    barrier(honest);
    server_stop(server);
    cr_expect_eq(server_counted(server, "connections_ended", REASON_HELLO_TIMEOUT), 1);
    cr_expect_eq(server_counted(server, "connections_ended", REASON_ANSWERED), 1);
}

enum { ANSWERS_MAX = 16 };

/* Asked without waiting: answered in order, so often and no more. */
Test(http, pipelined_requests_are_answered_in_order)
{
    struct server *server = server_start(NULL);
    struct client *client = http_open(server);

    for (int i = 0; i < 3 * ANSWERS_MAX; i++)
        client_send(client, HEALTH, strlen(HEALTH));
    for (int i = 1; i <= ANSWERS_MAX; i++) {
        const struct answer *answer = http_answer(client);
        cr_assert_eq(answer->status, 200);
        cr_assert_eq(strstr(answer->head, "Connection: close\r\n") != NULL, i == ANSWERS_MAX);
    }
    expect_eof(client);
    server_stop(server);
}

/* More at once than is held back while answers are under way: the last answer says so. */
Test(http, pipelined_requests_are_bounded)
{
    static char flood[200000];
    struct server *server = server_start(NULL);
    struct client *anna = login(server, "anna"), *client = http_open(server);
    const struct answer *answer;
    int answers = 0;

    for (size_t at = 0; at + strlen(HEALTH) < sizeof(flood); at += strlen(HEALTH))
        memcpy(flood + at, HEALTH, strlen(HEALTH));
    client_send(client, flood, sizeof(flood));
    do {
        answer = http_answer(client);
        answers++;
    } while (!strstr(answer->head, "Connection: close\r\n"));
    cr_assert(answer->status == 200 || answer->status == 431, "%u", answer->status);
    cr_assert_leq(answers, ANSWERS_MAX + 1);
    expect_eof(client);
    barrier(anna);
    server_stop(server);
}

/* 32 KB of the page, asked for again and again by hundreds who do not read it; the others notice
 * nothing. */
Test(http, answers_that_are_not_read_are_bounded)
{
    enum { STALLED = 200 };
    static const char page[] = "GET /uproar.js HTTP/1.1\r\n" H "\r\n";
    struct server *server = server_start("--memory", "64M", "--workers", "2", "--clients", "250");
    struct client *anna = login(server, "anna"), *stalled[STALLED];
    uint32_t room = join(anna, "lobby");

    for (int i = 0; i < STALLED; i++) {
        stalled[i] = client_open_as(server, INADDR_ANY, 1);
        stalled[i]->speech = BYTES;
        for (int k = 0; k < ANSWERS_MAX; k++)
            client_send(stalled[i], page, strlen(page));
        publish(anna, room, "not held up");
        expect_message(anna, "not held up");
        await(anna, MSG_ACK);
        if (i % 20 == 19)
            cr_assert_leq(server_in_sockets(server) + server_resident(server), 64u << 20);
    }
    /* Who reads after all is given each of them. */
    for (int k = 0; k < ANSWERS_MAX; k++)
        cr_assert_eq(http_answer(stalled[STALLED - 1])->status, 200);
    expect_eof(stalled[STALLED - 1]);
    barrier(anna);
    server_stop(server);
}

static size_t put_hello(const char *name, uint8_t *out, size_t cap)
{
    struct cmd hello = {.type = MSG_HELLO, .hello.name = slice_str(name)};
    return ws_encode_cmd(WS_JSON, &hello, out, cap);
}

Test(http, pages_first_and_then_an_upgrade)
{
    struct server *server = server_start(NULL);
    struct client *client = http_open(server);

    http_ask(client, HEALTH, 200);
    http_ask(client, "GET /nothing HTTP/1.1\r\n" H "\r\n", 404);
    http_ask(client, WS_UPGRADE("/ws", "Origin: http://evil.example\r\n"), 403);
    http_ask(client, WS_UPGRADE("/ws", "Origin: http://CHAT.example:80\r\n"), 101);
    client_speaks(client, WS_JSON);
    client_cmd(client, .type = MSG_HELLO, .hello.name = slice_str("late"));
    expect(client, MSG_WELCOME);
    barrier(client);
    server_stop(server);
}

/* A client that is sure of its server need not wait. */
Test(http, frames_right_behind_the_head)
{
    struct server *server = server_start(NULL);
    const char *head = WS_UPGRADE("/ws", "Sec-WebSocket-Protocol: uproar.v1.json\r\n");
    uint8_t bytes[1024];
    char name[16];

    for (size_t piece = 1, len = piece; piece <= len; piece += piece < 8 ? 1 : 97) {
        struct client *client = http_open(server);
        snprintf(name, sizeof(name), "quick%zu", piece);
        len = strlen(head);
        memcpy(bytes, head, len);
        len += put_hello(name, bytes + len, sizeof(bytes) - len);
        for (size_t at = 0; at < len; at += piece)
            client_send(client, bytes + at, size_min(piece, len - at));
        cr_assert_eq(http_answer(client)->status, 101);
        client_speaks(client, WS_JSON);
        assert_text(expect(client, MSG_WELCOME)->welcome.name, name);
        ws_send_close(client, WS_CODE_NORMAL);
        ws_expect_close(client, WS_CODE_NORMAL);
        client_close(client, false);
    }
    server_stop(server);
}

Test(http, pages_of_other_origins)
{
    struct server *server = server_start("--allow-origin=https://a.example,http://b.example:81");
    struct server *open = server_start("--allow-origin=*", "--enable-echo=on");
    static const struct {
        const char *request;
        unsigned status, status_open;
    } cases[] = {
        {WS_UPGRADE("/ws", ""), 101, 101},
        {WS_UPGRADE("/ws", "Origin: http://chat.example\r\n"), 101, 101},
        {WS_UPGRADE("/ws", "Origin: https://chat.example\r\n"), 101, 101},
        {WS_UPGRADE("/ws", "Origin: https://a.example\r\n"), 101, 101},
        {WS_UPGRADE("/ws", "Origin: http://b.example:81\r\n"), 101, 101},
        {WS_UPGRADE("/ws", "Origin: http://a.example\r\n"), 403, 101},
        {WS_UPGRADE("/ws", "Origin: https://a.example:444\r\n"), 403, 101},
        {WS_UPGRADE("/ws", "Origin: https://a.example.evil\r\n"), 403, 101},
        {WS_UPGRADE("/ws", "Origin: http://chat.example:81\r\n"), 403, 101},
        {WS_UPGRADE("/ws", "Origin: null\r\n"), 403, 101},
        {WS_UPGRADE("/echo", "Origin: https://evil.example\r\n"), 404, 101},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct client *here = http_open(server), *there = http_open(open);
        http_ask(here, cases[i].request, cases[i].status);
        http_ask(there, cases[i].request, cases[i].status_open);
        client_close(here, false);
        client_close(there, false);
    }
    server_stop(open);
    server_stop(server);
}

/* Half a request is told why it is not answered; who has been answered and asks nothing is told
 * nothing, as that would look like an answer to what it asks next. */
Test(http, who_is_asking_when_the_server_stops)
{
    struct server *server = server_start(NULL);
    struct client *idle = http_open(server);

    http_ask(idle, HEALTH, 200);
    unsigned fds = server_fds(server);
    struct client *half = http_open(server);
    client_send(half, "GET / HTTP/1.1\r\n", 16);
    for (int waited = 0; server_fds(server) == fds; waited += 5) {
        cr_assert_lt(waited, WAIT_MS, "not accepted");
        poll(NULL, 0, 5);
    }
    server->clients_stay = true;
    server_stop(server);
    cr_assert_eq(http_answer(half)->status, 503);
    expect_eof(half);
    expect_eof(idle);
}

/* Who finds the server full is told in its own protocol. */
Test(http, who_is_not_let_in)
{
    static const char upgrade[] = WS_UPGRADE("/ws", "");
    struct server *server = server_start("--clients", "1");
    struct client *anna = login(server, "anna"), *asks = http_open(server);
    struct client *upgrades = http_open(server), *silent = client_open(server);

    cr_assert_not_null(strstr(http_ask(asks, HEALTH, 503)->head, "\r\nRetry-After: "));
    expect_eof(asks);
    http_ask(upgrades, upgrade, 503);
    expect_eof(upgrades);
    expect_goaway(silent, REASON_SERVER_FULL);
    barrier(anna);
    server_stop(server);
    cr_expect_eq(server_counted(server, "connections_ended", REASON_SERVER_FULL), 3);
}
