/* test_any_server.c -- a server may be broken or evil: whatever it says, in whatever order, the
 * client neither falls over nor lets a control character through to the terminal. */
#include <criterion/criterion.h>

#include "core/clock.h"
#include "tools/chat.h"

static struct session session;
static struct chat chat;

static void on_send(void *ctx, const struct cmd *cmd)
{
    (void)ctx;
    (void)cmd;
}

static void on_tell(void *ctx, const struct note *note)
{
    (void)ctx;
    chat_note(&chat, note);
}

static void on_show(void *ctx, const char *line)
{
    (void)ctx;
    for (const char *byte = line; *byte != '\0'; byte++)
        cr_assert((unsigned char)*byte >= 0x20 && *byte != 0x7f, "%s", line);
    cr_assert_null(strstr(line, "\302\233"), "%s", line);
    cr_assert_null(strstr(line, "\342\200\256"), "%s", line);
}

/* An event with small numbers, so that they often hit something, and text that must not be shown
 * as it is. */
static void draw(const uint8_t dice[16], struct event *event, struct person *people,
                 struct room_entry *rooms)
{
    static const char *const texts[] = {"",       "lobby", "x\033[2J", "\302\233",
                                        "a\nb\r", "\177",  "a",        "\342\200\256"};
    struct slice text = slice_str(texts[dice[1] % ARRAY_SIZE(texts)]);

    for (unsigned i = 0; i < 3; i++) {
        people[i] = (struct person){(enum presence_kind)(1 + dice[3] % 3), dice[4 + i], text, text};
        rooms[i] = (struct room_entry){dice[3], text};
    }
    *event = (struct event){.type = (enum msg_type)(1 + dice[0] % MSG_NICKED)};
    switch (event->type) {
    case MSG_JOINED:
        event->joined = (typeof(event->joined)){
            .room = dice[5] % 4, .epoch = dice[6] % 2, .head = dice[7], .name = text};
        break;
    case MSG_LEFT:
        event->left = (typeof(event->left)){.room = dice[5] % 4};
        break;
    case MSG_MESSAGE:
        event->message = (typeof(event->message)){
            .room = dice[5] % 4, .seq = dice[7], .name = text, .body = text};
        break;
    case MSG_DIRECT_MESSAGE:
        event->direct = (typeof(event->direct)){.time_ms = UINT64_MAX, .name = text, .body = text};
        break;
    case MSG_ACK:
        event->ack = (typeof(event->ack)){.msgid = session.msgid - dice[5] % 4};
        break;
    case MSG_NACK:
        event->nack = (typeof(event->nack)){
            .msgid = session.msgid - dice[5] % 4, .reason = dice[6] % 24, .text = text};
        break;
    case MSG_MEMBERS:
        event->members = (typeof(event->members)){dice[5] & 1, dice[6], text, 3, people};
        break;
    case MSG_ROOM_LIST:
        event->room_list = (typeof(event->room_list)){dice[5] & 1, dice[6], 3, rooms};
        break;
    case MSG_PRESENCE:
        event->presence = (typeof(event->presence)){dice[5] % 4, dice[6], dice[7] % 4, people};
        break;
    case MSG_GAP:
        event->gap = (typeof(event->gap)){dice[5] % 4, dice[6], dice[7],
                                          dice[8] & 1 ? REASON_TOO_SLOW : REASON_NEW_EPOCH};
        break;
    case MSG_WELCOME:
        event->welcome = (typeof(event->welcome)){.features = dice[5] & WELCOME_RESUMED,
                                                  .body_bytes_max = 100,
                                                  .name = slice_str("anna"),
                                                  .token = slice_of(dice, dice[6] & TOKEN_BYTES)};
        break;
    case MSG_ERROR:
        event->error = (typeof(event->error)){.reason = dice[6] % 24,
                                              .about = (enum msg_type)(MSG_WELCOME + dice[7] % 24),
                                              .text = text};
        break;
    case MSG_GOAWAY:
        event->goaway = (typeof(event->goaway)){REASON_SHUTDOWN, dice[5], text};
        break;
    case MSG_NICKED:
        event->nicked = (typeof(event->nicked)){slice_str("bob")};
        break;
    default:
        break;
    }
}

Test(any_server, is_survived_whatever_it_says)
{
    static const char *const typed[] = {"hi",     "/join a", "/join b",    "/leave",  "/who",
                                        "/rooms", "/nick x", "/msg x hey", "/leave b"};
    struct session_config config = {.name = slice_str("anna"),
                                    .name_may_vary = true,
                                    .reconnect = true,
                                    .timeout_ms = 5000,
                                    .send = on_send,
                                    .tell = on_tell};
    struct event event = {.type = MSG_WELCOME};
    struct person people[3];
    struct room_entry rooms[3];
    uint64_t now = 1000;
    uint8_t dice[16];

    session_init(&session, &config, now);
    chat_init(&chat, &session, PAINT_NONE, on_show, NULL);
    session_tick(&session, now);
    session_connected(&session, now);
    event.welcome.name = slice_str("anna");
    session_event(&session, &event, now);
    for (unsigned round = 0; round < 50000; round++) {
        random_bytes(dice, sizeof(dice));
        now += dice[2];
        draw(dice, &event, people, rooms);
        session_event(&session, &event, now);
        session_tick(&session, now);
        if (session.state == SESSION_DIALING)
            session_connected(&session, now);
        if (dice[9] < 2)
            session_lost(&session, "gone", now);
        if (dice[10] < 40)
            chat_input(&chat, typed[dice[11] % ARRAY_SIZE(typed)]);
        cr_assert_neq(session.state, SESSION_OVER, "nothing here is final");
    }
    chat_fini(&chat);
}
