/* test_frame_event_read.c -- servers that get their events wrong, and the limits of those that do
 * not. */
#include <criterion/criterion.h>

#include "tests/proto/samples.h"

static struct event_lists lists;

static int64_t decode(struct slice in, struct event *event, size_t *want)
{
    return frame_decode_event(FRAME_BYTES_CEILING, in, event, &lists, want);
}

static int64_t decode_body(unsigned type, unsigned flags, const void *body, size_t len)
{
    static uint8_t out[FRAME_BYTES_CEILING];
    struct event event;
    size_t want;
    const uint8_t header[] = {0,
                              0,
                              (uint8_t)((len + 4) >> 8),
                              (uint8_t)(len + 4),
                              FRAME_MAGIC,
                              FRAME_VERSION,
                              (uint8_t)type,
                              (uint8_t)flags};
    memcpy(out, header, sizeof(header));
    memcpy(out + sizeof(header), body, len);
    int64_t n = decode(slice_of(out, sizeof(header) + len), &event, &want);
    if (n > 0 && flags & FRAME_FLAG_SKIP)
        cr_assert_eq(event.type, type == MSG_PRESENCE ? MSG_PRESENCE : MSG_NONE);
    return n;
}

struct refused_case {
    unsigned type, flags;
    const char *body;
    size_t len;
    enum reason reason; /* NONE: the frame is fine */
};

#define BYTES(text) (text), sizeof(text) - 1
#define ZERO8       "\0\0\0\0\0\0\0\0"
#define NAME33      "123456789012345678901234567890123"

static const struct refused_case refused[] = {
    {0x00, 0, BYTES(""), REASON_UNKNOWN_TYPE},
    {0x12, 0, BYTES(""), REASON_UNKNOWN_TYPE},
    {0xFF, 0x7F, BYTES(""), REASON_UNKNOWN_TYPE},
    {0x12, 0x80, BYTES("x"), REASON_NONE},
    {MSG_HELLO, 0, BYTES(""), REASON_WRONG_DIRECTION},
    {MSG_JOIN, 0, BYTES(""), REASON_WRONG_DIRECTION},
    {MSG_LEAVE, 0, BYTES(""), REASON_WRONG_DIRECTION},
    {MSG_PUBLISH, 0, BYTES(""), REASON_WRONG_DIRECTION},
    {MSG_DIRECT, 0, BYTES(""), REASON_WRONG_DIRECTION},
    {MSG_WHO, 0, BYTES(""), REASON_WRONG_DIRECTION},
    {MSG_ROOMS, 0x80, BYTES(""), REASON_WRONG_DIRECTION},
    {MSG_NICK, 0, BYTES(""), REASON_WRONG_DIRECTION},
    {MSG_NICKED, 0,
     BYTES("\x20"
           "12345678901234567890123456789012"),
     REASON_NONE},
    {MSG_NICKED, 0, BYTES("\x21" NAME33), REASON_MALFORMED},
    {MSG_NICKED, 0, BYTES("\1\xFF"), REASON_BAD_TEXT},
    {MSG_MESSAGE, 0, BYTES(ZERO8 ZERO8 ZERO8 ZERO8 "\0\0\0"), REASON_MALFORMED},
    {MSG_MESSAGE, 0, BYTES(ZERO8 ZERO8 ZERO8 ZERO8 "\0\0\0\0"), REASON_MALFORMED},
    {MSG_MESSAGE, 0, BYTES(ZERO8 ZERO8 ZERO8 ZERO8 "\0\0\0\0\0"), REASON_NONE},
    {MSG_MESSAGE, 0, BYTES(ZERO8 ZERO8 ZERO8 ZERO8 "\0\0\0\0\0\x80"), REASON_BAD_TEXT},
    {MSG_MESSAGE, 0, BYTES(ZERO8 ZERO8 ZERO8 ZERO8 "\0\0\0\0\1\x80"), REASON_BAD_TEXT},
    {MSG_MESSAGE, 0, BYTES(ZERO8 ZERO8 ZERO8 ZERO8 "\0\0\0\0\x21" NAME33), REASON_MALFORMED},
    {MSG_NACK, 0, BYTES(ZERO8 "\0\0\0\0\0\1\1"), REASON_NONE},
    {MSG_NACK, 0, BYTES(ZERO8 "\0\0\0\0\0\1\2"), REASON_MALFORMED},    /* may_retry: 2 */
    {MSG_LEFT, 0, BYTES("\0\0\0\7\xFF\xFF"), REASON_NONE},             /* a newer reason */
    {MSG_MEMBERS, 0, BYTES("\0\0\0\0\0\0\0\0"), REASON_NONE},          /* no entries */
    {MSG_MEMBERS, 0, BYTES("\2\0\0\0\0\0\0\0"), REASON_MALFORMED},     /* more: 2 */
    {MSG_MEMBERS, 0, BYTES("\0\0\0\0\0\0\0\1"), REASON_MALFORMED},     /* one, not there */
    {MSG_ROOM_LIST, 0, BYTES("\0\0\0\0\0\xFF\xFF"), REASON_MALFORMED}, /* 65535 */
    {MSG_PRESENCE, 0x80, BYTES(ZERO8 "\0\1\1" ZERO8 "\1a"), REASON_NONE},
    {MSG_PRESENCE, 0x80, BYTES(ZERO8 "\0\1\0" ZERO8 "\1a"), REASON_MALFORMED}, /* kind: 0 */
    {MSG_PRESENCE, 0x80, BYTES(ZERO8 "\0\1\4" ZERO8 "\1a"), REASON_MALFORMED}, /* kind: 4 */
    {MSG_PRESENCE, 0x80, BYTES(ZERO8 "\0\1\3" ZERO8 "\1a"), REASON_MALFORMED}, /* no old name */
};

