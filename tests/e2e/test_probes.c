/* test_probes.c -- the probes for tracers are in the program, as the table in shard/probe.h says.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROBES_MAX 64

struct probe {
    char name[32];
    unsigned args;
};

static unsigned words(const char *text)
{
    unsigned n = 0;

    for (text += strspn(text, " \n"); *text != 0; text += strspn(text, " \n")) {
        text += strcspn(text, " \n");
        n++;
    }
    return n;
}

/* The rows of the table: name, arguments, and behind two blanks when it fires. */
static unsigned probes_told(struct probe *probes)
{
    FILE *header = fopen("shard/probe.h", "r");
    char line[256];
    unsigned n = 0;
    bool table = false;

    cr_assert(header, "the tests run at the top of the tree");
    while (fgets(line, sizeof(line), header)) {
        struct probe *probe = &probes[n];
        int at = 0;
        if (sscanf(line, " *   %31[a-z_] %n", probe->name, &at) != 1 || at == 0) {
            table = false;
            continue;
        }
        if (table) {
            char *fires = strstr(line + at, "  ");
            cr_assert(fires, "a row without an end: %s", line);
            *fires = 0;
            probe->args = words(line + at);
            cr_assert_lt(++n, PROBES_MAX);
        }
        table |= strcmp(probe->name, "probe") == 0;
    }
    fclose(header);
    return n;
}

/* What readelf says of the notes; of a probe that stands in several places, each of them. */
static unsigned probes_built(struct probe *probes)
{
    const char *program = getenv("UPROARD");
    char command[512], line[512];
    unsigned n = 0;
    bool ours = false;

    snprintf(command, sizeof(command), "readelf --wide --notes '%s'",
             program ? program : "build/uproard");
    FILE *notes = popen(command, "r"); /* NOLINT(cert-env33-c): no input of others */
    cr_assert(notes);
    while (fgets(line, sizeof(line), notes)) {
        if (strstr(line, "Provider:"))
            ours = strstr(line, "Provider: uproar\n");
        else if (ours && sscanf(line, " Name: %31s", probes[n].name) == 1)
            continue;
        else if (ours && strstr(line, "Arguments:")) {
            probes[n].args = words(strchr(line, ':') + 1);
            cr_assert_lt(++n, PROBES_MAX);
        }
    }
    cr_assert_eq(pclose(notes), 0, "%s (package binutils)", command);
    return n;
}

Test(probes, are_in_the_program_as_the_table_says, .timeout = 60)
{
    struct probe told[PROBES_MAX], built[PROBES_MAX];
    unsigned told_count = probes_told(told), built_count = probes_built(built);

    cr_assert_geq(told_count, 12, "only %u rows were found in the table", told_count);
    for (unsigned i = 0; i < told_count; i++) {
        unsigned found = 0;
        for (unsigned k = 0; k < built_count; k++) {
            if (strcmp(told[i].name, built[k].name) != 0)
                continue;
            found++;
            cr_expect_eq(built[k].args, told[i].args, "%s has %u arguments and not %u",
                         told[i].name, built[k].args, told[i].args);
        }
        cr_expect(found > 0, "%s is not in the program", told[i].name);
    }
    for (unsigned k = 0; k < built_count; k++) {
        bool found = false;
        for (unsigned i = 0; i < told_count; i++)
            found |= strcmp(told[i].name, built[k].name) == 0;
        cr_expect(found, "%s is not in the table of shard/probe.h", built[k].name);
    }
}
