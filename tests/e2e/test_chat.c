/* test_chat.c -- what people do: talk, in rooms and to each other, over all shards. */
#include "tests/e2e/harness.h"

#include <stdio.h>

TestSuite(chat, .fini = harness_fini, .timeout = 60);

static void leave(struct client *client, uint32_t room)
{
    client_cmd(client, .type = MSG_LEAVE, .leave.room = room);
}

static void who(struct client *client, const char *room)
{
    client_cmd(client, .type = MSG_WHO, .who.room = slice_str(room));
}

static void nick(struct client *client, const char *name)
{
    client_cmd(client, .type = MSG_NICK, .nick.name = slice_str(name));
}

Test(chat, welcome_states_who_one_is_and_the_limits)
{
    struct server *server = server_start("--body-bytes", "1000", "--rooms-per-client", "5");
    struct client *anna = login(server, "anna");
    const struct event *event = &anna->event;

    assert_text(event->welcome.name, "anna");
    cr_assert(event->welcome.connection != 0);
    cr_assert(event->welcome.shard < 4);
    cr_assert_eq(event->welcome.body_bytes_max, 1000);
    cr_assert_eq(event->welcome.rooms_max, 5);
    cr_assert(event->welcome.server.len > 7 &&
              memcmp(event->welcome.server.data, "uproard", 7) == 0);
    server_stop(server);
}

Test(chat, two_people_talk_on_every_pair_of_shards)
{
    struct server *server = server_start(NULL);
    for (int a = 0; a < 4; a++) {
        for (int b = 0; b < 4; b++) {
            struct client *anna = login_on(server, "anna", a);
            struct client *bert = login_on(server, "bert", b);
            uint64_t anna_id = anna->id;
            uint32_t room = join(anna, "lobby");
            cr_assert_eq(join(bert, "lobby"), room);

            uint64_t msgid = publish(anna, room, "héllo ☺");
            const struct event *event = expect_message(bert, "héllo ☺");
            cr_assert_eq(event->message.room, room);
            cr_assert_eq(event->message.sender, anna_id);
            cr_assert_eq(event->message.msgid, msgid);
            cr_assert(event->message.time_ms > 1600000000000);
            assert_text(event->message.name, "anna");
            uint64_t seq = event->message.seq;

            cr_assert_eq(await(anna, MSG_ACK)->ack.seq, seq);
            cr_assert_eq(anna->event.ack.msgid, msgid);
            cr_assert_eq(anna->event.ack.room, room);
            cr_assert_eq(expect_message(anna, "héllo ☺")->message.seq, seq);

            publish(bert, room, "hello yourself");
            cr_assert_eq(expect_message(anna, "hello yourself")->message.seq, seq + 1);
            expect_message(bert, "hello yourself");
            await(bert, MSG_ACK);
            barrier(anna);
            barrier(bert);
            client_close(anna, false);
            client_close(bert, false);
        }
    }
    server_stop(server);
}

Test(chat, no_echo_spares_the_sender_alone)
{
    struct server *server = server_start(NULL);
    struct client *anna = login_on(server, "anna", 0);
    struct client *bert = login_on(server, "bert", 0);
    struct client *carl = login_on(server, "carl", 1);
    uint32_t room = join_with(anna, "lobby", JOIN_NO_ECHO | JOIN_QUIET);
    join(bert, "lobby");
    join(carl, "lobby");

    publish(anna, room, "mine");
    publish(anna, room, "mine too");
    await(anna, MSG_ACK);
    await(anna, MSG_ACK);
    expect_message(bert, "mine");
    expect_message(bert, "mine too");
    expect_message(carl, "mine");
    expect_message(carl, "mine too");
    publish(bert, room, "his");
    expect_message(anna, "his");
    expect_message(bert, "his");
    barrier(anna);
    server_stop(server);
}

