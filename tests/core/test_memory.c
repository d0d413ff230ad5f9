/* test_memory.c -- the least of the host's memory and the groups' limits. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/memory.h"

#define HOST (8ull << 30)

static char root[64];

static void tree(void)
{
    snprintf(root, sizeof(root), "/tmp/uproar-memory-XXXXXX");
    cr_assert_not_null(mkdtemp(root));
}

static void tree_end(void)
{
    char command[100];
    snprintf(command, sizeof(command), "rm -r %s", root);
    cr_assert_eq(system(command), 0);
}

TestSuite(memory, .init = tree, .fini = tree_end);

/* Writes `text` into root/path, making the folders above. */
static void put(const char *path, const char *text)
{
    char full[500];
    snprintf(full, sizeof(full), "%s/%s", root, path);
    for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

static uint64_t limit(void)
{
    char self[500], mount[500];
    snprintf(self, sizeof(self), "%s/self", root);
    snprintf(mount, sizeof(mount), "%s/fs", root);
    return memory_limit(self, mount, HOST);
}

Test(memory, there_is_some)
{
    cr_assert_gt(memory_usable(), 1u << 20);
}

Test(memory, nothing_to_read_is_no_limit)
{
    cr_assert_eq(limit(), HOST);
    put("self", "0::/a\n4:memory:/b\n");
    put("fs/a/memory.max", "max\n");
    put("fs/memory/b/memory.limit_in_bytes", "9223372036854771712\n");
    cr_assert_eq(limit(), HOST);
}

Test(memory, v2_of_the_group_or_of_one_above_it)
{
    put("self", "0::/a/b\n");
    put("fs/a/b/memory.max", "max\n");
    put("fs/a/memory.max", "1073741824\n");
    cr_assert_eq(limit(), 1ull << 30);
    put("fs/a/b/memory.max", "536870912\n");
    cr_assert_eq(limit(), 512ull << 20);
}

Test(memory, v1_by_its_controller)
{
    put("self", "5:cpu,cpuacct:/a\n4:memory:/a\n");
    put("fs/cpu,cpuacct/a/memory.limit_in_bytes", "1\n");
    put("fs/memory/a/memory.limit_in_bytes", "268435456\n");
    cr_assert_eq(limit(), 256ull << 20);
}
