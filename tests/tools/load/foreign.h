/* foreign.h -- a small server that speaks a dialect, well or wrong in one way.
 *
 * What fake.h is for our own frames: in a thread of its own, on a port of its own. What a client
 * says is read by foreign_words.c, in which each dialect has the server's side of it.
 */
#ifndef UPROAR_TESTS_TOOLS_LOAD_FOREIGN_H
#define UPROAR_TESTS_TOOLS_LOAD_FOREIGN_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/base.h"

/* What happens to the 10th message of each room; "the victim" is the first who joined it of those
 * who have not spoken. */
enum foreign_fault {
    FOREIGN_HONEST,
    FOREIGN_DROP,    /* the victim is not given it */
    FOREIGN_REPEAT,  /* the victim is given it twice */
    FOREIGN_SWAP,    /* the victim is given it after the 11th */
    FOREIGN_ALTER,   /* a byte of the victim's differs */
    FOREIGN_CUT,     /* the victim's connection is closed */
    FOREIGN_REFUSE,  /* the greeting is answered with an error */
    FOREIGN_MUTE,    /* no answer to anything */
    FOREIGN_BABEL,   /* something else answers */
    FOREIGN_PIECES,  /* honest, but a few bytes at a time */
    FOREIGN_CURIOUS, /* asks for a sign of life, and lets nobody in who gives none */
};

/* What a client says. */
enum foreign_said { SAID_OTHER, SAID_GREETING, SAID_JOIN, SAID_PUBLISH, SAID_ALIVE };

struct foreign_speech {
    enum foreign_said said;
    uint32_t place; /* JOIN, where the client numbers them */
    struct slice room, body;
};

/* The server's side of a dialect. Writers return bytes; none: the dialect has no such thing. */
struct foreign_words {
    const char *name;
    int64_t (*read)(struct slice in, struct foreign_speech *speech); /* as load_dialect.cut */
    size_t (*hello)(uint8_t *out);                                   /* at once */
    size_t (*welcome)(uint8_t *out);
    size_t (*joined)(uint8_t *out, struct slice room, uint32_t place);
    size_t (*message)(uint8_t *out, struct slice room, uint32_t place, struct slice body);
    size_t (*published)(uint8_t *out); /* to who spoke */
    size_t (*ask)(uint8_t *out);
    size_t (*refuse)(uint8_t *out);
};

/* By name; the test fails if there are none. */
const struct foreign_words *foreign_words(const char *name);

#define FOREIGN_CLIENTS 32
#define FOREIGN_ROOMS   16
#define FOREIGN_INPUT   (256 * 1024)
#define FOREIGN_FAULTY  10u

struct foreign_client {
    int fd; /* -1: free */
    bool asked, alive, spoke;
    uint32_t rooms;                  /* bit for each */
    uint32_t places[FOREIGN_ROOMS];  /* what it calls them */
    uint32_t entered[FOREIGN_ROOMS]; /* how many were there when it had joined */
    uint8_t *in;
    size_t in_used;
};

struct foreign {
    enum foreign_fault fault;
    const struct foreign_words *words;
    char address[32];
    int listener;
    pthread_t thread;
    _Atomic bool stop;
    unsigned clients_count;
    struct foreign_client clients[FOREIGN_CLIENTS];
    unsigned rooms_count;
    struct foreign_room {
        char name[64];
        size_t name_len;
        uint64_t seq;
        uint32_t entered;
        int victim;         /* client, or -1 */
        uint8_t held[1024]; /* SWAP */
        size_t held_len;
    } rooms[FOREIGN_ROOMS];
};

struct foreign *foreign_start(const char *dialect, enum foreign_fault fault);
void foreign_stop(struct foreign *foreign);

#endif
