/* test_connection.c -- frames come out whole, however the bytes arrive. */
#include "tools/load/connection.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/load/upgrade.h"

/* Three frames of different lengths, back to back. */
static size_t some_frames(uint8_t *out, size_t cap, size_t lengths[3])
{
    size_t used = 0;
    static const size_t bodies[3] = {0, 1000, 77};
    static uint8_t text[1000];
    memset(text, 'x', sizeof(text));
    for (unsigned i = 0; i < 3; i++) {
        struct event event = {.type = MSG_MESSAGE,
                              .message = {.room = i, .body = slice_of(text, bodies[i])}};
        lengths[i] = frame_encode_event(&event, out + used, cap - used);
        used += lengths[i];
    }
    return used;
}

Test(load_connection, frames_survive_every_cut)
{
    uint8_t bytes[2000];
    size_t lengths[3];
    size_t total = some_frames(bytes, sizeof(bytes), lengths);
    for (size_t step = 1; step <= total; step++) {
        struct load_connection connection = {.carry = NULL};
        struct slice frame;
        unsigned frames = 0;
        size_t expected = 0;
        for (size_t at = 0; at < total; at += step) {
            struct slice in = slice_of(bytes + at, size_min(step, total - at));
            int got;
            while ((got = load_connection_next(&connection, &in, &frame)) > 0) {
                cr_assert_lt(frames, 3);
                cr_assert_eq(frame.len + FRAME_LENGTH_BYTES, lengths[frames], "step %zu", step);
                cr_assert_eq(memcmp(frame.data, bytes + expected + FRAME_LENGTH_BYTES, frame.len),
                             0);
                cr_assert_eq(load_frame_type(frame), MSG_MESSAGE);
                expected += lengths[frames];
                frames++;
            }
            cr_assert_eq(got, 0);
            cr_assert_eq(in.len, 0);
        }
        cr_assert_eq(frames, 3, "step %zu: %u frames", step, frames);
        load_connection_fini(&connection);
    }
}

Test(load_connection, what_is_no_frame_is_refused)
{
    static const char *const wrong[] = {
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "\x00\x00\x00\x03\xC5\x01\x0A\x00",     /* shorter than its header */
        "\x00\x00\x00\x04\xC4\x01\x0A\x00",     /* magic */
        "\x00\x00\x00\x04\xC5\x02\x0A\x00",     /* version */
        "\x7F\x00\x00\x04\xC5\x01\x0A\x00 ...", /* longer than any frame */
    };
    static const size_t lengths[] = {28, 8, 8, 8, 12};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct load_connection connection = {.carry = NULL};
        struct slice frame, in = slice_of(wrong[i], lengths[i]);
        cr_expect_eq(load_connection_next(&connection, &in, &frame), -1, "case %zu", i);
        load_connection_fini(&connection);
    }
}

Test(load_connection, greetings_are_what_a_server_reads)
{
    uint8_t bytes[LOAD_HELLO_BYTES + LOAD_JOIN_BYTES];
    struct cmd cmd;
    size_t want;
    size_t used = load_hello(LOAD_NATIVE, bytes, "load-1-c1");
    cr_assert_eq(frame_decode_cmd(FRAME_BYTES_CEILING, slice_of(bytes, used), &cmd, &want),
                 (int64_t)used);
    cr_expect_eq(cmd.type, MSG_HELLO);
    cr_expect_eq(cmd.error, REASON_NONE);
    cr_expect(slice_equal(cmd.hello.name, slice_str("load-1-c1")));

    used = load_join(LOAD_NATIVE, bytes, "load-1-r0", JOIN_QUIET);
    cr_assert_eq(frame_decode_cmd(FRAME_BYTES_CEILING, slice_of(bytes, used), &cmd, &want),
                 (int64_t)used);
    cr_expect_eq(cmd.type, MSG_JOIN);
    cr_expect_eq(cmd.error, REASON_NONE);
    cr_expect_eq(cmd.join.flags, JOIN_QUIET);
}

