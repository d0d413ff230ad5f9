/* echo.h -- the smallest server on core/stream, for tests that step its loop by hand.
 *
 * Client sockets and server share the test's thread: each echo_turn is one turn of the loop
 * that sleeps at most a millisecond. What the clients see is theirs to check; what the server's
 * callbacks saw is counted here.
 */
#ifndef UPROAR_TESTS_CORE_ECHO_H
#define UPROAR_TESTS_CORE_ECHO_H

#include "core/listener.h"
#include "core/stream.h"

struct echo_peer {
    struct stream stream;
    uint8_t *filling, *flying; /* received and not sent yet; with the kernel */
    size_t filling_bytes, filling_capacity;
    size_t flying_bytes, flown; /* of a send that the kernel gave up, in tries so far */
};

struct echo {
    struct loop loop;
    struct streams streams;
    struct listener listener;
    uint16_t port;
    bool mute;        /* takes bytes, sends nothing back */
    bool close_first; /* closes each stream when its first bytes come */
    bool reset;       /* with RST */
    bool close_on_eof;
    bool keep;              /* keeps each stream that closes */
    bool keep_and_free;     /* and frees it in the same closed() */
    bool refuse;            /* closes what is accepted at once, without a stream */
    struct echo_peer *last; /* opened last */
    /* Counted in the callbacks. */
    uint64_t bytes, eofs, sents, shorts, fails, closeds, refused;
    int error; /* of the last failed() */
};

/* Binds to a free loopback port. `config` may be NULL. */
void echo_init(struct echo *echo, const struct uring_config *config);
/* Stops accepting and closes all streams first; checks that everything came home. */
void echo_fini(struct echo *echo);
void echo_turn(struct echo *echo);
/* Sends `len` bytes to the peer, which must not be sending. The bytes are copied. */
void echo_send(struct echo *echo, struct echo_peer *peer, const void *data, size_t len);

/* Turns until `condition` holds; a failure after ten seconds. */
#define echo_until(echo, condition)                                                       \
    do {                                                                                  \
        uint64_t give_up = clock_monotonic_ns() + 10 * NS_PER_SEC;                        \
        while (!(condition)) {                                                            \
            cr_assert(clock_monotonic_ns() < give_up, "never came true: %s", #condition); \
            echo_turn(echo);                                                              \
        }                                                                                 \
    } while (0)

/* A non-blocking client, connected. rcvbuf_bytes 0: the kernel's. */
int client_connect(uint16_t port, int rcvbuf_bytes);
/* Sends what fits; adds to *done. False when the socket is full or broken. */
bool client_send(int fd, const uint8_t *data, size_t len, size_t *done);
/* Reads what is there, at most len; 0 when nothing is there now, -1 at the end or an error. */
ssize_t client_recv(int fd, void *data, size_t len);
/* Byte `at` of a stream of bytes that is different for each `seed`. */
uint8_t pattern(uint64_t at, unsigned seed);
/* Descriptors that this process has open. */
unsigned descriptors(void);

#endif
