/* test_heartbeat.c -- how long a client may be silent: before HELLO, and after WELCOME. Time does
 * not pass by itself here: what was heard is moved into the past, and then the line is due. */
#include "tests/shard/fixture.h"
#include "tests/shard/peer.h"
#include "tests/shard/returning.h"

TestSuite(heartbeat, .timeout = 60);

#define BEAT_MS 60000u

#define start(...) world_start(1, 1, "--heartbeat", "60000", __VA_ARGS__)

/* The probe is the home of some names, and grants nothing. */
static struct client *here(const char *prefix)
{
    static struct token token;

    return login_for(0, name_homed(prefix, 0), &token);
}

/* Half a heartbeat goes by, and the shard looks. */
static void half_a_beat(struct client *client)
{
    client->session->heard_ms -= BEAT_MS / 2;
    world_line_due(0, LINE_BEAT);
}

Test(heartbeat, the_silent_are_asked_twice_and_cut_before_two_are_over)
{
    start("--hello-timeout", "100");
    struct client *anna = here("anna");
    struct shard *shard = world_shard(0);
    cr_assert_eq(shard->lines[LINE_BEAT].wait_ms, BEAT_MS / 2);
    world_line_due(0, LINE_BEAT);
    expect_silence(anna); /* heard just now */
    half_a_beat(anna);
    cr_assert_eq(expect(anna, MSG_PING)->ping.token, shard->loop.realtime_ms);
    expect_silence(anna);
    half_a_beat(anna);
    expect(anna, MSG_PING);
    expect_silence(anna);
    half_a_beat(anna);
    expect_end(anna);
    cr_assert_eq(world_counted_reason(STAT_ENDED, REASON_HEARTBEAT_MISSED), 1);
    cr_assert_eq(shard->lines[LINE_BEAT].count, 0);
    cr_assert_eq(shard->names.entries.in_use, 0);
    world_stop();
}

Test(heartbeat, any_bytes_are_a_sign_of_life)
{
    start(NULL);
    struct client *anna = here("anna");
    for (unsigned i = 0; i < 5; i++) {
        half_a_beat(anna);
        half_a_beat(anna);
        expect(anna, MSG_PING);
        expect(anna, MSG_PING);
        cr_assert_eq(anna->session->pings, 2);
        /* One byte, of a frame that comes later. */
        client_bytes(anna, &"\0\0\0\x04\xc5"[i], 1);
        world_settle();
        cr_assert_eq(anna->session->pings, 0);
        world_line_due(0, LINE_BEAT);
        expect_silence(anna);
    }
    cr_assert_eq(world_counted_reason(STAT_ENDED, REASON_HEARTBEAT_MISSED), 0);
    world_stop();
}

Test(heartbeat, an_answer_that_came_late_is_enough)
{
    start(NULL);
    struct client *anna = here("anna");
    half_a_beat(anna);
    half_a_beat(anna);
    client_say(anna, .type = MSG_PONG, .pong.token = 1);
    world_settle();
    world_line_due(0, LINE_BEAT);
    cr_assert_eq(anna->session->state, SESSION_LIVE);
    /* Everything begins anew. */
    half_a_beat(anna);
    half_a_beat(anna);
    cr_assert_eq(anna->session->pings, 2);
    cr_assert_eq(anna->session->state, SESSION_LIVE);
    world_stop();
}

Test(heartbeat, whom_we_do_not_read_is_not_cut)
{
    start(NULL);
    struct slice name = name_homed("anja", 1); /* the probe, which takes its time */
    struct client *anna = client_open(0);
    client_say(anna, .type = MSG_HELLO, .hello.name = name_homed("anna", 0));
    expect(anna, MSG_WELCOME);
    half_a_beat(anna);
    expect(anna, MSG_PING);
    client_say(anna, .type = MSG_NICK, .nick.name = name);
    struct xmsg claim = *probe_expect(0, XMSG_NAME_CLAIM);
    cr_assert(anna->session->blocked & BLOCK_NAME);
    for (unsigned i = 0; i < 6; i++)
        half_a_beat(anna);
    expect_silence(anna);
    cr_assert_eq(anna->session->state, SESSION_LIVE);
    struct xmsg *taken = probe_post(0, 0, XMSG_NAME_TAKEN);
    taken->who = claim.who;
    taken->id = claim.id;
    taken->flags = claim.flags;
    taken->value = REASON_NAME_TAKEN;
    xnames_attach(probe_segments(0), taken, name, slice_of(NULL, 0));
    probe_flush(0);
    expect_error(anna, REASON_NAME_TAKEN, MSG_NICK);
    /* Read again, it has the whole time again. */
    half_a_beat(anna);
    half_a_beat(anna);
    expect(anna, MSG_PING);
    expect(anna, MSG_PING);
    half_a_beat(anna);
    expect_end(anna);
    world_stop();
}

