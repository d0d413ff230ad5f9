/* json_out.h -- one JSON object on a line of standard output, for each thing a script may want.
 *
 * Numbers that a script may compare are JSON numbers (seq, members); ids are strings, since they
 * use all of 64 bits and many readers of JSON keep only 53. Text is exact: JSON can carry what a
 * terminal must not be shown.
 *
 *     {"room":"lobby","seq":7,"time":"2026-11-21T13:05:09.123Z","sender":"42","name":"anna",
 *      "body":"hello","id":"9"}
 *     {"direct":true,"time":…,"sender":…,"name":…,"body":…,"id":…}
 *     {"gap":{"room":"lobby","from":8,"to":12,"reason":"too-slow"}}
 *     {"id":"42","name":"anna"}            who
 *     {"room":"lobby","members":3}         rooms
 */
#ifndef UPROAR_TOOLS_JSON_OUT_H
#define UPROAR_TOOLS_JSON_OUT_H

#include <stdio.h>

#include "proto/cmd.h"

/* Each writes one line to `out`. false: out of memory, or the write failed. */
bool json_out_message(FILE *out, struct slice room, const struct event *event);
bool json_out_direct(FILE *out, const struct event *event);
bool json_out_gap(FILE *out, struct slice room, uint64_t from, uint64_t to, enum reason reason);
bool json_out_person(FILE *out, const struct person *person);
bool json_out_room(FILE *out, const struct room_entry *room);

#endif
