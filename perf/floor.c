/* floor.c -- what the kernel alone costs: the same bytes to N sockets, and nothing else.
 *
 * No protocol, no rooms, no queues: a loop that so many times a second prepares one send for each
 * of N connections from one buffer, through the same core/uring as the server, and listens to all
 * of them. A forked child reads. The CPU time of the sending thread for each send is what no server
 * on this machine that sends each message by itself can get below; set the server's figure at the
 * same load beside it (uproar-load fanout with the same --clients and --rate, whose MESSAGE frames
 * of 64-byte bodies are about 125 bytes long).
 *
 * --senders splits the connections among threads on the same CPU, each with a ring of its own,
 * which all wake up when a round is due: the floor of a server with as many workers there. What it
 * costs more than one sender is the kernel's price of taking turns.
 *
 * On loopback the sender's CPU also runs the receiver's half of TCP, up to its socket buffer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/stream.h"
#include "core/thread.h"

#define CLIENTS_MAX 1000000u
#define SENDERS_MAX 1024u
#define NUMBER_MAX  1048576u
#define LATE_NS     NS_PER_MS
#define READ_BYTES  65536u

struct floor_options {
    uint64_t clients, rate, size, seconds, senders;
    int64_t cpu, reader_cpu; /* -1: anywhere */
    bool json;
};

/* A sending thread. */
struct sender {
    /* Set before it starts. */
    const struct floor_options *options;
    struct thread thread;
    const int *fds; /* its connections */
    uint64_t clients;
    const uint8_t *bytes;
    pthread_barrier_t *ready; /* passed by all of them at once */

    /* Its own; read after it has ended. */
    struct uring *ring;
    bool *busy; /* its last send is in flight */
    uint64_t sends, skipped, late_rounds, cpu_ns;
    uint32_t in_flight;
};

static const char help[] =
    "floor -- the kernel's own cost of sending the same bytes to many sockets\n"
    "\n"
    "  --clients N       connections [500]\n"
    "  --rate N          rounds per second: each sends once to every connection [100]\n"
    "  --size BYTES      of each send [125]\n"
    "  --seconds N       [10]\n"
    "  --senders N       threads that share the connections, on the same CPU [1]\n"
    "  --cpu N           pin the senders\n"
    "  --reader-cpu N    pin the reader\n"
    "  --json            one JSON object\n";

static _Noreturn void die(const char *what, int err)
{
    fprintf(stderr, "floor: %s: %s\n", what, strerror(err));
    exit(2);
}

static void pin(int64_t cpu)
{
    if (cpu < 0)
        return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) < 0)
        die("cannot pin to this CPU", errno);
}

/* A connection of the reader. */
struct reading {
    struct stream stream; /* first, as core/stream.h wants it */
};

struct reader {
    struct loop loop;
    struct streams streams;
    uint64_t bytes_in; /* of the connection that ended first */
    bool alike;        /* all that ended had as many */
};

static void reader_bytes(void *ctx, struct stream *stream, struct slice bytes)
{
    (void)ctx;
    (void)stream;
    (void)bytes;
}

static void reader_eof(void *ctx, struct stream *stream)
{
    struct reader *reader = ctx;
    stream_close(&reader->streams, stream, false);
}

static void reader_failed(void *ctx, struct stream *stream, int error)
{
    (void)error;
    reader_eof(ctx, stream);
}

static void reader_closed(void *ctx, struct stream *stream)
{
    struct reader *reader = ctx;
    if (reader->bytes_in == 0)
        reader->bytes_in = stream->bytes_in;
    if (stream->bytes_in != reader->bytes_in)
        reader->alike = false;
    if (reader->streams.open == 1) /* this one */
        loop_stop(&reader->loop);
}

/* The child: connects, then reads until the end of each connection, in the same way as
 * uproar-load does, since waking the receiver is work of the sender's CPU. Exit status 0 when
 * every connection got the same number of bytes. */
static _Noreturn void read_all(uint16_t port, const struct floor_options *options)
{
    static struct reader reader = {.alike = true};
    struct loop_owner owner = {.ctx = &reader};
    struct uring_config config = {
        .recv_mode = URING_RECV_MULTISHOT, .buffers = 64, .buffer_bytes = READ_BYTES};
    struct stream_events events = {&reader, reader_bytes, reader_eof, .failed = reader_failed,
                                   .closed = reader_closed};
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons(port),
                               .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    char why[512];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(options->reader_cpu);
    if (loop_init(&reader.loop, &config, &owner, why, sizeof(why)) < 0 ||
        streams_init(&reader.streams, &reader.loop, sizeof(struct reading),
                     (uint32_t)options->clients, &events) < 0)
        die("reader", ENOMEM);
    for (uint32_t i = 0; i < options->clients; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
            stream_open(&reader.streams, fd) == NULL)
            die("cannot connect", errno);
    }
    int err = loop_run(&reader.loop);
    if (err < 0)
        die("reader", -err);
    exit(reader.bytes_in == 0 || !reader.alike);
}

