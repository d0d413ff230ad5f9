/* msg.c -- what message types are called. */
#include "proto/cmd.h"

static const char *const names[] = {
    [MSG_HELLO] = "HELLO",       [MSG_WELCOME] = "WELCOME",
    [MSG_JOIN] = "JOIN",         [MSG_JOINED] = "JOINED",
    [MSG_LEAVE] = "LEAVE",       [MSG_LEFT] = "LEFT",
    [MSG_PUBLISH] = "PUBLISH",   [MSG_ACK] = "ACK",
    [MSG_NACK] = "NACK",         [MSG_MESSAGE] = "MESSAGE",
    [MSG_DIRECT] = "DIRECT",     [MSG_DIRECT_MESSAGE] = "DIRECT_MESSAGE",
    [MSG_WHO] = "WHO",           [MSG_MEMBERS] = "MEMBERS",
    [MSG_ROOMS] = "ROOMS",       [MSG_ROOM_LIST] = "ROOM_LIST",
    [MSG_PRESENCE] = "PRESENCE", [MSG_GAP] = "GAP",
    [MSG_PING] = "PING",         [MSG_PONG] = "PONG",
    [MSG_GOAWAY] = "GOAWAY",     [MSG_ERROR] = "ERROR",
    [MSG_NICK] = "NICK",         [MSG_NICKED] = "NICKED",
};

const char *msg_type_name(enum msg_type type)
{
    return (size_t)type < ARRAY_SIZE(names) ? names[type] : NULL;
}

enum msg_type msg_type_named(struct slice name)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (names[i] != NULL && slice_equal(name, slice_str(names[i])))
            return (enum msg_type)i;
    return MSG_NONE;
}
