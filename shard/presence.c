/* presence.c -- see presence.h. */
#include "shard/presence.h"

#include "shard/shard.h"

/* Rooms whose time has passed tell what they owe, at the end of this turn. */
static void next_fire(struct timer *timer)
{
    struct shard *shard = container_of(timer, struct shard, homes.presences.next);
    struct presences *presences = &shard->homes.presences;

    while (!list_empty(&presences->paced)) {
        struct home_room *room = list_entry(presences->paced.next, struct home_room, paced);
        if (room->paced_until_ms > shard->loop.now_ms) {
            timer_start(&shard->loop.wheel, timer, room->paced_until_ms);
            return;
        }
        list_del(&room->paced);
        if (room->presence_changed)
            home_mark(shard, room);
    }
}

/* The room has told its count, and owes nothing for a while. */
static void pace(struct shard *shard, struct home_room *room)
{
    struct presences *presences = &shard->homes.presences;

    if (shard->options->presence_ms == 0)
        return;
    room->paced_until_ms = shard->loop.now_ms + shard->options->presence_ms;
    list_del(&room->paced);
    list_add_tail(&presences->paced, &room->paced);
    if (!timer_running(&presences->next))
        timer_start(&shard->loop.wheel, &presences->next, room->paced_until_ms);
}

void presences_init(struct presences *presences)
{
    list_init(&presences->paced);
    timer_init(&presences->next, next_fire);
}

void presences_fini(struct shard *shard)
{
    timer_stop(&shard->loop.wheel, &shard->homes.presences.next);
}

/* Too large to list names. */
static bool room_large(const struct shard *shard, const struct home_room *room)
{
    return room->members > shard->options->presence_names_max;
}

void presence_close(struct shard *shard, struct home_room *room)
{
    struct xmsg msg = {.type = XMSG_PRESENCE, .room = room->id, .value = room->members};

    if (!room->presence_changed)
        return;
    if (room_large(shard, room)) {
        if (list_linked(&room->paced))
            return; /* owed: next_fire looks */
        pace(shard, room);
    }
    room->presence_changed = false;
    if (room->presence.segment != NULL)
        xwriter_attach(&room->presence, &msg);
    home_post(shard, room, &msg);
}

void presence_note(struct shard *shard, struct home_room *room, enum presence_kind kind,
                   uint64_t id, struct slice name, struct slice old_name)
{
    room->presence_changed = true;
    home_mark(shard, room);
    if (room_large(shard, room)) {
        if (list_linked(&room->paced))
            stats_add(shard->stats, STAT_PRESENCE_LATER, 1);
        /* Count only from here on, also for what this turn has named so far. */
        segment_put(room->presence.segment);
        room->presence = (struct xwriter){NULL, 0};
        return;
    }
    size_t tail = name.len + old_name.len;
    struct xperson *record =
        xwriter_reserve(&shard->vital, &room->presence, XRECORD_BYTES(struct xperson, tail));
    if (record == NULL)
        return; /* a run's worth of changes in one turn: the total is right all the same */
    *record = (struct xperson){.id = id,
                               .kind = (uint8_t)kind,
                               .name_bytes = (uint8_t)name.len,
                               .other_bytes = (uint8_t)old_name.len};
    memcpy(record + 1, name.data, name.len);
    if (old_name.len > 0)
        memcpy((uint8_t *)(record + 1) + name.len, old_name.data, old_name.len);
}
