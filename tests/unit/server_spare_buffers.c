/* Buffers that are kept for the next one, and no more of them than is good. */
#include "server/spare_buffers.h"
#include "tests/unit/test.h"

static void give(struct spare_buffers *all, size_t cap)
{
    struct buf b = {0};

    buf_reserve(&b, cap);
    EXPECT(b.cap >= cap && b.cap < 2 * cap);
    b.len = cap / 2;
    spare_buffers_give(all, &b);
    EXPECT(b.data == NULL && b.len == 0 && b.cap == 0);
}

TEST(the_largest_is_taken_and_it_is_empty)
{
    struct spare_buffers all = {0};
    struct buf b;

    give(&all, 200000);
    give(&all, 1000000);
    give(&all, 500000);
    EXPECT_EQ(all.count, 3);
    b = spare_buffers_take(&all, 400000);
    EXPECT(b.cap >= 1000000);
    EXPECT_EQ(b.len, 0);
    buf_done(&b);
    b = spare_buffers_take(&all, 990000); /* there is none of that size */
    EXPECT(b.data == NULL);
    EXPECT_EQ(all.count, 2);
    spare_buffers_done(&all);
    EXPECT_EQ(all.bytes, 0);
}

TEST(what_is_too_small_or_too_large_is_not_kept)
{
    struct spare_buffers all = {0};

    give(&all, SPARE_BYTES_MIN / 2);
    give(&all, SPARE_BYTES_MAX + 1);
    EXPECT_EQ(all.count, 0);
    give(&all, SPARE_BYTES_MIN);
    EXPECT_EQ(all.count, 1);
    spare_buffers_done(&all);
}

TEST(they_are_bounded_together_and_larger_ones_take_the_place_of_smaller_ones)
{
    struct spare_buffers all = {0};
    struct buf b;

    for (size_t i = 0; i < 2 * (size_t)SPARES_MAX; i++)
        give(&all, SPARE_BYTES_MIN);
    EXPECT_EQ(all.count, SPARES_MAX);
    for (int i = 0; i < 100; i++)
        give(&all, 2000000);
    EXPECT(all.bytes <= SPARES_BYTES_MAX);
    EXPECT(all.bytes > SPARES_BYTES_MAX / 2);
    give(&all, SPARE_BYTES_MIN);
    b = spare_buffers_take(&all, 2000000);
    EXPECT(b.data != NULL);
    buf_done(&b);
    spare_buffers_done(&all);
}

TEST(those_that_nobody_needs_go_by_and_by)
{
    struct spare_buffers all = {0};
    struct buf b[2];

    for (int i = 0; i < 5; i++)
        give(&all, 100000);
    spare_buffers_trim(&all);
    EXPECT_EQ(all.count, 5);
    for (int i = 0; i < 2; i++) /* two are in use at a time */
        b[i] = spare_buffers_take(&all, 100000);
    for (int i = 0; i < 2; i++)
        spare_buffers_give(&all, &b[i]);
    spare_buffers_trim(&all);
    EXPECT_EQ(all.count, 2);
    spare_buffers_trim(&all);
    EXPECT_EQ(all.count, 0);
    spare_buffers_trim(&all);
    spare_buffers_done(&all);
}
