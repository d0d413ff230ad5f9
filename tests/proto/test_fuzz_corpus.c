/* test_fuzz_corpus.c -- the fuzzer's inputs, and cheap noise, in every ordinary test run. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/proto/samples.h"

#ifndef REPO_ROOT
#define REPO_ROOT "."
#endif
#define CORPUS REPO_ROOT "/tests/fuzz/corpus/frame"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* From a heap block of exactly that size, so that ASan sees a byte read beyond it. */
static void feed(const void *bytes, size_t len)
{
    uint8_t *copy = malloc(len + !len);
    memcpy(copy, bytes, len);
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

Test(fuzz_corpus, every_file_passes)
{
    static uint8_t bytes[2 * FRAME_BYTES_CEILING];
    DIR *dir = opendir(CORPUS);
    unsigned files = 0;
    cr_assert_not_null(dir, "run this from the repository's root");
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[512];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), CORPUS "/%s", entry->d_name);
        FILE *file = fopen(path, "rb");
        cr_assert_not_null(file, "%s", path);
        size_t len = fread(bytes, 1, sizeof(bytes), file);
        fclose(file);
        feed(bytes, len);
        files++;
    }
    closedir(dir);
    cr_assert_geq(files, CMD_SAMPLES + EVENT_SAMPLES - 2); /* PING and PONG are shared */
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
