/* paint.h -- colours, for whoever wants them.
 *
 * A name always has the same colour, on every run and every machine: it is drawn from a palette
 * by the name's hash. Every colour of the palette has a contrast of at least 3:1 on white and
 * 4:1 on black (WCAG 2.1's measure), because nobody tells us what the terminal's background is.
 */
#ifndef UPROAR_TOOLS_PAINT_H
#define UPROAR_TOOLS_PAINT_H

#include "tools/strbuf.h"

enum paint_mode { PAINT_AUTO, PAINT_ALWAYS, PAINT_NEVER };
enum paint { PAINT_NONE, PAINT_BASIC, PAINT_256 };

bool paint_mode_parse(const char *text, enum paint_mode *mode);

/* What to use. The three texts are the environment's TERM, COLORTERM and NO_COLOR, NULL when
 * unset. NO_COLOR (no-color.org) turns colours off unless `mode` insists. */
enum paint paint_choose(enum paint_mode mode, bool terminal, const char *term,
                        const char *colorterm, const char *no_color);

/* The palette's colour number for a name; 0 with PAINT_NONE. */
unsigned paint_of(enum paint paint, struct slice name);

/* Appends the name in its colour, through printable_append. */
void paint_name(enum paint paint, struct strbuf *out, struct slice name);

/* What stands between these two is faint: time stamps and the client's own remarks. */
void paint_faint(enum paint paint, struct strbuf *out);
void paint_end(enum paint paint, struct strbuf *out);

#endif
