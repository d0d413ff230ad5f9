/* tail.c -- `uproar tail`: a room's messages as lines, for people who read logs and for programs.
 *
 * Standard output is flushed once for each turn of the loop, so that a reader sees a message when
 * it comes and a burst costs one write. A reader that does not read blocks us, then the server
 * finds us slow, and what we miss comes as a GAP: nothing is lost in silence. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base.h"
#include "tools/json_out.h"
#include "tools/printable.h"
#include "tools/script.h"
#include "tools/stamp.h"

#define TAIL_FAREWELL_MS 300u

struct tail {
    struct script script; /* first: `tell` gets it */
    enum paint paint;
    uint64_t printed;
    struct strbuf line;
};

static const struct tail *interruptible;

/* Being interrupted is how a tail usually ends. Leaving from the handler also works while a write
 * to a stopped pager blocks; what is not flushed then was never shown. Saying FIN first gives the
 * name back at once. */
static void on_interrupt(int signal_number)
{
    (void)signal_number;
    if (interruptible != NULL) {
        struct pollfd ended = {.fd = interruptible->script.carrier.link->fd, .events = POLLRDHUP};

        if (shutdown(ended.fd, SHUT_WR) == 0)
            poll(&ended, 1, TAIL_FAREWELL_MS);
    }
    _exit(EXIT_FINE);
}

static void print_line(struct tail *tail, uint64_t time_ms, struct slice name, const char *mark,
                       struct slice body)
{
    char stamp[STAMP_BYTES];

    stamp_clock(time_ms, stamp);
    strbuf_clear(&tail->line);
    paint_name(tail->paint, &tail->line, name);
    strbuf_puts(&tail->line, mark);
    printable_append(&tail->line, body);
    printf("%s %s\n", stamp, strbuf_text(&tail->line));
}

static void count(struct tail *tail)
{
    tail->printed++;
    if (tail->printed == tail->script.options->count)
        script_end(&tail->script, EXIT_FINE, NULL);
}

static void gap(struct tail *tail, const struct note *note)
{
    struct slice room = session_room_name(note->room);

    if (tail->script.options->json)
        json_out_gap(stdout, room, note->from, note->to, note->reason);
    fflush(stdout);
    fprintf(stderr, "uproar: missed %" PRIu64 " to %" PRIu64 " in %s: %s\n", note->from, note->to,
            tail->script.options->room,
            note->reason == REASON_NONE ? "the server skipped them without a word"
                                        : reason_sentence(note->reason));
}

static void tell(struct script *script, const struct note *note)
{
    struct tail *tail = container_of(script, struct tail, script);
    const struct event *event = note->event;

    if (script->done)
        return;
    if (note->type == NOTE_MESSAGE) {
        if (script->options->json)
            json_out_message(stdout, session_room_name(note->room), event);
        else
            print_line(tail, event->message.time_ms, event->message.name, ": ",
                       event->message.body);
        count(tail);
    } else if (note->type == NOTE_GAP) {
        gap(tail, note);
    } else if (note->type == NOTE_EVENT && event->type == MSG_DIRECT_MESSAGE &&
               script->options->direct) {
        if (script->options->json)
            json_out_direct(stdout, event);
        else
            print_line(tail, event->direct.time_ms, event->direct.name,
                       " -> you: ", event->direct.body);
        count(tail);
    } else if (note->type == NOTE_JOINED && note->new_epoch) {
        fprintf(stderr, "uproar: %s began anew; what was said meanwhile cannot be told\n",
                script->options->room);
    } else {
        script_tell(script, note);
    }
}

int script_tail(const struct options *options)
{
    struct tail tail = {0};
    int status;

    tail.paint = paint_choose(options->color, isatty(STDOUT_FILENO), getenv("TERM"),
                              getenv("COLORTERM"), getenv("NO_COLOR"));
    if (!script_init(&tail.script, options, JOIN_QUIET, tell))
        return EXIT_NO_SERVER;
    interruptible = &tail;
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
    session_join(&tail.script.session, slice_str(options->room));
    while (!tail.script.done) {
        script_turn(&tail.script, -1);
        if (fflush(stdout) != 0) {
            script_end(&tail.script, EXIT_INCOMPLETE, errno == EPIPE ? NULL : strerror(errno));
            break;
        }
    }
    status = tail.script.status;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    interruptible = NULL;
    script_fini(&tail.script);
    strbuf_fini(&tail.line);
    return status;
}
