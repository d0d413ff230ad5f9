/* stress_mesh.c -- shard/mesh between threads: nothing lost, one order, every segment home, no
 * wake-up missed, and no effect before its cause.
 *
 * PORTS threads, each with a port, a pool and an eventfd, take turns as a shard does: drain,
 * work, settle, flush, sleep. Work is posting to random ports, itself included, with or without a
 * payload; one payload may go to several ports. First the rings have two slots, so nearly
 * everything goes through the overflow; then as many as usual. Each message carries its number
 * within its pair of ports, and a payload the same number in every word; the producer scribbles
 * over payloads that came back, so that one which came back too early shows.
 *
 * Causality. Each port keeps how many messages from each to each it knows of (a matrix clock:
 * Raynal, Schiper and Toueg, "The causal ordering abstraction and a simple way to implement
 * it", 1991), and each payload carries what its port knew. Whoever handles one must have
 * handled everything for itself that is known there. Beside the mesh there are clients: after its
 * flush a port leaves what it knows at another port, which takes it before a drain, as
 * bytes that were received, and believes it after a drain that left nothing.
 *
 * What is posted is answered, and a port posts only so much ahead of the answers: so ports run
 * out of things to do, and sleep. A port that has slots out wakes up by itself after a while, as a
 * shard does, to look for receipts. That must not hide a lost wake-up: who finds work then must
 * also find that it was rung for, at the latest a moment later.
 */
#include "tests/stress/stress.h"

#include <poll.h>
#include <unistd.h>

#include "core/thread.h"
#include "shard/mesh.h"

#define PORTS          5u
#define MESSAGES       STRESS_ROUNDS(UINT64_C(150000)) /* asked by each port */
#define AHEAD          96u                             /* questions without an answer */
#define WORDS          12u
#define LETTERS_ONE_IN 4u   /* turns after which a client goes from one port to another */
#define LOOK_MS        20   /* for receipts */
#define RUNG_MS        2000 /* a ring that is under way takes no longer */
#define PAYLOADS_MAX   (4u << 20)

enum { QUESTION, ANSWER };

/* known[i][k]: so many messages from i to k have been posted, at least. */
struct known {
    uint64_t posted[PORTS][PORTS];
};

struct worker {
    struct mesh_port *port;
    struct wake wake;
    struct segments segments;
    uint64_t random;
    uint64_t next_out[PORTS], next_in[PORTS]; /* numbers by pair */
    struct known known;                       /* of others; of itself it is next_out */
    pthread_mutex_t door;                     /* of the letter */
    struct known letter;                      /* what clients who came here have seen */
    uint64_t learned;                         /* payloads and letters believed */
    uint64_t asked, answered, handled;
    uint64_t sleeps, looks;
    struct thread thread;
};

static struct mesh *mesh;
static struct worker workers[PORTS];
static _Atomic unsigned opened;   /* ports that can be posted to */
static _Atomic unsigned finished; /* workers that have all their answers */
static _Atomic uint64_t progress;
static _Atomic bool done;

static struct xmsg *post(struct worker *worker, unsigned to, unsigned type)
{
    struct xmsg *msg = mesh_post(worker->port, (uint16_t)to);

    msg->type = (uint8_t)type;
    msg->number = worker->next_out[to]++;
    msg->who.port = worker->port->index;
    return msg;
}

static void known_merge(struct known *known, const struct known *more)
{
    for (unsigned i = 0; i < PORTS; i++)
        for (unsigned k = 0; k < PORTS; k++)
            known->posted[i][k] = u64_max(known->posted[i][k], more->posted[i][k]);
}

static const struct known *known_now(struct worker *worker)
{
    unsigned self = worker->port->index;

    memcpy(worker->known.posted[self], worker->next_out, sizeof(worker->next_out));
    return &worker->known;
}

/* Something arrived that could only be said by who knows all this. */
static void believe(struct worker *worker, const struct known *known)
{
    for (unsigned i = 0; i < PORTS; i++)
        EXPECT(worker->next_in[i] >= known->posted[i][worker->port->index]);
    known_merge(&worker->known, known);
    worker->learned++;
}