Test(heartbeat, while_a_send_is_under_way_nobody_is_asked)
{
    start("--sndbuf", "4096");
    struct client *anna = client_open_narrow(0, 4096), *bert = here("bert");
    static uint8_t body[4000];
    client_say(anna, .type = MSG_HELLO, .hello.name = name_homed("anna", 0));
    expect(anna, MSG_WELCOME);
    struct slice name = room_homed("room", 0);
    join(anna, name);
    uint32_t room = join(bert, name);
    for (unsigned i = 0; !stream_sending(&anna->session->stream); i++) {
        cr_assert_lt(i, 10000, "the send never stays under way");
        publish(bert, room, slice_of(body, sizeof(body)));
        while (client_next(bert) != NULL)
            ;
    }
    for (unsigned i = 0; i < 6; i++)
        half_a_beat(anna);
    cr_assert_eq(anna->session->state, SESSION_LIVE);
    cr_assert_eq(anna->session->pings, 0);
    cr_assert_eq(client_errand(anna)->lane.bytes, 0);
    world_stop();
}

Test(heartbeat, none_means_none)
{
    world_start(1, 0, "--heartbeat", "0");
    struct client *anna = login(0, "anna");
    cr_assert_eq(anna->session->line, LINE_NONE);
    cr_assert_eq(world_shard(0)->lines[LINE_BEAT].count, 0);
    world_stop();
}

Test(heartbeat, the_shortest_one_still_lets_the_shard_work)
{
    world_start(1, 0, "--heartbeat", "1");
    struct client *anna = client_open(0);
    client_say(anna, .type = MSG_HELLO, .hello.name = slice_str("anna"));
    expect(anna, MSG_WELCOME);
    /* Cut or not, turns go on and end. */
    for (unsigned i = 0; i < 1000; i++)
        world_turn_all();
    client_close(anna);
    world_settle();
    cr_assert_eq(world_shard(0)->streams.open, 0);
    world_stop();
}

/* HELLO */

static void expect_hello_timeout(struct client *client)
{
    world_line_due(0, LINE_HELLO);
    cr_assert_eq(expect(client, MSG_GOAWAY)->goaway.reason, REASON_HELLO_TIMEOUT);
    expect_end(client);
    client_close(client);
    world_settle();
    cr_assert_eq(world_shard(0)->lines[LINE_HELLO].count, 0);
    cr_assert_eq(world_shard(0)->streams.open, 0);
}

Test(heartbeat, a_hello_that_drips_gains_no_time)
{
    uint8_t frame[64];
    start("--hello-timeout", "5000");
    struct client *anna = client_open(0);
    struct cmd cmd = {.type = MSG_HELLO, .hello.name = name_homed("anna", 0)};
    size_t len = client_frame(&cmd, frame, sizeof(frame));
    uint32_t due_ms = anna->session->line_due_ms;
    cr_assert_eq(due_ms, (uint32_t)anna->session->began_ms + 5000);
    for (size_t i = 0; i + 1 < len; i++) {
        client_bytes(anna, frame + i, 1);
        world_settle();
        cr_assert_eq(anna->session->line, LINE_HELLO);
        cr_assert_eq(anna->session->line_due_ms, due_ms);
    }
    expect_hello_timeout(anna);
    world_stop();
}

Test(heartbeat, names_that_are_taken_gain_no_time)
{
    start("--hello-timeout", "5000");
    struct client *anna = client_open(0);
    uint32_t due_ms = anna->session->line_due_ms;
    for (unsigned i = 0; i < 5; i++) {
        struct slice name = name_homed("anna", 1);
        client_say(anna, .type = MSG_HELLO, .hello.name = name);
        struct xmsg claim = *probe_expect(0, XMSG_NAME_CLAIM);
        cr_assert_eq(anna->session->line, LINE_HELLO, "also while it is asked for");
        struct xmsg *taken = probe_post(0, 0, XMSG_NAME_TAKEN);
        taken->who = claim.who;
        taken->value = REASON_NAME_TAKEN;
        xnames_attach(probe_segments(0), taken, name, slice_of(NULL, 0));
        probe_flush(0);
        expect_error(anna, REASON_NAME_TAKEN, MSG_HELLO);
        cr_assert_eq(anna->session->line_due_ms, due_ms);
    }
    expect_hello_timeout(anna);
    world_stop();
}

Test(heartbeat, a_name_that_is_granted_too_late_is_given_back)
{
    start(NULL);
    struct slice name = name_homed("anna", 1);
    struct client *anna = client_open(0);
    client_say(anna, .type = MSG_HELLO, .hello.name = name);
    struct xmsg claim = *probe_expect(0, XMSG_NAME_CLAIM);
    expect_hello_timeout(anna);
    struct xmsg *grant = probe_post(0, 0, XMSG_NAME_GRANTED);
    grant->who = claim.who;
    grant->id = claim.id;
    xnames_attach(probe_segments(0), grant, name, slice_of(NULL, 0));
    probe_expect(0, XMSG_NAME_RELEASE);
    world_stop();
}

Test(heartbeat, who_was_welcomed_has_no_hello_to_say)
{
    start(NULL);
    struct client *anna = here("anna");
    cr_assert_eq(anna->session->line, LINE_BEAT);
    cr_assert_eq(world_shard(0)->lines[LINE_HELLO].count, 0);
    world_line_due(0, LINE_HELLO);
    expect_silence(anna);
    world_stop();
}
