/* feed.c -- see feed.h. */
#include "shard/feed.h"

#include <errno.h>

#include "shard/room.h"
#include "shard/session.h"
#include "shard/shard.h"

/* A new link takes what is expected to follow, but no more than this, so that a lone slow
 * reader holds little. */
#define LINK_BYTES_MAX SEGMENT_CAPACITY_GROWN

void batch_add(struct batch *batch, struct segment *segment, const uint8_t *data, size_t len)
{
    struct flight *flight = batch->flight;

    flight->iov[flight->count].iov_base = (void *)(uintptr_t)data;
    flight->iov[flight->count].iov_len = len;
    flight->pins[flight->count++] = segment;
    batch->bytes += len;
}

static struct link *link_new(struct shard *shard, struct feed *feed, struct segment *segment,
                             uint64_t end_seq)
{
    uint32_t index;
    struct link *link = pool_get(&shard->links, &index);

    if (link == NULL)
        return NULL;
    *link = (struct link){.segment = segment, .end_seq = end_seq, .index = index, .feed = feed};
    return link;
}

int feed_init(struct shard *shard, struct feed *feed, struct room *room, const struct codec *codec)
{
    memset(feed, 0, sizeof(*feed));
    feed->room = room;
    feed->codec = codec;
    feed->members = feed->detached = (struct member_list){POOL_NONE, POOL_NONE};
    list_init(&feed->dirty);
    feed->head = feed->tail = link_new(shard, feed, NULL, 0);
    return feed->tail != NULL ? 0 : -ENOMEM;
}

static void drop_segment(struct shard *shard, struct feed *feed, struct link *link)
{
    if (link->segment == NULL)
        return;
    feed->bytes -= link->used;
    shard->feed_bytes -= link->used;
    segment_put(link->segment);
    link->segment = NULL;
}

static void drop_head(struct shard *shard, struct feed *feed)
{
    struct link *head = feed->head;

    CHECK(head->cursors == 0 && head != feed->tail);
    feed->head = head->next;
    drop_segment(shard, feed, head);
    pool_put(&shard->links, head->index);
}

/* Gives back whatever no cursor is in any more. */
static void release(struct shard *shard, struct feed *feed)
{
    while (feed->head != feed->tail && feed->head->cursors == 0)
        drop_head(shard, feed);
    if (feed->caught_up == feed->reading && feed->head == feed->tail)
        drop_segment(shard, feed, feed->tail);
}

void feed_fini(struct shard *shard, struct feed *feed)
{
    CHECK(feed->reading == 0 && feed->detached.head == POOL_NONE);
    release(shard, feed);
    pool_put(&shard->links, feed->tail->index);
    stages_forget(&shard->stages, feed);
    feed->head = feed->tail = NULL;
    list_del(&feed->dirty);
}

static bool caught_up(const struct member *member)
{
    return member->at->next == NULL && member->offset == member->at->used;
}

static struct member *member_at(struct shard *shard, uint32_t index)
{
    return pool_at(&shard->members, index);
}

static void list_in(struct shard *shard, struct member_list *list, struct member *member)
{
    member->feed_next = POOL_NONE;
    member->feed_prev = list->tail;
    if (list->tail == POOL_NONE)
        list->head = member->index;
    else
        member_at(shard, list->tail)->feed_next = member->index;
    list->tail = member->index;
}

static void list_out(struct shard *shard, struct member_list *list, struct member *member)
{
    if (member->feed_prev == POOL_NONE)
        list->head = member->feed_next;
    else
        member_at(shard, member->feed_prev)->feed_next = member->feed_next;
    if (member->feed_next == POOL_NONE)
        list->tail = member->feed_prev;
    else
        member_at(shard, member->feed_next)->feed_prev = member->feed_prev;
}

static void attach_at_tail(struct shard *shard, struct feed *feed, struct member *member)
{
    member->state = MEMBER_READING;
    member->at = feed->tail;
    member->offset = feed->tail->used;
    feed->tail->cursors++;
    feed->reading++;
    feed->caught_up++;
    list_in(shard, &feed->members, member);
}

