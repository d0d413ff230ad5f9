/* conversation.c -- see conversation.h. */
#include "tools/load/conversation.h"

#include <stdlib.h>

#include "core/check.h"

#define CARRY_LEAST 256u

void load_conversation_fini(struct load_conversation *conversation)
{
    free(conversation->owed);
    free(conversation->saying);
    *conversation = (struct load_conversation){0};
}

/* Room for `more` bytes behind `used` in *memory, which has *bytes of them. */
static bool grow(uint8_t **memory, uint32_t *bytes, uint32_t used, size_t more)
{
    size_t grown = *bytes == 0 ? CARRY_LEAST : *bytes;
    while (grown < used + more)
        grown *= 2;
    if (grown == *bytes)
        return true;
    uint8_t *moved = realloc(*memory, grown);
    if (moved == NULL)
        return false;
    *memory = moved;
    *bytes = (uint32_t)grown;
    return true;
}

int load_conversation_patch(const struct load_dialect *dialect, struct load_connection *connection,
                            struct slice *in, struct load_news *news)
{
    if (connection->carry_spent) {
        connection->carry_spent = false;
        connection->carry_used = 0;
        return load_conversation_next(dialect, connection, in, news);
    }
    /* How long it will be is only known when it is whole, and most of a large buffer is behind its
     * end: so in steps, each as long as what is there. */
    while (in->len != 0) {
        uint32_t before = connection->carry_used;
        size_t step = size_min(in->len, size_max(CARRY_LEAST, before));
        if (before > LOAD_NEWS_BYTES_MAX ||
            !grow(&connection->carry, &connection->carry_bytes, before, step))
            return -1;
        memcpy(connection->carry + before, in->data, step);
        int64_t used = dialect->cut(slice_of(connection->carry, before + step), news);
        if (used < 0)
            return -1;
        size_t taken = used == 0 ? step : (size_t)used - before;
        *in = slice_of(in->data + taken, in->len - taken);
        connection->carry_used = before + (uint32_t)taken;
        if (used > 0) {
            CHECK((uint64_t)used > before); /* or it had been cut before */
            connection->carry_spent = true;
            return 1;
        }
    }
    return 0;
}

bool load_conversation_note(struct load_conversation *conversation,
                            const struct load_dialect *dialect, struct load_news *news)
{
    if (news->type == NEWS_READY) {
        if (conversation->ready) {
            news->type = NEWS_JOINED;
            news->place = conversation->confirmed++;
        }
        conversation->ready = true;
    } else if (news->type == NEWS_ASKED) {
        news->type = NEWS_NOTHING;
        if (!grow(&conversation->owed, &conversation->owed_bytes, conversation->owed_used,
                  LOAD_ANSWER_BYTES))
            return false;
        conversation->owed_used +=
            (uint32_t)dialect->answer(conversation->owed + conversation->owed_used, news->body);
    }
    return true;
}

bool load_conversation_join(struct load_conversation *conversation,
                            const struct load_dialect *dialect, const char *room, uint32_t place)
{
    if (!grow(&conversation->owed, &conversation->owed_bytes, conversation->owed_used,
              LOAD_JOINING_BYTES))
        return false;
    conversation->owed_used +=
        (uint32_t)dialect->join(conversation->owed + conversation->owed_used, room, place);
    return true;
}

void load_conversation_flush(struct load_conversation *conversation, struct streams *streams,
                             struct load_connection *connection)
{
    if (conversation->owed_used == 0 || stream_sending(&connection->stream) ||
        stream_closing(&connection->stream))
        return;
    struct iovec iov = {.iov_base = conversation->owed, .iov_len = conversation->owed_used};
    conversation->saying = conversation->owed;
    conversation->owed = NULL;
    conversation->owed_used = conversation->owed_bytes = 0;
    stream_send(streams, &connection->stream, &iov, 1);
}

void load_conversation_said(struct load_conversation *conversation)
{
    free(conversation->saying);
    conversation->saying = NULL;
}
