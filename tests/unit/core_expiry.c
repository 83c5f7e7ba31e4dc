/* Sessions of an ensemble end where its leader says so: by their time, or by their client's
 * wish. Server 0 leads; timeouts are 2000 ms, ticks 100. */
#include "store/tree.h"
#include "tests/support/core_ensemble.h"
#include "tests/unit/test.h"

TEST(a_session_of_a_learner_expires_with_its_ephemerals_everywhere)
{
    struct trio trio;

    trio_init(&trio, NULL);
    trio_join(&trio, 1, 'a');
    trio_join(&trio, 2, 'b');
    (void)create(trio_rig(&trio, 1), 'a', "/e", "1", 1);
    (void)trio_settle(&trio);
    (void)exists(trio_rig(&trio, 2), 'b', "/e", true);
    (void)trio_said(&trio);
    for (int i = 0; i < 6; i++) {
        (void)trio_sleep(&trio, 500);
        (void)ping(trio_rig(&trio, 2), 'b');
        trio_ping(&trio);
        (void)trio_said(&trio);
    }
    EXPECT_STR(trio_settle(&trio), "a: closed: session closed; "
                                   "b: event deleted /e zxid=0x100000004");
    for (int i = 0; i < TRIO; i++) {
        EXPECT_EQ(tree_ephemeral_count(trio_rig(&trio, i)->tree), 0);
        EXPECT_EQ(core_stats(trio_rig(&trio, i)->core).sessions, 1);
    }
    EXPECT_EQ(core_stats(trio_rig(&trio, 0)->core).sessions_expired, 1);
    trio_done(&trio);
}

TEST(a_session_that_is_heard_of_at_a_learner_lives)
{
    struct trio trio;

    trio_init(&trio, NULL);
    trio_join(&trio, 1, 'a');
    for (int i = 0; i < 20; i++) {
        (void)trio_sleep(&trio, 500);
        EXPECT_STR(ping(trio_rig(&trio, 1), 'a'), "a: reply xid=-2 zxid=0x100000001");
        trio_ping(&trio);
    }
    EXPECT_STR(trio_settle(&trio), "");
    trio_done(&trio);
}

TEST(what_was_heard_of_is_told_once)
{
    struct trio trio;
    struct core *core;
    struct blob *touched;

    trio_init(&trio, NULL);
    trio_join(&trio, 1, 'a');
    trio_join(&trio, 1, 'b');
    core = trio_rig(&trio, 1)->core;
    touched = core_take_touched(core);
    EXPECT(touched != NULL);
    EXPECT_EQ(touched->len, 24);
    blob_unref(touched);
    EXPECT(core_take_touched(core) == NULL);
    (void)ping(trio_rig(&trio, 1), 'b');
    (void)ping(trio_rig(&trio, 1), 'b');
    touched = core_take_touched(core);
    EXPECT_EQ(touched->len, 12);
    blob_unref(touched);
    (void)ping(trio_rig(&trio, 1), 'b');
    (void)trio_elect(&trio, 1);
    EXPECT(core_take_touched(core) == NULL);
    trio_done(&trio);
}

TEST(a_learner_ends_no_session_by_itself)
{
    struct trio trio;

    trio_init(&trio, NULL);
    trio_join(&trio, 1, 'a');
    (void)rig_sleep(trio_rig(&trio, 1), 60000);
    EXPECT_STR(trio_settle(&trio), "");
    EXPECT_EQ(core_stats(trio_rig(&trio, 1)->core).sessions, 1);
    trio_done(&trio);
}

TEST(a_new_leader_gives_every_session_its_full_time)
{
    struct trio trio;
    struct rig_client a;

    trio_init(&trio, NULL);
    trio_join(&trio, 1, 'a');
    a = *rig_client(trio_rig(&trio, 1), 'a');
    (void)trio_sleep(&trio, 1900);
    (void)trio_elect(&trio, 2);
    (void)trio_sleep(&trio, 1900);
    EXPECT_EQ(trio.proposed, 1);
    (void)rig_reattach(trio_rig(&trio, 0), 'b', &a);
    EXPECT_STR(trio_settle(&trio), "b: connected timeout=2000");
    (void)trio_sleep(&trio, 2200);
    EXPECT_STR(trio_settle(&trio), "b: closed: session closed");
    trio_done(&trio);
}

