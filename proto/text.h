/* text.h -- what counts as text: UTF-8 as Unicode defines it, and names fit to be shown. */
#ifndef UPROAR_PROTO_TEXT_H
#define UPROAR_PROTO_TEXT_H

#include "proto/cmd.h"

/* Well-formed UTF-8 by table 3-7 of the Unicode Standard (RFC 3629 section 4): no overlong
 * forms, no surrogates, nothing above U+10FFFF. An empty slice is valid. */
bool utf8_valid(struct slice text);

/* Text that comes in pieces: the beginning of a sequence that the last piece cut. All zero at the
 * beginning of a text. */
struct utf8_tail {
    uint8_t bytes[3];
    uint8_t len;
};

/* Whether `piece` goes on with the text so far. False as soon as no continuation could make it
 * valid. The text is whole when tail->len is 0 behind its last piece. */
bool utf8_continue(struct utf8_tail *tail, struct slice piece);

/* Whether `name` may be a person's or room's name of at most bytes_max bytes: REASON_NONE,
 * _NAME_EMPTY, _NAME_TOO_LONG, _BAD_TEXT or _NAME_CONTROL. Control characters are C0, DEL, C1,
 * the line and paragraph separators, and the bidirectional controls and zero-width
 * characters, with which one name can be made to look like another. Leading or trailing blanks
 * count as control characters for the same reason. */
enum reason name_check(struct slice name, size_t bytes_max);

#endif
