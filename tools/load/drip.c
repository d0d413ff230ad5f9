/* drip.c -- see drip.h. */
#include "tools/load/drip.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "tools/load/caller.h"
#include "tools/load/connection.h"
#include "tools/load/descriptors.h"
#include "tools/load/effort.h"
#include "tools/load/json.h"
#include "tools/load/prober.h"
#include "tools/load/run.h"

#define DROP_NS        NS_PER_SEC
#define TICK_NS        (20 * NS_PER_MS)
#define DIALS_PER_TURN 128u
/* After the limit and the slack: how long one may live on until we stop watching. */
#define PATIENCE_NS    (5 * NS_PER_SEC)

struct drop {
    struct stream stream; /* first */
    uint64_t opened_ns;
    uint64_t due_ns; /* of the next byte */
    uint32_t at;     /* bytes of the HELLO that were sent */
    bool told;
};

struct drip {
    const struct load_options *options;
    struct load_drip_result *result;
    struct net_target target;
    struct net_addr addr;
    struct loop loop;
    struct streams streams;
    struct event_lists *lists;
    struct load_effort effort; /* once all are connected */
    uint64_t *lives_ns;        /* of those cut; result->cut of them */
    uint8_t hello[LOAD_HELLO_BYTES];
    uint32_t hello_bytes;
    uint64_t began_ns, looked_ns, shown_ns;
    bool stopping;
    int dial_error;
};

static void cut(struct drip *drip, struct drop *drop)
{
    struct load_drip_result *result = drip->result;
    uint64_t life_ns = clock_monotonic_ns() - drop->opened_ns;
    uint64_t limit_ns = drip->options->hello_timeout_ns;
    if (!drip->stopping) {
        drip->lives_ns[result->cut++] = life_ns;
        result->told += drop->told;
        result->early += life_ns + LOAD_DRIP_SLACK_NS < limit_ns;
        result->late += life_ns > limit_ns + LOAD_DRIP_SLACK_NS;
    }
    stream_close(&drip->streams, &drop->stream, false);
}

/* The only thing that a server has to say here is why it ends the connection; it fits one
 * packet, and what came in pieces counts as not told. */
static void on_bytes(void *ctx, struct stream *stream, struct slice bytes)
{
    struct drip *drip = ctx;
    struct drop *drop = (struct drop *)stream;
    char *refusal = drip->result->refusal;
    struct event event;
    size_t want;
    if (frame_decode_event(FRAME_BYTES_CEILING, bytes, &event, drip->lists, &want) <= 0 ||
        event.type != MSG_GOAWAY)
        return;
    drop->told = event.goaway.reason == REASON_HELLO_TIMEOUT;
    if (!drop->told && refusal[0] == '\0')
        load_refusal(&event, refusal, sizeof(drip->result->refusal));
}

static void on_eof(void *ctx, struct stream *stream)
{
    cut(ctx, (struct drop *)stream);
}

static void on_failed(void *ctx, struct stream *stream, int error)
{
    (void)error;
    cut(ctx, (struct drop *)stream);
}

static void on_sent(void *ctx, struct stream *stream, size_t bytes)
{
    (void)ctx;
    (void)stream;
    (void)bytes;
}

static void on_closed(void *ctx, struct stream *stream)
{
    (void)ctx;
    (void)stream;
}

/* All but the last byte of the HELLO: whoever has sent that only waits. */
static void send_drop(void *ctx, struct stream *stream)
{
    struct drip *drip = ctx;
    struct drop *drop = (struct drop *)stream;
    if (drip->loop.now_ns < drop->due_ns || stream_closing(stream) || stream_sending(stream) ||
        drop->at + 1 >= drip->hello_bytes)
        return;
    drop->due_ns += DROP_NS;
    struct iovec iov = {.iov_base = &drip->hello[drop->at++], .iov_len = 1};
    stream_send(&drip->streams, stream, &iov, 1);
}

static void open_one(struct drip *drip)
{
    uint64_t n = drip->result->opened;
    struct net_manner manner = load_manner(n, drip->options->sources);
    int fd = net_dial_as(&drip->target, &manner, PROBE_MS);
    struct drop *drop = fd < 0 ? NULL : (struct drop *)stream_open(&drip->streams, fd);
    if (drop == NULL) {
        drip->dial_error = fd < 0 ? fd : -ENOMEM;
        if (fd >= 0)
            close(fd);
        return;
    }
    drip->result->opened++;
    drop->opened_ns = clock_monotonic_ns();
    /* Spread over the second, as they would be by themselves. */
    drop->due_ns = drop->opened_ns + n % 100 * (DROP_NS / 100);
}

static void close_one(void *ctx, struct stream *stream)
{
    struct drip *drip = ctx;
    stream_close(&drip->streams, stream, true);
}

static void stop(struct drip *drip)
{
    if (drip->stopping)
        return;
    drip->stopping = true;
    if (drip->effort.wall_ns != 0) {
        load_effort_end(&drip->effort);
        drip->result->busy_share = load_effort_share(&drip->effort);
    }
    drip->result->alive = drip->result->opened - drip->result->cut;
    streams_each(&drip->streams, close_one, drip);
}