void feed_join(struct shard *shard, struct feed *feed, struct member *member, uint64_t head)
{
    member->next_seq = head + 1;
    if (feed->last_seq < head)
        feed->last_seq = head;
    attach_at_tail(shard, feed, member);
}

static void detach(struct shard *shard, struct feed *feed, struct member *member,
                   enum reason reason)
{
    if (caught_up(member))
        feed->caught_up--;
    member->at->cursors--;
    member->fell_off = feed;
    member->state = MEMBER_DETACHED;
    member->gap_reason = (uint16_t)reason;
    feed->reading--;
    list_out(shard, &feed->members, member);
    list_in(shard, &feed->detached, member);
}

/* Falls off, and is told so when it can be. */
static void fall_off(struct shard *shard, struct feed *feed, struct member *member,
                     enum reason reason)
{
    detach(shard, feed, member, reason);
    shard->fallen++;
    flush_session(shard, session_at(shard, member->session));
}

void feed_park(struct shard *shard, struct feed *feed, struct member *member)
{
    if (member->state == MEMBER_READING)
        detach(shard, feed, member, REASON_AWAY);
    release(shard, feed);
}

void feed_leave(struct shard *shard, struct feed *feed, struct member *member)
{
    if (member->state == MEMBER_READING) {
        if (caught_up(member))
            feed->caught_up--;
        member->at->cursors--;
        feed->reading--;
        list_out(shard, &feed->members, member);
    } else {
        list_out(shard, &feed->detached, member);
    }
    release(shard, feed);
}

bool feed_reattach(struct shard *shard, struct member *member, uint64_t *from, uint64_t *to)
{
    CHECK(member->state == MEMBER_DETACHED);
    struct feed *feed = member->fell_off;
    *from = member->next_seq;
    *to = feed->last_seq;
    member->next_seq = feed->last_seq + 1;
    list_out(shard, &feed->detached, member);
    attach_at_tail(shard, feed, member);
    return *from <= *to;
}

/* Drops links until the feed holds at most bytes_max; blocked says whether only members with a
 * blocked send may be detached. */
static void trim(struct shard *shard, struct feed *feed, size_t bytes_max, bool only_blocked,
                 enum reason reason)
{
    while (feed->bytes > bytes_max && feed->head != feed->tail) {
        struct link *head = feed->head;
        uint32_t left = head->cursors;
        for (uint32_t i = feed->members.head; i != POOL_NONE && left > 0;) {
            struct member *member = member_at(shard, i);
            i = member->feed_next;
            if (member->at != head)
                continue;
            left--;
            if (!only_blocked || session_sending(shard, member->session))
                fall_off(shard, feed, member, reason);
        }
        if (head->cursors > 0)
            return;
        drop_head(shard, feed);
    }
    release(shard, feed);
}

void feed_trim(struct shard *shard, struct feed *feed, size_t bytes_max)
{
    trim(shard, feed, bytes_max, true, REASON_TOO_SLOW);
}

void feed_shed(struct shard *shard, struct feed *feed)
{
    trim(shard, feed, 0, true, REASON_NO_MEMORY);
}

/* Nobody can be given this event: all who read will be told what they missed. */
static void miss(struct shard *shard, struct feed *feed)
{
    while (feed->members.head != POOL_NONE)
        fall_off(shard, feed, member_at(shard, feed->members.head), REASON_NO_MEMORY);
    release(shard, feed);
}

static struct link *grow(struct shard *shard, struct feed *feed, const struct event *event,
                         size_t expect)
{
    bool presence = event->type == MSG_PRESENCE;
    size_t most = size_min(LINK_BYTES_MAX, size_max(shard->options->feed_bytes_max / 4, 1024));
    size_t wanted =
        size_max(feed->codec->encode_bytes_max(event), presence ? 0 : size_min(expect, most));
    struct segment *segment = segment_get(&shard->segments, wanted);

    if (segment == NULL) {
        /* At the ceiling: what laggards hold goes first. */
        trim(shard, feed, 0, false, REASON_NO_MEMORY);
        segment = segment_get(&shard->segments, feed->codec->encode_bytes_max(event));
        if (segment == NULL)
            return NULL;
    }
    struct link *link = link_new(shard, feed, segment, feed->last_seq + 1);
    if (link == NULL) {
        segment_put(segment);
        return NULL;
    }
    link->presence = presence;
    feed->tail->next = link;
    feed->tail = link;
    return link;
}

