/* test_bad_input.c -- whatever a client sends, it is told what was wrong, in words, and nobody
 * else notices.
 *
 * A row is one mistake. It is made on every shard by a client that is in a room with a
 * bystander, who must go on as if nothing had been. What is not fatal (reason < 4000) leaves the
 * connection as it was.
 */
#include "tests/e2e/harness.h"

#include <stdio.h>

TestSuite(bad_input, .fini = harness_fini, .timeout = 60);

#define BODY_MAX 1000
/* A slice that is a constant; slice_str is a function. */
#define TEXT(text)                                \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }
#define ROOM 0xFFFFFFFFu /* in a row's PUBLISH: the room that the client is in */
#define FRAME(...)                                                                             \
    {                                                                                          \
        .bytes = (const uint8_t[]){__VA_ARGS__}, .len = sizeof((const uint8_t[]){__VA_ARGS__}) \
    }

#define LONG_NAME "123456789012345678901234567890123"                                 /* 33 */
#define LONG_ROOM "12345678901234567890123456789012345678901234567890123456789012345" /* 65 */

struct mistake {
    const char *what;
    enum reason reason;
    enum msg_type about;
    bool nack;      /* the refusal is NACK, with message id 77 */
    struct cmd cmd; /* if its type is set, else raw */
    struct {
        const uint8_t *bytes;
        size_t len;
    } raw;
    bool half_close; /* after it */
};

/* What is no frame, whether HELLO was said or not. Each is fatal. */
static const struct mistake unreadable[] = {
    {"wrong magic", REASON_BAD_MAGIC, .raw = FRAME(0, 0, 0, 12, 0x42, 1, 0x14, 0, 1, 2, 3, 4)},
    {"unknown version", REASON_BAD_VERSION, .raw = FRAME(0, 0, 0, 12, 0xC5, 2, 0x14, 0)},
    {"length 0", REASON_LENGTH_ZERO, .raw = FRAME(0, 0, 0, 0, 0xC5, 1, 0x14, 0)},
    {"length 3", REASON_LENGTH_ZERO, .raw = FRAME(0, 0, 0, 3, 0xC5, 1, 0x14, 0)},
    {"length over the limit", REASON_FRAME_TOO_LONG, .raw = FRAME(0, 1, 0, 0, 0xC5, 1, 0x07, 0)},
    {"a frame cut in its header", REASON_TRUNCATED, .raw = FRAME(0, 0, 0, 12, 0xC5, 1),
     .half_close = true},
    {"a frame cut in its body", REASON_TRUNCATED,
     .raw = FRAME(0, 0, 0, 12, 0xC5, 1, 0x14, 0, 1, 2, 3), .half_close = true},
};

/* Only a connection's first bytes can be of no protocol at all. */
static const struct mistake strange[] = {
    {"an HTTP answer", REASON_UNKNOWN_PROTOCOL,
     .raw = FRAME('H', 'T', 'T', 'P', '/', '1', '.', '1')},
    {"text", REASON_UNKNOWN_PROTOCOL, .raw = FRAME('h', 'e', 'l', 'l', 'o', '\r', '\n')},
    {"TLS", REASON_UNKNOWN_PROTOCOL, .raw = FRAME(0x16, 3, 1, 2, 0, 1, 0, 1)},
};

/* What may not be said before HELLO, and wrong ways to say it. */
static const struct mistake before_hello[] = {
    {"JOIN first", REASON_HELLO_FIRST, MSG_JOIN, .cmd = {MSG_JOIN, .join.room = TEXT("lobby")}},
    {"LEAVE first", REASON_HELLO_FIRST, MSG_LEAVE, .cmd = {MSG_LEAVE, .leave.room = 1}},
    {"PUBLISH first", REASON_HELLO_FIRST, MSG_PUBLISH, true,
     .cmd = {MSG_PUBLISH, .publish = {1, 77, TEXT("x")}}},
    {"DIRECT first", REASON_HELLO_FIRST, MSG_DIRECT, true,
     .cmd = {MSG_DIRECT, .direct = {77, TEXT("anna"), TEXT("x")}}},
    {"WHO first", REASON_HELLO_FIRST, MSG_WHO, .cmd = {MSG_WHO, .who.room = TEXT("lobby")}},
    {"ROOMS first", REASON_HELLO_FIRST, MSG_ROOMS, .cmd = {.type = MSG_ROOMS}},
    {"NICK first", REASON_HELLO_FIRST, MSG_NICK, .cmd = {MSG_NICK, .nick.name = TEXT("anna")}},
    {"an empty name", REASON_NAME_EMPTY, MSG_HELLO, .cmd = {.type = MSG_HELLO}},
    {"a name of 33 bytes", REASON_NAME_TOO_LONG, MSG_HELLO,
     .cmd = {MSG_HELLO, .hello.name = TEXT(LONG_NAME)}},
    {"a name with a line feed", REASON_NAME_CONTROL, MSG_HELLO,
     .cmd = {MSG_HELLO, .hello.name = TEXT("a\nb")}},
    {"a name that is not UTF-8", REASON_BAD_TEXT, MSG_HELLO,
     .cmd = {MSG_HELLO, .hello.name = TEXT("a\xff")}},
    {"a token of 3 bytes", REASON_BAD_TOKEN, MSG_HELLO,
     .cmd = {MSG_HELLO, .hello = {0, TEXT("dora"), TEXT("abc")}}},
};

