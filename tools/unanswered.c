/* unanswered.c -- see unanswered.h. */
#include "tools/unanswered.h"

#include <stdlib.h>

#include "core/check.h"
#include "tools/strbuf.h"

void unanswered_add(struct unanswered_table *table, uint64_t msgid, struct slice to,
                    struct slice text)
{
    struct unanswered *entry = &table->entries[table->count];
    struct strbuf copy = {0};

    CHECK(!unanswered_full(table));
    CHECK(to.len <= NAME_BYTES_MAX);
    strbuf_slice(&copy, text);
    *entry = (struct unanswered){.msgid = msgid, .text = copy.data};
    if (to.len > 0)
        memcpy(entry->to, to.data, to.len);
    table->count++;
}

static void take_at(struct unanswered_table *table, unsigned index, struct unanswered *out)
{
    *out = table->entries[index];
    table->count--;
    memmove(&table->entries[index], &table->entries[index + 1],
            (table->count - index) * sizeof(table->entries[0]));
}

bool unanswered_take(struct unanswered_table *table, uint64_t msgid, struct unanswered *out)
{
    for (unsigned i = 0; i < table->count; i++)
        if (table->entries[i].msgid == msgid) {
            take_at(table, i, out);
            return true;
        }
    return false;
}

bool unanswered_pop(struct unanswered_table *table, struct unanswered *out)
{
    if (table->count == 0)
        return false;
    take_at(table, 0, out);
    return true;
}

void unanswered_fini(struct unanswered *unanswered)
{
    free(unanswered->text);
    unanswered->text = NULL;
}