static int listen_any(uint16_t *port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(addr);
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* Inherited by every connection, as on the server's listener. */
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 ||
        bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 4096) < 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
        die("cannot listen", errno);
    *port = ntohs(addr.sin_port);
    return fd;
}

#define TAG_RECV UINT64_MAX

/* All connections, or the end if the reader ends first. */
static void accept_all(int listener, pid_t reader, const struct floor_options *options, int *fds)
{
    for (uint32_t accepted = 0; accepted < options->clients;) {
        struct pollfd comes = {.fd = listener, .events = POLLIN};
        if (poll(&comes, 1, 100) > 0) {
            int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (fd < 0)
                die("accept", errno);
            fds[accepted++] = fd;
        }
        int status;
        if (waitpid(reader, &status, WNOHANG) == reader)
            die("the reader", ECHILD);
    }
}

static void reap(struct sender *sender)
{
    struct uring_cqe cqes[256];
    unsigned n;
    while ((n = uring_reap(sender->ring, cqes, ARRAY_SIZE(cqes))) > 0) {
        for (unsigned i = 0; i < n; i++) {
            if (cqes[i].user_data == TAG_RECV)
                continue;
            if (cqes[i].res < 0)
                die("send", -cqes[i].res);
            sender->busy[cqes[i].user_data] = false;
            sender->in_flight--;
        }
    }
}

static void enter(struct sender *sender, uint64_t timeout_ns)
{
    int err = uring_enter(sender->ring, timeout_ns);
    if (err < 0)
        die("io_uring_enter", -err);
    reap(sender);
}

/* One round: a send to everybody who has taken the last one. */
static void send_round(struct sender *sender)
{
    for (uint32_t i = 0; i < sender->clients; i++) {
        if (sender->busy[i]) {
            sender->skipped++;
            continue;
        }
        sender->busy[i] = true;
        sender->in_flight++;
        sender->sends++;
        uring_send(sender->ring, sender->fds[i], sender->bytes, sender->options->size, true, i);
    }
    enter(sender, 0);
}

static void run_rounds(struct sender *sender)
{
    const struct floor_options *options = sender->options;
    uint64_t start_ns = clock_monotonic_ns();
    for (uint64_t round = 0; round < options->rate * options->seconds; round++) {
        uint64_t due_ns = start_ns + round * NS_PER_SEC / options->rate;
        for (uint64_t now_ns; (now_ns = clock_monotonic_ns()) < due_ns;)
            enter(sender, due_ns - now_ns);
        sender->late_rounds += clock_monotonic_ns() > due_ns + LATE_NS;
        send_round(sender);
    }
    while (sender->in_flight > 0)
        enter(sender, UINT64_MAX);
}

static void *send_all(void *arg)
{
    struct sender *sender = arg;
    char why[512];
    struct uring_config config = {.buffers = 2}; /* nothing is received */
    prctl(PR_SET_TIMERSLACK, 1ul, 0ul, 0ul, 0ul);
    if (uring_new(&sender->ring, &config, why, sizeof(why)) < 0) {
        fprintf(stderr, "floor: %s\n", why);
        exit(2);
    }
    /* Nothing will come; but a server listens, and the kernel looks. */
    for (uint32_t i = 0; i < sender->clients; i++)
        uring_recv(sender->ring, sender->fds[i], TAG_RECV, true);
    enter(sender, 0);
    pthread_barrier_wait(sender->ready);

    sender->cpu_ns = clock_thread_cpu_ns();
    run_rounds(sender);
    sender->cpu_ns = clock_thread_cpu_ns() - sender->cpu_ns;
    for (uint32_t i = 0; i < sender->clients; i++)
        /* close alone sends no FIN while a receive is armed */
        shutdown(sender->fds[i], SHUT_RDWR);
    uring_free(sender->ring);
    return NULL;
}

static bool number(const char *text, uint64_t most, uint64_t *value)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    *value = n;
    return errno == 0 && end != text && *end == '\0' && text[0] != '-' && n <= most;
}

