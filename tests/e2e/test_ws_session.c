/* test_ws_session.c -- sessions over WebSocket: how they end, are left, go on and change hands.
 */
#include "tests/e2e/ws_client.h"

#include <stdio.h>

#include "proto/wire.h"

TestSuite(ws_session, .fini = harness_fini, .timeout = 60);

static const enum speech both[] = {WS_BIN, WS_JSON};

#define WINDOW "60s"

/* How a client may go, and whether its session stays. */
enum parting { CLOSE_1000, CLOSE_EMPTY, CLOSE_1001, CLOSE_4000, FIN, FIN_IN_A_MESSAGE, RST };

static void part(struct client *client, enum parting how)
{
    static const unsigned codes[] = {1000, WS_CODE_NONE, 1001, 4000};
    enum ws_opcode opcode = client->speech == WS_BIN ? WS_BINARY : WS_TEXT;

    if (how == FIN_IN_A_MESSAGE || how == RST)
        ws_send_part(client, opcode, false, slice_str("{"));
    if (how <= CLOSE_4000) {
        ws_send_close(client, codes[how]);
        ws_expect_close(client, codes[how]);
    } else if (how != RST) {
        client_finish_writing(client);
        while (client_next(client, WAIT_MS))
            ;
        cr_assert(client->eof, "%d: no end", (int)how);
    }
    client_close(client, how == RST);
}

static void parts(enum parting how, bool stays)
{
    struct server *server = server_start("--resume-window", WINDOW);
    struct client *watcher = login(server, "watcher");

    join_with(watcher, "lobby", 0);
    for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
        struct client *client = login_over(server, "anna", (int)i, both[i]);
        uint32_t room = join_with(client, "lobby", JOIN_QUIET | JOIN_NO_ECHO);
        struct ticket ticket = client->ticket;
        await_presence(watcher, PRESENCE_JOINED, client->id);
        part(client, how);
        if (!stays) {
            await_presence(watcher, PRESENCE_LEFT, ticket.id);
            client = login_over(server, "anna", -1, both[i]); /* the name is free */
        } else {
            client = resume_over(server, &ticket, both[i]);
            cr_assert_eq(expect(client, MSG_JOINED)->joined.room, room);
            publish(client, room, "here again");
            expect_message(watcher, "here again");
            await(client, MSG_ACK);
            barrier(watcher); /* and nobody has been told of it */
        }
        barrier(client);
        ws_send_close(client, WS_CODE_NORMAL);
        ws_expect_close(client, WS_CODE_NORMAL);
        client_close(client, false);
        if (stays)
            await_presence(watcher, PRESENCE_LEFT, ticket.id);
    }
    barrier(watcher);
    server_stop(server);
}

Test(ws_session, close_with_1000_is_goodbye)
{
    parts(CLOSE_1000, false);
}

Test(ws_session, close_without_a_code_is_goodbye)
{
    parts(CLOSE_EMPTY, false);
}

Test(ws_session, close_with_1001_leaves_the_session)
{
    parts(CLOSE_1001, true);
}

Test(ws_session, close_with_a_code_of_its_own_leaves_the_session)
{
    parts(CLOSE_4000, true);
}

Test(ws_session, fin_without_close_leaves_the_session)
{
    parts(FIN, true);
}

Test(ws_session, fin_within_a_message_leaves_the_session)
{
    parts(FIN_IN_A_MESSAGE, true);
}

Test(ws_session, rst_within_a_message_leaves_the_session)
{
    parts(RST, true);
}

/* Who does not come back is gone when the window is over. */
Test(ws_session, a_session_that_is_left_ends)
{
    struct server *server = server_start("--resume-window", "300");
    struct client *watcher = login(server, "watcher");

    join_with(watcher, "lobby", 0);
    for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
        struct client *client = login_over(server, "anna", -1, both[i]);
        join(client, "lobby");
        await_presence(watcher, PRESENCE_JOINED, client->id);
        ws_send_close(client, WS_CODE_GOING_AWAY);
        ws_expect_close(client, WS_CODE_GOING_AWAY);
        await_presence(watcher, PRESENCE_LEFT, client->id);
        client_close(client, false);
    }
    barrier(watcher);
    server_stop(server);
    cr_expect_eq(server_counted(server, "sessions_expired", REASON_NOT_RESUMED), 2);
}

