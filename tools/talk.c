/* talk.c -- see talk.h. */
#include "tools/talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "tools/carrier.h"
#include "tools/chat.h"
#include "tools/screen.h"

#define SETTLE_MS 1000u /* how long leaving may wait for answers */

struct talk {
    struct session session;
    struct carrier carrier;
    struct chat chat;
    struct screen *screen; /* NULL before the first line can be typed */
    struct strbuf prompt;
};

static void on_send(void *ctx, const struct cmd *cmd)
{
    struct talk *talk = ctx;

    carrier_send(&talk->carrier, cmd);
}

static void on_tell(void *ctx, const struct note *note)
{
    struct talk *talk = ctx;

    chat_note(&talk->chat, note);
}

static void on_show(void *ctx, const char *line)
{
    struct talk *talk = ctx;

    screen_print(talk->screen, line);
}

static void prompt_update(struct talk *talk)
{
    chat_prompt(&talk->chat, &talk->prompt);
    screen_prompt(talk->screen, strbuf_text(&talk->prompt));
    screen_refresh(talk->screen);
}

/* Until a key, a signal, or the end of the chat; serves the network meanwhile. */
static enum screen_wait on_wait(void *ctx)
{
    struct talk *talk = ctx;

    for (;;) {
        struct pollfd polled[2] = {{.fd = STDIN_FILENO, .events = POLLIN}};
        struct timespec wait;
        int wait_ms;

        prompt_update(talk);
        if (talk->chat.quit)
            return SCREEN_LEAVE;
        carrier_poll(&talk->carrier, &polled[1]);
        wait_ms = carrier_wait_ms(&talk->carrier);
        wait = (struct timespec){wait_ms / 1000, wait_ms % 1000 * 1000000L};
        if (ppoll(polled, 2, wait_ms < 0 ? NULL : &wait, screen_mask(talk->screen)) < 0)
            return SCREEN_SIGNAL;
        carrier_handle(&talk->carrier, polled[1].revents);
        if (polled[0].revents != 0)
            return SCREEN_READABLE;
    }
}

/* Waits for the first connection to stand or fail, and for the first room, so that what fails is
 * said on a plain terminal, and the prompt appears where one can talk. */
static void connect_first(struct talk *talk)
{
    while (!talk->chat.quit &&
           (talk->session.state != SESSION_UP || talk->session.joining != NULL)) {
        struct pollfd polled;

        carrier_poll(&talk->carrier, &polled);
        if (poll(&polled, 1, carrier_wait_ms(&talk->carrier)) < 0)
            polled.revents = 0;
        carrier_handle(&talk->carrier, polled.revents);
    }
}

static void say_plainly(void *ctx, const char *line)
{
    (void)ctx;
    puts(line);
}

/* What was typed last shall still arrive: leaving at once could cut it off on its way. */
static void settle(struct talk *talk)
{
    uint64_t deadline = carrier_now_ms() + SETTLE_MS;
    struct unanswered sent;

    while (talk->chat.unanswered.count > 0 && talk->session.state == SESSION_UP &&
           carrier_now_ms() < deadline) {
        struct pollfd polled;

        carrier_poll(&talk->carrier, &polled);
        if (poll(&polled, 1, (int)SETTLE_MS) < 0)
            polled.revents = 0;
        carrier_handle(&talk->carrier, polled.revents);
    }
    while (unanswered_pop(&talk->chat.unanswered, &sent)) {
        chat_say(&talk->chat, "not known whether this was sent: %s", sent.text);
        unanswered_fini(&sent);
    }
}

static int converse(struct talk *talk)
{
    const char *line;

    talk->screen = screen_new(on_wait, talk);
    if (talk->screen == NULL) {
        fputs("uproar: cannot use this terminal\n", stderr);
        return EXIT_USAGE;
    }
    talk->chat.show = on_show;
    prompt_update(talk);
    while (!talk->chat.quit && (line = screen_read(talk->screen)) != NULL) {
        if (chat_input(&talk->chat, line) == CHAT_ERASE)
            screen_erase(talk->screen);
        prompt_update(talk);
    }
    screen_free(talk->screen);
    talk->chat.show = say_plainly;
    settle(talk);
    return talk->chat.status;
}

int talk_run(const struct options *options)
{
    /* Holds the session's rooms and much of a frame's lists; one for each process. */
    static struct talk talk;
    struct session_config config = {
        .name = slice_str(options->name),
        .name_may_vary = true,
        .reconnect = true,
        .timeout_ms = options->timeout_ms,
        .send = on_send,
        .tell = on_tell,
        .ctx = &talk,
    };
    int status;

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        fprintf(stderr,
                "uproar: a chat needs a terminal. In a pipe:\n"
                "  ... | uproar send %s      sends each line\n"
                "  uproar tail %s | ...      prints what is said\n",
                options->room, options->room);
        return EXIT_USAGE;
    }
    random_bytes(&config.seed, sizeof(config.seed));
    session_init(&talk.session, &config, carrier_now_ms());
    if (carrier_init(&talk.carrier, &talk.session, &options->server, options->timeout_ms) < 0) {
        fputs("uproar: out of memory\n", stderr);
        return EXIT_NO_SERVER;
    }
    chat_init(
        &talk.chat, &talk.session,
        paint_choose(options->color, true, getenv("TERM"), getenv("COLORTERM"), getenv("NO_COLOR")),
        say_plainly, &talk);
    session_join(&talk.session, slice_str(options->room));
    connect_first(&talk);
    status = talk.chat.quit ? talk.chat.status : converse(&talk);
    if (talk.chat.ending[0] != '\0')
        fprintf(stderr, "uproar: %s\n", talk.chat.ending);
    chat_fini(&talk.chat);
    carrier_fini(&talk.carrier);
    strbuf_fini(&talk.prompt);
    return status;
}