/* The other end of a connection that is being upgraded, and the connection. */
static struct load_connection upgrading(enum load_wire wire, struct slice opening, int *peer)
{
    struct load_connection connection = {.carry = NULL};
    struct load_upgrade *upgrade;
    int ends[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    connection.stream.fd = ends[0];
    *peer = ends[1];
    cr_assert_eq(load_connection_speak(ends[0], wire, opening, &upgrade), 0);
    load_connection_begin(&connection, wire, upgrade);
    return connection;
}

static void upgraded_fini(struct load_connection *connection, int peer)
{
    close(connection->stream.fd);
    close(peer);
    load_connection_fini(connection);
}

static const struct codec *codec_of(enum load_wire wire)
{
    return wire == LOAD_WS ? &codec_ws_bin : &codec_ws_json;
}

/* The answer to the request that the peer has got, and some events behind it. */
static size_t answer_and_events(int peer, enum load_wire wire, uint8_t *out, size_t cap)
{
    static const struct event events[] = {
        {.type = MSG_PING, .ping = {0x0102030405060708}},
        {.type = MSG_ACK, .ack = {.room = 7, .msgid = 8, .seq = 9}},
        {.type = MSG_LEFT, .left = {.room = 7, .reason = REASON_NO_MEMORY}},
    };
    static uint8_t text[70000];
    struct event message = {.type = MSG_MESSAGE, .message = {.room = 1}};
    uint8_t request[1024];
    struct http_request read;
    size_t want;
    ssize_t got = recv(peer, request, sizeof(request), 0);
    cr_assert_gt(got, 0);
    cr_assert_eq(http_read(slice_of(request, (size_t)got), &read, &want), got);
    size_t used = http_write_switch(read.key, read.protocol, 0, out, cap);
    for (size_t i = 0; i < ARRAY_SIZE(events); i++)
        used += codec_of(wire)->encode(&events[i], out + used, cap - used);
    used += ws_write_control(WS_PONG, slice_str("unasked"), out + used, cap - used);
    memset(text, 'x', sizeof(text));
    static const size_t lengths[] = {0, 60, 200, 32768};
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        message.message.body = slice_of(text, lengths[i]);
        used += codec_of(wire)->encode(&message, out + used, cap - used);
    }
    used += ws_write_close(4002, slice_str("shutdown"), out + used, cap - used);
    memcpy(out + used, "whatever", 8);
    return used + 8;
}

Test(load_connection, websocket_survives_every_cut)
{
    static const enum msg_type types[] = {MSG_PING,    MSG_ACK,     MSG_LEFT,    MSG_MESSAGE,
                                          MSG_MESSAGE, MSG_MESSAGE, MSG_MESSAGE, MSG_GOAWAY};
    static uint8_t bytes[40000];
    static struct event_lists lists;
    static const size_t steps[] = {1, 2, 3, 5, 7, 64, 131, 1000, 4096, sizeof(bytes)};
    for (unsigned n = 0; n < 2 * ARRAY_SIZE(steps); n++) {
        enum load_wire wire = n % 2 == 0 ? LOAD_WS : LOAD_WS_JSON;
        size_t step = steps[n / 2], frames = 0;
        int peer;
        struct load_connection connection = upgrading(wire, slice_str("opening"), &peer);
        size_t total = answer_and_events(peer, wire, bytes, sizeof(bytes));
        for (size_t at = 0; at < total; at += step) {
            struct slice frame, in = slice_of(bytes + at, size_min(step, total - at));
            int got;
            while ((got = load_connection_next(&connection, &in, &frame)) > 0) {
                struct event event;
                cr_assert_lt(frames, ARRAY_SIZE(types));
                cr_assert(load_connection_read(&connection, frame, &event, &lists));
                cr_assert_eq(event.type, types[frames], "step %zu, frame %zu", step, frames);
                if (event.type == MSG_PING)
                    cr_expect_eq(event.ping.token, 0x0102030405060708);
                if (event.type == MSG_GOAWAY)
                    cr_expect_eq(event.goaway.reason, REASON_SHUTDOWN);
                frames++;
            }
            cr_assert_eq(got, 0, "step %zu, at %zu", step, at);
            cr_assert_eq(in.len, 0);
        }
        cr_expect_eq(frames, ARRAY_SIZE(types), "step %zu", step);
        cr_expect_eq(connection.close_code, 4002);
        /* What was kept until the answer, and the close frame's answer. */
        uint8_t said[64];
        ssize_t len = recv(peer, said, sizeof(said), MSG_DONTWAIT);
        cr_assert_eq(len, 7 + 2 + 4 + 2);
        cr_expect_eq(memcmp(said, "opening", 7), 0);
        cr_expect_eq(said[7], 0x88);
        upgraded_fini(&connection, peer);
    }
}

