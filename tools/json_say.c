/* json_say.c -- see json_say.h. */
#include "tools/json_say.h"

#include "proto/wire.h"

static void put_string(struct writer *w, const char *key, struct slice s)
{
    static const char hex[] = "0123456789abcdef";
    size_t plain = 0;

    writer_text(w, key);
    writer_u8(w, '"');
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i];
        if (c >= ' ' && c != '"' && c != '\\')
            continue;
        writer_slice(w, slice_of(s.data + plain, i - plain));
        plain = i + 1;
        writer_text(w, c < ' ' ? "\\u00" : "\\");
        if (c < ' ') {
            writer_u8(w, (uint8_t)hex[c >> 4]);
            c = (uint8_t)hex[c & 0xF];
        }
        writer_u8(w, c);
    }
    if (s.len > plain)
        writer_slice(w, slice_of(s.data + plain, s.len - plain));
    writer_u8(w, '"');
}

static void put_u32(struct writer *w, const char *key, uint32_t value)
{
    writer_text(w, key);
    writer_decimal(w, value, 1);
}

/* Of 64 bits: a string. */
static void put_u64(struct writer *w, const char *key, uint64_t value)
{
    writer_text(w, key);
    writer_u8(w, '"');
    writer_decimal(w, value, 1);
    writer_u8(w, '"');
}

static void put_token(struct writer *w, struct slice token)
{
    static const char hex[] = "0123456789abcdef";

    writer_text(w, ",\"token\":\"");
    for (size_t i = 0; i < token.len; i++) {
        writer_u8(w, (uint8_t)hex[token.data[i] >> 4]);
        writer_u8(w, (uint8_t)hex[token.data[i] & 0xF]);
    }
    writer_u8(w, '"');
}

static bool write_fields(struct writer *w, const struct cmd *cmd)
{
    switch (cmd->type) {
    case MSG_HELLO:
        put_u32(w, ",\"features\":", cmd->hello.features);
        put_string(w, ",\"name\":", cmd->hello.name);
        put_token(w, cmd->hello.token);
        return true;
    case MSG_NICK:
        put_string(w, ",\"name\":", cmd->nick.name);
        return true;
    case MSG_JOIN:
        put_u32(w, ",\"flags\":", cmd->join.flags);
        put_string(w, ",\"room\":", cmd->join.room);
        if (cmd->join.flags & JOIN_SINCE) {
            put_u64(w, ",\"epoch\":", cmd->join.epoch);
            put_u64(w, ",\"since\":", cmd->join.since);
        }
        return true;
    case MSG_LEAVE:
        put_u32(w, ",\"room\":", cmd->leave.room);
        return true;
    case MSG_WHO:
        put_string(w, ",\"room\":", cmd->who.room);
        return true;
    case MSG_ROOMS:
        return true;
    case MSG_PUBLISH:
        put_u32(w, ",\"room\":", cmd->publish.room);
        put_u64(w, ",\"msgid\":", cmd->publish.msgid);
        put_string(w, ",\"body\":", cmd->publish.body);
        return true;
    case MSG_DIRECT:
        put_u64(w, ",\"msgid\":", cmd->direct.msgid);
        put_string(w, ",\"to\":", cmd->direct.to);
        put_string(w, ",\"body\":", cmd->direct.body);
        return true;
    case MSG_PING:
    case MSG_PONG:
        put_u64(w, ",\"token\":", cmd->ping.token);
        return true;
    default:
        return false;
    }
}

size_t json_say(const struct cmd *cmd, uint8_t *out, size_t cap)
{
    struct writer w = {.at = out, .left = cap};
    const char *name = msg_type_name(cmd->type);

    if (name == NULL)
        return 0;
    writer_text(&w, "{\"type\":\"");
    writer_text(&w, name);
    writer_u8(&w, '"');
    if (!write_fields(&w, cmd))
        return 0;
    writer_u8(&w, '}');
    return w.failed ? 0 : (size_t)(w.at - out);
}
