/* gather.c -- see gather.h. */
#include "shard/gather.h"

#include "shard/dispatch.h"
#include "shard/room.h"
#include "shard/shard.h"

static struct gather *gather_new(struct shard *shard, struct session *session,
                                 const struct cmd *cmd)
{
    struct errand *errand = errand_at(shard, session);

    if (errand->gather != POOL_NONE) {
        session_refuse(shard, session, cmd, REASON_BUSY);
        return NULL;
    }
    struct gather *gather = pool_get(&shard->gathers, &errand->gather);
    if (gather == NULL) {
        errand->gather = POOL_NONE;
        session_refuse(shard, session, cmd, REASON_NO_MEMORY);
        return NULL;
    }
    memset(gather, 0, sizeof(*gather));
    gather->type = cmd->type;
    errand->pending++;
    return gather;
}

void gather_drop(struct shard *shard, struct session *session)
{
    if (errand_of(shard, session)->gather == POOL_NONE)
        return;
    struct errand *errand = errand_at(shard, session);
    pool_put(&shard->gathers, errand->gather);
    errand->gather = POOL_NONE;
    errand->pending--;
}

void gather_who(struct shard *shard, struct session *session, const struct cmd *cmd)
{
    struct gather *gather = gather_new(shard, session, cmd);
    struct slice name = cmd->who.room;

    if (gather == NULL)
        return;
    gather->room_bytes = (uint8_t)name.len;
    memcpy(gather->room, name.data, name.len);
    struct xmsg *msg =
        shard_post(shard, shard_home_of(shard, shard_room_hash(shard, name)), XMSG_WHO);
    msg->who = session_ref(shard, session);
    xnames_attach(&shard->vital, msg, slice_of(NULL, 0), name);
}

void gather_rooms(struct shard *shard, struct session *session, const struct cmd *cmd)
{
    if (gather_new(shard, session, cmd) == NULL)
        return;
    for (uint16_t to = 0; to < shard->ports_count; to++) {
        struct xmsg *msg = shard_post(shard, to, XMSG_ROOMS);
        msg->who = session_ref(shard, session);
    }
}

void gather_on_who(struct shard *shard, const struct xmsg *msg)
{
    struct slice nobody, name;
    uint32_t parts = 0;

    xnames_of(msg, &nobody, &name);
    const struct home_room *room = home_find_name(shard, name);
    if (room == NULL || room->members == 0) {
        struct xmsg *none = shard_post(shard, msg->who.port, XMSG_LIST);
        none->who = msg->who;
        none->cookie = 0; /* no parts: there is no such room */
        return;
    }
    for (unsigned word = 0; word < MESH_WORDS; word++)
        parts += (uint32_t)__builtin_popcountll(room->interest[word]);
    for (unsigned word = 0; word < MESH_WORDS; word++) {
        for (uint64_t bits = room->interest[word]; bits != 0; bits &= bits - 1) {
            uint16_t to = (uint16_t)(word * 64 + (unsigned)__builtin_ctzll(bits));
            struct xmsg *part = shard_post(shard, to, XMSG_WHO_PART);
            part->who = msg->who;
            part->room = room->id;
            part->cookie = parts;
            part->value = room->members;
        }
    }
}

static bool put_person(struct shard *shard, struct xwriter *writer, uint64_t id, struct slice name)
{
    struct xperson *record =
        xwriter_reserve(&shard->segments, writer, XRECORD_BYTES(struct xperson, name.len));

    if (record == NULL)
        return false;
    *record = (struct xperson){.id = id, .name_bytes = (uint8_t)name.len};
    memcpy(record + 1, name.data, name.len);
    return true;
}

static void put_members(struct shard *shard, struct xwriter *writer,
                        const struct member_list *members, uint32_t most)
{
    for (uint32_t i = members->head; i != POOL_NONE;) {
        const struct member *member = pool_at(&shard->members, i);
        i = member->feed_next;
        struct session *session = session_at(shard, member->session);
        if (writer->count >= most || !put_person(shard, writer, session->id, session_name(session)))
            return;
    }
}

/* A part goes out in any case, also when it is empty. count: what it stands for, listed or not. */
static void post_part(struct shard *shard, const struct xmsg *asked, uint32_t parts, uint64_t count,
                      struct xwriter *writer)
{
    struct xmsg *msg = shard_post(shard, asked->who.port, XMSG_LIST);

    msg->who = asked->who;
    msg->cookie = parts;
    msg->value = asked->value;
    msg->number = count;
    if (writer->segment != NULL)
        xwriter_attach(writer, msg);
}

void gather_on_who_part(struct shard *shard, const struct xmsg *msg)
{
    struct room *room = room_find(shard, msg->room);
    struct xwriter writer = {NULL, 0};
    uint32_t share = (uint32_t)shard->options->list_entries_max / msg->cookie + 1;

    for (unsigned i = 0; room != NULL && i < CODEC_FEEDS; i++) {
        if (room->feeds[i].head == NULL)
            continue;
        put_members(shard, &writer, &room->feeds[i].members, share);
        put_members(shard, &writer, &room->feeds[i].detached, share);
    }
    post_part(shard, msg, msg->cookie, room == NULL ? 0 : room->members, &writer);
}

