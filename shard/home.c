/* home.c -- see home.h. */
#include "shard/home.h"

#include <errno.h>
#include <stdlib.h>

#include "core/clock.h"
#include "shard/probe.h"
#include "shard/shard.h"

static void room_free(struct shard *shard, struct home_room *room)
{
    if (list_linked(&room->empty)) {
        list_del(&room->empty);
        shard->homes.empties_count--;
    }
    list_del(&room->dirty);
    list_del(&room->paced);
    segment_put(room->run.segment);
    segment_put(room->presence.segment);
    map_remove(&shard->homes.by_id, &room->by_id);
    map_remove(&shard->homes.by_name, &room->by_name);
    shard->homes.count--;
    free(room);
}

/* Rooms with members are counted over all shards. Relaxed: nothing else hangs on the count. */
static void room_uncount(struct shard *shard)
{
    atomic_fetch_sub_explicit(&shard->server->rooms, 1, memory_order_relaxed);
}

/* Whether the server may have one more; then it has. */
static bool room_count(struct shard *shard)
{
    if (atomic_fetch_add_explicit(&shard->server->rooms, 1, memory_order_relaxed) <
        shard->options->rooms_max)
        return true;
    room_uncount(shard);
    return false;
}

static void empties_end(struct timer *timer)
{
    struct shard *shard = container_of(timer, struct shard, homes.empties_end);
    struct homes *homes = &shard->homes;

    while (!list_empty(&homes->empties)) {
        struct home_room *room = list_entry(homes->empties.next, struct home_room, empty);
        if (room->empty_until_ms > shard->loop.now_ms) {
            timer_start(&shard->loop.wheel, timer, room->empty_until_ms);
            return;
        }
        room_free(shard, room);
    }
}

/* The last member left: the room stays for a while, but counts no more. */
static void room_empty(struct shard *shard, struct home_room *room)
{
    struct homes *homes = &shard->homes;

    room_uncount(shard);
    if (homes->empties_count == ROOMS_EMPTY_MAX)
        room_free(shard, list_entry(homes->empties.next, struct home_room, empty));
    room->empty_until_ms = shard->loop.now_ms + ROOM_EMPTY_MS;
    list_add_tail(&homes->empties, &room->empty);
    homes->empties_count++;
    if (!timer_running(&homes->empties_end))
        timer_start(&shard->loop.wheel, &homes->empties_end, room->empty_until_ms);
}

int homes_init(struct shard *shard)
{
    struct homes *homes = &shard->homes;

    list_init(&homes->dirty);
    list_init(&homes->empties);
    timer_init(&homes->empties_end, empties_end);
    presences_init(&homes->presences);
    int err = map_init(&homes->by_id, 64);
    return err < 0 ? err : map_init(&homes->by_name, 64);
}

void homes_fini(struct shard *shard)
{
    struct homes *homes = &shard->homes;
    struct map_node *node;

    while (homes->by_id.buckets != NULL && (node = map_walk(&homes->by_id, NULL)) != NULL)
        room_free(shard, container_of(node, struct home_room, by_id));
    timer_stop(&shard->loop.wheel, &homes->empties_end);
    presences_fini(shard);
    map_fini(&homes->by_id);
    map_fini(&homes->by_name);
}

static struct home_room *find_id(struct shard *shard, uint32_t id)
{
    for (struct map_node *n = map_first(&shard->homes.by_id, id); n; n = map_next(n)) {
        struct home_room *room = container_of(n, struct home_room, by_id);
        if (room->id == id)
            return room;
    }
    return NULL;
}

struct home_room *home_find_name(struct shard *shard, struct slice name)
{
    uint64_t hash = shard_room_hash(shard, name);

    for (struct map_node *n = map_first(&shard->homes.by_name, hash); n; n = map_next(n)) {
        struct home_room *room = container_of(n, struct home_room, by_name);
        if (slice_equal(slice_of(room->name, room->name_bytes), name))
            return room;
    }
    return NULL;
}

static uint32_t next_id(struct shard *shard)
{
    uint32_t id;

    /* Ids come round after 2^32 / ports rooms; those still in use are passed over. */
    do {
        id = ++shard->homes.made * shard->ports_count + shard->index;
    } while (id < shard->ports_count || id % shard->ports_count != shard->index ||
             find_id(shard, id) != NULL);
    return id;
}

