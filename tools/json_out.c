/* json_out.c -- see json_out.h. The escaping is jansson's; the text was checked to be UTF-8 when
 * the frame was decoded. */
#include "tools/json_out.h"

#include <inttypes.h>
#include <jansson.h>

#include "tools/stamp.h"

static json_t *text(struct slice slice)
{
    return json_stringn((const char *)slice.data, slice.len);
}

static json_t *id_text(uint64_t id)
{
    return json_sprintf("%" PRIu64, id);
}

static json_t *time_text(uint64_t time_ms)
{
    char stamp[STAMP_BYTES];

    stamp_utc(time_ms, stamp);
    return json_string(stamp);
}

/* Takes the object over. */
static bool write_line(FILE *out, json_t *object)
{
    bool fine = object != NULL && json_dumpf(object, out, JSON_COMPACT) == 0;

    json_decref(object);
    return fine && putc('\n', out) != EOF;
}

bool json_out_message(FILE *out, struct slice room, const struct event *event)
{
    return write_line(
        out, json_pack("{s:o, s:I, s:o, s:o, s:o, s:o, s:o}", "room", text(room), "seq",
                       (json_int_t)event->message.seq, "time", time_text(event->message.time_ms),
                       "sender", id_text(event->message.sender), "name", text(event->message.name),
                       "body", text(event->message.body), "id", id_text(event->message.msgid)));
}

bool json_out_direct(FILE *out, const struct event *event)
{
    return write_line(out, json_pack("{s:b, s:o, s:o, s:o, s:o, s:o}", "direct", 1, "time",
                                     time_text(event->direct.time_ms), "sender",
                                     id_text(event->direct.sender), "name",
                                     text(event->direct.name), "body", text(event->direct.body),
                                     "id", id_text(event->direct.msgid)));
}

bool json_out_gap(FILE *out, struct slice room, uint64_t from, uint64_t to, enum reason reason)
{
    return write_line(out, json_pack("{s:{s:o, s:I, s:I, s:s}}", "gap", "room", text(room), "from",
                                     (json_int_t)from, "to", (json_int_t)to, "reason",
                                     reason == REASON_NONE ? "unexplained" : reason_name(reason)));
}

bool json_out_person(FILE *out, const struct person *person)
{
    return write_line(
        out, json_pack("{s:o, s:o}", "id", id_text(person->id), "name", text(person->name)));
}

bool json_out_room(FILE *out, const struct room_entry *room)
{
    return write_line(out, json_pack("{s:o, s:I}", "room", text(room->name), "members",
                                     (json_int_t)room->members));
}
