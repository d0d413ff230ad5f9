/* test_peer.c -- the other end of a connection: as text, and as a session keeps it. */
#include "shard/peer.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/shard/fixture.h"

TestSuite(peer, .timeout = 60);

static struct peer parse(const char *address, uint16_t port)
{
    struct peer peer = {.port = port};

    cr_assert_eq(inet_pton(AF_INET6, address, peer.address), 1);
    return peer;
}

static void expect_text(const char *address, uint16_t port, const char *text)
{
    struct peer peer = parse(address, port);
    char out[PEER_TEXT_BYTES];

    peer_text(&peer, out);
    cr_assert_str_eq(out, text);
}

Test(peer, an_address_is_written_as_people_write_it)
{
    expect_text("::ffff:192.0.2.1", 7, "192.0.2.1:7");
    expect_text("2001:db8::1", 65535, "[2001:db8::1]:65535");
    expect_text("2001:db8:1111:2222:3333:4444:5555:6666", 65535,
                "[2001:db8:1111:2222:3333:4444:5555:6666]:65535");
    expect_text("::", 0, "-");
}

Test(peer, what_has_no_address_is_not_known)
{
    int pair[2];

    world_start(1, 0, NULL);
    struct shard *shard = world_shard(0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    cr_assert_eq(peer_of(shard, pair[0]).port, 0);
    close(pair[0]);
    close(pair[1]);
    cr_assert_eq(peer_of(shard, -1).port, 0);
    world_stop();
}

Test(peer, a_session_keeps_it_whole_until_it_is_dropped)
{
    static const char *const addresses[] = {"::ffff:192.0.2.1", "2001:db8::1", "::"};

    world_start(1, 0, NULL);
    struct shard *shard = world_shard(0);
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        struct peer peer = parse(addresses[i], 7);
        struct session session = {.name_bytes = 0};
        cr_assert(peer_keep(shard, &session, &peer));
        struct peer kept = peer_kept(shard, &session);
        cr_assert_eq(memcmp(kept.address, peer.address, sizeof(peer.address)), 0);
        cr_assert_eq(kept.port, 7);
        cr_assert_eq(shard->v6_addresses.in_use, i > 0 ? 1 : 0, "only IPv6 takes more");
        peer_drop(shard, &session);
        peer_drop(shard, &session);
        cr_assert_eq(peer_kept(shard, &session).port, 0);
        cr_assert_eq(shard->v6_addresses.in_use, 0);
    }
    world_stop();
}

Test(peer, one_for_whose_address_there_is_no_memory_is_not_known)
{
    world_start(1, 0, NULL);
    struct shard *shard = world_shard(0);
    struct peer peer = parse("2001:db8::1", 7);
    struct session session = {.name_bytes = 0};
    uint32_t most = shard->v6_addresses.count_max;
    shard->v6_addresses.count_max = 0;
    cr_assert_not(peer_keep(shard, &session, &peer));
    cr_assert_eq(peer_kept(shard, &session).port, 0);
    shard->v6_addresses.count_max = most;
    world_stop();
}
