/* test_fuzz_corpus.c -- the fuzzer's inputs, and cheap noise, in every ordinary test run. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "tests/proto/samples.h"

#ifndef REPO_ROOT
#define REPO_ROOT "."
#endif
#define CORPUS REPO_ROOT "/tests/fuzz/corpus/"

static const struct target {
    const char *name;
    int (*run)(const uint8_t *data, size_t len);
    unsigned files_min;
} targets[] = {
    {"frame", fuzz_frame, CMD_SAMPLES + EVENT_SAMPLES - 2}, /* PING and PONG are shared */
    {"http", fuzz_http, 20},
    {"ws", fuzz_ws, 60},
    {"json", fuzz_json, 20},
};

/* From a heap block of exactly that size, so that ASan sees a byte read beyond it. */
static void feed_to(const struct target *target, const void *bytes, size_t len)
{
    uint8_t *copy = malloc(len + !len);
    memcpy(copy, bytes, len);
    target->run(copy, len);
    free(copy);
}

static void feed(const void *bytes, size_t len)
{
    feed_to(&targets[0], bytes, len);
}

static unsigned replay(const struct target *target)
{
    static uint8_t bytes[2 * FRAME_BYTES_CEILING];
    char folder[256], path[512];
    unsigned files = 0;

    snprintf(folder, sizeof(folder), CORPUS "%s", target->name);
    DIR *dir = opendir(folder);
    cr_assert_not_null(dir, "run this from the repository's root");
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        FILE *file = fopen(path, "rb");
        cr_assert_not_null(file, "%s", path);
        size_t len = fread(bytes, 1, sizeof(bytes), file);
        fclose(file);
        feed_to(target, bytes, len);
        files++;
    }
    closedir(dir);
    return files;
}

Test(fuzz_corpus, every_file_passes)
{
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
        cr_assert_geq(replay(&targets[i]), targets[i].files_min, "%s", targets[i].name);
}

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Samples of both directions with a few bytes changed: close to right, so it gets far. */
Test(fuzz_corpus, damaged_samples_pass)
{
    uint64_t state = 1;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t input[2 + SAMPLE_BYTES_MAX];
        size_t pick = random_next(&state) % (CMD_SAMPLES + EVENT_SAMPLES), n;
        if (pick < CMD_SAMPLES)
            n = frame_encode_cmd(&cmd_samples[pick].cmd, input + 2, SAMPLE_BYTES_MAX);
        else
            n = frame_encode_event(&event_samples[pick - CMD_SAMPLES].event, input + 2,
                                   SAMPLE_BYTES_MAX);
        input[0] = (uint8_t)random_next(&state);
        input[1] = (uint8_t)random_next(&state);
        for (uint64_t changes = random_next(&state) % 4; changes > 0; changes--)
            input[2 + random_next(&state) % n] = (uint8_t)random_next(&state);
        feed(input, 2 + n);
    }
}

Test(fuzz_corpus, noise_passes)
{
    uint64_t state = 2;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t input[96];
        size_t len = random_next(&state) % (sizeof(input) + 1);
        for (size_t i = 0; i < len; i++)
            input[i] = (uint8_t)random_next(&state);
        if (len > 10 && round % 2) { /* half of them with a header that passes */
            const uint8_t header[] = {0, 0, 0, (uint8_t)(len - 6), FRAME_MAGIC, FRAME_VERSION};
            memcpy(input + 2, header, sizeof(header));
            input[8] &= 0x1F;
        }
        feed(input, len);
    }
}

/* Heads, frames and objects that are right, with a few bytes changed. */
Test(fuzz_corpus, damaged_seeds_pass)
{
    static const char head[] = "\x0BGET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
                               "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    static const char frames[] = "\x01\x02\x01\x84\0\0\0\0{\"ty\x89\x81\0\0\0\0x"
                                 "\x80\x8B\0\0\0\0pe\":\"ROOMS\"\x88\x82\0\0\0\0\x03\xE8";
    static const char object[] = "{\"type\":\"PUBLISH\",\"room\":7,\"msgid\":\"1001\","
                                 "\"body\":\"a\\u20ac\\ud834\\udd1e\\n\"}";
    static const struct {
        const struct target *target;
        struct slice seed;
    } seeds[] = {
        {&targets[1], {(const uint8_t *)head, sizeof(head) - 1}},
        {&targets[2], {(const uint8_t *)frames, sizeof(frames) - 1}},
        {&targets[3], {(const uint8_t *)object, sizeof(object) - 1}},
    };
    uint64_t state = 3;
    for (unsigned round = 0; round < 30000; round++) {
        uint8_t input[512];
        struct slice seed = seeds[round % ARRAY_SIZE(seeds)].seed;
        memcpy(input, seed.data, seed.len);
        for (uint64_t changes = random_next(&state) % 4; changes > 0; changes--)
            input[random_next(&state) % seed.len] = (uint8_t)random_next(&state);
        feed_to(seeds[round % ARRAY_SIZE(seeds)].target, input, seed.len);
    }
}
