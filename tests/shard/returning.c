/* returning.c -- see returning.h. */
#include "tests/shard/returning.h"

#include "tests/shard/peer.h"

void hello_with(struct client *client, struct slice name, const struct token *token)
{
    client_say(client, .type = MSG_HELLO, .hello.name = name,
               .hello.token = slice_of(token->bytes, TOKEN_BYTES));
}

struct client *login_for(unsigned shard, struct slice name, struct token *token)
{
    struct client *client = client_open(shard);

    client_say(client, .type = MSG_HELLO, .hello.name = name);
    const struct event *event = expect(client, MSG_WELCOME);
    cr_assert_eq(event->welcome.features & WELCOME_RESUMED, 0);
    cr_assert_eq(event->welcome.token.len, TOKEN_BYTES);
    memcpy(token->bytes, event->welcome.token.data, TOKEN_BYTES);
    return client;
}

struct client *resumed(unsigned shard, struct slice name, const struct token *token, uint64_t id)
{
    struct client *client = client_open(shard);

    hello_with(client, name, token);
    const struct event *event = expect(client, MSG_WELCOME);
    cr_assert(event->welcome.features & WELCOME_RESUMED);
    cr_assert_eq(event->welcome.connection, id);
    cr_assert_eq(event->welcome.shard, shard);
    cr_assert(slice_equal(event->welcome.name, name));
    cr_assert(slice_equal(event->welcome.token, slice_of(token->bytes, TOKEN_BYTES)));
    return client;
}

uint32_t join_seeing(struct client *client, struct slice room)
{
    uint32_t number = join_with(client, room, 0);

    expect(client, MSG_PRESENCE);
    return number;
}

void reset(struct client *client)
{
    peer_will_reset(client->fd);
    client_close(client);
    world_settle();
}

void expect_replaced(struct client *client)
{
    unsigned goaways = 0;

    while (client_next(client) != NULL) {
        if (client->event.type != MSG_GOAWAY)
            continue;
        goaways++;
        cr_assert_eq(client->event.goaway.reason, REASON_REPLACED);
        cr_assert_eq(client->event.goaway.reconnect_after_ms, 0);
    }
    cr_assert_eq(goaways, 1);
    cr_assert(client->eof);
}

static struct heard *find_id(struct told *told, uint32_t room)
{
    for (unsigned i = 0; i < told->joined; i++)
        if (told->rooms[i].room == room)
            return &told->rooms[i];
    return NULL;
}

static void hear_joined(struct told *told, const struct event *event)
{
    struct heard *heard = &told->rooms[told->joined];

    cr_assert_lt(told->joined, ARRAY_SIZE(told->rooms));
    cr_assert_null(find_id(told, event->joined.room), "joined twice");
    *heard = (struct heard){.room = event->joined.room,
                            .members = event->joined.members,
                            .head = event->joined.head,
                            .name.len = (uint8_t)event->joined.name.len};
    memcpy(heard->name.bytes, event->joined.name.data, event->joined.name.len);
    told->joined++;
}

static void hear_gap(struct told *told, const struct event *event)
{
    struct heard *heard = find_id(told, event->gap.room);

    cr_assert_not_null(heard, "a GAP before its JOINED");
    cr_assert_eq(event->gap.reason, REASON_AWAY);
    cr_assert_leq(event->gap.from, event->gap.to);
    cr_assert_eq(event->gap.to, heard->head);
    heard->gap_from = event->gap.from;
    heard->gap_to = event->gap.to;
    heard->gaps++;
}

void hear_all(struct client *client, struct told *told)
{
    told->joined = told->messages = told->left = told->errors = told->others = 0;
    for (const struct event *event; (event = client_next(client)) != NULL;) {
        if (event->type == MSG_JOINED)
            hear_joined(told, event);
        else if (event->type == MSG_GAP)
            hear_gap(told, event);
        else if (event->type == MSG_MESSAGE)
            told->messages++;
        else if (event->type == MSG_LEFT)
            told->left++;
        else if (event->type == MSG_ERROR)
            told->errors++;
        else
            told->others++;
    }
}

const struct heard *heard_room(const struct told *told, struct slice name)
{
    for (unsigned i = 0; i < told->joined; i++)
        if (slice_equal(slice_of(told->rooms[i].name.bytes, told->rooms[i].name.len), name))
            return &told->rooms[i];
    return NULL;
}

uint32_t names_in_use(unsigned shards)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < shards; i++)
        count += world_shard(i)->names.entries.in_use;
    return count;
}

uint32_t members_in_use(unsigned shards)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < shards; i++)
        count += world_shard(i)->members.in_use;
    return count;
}
