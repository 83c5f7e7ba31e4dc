/* When a session's time is up: never early, at most a tick late. */
#include "proto/base/rng.h"
#include "server/core/session_tracker.h"
#include "tests/unit/test.h"

#define TICK 100

TEST(a_deadline_is_later_than_the_timeout_and_at_most_a_tick_later)
{
    struct rng rng = rng_seeded(7);

    for (int i = 0; i < 100000; i++) {
        int64_t now = (int64_t)rng_below(&rng, UINT64_C(1) << 40);
        int32_t timeout = (int32_t)rng_below(&rng, 1000000);
        int32_t tick = 1 + (int32_t)rng_below(&rng, 5000);
        int64_t deadline = tracker_deadline(now, timeout, tick);

        EXPECT(deadline > now + timeout);
        EXPECT(deadline <= now + timeout + tick);
        EXPECT_EQ(deadline % tick, 0);
    }
}

TEST(sessions_of_one_deadline_end_together_and_a_touched_one_later)
{
    struct session_tracker tracker;
    struct live_session *b;

    tracker_init(&tracker, TICK, 1000);
    (void)tracker_add(&tracker, 1, 200, 1010);
    b = tracker_add(&tracker, 2, 200, 1050);
    (void)tracker_add(&tracker, 3, 200, 1090);
    tracker_touch(&tracker, b, 1100);
    EXPECT(tracker_expired(&tracker, 1299) == NULL);
    for (int i = 0; i < 2; i++) {
        struct live_session *session = tracker_expired(&tracker, 1300);

        EXPECT(session != NULL && session != b);
        tracker_close(&tracker, session);
        tracker_remove(&tracker, session);
    }
    EXPECT(tracker_expired(&tracker, 1399) == NULL);
    EXPECT(tracker_expired(&tracker, 1400) == b);
    tracker_done(&tracker);
}

TEST(a_session_whose_end_is_decided_neither_expires_again_nor_comes_back_by_a_touch)
{
    struct session_tracker tracker;
    struct live_session *session;

    tracker_init(&tracker, TICK, 0);
    session = tracker_add(&tracker, 1, 200, 0);
    tracker_close(&tracker, session);
    tracker_touch(&tracker, session, 50);
    tracker_touch(&tracker, session, 150); /* another deadline */
    EXPECT(tracker_expired(&tracker, 100000) == NULL);
    EXPECT(tracker_find(&tracker, 1) == session);
    tracker_remove(&tracker, session);
    EXPECT(tracker_find(&tracker, 1) == NULL);
    tracker_done(&tracker);
}

/* The loop may stand still (a suspended machine): all that is due comes at once. */
TEST(after_a_long_pause_every_bucket_is_found)
{
    struct session_tracker tracker;
    int expired = 0;
    struct live_session *session;

    tracker_init(&tracker, TICK, 0);
    for (int64_t id = 1; id <= 500; id++)
        (void)tracker_add(&tracker, id, (int32_t)(id * 37), 0);
    while ((session = tracker_expired(&tracker, 3600000)) != NULL) {
        tracker_close(&tracker, session);
        tracker_remove(&tracker, session);
        expired++;
    }
    EXPECT_EQ(expired, 500);
    tracker_done(&tracker);
}