/* Nobody could be heard of meanwhile. */
TEST(the_time_between_two_roles_does_not_count)
{
    struct trio trio;
    struct rig *rig;

    trio_init(&trio, NULL);
    trio_join(&trio, 1, 'a');
    rig = trio_rig(&trio, 0);
    (void)trio_out(&trio, 0);
    rig->now.mono_ms += 1500;
    core_role(rig->core, CORE_LEADS, tree_zxid(rig->tree), &rig->now);
    rig->now.mono_ms += 1500;
    core_tick(rig->core, &rig->now);
    EXPECT_EQ(core_stats(rig->core).sessions_expired, 0);
    (void)trio_elect(&trio, 1);
    trio_done(&trio);
}

TEST(a_request_that_comes_when_its_session_is_ending_is_told_so)
{
    struct trio trio;

    trio_init(&trio, NULL);
    trio_join(&trio, 1, 'a');
    (void)create(trio_rig(&trio, 1), 'a', "/e", "1", 1);
    (void)trio_up(&trio, 1);
    (void)create(trio_rig(&trio, 1), 'a', "/late", "1", 1);
    (void)trio_sleep(&trio, 2200);
    (void)trio_up(&trio, 1);
    EXPECT_STR(trio_settle(&trio), "a: reply xid=1 zxid=0x100000002 /e; "
                                   "a: closed: session closed");
    EXPECT_EQ(tree_ephemeral_count(trio_rig(&trio, 0)->tree), 0);
    trio_done(&trio);
}

TEST(a_session_ends_once_though_client_and_leader_both_end_it)
{
    struct trio trio;

    trio_init(&trio, NULL);
    trio_join(&trio, 1, 'a');
    (void)close_session(trio_rig(&trio, 1), 'a');
    (void)trio_sleep(&trio, 2200);
    (void)trio_up(&trio, 1);
    EXPECT_EQ(trio.proposed, 3);
    EXPECT_STR(trio_settle(&trio), "a: closed: session closed");
    EXPECT_EQ(trio_rig(&trio, 1)->notes.len, 0);
    trio_done(&trio);
}

TEST(a_client_ends_its_session_through_a_learner)
{
    struct trio trio;

    trio_init(&trio, NULL);
    trio_join(&trio, 1, 'a');
    (void)create(trio_rig(&trio, 1), 'a', "/e", "1", 1);
    (void)close_session(trio_rig(&trio, 1), 'a');
    (void)create(trio_rig(&trio, 1), 'a', "/behind", "1", 0);
    EXPECT_STR(trio_settle(&trio), "a: reply xid=1 zxid=0x100000002 /e; "
                                   "a: reply xid=2 zxid=0x100000003; a: closed: session closed");
    EXPECT_EQ(trio.proposed, 3);
    EXPECT_EQ(tree_ephemeral_count(trio_rig(&trio, 2)->tree), 0);
    trio_done(&trio);
}

/* The leader ends sessions with cxid 0, which a client may have used as well. */
TEST(the_end_of_a_session_is_not_the_outcome_of_a_write)
{
    struct trio trio;

    trio_init(&trio, NULL);
    trio_join(&trio, 1, 'a');
    rig_client(trio_rig(&trio, 1), 'a')->next_xid = 0;
    (void)create(trio_rig(&trio, 1), 'a', "/x", "1", 0);
    (void)trio_sleep(&trio, 2200);
    (void)trio_up(&trio, 1);
    EXPECT_STR(trio_settle(&trio), "a: closed: session closed");
    trio_done(&trio);
}
