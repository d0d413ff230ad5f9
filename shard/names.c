/* names.c -- see names.h. */
#include "shard/names.h"

#include "shard/shard.h"

struct name_entry {
    struct map_node by_name;
    uint64_t id; /* connection id of the owner */
    struct session_ref who;
    uint32_t index;
    uint8_t name_bytes;
    char name[NAME_BYTES_MAX];
};

int names_init(struct shard *shard, uint32_t count_max)
{
    int err = map_init(&shard->names.by_name, 64);

    return err < 0 ? err : pool_init(&shard->names.entries, sizeof(struct name_entry), count_max);
}

void names_fini(struct shard *shard)
{
    map_fini(&shard->names.by_name);
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

uint64_t shard_name_hash(const struct shard *shard, struct slice name)
{
    uint8_t folded[NAME_BYTES_MAX];
    size_t len = size_min(name.len, sizeof(folded));

    for (size_t i = 0; i < len; i++)
        folded[i] = fold(name.data[i]);
    return siphash(&shard->server->key, folded, len);
}

static struct name_entry *find(struct shard *shard, struct slice name)
{
    uint64_t hash = shard_name_hash(shard, name);

    for (struct map_node *n = map_first(&shard->names.by_name, hash); n; n = map_next(n)) {
        struct name_entry *entry = container_of(n, struct name_entry, by_name);
        if (names_same(slice_of(entry->name, entry->name_bytes), name))
            return entry;
    }
    return NULL;
}

void names_claim(struct shard *shard, const struct session_ref *who, uint64_t id, struct slice name,
                 bool renames)
{
    uint16_t home = shard_home_of(shard, shard_name_hash(shard, name));
    struct xmsg *msg = shard_post(shard, home, XMSG_NAME_CLAIM);

    msg->who = *who;
    msg->id = id;
    msg->flags = renames;
    xnames_attach(&shard->vital, msg, name, slice_of(NULL, 0));
}

void names_release(struct shard *shard, struct slice name, uint64_t id)
{
    uint16_t home = shard_home_of(shard, shard_name_hash(shard, name));
    struct xmsg *msg = shard_post(shard, home, XMSG_NAME_RELEASE);

    msg->id = id;
    xnames_attach(&shard->vital, msg, name, slice_of(NULL, 0));
}

static enum reason claim(struct shard *shard, const struct xmsg *msg, struct slice name)
{
    struct name_entry *entry = find(shard, name);
    uint32_t index;

    if (entry != NULL && entry->id != msg->id)
        return REASON_NAME_TAKEN;
    if (entry == NULL) {
        entry = pool_get(&shard->names.entries, &index);
        if (entry == NULL)
            return REASON_NO_MEMORY;
        entry->index = index;
        entry->id = msg->id;
        map_add(&shard->names.by_name, &entry->by_name, shard_name_hash(shard, name));
    }
    entry->who = msg->who;
    entry->name_bytes = (uint8_t)name.len;
    memcpy(entry->name, name.data, name.len);
    return REASON_NONE;
}

void names_on_claim(struct shard *shard, const struct xmsg *msg)
{
    struct slice name;

    xnames_of(msg, &name, NULL);
    enum reason reason = claim(shard, msg, name);
    struct xmsg *reply = shard_post(shard, msg->who.port,
                                    reason == REASON_NONE ? XMSG_NAME_GRANTED : XMSG_NAME_TAKEN);
    reply->who = msg->who;
    reply->id = msg->id;
    reply->flags = msg->flags;
    reply->value = reason;
    xnames_attach(&shard->vital, reply, name, slice_of(NULL, 0));
}

void names_on_release(struct shard *shard, const struct xmsg *msg)
{
    struct slice name;

    xnames_of(msg, &name, NULL);
    struct name_entry *entry = find(shard, name);
    if (entry == NULL || entry->id != msg->id)
        return;
    map_remove(&shard->names.by_name, &entry->by_name);
    pool_put(&shard->names.entries, entry->index);
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
    struct xmsg *onward = shard_post(shard, entry->who.port, XMSG_DELIVER);
    onward->who = entry->who;
    xwriter_attach(&writer, onward);
}
