/* dispatch.c -- commands of a client. The answers to them are in answers.c. */
#include "shard/dispatch.h"

#include "shard/gather.h"
#include "shard/probe.h"
#include "shard/refused.h"
#include "shard/room.h"
#include "shard/shard.h"

static void on_hello(struct shard *shard, struct session *session, const struct cmd *cmd)
{
    struct session_ref who = session_ref(shard, session);

    if (session->state != SESSION_NEW) {
        session_refuse(shard, session, cmd, REASON_HELLO_TWICE);
        return;
    }
    session->state = SESSION_NAMING;
    errand_at(shard, session)->pending++;
    session_block(shard, session, BLOCK_NAME);
    names_claim(shard, &who, session->id, cmd->hello.name, cmd->hello.token);
}

static void on_nick(struct shard *shard, struct session *session, const struct cmd *cmd)
{
    struct session_ref who = session_ref(shard, session);

    errand_at(shard, session)->pending++;
    session_block(shard, session, BLOCK_NAME);
    names_change(shard, &who, session->id, session_name(session), cmd->nick.name);
}

/* In the room already, or on the way into it. */
static bool joined(struct shard *shard, const struct session *session, struct slice name,
                   uint64_t hash)
{
    for (uint32_t i = session->first_member; i != POOL_NONE;) {
        const struct member *member = session_member_at(shard, i);
        if (member->state == MEMBER_JOINING) {
            if (member->next_seq == hash)
                return true;
        } else {
            const struct room *room = member_feed(member)->room;
            if (slice_equal(slice_of(room->name, room->name_bytes), name))
                return true;
        }
        i = member->next;
    }
    return false;
}

static void on_join(struct shard *shard, struct session *session, const struct cmd *cmd)
{
    struct slice name = cmd->join.room;
    uint64_t hash = shard_room_hash(shard, name);

    if (joined(shard, session, name, hash)) {
        session_refuse(shard, session, cmd, REASON_ALREADY_JOINED);
        return;
    }
    if (session->rooms >= shard->options->rooms_per_client_max) {
        session_refuse(shard, session, cmd, REASON_ROOMS_FULL);
        return;
    }
    struct member *member = shed_tight(shard) ? NULL : session_member_add(shard, session);
    if (member == NULL) {
        session_refuse(shard, session, cmd, REASON_NO_MEMORY);
        return;
    }
    member->flags = cmd->join.flags;
    member->next_seq = hash;
    errand_at(shard, session)->pending++;

    struct xmsg *msg = shard_post(shard, shard_home_of(shard, hash), XMSG_JOIN);
    msg->who = session_ref(shard, session);
    msg->id = session->id;
    msg->cookie = member->index;
    msg->flags = cmd->join.flags;
    msg->value = cmd->join.epoch;
    msg->number = cmd->join.since;
    xnames_attach(&shard->vital, msg, session_name(session), name);
}

static void on_leave(struct shard *shard, struct session *session, const struct cmd *cmd)
{
    struct member *member = session_member(shard, session, cmd->leave.room);
    struct event event = {.type = MSG_LEFT};

    if (member == NULL) {
        session_refuse(shard, session, cmd, REASON_NOT_JOINED);
        return;
    }
    session_member_leave(shard, session, member);
    event.left.room = cmd->leave.room;
    event.left.reason = REASON_NONE;
    session_tell(shard, session, &event);
}

/* One more request that a receipt will answer. */
static void charge(struct shard *shard, struct session *session)
{
    if (++errand_at(shard, session)->unacked >= shard->options->unacked_max)
        session_block(shard, session, BLOCK_CREDIT);
}

