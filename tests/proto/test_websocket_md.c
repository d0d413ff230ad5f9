/* test_websocket_md.c -- proto/WEBSOCKET.md is the normative text, so its blocks must be the
 * code's.
 *
 * A block "json NAME" is the sample of that name: an event as it is written, a command that reads
 * as it. Long ones are wrapped there; the ends of lines, with the blanks behind them, do not count.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "proto/http_site.h"
#include "proto/json.h"
#include "proto/ws.h"
#include "tests/proto/samples.h"

#ifndef REPO_ROOT
#define REPO_ROOT "."
#endif

#define BLOCK_BYTES_MAX 2048

static FILE *open_page(void)
{
    FILE *file = fopen(REPO_ROOT "/proto/WEBSOCKET.md", "r");
    cr_assert_not_null(file, "run this from the repository's root");
    return file;
}

/* The next block of this kind: its name, and its text with `end` after each line. */
static bool next_block(FILE *file, const char *kind, const char *end, char name[64], char *text)
{
    char line[512], fence[32];
    size_t len = 0;
    bool inside = false;

    snprintf(fence, sizeof(fence), "```%s ", kind);
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        if (!inside && strncmp(line, fence, strlen(fence)) == 0) {
            snprintf(name, 64, "%s", line + strlen(fence));
            inside = true;
        } else if (inside && line[0] == '`') {
            return true;
        } else if (inside) {
            len += (size_t)snprintf(text + len, BLOCK_BYTES_MAX - len, "%s%s",
                                    line + strspn(line, " "), end);
            cr_assert_lt(len, BLOCK_BYTES_MAX);
        }
    }
    return false;
}

static unsigned compare_commands(const char *name, char *text)
{
    unsigned found = 0;

    for (size_t i = 0; i < CMD_SAMPLES; i++) {
        struct cmd cmd;
        if (strcmp(cmd_samples[i].name, name) != 0)
            continue;
        found++;
        json_decode_cmd(span_of((uint8_t *)text, strlen(text)), &cmd);
        cr_assert(same_cmd(&cmd, &cmd_samples[i].cmd), "%s: %d", name, cmd.error);
    }
    return found;
}

/* PING and PONG are both; only of commands there is a block. */
static unsigned compare_events(const char *name, const char *text)
{
    unsigned found = 0;

    for (size_t i = 0; i < EVENT_SAMPLES; i++) {
        uint8_t out[BLOCK_BYTES_MAX];
        if (strcmp(event_samples[i].name, name) != 0)
            continue;
        found++;
        size_t n = json_encode_event(&event_samples[i].event, out, sizeof(out));
        cr_assert(slice_equal(slice_of(out, n), slice_str(text)), "%s: %.*s", name, (int)n, out);
    }
    return found;
}

Test(websocket_md, objects_are_what_the_code_writes_and_reads)
{
    FILE *file = open_page();
    char name[64], text[BLOCK_BYTES_MAX];
    unsigned samples = 0;

    while (next_block(file, "json", "", name, text)) {
        unsigned found = compare_events(name, text) + compare_commands(name, text);
        cr_assert_gt(found, 0, "no sample is called %s", name);
        samples += found;
    }
    fclose(file);
    cr_assert_eq(samples, CMD_SAMPLES + EVENT_SAMPLES, "samples without a block");
}

Test(websocket_md, handshake_is_what_the_code_reads_and_writes)
{
    FILE *file = open_page();
    char name[64], request_text[BLOCK_BYTES_MAX], answer[BLOCK_BYTES_MAX];
    struct http_request request;
    uint8_t out[BLOCK_BYTES_MAX];
    size_t want;

    cr_assert(next_block(file, "http", "\r\n", name, request_text));
    cr_assert(next_block(file, "http", "\r\n", name, answer));
    fclose(file);
    strncat(request_text, "\r\n", 3);
    strncat(answer, "\r\n", 3);
    cr_assert_eq(http_read(slice_str(request_text), &request, &want),
                 (int64_t)strlen(request_text));
    cr_assert(request.upgrade && request.version13);
    size_t n = http_write_switch(request.key, request.protocol, 0, out, sizeof(out));
    cr_assert(slice_equal(slice_of(out, n), slice_str(answer)), "%.*s", (int)n, out);
}

static const struct event *event_named(const char *name)
{
    for (size_t i = 0; i < EVENT_SAMPLES; i++)
        if (strcmp(event_samples[i].name, name) == 0)
            return &event_samples[i].event;
    return NULL;
}

static size_t write_publish(uint8_t *out, size_t cap)
{
    static const uint8_t key[4] = {0x37, 0xFA, 0x21, 0x3D};
    uint8_t frame[SAMPLE_BYTES_MAX];

    cr_assert_str_eq(cmd_samples[5].name, "PUBLISH");
    size_t n = frame_encode_cmd(&cmd_samples[5].cmd, frame, sizeof(frame));
    return ws_write_client(WS_BINARY, true, slice_of(frame + 4, n - 4), key, out, cap);
}

/* The frame that a block shows. */
static size_t write_frame(const char *name, uint8_t *out, size_t cap)
{
    struct codec_limits limits = {.site = NULL};
    uint32_t state[CODEC_STATE_BYTES_MAX / 4];

    if (strcmp(name, "PUBLISH from a client, uproar.v1.bin") == 0)
        return write_publish(out, cap);
    if (strcmp(name, "ACK, uproar.v1.bin") == 0)
        return codec_ws_bin.encode(event_named("ACK"), out, cap);
    if (strcmp(name, "NICKED, uproar.v1.json") == 0)
        return codec_ws_json.encode(event_named("NICKED"), out, cap);
    if (strcmp(name, "PING, either") == 0) {
        size_t n = codec_ws_bin.encode(event_named("PING"), out, cap);
        uint8_t other[64];
        cr_assert_eq(codec_ws_json.encode(event_named("PING"), other, sizeof(other)), n);
        cr_assert_eq(memcmp(out, other, n), 0);
        return n;
    }
    cr_assert_str_eq(name, "the server stops");
    codec_ws_bin.open(state, &limits);
    return codec_ws_bin.farewell(state, &limits, REASON_SHUTDOWN, out, cap);
}

/* Digits in pairs, up to '#' in each line. */
static size_t read_hex(const char *text, uint8_t *out, size_t cap)
{
    size_t n = 0;

    for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
        const char *at = line;
        unsigned byte;
        for (; *at != '\n' && sscanf(at, "%2x", &byte) == 1; at += 2 + strspn(at + 2, " ")) {
            cr_assert_lt(n, cap);
            out[n++] = (uint8_t)byte;
        }
        cr_assert(*at == '\n' || *at == '#', "not hex: %s", at);
    }
    return n;
}

Test(websocket_md, frames_are_what_the_code_writes)
{
    FILE *file = open_page();
    char name[64], text[BLOCK_BYTES_MAX];
    unsigned frames = 0;

    for (; next_block(file, "hex", "\n", name, text); frames++) {
        uint8_t dump[256], out[256];
        size_t n = read_hex(text, dump, sizeof(dump)), m = write_frame(name, out, sizeof(out));
        cr_assert(slice_equal(slice_of(dump, n), slice_of(out, m)), "%s", name);
    }
    fclose(file);
    cr_assert_eq(frames, 5);
}
