/* names.h -- the people whose name has its home here: nobody twice, and where to find them.
 *
 * A name is claimed at HELLO (and NICK) and released when its session ends. Comparison folds
 * ASCII letters, so that "Anna" cannot pass for "anna". The home never shows a name to anybody, so
 * it keeps none: two keyed hashes know it again, 64 bits of one and 32 of the other (two names with
 * both the same: once in 2^96 pairs of names, and nobody can look for them without the keys).
 *
 * A token is kept as its keyed hash only (SipHash is a MAC: Aumasson and Bernstein, 2012); to fit
 * one by guessing takes 2^63 HELLOs. Comparing 64 bits takes the same time whatever they are.
 */
#ifndef UPROAR_SHARD_NAMES_H
#define UPROAR_SHARD_NAMES_H

#include "core/pool_map.h"
#include "shard/xmsg.h"

struct shard;

struct names {
    struct pool_map by_name;
    struct pool entries; /* struct name_entry */
};

int names_init(struct shard *shard, uint32_t count_max);
void names_fini(struct shard *shard);

/* From anywhere: asks or tells the name's home. HELLO, with the token of an earlier connection or
 * an empty one; answered with NAME_GRANTED and a new token, NAME_TAKEN, or HANDOVER (takeover.h).
 */
void names_claim(struct shard *shard, const struct session_ref *who, uint64_t id, struct slice name,
                 struct slice token);
/* NICK. The home of the old name passes it on to that of the new one, with the session's token,
 * which only homes know. Answered with NAME_GRANTED or NAME_TAKEN. */
void names_change(struct shard *shard, const struct session_ref *who, uint64_t id,
                  struct slice old_name, struct slice name);
/* Only if it is `who`'s: it may have been taken over meanwhile. */
void names_release(struct shard *shard, struct slice name, const struct session_ref *who);
bool names_same(struct slice a, struct slice b);
uint64_t names_token_hash(const struct shard *shard, struct slice token);

/* At the home. */
void names_on_claim(struct shard *shard, const struct xmsg *msg);
void names_on_release(struct shard *shard, const struct xmsg *msg);
void names_on_direct(struct shard *shard, const struct xmsg *msg);

#endif
