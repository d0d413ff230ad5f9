/* msg.c -- what message types are called. */
#include "proto/cmd.h"

#define NAMED(name) [MSG_##name] = {#name, sizeof(#name) - 1}

static const struct {
    const char *name;
    size_t len;
} names[] = {
    NAMED(HELLO),     NAMED(WELCOME),        NAMED(JOIN), NAMED(JOINED),  NAMED(LEAVE),
    NAMED(LEFT),      NAMED(PUBLISH),        NAMED(ACK),  NAMED(NACK),    NAMED(MESSAGE),
    NAMED(DIRECT),    NAMED(DIRECT_MESSAGE), NAMED(WHO),  NAMED(MEMBERS), NAMED(ROOMS),
    NAMED(ROOM_LIST), NAMED(PRESENCE),       NAMED(GAP),  NAMED(PING),    NAMED(PONG),
    NAMED(GOAWAY),    NAMED(ERROR),          NAMED(NICK), NAMED(NICKED),
};

const char *msg_type_name(enum msg_type type)
{
    return (size_t)type < ARRAY_SIZE(names) ? names[type].name : NULL;
}

enum msg_type msg_type_named(struct slice name)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (names[i].len == name.len && name.len > 0 &&
            memcmp(names[i].name, name.data, name.len) == 0)
            return (enum msg_type)i;
    return MSG_NONE;
}
