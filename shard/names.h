/* names.h -- the people whose name has its home here: nobody twice, and where to find them.
 *
 * A name is claimed at HELLO (and NICK) and released when its session ends. Comparison folds
 * ASCII letters, so that "Anna" cannot pass for "anna"; the name is kept as it was given.
 */
#ifndef UPROAR_SHARD_NAMES_H
#define UPROAR_SHARD_NAMES_H

#include "core/map.h"
#include "core/pool.h"
#include "shard/xmsg.h"

struct shard;

struct names {
    struct map by_name;
    struct pool entries; /* struct name_entry */
};

int names_init(struct shard *shard, uint32_t count_max);
void names_fini(struct shard *shard);

/* From anywhere: asks or tells the name's home. `renames`: the claimant has a name already. */
void names_claim(struct shard *shard, const struct session_ref *who, uint64_t id, struct slice name,
                 bool renames);
void names_release(struct shard *shard, struct slice name, uint64_t id);
bool names_same(struct slice a, struct slice b);

/* At the home. */
void names_on_claim(struct shard *shard, const struct xmsg *msg);
void names_on_release(struct shard *shard, const struct xmsg *msg);
void names_on_direct(struct shard *shard, const struct xmsg *msg);

#endif
