/* script.c -- see script.h. */
#include "tools/script.h"

#include <errno.h>
#include <stdio.h>

#include "core/clock.h"
#include "tools/client.h"

static void on_send(void *ctx, const struct cmd *cmd)
{
    struct script *script = ctx;

    carrier_send(&script->carrier, cmd);
}

static void on_tell(void *ctx, const struct note *note)
{
    struct script *script = ctx;

    script->tell(script, note);
}

bool script_init(struct script *script, const struct options *options, uint8_t join_flags,
                 void (*tell)(struct script *script, const struct note *note))
{
    struct session_config config = {
        .name = slice_str(options->name),
        .name_may_vary = !options->name_given,
        .reconnect = options->reconnect && options->verb == VERB_TAIL,
        .join_flags = join_flags,
        .timeout_ms = options->timeout_ms,
        .send = on_send,
        .tell = on_tell,
        .ctx = script,
    };

    *script = (struct script){.options = options, .tell = tell};
    random_bytes(&config.seed, sizeof(config.seed));
    session_init(&script->session, &config, carrier_now_ms());
    if (carrier_init(&script->carrier, &script->session, &options->server, options->timeout_ms) <
        0) {
        fputs("uproar: out of memory\n", stderr);
        return false;
    }
    return true;
}

void script_fini(struct script *script)
{
    carrier_fini(&script->carrier);
}

bool script_turn(struct script *script, int fd)
{
    struct pollfd polled[2] = {{.fd = -1}, {.fd = fd, .events = POLLIN}};

    carrier_poll(&script->carrier, &polled[0]);
    if (poll(polled, 2, carrier_wait_ms(&script->carrier)) < 0)
        polled[0].revents = polled[1].revents = 0; /* EINTR: time may have passed all the same */
    carrier_handle(&script->carrier, polled[0].revents);
    return polled[1].revents != 0;
}

void script_end(struct script *script, int status, const char *sentence)
{
    if (sentence != NULL)
        fprintf(stderr, "uproar: %s\n", sentence);
    script->done = true;
    script->status = status;
}

void script_tell(struct script *script, const struct note *note)
{
    switch (note->type) {
    case NOTE_UP:
        script->down_why[0] = '\0';
        if (strcmp(script->session.name, script->options->name) != 0 && !note->again)
            fprintf(stderr, "uproar: the name %s is taken; using %s\n", script->options->name,
                    script->session.name);
        break;
    case NOTE_DOWN:
        /* Each reason once, lest a night without a server fills somebody's log. */
        if (strcmp(script->down_why, note->why) == 0)
            break;
        snprintf(script->down_why, sizeof(script->down_why), "%s", note->why);
        fprintf(stderr, "uproar: %s; trying again in %.1f s\n", note->why,
                (double)note->retry_ms / 1000);
        break;
    case NOTE_OVER:
        script_end(script, client_status_over(note->reason, script->session.was_up), note->why);
        break;
    case NOTE_BARRED:
        script_end(script, EXIT_NO_SERVER, reason_sentence(note->reason));
        break;
    case NOTE_LEFT:
        script_end(script, EXIT_INCOMPLETE, reason_sentence(note->reason));
        break;
    default:
        break;
    }
}
