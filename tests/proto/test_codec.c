/* test_codec.c -- telling protocols apart, and bounds for buffers. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/proto/samples.h"

Test(codec, native_magic_decides)
{
    unsigned index = 99;
    uint8_t out[SAMPLE_BYTES_MAX];

    for (size_t i = 0; i < CMD_SAMPLES; i++) {
        size_t n = frame_encode_cmd(&cmd_samples[i].cmd, out, sizeof(out));
        for (size_t len = 0; len <= n; len++) {
            index = 99;
            enum sniff expected = len < 5 ? SNIFF_MORE : SNIFF_YES;
            cr_assert_eq(codec_sniff(slice_of(out, len), &index), expected);
            cr_assert_eq(index, expected == SNIFF_YES ? 0u : 99u);
        }
    }
    cr_assert_eq(codecs[0], &codec_native);
}

Test(codec, other_protocols_are_refused_at_once)
{
    unsigned index = 99;
    static const char *const strangers[] = {"get / HTTP/1.1\r\n", "GET\r\n",   "NICK bob\r\n",
                                            "\x16\x03\x01",       "{\"type\"", "\n"};
    for (size_t i = 0; i < ARRAY_SIZE(strangers); i++)
        cr_assert_eq(codec_sniff(slice_str(strangers[i]), &index), SNIFF_NO);
    cr_assert_eq(codec_sniff(slice_of("\0\0\0\x04\xC4", 5), &index), SNIFF_NO);
    cr_assert_eq(codec_sniff(slice_of("\0\0\0\x04G", 5), &index), SNIFF_NO);
    cr_assert_eq(codec_sniff(slice_of("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16), &index), SNIFF_NO);
    cr_assert_eq(index, 99);
}

/* An absurd length under the right magic is ours: the decoder then says what is wrong. */
Test(codec, length_does_not_matter_once_the_magic_is_there)
{
    unsigned index = 99;
    cr_assert_eq(codec_sniff(slice_of("\xFF\xFF\xFF\xFF\xC5", 5), &index), SNIFF_YES);
    cr_assert_eq(index, 0);
}

/* The buffer is exactly as large as promised, so that ASan sees a byte too many. */
static void assert_bound_holds(const struct event *event, const char *name)
{
    for (unsigned i = 0; i < CODEC_FEEDS; i++) {
        size_t max = codecs[i]->encode_bytes_max(event);
        uint8_t *out = malloc(max);
        cr_assert_gt(codecs[i]->encode(event, out, max), 0, "%s by %s", name, codecs[i]->name);
        free(out);
    }
}

/* Those with feeds can say every event; the others none, and have a farewell. */
Test(codec, table_is_in_order)
{
    for (unsigned i = 0; i < CODEC_COUNT; i++) {
        bool feeds = i < CODEC_FEEDS;
        cr_assert_eq(codecs[i]->encode != NULL, feeds, "%s", codecs[i]->name);
        cr_assert_eq(codecs[i]->encode_bytes_max != NULL, feeds);
        cr_assert_eq(codecs[i]->measure != NULL, feeds);
        cr_assert(feeds || codecs[i]->farewell);
        cr_assert_leq(codecs[i]->state_bytes, CODEC_STATE_BYTES_MAX);
    }
}

Test(codec, encode_bytes_max_is_enough_for_every_sample)
{
    for (size_t i = 0; i < EVENT_SAMPLES; i++)
        assert_bound_holds(&event_samples[i].event, event_samples[i].name);
}

Test(codec, encode_bytes_max_is_enough_at_the_limits)
{
    static uint8_t text[BODY_BYTES_CEILING];
    static struct person people[LIST_ENTRIES_MAX];
    static struct room_entry rooms[LIST_ENTRIES_MAX];
    memset(text, 1, sizeof(text)); /* which JSON has to escape, with six bytes */
    struct slice name = slice_of(text, NAME_BYTES_MAX), room = slice_of(text, ROOM_BYTES_MAX);
    for (size_t i = 0; i < LIST_ENTRIES_MAX; i++) {
        people[i] = (struct person){PRESENCE_RENAMED, UINT64_MAX, name, name};
        rooms[i] = (struct room_entry){UINT32_MAX, room};
    }
    struct event events[] = {
        {.type = MSG_MESSAGE,
         .message = {UINT32_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, name,
                     slice_of(text, sizeof(text))}},
        {.type = MSG_DIRECT_MESSAGE,
         .direct = {UINT64_MAX, UINT64_MAX, UINT64_MAX, .name = name,
                    .body = slice_of(text, sizeof(text))}},
        {.type = MSG_MEMBERS,
         .members = {.room = room, .count = LIST_ENTRIES_MAX, .people = people}},
        {.type = MSG_ROOM_LIST, .room_list = {.count = LIST_ENTRIES_MAX, .rooms = rooms}},
        {.type = MSG_PRESENCE, .presence = {.count = LIST_ENTRIES_MAX, .people = people}},
        {.type = MSG_NACK, .nack = {.text = slice_of(text, TEXT_BYTES_MAX)}},
        {.type = MSG_GAP, .gap = {UINT32_MAX, UINT64_MAX, UINT64_MAX, REASON_UNKNOWN_PROTOCOL}},
        {.type = MSG_JOINED, .joined = {UINT32_MAX, UINT64_MAX, UINT64_MAX, UINT32_MAX, room}},
        {.type = MSG_ERROR,
         .error = {REASON_UNKNOWN_PROTOCOL, MSG_DIRECT_MESSAGE, UINT64_MAX,
                   slice_of(text, TEXT_BYTES_MAX)}},
        {.type = MSG_WELCOME,
         .welcome = {.connection = UINT64_MAX,
                     .shard = UINT16_MAX,
                     .heartbeat_ms = UINT32_MAX,
                     .features = UINT32_MAX,
                     .body_bytes_max = UINT32_MAX,
                     .rooms_max = UINT16_MAX,
                     .name = name,
                     .token = slice_of(text, TOKEN_BYTES),
                     .server = slice_of(text, SERVER_BYTES_MAX)}},
    };
    uint8_t out[FRAME_BYTES_CEILING];
    for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
        assert_bound_holds(&events[i], "an event at the limits");
        size_t n = codec_native.encode(&events[i], out, sizeof(out));
        bool control = events[i].type != MSG_MESSAGE && events[i].type != MSG_DIRECT_MESSAGE;
        cr_assert_leq(n, control ? CONTROL_FRAME_BYTES_MAX : FRAME_BYTES_CEILING);
        if (events[i].type == MSG_MESSAGE)
            cr_assert_eq(n, MESSAGE_OVERHEAD_MAX + BODY_BYTES_CEILING);
    }
}

/* An entry of MEMBERS may leave old_name as it finds it. */
Test(codec, encode_bytes_max_reads_only_what_counts)
{
    struct person person = {.name = slice_str("bob"), .old_name = {NULL, SIZE_MAX / 2}};
    struct event event = {.type = MSG_MEMBERS, .members = {.count = 1, .people = &person}};
    cr_assert_lt(encode_bytes_max(&event), 1000);
    person.kind = PRESENCE_LEFT;
    event = (struct event){.type = MSG_PRESENCE, .presence = {.count = 1, .people = &person}};
    cr_assert_lt(encode_bytes_max(&event), 1000);
}
