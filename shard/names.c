/* names.c -- see names.h. */
#include "shard/names.h"

#include "core/clock.h"
#include "shard/shard.h"
#include "shard/takeover.h"

struct name_entry {
    struct pool_map_node by_name;
    uint64_t check; /* the second hash of the name */
    uint64_t id;    /* of the session */
    uint64_t token_hash;
    uint64_t who; /* id of its connection, or of its last: where it is, as session_ref_of says */
};
/* There is one for each client. */
static_assert(sizeof(struct name_entry) <= 40, "struct name_entry grew");

/* What NAME_CLAIM asks for; NICK is a CHANGE that is still with the home of the old name. */
#define CLAIM_HELLO  0u
#define CLAIM_CHANGE 1u /* number: hash of the token */
#define CLAIM_NICK   2u

int names_init(struct shard *shard, uint32_t count_max)
{
    struct names *names = &shard->names;
    int err = pool_init(&names->entries, sizeof(struct name_entry), count_max);

    return err < 0 ? err : pool_map_init(&names->by_name, &names->entries);
}

void names_fini(struct shard *shard)
{
    pool_map_fini(&shard->names.by_name);
    pool_fini(&shard->names.entries);
}

static uint8_t fold(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool names_same(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (fold(a.data[i]) != fold(b.data[i]))
            return false;
    return true;
}

static uint64_t folded_hash(const struct siphash_key *key, struct slice name)
{
    uint8_t folded[NAME_BYTES_MAX] = {0};
    size_t len = size_min(name.len, sizeof(folded));

    for (size_t i = 0; i < len; i++)
        folded[i] = fold(name.data[i]);
    return siphash(key, folded, len);
}

uint64_t shard_name_hash(const struct shard *shard, struct slice name)
{
    return folded_hash(&shard->server->key, name);
}

uint64_t names_token_hash(const struct shard *shard, struct slice token)
{
    return siphash(&shard->server->token_key, token.data, token.len);
}

/* The upper half of the hash: the lower bits are much the same for all names of one home. */
static uint32_t table_hash(const struct shard *shard, struct slice name)
{
    return (uint32_t)(shard_name_hash(shard, name) >> 32);
}

/* POOL_NONE: nobody has it. */
static uint32_t find_index(const struct shard *shard, struct slice name)
{
    const struct names *names = &shard->names;
    uint64_t check = folded_hash(&shard->server->check_key, name);

    for (uint32_t i = pool_map_first(&names->by_name, table_hash(shard, name)); i != POOL_NONE;
         i = pool_map_next(&names->by_name, i)) {
        const struct name_entry *entry = pool_at(&names->entries, i);
        if (entry->check == check)
            return i;
    }
    return POOL_NONE;
}

static struct name_entry *find(struct shard *shard, struct slice name)
{
    uint32_t index = find_index(shard, name);

    return index == POOL_NONE ? NULL : pool_at(&shard->names.entries, index);
}

static struct name_entry *add(struct shard *shard, struct slice name)
{
    uint32_t index;
    struct name_entry *entry = pool_get(&shard->names.entries, &index);

    if (entry == NULL)
        return NULL;
    entry->check = folded_hash(&shard->server->check_key, name);
    pool_map_add(&shard->names.by_name, index, table_hash(shard, name));
    return entry;
}

static struct xmsg *post_claim(struct shard *shard, const struct session_ref *who, uint64_t id,
                               struct slice name, struct slice token)
{
    uint16_t home = shard_home_of(shard, shard_name_hash(shard, name));
    struct xmsg *msg = shard_post(shard, home, XMSG_NAME_CLAIM);

    msg->who = *who;
    msg->id = id;
    xnames_attach(&shard->vital, msg, name, token);
    return msg;
}

void names_claim(struct shard *shard, const struct session_ref *who, uint64_t id, struct slice name,
                 struct slice token)
{
    post_claim(shard, who, id, name, token)->flags = CLAIM_HELLO;
}

void names_change(struct shard *shard, const struct session_ref *who, uint64_t id,
                  struct slice old_name, struct slice name)
{
    uint16_t home = shard_home_of(shard, shard_name_hash(shard, old_name));
    struct xmsg *msg = shard_post(shard, home, XMSG_NAME_CLAIM);

    msg->flags = CLAIM_NICK;
    msg->who = *who;
    msg->id = id;
    xnames_attach(&shard->vital, msg, name, old_name);
}

void names_release(struct shard *shard, struct slice name, const struct session_ref *who)
{
    uint16_t home = shard_home_of(shard, shard_name_hash(shard, name));
    struct xmsg *msg = shard_post(shard, home, XMSG_NAME_RELEASE);

    msg->who = *who;
    xnames_attach(&shard->vital, msg, name, slice_of(NULL, 0));
}

static void answer(struct shard *shard, const struct xmsg *claim, struct slice name,
                   struct slice token, enum reason reason)
{
    struct xmsg *msg = shard_post(shard, claim->who.port,
                                  reason == REASON_NONE ? XMSG_NAME_GRANTED : XMSG_NAME_TAKEN);

    msg->who = claim->who;
    msg->id = claim->id;
    msg->flags = claim->flags;
    msg->value = reason;
    xnames_attach(&shard->vital, msg, name, token);
}

static void on_hello(struct shard *shard, const struct xmsg *msg, struct slice name,
                     struct slice presented)
{
    struct name_entry *entry = find(shard, name);
    uint8_t token[TOKEN_BYTES];

    if (entry != NULL) {
        if (presented.len > 0 && names_token_hash(shard, presented) == entry->token_hash) {
            struct session_ref old = session_ref_of(entry->who);
            takeover_begin(shard, msg, &old, entry->id);
            entry->who = session_ref_id(&msg->who);
        } else {
            answer(shard, msg, name, slice_of(NULL, 0), REASON_NAME_TAKEN);
        }
        return;
    }
    entry = add(shard, name);
    if (entry == NULL) {
        answer(shard, msg, name, slice_of(NULL, 0), REASON_NO_MEMORY);
        return;
    }
    random_bytes(token, sizeof(token));
    entry->who = session_ref_id(&msg->who);
    entry->id = msg->id;
    entry->token_hash = names_token_hash(shard, slice_of(token, sizeof(token)));
    answer(shard, msg, name, slice_of(token, sizeof(token)), REASON_NONE);
}

static void on_nick(struct shard *shard, const struct xmsg *msg, struct slice name,
                    struct slice old_name)
{
    const struct name_entry *entry = find(shard, old_name);

    /* Taken over meanwhile: the old name and the token are another connection's. */
    if (entry == NULL || entry->who != session_ref_id(&msg->who)) {
        answer(shard, msg, name, slice_of(NULL, 0), REASON_NAME_TAKEN);
        return;
    }
    uint64_t token_hash = entry->token_hash;
    struct xmsg *onward = post_claim(shard, &msg->who, msg->id, name, slice_of(NULL, 0));
    onward->flags = CLAIM_CHANGE;
    onward->number = token_hash;
}

static void on_change(struct shard *shard, const struct xmsg *msg, struct slice name)
{
    struct name_entry *entry = find(shard, name);
    enum reason reason = REASON_NONE;

    if (entry != NULL && entry->who != session_ref_id(&msg->who)) {
        reason = REASON_NAME_TAKEN;
    } else if (entry == NULL) {
        entry = add(shard, name);
        reason = entry == NULL ? REASON_NO_MEMORY : REASON_NONE;
    }
    if (reason == REASON_NONE) {
        entry->who = session_ref_id(&msg->who);
        entry->id = msg->id;
        entry->token_hash = msg->number;
    }
    answer(shard, msg, name, slice_of(NULL, 0), reason);
}

void names_on_claim(struct shard *shard, const struct xmsg *msg)
{
    struct slice name, other;

    xnames_of(msg, &name, &other);
    if (msg->flags == CLAIM_HELLO)
        on_hello(shard, msg, name, other);
    else if (msg->flags == CLAIM_NICK)
        on_nick(shard, msg, name, other);
    else
        on_change(shard, msg, name);
}

void names_on_release(struct shard *shard, const struct xmsg *msg)
{
    struct slice name;

    xnames_of(msg, &name, NULL);
    uint32_t index = find_index(shard, name);
    if (index == POOL_NONE)
        return;
    const struct name_entry *entry = pool_at(&shard->names.entries, index);
    if (entry->who != session_ref_id(&msg->who))
        return;
    pool_map_remove(&shard->names.by_name, index);
    pool_put(&shard->names.entries, index);
}

void names_on_direct(struct shard *shard, const struct xmsg *msg)
{
    const struct xdirect *in = xmsg_record(msg, 0);
    const uint8_t *tail = (const uint8_t *)(in + 1);
    struct name_entry *entry = find(shard, slice_of(tail + in->name_bytes, in->to_bytes));
    struct xwriter writer = {NULL, 0};
    void *copy = NULL;

    if (entry != NULL)
        copy = xwriter_reserve(&shard->segments, &writer, msg->length);
    if (copy == NULL) {
        shard_receipt(shard, &in->who, 0, in->msgid, 0, in->body_bytes,
                      entry == NULL ? REASON_NO_SUCH_NAME : REASON_NO_MEMORY);
        return;
    }
    memcpy(copy, in, msg->length);
    struct session_ref to = session_ref_of(entry->who);
    struct xmsg *onward = shard_post(shard, to.port, XMSG_DELIVER);
    onward->who = to;
    xwriter_attach(&writer, onward);
}