static void progress_show(struct drip *drip)
{
    if (drip->options->quiet || !isatty(STDERR_FILENO) ||
        drip->loop.now_ns - drip->shown_ns < 500 * NS_PER_MS)
        return;
    drip->shown_ns = drip->loop.now_ns;
    fprintf(stderr, "\r\033[K%llu of %u connected, %llu cut",
            (unsigned long long)drip->result->opened, drip->options->plan.clients,
            (unsigned long long)drip->result->cut);
}

static void turn_begin(void *ctx)
{
    (void)ctx;
}

static uint64_t turn_end(void *ctx)
{
    struct drip *drip = ctx;
    struct load_drip_result *result = drip->result;
    uint32_t clients = drip->options->plan.clients;
    if (drip->stopping) {
        if (drip->streams.open == 0)
            loop_stop(&drip->loop);
        return TICK_NS;
    }
    for (unsigned i = 0; i < DIALS_PER_TURN && result->opened < clients; i++) {
        open_one(drip);
        if (drip->dial_error < 0 || result->opened == clients) {
            result->ramp_ns = clock_monotonic_ns() - drip->began_ns;
            load_effort_begin(&drip->effort);
            break;
        }
    }
    uint64_t now_ns = clock_monotonic_ns();
    if (now_ns - drip->looked_ns >= TICK_NS) {
        drip->looked_ns = now_ns;
        streams_each(&drip->streams, send_drop, drip);
    }
    progress_show(drip);
    result->interrupted = load_run_interrupted();
    bool all_cut = result->opened == clients && result->cut == result->opened;
    uint64_t enough_ns = drip->began_ns + result->ramp_ns + drip->options->hello_timeout_ns +
                         LOAD_DRIP_SLACK_NS + PATIENCE_NS;
    if (drip->dial_error < 0 || result->interrupted || all_cut ||
        (result->opened == clients && now_ns > enough_ns)) {
        stop(drip);
        return 0;
    }
    return result->opened < clients ? 0 : TICK_NS;
}

static bool turn_has_work(void *ctx)
{
    (void)ctx;
    return false;
}

