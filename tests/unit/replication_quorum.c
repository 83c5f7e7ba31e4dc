/* Who must agree: majorities, and both of two configurations while one replaces the other. */
#include "replication/quorum.h"
#include "tests/unit/test.h"

static voter_bits bits_of(const struct quorums *quorums, const int64_t *sids, size_t count)
{
    voter_bits bits = 0;

    for (size_t i = 0; i < count; i++)
        bits |= quorums_bit(quorums, sids[i]);
    return bits;
}

#define BITS(q, ...) \
    bits_of(q, (const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / 8)

TEST(a_quorum_is_more_than_half_of_the_voters)
{
    static const int64_t sids[] = {7, -2, 5, 1};
    struct quorums *three = quorums_new(sids, 3), *four = quorums_new(sids, 4);

    EXPECT(!quorums_have(three, BITS(three, 7)));
    EXPECT(quorums_have(three, BITS(three, 7, -2)));
    EXPECT(!quorums_have(four, BITS(four, 7, 1)));
    EXPECT(quorums_have(four, BITS(four, 7, 1, 5)));
    EXPECT(quorums_have(four, BITS(four, 7, -2, 5, 1)));
    quorums_unref(three);
    quorums_unref(four);
}

TEST(who_has_no_vote_has_no_bit)
{
    static const int64_t sids[] = {3, 1, 2};
    struct quorums *q = quorums_new(sids, 3);

    EXPECT_EQ(quorums_bit(q, 4), 0);
    EXPECT(!quorums_have(q, BITS(q, 1, 4, 5, 6)));
    EXPECT_EQ(quorums_voter_count(q), 3);
    for (int i = 0; i < 3; i++) /* ascending, in whatever order they came */
        EXPECT_EQ(quorums_voter(q, (size_t)i), i + 1);
    quorums_unref(q);
}

/* From 1,2,3 to 3,4,5: a majority of all five is not enough. */
TEST(while_two_configurations_are_in_force_both_must_agree)
{
    static const int64_t old[] = {1, 2, 3}, new[] = {3, 4, 5};
    struct quorums *q = quorums_new_joint(old, 3, new, 3);

    EXPECT_EQ(quorums_voter_count(q), 5);
    EXPECT(!quorums_have(q, BITS(q, 1, 2, 3)));
    EXPECT(!quorums_have(q, BITS(q, 3, 4, 5)));
    EXPECT(!quorums_have(q, BITS(q, 1, 2, 4)));
    EXPECT(quorums_have(q, BITS(q, 1, 3, 4)));
    EXPECT(quorums_have(q, BITS(q, 1, 2, 4, 5)));
    quorums_unref(q);
}

TEST(as_many_voters_as_there_are_bits)
{
    int64_t sids[QUORUM_VOTERS_MAX];
    struct quorums *q;

    for (int i = 0; i < QUORUM_VOTERS_MAX; i++)
        sids[i] = i;
    q = quorums_new(sids, QUORUM_VOTERS_MAX);
    EXPECT(!quorums_have(q, bits_of(q, sids, 32)));
    EXPECT(quorums_have(q, bits_of(q, sids, 33)));
    EXPECT_EQ(bits_of(q, sids, QUORUM_VOTERS_MAX), UINT64_MAX);
    quorums_unref(q);
}

TEST(a_voter_named_twice_is_a_bug_and_stops)
{
    static const int64_t sids[] = {1, 2, 2};

    EXPECT_ABORT(quorums_new(sids, 3));
    EXPECT_ABORT(quorums_new(sids, 0));
}
