/* test_admission.c -- who is let in, who is told why not, and that nobody is counted for ever. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/shard/fixture.h"
#include "tests/shard/peer.h"

TestSuite(admission, .timeout = 60);

static uint32_t clients(void)
{
    return atomic_load(&world_shard(0)->server->clients);
}

/* Told why, and ended. */
static void expect_goaway(struct client *client, enum reason reason)
{
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
        const struct event *event = client_next(client);
        if (event != NULL) {
            cr_assert_eq(event->goaway.reason, REASON_ADDRESS_RATE);
            refused++;
        }
        client_close(client);
    }
    cr_assert_gt(refused, 0);
    world_stop();
}
