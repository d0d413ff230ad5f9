/* member.c -- a session's memberships: a short list, in the order of joining backwards. */
#include "shard/room.h"
#include "shard/session.h"
#include "shard/shard.h"

struct member *session_member_at(struct shard *shard, uint32_t index)
{
    return pool_at(&shard->members, index);
}

struct member *session_member(struct shard *shard, const struct session *session, uint32_t room)
{
    for (uint32_t i = session->first_member; i != POOL_NONE;) {
        struct member *member = session_member_at(shard, i);
        if (member->room == room && member->state != MEMBER_JOINING)
            return member;
        i = member->next;
    }
    return NULL;
}

struct member *session_member_add(struct shard *shard, struct session *session)
{
    uint32_t index;
    struct member *member = pool_get(&shard->members, &index);

    if (member == NULL)
        return NULL;
    memset(member, 0, sizeof(*member));
    member->state = MEMBER_JOINING;
    member->index = index;
    member->session = session->stream.slot;
    member->next = session->first_member;
    session->first_member = index;
    session->rooms++;
    return member;
}

void session_member_first(struct shard *shard, struct session *session, const struct member *member)
{
    uint32_t old_first = session->first_member, i = old_first;
    struct member *last = session_member_at(shard, i);

    if (i == member->index)
        return;
    while (last->next != member->index)
        last = session_member_at(shard, last->next);
    struct member *before = last;
    while (last->next != POOL_NONE)
        last = session_member_at(shard, last->next);
    last->next = old_first;
    before->next = POOL_NONE;
    session->first_member = member->index;
}

void session_member_free(struct shard *shard, struct session *session, struct member *member)
{
    uint32_t *at = &session->first_member;

    while (*at != member->index)
        at = &session_member_at(shard, *at)->next;
    *at = member->next;
    session->rooms--;
    pool_put(&shard->members, member->index);
}

void session_member_leave(struct shard *shard, struct session *session, struct member *member)
{
    if (member->room != 0) {
        struct xmsg *msg =
            shard_post(shard, (uint16_t)(member->room % shard->ports_count), XMSG_LEAVE);
        msg->room = member->room;
        msg->id = session->id;
        msg->flags = member->flags;
        msg->who = session_ref(shard, session);
        xnames_attach(&shard->vital, msg, session_name(session), slice_of(NULL, 0));
    }
    /* Else JOINED will find nobody, and answers.c sends the LEAVE then. */
    if (member->state != MEMBER_JOINING)
        room_leave(shard, member);
    session_member_free(shard, session, member);
}
