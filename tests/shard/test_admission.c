/* test_admission.c -- who is let in, who is told why not, and that nobody is counted for ever. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/shard/browser.h"
#include "tests/shard/peer.h"

TestSuite(admission, .timeout = 60);

static uint32_t clients(void)
{
    return atomic_load(&world_shard(0)->server->clients);
}

/* Told why as soon as it says anything, and ended. */
static void expect_goaway(struct client *client, enum reason reason)
{
    client_say(client, .type = MSG_HELLO, .hello.name = slice_str("late"));
    const struct event *event = expect(client, MSG_GOAWAY);

    cr_assert_eq(event->goaway.reason, reason, "%s", reason_name(event->goaway.reason));
    expect_end(client);
}

/* As client_open, but nobody may answer. */
static int connect_as(const struct client *client)
{
    struct sockaddr_in at;
    socklen_t at_len = sizeof(at);

    cr_assert_eq(getpeername(client->fd, (struct sockaddr *)&at, &at_len), 0);
    return peer_connect(ntohs(at.sin_port), 0);
}

Test(admission, one_client_too_many_is_told)
{
    world_start(2, 0, "--clients", "2");
    struct client *anna = login(0, "anna");
    login(1, "bert");
    expect_goaway(client_open(0), REASON_SERVER_FULL);
    expect_goaway(client_open(1), REASON_SERVER_FULL);
    cr_assert_eq(clients(), 2, "who is refused takes nobody's place");
    client_close(anna);
    world_settle();
    login(1, "carl");
    world_stop();
}

Test(admission, those_refused_take_so_many_places_of_their_own)
{
    world_start(1, 0, "--clients", "1");
    struct client *anna = login(0, "anna");
    struct client *refused[ADMISSION_REFUSALS];
    for (unsigned i = 0; i < ADMISSION_REFUSALS; i++)
        refused[i] = client_open(0);
    world_settle();
    cr_assert_eq(world_shard(0)->refusals, ADMISSION_REFUSALS);
    cr_assert_eq(world_counted(STAT_UNANSWERED), 0);
    int more = connect_as(anna);
    world_settle();
    cr_assert_eq(world_counted(STAT_UNANSWERED), 1);
    close(more);
    for (unsigned i = 0; i < ADMISSION_REFUSALS; i++)
        expect_goaway(refused[i], REASON_SERVER_FULL);
    client_say(anna, .type = MSG_PING, .ping.token = 1);
    expect(anna, MSG_PONG);
    client_close(anna);
    world_settle();
    login(0, "bert"); /* although all those refused linger */
    world_stop();
}

Test(admission, who_is_refused_is_told_in_its_own_protocol)
{
    world_start(1, 0, "--clients", "1");
    struct client *anna = login(0, "anna");
    struct client *silent = client_open(0);
    struct browser *page = browser_open(0), *socket = browser_open(0), *strange = browser_open(0);
    browser_ask(page, "GET / HTTP/1.1", "");
    expect_status(page, 503);
    expect_no_more(page);
    browser_upgrade(socket, "/ws", NULL);
    expect_status(socket, 503);
    expect_no_more(socket);
    client_bytes(strange->client, "SSH-2.0", 7);
    cr_assert_eq(expect(strange->client, MSG_GOAWAY)->goaway.reason, REASON_SERVER_FULL);
    expect_silence(silent);
    world_line_due(0, LINE_REFUSED);
    cr_assert_eq(expect(silent, MSG_GOAWAY)->goaway.reason, REASON_SERVER_FULL);
    expect_end(silent);
    client_close(silent);
    client_close(anna);
    client_close(page->client);
    client_close(socket->client);
    client_close(strange->client);
    world_settle();
    cr_assert_eq(world_counted_reason(STAT_ENDED, REASON_SERVER_FULL), 4);
    cr_assert_eq(world_shard(0)->refusals, 0);
    world_stop();
}

Test(admission, who_is_refused_and_leaves_at_once_is_told_too)
{
    world_start(1, 0, "--clients", "1");
    login(0, "anna");
    struct client *hasty = client_open(0);
    peer_finish(hasty->fd);
    cr_assert_eq(expect(hasty, MSG_GOAWAY)->goaway.reason, REASON_SERVER_FULL);
    expect_end(hasty);
    world_stop();
}

Test(admission, an_address_has_so_many_connections_on_all_shards)
{
    world_start(2, 0, "--clients-per-address", "2");
    struct client *anna = login(0, "anna");
    login(1, "bert");
    expect_goaway(client_open(0), REASON_ADDRESS_FULL);
    expect_goaway(client_open(1), REASON_ADDRESS_FULL);
    cr_assert_eq(clients(), 2);
    client_close(anna);
    world_settle();
    login(1, "carl");
    struct client *refused = client_open(1);
    expect_goaway(refused, REASON_ADDRESS_FULL);
    client_close(refused);
    world_settle();
    cr_assert_eq(world_counted_reason(STAT_ENDED, REASON_ADDRESS_FULL), 1);
    world_stop();
}

Test(admission, an_address_makes_so_many_connections_in_a_second)
{
    world_start(1, 0, "--connects-per-address", "1");
    struct client *anna = login(0, "anna");
    client_close(anna);
    /* However slow this test is, not every one of so many has a second of its own. */
    unsigned refused = 0;
    for (unsigned i = 0; i < 50; i++) {
        struct client *client = client_open(0);
        if (client->session->line == LINE_REFUSED) {
            expect_goaway(client, REASON_ADDRESS_RATE);
            refused++;
        }
        client_close(client);
    }
    cr_assert_gt(refused, 0);
    world_stop();
}