Test(chat, everyone_sees_one_order)
{
    enum { PEOPLE = 6, EACH = 50, ALL = PEOPLE * EACH };
    struct server *server = server_start(NULL);
    struct client *people[PEOPLE];
    static char order[PEOPLE][ALL][16];
    uint32_t room = 0;

    for (int i = 0; i < PEOPLE; i++) {
        char name[16];
        snprintf(name, sizeof(name), "person %d", i);
        people[i] = login_on(server, name, i % 4);
        room = join(people[i], "agora");
    }
    for (int n = 0; n < EACH; n++) {
        for (int i = 0; i < PEOPLE; i++) {
            char text[16];
            snprintf(text, sizeof(text), "%d says %d", i, n);
            publish(people[i], room, text);
        }
    }
    for (int i = 0; i < PEOPLE; i++) {
        int next[PEOPLE] = {0};
        for (uint64_t seq = 1; seq <= ALL; seq++) {
            const struct event *event = await(people[i], MSG_MESSAGE);
            int who_said, n;
            cr_assert_eq(event->message.seq, seq);
            memcpy(order[i][seq - 1], event->message.body.data, event->message.body.len);
            cr_assert_eq(sscanf(order[i][seq - 1], "%d says %d", &who_said, &n), 2);
            cr_assert_eq(n, next[who_said]++, "one sender's messages stay in order");
        }
        for (int n = 0; n < EACH; n++)
            await(people[i], MSG_ACK);
        barrier(people[i]);
        cr_assert(memcmp(order[i], order[0], sizeof(order[0])) == 0, "person %d saw another order",
                  i);
    }
    server_stop(server);
}

/* Anna says something in one room; bert, who sees it, answers in another; carl hears both. Room
 * ids say where a room's home is: id % workers. */
Test(chat, an_answer_in_another_room_never_comes_before_what_it_answers)
{
    enum { ROUNDS = 3000, WORKERS = 4 };
    struct server *server = server_start(NULL);
    struct client *anna = login_on(server, "anna", 0);
    struct client *bert = login_on(server, "bert", 1);
    struct client *carl = login_on(server, "carl", 2);
    uint32_t said = join(anna, "said"), answered = said;
    char name[32];

    for (int i = 0; answered % WORKERS == said % WORKERS; i++) {
        snprintf(name, sizeof(name), "answered %d", i);
        answered = join(bert, name);
    }
    join(bert, "said");
    /* In this order, so that where one send has news of both rooms the first room's come first:
     * what is tested is the way from shard to shard. */
    join(carl, name);
    join(carl, "said");
    for (int round = 0; round < ROUNDS; round++) {
        publish(anna, said, "what");
        expect_message(bert, "what");
        publish(bert, answered, "that");
        await(bert, MSG_ACK);
        cr_assert_eq(expect(carl, MSG_MESSAGE)->message.room, said, "round %d", round);
        cr_assert_eq(expect(carl, MSG_MESSAGE)->message.room, answered, "round %d", round);
        await(anna, MSG_ACK);
        await(anna, MSG_MESSAGE);
        await(bert, MSG_MESSAGE);
    }
    server_stop(server);
}

Test(chat, joined_states_the_number_before_the_first_message)
{
    struct server *server = server_start(NULL);
    struct client *anna = login_on(server, "anna", 0);
    uint32_t room = join(anna, "lobby");
    uint64_t epoch = anna->event.joined.epoch;
    cr_assert_eq(anna->event.joined.head, 0);
    cr_assert_eq(anna->event.joined.members, 1);

    /* Bert comes while she talks: nothing may fall between his JOINED and his first message. */
    for (int round = 0; round < 40; round++) {
        struct client *bert = login(server, "bert");
        for (int i = 0; i < 5; i++)
            publish(anna, room, "before");
        client_cmd(bert, .type = MSG_JOIN,
                   .join = {.flags = JOIN_QUIET, .room = slice_str("lobby")});
        for (int i = 0; i < 5; i++)
            publish(anna, room, "after");
        const struct event *event = expect(bert, MSG_JOINED);
        cr_assert_eq(event->joined.epoch, epoch);
        cr_assert_eq(event->joined.members, 2, "the bert before has left, on whichever shard");
        uint64_t last = event->joined.head;
        while (last < (uint64_t)(round + 1) * 10)
            cr_assert_eq(expect(bert, MSG_MESSAGE)->message.seq, ++last);
        barrier(bert);
        leave(bert, room);
        cr_assert_eq(expect(bert, MSG_LEFT)->left.room, room);
        client_cmd(bert, .type = MSG_PING, .ping.token = 1);
        expect(bert, MSG_PONG);
        client_close(bert, round % 2);
        for (int i = 0; i < 10; i++)
            await(anna, MSG_ACK);
        for (int i = 0; i < 10; i++)
            await(anna, MSG_MESSAGE);
    }
    server_stop(server);
}