/* Rooms by size, in powers of two: enough to give the large ones first without sorting. */
static unsigned size_class(const struct home_room *room)
{
    return 31u - (unsigned)__builtin_clz(room->members | 1);
}

static void put_rooms(struct shard *shard, struct xwriter *writer, unsigned least, unsigned most,
                      uint32_t share)
{
    for (struct map_node *n = map_walk(&shard->homes.by_id, NULL); n && writer->count < share;
         n = map_walk(&shard->homes.by_id, n)) {
        const struct home_room *room = container_of(n, struct home_room, by_id);
        unsigned size = size_class(room);
        if (room->members > 0 && size >= least && size <= most &&
            !put_person(shard, writer, room->members, slice_of(room->name, room->name_bytes)))
            return;
    }
}

void gather_on_rooms(struct shard *shard, const struct xmsg *msg)
{
    struct xwriter writer = {NULL, 0};
    uint32_t share = (uint32_t)shard->options->list_entries_max / shard->ports_count + 1;
    uint32_t sizes[32] = {0}, fit = 0;
    unsigned least = 32;

    for (struct map_node *n = map_walk(&shard->homes.by_id, NULL); n;
         n = map_walk(&shard->homes.by_id, n))
        sizes[size_class(container_of(n, struct home_room, by_id))]++;
    while (least > 0 && fit + sizes[least - 1] <= share)
        fit += sizes[--least];
    put_rooms(shard, &writer, least, 31, share);
    if (least > 0)
        put_rooms(shard, &writer, least - 1, least - 1, share);
    post_part(shard, msg, shard->ports_count, 0, &writer);
}

/* How many of the part's entries are told: the shares of all shards may be more than was asked. */
static uint32_t allowance(struct shard *shard, struct gather *gather, const struct xmsg *msg)
{
    uint32_t room = (uint32_t)shard->options->list_entries_max - gather->listed;
    uint32_t count = msg->count < room ? msg->count : room;

    gather->listed += count;
    return count;
}

static void tell_members(struct shard *shard, struct session *session, struct gather *gather,
                         const struct xmsg *msg, bool last)
{
    struct person people[LIST_ENTRIES_MAX];
    struct event event = {.type = MSG_MEMBERS};
    uint32_t left = allowance(shard, gather, msg), at = 0;

    /* The home's count until all have counted: it looked a little earlier than they. */
    event.members.total = last ? gather->total : (uint32_t)msg->value;
    event.members.room = slice_of(gather->room, gather->room_bytes);
    event.members.people = people;
    do {
        uint16_t count = 0;
        for (; left > 0 && count < LIST_ENTRIES_MAX; left--, count++) {
            const struct xperson *record = xmsg_record(msg, at);
            people[count] =
                (struct person){.id = record->id, .name = slice_of(record + 1, record->name_bytes)};
            at += (uint32_t)XRECORD_BYTES(struct xperson, record->name_bytes);
        }
        event.members.count = count;
        event.members.more = left > 0 || !last;
        session_tell(shard, session, &event);
    } while (left > 0);
}

static void tell_rooms(struct shard *shard, struct session *session, struct gather *gather,
                       const struct xmsg *msg, bool last)
{
    struct room_entry rooms[LIST_ENTRIES_MAX];
    struct event event = {.type = MSG_ROOM_LIST};
    uint32_t left = allowance(shard, gather, msg), at = 0;

    if (left == 0 && !last)
        return;
    /* Relaxed: a count, and the list is of a moment too. */
    event.room_list.total = atomic_load_explicit(&shard->server->rooms, memory_order_relaxed);
    event.room_list.rooms = rooms;
    do {
        uint16_t count = 0;
        for (; left > 0 && count < LIST_ENTRIES_MAX; left--, count++) {
            const struct xperson *record = xmsg_record(msg, at);
            rooms[count] = (struct room_entry){.members = (uint32_t)record->id,
                                               .name = slice_of(record + 1, record->name_bytes)};
            at += (uint32_t)XRECORD_BYTES(struct xperson, record->name_bytes);
        }
        event.room_list.count = count;
        event.room_list.more = left > 0 || !last;
        session_tell(shard, session, &event);
    } while (left > 0);
}

void gather_on_list(struct shard *shard, const struct xmsg *msg)
{
    struct session *session = session_find(shard, &msg->who);

    if (session == NULL || errand_of(shard, session)->gather == POOL_NONE)
        return;
    struct gather *gather = pool_at(&shard->gathers, errand_of(shard, session)->gather);
    gather->got++;
    bool last = gather->got >= msg->cookie;
    gather->total += (uint32_t)msg->number;
    if (msg->cookie == 0) {
        struct cmd cmd = {.type = MSG_WHO, .who.room = slice_of(gather->room, gather->room_bytes)};
        session_refuse(shard, session, &cmd, REASON_NO_SUCH_ROOM);
    } else if (gather->type == MSG_WHO) {
        tell_members(shard, session, gather, msg, last);
    } else {
        tell_rooms(shard, session, gather, msg, last);
    }
    /* Telling may have ended the session, and the gather with it. */
    if (last && errand_of(shard, session)->gather != POOL_NONE) {
        gather_drop(shard, session);
        session_answered(shard, session);
    }
}
