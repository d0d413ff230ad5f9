/* screen.h -- a terminal on which lines appear while somebody types at its bottom.
 *
 * The editing (cursor keys, history, the user's ~/.editrc) is libedit's. What libedit cannot do
 * is to let something else be printed meanwhile. So whenever it wants a character, it asks us,
 * and we wait for one together with the network (`wait`, which may call screen_print):
 *
 *     screen_read ─► el_gets ─► our character function ─► wait ─► poll(terminal, socket)
 *                                                           │
 *                                       screen_print ◄──────┘
 *
 * screen_print takes the typed text off the screen and prints, screen_refresh lets libedit draw it
 * anew; the text itself is never touched. Between two characters no key sequence is half read by
 * libedit that we would not also be waiting on: a lone Escape holds up nobody.
 *
 * Ctrl-C throws the line away, or ends the reading when it is empty; Ctrl-Z and a change of the
 * window's size work. One screen in a process (signals are the process's). One thread.
 */
#ifndef UPROAR_TOOLS_SCREEN_H
#define UPROAR_TOOLS_SCREEN_H

#include <signal.h>

#include "core/base.h"

struct screen;

/* What `wait` reports. */
enum screen_wait {
    SCREEN_READABLE, /* the terminal has something to read, or has gone away */
    SCREEN_SIGNAL,   /* a signal arrived; look at what it was */
    SCREEN_LEAVE,    /* stop reading */
};

/* Takes the terminal on standard input and output. `wait` is called while a line is being typed and
 * returns when one of the three is so; it waits with ppoll(2) and screen_mask, since signals
 * are blocked everywhere else. NULL: out of memory, or no usable terminal. */
struct screen *screen_new(enum screen_wait (*wait)(void *ctx), void *ctx);
/* Gives the terminal back as it was. */
void screen_free(struct screen *screen);

/* The signal mask for ppoll(2) inside `wait`. */
const sigset_t *screen_mask(const struct screen *screen);

/* What stands before the typed text from now on. */
void screen_prompt(struct screen *screen, const char *prompt);

/* The next typed line without its line feed, valid until the next call; NULL at the end: Ctrl-D,
 * Ctrl-C on an empty line, SCREEN_LEAVE, or a terminal that went away. */
const char *screen_read(struct screen *screen);

/* Removes the line that was just read from the screen. */
void screen_erase(struct screen *screen);

/* Prints one line above what is being typed. The first of several takes the typed text off, and
 * only screen_refresh draws it again: a burst of messages draws it once. */
void screen_print(struct screen *screen, const char *line);

/* To be called before `wait` waits. */
void screen_refresh(struct screen *screen);

#endif
