/* Figures of many values in little memory. */
#include "proto/base/summary.h"
#include "tests/unit/test.h"

TEST(a_summary_of_nothing_is_all_zeros)
{
    struct histogram h = {0};

    EXPECT_EQ(h.all.min, 0);
    EXPECT_EQ(histogram_quantile(&h, 500), 0);
    EXPECT_EQ(histogram_quantile(&h, 999), 0);
}

TEST(the_least_and_the_greatest_are_exact)
{
    struct summary s = {0};

    summary_add(&s, 7);
    summary_add(&s, 3);
    summary_add(&s, 1000000000000);
    EXPECT_EQ(s.min, 3);
    EXPECT_EQ(s.max, 1000000000000);
    EXPECT_EQ(s.sum, 1000000000010);
    EXPECT_EQ(s.count, 3);
}

TEST(of_one_value_every_quantile_is_that_value)
{
    static const int64_t values[] = {0,  1,    15,        16,        31,           32,
                                     33, 1000, 123456789, INT32_MAX, INT64_MAX / 2};

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct histogram h = {0};

        histogram_add(&h, values[i]);
        EXPECT_EQ(histogram_quantile(&h, 0), values[i] > INT32_MAX ? INT32_MAX : values[i]);
        EXPECT_EQ(histogram_quantile(&h, 1000), values[i] > INT32_MAX ? INT32_MAX : values[i]);
    }
}

TEST(small_values_are_told_apart)
{
    struct histogram h = {0};

    for (int64_t v = 0; v < 30; v++)
        histogram_add(&h, v);
    EXPECT_EQ(histogram_quantile(&h, 500), 14);
    EXPECT_EQ(histogram_quantile(&h, 950), 28);
    EXPECT_EQ(histogram_quantile(&h, 999), 29);
}

TEST(a_quantile_is_at_most_a_sixteenth_too_high)
{
    struct histogram h = {0};

    for (int64_t v = 1; v <= 100000; v++)
        histogram_add(&h, v);
    for (unsigned per_mille = 1; per_mille <= 1000; per_mille++) {
        int64_t exact = 100 * (int64_t)per_mille, told = histogram_quantile(&h, per_mille);

        EXPECT(told >= exact);
        EXPECT(told <= exact + exact / 16);
    }
}
