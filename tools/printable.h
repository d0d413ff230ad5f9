/* printable.h -- what strangers wrote, made fit for a terminal.
 *
 * A terminal obeys what it is sent: an escape sequence in a message could recolour the screen,
 * set the window's title, or make the terminal type on the reader's behalf; a bidirectional
 * control could make one name look like another's. So nothing that came over the network
 * reaches a terminal but through here:
 *
 *   line feed, tab, carriage return      \n  \t  \r
 *   other C0 controls, DEL, bad UTF-8    \xNN, byte by byte
 *   C1 controls, line separators, bidirectional and zero-width controls    \u{NNNN}
 *
 * Backslashes stay as they are, so this cannot be undone: a program that wants the exact text
 * asks for JSON.
 */
#ifndef UPROAR_TOOLS_PRINTABLE_H
#define UPROAR_TOOLS_PRINTABLE_H

#include "tools/strbuf.h"

void printable_append(struct strbuf *out, struct slice text);

#endif