/* A fresh payload, or NULL: the ceiling is reached, and the message goes without. */
static struct segment *payload(struct worker *worker, uint64_t word)
{
    struct segment *segment =
        segment_get(&worker->segments, WORDS * sizeof(word) + sizeof(struct known));

    if (segment == NULL)
        return NULL;
    memcpy(segment->bytes + WORDS * sizeof(word), known_now(worker), sizeof(struct known));
    /* Recycled as it is: this is the scribbling. */
    for (unsigned i = 0; i < WORDS; i++)
        memcpy(segment->bytes + i * sizeof(word), &word, sizeof(word));
    segment->used = WORDS * sizeof(word) + sizeof(struct known);
    return segment;
}

static void attach(struct xmsg *msg, struct segment *segment, uint64_t word)
{
    msg->payload = segment;
    msg->length = segment->used;
    msg->value = word;
}

static void handle(void *ctx, const struct xmsg *msg)
{
    struct worker *worker = ctx;
    unsigned from = msg->who.port;

    EXPECT(from < PORTS);
    EXPECT(msg->number == worker->next_in[from]);
    if (msg->payload != NULL) {
        struct known known;
        memcpy(&known, msg->payload->bytes + WORDS * sizeof(uint64_t), sizeof(known));
        believe(worker, &known);
    }
    worker->next_in[from]++;
    worker->handled++;
    for (unsigned i = 0; msg->payload != NULL && i < WORDS; i++)
        EXPECT(memcmp(msg->payload->bytes + i * sizeof(uint64_t), &msg->value, sizeof(uint64_t)) ==
               0);
    if (msg->type == ANSWER) {
        worker->answered++;
        atomic_fetch_add_explicit(&progress, 1, memory_order_relaxed);
        return;
    }
    EXPECT(msg->type == QUESTION);
    post(worker, from, ANSWER);
}

static void ask(struct worker *worker)
{
    uint64_t random = stress_random(&worker->random);
    unsigned fan = random % 8 == 0 ? 3 : 1; /* one payload for several, as a room's run */
    uint64_t word = random;
    struct segment *segment = random % 16 < 10 ? payload(worker, word) : NULL;

    for (unsigned i = 0; i < fan && worker->asked < MESSAGES; i++) {
        struct xmsg *msg = post(worker, (unsigned)((random >> 16) + i) % PORTS, QUESTION);
        if (segment != NULL)
            attach(msg, segment_ref(segment), word);
        worker->asked++;
    }
    segment_put(segment);
}

/* A client has seen what this port's flush let go, and goes to another. */
static void send_letter(struct worker *worker)
{
    uint64_t random = stress_random(&worker->random);
    struct worker *to = &workers[(random >> 8) % PORTS];

    if (random % LETTERS_ONE_IN != 0)
        return;
    pthread_mutex_lock(&to->door);
    known_merge(&to->letter, known_now(worker));
    pthread_mutex_unlock(&to->door);
}

static struct known take_letter(struct worker *worker)
{
    pthread_mutex_lock(&worker->door);
    struct known letter = worker->letter;
    pthread_mutex_unlock(&worker->door);
    return letter;
}

/* What waits behind a full ring does not keep a client from being heard. */
static bool all_drained(const struct mesh_port *port)
{
    uint64_t any = 0;

    for (unsigned word = 0; word < MESH_WORDS; word++)
        any |= port->pending[word];
    return any == 0;
}

static bool over(void)
{
    /* seq_cst: the sleeper's second look; pairs with the addition in run. */
    return atomic_load_explicit(&finished, memory_order_seq_cst) == PORTS;
}