static void options_parse(struct floor_options *options, int argc, char **argv)
{
    static const struct option names[] = {{"clients", required_argument, NULL, 'c'},
                                          {"rate", required_argument, NULL, 'r'},
                                          {"size", required_argument, NULL, 's'},
                                          {"seconds", required_argument, NULL, 't'},
                                          {"senders", required_argument, NULL, 'n'},
                                          {"cpu", required_argument, NULL, 'p'},
                                          {"reader-cpu", required_argument, NULL, 'q'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    *options = (struct floor_options){.clients = 500,
                                      .rate = 100,
                                      .size = 125,
                                      .seconds = 10,
                                      .senders = 1,
                                      .cpu = -1,
                                      .reader_cpu = -1};
    for (int id; (id = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        uint64_t value = 0;
        bool right = optarg == NULL || number(optarg, NUMBER_MAX, &value);
        bool above_zero = right && value > 0;
        switch (id) {
        case 'c':
            options->clients = value;
            right = above_zero && value <= CLIENTS_MAX;
            break;
        case 'r':
            options->rate = value;
            right = above_zero;
            break;
        case 's':
            options->size = value;
            right = above_zero;
            break;
        case 't':
            options->seconds = value;
            right = above_zero;
            break;
        case 'n':
            options->senders = value;
            right = above_zero && value <= SENDERS_MAX;
            break;
        case 'p':
            options->cpu = (int64_t)value;
            break;
        case 'q':
            options->reader_cpu = (int64_t)value;
            break;
        case 'j':
            options->json = true;
            break;
        case 'h':
            fputs(help, stdout);
            exit(0);
        default:
            exit(2);
        }
        if (!right) {
            fprintf(stderr, "floor: \"%s\" is no number that fits here; see --help\n", optarg);
            exit(2);
        }
    }
}

/* Prints what all senders did. False: readers got less than was sent, without any send skipped. */
static bool report(const struct floor_options *options, const struct sender *all, bool read_alike)
{
    uint64_t sends = 0, skipped = 0, late_rounds = 0, cpu_ns = 0;
    for (uint64_t i = 0; i < options->senders; i++) {
        sends += all[i].sends;
        skipped += all[i].skipped;
        late_rounds += all[i].late_rounds;
        cpu_ns += all[i].cpu_ns;
    }
    double each = sends == 0 ? 0 : (double)cpu_ns / (double)sends;
    if (options->json)
        printf("{\"clients\":%llu,\"rate\":%llu,\"size\":%llu,\"senders\":%llu,\"sends\":%llu,"
               "\"skipped\":%llu,\"late_rounds\":%llu,\"cpu_ns_per_send\":%.1f,\"valid\":%s}\n",
               (unsigned long long)options->clients, (unsigned long long)options->rate,
               (unsigned long long)options->size, (unsigned long long)options->senders,
               (unsigned long long)sends, (unsigned long long)skipped,
               (unsigned long long)late_rounds, each,
               skipped == 0 && read_alike ? "true" : "false");
    else
        printf("%llu clients x %llu/s x %llu bytes, %llu sender%s: %llu sends, %.0f ns of CPU "
               "each; %llu rounds late, %llu sends skipped because the last had not ended\n",
               (unsigned long long)options->clients, (unsigned long long)options->rate,
               (unsigned long long)options->size, (unsigned long long)options->senders,
               options->senders == 1 ? "" : "s", (unsigned long long)sends, each,
               (unsigned long long)late_rounds, (unsigned long long)skipped);
    return read_alike || skipped != 0;
}

/* Runs the senders, each with its share of the connections, until all have sent all. */
static void senders_run(const struct floor_options *options, struct sender *all, const int *fds)
{
    uint8_t *bytes = calloc(1, options->size);
    bool *busy = calloc(options->clients, sizeof(*busy));
    pthread_barrier_t ready;
    if (bytes == NULL || busy == NULL)
        die("senders", ENOMEM);
    pthread_barrier_init(&ready, NULL, (unsigned)options->senders);
    for (uint64_t i = 0; i < options->senders; i++) {
        uint64_t from = options->clients * i / options->senders;
        uint64_t to = options->clients * (i + 1) / options->senders;
        all[i] = (struct sender){.options = options,
                                 .fds = fds + from,
                                 .clients = to - from,
                                 .bytes = bytes,
                                 .busy = busy + from,
                                 .ready = &ready};
        int err = thread_start(&all[i].thread, "floor-send", (int)options->cpu, send_all, &all[i]);
        if (err < 0)
            die("cannot start a thread", -err);
    }
    for (uint64_t i = 0; i < options->senders; i++)
        thread_join(&all[i].thread);
    pthread_barrier_destroy(&ready);
    free(busy);
    free(bytes);
}

int main(int argc, char **argv)
{
    struct floor_options options;
    options_parse(&options, argc, argv);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }

    uint16_t port;
    int listener = listen_any(&port);
    pid_t reader = fork();
    if (reader < 0)
        die("fork", errno);
    if (reader == 0) {
        close(listener);
        read_all(port, &options);
    }

    int *fds = calloc(options.clients, sizeof(*fds));
    struct sender *senders = calloc(options.senders, sizeof(*senders));
    if (fds == NULL || senders == NULL)
        die("senders", ENOMEM);
    accept_all(listener, reader, &options, fds);
    senders_run(&options, senders, fds);
    int status = -1;
    waitpid(reader, &status, 0);
    bool read_alike = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    bool right = report(&options, senders, read_alike);
    free(senders);
    free(fds);
    return right ? 0 : 1;
}