static void on_publish(struct shard *shard, struct session *session, const struct cmd *cmd)
{
    struct member *member = session_member(shard, session, cmd->publish.room);
    struct slice body = cmd->publish.body;

    if (member == NULL) {
        session_refuse(shard, session, cmd, REASON_NOT_JOINED);
        return;
    }
    if (body.len > shard->options->body_bytes_max) {
        session_refuse(shard, session, cmd, REASON_BODY_TOO_LONG);
        return;
    }
    uint64_t cost = purse_cost(body.len, member_feed(member)->room->total);
    if (!purse_affords(&shard->purses, cost)) {
        session_refuse(shard, session, cmd, REASON_TOO_EXPENSIVE);
        return;
    }
    struct xmessage *record =
        shard_publish(shard, member_feed(member)->room->home, session->name_bytes + body.len);
    if (record == NULL) {
        session_refuse(shard, session, cmd, REASON_NO_MEMORY);
        return;
    }
    *record = (struct xmessage){.sender = session->id,
                                .msgid = cmd->publish.msgid,
                                .who = session_ref(shard, session),
                                .room = member->room,
                                .body_bytes = (uint32_t)body.len,
                                .name_bytes = session->name_bytes};
    memcpy(record + 1, session->name, session->name_bytes);
    memcpy((uint8_t *)(record + 1) + session->name_bytes, body.data, body.len);
    PROBE(publish, session->id, cmd->publish.msgid, member->room, body.len);
    charge(shard, session);
    purse_charge(shard, session, cost);
}

static void on_direct(struct shard *shard, struct session *session, const struct cmd *cmd)
{
    struct slice to = cmd->direct.to, body = cmd->direct.body;
    struct xwriter writer = {NULL, 0};

    if (body.len > shard->options->body_bytes_max) {
        session_refuse(shard, session, cmd, REASON_BODY_TOO_LONG);
        return;
    }
    size_t bytes = XRECORD_BYTES(struct xdirect, session->name_bytes + to.len + body.len);
    struct xdirect *record = xwriter_reserve(&shard->segments, &writer, bytes);
    if (record == NULL) {
        session_refuse(shard, session, cmd, REASON_NO_MEMORY);
        return;
    }
    *record = (struct xdirect){.sender = session->id,
                               .msgid = cmd->direct.msgid,
                               .who = session_ref(shard, session),
                               .body_bytes = (uint32_t)body.len,
                               .name_bytes = session->name_bytes,
                               .to_bytes = (uint8_t)to.len};
    uint8_t *tail = (uint8_t *)(record + 1);
    memcpy(tail, session->name, session->name_bytes);
    memcpy(tail + session->name_bytes, to.data, to.len);
    memcpy(tail + session->name_bytes + to.len, body.data, body.len);
    struct xmsg *msg =
        shard_post(shard, shard_home_of(shard, shard_name_hash(shard, to)), XMSG_DIRECT);
    xwriter_attach(&writer, msg);
    charge(shard, session);
    purse_charge(shard, session, purse_cost(body.len, 1));
}

static void on_ping(struct shard *shard, struct session *session, const struct cmd *cmd)
{
    struct event event = {.type = MSG_PONG, .pong.token = cmd->ping.token};

    struct errand *errand = errand_at(shard, session);

    if (errand->unacked == 0) {
        session_tell(shard, session, &event);
        return;
    }
    errand->ping_token = cmd->ping.token;
    session_block(shard, session, BLOCK_PING);
}

void dispatch(struct shard *shard, struct session *session, const struct cmd *cmd)
{
    CHECK_SHARD(shard);
    if (cmd->type == MSG_NONE && cmd->error == REASON_NONE)
        return;
    if (cmd->error != REASON_NONE) {
        refused_record(shard, session, cmd);
        session_refuse(shard, session, cmd, cmd->error);
        return;
    }
    if (session->state != SESSION_LIVE && cmd->type != MSG_HELLO) {
        session_refuse(shard, session, cmd, REASON_HELLO_FIRST);
        return;
    }
    switch (cmd->type) {
    case MSG_HELLO:
        on_hello(shard, session, cmd);
        break;
    case MSG_JOIN:
        on_join(shard, session, cmd);
        break;
    case MSG_LEAVE:
        on_leave(shard, session, cmd);
        break;
    case MSG_PUBLISH:
        on_publish(shard, session, cmd);
        break;
    case MSG_DIRECT:
        on_direct(shard, session, cmd);
        break;
    case MSG_WHO:
        gather_who(shard, session, cmd);
        break;
    case MSG_ROOMS:
        gather_rooms(shard, session, cmd);
        break;
    case MSG_NICK:
        on_nick(shard, session, cmd);
        break;
    case MSG_PING:
        on_ping(shard, session, cmd);
        break;
    case MSG_PONG:
        break; /* that it came is all it says */
    default:
        CHECK(!"the codec let a type through that is no command");
    }
}
