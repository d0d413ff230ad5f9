/* test_ws_mixed.c -- one room for all formats, on all shards: one order, equal bodies, nothing lost
 * or given twice, and no echo for who asked for none.
 */
#include "tests/e2e/ws_client.h"

#include <stdio.h>
#include <stdlib.h>

TestSuite(ws_mixed, .fini = harness_fini, .timeout = 120);

enum { SHARDS = 4, SPEECHES = 3, CLIENTS = SHARDS * SPEECHES };
enum { ROUNDS = 20, EACH = 10, ALL = ROUNDS * EACH * CLIENTS };

static const enum speech speeches[SPEECHES] = {NATIVE, WS_BIN, WS_JSON};

/* What one format writes as it is and another has to escape. */
#define P(text)                                   \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }
static const struct slice pieces[] = {
    P("plain "),
    P("\""),
    P("\\"),
    P("\\u0041\\\""),
    P("/\b\f\n\r\t"),
    P("\0\1\2\3\4\5\6\7\16\17\20\21\22\23\24\25\26\27\30\31\32\33\34\35\36\37"),
    P("\177"),
    P("\302\200\303\244\337\277"),                         /* 2 bytes */
    P("\340\240\200\342\202\254\355\237\277\356\200\200"), /* 3 bytes, around the surrogates */
    P("\357\277\275\357\277\276\357\277\277\357\273\277"), /* FFFD, FFFE, FFFF, FEFF */
    P("\342\200\250\342\200\251"),                         /* U+2028, U+2029 */
    P("\360\220\200\200\360\237\230\200\364\217\277\277"), /* 4 bytes */
    P("</script><b>&amp;'"),
    P("fifty bytes that need no escape, one after another"),
};

/* The body of a client's message, the same whenever it is asked for. */
static struct slice body_of(unsigned client, uint64_t msgid)
{
    static uint8_t body[BODY_BYTES_DEFAULT];
    uint32_t random = (uint32_t)(client * 7919 + msgid * 104729 + 1);
    size_t len = 0, most = msgid % 50 == 0 ? sizeof(body) : (size_t)(msgid * 37 % 400);

    for (;;) {
        random = random * 1664525 + 1013904223;
        struct slice piece = pieces[(random >> 16) % ARRAY_SIZE(pieces)];
        if (len + piece.len > most)
            break;
        memcpy(body + len, piece.data, piece.len);
        len += piece.len;
    }
    return slice_of(body, len);
}

struct member {
    struct client *client;
    uint32_t room;
    bool echo;
    uint64_t seq;   /* seen last */
    unsigned given; /* messages */
    unsigned acked;
};

struct room {
    struct member members[CLIENTS];
    struct {
        uint8_t author; /* 1 and so on; 0: nobody has seen it yet */
        uint64_t msgid;
    } messages[ALL + 1]; /* by number */
};

static unsigned author_of(const struct room *room, uint64_t sender)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        if (room->members[i].client->id == sender)
            return i;
    cr_assert_fail("a sender that is not here");
    return 0;
}

/* In order; between two numbers only a member's own may be missing, if it wants no echo. */
static void take_message(struct room *room, unsigned reader, const struct event *event)
{
    struct member *member = &room->members[reader];
    uint64_t seq = event->message.seq;
    unsigned author = author_of(room, event->message.sender);
    char name[16];

    cr_assert(seq > member->seq && seq <= ALL, "%llu after %llu", (unsigned long long)seq,
              (unsigned long long)member->seq);
    cr_assert(member->echo ? seq == member->seq + 1 : author != reader);
    member->seq = seq;
    member->given++;
    if (room->messages[seq].author == 0) {
        room->messages[seq].author = (uint8_t)(author + 1);
        room->messages[seq].msgid = event->message.msgid;
    }
    cr_assert_eq(room->messages[seq].author, author + 1, "another order");
    cr_assert_eq(room->messages[seq].msgid, event->message.msgid, "another order");
    cr_assert(slice_equal(event->message.body, body_of(author, event->message.msgid)),
              "number %llu: another body", (unsigned long long)seq);
    snprintf(name, sizeof(name), "m\303\244%u", author);
    assert_text(event->message.name, name);
    cr_assert_gt(event->message.time_ms, 1600000000000);
}

static void read_round(struct room *room, unsigned reader, unsigned rounds)
{
    struct member *member = &room->members[reader];
    unsigned all = rounds * EACH * (member->echo ? CLIENTS : CLIENTS - 1);

    while (member->given < all || member->acked < rounds * EACH) {
        const struct event *event = client_next_alive(member->client, WAIT_MS);
        cr_assert(event, "member %u: %u of %u messages", reader, member->given, all);
        if (event->type == MSG_ACK) {
            cr_assert_eq(event->ack.msgid, ++member->acked);
            continue;
        }
        cr_assert_eq(event->type, MSG_MESSAGE, "member %u: type %d", reader, (int)event->type);
        take_message(room, reader, event);
    }
}

Test(ws_mixed, one_order_and_equal_bodies_for_all_formats)
{
    struct room *room = calloc(1, sizeof(*room));
    struct server *server = server_start(NULL);
    char name[16];

    for (unsigned i = 0; i < CLIENTS; i++) {
        struct member *member = &room->members[i];
        snprintf(name, sizeof(name), "m\303\244%u", i);
        member->client =
            login_over(server, name, (int)(i % SHARDS), speeches[i / SHARDS % SPEECHES]);
        member->echo = i % 2 == 0;
        member->room = join_with(member->client, "lobby",
                                 member->echo ? JOIN_QUIET : JOIN_QUIET | JOIN_NO_ECHO);
        cr_assert_eq(member->room, room->members[0].room);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned k = 0; k < EACH; k++)
            for (unsigned i = 0; i < CLIENTS; i++) {
                struct client *client = room->members[i].client;
                uint64_t msgid = ++client->msgid;
                client_cmd(client, .type = MSG_PUBLISH,
                           .publish = {room->members[i].room, msgid, body_of(i, msgid)});
            }
        for (unsigned i = 0; i < CLIENTS; i++)
            read_round(room, i, round + 1);
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        barrier(room->members[i].client);
    server_stop(server);
    cr_expect_eq(server_counted(server, "gaps_told", REASON_NONE), 0);
    free(room);
}