static struct home_room *room_new(struct shard *shard, struct slice name)
{
    struct homes *homes = &shard->homes;
    size_t bytes = sizeof(struct home_room) + shard->ports_count * sizeof(uint32_t);

    struct home_room *room = calloc(1, bytes);
    if (room == NULL)
        return NULL;
    room->id = next_id(shard);
    random_bytes(&room->epoch, sizeof(room->epoch));
    room->name_bytes = (uint8_t)name.len;
    memcpy(room->name, name.data, name.len);
    list_init(&room->dirty);
    list_init(&room->empty);
    list_init(&room->paced);
    map_add(&homes->by_id, &room->by_id, room->id);
    map_add(&homes->by_name, &room->by_name, shard_room_hash(shard, name));
    homes->count++;
    return room;
}

void home_mark(struct shard *shard, struct home_room *room)
{
    if (!list_linked(&room->dirty))
        list_add_tail(&shard->homes.dirty, &room->dirty);
}

void home_post(struct shard *shard, struct home_room *room, const struct xmsg *what)
{
    for (unsigned word = 0; word < MESH_WORDS; word++) {
        for (uint64_t bits = room->interest[word]; bits != 0; bits &= bits - 1) {
            uint16_t to = (uint16_t)(word * 64 + (unsigned)__builtin_ctzll(bits));
            struct xmsg *msg = shard_post(shard, to, what->type);
            *msg = *what;
            if (msg->payload != NULL)
                segment_ref(msg->payload);
        }
    }
    segment_put(what->payload);
}

static void close_run(struct shard *shard, struct home_room *room)
{
    struct xmsg msg = {.type = XMSG_EVENTS, .room = room->id, .number = room->members};

    if (room->run.segment == NULL)
        return;
    msg.timed = room->timed;
    room->timed = (struct xtimed){.received_ns = 0};
    msg.id = room->run_first;
    msg.value = shard->loop.realtime_ms;
    xwriter_attach(&room->run, &msg);
    PROBE(run, room->id, room->run_first, msg.count, room->members);
    home_post(shard, room, &msg);
}

bool homes_close(struct shard *shard)
{
    struct list *node;
    bool any = false;

    while ((node = list_pop(&shard->homes.dirty)) != NULL) {
        struct home_room *room = list_entry(node, struct home_room, dirty);
        close_run(shard, room);
        presence_close(shard, room);
        any = true;
    }
    return any;
}

static void refuse(struct shard *shard, const struct xmsg *join, struct slice name,
                   enum reason reason)
{
    struct xmsg *msg = shard_post(shard, join->who.port, XMSG_REFUSED);

    msg->who = join->who;
    msg->cookie = join->cookie;
    msg->value = reason;
    xnames_attach(&shard->vital, msg, slice_of(NULL, 0), name);
}

/* What a member that was here before has missed: JOINED's id is the first number of it. */
static void tell_missed(const struct home_room *room, const struct xmsg *join, struct xmsg *joined)
{
    bool same = join->value == room->epoch && join->number <= room->head;

    if (!(join->flags & JOIN_SINCE) || room->head == 0)
        return;
    if (same && join->number == room->head)
        return;
    joined->id = same ? join->number + 1 : 1;
    joined->count = same ? REASON_NOT_RETAINED : REASON_NEW_EPOCH;
}

/* The room for one more member: found, found empty, or made. NULL: *reason says why not. */
static struct home_room *room_enter(struct shard *shard, struct slice name, enum reason *reason)
{
    struct home_room *room = home_find_name(shard, name);

    if (room != NULL && room->members > 0) {
        *reason = REASON_ROOM_FULL;
        return room->members < shard->options->room_members_max ? room : NULL;
    }
    *reason = REASON_ROOM_LIMIT;
    if (!room_count(shard))
        return NULL;
    if (room != NULL) {
        list_del(&room->empty);
        shard->homes.empties_count--;
        return room;
    }
    *reason = REASON_NO_MEMORY;
    room = room_new(shard, name);
    if (room == NULL)
        room_uncount(shard);
    return room;
}

static void count_member(struct home_room *room, uint16_t port)
{
    room->counts[port]++;
    room->interest[port / 64] |= 1ull << (port % 64);
}

static void uncount_member(struct home_room *room, uint16_t port)
{
    CHECK(room->counts[port] > 0);
    if (--room->counts[port] == 0)
        room->interest[port / 64] &= ~(1ull << (port % 64));
}

