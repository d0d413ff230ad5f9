/* cycles.c -- see cycles.h. */
#include "tools/load/cycles.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/check.h"
#include "core/clock.h"
#include "tools/load/caller.h"
#include "tools/load/connection.h"
#include "tools/load/descriptors.h"
#include "tools/load/json.h"
#include "tools/load/run.h"
#include "tools/load/server.h"

#define TICK_NS  (100 * NS_PER_MS)
#define STUCK_NS (10 * NS_PER_SEC) /* a visit that takes longer has failed */

struct visit {
    struct load_connection connection; /* first */
    uint64_t began_ns;
    bool reset; /* how it is to end */
    bool ending;
    uint8_t leave[LOAD_SAY_BYTES]; /* while it is being sent */
};

struct cycles {
    const struct load_options *options;
    struct load_cycles_result *result;
    struct load_shared names; /* only for the names in it */
    struct net_target target;
    struct net_addr addr;
    struct loop loop;
    struct streams streams;
    struct event_lists *lists;
    uint64_t began_ns, looked_ns, shown_ns, shown_done;
    bool stopping;
};

PRINTF_LIKE(3, 4)
static void failed(struct cycles *cycles, struct visit *visit, const char *fmt, ...)
{
    struct load_cycles_result *result = cycles->result;
    if (result->failed++ == 0) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(result->failure, sizeof(result->failure), fmt, args);
        va_end(args);
    }
    if (visit != NULL)
        stream_close(&cycles->streams, &visit->connection.stream, true);
}

static void leave(struct cycles *cycles, struct visit *visit, uint32_t room)
{
    struct cmd cmd = {.type = MSG_LEAVE, .leave = {.room = room}};
    size_t len = load_wire_say((enum load_wire)visit->connection.wire, &cmd, visit->leave,
                               sizeof(visit->leave));
    CHECK(len != 0);
    struct iovec iov = {.iov_base = visit->leave, .iov_len = len};
    if (!stream_sending(&visit->connection.stream))
        stream_send(&cycles->streams, &visit->connection.stream, &iov, 1);
}

/* Goodbye; the server says the same. */
static void part(struct cycles *cycles, struct visit *visit)
{
    load_connection_bye(&visit->connection);
    stream_finish(&cycles->streams, &visit->connection.stream);
}

/* Everything was answered. */
static void quit(struct cycles *cycles, struct visit *visit)
{
    load_histogram_record(&cycles->result->latency, clock_monotonic_ns() - visit->began_ns);
    visit->ending = true;
    if (visit->reset) {
        cycles->result->reset++;
        stream_close(&cycles->streams, &visit->connection.stream, true);
    } else if (!stream_sending(&visit->connection.stream)) {
        part(cycles, visit);
    }
}

static void heard(struct cycles *cycles, struct visit *visit, struct slice frame)
{
    struct event event;
    char why[LOAD_WHY_BYTES / 4];
    if (!load_connection_read(&visit->connection, frame, &event, cycles->lists)) {
        failed(cycles, visit, "a frame that cannot be read");
        return;
    }
    switch (event.type) {
    case MSG_JOINED:
        leave(cycles, visit, event.joined.room);
        break;
    case MSG_LEFT:
        quit(cycles, visit);
        break;
    case MSG_ERROR:
    case MSG_GOAWAY:
        load_refusal(&event, why, sizeof(why));
        failed(cycles, visit, "refused: %s", why);
        break;
    default:
        break;
    }
}

static void on_bytes(void *ctx, struct stream *stream, struct slice bytes)
{
    struct cycles *cycles = ctx;
    struct visit *visit = (struct visit *)stream;
    struct slice frame, came = bytes;
    char why[LOAD_WHY_BYTES / 4];
    int got = 0;
    while (!stream_closing(stream) &&
           (got = load_connection_next(&visit->connection, &bytes, &frame)) > 0)
        heard(cycles, visit, frame);
    if (got < 0) {
        load_connection_explain(&visit->connection, came, why, sizeof(why));
        failed(cycles, visit, "%s", why);
    }
}

static void on_eof(void *ctx, struct stream *stream)
{
    struct cycles *cycles = ctx;
    struct visit *visit = (struct visit *)stream;
    if (!visit->ending) {
        failed(cycles, visit, "the server closed the connection");
        return;
    }
    cycles->result->finished++;
    stream_close(&cycles->streams, stream, false);
}

static void on_failed(void *ctx, struct stream *stream, int error)
{
    failed(ctx, (struct visit *)stream, "connection lost: %s", strerror(error));
}

/* A LEFT that came before LEAVE's send was reported as over. */
static void on_sent(void *ctx, struct stream *stream, size_t bytes)
{
    struct cycles *cycles = ctx;
    (void)bytes;
    if (((struct visit *)stream)->ending && !stream_closing(stream))
        part(cycles, (struct visit *)stream);
}

