/* test_cgroup.c -- which folders are asked, and in whose name. What is in them: test_cpus.c,
 * test_memory.c. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/cgroup.h"

static char asked[4096];

static uint64_t note(const char *dir, uint64_t least)
{
    size_t len = strlen(asked);

    snprintf(asked + len, sizeof(asked) - len, "%s;", dir);
    return least - 1;
}

static uint64_t never(const char *dir, uint64_t least)
{
    cr_assert_fail("%s was asked", dir);
    return least;
}

/* Walks for this content of /proc/self/cgroup. */
static uint64_t walk(const char *self, const char *controller, cgroup_read *v2, cgroup_read *v1)
{
    char path[] = "/tmp/uproar-cgroup-XXXXXX";
    int fd = mkstemp(path);

    cr_assert(fd >= 0 && write(fd, self, strlen(self)) == (ssize_t)strlen(self));
    close(fd);
    asked[0] = '\0';
    uint64_t least = cgroup_least(path, "/m", controller, 100, v2, v1);
    unlink(path);
    return least;
}

Test(cgroup, v2_from_the_group_up_to_the_mount)
{
    cr_assert_eq(walk("0::/a/b\n", "cpu", note, never), 100 - 6);
    cr_assert_str_eq(asked, "/m/a/b;/m/a;/m;/m/unified/a/b;/m/unified/a;/m/unified;");
    walk("0::/\n", "cpu", note, never);
    cr_assert_str_eq(asked, "/m;/m/unified;");
}

Test(cgroup, v1_only_where_the_controller_is)
{
    cr_assert_eq(walk("3:cpuset:/a\n2:cpuacct:/a\n", "cpu", never, never), 100);
    walk("3:cpuset:/a\n4:cpu,cpuacct:/b\n", "cpu", never, note);
    cr_assert_str_eq(asked, "/m/cpu,cpuacct/b;/m/cpu,cpuacct;/m/cpu/b;/m/cpu;");
    walk("4:memory:/b\n", "memory", never, note);
    cr_assert_str_eq(asked, "/m/memory/b;/m/memory;/m/memory/b;/m/memory;");
}

Test(cgroup, what_cannot_be_read_is_no_limit)
{
    char text[8];

    cr_assert_eq(cgroup_least("/nowhere", "/m", "cpu", 7, never, never), 7);
    cr_assert_eq(walk("nonsense\n\n:\n", "cpu", never, never), 100);
    cr_assert_not(cgroup_file("/nowhere", "cpu.max", text, sizeof(text)));
}