Test(load_connection, a_close_frame_has_nothing_to_add_to_goaway)
{
    static struct event_lists lists;
    uint8_t bytes[1024];
    int peer;
    struct load_connection connection = upgrading(LOAD_WS, slice_str("x"), &peer);
    struct slice frame, in;
    struct event event = {.type = MSG_GOAWAY, .goaway = {.reason = REASON_SHED}};
    connection.cut = LOAD_CUT_WS;
    size_t used = codec_ws_bin.encode(&event, bytes, sizeof(bytes));
    used += ws_write_close(REASON_SHED, slice_str("shed"), bytes + used, sizeof(bytes) - used);
    in = slice_of(bytes, used);
    cr_assert_eq(load_connection_next(&connection, &in, &frame), 1);
    cr_assert(load_connection_read(&connection, frame, &event, &lists));
    cr_expect_eq(load_connection_next(&connection, &in, &frame), 0);
    char how[128];
    load_connection_ended(&connection, how, sizeof(how));
    cr_expect_str_eq(how, "the server closed the WebSocket with code 4012, shed");
    upgraded_fini(&connection, peer);
}

Test(load_connection, what_breaks_the_rules_of_websocket_is_refused)
{
    static const struct {
        enum load_wire wire;
        const char *bytes;
        size_t len;
    } cases[] = {
        {LOAD_WS, "\x82\x84????\xC5\x01\x14\x00", 10},             /* a key */
        {LOAD_WS, "\x02\x04\xC5\x01\x14\x00....", 10},             /* a part */
        {LOAD_WS, "\x80\x04\xC5\x01\x14\x00....", 10},             /* another part */
        {LOAD_WS, "\xC2\x04\xC5\x01\x14\x00....", 10},             /* a reserved bit */
        {LOAD_WS, "\x81\x04\xC5\x01\x14\x00....", 10},             /* text */
        {LOAD_WS_JSON, "\x82\x04{  }......", 10},                  /* binary */
        {LOAD_WS, "\x83\x04\xC5\x01\x14\x00....", 10},             /* a reserved opcode */
        {LOAD_WS, "\x82\x7E\x00\x04\xC5\x01\x14\x00..", 10},       /* more length than needed */
        {LOAD_WS, "\x82\x7F\x00\x00\x00\x00\x00\x00\x80\x00", 10}, /* likewise */
        {LOAD_WS, "\x82\x7F\x80\x00\x00\x00\x00\x00\x00\x00", 10}, /* longer than any */
        {LOAD_WS, "\x82\x00........", 10},                         /* nothing */
        {LOAD_WS_JSON, "\x81\x00........", 10},                    /* nothing */
        {LOAD_WS_JSON, "\x81\x08nonsense", 10},                    /* no event */
        {LOAD_WS_JSON, "\x81\x06\xC5\x01\x14\x00....", 10},        /* a frame as text */
        {LOAD_WS, "\x89\x04ping....", 10},                         /* not our server's ping */
        {LOAD_WS, "\xC8\x00........", 10},                         /* close, a reserved bit */
        {LOAD_WS, "\x08\x00........", 10},                         /* close, in parts */
        {LOAD_WS, "\x88\x01x.......", 10},                         /* close, half a code */
        {LOAD_WS, "\x8B\x00........", 10},                         /* a reserved word */
        {LOAD_WS, "\x89\x7E\x00\x7E......", 10},                   /* a word too long */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int peer;
        struct load_connection connection = upgrading(cases[i].wire, slice_str("x"), &peer);
        struct slice frame, in = slice_of(cases[i].bytes, cases[i].len);
        char why[256];
        connection.cut = LOAD_CUT_WS;
        cr_expect_eq(load_connection_next(&connection, &in, &frame), -1, "case %zu", i);
        free(connection.upgrade);
        connection.upgrade = NULL;
        load_connection_explain(&connection, slice_of(cases[i].bytes, cases[i].len), why,
                                sizeof(why));
        cr_expect_not_null(strstr(why, "rules of WebSocket"));
        upgraded_fini(&connection, peer);
    }
}