Test(chat, who_left_hears_nothing_more_and_may_come_back)
{
    struct server *server = server_start(NULL);
    struct client *anna = login_on(server, "anna", 0);
    struct client *bert = login_on(server, "bert", 1);
    uint32_t room = join(anna, "lobby");
    join(bert, "lobby");
    leave(bert, room);
    const struct event *event = expect(bert, MSG_LEFT);
    cr_assert_eq(event->left.room, room);

    publish(anna, room, "gone?");
    await(anna, MSG_ACK);
    barrier(bert);
    cr_assert_eq(join(bert, "lobby"), room);
    cr_assert_eq(bert->event.joined.head, 1, "the room goes on where it was");
    publish(anna, room, "back!");
    cr_assert_eq(expect_message(bert, "back!")->message.seq, 2);
    server_stop(server);
}

Test(chat, rooms_are_apart)
{
    struct server *server = server_start(NULL);
    struct client *anna = login(server, "anna");
    struct client *bert = login(server, "bert");
    uint32_t red = join(anna, "red"), blue = join(anna, "blue");
    cr_assert_neq(red, blue);
    cr_assert_eq(join(bert, "blue"), blue);

    publish(anna, red, "in red");
    publish(anna, blue, "in blue");
    cr_assert_eq(expect_message(bert, "in blue")->message.seq, 1);
    barrier(bert);
    server_stop(server);
}

Test(chat, direct_messages_cross_every_pair_of_shards)
{
    struct server *server = server_start(NULL);
    struct client *people[4];
    static const char *const names[] = {"anna", "bert", "carl", "dora"};

    for (int i = 0; i < 4; i++)
        people[i] = login_on(server, names[i], i);
    for (int from = 0; from < 4; from++) {
        for (int to = 0; to < 4; to++) {
            uint64_t msgid = direct(people[from], names[to], "psst");
            const struct event *event = await(people[to], MSG_DIRECT_MESSAGE);
            cr_assert_eq(event->direct.sender, people[from]->id);
            cr_assert_eq(event->direct.msgid, msgid);
            cr_assert(event->direct.time_ms > 1600000000000);
            assert_text(event->direct.name, names[from]);
            assert_text(event->direct.body, "psst");
            event = await(people[from], MSG_ACK);
            cr_assert_eq(event->ack.msgid, msgid);
            cr_assert_eq(event->ack.room, 0);
            cr_assert_eq(event->ack.seq, 0);
        }
    }
    for (int i = 0; i < 4; i++)
        barrier(people[i]);
    server_stop(server);
}

Test(chat, a_direct_message_to_nobody_is_refused)
{
    struct server *server = server_start(NULL);
    struct client *anna = login(server, "anna");
    uint64_t msgid = direct(anna, "nobody", "psst");
    const struct event *event = expect(anna, MSG_NACK);
    cr_assert_eq(event->nack.msgid, msgid);
    cr_assert_eq(event->nack.reason, REASON_NO_SUCH_NAME);
    cr_assert(event->nack.text.len >= 10);
    barrier(anna);
    server_stop(server);
}

Test(chat, who_lists_the_members_of_all_shards)
{
    struct server *server = server_start(NULL);
    struct client *people[4], *outsider = login(server, "outsider");
    char name[16];
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof(name), "member %d", i);
        people[i] = login_on(server, name, i);
        join(people[i], "lobby");
    }
    who(outsider, "lobby");
    unsigned seen = 0, count = 0;
    do {
        expect(outsider, MSG_MEMBERS);
        assert_text(outsider->event.members.room, "lobby");
        cr_assert_eq(outsider->event.members.total, 4);
        for (unsigned i = 0; i < outsider->event.members.count; i++) {
            const struct person *person = &outsider->event.members.people[i];
            int at = -1;
            snprintf(name, sizeof(name), "%.*s", (int)person->name.len,
                     (const char *)person->name.data);
            cr_assert_eq(sscanf(name, "member %d", &at), 1);
            cr_assert_eq(person->id, people[at]->id);
            seen |= 1u << at;
            count++;
        }
    } while (outsider->event.members.more);
    cr_assert_eq(seen, 15);
    cr_assert_eq(count, 4);
    who(outsider, "no such room");
    expect_error(outsider, REASON_NO_SUCH_ROOM, MSG_WHO);
    barrier(outsider);
    server_stop(server);
}