/* What is refused of a client that is in a room. */
static const struct mistake refused[] = {
    {"HELLO twice", REASON_HELLO_TWICE, MSG_HELLO, .cmd = {MSG_HELLO, .hello.name = TEXT("emil")}},
    {"JOIN twice", REASON_ALREADY_JOINED, MSG_JOIN, .cmd = {MSG_JOIN, .join.room = TEXT("lobby")}},
    {"JOIN an empty name", REASON_NAME_EMPTY, MSG_JOIN, .cmd = {.type = MSG_JOIN}},
    {"JOIN 65 bytes", REASON_NAME_TOO_LONG, MSG_JOIN,
     .cmd = {MSG_JOIN, .join.room = TEXT(LONG_ROOM)}},
    {"JOIN with ESC", REASON_NAME_CONTROL, MSG_JOIN,
     .cmd = {MSG_JOIN, .join.room = TEXT("a\x1b[2J")}},
    {"JOIN with a blank behind", REASON_NAME_CONTROL, MSG_JOIN,
     .cmd = {MSG_JOIN, .join.room = TEXT("lobby ")}},
    {"JOIN not UTF-8", REASON_BAD_TEXT, MSG_JOIN, .cmd = {MSG_JOIN, .join.room = TEXT("\xc0\xaf")}},
    {"LEAVE another room", REASON_NOT_JOINED, MSG_LEAVE, .cmd = {MSG_LEAVE, .leave.room = 0x7777}},
    {"PUBLISH to another room", REASON_NOT_JOINED, MSG_PUBLISH, true,
     .cmd = {MSG_PUBLISH, .publish = {0x7777, 77, TEXT("x")}}},
    {"PUBLISH not UTF-8", REASON_BAD_TEXT, MSG_PUBLISH, true,
     .cmd = {MSG_PUBLISH, .publish = {ROOM, 77, TEXT("\xed\xa0\x80")}}},
    {"DIRECT to an empty name", REASON_NAME_EMPTY, MSG_DIRECT, true,
     .cmd = {MSG_DIRECT, .direct = {.msgid = 77}}},
    {"DIRECT to nobody", REASON_NO_SUCH_NAME, MSG_DIRECT, true,
     .cmd = {MSG_DIRECT, .direct = {77, TEXT("nobody"), TEXT("x")}}},
    {"DIRECT not UTF-8", REASON_BAD_TEXT, MSG_DIRECT, true,
     .cmd = {MSG_DIRECT, .direct = {77, TEXT("bystander"), TEXT("\x80")}}},
    {"WHO of a room that is not", REASON_NO_SUCH_ROOM, MSG_WHO,
     .cmd = {MSG_WHO, .who.room = TEXT("nowhere")}},
    {"NICK taken", REASON_NAME_TAKEN, MSG_NICK, .cmd = {MSG_NICK, .nick.name = TEXT("bystander")}},
    {"NICK with a right-to-left override", REASON_NAME_CONTROL, MSG_NICK,
     .cmd = {MSG_NICK, .nick.name = TEXT("a\u202eb")}},
    {"WELCOME from a client", REASON_WRONG_DIRECTION, MSG_WELCOME,
     .raw = FRAME(0, 0, 0, 4, 0xC5, 1, MSG_WELCOME, 0)},
    {"MESSAGE from a client", REASON_WRONG_DIRECTION, MSG_MESSAGE,
     .raw = FRAME(0, 0, 0, 5, 0xC5, 1, MSG_MESSAGE, 0, 0)},
    {"an unknown type", REASON_UNKNOWN_TYPE, (enum msg_type)0x7E,
     .raw = FRAME(0, 0, 0, 4, 0xC5, 1, 0x7E, 0)},
    {"type 0", REASON_UNKNOWN_TYPE, MSG_NONE, .raw = FRAME(0, 0, 0, 4, 0xC5, 1, 0, 0)},
    {"PING without a token", REASON_MALFORMED, MSG_PING,
     .raw = FRAME(0, 0, 0, 4, 0xC5, 1, MSG_PING, 0)},
    {"PING with a byte too many", REASON_MALFORMED, MSG_PING,
     .raw = FRAME(0, 0, 0, 13, 0xC5, 1, MSG_PING, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0)},
    {"JOIN with a name longer than the frame", REASON_MALFORMED, MSG_JOIN,
     .raw = FRAME(0, 0, 0, 8, 0xC5, 1, MSG_JOIN, 0, 0, 9, 'a', 'b')},
    {"HELLO with half a token", REASON_MALFORMED, MSG_HELLO,
     .raw = FRAME(0, 0, 0, 12, 0xC5, 1, MSG_HELLO, 0, 0, 0, 0, 0, 1, 'a', 16, 1)},
};

