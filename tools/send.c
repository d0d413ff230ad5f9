/* send.c -- `uproar send`: lines in, acknowledgements out; the status says whether all were given.
 *
 * At most SEND_WINDOW messages are unanswered at a time; then standard input waits. There is no
 * reconnection: a message whose answer was lost may or may not have been said, and only whoever
 * runs us can know whether saying it twice is worse than not at all. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "proto/text.h"
#include "tools/script.h"

#define SEND_WINDOW 64u

struct send {
    struct script script;      /* first: `tell` gets it */
    struct session_room *room; /* once joined */
    uint32_t body_bytes_max;
    bool eof;

    uint64_t line; /* number of the line read last */
    uint64_t failed;
    struct {
        uint64_t msgid, line;
    } waiting[SEND_WINDOW];
    unsigned waiting_count;

    /* The line being read. What is longer than any message is dropped up to its line feed. */
    size_t len;
    bool too_long;
    char body[BODY_BYTES_CEILING];

    size_t in_start, in_end;
    char in[64 * 1024];
};

static void fail(struct send *send, uint64_t line, const char *sentence)
{
    send->failed++;
    if (send->script.options->text != NULL)
        fprintf(stderr, "uproar: not sent: %s\n", sentence);
    else
        fprintf(stderr, "uproar: line %llu was not sent: %s\n", (unsigned long long)line, sentence);
}

/* One whole line. */
static void publish(struct send *send)
{
    struct slice body = slice_of(send->body, send->len);
    uint64_t msgid;
    char why[96];

    send->line++;
    if (send->too_long || body.len > send->body_bytes_max) {
        snprintf(why, sizeof(why), "it is longer than the server allows (%u bytes)",
                 send->body_bytes_max);
        fail(send, send->line, why);
    } else if (!utf8_valid(body)) {
        fail(send, send->line, reason_sentence(REASON_BAD_TEXT));
    } else if (session_publish(&send->script.session, send->room, body, &msgid) == 0) {
        send->waiting[send->waiting_count].msgid = msgid;
        send->waiting[send->waiting_count].line = send->line;
        send->waiting_count++;
    } else {
        fail(send, send->line, "not connected");
    }
    send->len = 0;
    send->too_long = false;
}

static void take(struct send *send, const char *data, size_t len)
{
    if (len > sizeof(send->body) - send->len)
        send->too_long = true;
    else
        memcpy(send->body + send->len, data, len);
    if (!send->too_long)
        send->len += len;
}

/* Whether one more message may go out: both the answers and the socket must keep up. */
static bool may_publish(const struct send *send)
{
    return send->waiting_count < SEND_WINDOW &&
           link_room(send->script.carrier.link) >= FRAME_BYTES_CEILING;
}

/* Cuts what was read into lines, as far as may be published. */
static void cut(struct send *send)
{
    while (may_publish(send) && send->in_start < send->in_end) {
        const char *start = send->in + send->in_start;
        size_t left = send->in_end - send->in_start;
        const char *end = memchr(start, '\n', left);

        take(send, start, end == NULL ? left : (size_t)(end - start));
        send->in_start += end == NULL ? left : (size_t)(end - start) + 1;
        if (end != NULL)
            publish(send);
    }
    /* A last line may lack its line feed. */
    if (send->eof && send->in_start == send->in_end && may_publish(send) &&
        (send->len > 0 || send->too_long))
        publish(send);
}

static void fill(struct send *send)
{
    ssize_t got = read(STDIN_FILENO, send->in, sizeof(send->in));

    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got < 0)
        fail(send, send->line + 1, strerror(errno));
    if (got <= 0)
        send->eof = true;
    send->in_start = 0;
    send->in_end = got > 0 ? (size_t)got : 0;
}

static void answered(struct send *send, uint64_t msgid, const char *refusal)
{
    for (unsigned i = 0; i < send->waiting_count; i++) {
        if (send->waiting[i].msgid != msgid)
            continue;
        if (refusal != NULL)
            fail(send, send->waiting[i].line, refusal);
        send->waiting[i] = send->waiting[--send->waiting_count];
        return;
    }
}

static void tell(struct script *script, const struct note *note)
{
    struct send *send = container_of(script, struct send, script);
    const struct event *event = note->event;

    if (note->type == NOTE_JOINED) {
        send->room = note->room;
    } else if (note->type == NOTE_EVENT && event->type == MSG_ACK) {
        answered(send, event->ack.msgid, NULL);
    } else if (note->type == NOTE_EVENT && event->type == MSG_NACK) {
        answered(send, event->nack.msgid, reason_sentence(event->nack.reason));
    } else {
        if (note->type == NOTE_UP)
            send->body_bytes_max =
                (uint32_t)size_min(event->welcome.body_bytes_max, BODY_BYTES_CEILING);
        script_tell(script, note);
    }
}

static bool finished(const struct send *send)
{
    return send->eof && send->in_start == send->in_end && send->len == 0 && !send->too_long &&
           send->waiting_count == 0;
}

int script_send(const struct options *options)
{
    /* Too large for a stack that may be small, and there is one for each process. */
    static struct send send;
    struct script *script = &send.script;

    if (!script_init(script, options, JOIN_QUIET | JOIN_NO_ECHO, tell))
        return EXIT_NO_SERVER;
    session_join(&script->session, slice_str(options->room));
    if (options->text != NULL) {
        take(&send, options->text, strlen(options->text));
        send.eof = true;
    }
    while (!script->done) {
        bool hungry = send.room != NULL && !send.eof && send.in_start == send.in_end;
        if (script_turn(script, hungry ? STDIN_FILENO : -1) && !script->done)
            fill(&send);
        if (send.room == NULL || script->done)
            continue;
        cut(&send);
        if (options->text != NULL && send.line == 0)
            publish(&send); /* -m "" is a message too */
        if (finished(&send))
            script_end(script, send.failed == 0 ? EXIT_FINE : EXIT_INCOMPLETE, NULL);
    }
    if (send.waiting_count > 0)
        fprintf(stderr, "uproar: %u not acknowledged: whether they were sent is not known\n",
                send.waiting_count);
    script_fini(script);
    return script->status;
}
