/* screen.c -- see screen.h.
 *
 * Where the cursor stands is computed as libedit computes it when it draws (its refresh.c): a
 * character that is not printable takes the room of "^X" or "\U+XXXX", one without width takes
 * one column, and a wide one that does not fit the row goes to the next.
 *
 * Between two lines libedit gives the terminal back, and the usual mode would then echo what is
 * typed in the middle of messages, and swallow a Ctrl-D. So what libedit gives back is, until we
 * end, a mode without echo and without waiting for whole lines. And the terminal must not throw
 * away what is on its way when Ctrl-C or Ctrl-Z is typed: that may be a message. */
#include "tools/screen.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#include "proto/text.h"

#define HISTORY_LINES_MAX 500
#define PROMPT_BYTES_MAX  128u
#define LINE_FEED_KEY     L'\n'
#define SIGNALS_WATCHED   5u

struct screen {
    EditLine *edit;
    History *history;
    bool dumb; /* no cursor movement: nothing can be taken back */

    enum screen_wait (*wait)(void *ctx);
    void *ctx;

    char prompt[PROMPT_BYTES_MAX + 1];
    char *line;   /* heap: the line read last */
    bool reading; /* inside screen_read: prompt and typed text are on the screen */
    bool dropped; /* Ctrl-C: the line that comes now is thrown away */
    bool hidden;  /* but taken off just now, to be drawn again by screen_refresh */

    /* Bytes read from the terminal that are no whole character yet. */
    uint8_t key[4];
    unsigned key_len;

    struct termios before; /* the terminal's mode as we found it */
    sigset_t mask, old_mask;
    struct sigaction old_actions[SIGNALS_WATCHED];
};

static const int signals_watched[SIGNALS_WATCHED] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH};
static volatile sig_atomic_t signals_seen[SIGNALS_WATCHED];

static void on_signal(int number)
{
    for (unsigned i = 0; i < SIGNALS_WATCHED; i++)
        if (signals_watched[i] == number)
            signals_seen[i] = 1;
}

static bool signal_take(int number)
{
    for (unsigned i = 0; i < SIGNALS_WATCHED; i++)
        if (signals_watched[i] == number && signals_seen[i]) {
            signals_seen[i] = 0;
            return true;
        }
    return false;
}

static size_t columns(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

/* The column after drawing `code` at column `at`, counted on over the rows. */
static size_t advance(size_t at, wchar_t code, size_t width)
{
    size_t need;

    if (iswcntrl((wint_t)code))
        need = 2;
    else if (iswprint((wint_t)code))
        need = size_max((size_t)wcwidth(code), 1);
    else
        need = code > 0xffff ? 8 : 7;
    /* Only wide characters are kept whole. */
    if (need == 2 && iswprint((wint_t)code) && at % width == width - 1)
        at++;
    return at + need;
}

static size_t advance_text(size_t at, const char *text, size_t width)
{
    mbstate_t state = {0};
    size_t left = strlen(text), len;
    wchar_t code;

    while (left > 0 && (len = mbrtowc(&code, text, left, &state)) != 0) {
        if (len > left)
            break;
        at = advance(at, code, width);
        text += len;
        left -= len;
    }
    return at;
}

/* Takes prompt and typed text off the screen; the cursor is then where the prompt began. */
static void hide(struct screen *screen)
{
    const LineInfoW *info = el_wline(screen->edit);
    size_t width = columns(), at = advance_text(0, screen->prompt, width);

    if (screen->hidden)
        return;
    screen->hidden = true;
    if (screen->dumb) {
        putc('\n', stdout);
        return;
    }
    for (const wchar_t *code = info->buffer; code < info->cursor; code++)
        at = advance(at, *code, width);
    if (at / width > 0)
        printf("\033[%zuA", at / width);
    fputs("\r\033[J", stdout);
}

void screen_refresh(struct screen *screen)
{
    fflush(stdout);
    if (!screen->hidden)
        return;
    screen->hidden = false;
    el_set(screen->edit, EL_REFRESH);
}

void screen_print(struct screen *screen, const char *line)
{
    if (screen->reading)
        hide(screen);
    fputs(line, stdout);
    putc('\n', stdout);
}

void screen_prompt(struct screen *screen, const char *prompt)
{
    if (strcmp(screen->prompt, prompt) == 0)
        return;
    /* What is on the screen has the old prompt's width. */
    if (screen->reading)
        hide(screen);
    snprintf(screen->prompt, sizeof(screen->prompt), "%s", prompt);
}

void screen_erase(struct screen *screen)
{
    size_t width = columns(), at = advance_text(0, screen->prompt, width);

    if (screen->dumb || screen->line == NULL)
        return;
    at = advance_text(at, screen->line, width);
    printf("\033[%zuA\r\033[J", at / width + 1);
    fflush(stdout);
}

/* Ctrl-Z: the terminal is the shell's until we are continued. */
static void suspend(struct screen *screen)
{
    el_set(screen->edit, EL_PREP_TERM, 0);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &screen->before);
    raise(SIGSTOP);
    el_set(screen->edit, EL_PREP_TERM, 1);
    el_resize(screen->edit);
    putc('\n', stdout);
    screen->hidden = true;
    screen_refresh(screen);
}