static void make(struct client *client, const struct mistake *mistake, uint32_t room)
{
    struct cmd cmd = mistake->cmd;
    if (cmd.type == MSG_PUBLISH && cmd.publish.room == ROOM)
        cmd.publish.room = room;
    if (cmd.type != MSG_NONE)
        client_cmd_at(__LINE__, client, &cmd);
    else
        client_send(client, mistake->raw.bytes, mistake->raw.len);
    if (mistake->half_close)
        client_finish_writing(client);
}

static void expect_refusal(struct client *client, const struct mistake *mistake, uint32_t room)
{
    const struct event *event = client_next(client, WAIT_MS);
    enum msg_type type = mistake->nack ? MSG_NACK : MSG_ERROR;
    cr_assert(event, "%s: no answer", mistake->what);
    cr_assert_eq(event->type, type, "%s: type %d", mistake->what, (int)event->type);
    enum reason reason = mistake->nack ? event->nack.reason : event->error.reason;
    struct slice text = mistake->nack ? event->nack.text : event->error.text;
    cr_assert_eq(reason, mistake->reason, "%s: %s instead of %s", mistake->what,
                 reason_name(reason), reason_name(mistake->reason));
    cr_assert(text.len >= 10 && memchr(text.data, ' ', text.len), "%s: no sentence", mistake->what);
    if (mistake->nack) {
        cr_assert_eq(event->nack.msgid, 77, "%s: message id", mistake->what);
        if (mistake->cmd.publish.room == ROOM && mistake->cmd.type == MSG_PUBLISH)
            cr_assert_eq(event->nack.room, room, "%s: room", mistake->what);
    } else {
        cr_assert_eq(event->error.about, mistake->about, "%s: about %d", mistake->what,
                     (int)event->error.about);
    }
}

/* A server with somebody in the lobby who must not be disturbed. */
struct scene {
    struct server *server;
    struct client *bystander;
    uint32_t room;
    unsigned said;
};

static struct scene scene_new(void)
{
    struct scene scene = {.server = server_start("--body-bytes", "1000")};
    scene.bystander = login(scene.server, "bystander");
    scene.room = join(scene.bystander, "lobby");
    return scene;
}

static void scene_end(struct scene *scene)
{
    barrier(scene->bystander);
    publish(scene->bystander, scene->room, "as if nothing had been");
    cr_assert_eq(expect_message(scene->bystander, "as if nothing had been")->message.seq,
                 scene->said + 1);
    server_stop(scene->server);
}

/* The client is still whole: what it says arrives. */
static void expect_alive(struct scene *scene, struct client *client, const char *what)
{
    barrier(client);
    publish(client, scene->room, what);
    cr_assert_eq(expect_message(client, what)->message.seq, ++scene->said);
    await(client, MSG_ACK);
    expect_message(scene->bystander, what);
}

Test(bad_input, what_cannot_be_read_ends_the_connection_with_a_reason)
{
    struct scene scene = scene_new();
    for (size_t i = 0; i < ARRAY_SIZE(unreadable); i++) {
        for (int shard = 0; shard < 4; shard++) {
            struct client *client = login_on(scene.server, "dora", shard);
            join(client, "lobby");
            make(client, &unreadable[i], scene.room);
            expect_refusal(client, &unreadable[i], scene.room);
            expect_eof(client);
            client_close(client, false);
        }
    }
    scene_end(&scene);
}

Test(bad_input, also_before_hello)
{
    struct scene scene = scene_new();
    for (size_t i = 0; i < ARRAY_SIZE(unreadable) + ARRAY_SIZE(strange); i++) {
        const struct mistake *mistake =
            i < ARRAY_SIZE(unreadable) ? &unreadable[i] : &strange[i - ARRAY_SIZE(unreadable)];
        struct client *client = client_open(scene.server);
        make(client, mistake, scene.room);
        expect_refusal(client, mistake, scene.room);
        expect_eof(client);
        client_close(client, false);
    }
    scene_end(&scene);
}

Test(bad_input, a_first_word_that_is_refused_may_be_followed_by_a_right_one)
{
    struct scene scene = scene_new();
    for (size_t i = 0; i < ARRAY_SIZE(before_hello); i++) {
        struct client *client = client_open(scene.server);
        make(client, &before_hello[i], scene.room);
        expect_refusal(client, &before_hello[i], scene.room);
        char name[16];
        snprintf(name, sizeof(name), "dora %zu", i);
        client_cmd(client, .type = MSG_HELLO, .hello.name = slice_str(name));
        expect(client, MSG_WELCOME);
        barrier(client);
    }
    scene_end(&scene);
}