Test(chat, rooms_lists_every_room_once_with_its_members)
{
    struct server *server = server_start(NULL);
    struct client *anna = login_on(server, "anna", 0), *bert = login_on(server, "bert", 1);
    char name[16];
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof(name), "room %d", i);
        join(anna, name);
        if (i % 2)
            join(bert, name);
    }
    client_cmd(bert, .type = MSG_ROOMS);
    uint64_t seen = 0;
    unsigned count = 0;
    do {
        expect(bert, MSG_ROOM_LIST);
        for (unsigned i = 0; i < bert->event.room_list.count; i++) {
            const struct room_entry *entry = &bert->event.room_list.rooms[i];
            int at = -1;
            snprintf(name, sizeof(name), "%.*s", (int)entry->name.len,
                     (const char *)entry->name.data);
            cr_assert_eq(sscanf(name, "room %d", &at), 1);
            cr_assert_eq(entry->members, at % 2 ? 2u : 1u, "%s: %u", name, entry->members);
            seen |= 1ull << at;
            count++;
        }
    } while (bert->event.room_list.more);
    cr_assert_eq(bert->event.room_list.total, 60);
    cr_assert_eq(seen, (1ull << 60) - 1);
    cr_assert_eq(count, 60);
    barrier(bert);
    server_stop(server);
}

/* Waits for PRESENCE that names this person so. */
static void expect_presence(struct client *client, uint32_t room, enum presence_kind kind,
                            const char *name, uint32_t members)
{
    const struct event *event = await(client, MSG_PRESENCE);
    cr_assert_eq(event->presence.room, room);
    cr_assert_eq(event->presence.count, 1);
    cr_assert_eq(event->presence.people[0].kind, kind);
    cr_assert_eq(event->presence.members, members);
    assert_text(event->presence.people[0].name, name);
}

Test(chat, presence_tells_who_comes_goes_and_is_renamed)
{
    struct server *server = server_start(NULL);
    struct client *anna = login_on(server, "anna", 0), *quiet = login_on(server, "quiet", 0);
    uint32_t room = join(quiet, "lobby");
    join_with(anna, "lobby", 0);

    for (int shard = 0; shard < 4; shard++) {
        struct client *bert = login_on(server, "bert", shard);
        client_cmd(bert, .type = MSG_JOIN, .join.room = slice_str("lobby"));
        await(bert, MSG_JOINED);
        /* Her own coming may be told to her too. */
        const struct event *event = await(anna, MSG_PRESENCE);
        if (shard == 0 && event->presence.people[0].id == anna->id)
            event = await(anna, MSG_PRESENCE);
        cr_assert_eq(event->presence.count, 1);
        cr_assert_eq(event->presence.people[0].kind, PRESENCE_JOINED);
        cr_assert_eq(event->presence.people[0].id, bert->id);
        cr_assert_eq(event->presence.members, 3);
        assert_text(event->presence.people[0].name, "bert");

        nick(bert, "bertram");
        assert_text(await(bert, MSG_NICKED)->nicked.name, "bertram");
        expect_presence(anna, room, PRESENCE_RENAMED, "bertram", 3);
        assert_text(anna->event.presence.people[0].old_name, "bert");

        switch (shard) {
        case 0:
            leave(bert, room);
            await(bert, MSG_LEFT);
            expect_presence(anna, room, PRESENCE_LEFT, "bertram", 2);
            client_finish_writing(bert);
            while (client_next(bert, WAIT_MS)) /* when the server has said FIN, the name is free */
                ;
            client_close(bert, false);
            break;
        case 1:
            client_close(bert, true);
            expect_presence(anna, room, PRESENCE_LEFT, "bertram", 2);
            break;
        default:
            client_close(bert, false);
            expect_presence(anna, room, PRESENCE_LEFT, "bertram", 2);
        }
    }
    barrier(anna);
    barrier(quiet);
    server_stop(server);
}

