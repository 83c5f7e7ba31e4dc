/* The throttle in front of new sessions, with a clock of the test's own. */
#include "server/session_throttle.h"
#include "tests/unit/test.h"

#define START_MS 1000000

static struct session_throttle_config usual_config(int32_t tokens)
{
    return (struct session_throttle_config){.tokens_max = tokens,
                                            .fill_ms = 100,
                                            .fill_count = 2,
                                            .freeze_ms = -1,
                                            .new_weight = 3,
                                            .local_weight = 1,
                                            .renew_weight = 2};
}

/* How many of COUNT who ask for a new session at NOW_MS get on. */
static int admitted(struct session_throttle *t, int count, int64_t now_ms)
{
    int yes = 0;

    for (int i = 0; i < count; i++)
        yes += session_throttle_admits(t, false, now_ms);
    return yes;
}

TEST(without_tokens_nobody_is_refused)
{
    struct session_throttle_config config = usual_config(0);
    struct session_throttle t;

    session_throttle_init(&t, &config, 1, START_MS);
    EXPECT_EQ(admitted(&t, 100000, START_MS), 100000);
}

TEST(a_full_bucket_serves_so_many_and_is_filled_by_steps)
{
    struct session_throttle_config config = usual_config(10);
    struct session_throttle t;

    session_throttle_init(&t, &config, 1, START_MS);
    EXPECT_EQ(admitted(&t, 100, START_MS), 10);
    EXPECT_EQ(admitted(&t, 100, START_MS + 99), 0);
    EXPECT_EQ(admitted(&t, 100, START_MS + 100), 2);
    EXPECT_EQ(admitted(&t, 100, START_MS + 399), 4);
    EXPECT_EQ(admitted(&t, 100, START_MS + 400), 2); /* the 99 ms were not lost */
    EXPECT_EQ(admitted(&t, 100, START_MS + 1000000), 10);
}

TEST(a_clock_that_stood_still_for_an_age_overflows_nothing)
{
    struct session_throttle_config config = usual_config(INT32_MAX);
    struct session_throttle t;

    config.fill_ms = 1;
    config.fill_count = INT32_MAX;
    config.weighted = true;
    config.new_weight = INT32_MAX;
    session_throttle_init(&t, &config, 1, 0);
    EXPECT(session_throttle_admits(&t, false, 0));
    EXPECT(session_throttle_admits(&t, false, INT64_MAX / 2));
    EXPECT_EQ(t.tokens, t.tokens_max - INT32_MAX);
}

TEST(a_fill_count_of_nought_fills_nothing)
{
    struct session_throttle_config config = usual_config(1);
    struct session_throttle t;

    config.fill_count = 0;
    session_throttle_init(&t, &config, 1, START_MS);
    EXPECT_EQ(admitted(&t, 2, START_MS), 1);
    EXPECT_EQ(admitted(&t, 2, START_MS + 1000000000), 0);
}

TEST(with_weights_a_renewal_takes_less_than_a_new_session)
{
    struct session_throttle_config config = usual_config(3);
    struct session_throttle t;

    config.weighted = true;
    session_throttle_init(&t, &config, 1, START_MS); /* 9 tokens */
    EXPECT_EQ(admitted(&t, 2, START_MS), 2);
    EXPECT(session_throttle_admits(&t, true, START_MS)); /* 1 is left */
    EXPECT(!session_throttle_admits(&t, true, START_MS));
    EXPECT(!session_throttle_admits(&t, false, START_MS));
    EXPECT_EQ(admitted(&t, 9, START_MS + 100), 2); /* 1 and 6 */
}

TEST(no_session_weighs_less_than_a_local_one)
{
    struct session_throttle_config config = usual_config(1);
    struct session_throttle t;

    config.weighted = true;
    config.local_weight = 5;
    session_throttle_init(&t, &config, 1, START_MS); /* 5 tokens */
    EXPECT(session_throttle_admits(&t, true, START_MS));
    EXPECT(!session_throttle_admits(&t, true, START_MS));
}

TEST(the_chance_to_be_refused_rises_while_the_bucket_is_empty_and_falls_when_it_is_full)
{
    struct session_throttle_config config = usual_config(4);
    struct session_throttle t;
    int64_t now_ms = START_MS;

    config.fill_ms = 1000000;
    config.freeze_ms = 10;
    config.drop_increase = 0.4;
    config.drop_decrease = 0.3;
    session_throttle_init(&t, &config, 1, now_ms);
    EXPECT_EQ(admitted(&t, 4, now_ms), 4);
    (void)admitted(&t, 100, now_ms + 10);
    EXPECT(t.drop == 0); /* not before the time */
    (void)admitted(&t, 100, now_ms + 11);
    EXPECT(t.drop == 0.4); /* once, however many ask */
    (void)admitted(&t, 1, now_ms + 22);
    (void)admitted(&t, 1, now_ms + 33);
    EXPECT(t.drop == 1);
    now_ms += 3000000; /* full again; nobody gets on who is always refused by chance */
    (void)admitted(&t, 1, now_ms);
    EXPECT(t.drop == 0.7);
    for (int i = 1; i <= 3; i++)
        (void)admitted(&t, 1, now_ms + i * 3000000);
    EXPECT(t.drop == 0);
}

TEST(as_many_are_refused_by_chance_as_the_chance_says)
{
    struct session_throttle_config config = usual_config(INT32_MAX);
    struct session_throttle t;
    int yes;

    config.freeze_ms = INT32_MAX;
    session_throttle_init(&t, &config, 4711, START_MS);
    t.drop = 0.25;
    yes = admitted(&t, 100000, START_MS);
    EXPECT(yes > 74000 && yes < 76000);
}