Test(bad_input, what_is_refused_leaves_everything_as_it_was)
{
    struct scene scene = scene_new();
    for (int shard = 0; shard < 4; shard++) {
        struct client *client = login_on(scene.server, "dora", shard);
        join(client, "lobby");
        for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
            make(client, &refused[i], scene.room);
            expect_refusal(client, &refused[i], scene.room);
            expect_alive(&scene, client, refused[i].what);
        }
        client_close(client, false);
    }
    scene_end(&scene);
}

Test(bad_input, all_refusals_at_once_keep_their_order)
{
    struct scene scene = scene_new();
    struct client *client = login(scene.server, "dora");
    join(client, "lobby");
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
        if (refused[i].reason != REASON_NO_SUCH_NAME && refused[i].reason != REASON_NO_SUCH_ROOM &&
            refused[i].reason != REASON_NAME_TAKEN)
            make(client, &refused[i], scene.room);
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
        if (refused[i].reason != REASON_NO_SUCH_NAME && refused[i].reason != REASON_NO_SUCH_ROOM &&
            refused[i].reason != REASON_NAME_TAKEN)
            expect_refusal(client, &refused[i], scene.room);
    expect_alive(&scene, client, "still here");
    scene_end(&scene);
}

Test(bad_input, an_unknown_type_that_may_be_skipped_is)
{
    struct scene scene = scene_new();
    struct client *client = login(scene.server, "dora");
    uint8_t frame[32];
    join(client, "lobby");
    client_send(client, frame, frame_raw(frame, 0x7E, FRAME_FLAG_SKIP, "news", 4));
    expect_alive(&scene, client, "not even noticed");
    scene_end(&scene);
}

Test(bad_input, a_body_may_be_as_long_as_the_limit_and_not_longer)
{
    struct scene scene = scene_new();
    struct client *client = login(scene.server, "dora");
    char body[BODY_MAX + 2];
    memset(body, 'x', sizeof(body));
    body[BODY_MAX + 1] = '\0';
    join_with(client, "lobby", JOIN_NO_ECHO | JOIN_QUIET);

    uint64_t msgid = publish(client, scene.room, body);
    const struct event *event = expect(client, MSG_NACK);
    cr_assert_eq(event->nack.reason, REASON_BODY_TOO_LONG);
    cr_assert_eq(event->nack.msgid, msgid);
    cr_assert_eq(event->nack.room, scene.room);
    cr_assert(!event->nack.may_retry);
    msgid = direct(client, "bystander", body);
    event = expect(client, MSG_NACK);
    cr_assert_eq(event->nack.reason, REASON_BODY_TOO_LONG);
    cr_assert_eq(event->nack.msgid, msgid);

    body[BODY_MAX] = '\0';
    publish(client, scene.room, body);
    expect(client, MSG_ACK);
    cr_assert_eq(expect_message(scene.bystander, body)->message.seq, ++scene.said);
    direct(client, "bystander", body);
    expect(client, MSG_ACK);
    assert_text(await(scene.bystander, MSG_DIRECT_MESSAGE)->direct.body, body);

    /* An empty one is a message too. */
    publish(client, scene.room, "");
    expect(client, MSG_ACK);
    cr_assert_eq(expect_message(scene.bystander, "")->message.seq, ++scene.said);
    scene_end(&scene);
}

Test(bad_input, more_rooms_than_allowed_are_refused)
{
    struct server *server = server_start("--rooms-per-client", "3");
    struct client *client = login(server, "dora");
    join(client, "one");
    join(client, "two");
    uint32_t three = join(client, "three");
    client_cmd(client, .type = MSG_JOIN, .join.room = slice_str("four"));
    expect_error(client, REASON_ROOMS_FULL, MSG_JOIN);
    client_cmd(client, .type = MSG_LEAVE, .leave.room = three);
    expect(client, MSG_LEFT);
    join(client, "four");
    barrier(client);
    server_stop(server);
}

Test(bad_input, one_client_too_many_is_told_so)
{
    struct server *server = server_start("--clients", "3");
    struct client *people[3];
    char name[8];
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "p%d", i);
        people[i] = login(server, name);
    }
    for (int i = 0; i < 5; i++) {
        struct client *late = client_open(server);
        const struct event *event = expect(late, MSG_GOAWAY);
        cr_assert_eq(event->goaway.reason, REASON_SERVER_FULL);
        cr_assert(event->goaway.text.len >= 10);
        expect_eof(late);
        client_close(late, false);
    }
    barrier(people[0]);
    server_stop(server);
}