Test(chat, a_name_belongs_to_one_person_on_all_shards)
{
    struct server *server = server_start(NULL);
    struct client *anna = login_on(server, "anna", 0), *others[8];

    for (int i = 0; i < 8; i++) {
        others[i] = client_open(server);
        client_cmd(others[i], .type = MSG_HELLO, .hello.name = slice_str("anna"));
        expect_error(others[i], REASON_NAME_TAKEN, MSG_HELLO);
    }
    /* It is refused, not fatal: another name will do. */
    client_cmd(others[0], .type = MSG_HELLO, .hello.name = slice_str("bert"));
    expect(others[0], MSG_WELCOME);
    nick(others[0], "anna");
    expect_error(others[0], REASON_NAME_TAKEN, MSG_NICK);

    /* Free again after each way to end, and after a change of name. */
    client_close(anna, false);
    anna = login(server, "anna");
    client_close(anna, true);
    anna = login(server, "anna");
    nick(anna, "hanna");
    expect(anna, MSG_NICKED);
    direct(login(server, "anna"), "hanna", "to the new name");
    assert_text(await(anna, MSG_DIRECT_MESSAGE)->direct.body, "to the new name");
    server_stop(server);
}

Test(chat, a_new_name_is_on_the_next_message)
{
    struct server *server = server_start(NULL);
    struct client *anna = login_on(server, "anna", 0), *bert = login_on(server, "bert", 1);
    uint32_t room = join(anna, "lobby");
    join(bert, "lobby");
    publish(anna, room, "as anna");
    nick(anna, "hanna");
    assert_text(await(anna, MSG_NICKED)->nicked.name, "hanna");
    publish(anna, room, "as hanna");
    assert_text(expect_message(bert, "as anna")->message.name, "anna");
    assert_text(expect_message(bert, "as hanna")->message.name, "hanna");
    cr_assert_eq(bert->event.message.sender, anna->id);
    server_stop(server);
}

Test(chat, a_join_since_with_nothing_missed_goes_on_and_else_says_what_is_gone)
{
    struct server *server = server_start(NULL);
    struct client *anna = login_on(server, "anna", 0), *bert = login_on(server, "bert", 1);
    uint32_t room = join(anna, "lobby");
    uint64_t epoch = anna->event.joined.epoch;
    for (int i = 0; i < 3; i++)
        publish(anna, room, "one of three");
    for (int i = 0; i < 3; i++)
        await(anna, MSG_ACK);

    client_cmd(bert, .type = MSG_JOIN,
               .join = {.flags = JOIN_SINCE | JOIN_QUIET,
                        .room = slice_str("lobby"),
                        .epoch = epoch,
                        .since = 3});
    cr_assert_eq(expect(bert, MSG_JOINED)->joined.head, 3);
    barrier(bert);
    leave(bert, room);
    expect(bert, MSG_LEFT);

    /* Either every later message once, or one GAP that covers them: never a silent hole. */
    client_cmd(bert, .type = MSG_JOIN,
               .join = {.flags = JOIN_SINCE | JOIN_QUIET,
                        .room = slice_str("lobby"),
                        .epoch = epoch,
                        .since = 1});
    cr_assert_eq(expect(bert, MSG_JOINED)->joined.head, 3);
    const struct event *event = client_next(bert, WAIT_MS);
    cr_assert(event);
    if (event->type == MSG_GAP) {
        cr_assert_eq(event->gap.room, room);
        cr_assert_eq(event->gap.from, 2);
        cr_assert_eq(event->gap.to, 3);
        cr_assert_eq(event->gap.reason, REASON_NOT_RETAINED);
    } else {
        cr_assert(event->type == MSG_MESSAGE && event->message.seq == 2);
        cr_assert_eq(expect(bert, MSG_MESSAGE)->message.seq, 3);
    }
    leave(bert, room);
    expect(bert, MSG_LEFT);

    client_cmd(bert, .type = MSG_JOIN,
               .join = {.flags = JOIN_SINCE | JOIN_QUIET,
                        .room = slice_str("lobby"),
                        .epoch = epoch + 1,
                        .since = 1});
    expect(bert, MSG_JOINED);
    cr_assert_eq(expect(bert, MSG_GAP)->gap.reason, REASON_NEW_EPOCH);
    publish(anna, room, "four");
    cr_assert_eq(expect_message(bert, "four")->message.seq, 4);
    server_stop(server);
}