static void on_closed(void *ctx, struct stream *stream)
{
    (void)ctx;
    load_connection_fini((struct load_connection *)stream);
}

static void begin(struct cycles *cycles)
{
    const struct load_options *options = cycles->options;
    struct load_cycles_result *result = cycles->result;
    uint8_t opening[LOAD_HELLO_BYTES + LOAD_JOIN_BYTES];
    char name[LOAD_NAME_BYTES];
    uint64_t number = result->begun++, began_ns = clock_monotonic_ns();
    struct net_manner manner = load_manner(number, options->sources);
    int err;
    load_client_name(&cycles->names, 'x', (uint32_t)number, name);
    enum load_wire wire = load_plan_wire(&options->plan, number);
    size_t used = load_hello(wire, opening, name);
    load_room_name(&cycles->names, (uint32_t)(number % LOAD_CYCLES_ROOMS), name);
    used += load_join(wire, opening + used, name, JOIN_QUIET);
    struct visit *visit = (struct visit *)load_connection_open_as(
        &cycles->streams, &cycles->target, &manner, wire, slice_of(opening, used), &err);
    if (visit == NULL) {
        failed(cycles, NULL, "cannot connect: %s", strerror(-err));
        return;
    }
    visit->began_ns = began_ns;
    /* So that any hundred in a row have the share, spread evenly over them. */
    visit->reset = number * options->reset_share % 100 + options->reset_share >= 100;
}

static void check_stuck(void *ctx, struct stream *stream)
{
    struct cycles *cycles = ctx;
    struct visit *visit = (struct visit *)stream;
    if (!stream_closing(stream) && cycles->loop.now_ns > visit->began_ns + STUCK_NS)
        failed(cycles, visit, "nothing came for %u s", (unsigned)(STUCK_NS / NS_PER_SEC));
}

static void close_one(void *ctx, struct stream *stream)
{
    struct cycles *cycles = ctx;
    stream_close(&cycles->streams, stream, true);
}

static void progress_show(struct cycles *cycles)
{
    const struct load_cycles_result *result = cycles->result;
    uint64_t done = result->finished + result->reset;
    uint64_t now_ns = cycles->loop.now_ns;
    if (cycles->options->quiet || !isatty(STDERR_FILENO) ||
        now_ns - cycles->shown_ns < 500 * NS_PER_MS)
        return;
    fprintf(stderr, "\r\033[K%llu of %llu visits, %.0f/s, %llu failed", (unsigned long long)done,
            (unsigned long long)cycles->options->cycles,
            (double)(done - cycles->shown_done) * 1e9 / (double)(now_ns - cycles->shown_ns),
            (unsigned long long)result->failed);
    cycles->shown_ns = now_ns;
    cycles->shown_done = done;
}

static void turn_begin(void *ctx)
{
    (void)ctx;
}

static uint64_t turn_end(void *ctx)
{
    struct cycles *cycles = ctx;
    struct load_cycles_result *result = cycles->result;
    if (cycles->stopping) {
        if (cycles->streams.open == 0)
            loop_stop(&cycles->loop);
        return TICK_NS;
    }
    while (result->begun < cycles->options->cycles &&
           cycles->streams.open < cycles->options->concurrency && !load_run_interrupted())
        begin(cycles);
    if (cycles->loop.now_ns - cycles->looked_ns >= TICK_NS) {
        cycles->looked_ns = cycles->loop.now_ns;
        streams_each(&cycles->streams, check_stuck, cycles);
    }
    progress_show(cycles);
    result->interrupted = load_run_interrupted();
    if (result->interrupted ||
        (result->begun == cycles->options->cycles && cycles->streams.open == 0)) {
        cycles->stopping = true;
        result->duration_ns = clock_monotonic_ns() - cycles->began_ns;
        streams_each(&cycles->streams, close_one, cycles);
        return 0;
    }
    return TICK_NS;
}

static bool turn_has_work(void *ctx)
{
    (void)ctx;
    return false;
}