/* Answers a JOIN or a MOVE. */
static struct xmsg *post_joined(struct shard *shard, const struct home_room *room,
                                const struct xmsg *asked, struct slice person)
{
    struct xmsg *joined = shard_post(shard, asked->who.port, XMSG_JOINED);

    joined->room = room->id;
    joined->who = asked->who;
    joined->cookie = asked->cookie;
    joined->flags = asked->flags;
    joined->value = room->epoch;
    joined->number = room->head;
    struct xnames *names =
        xnames_attach(&shard->vital, joined, person, slice_of(room->name, room->name_bytes));
    names->members = room->members;
    names->id = asked->id;
    return joined;
}

void home_join(struct shard *shard, const struct xmsg *msg)
{
    struct slice person, name;
    enum reason reason;

    xnames_of(msg, &person, &name);
    struct home_room *room = room_enter(shard, name, &reason);
    if (room == NULL) {
        refuse(shard, msg, name, reason);
        return;
    }
    close_run(shard, room);
    room->members++;
    count_member(room, msg->who.port);
    tell_missed(room, msg, post_joined(shard, room, msg, person));
    presence_note(shard, room, PRESENCE_JOINED, msg->id, person, slice_of(NULL, 0));
}

void home_leave(struct shard *shard, const struct xmsg *msg)
{
    struct home_room *room = find_id(shard, msg->room);
    struct slice person;

    CHECK(room != NULL);
    close_run(shard, room);
    room->members--;
    uncount_member(room, msg->who.port);
    if (room->members == 0) {
        room_empty(shard, room);
        return;
    }
    xnames_of(msg, &person, NULL);
    presence_note(shard, room, PRESENCE_LEFT, msg->id, person, slice_of(NULL, 0));
}

void home_move(struct shard *shard, const struct xmsg *msg)
{
    struct home_room *room = find_id(shard, msg->room);
    struct slice person;

    CHECK(room != NULL);
    close_run(shard, room);
    uncount_member(room, (uint16_t)msg->value);
    count_member(room, msg->who.port);
    xnames_of(msg, &person, NULL);
    struct xmsg *joined = post_joined(shard, room, msg, person);
    joined->flags = XJOINED_MOVED;
    if (msg->number <= room->head) {
        joined->id = msg->number;
        joined->count = REASON_AWAY;
    }
}

void home_rename(struct shard *shard, const struct xmsg *msg)
{
    struct home_room *room = find_id(shard, msg->room);
    struct slice name, old_name;

    CHECK(room != NULL);
    xnames_of(msg, &name, &old_name);
    presence_note(shard, room, PRESENCE_RENAMED, msg->id, name, old_name);
}

static struct xmessage *run_reserve(struct shard *shard, struct home_room *room, size_t bytes)
{
    struct xmessage *record = xwriter_reserve(&shard->segments, &room->run, bytes);

    if (record == NULL && room->run.segment != NULL) {
        close_run(shard, room);
        record = xwriter_reserve(&shard->segments, &room->run, bytes);
    }
    return record;
}

void home_publish(struct shard *shard, const struct xmsg *msg)
{
    for (uint32_t at = 0; at < msg->length;) {
        const struct xmessage *in = xmsg_record(msg, at);
        size_t bytes = XRECORD_BYTES(struct xmessage, in->name_bytes + in->body_bytes);
        struct home_room *room = find_id(shard, in->room);
        enum reason reason = REASON_NONE;
        uint64_t seq = 0;

        at += (uint32_t)bytes;
        if (room == NULL) {
            reason = REASON_NO_SUCH_ROOM;
        } else {
            struct xmessage *out = run_reserve(shard, room, bytes);
            if (out == NULL) {
                reason = REASON_NO_MEMORY;
            } else {
                seq = ++room->head;
                shard->homes.numbered++;
                if (room->run.count == 1)
                    room->run_first = seq;
                memcpy(out, in, bytes);
                PROBE(number, in->sender, in->msgid, in->room, seq);
                home_mark(shard, room);
            }
        }
        shard_receipt(shard, &in->who, in->room, in->msgid, seq, in->body_bytes, reason);
    }
    if (unlikely(msg->timed.received_ns != 0)) {
        const struct xmessage *first = xmsg_record(msg, 0);
        stages_numbered(shard, msg, find_id(shard, first->room));
    }
}
