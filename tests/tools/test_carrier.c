/* test_carrier.c -- one session over real sockets: addresses that fail, streams that end. */
#include "tools/carrier.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/tools/fake_server.h"

static struct session session;
static struct carrier carrier;
static char why[256]; /* of the last loss */

static void on_send(void *ctx, const struct cmd *cmd)
{
    (void)ctx;
    carrier_send(&carrier, cmd);
}

static void on_tell(void *ctx, const struct note *note)
{
    (void)ctx;
    if (note->why != NULL)
        snprintf(why, sizeof(why), "%s", note->why);
}

static void begin(uint16_t port, uint32_t timeout_ms)
{
    struct session_config config = {.name = slice_str("anna"),
                                    .name_may_vary = true,
                                    .timeout_ms = timeout_ms,
                                    .send = on_send,
                                    .tell = on_tell};
    struct net_addr addr = {.host = "127.0.0.1"};

    snprintf(addr.port, sizeof(addr.port), "%u", port);
    session_init(&session, &config, carrier_now_ms());
    cr_assert(carrier_init(&carrier, &session, &addr, timeout_ms) == 0);
}

static void turn(void)
{
    struct pollfd polled;

    carrier_poll(&carrier, &polled);
    poll(&polled, 1, carrier_wait_ms(&carrier));
    carrier_handle(&carrier, polled.revents);
}

static void turn_until(enum session_state state)
{
    while (session.state != state && session.state != SESSION_OVER)
        turn();
    cr_assert_eq(session.state, state, "%s", why);
}

static int listener(uint16_t *port, int backlog)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert(bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(fd, backlog) == 0);
    cr_assert(getsockname(fd, (struct sockaddr *)&addr, &len) == 0);
    *port = ntohs(addr.sin_port);
    return fd;
}

/* A port where connections are begun and never come about: its queue is full. */
static uint16_t deaf_port(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint16_t port;

    listener(&port, 0);
    addr.sin_port = htons(port);
    for (unsigned i = 0; i < 4; i++)
        (void)!connect(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                       (struct sockaddr *)&addr, sizeof(addr));
    return port;
}

static void fini(void)
{
    carrier_fini(&carrier);
}

TestSuite(carrier, .fini = fini, .timeout = 20);

Test(carrier, silent_address_is_given_up_in_time)
{
    uint64_t start = carrier_now_ms();

    begin(deaf_port(), 200);
    cr_expect_eq(carrier_wait_ms(&carrier), 0, "the first dial is due at once");
    carrier_handle(&carrier, 0);
    cr_assert_eq(session.state, SESSION_DIALING);
    cr_expect(carrier_wait_ms(&carrier) <= 200 && carrier_wait_ms(&carrier) > 0);
    turn_until(SESSION_OVER);
    cr_expect(carrier_now_ms() - start >= 200);
    cr_expect(strstr(why, "cannot connect to 127.0.0.1:") != NULL, "%s", why);
}

Test(carrier, next_address_is_tried_when_one_fails)
{
    struct net_addr addr = {.host = "127.0.0.1"};
    char text[NET_WHY_BYTES];

    begin(deaf_port(), 200);
    carrier_handle(&carrier, 0);
    /* As if the host had had two addresses. */
    cr_assert_eq(carrier.target_count, 1);
    snprintf(addr.port, sizeof(addr.port), "%u", fake_start());
    cr_assert(net_resolve(&addr, &carrier.targets[1], 1, text, sizeof(text)) == 1);
    carrier.target_count = 2;
    turn_until(SESSION_UP);
    fake_stop();
}

Test(carrier, end_without_an_answer_is_told_as_such)
{
    uint8_t bytes[256];
    uint16_t port;
    int fd = listener(&port, 1), peer;

    begin(port, 5000);
    turn_until(SESSION_GREETING);
    peer = accept(fd, NULL, NULL);
    cr_assert(peer >= 0 && read(peer, bytes, sizeof(bytes)) > 0);
    close(peer);
    close(fd);
    turn_until(SESSION_OVER);
    cr_expect_str_eq(why, "the other end closed the connection without an answer; "
                          "is it an Uproar server?");
    cr_expect_eq(carrier.link->fd, -1);
}

Test(carrier, server_that_takes_in_less_than_we_send_is_left)
{
    static uint8_t body[1000];
    struct cmd cmd = {.type = MSG_DIRECT};

    begin(fake_start(), 5000);
    turn_until(SESSION_UP);
    cmd.direct.to = slice_str("bob");
    cmd.direct.body = slice_of(body, sizeof(body));
    while (!carrier.overrun) {
        cr_assert(link_room(carrier.link) <= LINK_OUT_BYTES);
        carrier_send(&carrier, &cmd);
    }
    cr_expect_eq(session.state, SESSION_UP, "not while it is speaking");
    cr_expect(!carrier_idle(&carrier));
    carrier_handle(&carrier, 0);
    cr_expect_eq(session.state, SESSION_OVER);
    cr_expect_str_eq(why, "the server takes in less than we send");
    cr_expect(!carrier.overrun, "the next connection starts afresh");
    fake_stop();
}

Test(carrier, waits_for_what_is_due_and_a_minute_at_most)
{
    struct pollfd polled;

    begin(1, 5000);
    session.retry_ms = carrier_now_ms() + 1000000;
    cr_expect_eq(carrier_wait_ms(&carrier), 60000);
    carrier_poll(&carrier, &polled);
    cr_expect_eq(polled.fd, -1);
    session.retry_ms = 0;
    turn_until(SESSION_OVER);
    cr_expect_eq(carrier_wait_ms(&carrier), -1, "nothing is ever due again");
}

Test(carrier, asks_for_room_only_while_something_is_owed)
{
    struct cmd cmd = {.type = MSG_PING};
    struct pollfd polled;

    begin(fake_start(), 5000);
    turn_until(SESSION_UP);
    carrier_poll(&carrier, &polled);
    cr_expect_eq(polled.events, POLLIN);
    carrier_send(&carrier, &cmd);
    carrier_poll(&carrier, &polled);
    cr_expect_eq(polled.events, POLLIN | POLLOUT);
    carrier_handle(&carrier, 0);
    cr_expect(carrier_idle(&carrier));
    fake_stop();
}
