/* codec.c -- the protocols spoken here, and which of them the first bytes belong to. */
#include "proto/codec.h"

const struct codec *const codecs[CODEC_COUNT] = {
    [CODEC_NATIVE] = &codec_native,   [CODEC_WS_BIN] = &codec_ws_bin,
    [CODEC_WS_JSON] = &codec_ws_json, [CODEC_WS_ECHO] = &codec_ws_echo,
    [CODEC_HTTP] = &codec_http,
};

enum sniff codec_sniff(struct slice first, unsigned *index)
{
    bool more = false;

    for (unsigned i = 0; i < CODEC_COUNT; i++) {
        switch (codecs[i]->sniff ? codecs[i]->sniff(first) : SNIFF_NO) {
        case SNIFF_YES:
            *index = i;
            return SNIFF_YES;
        case SNIFF_MORE:
            more = true;
            break;
        case SNIFF_NO:
            break;
        }
    }
    /* A codec that is still undecided after this many bytes never will be. */
    return more && first.len < SNIFF_BYTES_MAX ? SNIFF_MORE : SNIFF_NO;
}

/* All that surrounds the slices of an event: for native frames the header, the fields of fixed
 * size and the length bytes of strings. The largest is MESSAGE with 45. */
#define FIXED_BYTES_MAX       64u /* and a WebSocket header instead of the length fits too */
#define ENTRY_FIXED_BYTES_MAX 16u

/* In MEMBERS only id and name count, and in PRESENCE old_name only for a rename: what does not
 * count may hold anything. */
static size_t people_bytes(const struct person *people, size_t count, bool presence)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += ENTRY_FIXED_BYTES_MAX + people[i].name.len;
        if (presence && people[i].kind == PRESENCE_RENAMED)
            bytes += people[i].old_name.len;
    }
    return bytes;
}

static size_t rooms_bytes(const struct room_entry *rooms, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += ENTRY_FIXED_BYTES_MAX + rooms[i].name.len;
    return bytes;
}

size_t encode_bytes_max(const struct event *event)
{
    size_t bytes = FIXED_BYTES_MAX;

    switch (event->type) {
    case MSG_MESSAGE:
        return bytes + event->message.name.len + event->message.body.len;
    case MSG_DIRECT_MESSAGE:
        return bytes + event->direct.name.len + event->direct.body.len;
    case MSG_WELCOME:
        return bytes + event->welcome.name.len + event->welcome.token.len +
               event->welcome.server.len;
    case MSG_JOINED:
        return bytes + event->joined.name.len;
    case MSG_NACK:
        return bytes + event->nack.text.len;
    case MSG_MEMBERS:
        return bytes + event->members.room.len +
               people_bytes(event->members.people, event->members.count, false);
    case MSG_ROOM_LIST:
        return bytes + rooms_bytes(event->room_list.rooms, event->room_list.count);
    case MSG_PRESENCE:
        return bytes + people_bytes(event->presence.people, event->presence.count, true);
    case MSG_GOAWAY:
        return bytes + event->goaway.text.len;
    case MSG_ERROR:
        return bytes + event->error.text.len;
    case MSG_NICKED:
        return bytes + event->nicked.name.len;
    default:
        return bytes;
    }
}
