/* test_ws_reload.c -- pages that are reloaded and tabs that take turns: a session changes its
 * connection in the midst of everything, and nobody else learns of it.
 */
#include "tests/e2e/ws_client.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

TestSuite(ws_reload, .fini = harness_fini, .timeout = 120);

enum { GUESTS = 6, RELOADS = 300 };

/* Always the same one after the other. */
static uint32_t next_random(void)
{
    static uint32_t state = 12345;
    state = state * 1664525 + 1013904223;
    return state >> 16;
}

/* Gone in some way that is no goodbye; no answer is waited for. */
static void vanish(struct client *client)
{
    unsigned how = next_random() % 5;

    if (client->speech != NATIVE && how < 2)
        ws_send_close(client, how == 0 ? WS_CODE_GOING_AWAY : 3999);
    else if (client->speech != NATIVE && how == 2)
        client_finish_writing(client);
    if (how != 3) /* 3: it stays, until it is replaced */
        client_close(client, client->speech == NATIVE || how == 4);
}

/* Each guest is cut or comes over another connection while it publishes and others do. */
Test(ws_reload, sessions_survive_any_number_of_reloads)
{
    static const enum speech speeches[] = {WS_JSON, WS_BIN, NATIVE};
    struct server *server = server_start("--resume-window", "60s");
    struct client *watcher = login(server, "watcher"), *guests[GUESTS];
    uint32_t room = join_with(watcher, "lobby", 0);
    char name[16];

    for (int i = 0; i < GUESTS; i++) {
        snprintf(name, sizeof(name), "guest%d", i);
        guests[i] = login_over(server, name, -1, speeches[i % 2]);
        join(guests[i], "lobby");
        await_presence(watcher, PRESENCE_JOINED, guests[i]->id);
    }
    for (int n = 0; n < RELOADS; n++) {
        struct client **guest = &guests[next_random() % GUESTS];
        struct ticket ticket = (*guest)->ticket;
        for (unsigned k = next_random() % 4; k > 0; k--)
            publish(*guest, room, "before I go");
        vanish(*guest);
        *guest = resume_over(server, &ticket, speeches[next_random() % ARRAY_SIZE(speeches)]);
        cr_assert_eq(expect(*guest, MSG_JOINED)->joined.room, room);
    }
    /* Nobody came and nobody left; the room has every number. What the last connections before
     * these said may still be on its way. */
    for (int i = 0; i < GUESTS; i++)
        publish(guests[i], room, "still here");
    uint64_t seq = 0;
    for (int here = 0; here < GUESTS;) {
        const struct event *event = client_next_alive(watcher, WAIT_MS);
        cr_assert(event && event->type == MSG_MESSAGE, "type %d", event ? (int)event->type : -1);
        cr_assert_eq(event->message.seq, ++seq);
        here += slice_equal(event->message.body, slice_str("still here"));
    }
    cr_assert_gt(seq, RELOADS / 2);
    server_stop(server);
}

enum { MESSAGES = 1000, EACH = 100, BODY = 4000 };

static void flood(struct client *talker, uint32_t room)
{
    static char body[BODY + 1];

    memset(body, 'x', BODY);
    for (int m = 0; m < MESSAGES; m += EACH) {
        for (int i = 0; i < EACH; i++)
            publish(talker, room, body);
        for (int i = 0; i < EACH; i++)
            expect(talker, MSG_ACK);
    }
}

/* Its close frame waits behind what it does not read: the session is held and ends in its time, and
 * so does the connection. */
Test(ws_reload, who_says_close_and_reads_nothing_ends)
{
    static const enum speech both[] = {WS_BIN, WS_JSON};
    struct server *server = server_start("--send-timeout", "2s", "--resume-window", "500",
                                         "--sndbuf", "16k", "--feed-bytes", "64M");
    struct client *talker = login(server, "talker");
    uint32_t room = join_with(talker, "lobby", JOIN_NO_ECHO);

    for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
        struct client *sleeper = login_over(server, "sleeper", -1, both[i]);
        setsockopt(sleeper->fd, SOL_SOCKET, SO_RCVBUF, &(int){16384}, sizeof(int));
        join(sleeper, "lobby");
        await_presence(talker, PRESENCE_JOINED, sleeper->id);
        unsigned fds = server_fds(server);
        flood(talker, room);
        ws_send_close(sleeper, WS_CODE_GOING_AWAY);
        await_presence(talker, PRESENCE_LEFT, sleeper->id);
        for (int waited = 0; server_fds(server) >= fds; waited += 5) {
            cr_assert_lt(waited, WAIT_MS, "the connection stays");
            poll(NULL, 0, 5);
        }
        client_close(sleeper, false);
        client_close(login_over(server, "sleeper", -1, NATIVE), false); /* the name is free */
    }
    server_stop(server);
}

/* The same, and it comes back before that: the old connection ends, the new one is told all. */
Test(ws_reload, who_says_close_and_reads_nothing_may_come_back)
{
    static const enum speech both[] = {WS_BIN, WS_JSON};
    struct server *server = server_start("--send-timeout", "2s", "--resume-window", "60s",
                                         "--sndbuf", "16k", "--feed-bytes", "64M");
    struct client *talker = login(server, "talker");
    uint32_t room = join_with(talker, "lobby", JOIN_NO_ECHO | JOIN_QUIET);
    uint64_t head = 0;

    for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
        char name[16];
        snprintf(name, sizeof(name), "sleeper%zu", i);
        struct client *sleeper = login_over(server, name, -1, both[i]);
        setsockopt(sleeper->fd, SOL_SOCKET, SO_RCVBUF, &(int){16384}, sizeof(int));
        join(sleeper, "lobby");
        unsigned fds = server_fds(server);
        flood(talker, room);
        head += MESSAGES;
        ws_send_close(sleeper, WS_CODE_GOING_AWAY);
        struct client *awake = resume_over(server, &sleeper->ticket, both[1 - i]);
        cr_assert_eq(expect(awake, MSG_JOINED)->joined.head, head);
        const struct event *event = expect(awake, MSG_GAP);
        cr_assert(event->gap.to == head && event->gap.reason == REASON_AWAY);
        publish(talker, room, "welcome back");
        cr_assert_eq(expect_message(awake, "welcome back")->message.seq, ++head);
        expect(talker, MSG_ACK);
        for (int waited = 0; server_fds(server) > fds; waited += 5) {
            cr_assert_lt(waited, WAIT_MS, "the old connection stays");
            poll(NULL, 0, 5);
        }
        client_close(sleeper, false);
        barrier(awake);
    }
    server_stop(server);
}