Test(load_connection, a_server_of_another_kind_is_told_by_its_answer)
{
    static const struct {
        const char *answer;
        size_t len;
        const char *sentence;
    } cases[] = {
        {"HTTP/1.1 404 Not Found\r\n\r\n", 26,
         "there is no WebSocket of an Uproar server at /ws: \"HTTP/1.1 404 Not Found\""},
        {"HTTP/1.1 101 Fine\r\n\r\n", 21, "the answer to the upgrade is wrong"},
        {"\x00\x00\x00\x10\xC5\x01\x17\x00\x11\x99", 10, "try --protocol native"},
        {"-ERR unknown command\r\n", 22, "try --protocol redis"},
        {"220 mail.example ESMTP\r\n", 24, "does not speak ws: \"220 mail"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int peer;
        struct load_connection connection = upgrading(LOAD_WS, slice_str("x"), &peer);
        struct slice frame, came = slice_of(cases[i].answer, cases[i].len), in = came;
        char why[256];
        cr_expect_eq(load_connection_next(&connection, &in, &frame), -1, "case %zu", i);
        load_connection_explain(&connection, came, why, sizeof(why));
        cr_expect_not_null(strstr(why, cases[i].sentence), "%s", why);
        upgraded_fini(&connection, peer);
    }
}

Test(load_connection, a_server_that_is_full_says_so_before_there_is_a_websocket)
{
    static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\n\r\nbusy";
    static struct event_lists lists;
    int peer;
    struct load_connection connection = upgrading(LOAD_WS_JSON, slice_str("x"), &peer);
    struct slice frame, in = slice_str(full);
    struct event event;
    cr_assert_eq(load_connection_next(&connection, &in, &frame), 1);
    cr_assert(load_connection_read(&connection, frame, &event, &lists));
    cr_expect_eq(event.type, MSG_GOAWAY);
    cr_expect_eq(event.goaway.reason, REASON_SERVER_FULL);
    cr_expect_eq(event.goaway.reconnect_after_ms, 2000);
    cr_expect_eq(load_connection_next(&connection, &in, &frame), 0);
    upgraded_fini(&connection, peer);
}

Test(load_connection, who_has_said_fin_before_the_answer_has_nothing_more_to_say)
{
    static const char more[] = "whatever";
    uint8_t bytes[40000];
    int peer;
    struct load_connection connection = upgrading(LOAD_WS, slice_str("x"), &peer);
    size_t total = answer_and_events(peer, LOAD_WS, bytes, sizeof(bytes));
    struct slice frame, in = slice_of(bytes, total);
    shutdown(connection.stream.fd, SHUT_WR);
    cr_expect_eq(load_connection_next(&connection, &in, &frame), 0);
    in = slice_str(more);
    cr_expect_eq(load_connection_next(&connection, &in, &frame), 0);
    cr_expect_eq(in.len, 0);
    upgraded_fini(&connection, peer);
}

Test(load_connection, goodbye_is_a_close_frame_with_1000)
{
    uint8_t said[LOAD_REQUEST_BYTES];
    int peer;
    struct load_connection connection = upgrading(LOAD_WS, slice_str("x"), &peer);
    cr_assert_gt(recv(peer, said, sizeof(said), 0), 0);
    load_connection_bye(&connection); /* there is none yet */
    cr_expect_eq(recv(peer, said, sizeof(said), MSG_DONTWAIT), -1);
    connection.cut = LOAD_CUT_WS;
    load_connection_bye(&connection);
    cr_assert_eq(recv(peer, said, sizeof(said), MSG_DONTWAIT), 2 + 4 + 2);
    ws_mask(span_of(said + 6, 2), said + 2);
    cr_expect_eq(said[6] << 8 | said[7], 1000);
    load_connection_bye(&connection);
    cr_expect_eq(recv(peer, said, sizeof(said), MSG_DONTWAIT), -1);
    upgraded_fini(&connection, peer);
}