/* 1: *key is set. 0: the end. -1: nothing to be done by libedit; wait on. */
static int handle_signals(struct screen *screen, wchar_t *key)
{
    const LineInfoW *info = el_wline(screen->edit);

    if (signal_take(SIGTERM) || signal_take(SIGHUP))
        return 0;
    if (signal_take(SIGTSTP))
        suspend(screen);
    if (signal_take(SIGWINCH)) {
        el_resize(screen->edit);
        hide(screen);
        screen_refresh(screen);
    }
    if (signal_take(SIGINT)) {
        if (info->lastchar == info->buffer)
            return 0;
        screen->dropped = true;
        *key = LINE_FEED_KEY;
        return 1;
    }
    return -1;
}

/* The next whole character in screen->key: 1, or 0 when more bytes are needed. Bytes that are no
 * UTF-8 become U+FFFD, since what is sent must be UTF-8. */
static int key_decode(struct screen *screen, wchar_t *key)
{
    uint8_t lead = screen->key[0];
    unsigned need = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1;

    if (screen->key_len < need)
        return 0;
    screen->key_len = 0;
    if (!utf8_valid(slice_of(screen->key, need))) {
        *key = 0xfffd;
        return 1;
    }
    *key = need == 1 ? lead : (wchar_t)(lead & (0x7fu >> need));
    for (unsigned i = 1; i < need; i++)
        *key = *key << 6 | (screen->key[i] & 0x3f);
    return 1;
}

/* What libedit calls for each character. 1: *key is set; 0: the end. */
static int next_key(EditLine *edit, wchar_t *key)
{
    struct screen *screen;

    el_get(edit, EL_CLIENTDATA, &screen);
    if (screen->dropped) {
        /* A key sequence swallowed the line feed; libedit shall have another. */
        *key = LINE_FEED_KEY;
        return 1;
    }
    for (;;) {
        enum screen_wait found = screen->wait(screen->ctx);
        ssize_t got;
        int result;

        screen_refresh(screen);
        result = handle_signals(screen, key);
        if (result >= 0)
            return result;
        if (found == SCREEN_LEAVE)
            return 0;
        if (found != SCREEN_READABLE)
            continue;
        got = read(STDIN_FILENO, &screen->key[screen->key_len], 1);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got <= 0)
            return 0;
        screen->key_len++;
        if (key_decode(screen, key) > 0)
            return 1;
    }
}

static char *draw_prompt(EditLine *edit)
{
    struct screen *screen;

    el_get(edit, EL_CLIENTDATA, &screen);
    return screen->prompt;
}