Test(frame_event_read, servers_are_not_trusted)
{
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        const struct refused_case *c = &refused[i];
        int64_t expected = c->reason ? -(int64_t)c->reason : (int64_t)c->len + 8;
        cr_assert_eq(decode_body(c->type, c->flags, c->body, c->len), expected, "case %zu", i);
    }
}

Test(frame_event_read, welcome_token_has_0_or_16_bytes)
{
    uint8_t out[SAMPLE_BYTES_MAX];
    for (size_t len = 0; len <= 17; len++) {
        struct event decoded, event = {.type = MSG_WELCOME};
        event.welcome.token = slice_of("12345678901234567", len);
        size_t want, n = frame_encode_event(&event, out, sizeof(out));
        int64_t expected = len == 0 || len == 16 ? (int64_t)n : -REASON_MALFORMED;
        cr_assert_eq(decode(slice_of(out, n), &decoded, &want), expected, "%zu", len);
    }
}

Test(frame_event_read, lists_hold_as_many_entries_as_allowed_and_no_more)
{
    struct person people[LIST_ENTRIES_MAX + 1];
    struct room_entry rooms[LIST_ENTRIES_MAX + 1];
    static uint8_t out[FRAME_BYTES_CEILING];
    for (size_t i = 0; i < ARRAY_SIZE(people); i++) {
        people[i] = (struct person){.kind = PRESENCE_JOINED, .id = i, .name = slice_str("x")};
        rooms[i] = (struct room_entry){.members = (uint32_t)i, .name = slice_str("y")};
    }
    for (unsigned extra = 0; extra < 2; extra++) {
        uint16_t count = (uint16_t)(LIST_ENTRIES_MAX + extra);
        const struct event events[] = {
            {.type = MSG_MEMBERS, .members = {.count = count, .people = people}},
            {.type = MSG_ROOM_LIST, .room_list = {.count = count, .rooms = rooms}},
            {.type = MSG_PRESENCE, .presence = {.count = count, .people = people}},
        };
        for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
            struct event decoded;
            size_t want, n = frame_encode_event(&events[i], out, sizeof(out));
            int64_t expected = extra ? -REASON_MALFORMED : (int64_t)n;
            cr_assert_gt(n, 0);
            cr_assert_eq(decode(slice_of(out, n), &decoded, &want), expected);
        }
    }
    cr_assert_eq(lists.people[LIST_ENTRIES_MAX - 1].id, LIST_ENTRIES_MAX - 1);
    cr_assert_eq(lists.rooms[LIST_ENTRIES_MAX - 1].members, LIST_ENTRIES_MAX - 1);
}