static void wait_for_work(struct worker *worker, bool look_again)
{
    struct pollfd in = {.fd = worker->wake.fd, .events = POLLIN};
    uint64_t count;

    wake_sleep(&worker->wake);
    if (!mesh_has_work(worker->port) && !over()) {
        int rung = poll(&in, 1, look_again ? LOOK_MS : -1);
        if (rung == 0) {
            worker->looks++;
            /* The producer may be between its flag and its ring, but not for long. */
            if (mesh_has_work(worker->port))
                rung = poll(&in, 1, RUNG_MS);
            EXPECT(rung == 1 || !mesh_has_work(worker->port));
        }
        if (rung == 1)
            EXPECT(read(worker->wake.fd, &count, sizeof(count)) == (ssize_t)sizeof(count));
        worker->sleeps++;
    }
    wake_awake(&worker->wake);
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    bool counted = false;

    EXPECT(mesh_port_open(worker->port, &worker->wake) == 0);
    atomic_fetch_add(&opened, 1);
    while (atomic_load(&opened) < PORTS)
        ;
    while (!over()) {
        struct known letter = take_letter(worker);
        unsigned handled = mesh_drain(worker->port, handle, worker);
        if (all_drained(worker->port))
            believe(worker, &letter);
        uint64_t burst = stress_random(&worker->random) % 32;
        bool idle = handled == 0;
        while (burst-- > 0 && worker->asked < MESSAGES &&
               worker->asked - worker->answered < AHEAD) {
            ask(worker);
            idle = false;
        }
        while (mesh_settle(worker->port, handle, worker) > 0)
            ;
        mesh_flush(worker->port);
        send_letter(worker);
        if (worker->answered == MESSAGES && !counted) {
            counted = true;
            atomic_fetch_add_explicit(&finished, 1, memory_order_seq_cst);
            for (unsigned i = 0; i < PORTS; i++)
                wake_ring(&workers[i].wake);
        }
        bool outstanding = mesh_receipts(worker->port);
        if (idle)
            wait_for_work(worker, outstanding || mesh_congested(worker->port));
    }
    return NULL;
}

static void *supervise(void *arg)
{
    (void)arg;
    stress_watch("stress_mesh", &progress, &done, 10);
    return NULL;
}

static void stress(uint32_t slots)
{
    struct thread watchdog;

    mesh = mesh_new(PORTS, slots);
    EXPECT(mesh != NULL);
    memset(workers, 0, sizeof(workers));
    atomic_store(&opened, 0);
    atomic_store(&finished, 0);
    atomic_store(&done, false);
    for (unsigned i = 0; i < PORTS; i++) {
        workers[i].port = &mesh->ports[i];
        workers[i].random = 77 + i;
        pthread_mutex_init(&workers[i].door, NULL);
        EXPECT(wake_init(&workers[i].wake) == 0);
        EXPECT(segments_init(&workers[i].segments, PAYLOADS_MAX) == 0);
    }
    EXPECT(thread_start(&watchdog, "watchdog", -1, supervise, NULL) == 0);
    for (unsigned i = 0; i < PORTS; i++)
        EXPECT(thread_start(&workers[i].thread, "port", -1, run, &workers[i]) == 0);
    for (unsigned i = 0; i < PORTS; i++)
        thread_join(&workers[i].thread);
    atomic_store(&done, true);
    thread_join(&watchdog);

    uint64_t overflowed = 0, sleeps = 0, woken = 0, looks = 0, learned = 0;
    for (unsigned i = 0; i < PORTS; i++) {
        struct worker *worker = &workers[i];
        EXPECT(worker->answered == MESSAGES);
        EXPECT(!mesh_congested(worker->port) && !mesh_has_work(worker->port));
        EXPECT(!mesh_receipts(worker->port));
        EXPECT(worker->segments.bytes_in_use == 0);
        for (unsigned k = 0; k < PORTS; k++)
            EXPECT(worker->next_in[k] == workers[k].next_out[i]);
        overflowed += worker->port->overflowed;
        sleeps += worker->sleeps;
        looks += worker->looks;
        woken += worker->port->woken;
        learned += worker->learned;
        segments_fini(&worker->segments);
        wake_fini(&worker->wake);
        pthread_mutex_destroy(&worker->door);
    }
    EXPECT((overflowed > 0 || slots > 2) && sleeps > 0 && woken > 0 && learned > 0);
    mesh_free(mesh);
    printf("stress_mesh: %u slots: %llu questions, %llu messages behind full rings, %llu sleeps, "
           "%llu wake-ups, %llu looks for receipts, %llu times nothing was missing\n",
           slots, (unsigned long long)(PORTS * MESSAGES), (unsigned long long)overflowed,
           (unsigned long long)sleeps, (unsigned long long)woken, (unsigned long long)looks,
           (unsigned long long)learned);
}

int main(void)
{
    stress(2);
    stress(256);
    return 0;
}