/* The loop, from the first visit to the last one's end. 0 or -1. */
static int visit_all(struct cycles *cycles, char *why, size_t why_bytes)
{
    struct uring_config config = {.buffers = 256, .buffer_bytes = 4096};
    struct loop_owner owner = {cycles, turn_begin, turn_end, turn_has_work};
    struct stream_events events = {.ctx = cycles,
                                   .bytes = on_bytes,
                                   .eof = on_eof,
                                   .sent = on_sent,
                                   .failed = on_failed,
                                   .closed = on_closed};
    if (loop_init(&cycles->loop, &config, &owner, why, why_bytes) < 0)
        return -1;
    int err = streams_init(&cycles->streams, &cycles->loop, sizeof(struct visit),
                           cycles->options->concurrency, &events);
    if (err == 0) {
        cycles->began_ns = clock_monotonic_ns();
        err = loop_run(&cycles->loop);
        streams_fini(&cycles->streams);
    }
    loop_fini(&cycles->loop);
    if (!cycles->options->quiet && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    if (err < 0)
        snprintf(why, why_bytes, "the visits cannot be made: %s", strerror(-err));
    return err;
}

int load_cycles_run(const struct load_options *options, struct load_cycles_result *result,
                    char *why, size_t why_bytes)
{
    struct cycles cycles = {
        .options = options, .result = result, .names = {.tag = load_tag(options)}};
    *result = (struct load_cycles_result){.begun = 0};
    if (net_addr_parse(options->address, &cycles.addr, why, why_bytes) < 0 ||
        net_resolve(&cycles.addr, &cycles.target, 1, why, why_bytes) < 0 ||
        load_descriptors_raise(options->concurrency, why, why_bytes) < 0)
        return -1;
    if (options->server_pid != 0) {
        result->descriptors_known =
            load_server_descriptors(options->server_pid, &result->descriptors_before) == 0;
        if (!result->descriptors_known) {
            snprintf(why, why_bytes, "there is no process %d whose descriptors can be counted",
                     (int)options->server_pid);
            return -1;
        }
    }
    if (load_caller_prove(&cycles.addr, &cycles.target, load_tag(options), why, why_bytes) < 0)
        return -1;
    cycles.lists = malloc(sizeof(*cycles.lists));
    if (cycles.lists == NULL) {
        snprintf(why, why_bytes, "out of memory");
        return -1;
    }
    int err = visit_all(&cycles, why, why_bytes);
    free(cycles.lists);
    if (err == 0 && result->descriptors_known)
        result->descriptors_known =
            load_server_descriptors_settle(options->server_pid, result->descriptors_before,
                                           &result->descriptors_after) == 0;
    return err < 0 ? -1 : 0;
}

bool load_cycles_clean(const struct load_cycles_result *result)
{
    return result->failed == 0 &&
           (!result->descriptors_known || result->descriptors_after <= result->descriptors_before);
}

static double per_second(const struct load_cycles_result *result)
{
    return (double)(result->finished + result->reset) * 1e9 / (double)result->duration_ns;
}

static double ms(const struct load_cycles_result *result, uint32_t ppm)
{
    return (double)load_histogram_at(&result->latency, ppm) / 1e6;
}

static void report_json(FILE *out, const struct load_options *options,
                        const struct load_cycles_result *result)
{
    load_json_begin(out, "cycles");
    load_json_text(out, "protocol", load_options_protocol(options));
    load_json_count(out, "cycles", options->cycles);
    load_json_count(out, "concurrency", options->concurrency);
    load_json_count(out, "begun", result->begun);
    load_json_count(out, "finished", result->finished);
    load_json_count(out, "reset", result->reset);
    load_json_count(out, "failed", result->failed);
    load_json_real(out, "duration_s", (double)result->duration_ns / 1e9);
    load_json_real(out, "cycles_per_s", per_second(result));
    load_json_real(out, "p50_ms", ms(result, 500000));
    load_json_real(out, "p99_ms", ms(result, 990000));
    load_json_real(out, "max_ms", (double)result->latency.max / 1e6);
    if (result->descriptors_known) {
        load_json_count(out, "descriptors_before", result->descriptors_before);
        load_json_count(out, "descriptors_after", result->descriptors_after);
    }
    load_json_flag(out, "interrupted", result->interrupted);
    load_json_end(out, load_cycles_clean(result));
}

void load_cycles_report(FILE *out, const struct load_options *options,
                        const struct load_cycles_result *result)
{
    if (options->json) {
        report_json(out, options, result);
        return;
    }
    fprintf(out, "visits                 %llu in %.1f s: %.0f/s, %u at a time\n",
            (unsigned long long)(result->finished + result->reset),
            (double)result->duration_ns / 1e9, per_second(result), options->concurrency);
    fprintf(out, "  ended by             %llu FIN, %llu RST\n",
            (unsigned long long)result->finished, (unsigned long long)result->reset);
    fprintf(out, "  failed               %llu%s%s\n", (unsigned long long)result->failed,
            result->failed != 0 ? ", the first: " : "", result->failure);
    fprintf(out, "connect to LEFT        p50 %.2f  p99 %.2f  max %.2f ms\n", ms(result, 500000),
            ms(result, 990000), (double)result->latency.max / 1e6);
    if (result->descriptors_known)
        fprintf(out, "server's descriptors   %llu before, %llu after\n",
                (unsigned long long)result->descriptors_before,
                (unsigned long long)result->descriptors_after);
    if (result->interrupted)
        fprintf(out, "interrupted: not all visits were made\n");
}