static int by_size(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static void sum_up(struct drip *drip)
{
    struct load_drip_result *result = drip->result;
    uint64_t count = result->cut;
    if (count == 0)
        return;
    qsort(drip->lives_ns, count, sizeof(*drip->lives_ns), by_size);
    result->min_ns = drip->lives_ns[0];
    result->p50_ns = drip->lives_ns[(count - 1) / 2];
    result->p99_ns = drip->lives_ns[(count - 1) * 99 / 100];
    result->max_ns = drip->lives_ns[count - 1];
}

/* The loop, from the first connection to the last one's end. */
static int drip_all(struct drip *drip, char *why, size_t why_bytes)
{
    struct uring_config config = {.buffers = 256, .buffer_bytes = 1024};
    struct loop_owner owner = {drip, turn_begin, turn_end, turn_has_work};
    struct stream_events events = {.ctx = drip,
                                   .bytes = on_bytes,
                                   .eof = on_eof,
                                   .sent = on_sent,
                                   .failed = on_failed,
                                   .closed = on_closed};
    uint32_t clients = drip->options->plan.clients;
    if (loop_init(&drip->loop, &config, &owner, why, why_bytes) < 0)
        return -1;
    int err = streams_init(&drip->streams, &drip->loop, sizeof(struct drop), clients, &events);
    if (err == 0) {
        drip->began_ns = clock_monotonic_ns();
        err = loop_run(&drip->loop);
        streams_fini(&drip->streams);
    }
    loop_fini(&drip->loop);
    if (!drip->options->quiet && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    if (err < 0)
        snprintf(why, why_bytes, "%u connections cannot be served: %s", clients, strerror(-err));
    else if (drip->dial_error < 0)
        net_dial_explain(&drip->addr, drip->dial_error, why, why_bytes);
    return err < 0 || drip->dial_error < 0 ? -1 : 0;
}

int load_drip_run(const struct load_options *options, struct load_drip_result *result, char *why,
                  size_t why_bytes)
{
    *result = (struct load_drip_result){.opened = 0};
    if (load_descriptors_raise(options->plan.clients + 1ull, why, why_bytes) < 0)
        return -1;
    struct drip *drip = calloc(1, sizeof(*drip));
    struct load_prober *prober = calloc(1, sizeof(*prober));
    int err = -1;
    if (drip == NULL || prober == NULL)
        goto no_memory;
    *drip = (struct drip){.options = options, .result = result};
    drip->lists = malloc(sizeof(*drip->lists));
    drip->lives_ns = calloc(options->plan.clients, sizeof(*drip->lives_ns));
    if (drip->lists == NULL || drip->lives_ns == NULL)
        goto no_memory;
    /* The longest name, so that a long limit can be dripped through. */
    drip->hello_bytes =
        (uint32_t)load_hello(LOAD_NATIVE, drip->hello, "a-name-of-thirty-two-whole-bytes");
    if (net_addr_parse(options->address, &drip->addr, why, why_bytes) < 0 ||
        net_resolve(&drip->addr, &drip->target, 1, why, why_bytes) < 0)
        goto out;
    if (load_caller_prove(&drip->addr, &drip->target, load_tag(options), why, why_bytes) < 0)
        goto out;
    /* Honest people are not at the addresses of those who drip. */
    err = load_prober_start(prober, &drip->target, options->probes, options->sources + 1,
                            load_tag(options));
    if (err < 0) {
        snprintf(why, why_bytes, "cannot start a thread: %s", strerror(-err));
        goto out;
    }
    err = drip_all(drip, why, why_bytes);
    load_prober_stop(prober);
    load_prober_join(prober);
    sum_up(drip);
    load_histogram_add(&result->honest, &prober->latency);
    result->honest_done = prober->done;
    result->honest_failed = prober->failed;
    memcpy(result->honest_why, prober->why, sizeof(result->honest_why));
    goto out;
no_memory:
    snprintf(why, why_bytes, "out of memory");
out:
    if (drip != NULL) {
        free(drip->lists);
        free(drip->lives_ns);
    }
    free(drip);
    free(prober);
    return err < 0 ? -1 : 0;
}

bool load_drip_clean(const struct load_drip_result *result)
{
    return result->early == 0 && result->late == 0 && result->alive == 0 &&
           result->honest_failed == 0 && result->honest_done > 0;
}

static const char *why_not_valid(const struct load_drip_result *result)
{
    return result->busy_share > LOAD_BUSY_SHARE_MAX ? LOAD_BUSY_WHY : NULL;
}

static double seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

static double honest_ms(const struct load_drip_result *result, uint32_t ppm)
{
    return (double)load_histogram_at(&result->honest, ppm) / 1e6;
}

static void report_json(FILE *out, const struct load_options *options,
                        const struct load_drip_result *result)
{
    load_json_begin(out, "drip");
    load_json_count(out, "clients", options->plan.clients);
    load_json_real(out, "hello_timeout_s", seconds(options->hello_timeout_ns));
    load_json_real(out, "ramp_s", seconds(result->ramp_ns));
    load_json_count(out, "opened", result->opened);
    load_json_count(out, "cut", result->cut);
    load_json_count(out, "told", result->told);
    load_json_count(out, "early", result->early);
    load_json_count(out, "late", result->late);
    load_json_count(out, "alive", result->alive);
    load_json_real(out, "cut_min_s", seconds(result->min_ns));
    load_json_real(out, "cut_p50_s", seconds(result->p50_ns));
    load_json_real(out, "cut_p99_s", seconds(result->p99_ns));
    load_json_real(out, "cut_max_s", seconds(result->max_ns));
    load_json_count(out, "honest", result->honest_done);
    load_json_count(out, "honest_failed", result->honest_failed);
    load_json_real(out, "honest_p50_ms", honest_ms(result, 500000));
    load_json_real(out, "honest_p99_ms", honest_ms(result, 990000));
    load_json_real(out, "honest_max_ms", (double)result->honest.max / 1e6);
    load_json_real(out, "generator_cpu_share", result->busy_share);
    load_json_flag(out, "valid", why_not_valid(result) == NULL);
    load_json_text(out, "why_not_valid", why_not_valid(result));
    load_json_flag(out, "interrupted", result->interrupted);
    load_json_end(out, load_drip_clean(result));
}

void load_drip_report(FILE *out, const struct load_options *options,
                      const struct load_drip_result *result)
{
    if (options->json) {
        report_json(out, options, result);
        return;
    }
    fprintf(out, "drip                   %llu clients, connected within %.2f s; limit %.2f s\n",
            (unsigned long long)result->opened, seconds(result->ramp_ns),
            seconds(options->hello_timeout_ns));
    fprintf(out, "cut                    %llu after min %.3f  p50 %.3f  p99 %.3f  max %.3f s\n",
            (unsigned long long)result->cut, seconds(result->min_ns), seconds(result->p50_ns),
            seconds(result->p99_ns), seconds(result->max_ns));
    fprintf(out, "  outside of +-%.1f s    %llu too early, %llu too late, %llu never\n",
            seconds(LOAD_DRIP_SLACK_NS), (unsigned long long)result->early,
            (unsigned long long)result->late, (unsigned long long)result->alive);
    fprintf(out, "  told hello-timeout   %llu\n", (unsigned long long)result->told);
    if (result->refusal[0] != '\0')
        fprintf(out, "  told something else  %s\n", result->refusal);
    fprintf(out,
            "honest clients         %llu served, %llu failed%s%s; connect to own message p50 "
            "%.1f  p99 %.1f  max %.1f ms\n",
            (unsigned long long)result->honest_done, (unsigned long long)result->honest_failed,
            result->honest_failed != 0 ? ": " : "", result->honest_why, honest_ms(result, 500000),
            honest_ms(result, 990000), (double)result->honest.max / 1e6);
    if (result->interrupted)
        fprintf(out, "interrupted: not all was seen\n");
    if (why_not_valid(result) != NULL)
        fprintf(out, "THESE FIGURES DO NOT COUNT: %s\n", why_not_valid(result));
}
