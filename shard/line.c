/* line.c -- see line.h. */
#include "shard/line.h"

#include "shard/session.h"
#include "shard/shard.h"

/* session->line_due_ms holds the low half of the monotonic time, which comes round after 49 days;
 * a wait is far shorter than half of that. */
static uint64_t left_ms(const struct shard *shard, const struct session *session)
{
    int32_t left = (int32_t)(session->line_due_ms - (uint32_t)shard->loop.now_ms);

    return left > 0 ? (uint64_t)left : 0;
}

static void line_fire(struct timer *timer)
{
    struct line *line = container_of(timer, struct line, timer);
    struct shard *shard = line->shard;

    /* Only those who stand here now: who enters again from due() waits for the next time. */
    for (uint32_t n = line->count; n > 0 && line->head != POOL_NONE; n--) {
        struct session *session = session_at(shard, line->head);
        if (left_ms(shard, session) > 0)
            break;
        line_leave(shard, session);
        line->due(shard, session);
    }
    if (line->head != POOL_NONE)
        timer_start(&shard->loop.wheel, timer,
                    shard->loop.now_ms + left_ms(shard, session_at(shard, line->head)));
}

void line_init(struct line *line, struct shard *shard, uint64_t wait_ms,
               void (*due)(struct shard *shard, struct session *session))
{
    *line = (struct line){
        .shard = shard, .due = due, .wait_ms = wait_ms, .head = POOL_NONE, .tail = POOL_NONE};
    timer_init(&line->timer, line_fire);
}

void line_fini(struct line *line)
{
    if (line->shard != NULL)
        timer_stop(&line->shard->loop.wheel, &line->timer);
}

void line_enter(struct shard *shard, struct session *session, enum line_index index)
{
    struct line *line = &shard->lines[index];
    uint32_t slot = session->stream.slot;

    CHECK(index != LINE_NONE && line->wait_ms < UINT32_MAX / 2);
    line_leave(shard, session);
    session->line = (uint8_t)index;
    session->line_due_ms = (uint32_t)(shard->loop.now_ms + line->wait_ms);
    session->line_next = POOL_NONE;
    session->line_prev = line->tail;
    if (line->tail == POOL_NONE)
        line->head = slot;
    else
        session_at(shard, line->tail)->line_next = slot;
    line->tail = slot;
    line->count++;
    /* Who leaves does not move the timer: it fires early, finds nobody due and is set anew. */
    if (!timer_running(&line->timer))
        timer_start(&shard->loop.wheel, &line->timer, shard->loop.now_ms + line->wait_ms);
}

void line_leave(struct shard *shard, struct session *session)
{
    struct line *line = &shard->lines[session->line];

    if (session->line == LINE_NONE)
        return;
    if (session->line_prev == POOL_NONE)
        line->head = session->line_next;
    else
        session_at(shard, session->line_prev)->line_next = session->line_next;
    if (session->line_next == POOL_NONE)
        line->tail = session->line_prev;
    else
        session_at(shard, session->line_next)->line_prev = session->line_prev;
    session->line = LINE_NONE;
    line->count--;
}

struct session *line_first(struct shard *shard, enum line_index index)
{
    struct line *line = &shard->lines[index];

    return line->head == POOL_NONE ? NULL : session_at(shard, line->head);
}
