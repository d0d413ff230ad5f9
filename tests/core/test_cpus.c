/* test_cpus.c -- the CPUs that may be used, here and in cgroup trees made for the purpose. */
#include "core/thread.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/test_cpus.XXXXXX";

static void tree_begin(void)
{
    cr_assert_not_null(mkdtemp(root));
}

static void tree_end(void)
{
    char command[100];
    snprintf(command, sizeof(command), "rm -r %s", root);
    cr_assert_eq(system(command), 0);
}

/* Writes `text` into root/path, making the folders above. */
static void put(const char *path, const char *text)
{
    char full[500];
    snprintf(full, sizeof(full), "%s/%s", root, path);
    for (char *slash = full + sizeof(root); (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

static unsigned quota(unsigned count)
{
    char self[500], mount[500];
    snprintf(self, sizeof(self), "%s/self", root);
    snprintf(mount, sizeof(mount), "%s/fs", root);
    return cpus_quota(self, mount, count);
}

Test(cpus, usable_ones_are_those_of_the_mask)
{
    cpu_set_t set;
    sched_getaffinity(0, sizeof(set), &set);
    struct cpus cpus;
    cr_assert_eq(cpus_usable(&cpus), 0);
    cr_assert_eq(cpus.count, (unsigned)CPU_COUNT(&set));
    for (unsigned i = 0; i < cpus.count; i++) {
        cr_assert(CPU_ISSET(cpus.ids[i], &set));
        if (i > 0)
            cr_assert_gt(cpus.ids[i], cpus.ids[i - 1]);
    }
    cr_assert(cpus.quota >= 1 && cpus.quota <= cpus.count);
}

Test(cpus, follows_a_narrower_mask)
{
    struct cpus all, one;
    cr_assert_eq(cpus_usable(&all), 0);
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(all.ids[all.count - 1], &set);
    cr_assert_eq(sched_setaffinity(0, sizeof(set), &set), 0);
    cr_assert_eq(cpus_usable(&one), 0);
    cr_assert(one.count == 1 && one.quota == 1);
    cr_assert_eq(one.ids[0], all.ids[all.count - 1]);
}

Test(cpus, v2_quota_is_rounded_up_and_never_above_the_count, .init = tree_begin, .fini = tree_end)
{
    put("self", "0::/a/b\n");
    cr_assert_eq(quota(64), 64); /* no file at all */
    put("fs/a/b/cpu.max", "max 100000\n");
    cr_assert_eq(quota(64), 64);
    put("fs/a/b/cpu.max", "200000 100000\n");
    cr_assert_eq(quota(64), 2);
    put("fs/a/b/cpu.max", "200001 100000\n");
    cr_assert_eq(quota(64), 3);
    put("fs/a/b/cpu.max", "1000 100000\n");
    cr_assert_eq(quota(64), 1);
    put("fs/a/b/cpu.max", "9900000 100000\n");
    cr_assert_eq(quota(64), 64);
}

Test(cpus, v2_least_quota_on_the_way_up_counts, .init = tree_begin, .fini = tree_end)
{
    put("self", "0::/a/b/c\n");
    put("fs/a/b/c/cpu.max", "800000 100000\n");
    put("fs/a/cpu.max", "300000 100000\n");
    cr_assert_eq(quota(64), 3);
    put("fs/cpu.max", "100000 100000\n");
    cr_assert_eq(quota(64), 1);
}

/* In a container the path may be the host's, of which only the root is mounted. */
Test(cpus, v2_root_counts_when_the_path_does_not_exist, .init = tree_begin, .fini = tree_end)
{
    put("self", "0::/system.slice/docker-1.scope\n");
    put("fs/cpu.max", "150000 100000\n");
    cr_assert_eq(quota(64), 2);
    put("self", "0::/\n");
    cr_assert_eq(quota(64), 2);
}

Test(cpus, v1_quota_sits_with_the_cpu_controller, .init = tree_begin, .fini = tree_end)
{
    put("self", "5:memory:/x\n4:cpuset:/x\n3:cpuacct,cpu:/x/y\n0::/z\n");
    put("fs/cpuacct,cpu/x/cpu.cfs_quota_us", "250000\n");
    put("fs/cpuacct,cpu/x/cpu.cfs_period_us", "100000\n");
    cr_assert_eq(quota(64), 3);
    put("fs/cpuacct,cpu/x/cpu.cfs_quota_us", "-1\n");
    cr_assert_eq(quota(64), 64);
    put("fs/cpu/cpu.cfs_quota_us", "400000\n");
    put("fs/cpu/cpu.cfs_period_us", "100000\n");
    cr_assert_eq(quota(64), 4);
    put("fs/cpuset/x/cpu.cfs_quota_us", "100000\n"); /* of another controller */
    put("fs/cpuset/x/cpu.cfs_period_us", "100000\n");
    cr_assert_eq(quota(64), 4);
}

Test(cpus, v2_beside_v1_is_found, .init = tree_begin, .fini = tree_end)
{
    put("self", "3:cpu:/\n0::/a\n");
    put("fs/unified/a/cpu.max", "500000 100000\n");
    cr_assert_eq(quota(64), 5);
}

Test(cpus, what_cannot_be_read_is_no_quota, .init = tree_begin, .fini = tree_end)
{
    cr_assert_eq(quota(8), 8); /* no self */
    static const char *const selves[] = {"", "nonsense\n", "0:\n", "::\n", "0::/a"};
    static const char *const files[] = {"", "max", "100000", "0 0", "5 0", "-1 100000", "x y"};
    for (size_t s = 0; s < ARRAY_SIZE(selves); s++) {
        put("self", selves[s]);
        for (size_t f = 0; f < ARRAY_SIZE(files); f++) {
            put("fs/a/cpu.max", files[f]);
            put("fs/cpu.max", files[f]);
            cr_assert_eq(quota(8), 8, "%s with %s", selves[s], files[f]);
        }
    }
}
