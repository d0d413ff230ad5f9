/* test_stats_map.c -- the histograms of the stats file: where a value is counted, and what comes
 * out of it. */
#include <criterion/criterion.h>

#include "core/stats_map.h"

#define CELLS STATS_MAP_HISTOGRAM_CELLS
#define HALF  STATS_MAP_HALF_BITS

Test(stats_map, a_cell_counts_values_up_to_its_top)
{
    static const uint64_t values[] = {0,   1,    63,    64,    65,        127,
                                      128, 1000, 65535, 65536, 123456789, (1ull << 42) - 1};

    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        uint32_t cell = stats_map_cell(values[i]);
        cr_assert(cell >= 1 && cell < CELLS);
        cr_expect_leq(values[i], stats_map_cell_top(cell, HALF));
        if (cell > 1)
            cr_expect_gt(values[i], stats_map_cell_top(cell - 1, HALF));
        /* Within a 32nd. */
        cr_expect_leq(stats_map_cell_top(cell, HALF) - values[i], values[i] / 32);
    }
}

Test(stats_map, tops_only_grow_and_the_last_cell_takes_the_rest)
{
    for (uint32_t cell = 2; cell < CELLS; cell++)
        cr_assert_gt(stats_map_cell_top(cell, HALF), stats_map_cell_top(cell - 1, HALF));
    cr_expect_eq(stats_map_cell_top(CELLS - 1, HALF), (1ull << 42) - 1);
    cr_expect_eq(stats_map_cell(UINT64_MAX), CELLS - 1);
    /* A file may say anything: no cell is out of bounds. */
    cr_expect_eq(stats_map_cell_top(UINT32_MAX, 0), UINT64_MAX);
    cr_expect_eq(stats_map_cell_top(1048576, 5), UINT64_MAX);
}

Test(stats_map, percentiles_are_tops_but_no_more_than_the_largest)
{
    static uint64_t cells[CELLS];

    cr_expect_eq(stats_map_percentile(cells, CELLS, HALF, 500000), 0);
    for (uint64_t value = 1; value <= 50; value++)
        cells[stats_map_cell(value)]++;
    cells[0] = 50;
    cr_expect_eq(stats_map_count(cells, CELLS), 50);
    cr_expect_eq(stats_map_percentile(cells, CELLS, HALF, 500000), 25);
    cr_expect_eq(stats_map_percentile(cells, CELLS, HALF, 900000), 45);
    cr_expect_eq(stats_map_percentile(cells, CELLS, HALF, 1000000), 50);
    cr_expect_eq(stats_map_percentile(cells, CELLS, HALF, 0), 1);
    cells[stats_map_cell(100001)]++;
    cells[0] = 100001;
    cr_expect_eq(stats_map_percentile(cells, CELLS, HALF, 999000), 100001);
}

Test(stats_map, very_many_values_do_not_overflow)
{
    static uint64_t cells[CELLS];

    cells[0] = 7;
    cells[stats_map_cell(3)] = 1ull << 60;
    cells[stats_map_cell(7)] = 1ull << 60;
    cr_expect_eq(stats_map_percentile(cells, CELLS, HALF, 499000), 3);
    cr_expect_eq(stats_map_percentile(cells, CELLS, HALF, 501000), 7);
}
