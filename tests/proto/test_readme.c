/* test_readme.c -- proto/README.md is the normative text, so its bytes must be the encoder's.
 *
 * Every sample has a dump there (a fenced block "hex NAME"), every dump has a sample, and the
 * table of reasons is complete.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/proto/samples.h"

#ifndef REPO_ROOT
#define REPO_ROOT "."
#endif

static FILE *open_readme(void)
{
    FILE *file = fopen(REPO_ROOT "/proto/README.md", "r");
    cr_assert_not_null(file, "run this from the repository's root");
    return file;
}

/* Reads pairs of hex digits up to '#' or the end of the line. */
static size_t read_hex(const char *line, uint8_t *out, size_t cap)
{
    size_t n = 0;
    unsigned byte;
    int used;
    while (sscanf(line, " %2x%n", &byte, &used) == 1) {
        cr_assert_lt(n, cap);
        out[n++] = (uint8_t)byte;
        line += used;
    }
    line += strspn(line, " \n");
    cr_assert(*line == '\0' || *line == '#', "not hex: %s", line);
    return n;
}

/* Compares a dump with all samples of its name and says how many there are. */
static unsigned compare(const char *name, struct slice dump)
{
    uint8_t out[SAMPLE_BYTES_MAX];
    unsigned found = 0;

    for (size_t i = 0; i < CMD_SAMPLES; i++) {
        if (strcmp(cmd_samples[i].name, name) != 0)
            continue;
        found++;
        size_t n = frame_encode_cmd(&cmd_samples[i].cmd, out, sizeof(out));
        cr_assert(slice_equal(slice_of(out, n), dump), "the dump of %s", name);
    }
    for (size_t i = 0; i < EVENT_SAMPLES; i++) {
        if (strcmp(event_samples[i].name, name) != 0)
            continue;
        found++;
        size_t n = frame_encode_event(&event_samples[i].event, out, sizeof(out));
        cr_assert(slice_equal(slice_of(out, n), dump), "the dump of %s", name);
    }
    return found;
}

Test(readme, hex_dumps_are_what_the_encoders_write)
{
    static const char fence[] = "```hex ";
    FILE *file = open_readme();
    char line[512], name[64] = "";
    uint8_t dump[SAMPLE_BYTES_MAX];
    size_t len = 0;
    unsigned samples = 0;

    while (fgets(line, sizeof(line), file)) {
        if (strncmp(line, fence, sizeof(fence) - 1) == 0) {
            snprintf(name, sizeof(name), "%.*s", (int)strcspn(line + sizeof(fence) - 1, "\n"),
                     line + sizeof(fence) - 1);
            len = 0;
        } else if (name[0] && line[0] == '`') {
            unsigned found = compare(name, slice_of(dump, len));
            cr_assert_gt(found, 0, "no sample is called %s", name);
            samples += found;
            name[0] = '\0';
        } else if (name[0]) {
            len += read_hex(line, dump + len, sizeof(dump) - len);
        }
    }
    fclose(file);
    cr_assert_eq(samples, CMD_SAMPLES + EVENT_SAMPLES, "samples without a dump");
}

static bool readme_has_line(const char *wanted)
{
    FILE *file = open_readme();
    char line[512];
    bool found = false;
    while (!found && fgets(line, sizeof(line), file))
        found = strcmp(line, wanted) == 0;
    fclose(file);
    return found;
}

Test(readme, reasons_are_all_there)
{
    char line[512];
#define X(id, number, name, sentence)                                             \
    snprintf(line, sizeof(line), "| %d | `%s` | %s |\n", number, name, sentence); \
    cr_assert(readme_has_line(line), "no line %s", line);
    REASONS(X)
#undef X
    cr_assert(!readme_has_line("| 999 | `unknown` | unknown |\n"));
}
