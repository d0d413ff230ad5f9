/* receiver_foreign.c -- clients of a receiver that listen to another server, in a dialect. */
#include <string.h>

#include "core/clock.h"
#include "tools/load/receiver_inside.h"

/* Some servers let ten connections wait to be accepted (ngIRCd) or a hundred (Mosquitto). Whoever
 * finds that queue full comes again after a second, and later after two and four. So few are on
 * their way at a time, and where that takes long for another reason, one more follows after a
 * moment. */
#define ARRIVING_MAX 8u
#define ARRIVING_NS  (5 * NS_PER_MS)

size_t load_receiver_foreign_greet(const struct load_receiver *receiver, uint32_t number,
                                   uint8_t *out)
{
    char name[LOAD_NAME_BYTES];
    load_nick(receiver->shared, 'c', number, name);
    return receiver->shared->dialect->greet(out, name);
}

static void ask_in(struct load_receiver *receiver, struct load_client *client)
{
    struct load_shared *shared = receiver->shared;
    char room[LOAD_NAME_BYTES];
    for (uint32_t n = 0; n < shared->plan.rooms_per_client; n++) {
        load_room_name(shared, load_plan_client_room(&shared->plan, client->number, n), room);
        if (!load_conversation_join(&client->conversation, shared->dialect, room, n))
            load_shared_fail(shared, "out of memory");
    }
}

static void joined(struct load_receiver *receiver, struct load_client *client,
                   const struct load_news *news)
{
    struct load_shared *shared = receiver->shared;
    uint32_t n = news->place != LOAD_PLACE_NONE
                     ? news->place
                     : load_receiver_place(receiver, client, load_room_of_name(shared, news->room));
    if (n >= shared->plan.rooms_per_client || client->members[n].next != 0) {
        load_shared_fail(shared, "the server confirmed a room that client %u had not asked for",
                         client->number);
        return;
    }
    uint32_t room = load_plan_client_room(&shared->plan, client->number, n);
    load_unnumbered_enter(&receiver->unnumbered[room], &client->members[n],
                          &receiver->crowds[room].room);
    load_receiver_entered(receiver, client, n);
}

/* Anything but a MESSAGE. */
static void heard(struct load_receiver *receiver, struct load_client *client,
                  struct load_news *news)
{
    struct load_shared *shared = receiver->shared;
    atomic_store_explicit(&shared->answered, true, memory_order_relaxed);
    if (!load_conversation_note(&client->conversation, shared->dialect, news)) {
        load_shared_fail(shared, "out of memory");
        return;
    }
    char words[LOAD_WHY_BYTES / 4];
    switch (news->type) {
    case NEWS_READY:
        ask_in(receiver, client);
        break;
    case NEWS_JOINED:
        joined(receiver, client, news);
        break;
    case NEWS_REFUSED:
        if (!receiver->running) {
            load_shown(news->body, words, sizeof(words));
            load_shared_fail(shared, "the server refused client %u: %s", client->number, words);
        }
        break;
    default:
        break;
    }
}

/* The room of this name. Names are read once for a run of messages to one room. */
static uint32_t room_named(struct load_receiver *receiver, struct slice name)
{
    if (likely(slice_equal(name, slice_of(receiver->recent_name, receiver->recent_name_len))))
        return receiver->recent_room;
    uint32_t room = load_room_of_name(receiver->shared, name);
    if (room != UINT32_MAX) {
        memcpy(receiver->recent_name, name.data, name.len);
        receiver->recent_name_len = name.len;
        receiver->recent_room = room;
    }
    return room;
}

/* The client's member in the room, or NULL when it is in none of that name. */
static struct load_member *member_in(struct load_receiver *receiver, struct load_client *client,
                                     uint32_t room)
{
    if (likely(client->recent != NULL && client->recent_id == room))
        return client->recent;
    uint32_t n = load_receiver_place(receiver, client, room);
    if (n >= receiver->shared->plan.rooms_per_client || client->members[n].next == 0)
        return NULL;
    client->recent_id = room;
    client->recent = &client->members[n];
    return client->recent;
}

static void message(struct load_receiver *receiver, struct load_client *client,
                    const struct load_news *news, uint64_t now_ns)
{
    uint32_t room = room_named(receiver, news->room);
    struct load_member *member = member_in(receiver, client, room);
    if (unlikely(member == NULL)) {
        receiver->check.counts.corrupt++;
        return;
    }
    load_unnumbered_message(&receiver->check, &receiver->unnumbered[room], member, news->body,
                            now_ns);
    load_receiver_mark(receiver, load_crowd_of(member));
    receiver->last_ns = now_ns;
}

void load_receiver_foreign_bytes(struct load_receiver *receiver, struct load_client *client,
                                 struct slice bytes)
{
    const struct load_dialect *dialect = receiver->shared->dialect;
    struct load_connection *connection = &client->connection;
    struct slice came = bytes;
    struct load_news news;
    char why[LOAD_WHY_BYTES / 2];
    /* One look for all messages of a buffer: they arrived together. */
    uint64_t now_ns = clock_monotonic_ns();
    int got;
    while ((got = load_conversation_next(dialect, connection, &bytes, &news)) > 0) {
        if (likely(news.type == NEWS_MESSAGE))
            message(receiver, client, &news, now_ns);
        else
            heard(receiver, client, &news);
    }
    if (got < 0) {
        load_dialect_explain(dialect, came, why, sizeof(why));
        load_receiver_cut_off(receiver, client, why, false);
        return;
    }
    load_conversation_flush(&client->conversation, &receiver->streams, connection);
}

void load_receiver_foreign_await(struct load_receiver *receiver, uint32_t opened)
{
    uint64_t rooms = receiver->shared->plan.rooms_per_client;
    uint64_t until_ns = clock_monotonic_ns() + ARRIVING_NS;
    receiver->nap_ns = ARRIVING_NS;
    while (receiver->joined + ARRIVING_MAX * rooms <= opened * rooms &&
           !load_door_stopped(&receiver->door) && clock_monotonic_ns() < until_ns) {
        int err = loop_turn(&receiver->loop);
        if (err < 0) {
            load_shared_fail(receiver->shared, "io_uring failed: %s", strerror(-err));
            break;
        }
    }
    receiver->nap_ns = 0;
}
