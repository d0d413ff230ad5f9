/* frame_cmd.c -- native frames from client to server, both ways.
 *
 * Reading happens in two steps, in this order: do the fields fit the frame (MALFORMED), and
 * is what they hold allowed (BAD_TEXT, NAME_…, BAD_TOKEN)? So a client with a broken encoder
 * hears about that rather than about the text it never meant to send.
 *
 * `ref` is set before either can fail, so that a refusal finds its way back to the request.
 */
#include "proto/frame.h"
#include "proto/frame_header.h"
#include "proto/text.h"

/* The hottest decoder: room and message id in one go, the rest is the body. */
static enum reason read_publish(struct reader *r, struct cmd *cmd)
{
    const uint8_t *p = reader_take(r, 4 + 8);
    if (unlikely(!p))
        return REASON_MALFORMED;
    cmd->publish.room = load_u32(p);
    cmd->publish.msgid = load_u64(p + 4);
    cmd->ref = cmd->publish.msgid;
    cmd->publish.body = reader_rest(r);
    return utf8_valid(cmd->publish.body) ? REASON_NONE : REASON_BAD_TEXT;
}

static enum reason read_direct(struct reader *r, struct cmd *cmd)
{
    cmd->direct.msgid = reader_u64(r);
    cmd->ref = cmd->direct.msgid;
    cmd->direct.to = reader_str8(r);
    cmd->direct.body = reader_rest(r);
    if (!reader_done(r))
        return REASON_MALFORMED;
    enum reason refused = name_check(cmd->direct.to, NAME_BYTES_MAX);
    if (refused)
        return refused;
    return utf8_valid(cmd->direct.body) ? REASON_NONE : REASON_BAD_TEXT;
}

static enum reason read_hello(struct reader *r, struct cmd *cmd)
{
    cmd->hello.features = reader_u32(r);
    cmd->hello.name = reader_str8(r);
    cmd->hello.token = reader_str8(r);
    if (!reader_done(r))
        return REASON_MALFORMED;
    if (cmd->hello.token.len != 0 && cmd->hello.token.len != TOKEN_BYTES)
        return REASON_BAD_TOKEN;
    return name_check(cmd->hello.name, NAME_BYTES_MAX);
}

static enum reason read_join(struct reader *r, struct cmd *cmd)
{
    cmd->join.flags = reader_u8(r);
    cmd->join.room = reader_str8(r);
    if (cmd->join.flags & JOIN_SINCE) {
        cmd->join.epoch = reader_u64(r);
        cmd->join.since = reader_u64(r);
    }
    if (!reader_done(r))
        return REASON_MALFORMED;
    return name_check(cmd->join.room, ROOM_BYTES_MAX);
}

static enum reason read_leave(struct reader *r, struct cmd *cmd)
{
    cmd->leave.room = reader_u32(r);
    cmd->ref = cmd->leave.room;
    return reader_done(r) ? REASON_NONE : REASON_MALFORMED;
}

static enum reason read_who(struct reader *r, struct cmd *cmd)
{
    cmd->who.room = reader_str8(r);
    return reader_done(r) ? name_check(cmd->who.room, ROOM_BYTES_MAX) : REASON_MALFORMED;
}

static enum reason read_nick(struct reader *r, struct cmd *cmd)
{
    cmd->nick.name = reader_str8(r);
    return reader_done(r) ? name_check(cmd->nick.name, NAME_BYTES_MAX) : REASON_MALFORMED;
}

/* Fills the member of the union that belongs to cmd->type. */
static enum reason read_cmd(struct reader *r, struct cmd *cmd)
{
    switch (cmd->type) {
    case MSG_PUBLISH:
        return read_publish(r, cmd);
    case MSG_DIRECT:
        return read_direct(r, cmd);
    case MSG_HELLO:
        return read_hello(r, cmd);
    case MSG_JOIN:
        return read_join(r, cmd);
    case MSG_LEAVE:
        return read_leave(r, cmd);
    case MSG_WHO:
        return read_who(r, cmd);
    case MSG_ROOMS:
        return reader_done(r) ? REASON_NONE : REASON_MALFORMED;
    case MSG_PING:
    case MSG_PONG: /* the same member under two names */
        cmd->ping.token = reader_u64(r);
        return reader_done(r) ? REASON_NONE : REASON_MALFORMED;
    case MSG_NICK:
        return read_nick(r, cmd);
    case MSG_WELCOME:
    case MSG_JOINED:
    case MSG_LEFT:
    case MSG_ACK:
    case MSG_NACK:
    case MSG_MESSAGE:
    case MSG_DIRECT_MESSAGE:
    case MSG_MEMBERS:
    case MSG_ROOM_LIST:
    case MSG_PRESENCE:
    case MSG_GAP:
    case MSG_GOAWAY:
    case MSG_ERROR:
    case MSG_NICKED:
        return REASON_WRONG_DIRECTION;
    case MSG_NONE:
        break;
    }
    return REASON_UNKNOWN_TYPE;
}

static void fill_cmd(struct frame *frame, struct cmd *cmd)
{
    memset(cmd, 0, sizeof(*cmd));
    cmd->type = (enum msg_type)frame->type;
    cmd->error = read_cmd(&frame->body, cmd);
    if (cmd->error == REASON_UNKNOWN_TYPE && (frame->flags & FRAME_FLAG_SKIP)) {
        cmd->type = MSG_NONE;
        cmd->error = REASON_NONE;
    }
}

int64_t frame_decode_cmd(uint32_t frame_bytes_max, struct slice in, struct cmd *cmd, size_t *want)
{
    struct frame frame;
    int64_t n = frame_read(frame_bytes_max, in, &frame, want);

    if (n > 0)
        fill_cmd(&frame, cmd);
    return n;
}

enum reason frame_decode_cmd_unframed(struct slice in, struct cmd *cmd)
{
    struct frame frame;
    enum reason fatal = frame_read_unframed(in, &frame);

    if (!fatal)
        fill_cmd(&frame, cmd);
    return fatal;
}

size_t frame_encode_cmd(const struct cmd *cmd, uint8_t *out, size_t cap)
{
    struct writer w = frame_start(out, cap);

    switch (cmd->type) {
    case MSG_HELLO:
        writer_u32(&w, cmd->hello.features);
        writer_str8(&w, cmd->hello.name);
        writer_str8(&w, cmd->hello.token);
        break;
    case MSG_JOIN:
        writer_u8(&w, cmd->join.flags);
        writer_str8(&w, cmd->join.room);
        if (cmd->join.flags & JOIN_SINCE) {
            writer_u64(&w, cmd->join.epoch);
            writer_u64(&w, cmd->join.since);
        }
        break;
    case MSG_LEAVE:
        writer_u32(&w, cmd->leave.room);
        break;
    case MSG_PUBLISH:
        writer_u32(&w, cmd->publish.room);
        writer_u64(&w, cmd->publish.msgid);
        writer_slice(&w, cmd->publish.body);
        break;
    case MSG_DIRECT:
        writer_u64(&w, cmd->direct.msgid);
        writer_str8(&w, cmd->direct.to);
        writer_slice(&w, cmd->direct.body);
        break;
    case MSG_WHO:
        writer_str8(&w, cmd->who.room);
        break;
    case MSG_ROOMS:
        break;
    case MSG_PING:
    case MSG_PONG:
        writer_u64(&w, cmd->ping.token);
        break;
    case MSG_NICK:
        writer_str8(&w, cmd->nick.name);
        break;
    default: /* the server's types */
        return 0;
    }
    return frame_finish(&w, out, cmd->type, 0);
}