/* What came before the end was said, whichever end it is. */
Test(ws_session, what_was_published_before_the_end_arrives)
{
    enum { MESSAGES = 100 };
    static const enum parting ends[] = {CLOSE_1000, CLOSE_1001, FIN};
    struct server *server = server_start("--resume-window", WINDOW);
    struct client *watcher = login(server, "watcher");
    char name[16];
    uint64_t seq = 0;

    join(watcher, "lobby");
    for (size_t i = 0; i < ARRAY_SIZE(both); i++)
        for (size_t k = 0; k < ARRAY_SIZE(ends); k++) {
            snprintf(name, sizeof(name), "anna%zu%zu", i, k);
            struct client *client = login_over(server, name, (int)k, both[i]);
            uint32_t room = join_with(client, "lobby", JOIN_QUIET | JOIN_NO_ECHO);
            for (int m = 0; m < MESSAGES; m++)
                publish(client, room, "and one more");
            if (ends[k] == FIN)
                client_finish_writing(client);
            else
                ws_send_close(client, ends[k] == CLOSE_1000 ? 1000 : 1001);
            while (client_next(client, WAIT_MS))
                cr_assert_eq(client->event.type, MSG_ACK);
            cr_assert(client->eof);
            for (int m = 0; m < MESSAGES; m++)
                cr_assert_eq(expect(watcher, MSG_MESSAGE)->message.seq, ++seq);
            client_close(client, false);
        }
    barrier(watcher);
    server_stop(server);
}

/* From one kind of connection to every other; the old one is told. */
Test(ws_session, a_session_goes_from_one_protocol_to_another)
{
    static const enum speech way[] = {NATIVE, WS_JSON, WS_BIN, NATIVE, WS_BIN, WS_JSON, NATIVE};
    struct server *server = server_start("--resume-window", WINDOW);
    struct client *watcher = login(server, "watcher"), *old = login(server, "anna");
    uint32_t room = join_with(watcher, "lobby", 0);
    uint64_t seq = 0;

    join(old, "lobby");
    await_presence(watcher, PRESENCE_JOINED, old->id);
    for (size_t i = 1; i < ARRAY_SIZE(way); i++) {
        struct client *anna = resume_over(server, &old->ticket, way[i]);
        const struct event *event = expect(anna, MSG_JOINED);
        cr_assert(event->joined.room == room && event->joined.head == seq);
        expect_goaway(old, REASON_REPLACED);
        client_close(old, false);
        publish(anna, room, "from here");
        cr_assert_eq(expect_message(anna, "from here")->message.seq, ++seq);
        cr_assert_eq(expect_message(watcher, "from here")->message.sender, anna->id);
        await(anna, MSG_ACK);
        old = anna;
    }
    barrier(watcher); /* nobody came, nobody left */
    server_stop(server);
}

/* Numbers that the old connection was never sent are in one GAP, in whichever format. */
Test(ws_session, what_was_said_meanwhile_is_told)
{
    struct server *server = server_start("--resume-window", WINDOW);
    struct client *talker = login(server, "talker");
    uint32_t room = join_with(talker, "lobby", JOIN_NO_ECHO | JOIN_QUIET);

    for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
        struct client *client = login_over(server, "anna", -1, both[i]);
        uint64_t head = (join(client, "lobby"), client->event.joined.head);
        struct ticket ticket = client->ticket;
        ws_send_close(client, WS_CODE_GOING_AWAY);
        ws_expect_close(client, WS_CODE_GOING_AWAY);
        client_close(client, false);
        for (int m = 0; m < 10; m++) {
            publish(talker, room, "meanwhile");
            expect(talker, MSG_ACK);
        }
        client = resume_over(server, &ticket, both[1 - i]);
        cr_assert_eq(expect(client, MSG_JOINED)->joined.head, head + 10);
        const struct event *event = expect(client, MSG_GAP);
        cr_assert(event->gap.from == head + 1 && event->gap.to == head + 10);
        cr_assert_eq(event->gap.reason, REASON_AWAY);
        publish(talker, room, "again");
        cr_assert_eq(expect(client, MSG_MESSAGE)->message.seq, head + 11);
        expect(talker, MSG_ACK);
        ws_send_close(client, WS_CODE_NORMAL);
        ws_expect_close(client, WS_CODE_NORMAL);
        client_close(client, false);
    }
    server_stop(server);
}

/* GOAWAY with its time to come back, then the close frame, then the end. */
Test(ws_session, is_told_when_the_server_stops)
{
    struct server *server = server_start("--enable-echo=on");
    struct client *bin = login_over(server, "bin", 0, WS_BIN);
    struct client *json = login_over(server, "json", 1, WS_JSON);
    struct client *stranger = ws_open(server, WS_JSON), *echo = ws_open(server, BYTES);
    uint32_t room = join(bin, "lobby");

    join(json, "lobby");
    publish(bin, room, "last words");
    await(bin, MSG_ACK);
    server->clients_stay = true;
    server_stop(server);
    expect_message(json, "last words");
    expect_message(bin, "last words");
    expect_goaway(bin, REASON_SHUTDOWN);
    expect_goaway(json, REASON_SHUTDOWN);
    expect_goaway(stranger, REASON_SHUTDOWN);
    while (client_read(echo, SIZE_MAX, WAIT_MS))
        ;
    cr_assert(echo->eof && echo->in_len >= 4 && echo->in[0] == 0x88);
    cr_assert_eq(load_u16(echo->in + 2), REASON_SHUTDOWN);
}