Test(frame_event_read, text_and_body_have_limits)
{
    static uint8_t out[2 * FRAME_BYTES_CEILING], text[BODY_BYTES_CEILING + 1];
    memset(text, 'x', sizeof(text));
    struct {
        struct event event;
        struct slice *text;
        size_t max;
    } cases[] = {
        {.event = {.type = MSG_ERROR}, .max = TEXT_BYTES_MAX},
        {.event = {.type = MSG_GOAWAY}, .max = TEXT_BYTES_MAX},
        {.event = {.type = MSG_NACK}, .max = TEXT_BYTES_MAX},
        {.event = {.type = MSG_MESSAGE}, .max = BODY_BYTES_CEILING},
        {.event = {.type = MSG_DIRECT_MESSAGE}, .max = BODY_BYTES_CEILING},
    };
    cases[0].text = &cases[0].event.error.text;
    cases[1].text = &cases[1].event.goaway.text;
    cases[2].text = &cases[2].event.nack.text;
    cases[3].text = &cases[3].event.message.body;
    cases[4].text = &cases[4].event.direct.body;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct event decoded;
        size_t want;
        *cases[i].text = slice_of(text, cases[i].max);
        size_t n = frame_encode_event(&cases[i].event, out, sizeof(out));
        cr_assert_eq(decode(slice_of(out, n), &decoded, &want), (int64_t)n);
        cases[i].text->len++;
        n = frame_encode_event(&cases[i].event, out, sizeof(out));
        cr_assert_eq(decode(slice_of(out, n), &decoded, &want), -REASON_MALFORMED);
    }
}

Test(frame_event_read, names_at_their_limit_come_back)
{
    uint8_t out[SAMPLE_BYTES_MAX], text[SERVER_BYTES_MAX];
    memset(text, 'x', sizeof(text));
    struct slice name = slice_of(text, NAME_BYTES_MAX), room = slice_of(text, ROOM_BYTES_MAX);
    struct person person = {.id = 1, .name = name};
    struct person renamed = {.kind = PRESENCE_RENAMED, .id = 1, .name = name, .old_name = name};
    struct room_entry entry = {.members = 1, .name = room};
    struct slice token = slice_of(text, TOKEN_BYTES), server = slice_of(text, SERVER_BYTES_MAX);
    const struct event events[] = {
        {.type = MSG_WELCOME, .welcome = {.name = name, .token = token, .server = server}},
        {.type = MSG_JOINED, .joined = {.name = room}},
        {.type = MSG_NICKED, .nicked = {.name = name}},
        {.type = MSG_MESSAGE, .message = {.name = name}},
        {.type = MSG_DIRECT_MESSAGE, .direct = {.name = name}},
        {.type = MSG_MEMBERS, .members = {.room = room, .count = 1, .people = &person}},
        {.type = MSG_ROOM_LIST, .room_list = {.count = 1, .rooms = &entry}},
        {.type = MSG_PRESENCE, .presence = {.count = 1, .people = &renamed}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
        struct event decoded;
        size_t want, n = frame_encode_event(&events[i], out, sizeof(out));
        cr_assert_eq(decode(slice_of(out, n), &decoded, &want), (int64_t)n, "case %zu", i);
        cr_assert(same_event(&decoded, &events[i]), "case %zu", i);
    }
}

/* Every text of every event is checked for UTF-8, and every name for its length. */
Test(frame_event_read, no_text_escapes_the_checks)
{
    static uint8_t out[FRAME_BYTES_CEILING], text[256];
    struct person person = {.kind = PRESENCE_RENAMED};
    struct room_entry entry = {.members = 1};
    struct event e = {.type = MSG_NONE};
    const struct {
        enum msg_type type;
        struct slice *text;
        size_t max; /* 0: tested by text_and_body_have_limits */
    } cases[] = {
        {MSG_WELCOME, &e.welcome.name, NAME_BYTES_MAX},
        {MSG_WELCOME, &e.welcome.server, SERVER_BYTES_MAX},
        {MSG_JOINED, &e.joined.name, ROOM_BYTES_MAX},
        {MSG_NACK, &e.nack.text, 0},
        {MSG_MESSAGE, &e.message.name, NAME_BYTES_MAX},
        {MSG_MESSAGE, &e.message.body, 0},
        {MSG_DIRECT_MESSAGE, &e.direct.name, NAME_BYTES_MAX},
        {MSG_DIRECT_MESSAGE, &e.direct.body, 0},
        {MSG_GOAWAY, &e.goaway.text, 0},
        {MSG_ERROR, &e.error.text, 0},
        {MSG_NICKED, &e.nicked.name, NAME_BYTES_MAX},
        {MSG_MEMBERS, &e.members.room, ROOM_BYTES_MAX},
        {MSG_MEMBERS, &person.name, NAME_BYTES_MAX},
        {MSG_ROOM_LIST, &entry.name, ROOM_BYTES_MAX},
        {MSG_PRESENCE, &person.name, NAME_BYTES_MAX},
        {MSG_PRESENCE, &person.old_name, NAME_BYTES_MAX},
    };
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct event decoded;
        size_t want, n;
        e = (struct event){.type = cases[i].type};
        person.name = person.old_name = entry.name = slice_of(text, 0);
        if (e.type == MSG_MEMBERS) {
            e.members.count = 1;
            e.members.people = &person;
        } else if (e.type == MSG_ROOM_LIST) {
            e.room_list.count = 1;
            e.room_list.rooms = &entry;
        } else if (e.type == MSG_PRESENCE) {
            e.presence.count = 1;
            e.presence.people = &person;
        }
        *cases[i].text = slice_str("a\xFF");
        n = frame_encode_event(&e, out, sizeof(out));
        cr_assert_eq(decode(slice_of(out, n), &decoded, &want), -REASON_BAD_TEXT, "case %zu", i);
        if (cases[i].max == 0)
            continue;
        *cases[i].text = slice_of(text, cases[i].max);
        n = frame_encode_event(&e, out, sizeof(out));
        cr_assert_eq(decode(slice_of(out, n), &decoded, &want), (int64_t)n, "case %zu", i);
        cases[i].text->len++;
        n = frame_encode_event(&e, out, sizeof(out));
        cr_assert_eq(decode(slice_of(out, n), &decoded, &want), -REASON_MALFORMED, "case %zu", i);
    }
}

