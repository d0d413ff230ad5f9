/* purse.h -- what publishing costs a client, and who has spent too much.
 *
 * A publish is charged by what it makes the server send: the body, counted once for each member of
 * the room on all shards. A body shorter than PURSE_BODY_LEAST counts as that long, since names,
 * numbers and the kernel's work go out with an empty one too. A direct message is charged once.
 *
 * Each client has a budget (budget.h) of options.publish_bytes a second and publish_burst at once.
 * A publish is taken while the balance is not negative, whatever it costs, and then charged; below
 * zero the client is not read (BLOCK_BUDGET) until it has recovered, which is the only time that it
 * has a timer. So nothing is refused that could be sent a little later, and TCP slows the client
 * down. Only what costs more than a whole burst is refused (too-expensive): it could never be paid
 * for.
 *
 * The members are those that the room had when its home last said anything (XMSG_EVENTS, JOINED,
 * PRESENCE): an old count is off by who came and went since, and the next message brings a new one.
 *
 * What is not read cannot be heard either: the FIN of a client in debt counts when it has
 * recovered, after publish_burst / publish_bytes seconds at most.
 *
 * The shard's thread.
 */
#ifndef UPROAR_SHARD_PURSE_H
#define UPROAR_SHARD_PURSE_H

#include "core/pool.h"
#include "core/timer.h"
#include "shard/budget.h"

struct shard;
struct session;
struct options;

#define PURSE_BODY_LEAST 64u

/* The timer of a client in debt; its index is in the errand. */
struct purse_wait {
    struct timer timer;
    struct shard *shard;
    uint32_t slot, generation;
};

/* Of all clients on a shard. */
struct purses {
    bool counted; /* else nothing costs anything */
    uint64_t burst;
    struct budget_rate rate;
    struct pool waits;
};

/* 0 or a negative errno. */
int purses_init(struct purses *purses, const struct options *options, uint32_t clients_max);
void purses_fini(struct purses *purses);

/* What a body costs that goes to so many. */
uint64_t purse_cost(size_t body_bytes, uint32_t members);
/* Whether anybody can ever pay so much. */
bool purse_affords(const struct purses *purses, uint64_t cost);
/* Takes it, and blocks the session if that was more than it had. A session for which there is no
 * timer is cut. The session must not be in debt: it would not have been read. */
void purse_charge(struct shard *shard, struct session *session, uint64_t cost);
/* The connection ends. */
void purse_drop(struct shard *shard, struct session *session);

#endif
