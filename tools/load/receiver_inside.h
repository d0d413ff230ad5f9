/* receiver_inside.h -- one listening client, for the two files that make a receiver.
 *
 *     receiver.c          the thread, and clients that speak our own frames
 *     receiver_foreign.c  clients that speak a dialect
 *
 * For nobody else. The receiver's thread.
 */
#ifndef UPROAR_TOOLS_LOAD_RECEIVER_INSIDE_H
#define UPROAR_TOOLS_LOAD_RECEIVER_INSIDE_H

#include "tools/load/conversation.h"
#include "tools/load/receiver.h"

struct load_client {
    struct load_connection connection; /* first */
    uint32_t number;                   /* in the plan */
    uint32_t recent_id;                /* room of the last message: runs of one room are the rule */
    struct load_member *recent;
    struct load_member *members;           /* rooms_per_client, in the plan's order */
    struct load_conversation conversation; /* in a dialect */
};

/* The crowd is to be looked at when the turn ends. */
static inline void load_receiver_mark(struct load_receiver *receiver, struct load_crowd *crowd)
{
    if (crowd->dirty)
        return;
    crowd->dirty = true;
    receiver->dirty[receiver->dirty_count++] = crowd->room.index;
}

/* Which of the client's rooms this one of the plan is; UINT32_MAX: none. */
uint32_t load_receiver_place(const struct load_receiver *receiver, const struct load_client *client,
                             uint32_t room);
/* The client was let into its n-th room, which `member` has entered. */
void load_receiver_entered(struct load_receiver *receiver, struct load_client *client, uint32_t n);
/* The client's connection is over, or made no sense. */
void load_receiver_cut_off(struct load_receiver *receiver, struct load_client *client,
                           const char *how, bool fin);

/* In a dialect: writes the client's greeting to `out`, which has LOAD_GREETING_BYTES, and takes in
 * what came. */
size_t load_receiver_foreign_greet(const struct load_receiver *receiver, uint32_t number,
                                   uint8_t *out);
void load_receiver_foreign_bytes(struct load_receiver *receiver, struct load_client *client,
                                 struct slice bytes);
/* Before the next of its clients connects, of which `opened` have: waits a moment while too many
 * of them are not in their rooms yet. */
void load_receiver_foreign_await(struct load_receiver *receiver, uint32_t opened);

#endif
