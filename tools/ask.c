/* ask.c -- `uproar who` and `uproar rooms`: one question, its answer on standard output. */
#include <stdio.h>

#include "tools/json_out.h"
#include "tools/printable.h"
#include "tools/script.h"

static void print_name(struct slice name, const char *after)
{
    struct strbuf line = {0};

    printable_append(&line, name);
    printf("%s%s", strbuf_text(&line), after);
    strbuf_fini(&line);
}

static void members(struct script *script, const struct event *event)
{
    for (unsigned i = 0; i < event->members.count; i++)
        if (script->options->json)
            json_out_person(stdout, &event->members.people[i]);
        else
            print_name(event->members.people[i].name, "\n");
    if (!event->members.more)
        script_end(script, EXIT_FINE, NULL);
}

static void room_list(struct script *script, const struct event *event)
{
    for (unsigned i = 0; i < event->room_list.count; i++) {
        const struct room_entry *room = &event->room_list.rooms[i];
        if (script->options->json) {
            json_out_room(stdout, room);
        } else {
            print_name(room->name, "\t");
            printf("%u\n", room->members);
        }
    }
    if (!event->room_list.more)
        script_end(script, EXIT_FINE, NULL);
}

static void tell(struct script *script, const struct note *note)
{
    if (script->done)
        return;
    if (note->type == NOTE_UP) {
        if (script->options->verb == VERB_WHO)
            session_who(&script->session, slice_str(script->options->room));
        else
            session_rooms(&script->session);
    } else if (note->type == NOTE_EVENT && note->event->type == MSG_MEMBERS) {
        members(script, note->event);
    } else if (note->type == NOTE_EVENT && note->event->type == MSG_ROOM_LIST) {
        room_list(script, note->event);
    } else if (note->type == NOTE_EVENT && note->event->type == MSG_ERROR) {
        script_end(script, EXIT_INCOMPLETE, reason_sentence(note->event->error.reason));
    } else if (note->type != NOTE_UP) {
        script_tell(script, note);
    }
}

int script_ask(const struct options *options)
{
    struct script script;

    if (!script_init(&script, options, 0, tell))
        return EXIT_NO_SERVER;
    while (!script.done)
        script_turn(&script, -1);
    script_fini(&script);
    if (fflush(stdout) != 0)
        script.status = EXIT_INCOMPLETE;
    return script.status;
}