const char *screen_read(struct screen *screen)
{
    int count = 0;
    size_t len;
    const char *text;
    HistEvent event;

    free(screen->line);
    screen->line = NULL;
    for (;;) {
        screen->reading = true;
        screen->hidden = false;
        screen->dropped = false;
        text = el_gets(screen->edit, &count);
        screen->reading = false;
        if (text == NULL || count <= 0) {
            putc('\n', stdout);
            fflush(stdout);
            return NULL;
        }
        if (!screen->dropped)
            break;
    }
    len = strcspn(text, "\r\n");
    screen->line = strndup(text, len);
    if (screen->line != NULL && len > 0)
        history(screen->history, &event, H_ENTER, screen->line);
    return screen->line;
}

/* -x is the mode between lines, -d the one in which libedit reads. */
static void terminal_take(struct screen *screen)
{
    el_set(screen->edit, EL_SETTY, "-x", "-icanon", "-echo", "+noflsh", NULL);
    el_set(screen->edit, EL_SETTY, "-d", "+noflsh", NULL);
    el_set(screen->edit, EL_PREP_TERM, 1);
}

static void signals_watch(struct screen *screen)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t watched;

    sigemptyset(&watched);
    for (unsigned i = 0; i < SIGNALS_WATCHED; i++)
        sigaddset(&watched, signals_watched[i]);
    /* They arrive only inside ppoll: nothing else is ever interrupted, and none comes too soon. */
    sigprocmask(SIG_BLOCK, &watched, &screen->old_mask);
    screen->mask = screen->old_mask;
    for (unsigned i = 0; i < SIGNALS_WATCHED; i++) {
        sigdelset(&screen->mask, signals_watched[i]);
        sigaction(signals_watched[i], &action, &screen->old_actions[i]);
    }
}

struct screen *screen_new(enum screen_wait (*wait)(void *ctx), void *ctx)
{
    struct screen *screen = calloc(1, sizeof(*screen));
    const char *term = getenv("TERM");
    HistEvent event;

    if (screen == NULL)
        return NULL;
    /* libedit draws with the locale's encoding; ours is UTF-8 on every side. */
    if (setlocale(LC_CTYPE, "") == NULL || MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8");
    screen->wait = wait;
    screen->ctx = ctx;
    screen->dumb = term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0;
    tcgetattr(STDIN_FILENO, &screen->before);
    screen->history = history_init();
    screen->edit = el_init("uproar", stdin, stdout, stderr);
    if (screen->history == NULL || screen->edit == NULL) {
        if (screen->edit != NULL)
            el_end(screen->edit);
        if (screen->history != NULL)
            history_end(screen->history);
        free(screen);
        return NULL;
    }
    history(screen->history, &event, H_SETSIZE, HISTORY_LINES_MAX);
    history(screen->history, &event, H_SETUNIQUE, 1);
    el_set(screen->edit, EL_CLIENTDATA, screen);
    el_set(screen->edit, EL_PROMPT, draw_prompt);
    el_set(screen->edit, EL_EDITOR, "emacs");
    el_set(screen->edit, EL_HIST, history, screen->history);
    el_set(screen->edit, EL_GETCFN, next_key);
    el_source(screen->edit, NULL);
    terminal_take(screen);
    signals_watch(screen);
    return screen;
}

void screen_free(struct screen *screen)
{
    if (screen == NULL)
        return;
    for (unsigned i = 0; i < SIGNALS_WATCHED; i++)
        sigaction(signals_watched[i], &screen->old_actions[i], NULL);
    el_end(screen->edit);
    history_end(screen->history);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &screen->before);
    sigprocmask(SIG_SETMASK, &screen->old_mask, NULL);
    free(screen->line);
    free(screen);
}

const sigset_t *screen_mask(const struct screen *screen)
{
    return &screen->mask;
}
