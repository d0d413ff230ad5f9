/* fake.h -- a small server that keeps its promises, or breaks exactly one of them.
 *
 * The load generator is only worth something if it sees what is wrong. So these tests give it
 * a server that is wrong in a known way, in a thread of its own, on a port of its own. It speaks
 * whatever the codecs of proto/ do, each client's own.
 */
#ifndef UPROAR_TESTS_TOOLS_LOAD_FAKE_H
#define UPROAR_TESTS_TOOLS_LOAD_FAKE_H

#include <pthread.h>
#include <stdatomic.h>

#include "proto/frame.h"

/* What happens to the 10th message of each room; "the victim" is the first who joined it. */
enum load_fake_fault {
    FAKE_HONEST,
    FAKE_DROP,   /* the victim is not given it */
    FAKE_REPEAT, /* the victim is given it twice */
    FAKE_SWAP,   /* the victim is given it after the 11th */
    FAKE_ALTER,  /* a byte of the victim's differs */
    FAKE_GAP,    /* the victim is told of a gap instead */
    FAKE_FORGET, /* acknowledged and given to nobody, as are all after it */
    FAKE_CUT,    /* the victim's connection is closed */
    FAKE_NACK,   /* refused */
    FAKE_REFUSE, /* JOIN is answered with ERROR */
    FAKE_MUTE,   /* no answer to anything */
    FAKE_BABEL,  /* another protocol */
    FAKE_EXPEL,  /* the victim is told GOAWAY, and its connection closed */
    FAKE_HASTY,  /* who has not said HELLO within FAKE_HELLO_MS is told so and cut */
    FAKE_ABRUPT, /* the same, without a word */
    /* Those with sessions: WELCOME has a token, and who comes back with it goes on. */
    FAKE_KEEPS,     /* honest */
    FAKE_FULL,      /* every HELLO but each third is answered with GOAWAY server-full */
    FAKE_MUM,       /* who comes back is not told what it missed */
    FAKE_FORGETFUL, /* who comes back is told that this is a new session */
    /* Only for those who come by HTTP. */
    FAKE_NO_WEBSOCKET, /* 404 */
    FAKE_BUSY,         /* every upgrade but each third is answered with 503 */
    FAKE_ACCEPT,       /* 101 to somebody else's key */
    FAKE_PROTOCOL,     /* 101 without a subprotocol */
    FAKE_CLOSE,        /* HELLO is answered with a close frame, 1009 */
    FAKE_GONE,         /* the same, 1001 */
    FAKE_FRAGMENTS,    /* HELLO is answered with the first part of a message */
};

#define FAKE_HELLO_MS 400u

#define FAKE_CLIENTS 64 /* at a time */
#define FAKE_ROOMS   16
#define FAKE_FULL_MS 50u /* when to come back, says FAKE_FULL */
#define FAKE_INPUT   (256 * 1024)

/* Named by the first byte of its token. */
struct load_fake_session {
    uint32_t rooms; /* bit for each */
    uint64_t given[FAKE_ROOMS];
};

struct load_fake_client {
    int fd;                            /* -1: free */
    struct load_fake_session *session; /* or NULL */
    bool sniffed, no_echo, greeted;
    unsigned codec; /* of codecs; once sniffed */
    uint32_t state[CODEC_STATE_BYTES_MAX / sizeof(uint32_t)];
    uint64_t opened_ns;
    uint32_t rooms; /* bit for each */
    uint8_t *in;
    size_t in_used;
};

struct load_fake_room {
    char name[ROOM_BYTES_MAX + 1];
    uint64_t seq;
    int victim;         /* client, or -1 */
    uint8_t held[1024]; /* FAKE_SWAP */
    size_t held_len;
};

struct load_fake {
    enum load_fake_fault fault;
    char address[32];
    int listener;
    pthread_t thread;
    _Atomic bool stop, going;
    _Atomic unsigned goodbyes; /* close frames that end a session */
    bool gone;
    unsigned clients_count;
    struct load_fake_client clients[FAKE_CLIENTS];
    unsigned rooms_count;
    struct load_fake_room rooms[FAKE_ROOMS];
    unsigned sessions_count, hellos, upgrades;
    struct load_fake_session sessions[FAKE_CLIENTS];
};

struct load_fake *load_fake_start(enum load_fake_fault fault);
void load_fake_stop(struct load_fake *fake);
/* As at SIGTERM: everybody gets GOAWAY shutdown, each with another time, and FIN. Any thread. */
void load_fake_go(struct load_fake *fake);

#endif