void feed_append(struct shard *shard, struct feed *feed, const struct event *event, size_t expect)
{
    struct link *tail = feed->tail;
    size_t written = 0;
    bool presence = event->type == MSG_PRESENCE;

    if (feed->reading == 0) {
        if (!presence)
            feed->last_seq = event->message.seq;
        return; /* all have fallen off: GAP will tell them */
    }
    if (tail->segment != NULL && tail->presence == presence)
        written = feed->codec->encode(event, tail->segment->bytes + tail->used,
                                      tail->segment->capacity - tail->used);
    if (written == 0) {
        tail = grow(shard, feed, event, expect);
        if (tail == NULL) {
            if (!presence)
                feed->last_seq = event->message.seq;
            miss(shard, feed);
            return;
        }
        written = feed->codec->encode(event, tail->segment->bytes, tail->segment->capacity);
        CHECK(written > 0);
    }
    tail->used += (uint32_t)written;
    feed->bytes += written;
    shard->feed_bytes += written;
    feed->caught_up = 0;
    if (!presence) {
        feed->last_seq = event->message.seq;
        tail->end_seq = event->message.seq + 1;
    }
    if (feed->reading == 0)
        release(shard, feed); /* making room detached them all */
    flush_feed(shard, feed);
}

/* The frames of one link that are not the member's own, in as few pieces as possible. Returns
 * whether the link was finished. */
static bool take_without_own(struct member *member, uint64_t own, struct batch *batch)
{
    struct link *link = member->at;
    const struct codec *codec = link->feed->codec;
    const uint8_t *base = link->segment->bytes;
    uint32_t from = member->offset, at = from;

    while (at < link->used) {
        uint64_t sender;
        size_t len = codec->measure(slice_of(base + at, link->used - at), &sender);
        CHECK(len > 0 && len <= link->used - at);
        if (from == at && batch_full(batch) && sender != own)
            return false;
        if (sender == own) {
            if (at > from)
                batch_add(batch, segment_ref(link->segment), base + from, at - from);
            from = at + (uint32_t)len;
        }
        at += (uint32_t)len;
        member->offset = at;
        member->next_seq++;
        batch->messages += sender != own;
    }
    if (at > from)
        batch_add(batch, segment_ref(link->segment), base + from, at - from);
    return true;
}

/* What the cursor has left in its link. Returns whether the link was finished. */
static bool take_link(struct member *member, uint64_t own, struct batch *batch)
{
    struct link *link = member->at;

    if (member->offset == link->used)
        return true;
    if (link->presence) {
        if (!(member->flags & JOIN_QUIET)) {
            if (batch_full(batch))
                return false;
            batch_add(batch, segment_ref(link->segment), link->segment->bytes + member->offset,
                      link->used - member->offset);
        }
    } else if (member->flags & JOIN_NO_ECHO) {
        return take_without_own(member, own, batch);
    } else {
        if (batch_full(batch))
            return false;
        batch_add(batch, segment_ref(link->segment), link->segment->bytes + member->offset,
                  link->used - member->offset);
        batch->messages += link->end_seq - member->next_seq;
        member->next_seq = link->end_seq;
    }
    member->offset = link->used;
    return true;
}

bool feed_take(struct shard *shard, struct member *member, uint64_t own, struct batch *batch)
{
    struct feed *feed = member_feed(member);

    if (caught_up(member))
        return true;
    while (take_link(member, own, batch)) {
        struct link *link = member->at;
        if (link->next == NULL) {
            feed->caught_up++;
            release(shard, feed);
            return true;
        }
        link->cursors--;
        member->at = link->next;
        member->at->cursors++;
        member->offset = 0;
        if (link == feed->head && link->cursors == 0)
            drop_head(shard, feed);
    }
    return false;
}