/* MESSAGE is the one event that is not cleared first: it must set every field itself. */
Test(frame_event_read, message_leaves_nothing_of_what_was_there)
{
    uint8_t out[SAMPLE_BYTES_MAX];
    struct event event, empty = {.type = MSG_MESSAGE};
    size_t want, n = frame_encode_event(&empty, out, sizeof(out));
    memset(&event, 0xEE, sizeof(event));
    cr_assert_eq(decode(slice_of(out, n), &event, &want), (int64_t)n);
    cr_assert(same_event(&event, &empty));
}

Test(frame_event_read, longer_than_this_client_takes_is_refused)
{
    uint8_t out[SAMPLE_BYTES_MAX];
    struct event event;
    size_t want, n = frame_encode_event(&event_samples[0].event, out, sizeof(out));
    struct slice in = slice_of(out, n);
    uint32_t max = (uint32_t)n;
    cr_assert_eq(frame_decode_event(max, in, &event, &lists, &want), (int64_t)n);
    cr_assert_eq(frame_decode_event(max - 1, in, &event, &lists, &want), -REASON_FRAME_TOO_LONG);
}

Test(frame_event_read, without_its_length_a_frame_says_the_same)
{
    uint8_t out[SAMPLE_BYTES_MAX];
    struct event event, other;
    size_t want;
    for (size_t i = 0; i < EVENT_SAMPLES; i++) {
        size_t n = frame_encode_event(&event_samples[i].event, out, sizeof(out));
        cr_assert_eq(decode(slice_of(out, n), &event, &want), (int64_t)n);
        cr_assert_eq(
            frame_decode_event_unframed(slice_of(out + FRAME_LENGTH_BYTES, n - FRAME_LENGTH_BYTES),
                                        &other, &lists),
            REASON_NONE);
        cr_assert(same_event(&event, &other));
    }
    cr_expect_eq(frame_decode_event_unframed(slice_of("\xC5\x01\x14", 3), &event, &lists),
                 REASON_LENGTH_ZERO);
    cr_expect_eq(frame_decode_event_unframed(slice_of("\xC4\x01\x14\x00", 4), &event, &lists),
                 REASON_BAD_MAGIC);
    cr_expect_eq(frame_decode_event_unframed(slice_of("\xC5\x02\x14\x00", 4), &event, &lists),
                 REASON_BAD_VERSION);
    cr_expect_eq(frame_decode_event_unframed(slice_of("\xC5\x01\x14\x00", 4), &event, &lists),
                 REASON_MALFORMED);
    cr_expect_eq(frame_decode_event_unframed(slice_of("\xC5\x01\x77\x80", 4), &event, &lists),
                 REASON_NONE);
    cr_expect_eq(event.type, MSG_NONE);
}
