/* room.c -- see room.h. */
#include "shard/room.h"

#include <errno.h>

#include "shard/session.h"
#include "shard/shard.h"

struct room *room_find(struct shard *shard, uint32_t id)
{
    for (struct map_node *node = map_first(&shard->rooms_by_id, id); node; node = map_next(node)) {
        struct room *room = container_of(node, struct room, by_id);
        if (room->id == id)
            return room;
    }
    return NULL;
}

static struct room *room_new(struct shard *shard, const struct xmsg *joined)
{
    uint32_t index;
    struct slice person, name;
    struct room *room = pool_get(&shard->rooms, &index);

    if (room == NULL)
        return NULL;
    memset(room, 0, sizeof(*room));
    xnames_of(joined, &person, &name);
    room->id = joined->room;
    room->index = index;
    room->home = (uint16_t)(joined->room % shard->ports_count);
    room->name_bytes = (uint8_t)name.len;
    memcpy(room->name, name.data, name.len);
    map_add(&shard->rooms_by_id, &room->by_id, room->id);
    return room;
}

static void room_free(struct shard *shard, struct room *room)
{
    for (unsigned i = 0; i < CODEC_FEEDS; i++)
        if (room->feeds[i].head != NULL)
            feed_fini(shard, &room->feeds[i]);
    map_remove(&shard->rooms_by_id, &room->by_id);
    pool_put(&shard->rooms, room->index);
}

int room_join(struct shard *shard, struct member *member, const struct xmsg *joined)
{
    const struct session *session = session_at(shard, member->session);
    struct room *room = room_find(shard, joined->room);

    if (room == NULL)
        room = room_new(shard, joined);
    if (room == NULL)
        return -ENOMEM;
    struct feed *feed = &room->feeds[session->codec];
    if (feed->head == NULL && feed_init(shard, feed, room, codecs[session->codec]) < 0) {
        if (room->members == 0)
            room_free(shard, room);
        return -ENOMEM;
    }
    struct slice person, name;
    room->total = xnames_of(joined, &person, &name)->members;
    room->members++;
    member->room = room->id;
    feed_join(shard, feed, member, joined->number);
    return 0;
}

void room_leave(struct shard *shard, struct member *member)
{
    struct feed *feed = member_feed(member);
    struct room *room = feed->room;

    feed_leave(shard, feed, member);
    if (--room->members == 0)
        room_free(shard, room);
}

static bool feed_read(const struct feed *feed)
{
    return feed->head != NULL && (feed->reading > 0 || feed->detached.head != POOL_NONE);
}

/* Of the room's feeds, the first one that anybody reads. */
static const struct feed *feed_first(const struct room *room)
{
    for (unsigned i = 0; i < CODEC_FEEDS; i++)
        if (feed_read(&room->feeds[i]))
            return &room->feeds[i];
    return NULL;
}

void room_events(struct shard *shard, const struct xmsg *msg)
{
    struct room *room = room_find(shard, msg->room);
    struct event event = {.type = MSG_MESSAGE};

    if (room == NULL)
        return; /* the last member left while the run was on its way */
    struct xtimed timed = msg->timed;
    if (unlikely(timed.received_ns != 0))
        stages_arrived(shard, &timed);
    room->total = (uint32_t)msg->number;
    event.message.room = msg->room;
    event.message.seq = msg->id;
    event.message.time_ms = msg->value;
    for (uint32_t at = 0; at < msg->length; event.message.seq++) {
        const struct xmessage *record = xmsg_record(msg, at);
        const uint8_t *tail = (const uint8_t *)(record + 1);
        event.message.sender = record->sender;
        event.message.msgid = record->msgid;
        event.message.name = slice_of(tail, record->name_bytes);
        event.message.body = slice_of(tail + record->name_bytes, record->body_bytes);
        /* A frame is about as long as its record; half as much again fits every format. */
        size_t expect = (msg->length - at) + (msg->length - at) / 2;
        for (unsigned i = 0; i < CODEC_FEEDS; i++)
            if (feed_read(&room->feeds[i]))
                feed_append(shard, &room->feeds[i], &event, expect);
        at += (uint32_t)XRECORD_BYTES(struct xmessage, record->name_bytes + record->body_bytes);
    }
    if (unlikely(timed.received_ns != 0))
        stages_encoded(shard, &timed, feed_first(room));
}

void room_presence(struct shard *shard, const struct xmsg *msg)
{
    struct room *room = room_find(shard, msg->room);
    struct person people[LIST_ENTRIES_MAX];
    struct event event = {.type = MSG_PRESENCE};
    uint32_t at = 0, left = msg->count;

    if (room == NULL)
        return;
    event.presence.room = msg->room;
    event.presence.members = room->total = (uint32_t)msg->value;
    event.presence.people = people;
    do {
        uint16_t count = 0;
        for (; left > 0 && count < LIST_ENTRIES_MAX; left--, count++) {
            const struct xperson *record = xmsg_record(msg, at);
            const uint8_t *tail = (const uint8_t *)(record + 1);
            people[count].kind = record->kind;
            people[count].id = record->id;
            people[count].name = slice_of(tail, record->name_bytes);
            people[count].old_name = slice_of(tail + record->name_bytes, record->other_bytes);
            at += (uint32_t)XRECORD_BYTES(struct xperson, record->name_bytes + record->other_bytes);
        }
        event.presence.count = count;
        for (unsigned i = 0; i < CODEC_FEEDS; i++)
            if (feed_read(&room->feeds[i]))
                feed_append(shard, &room->feeds[i], &event, 0);
    } while (left > 0);
}
