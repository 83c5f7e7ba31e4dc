/* A leader's time limits: silence ends what it waits for, and life puts the end off. */
#include "tests/support/zab_script.h"
#include "tests/unit/test.h"

#include <string.h>

TEST(pings_keep_followers_alive_and_silence_ends_the_leadership)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1});
    EXPECT_STR(script_tick(&s, TICK_MS / 2), "send 12 PING 0x100000000");
    script_tick(&s, 4 * TICK_MS);
    EXPECT_EQ(zab_view(s.zab).learners, 1);
    EXPECT_STR(script_tick(&s, TICK_MS), "close 12 (nothing heard from it); role LOOKING; "
                                         "notify 2 looking round 2 vote 1 0x0 epoch 1; "
                                         "notify 3 looking round 2 vote 1 0x0 epoch 1");
    script_done(&s);
}

TEST(a_follower_that_pings_but_does_not_acknowledge_is_dropped)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1});
    script_propose(&s);
    for (int i = 0; i < 2 * SYNC_LIMIT - 1; i++) {
        script_tick(&s, TICK_MS / 2);
        script_recv(&s, 12, PING, 0);
        EXPECT_EQ(zab_view(s.zab).learners, 1);
    }
    script_tick(&s, TICK_MS / 2);
    EXPECT_EQ(zab_view(s.zab).learners, 0);
    script_done(&s);

    /* Nor does it help to acknowledge the first of two, or what was never proposed. */
    script_lead(&s, &(struct script_setup){.sid = 1});
    script_propose(&s);
    script_propose(&s);
    script_durable(&s, 0x100000002);
    script_tick(&s, TICK_MS);
    script_recv(&s, 12, ACK, 0x100000009);
    script_recv(&s, 12, ACK, 0x100000001);
    for (int i = 0; i < 2 * SYNC_LIMIT - 1; i++) {
        script_tick(&s, TICK_MS / 2);
        script_recv(&s, 12, PING, 0);
        EXPECT_EQ(zab_view(s.zab).learners, 1);
    }
    script_tick(&s, TICK_MS / 2);
    EXPECT_EQ(zab_view(s.zab).learners, 0);
    script_done(&s);
}

/* Before UPTODATE a learner need not acknowledge proposals, and Apache's do not. */
TEST(the_time_for_an_ack_begins_with_uptodate)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1});
    script_propose(&s);
    script_lead_join(&s);
    script_durable(&s, 0x100000001);
    script_recv(&s, 12, ACK, 0x100000001);
    for (int i = 0; i < SYNC_LIMIT + 1; i++) {
        script_tick(&s, TICK_MS);
        script_recv(&s, 12, PING, 0);
    }
    EXPECT_STR(script_recv(&s, 13, ACK, 0x100000000), "send 13 UPTODATE");
    script_tick(&s, TICK_MS);
    EXPECT_EQ(zab_view(s.zab).learners, 2);
    script_done(&s);
}

/* A server that has begun to talk may never get further: it is no follower. */
TEST(only_who_is_being_synced_counts_as_a_follower)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1});
    script_accepted(&s, 13);
    script_recv_info(&s, 13, FOLLOWERINFO, 3, 1);
    script_down(&s, 12);
    EXPECT_STR(script_tick(&s, TICK_MS), "close 13 (the leader steps down); role LOOKING; "
                                         "notify 2 looking round 2 vote 1 0x0 epoch 1; "
                                         "notify 3 looking round 2 vote 1 0x0 epoch 1");
    script_done(&s);
}

TEST(no_quorum_in_time_ends_the_attempt)
{
    struct script s;

    script_elect(&s, &(struct script_setup){.sid = 1});
    script_tick(&s, INIT_LIMIT * TICK_MS - 1);
    EXPECT_EQ(zab_view(s.zab).role, ROLE_LEADING);
    script_tick(&s, 1);
    EXPECT_EQ(zab_view(s.zab).role, ROLE_LOOKING);
    script_done(&s);
}

/* Server 1 of VOTERS is elected, with a log that does not go back to the beginning; on
 * connections 12, 13 ... that many others promise its epoch. */
static void gather(struct script *s, int voters, int others)
{
    script_init(s, &(struct script_setup){.sid = 1,
                                          .voters = voters,
                                          .accepted = 1,
                                          .current = 1,
                                          .base = 0x100000003,
                                          .applied = 0x100000003,
                                          .first = 0x100000004,
                                          .end = 0x100000007});
    for (int64_t sid = voters; sid > 1; sid--)
        script_ballot(s, sid, PEER_LOOKING, 1, 1, 0x100000007, 1);
    for (int64_t sid = 2; sid < 2 + others; sid++) {
        script_accepted(s, (uint64_t)sid + 10);
        script_recv_info(s, (uint64_t)sid + 10, FOLLOWERINFO, sid, 1);
    }
    EXPECT_EQ(zab_view(s->zab).learners, (size_t)others);
    script_meta(s);
}

/* A snapshot may take longer than initLimit, as long as it goes on. */
TEST(a_quorum_is_waited_for_while_a_snapshot_for_it_goes_out)
{
    struct script s;

    for (int lives = 0; lives < 2; lives++) {
        gather(&s, 3, 1);
        EXPECT_STR(script_recv_ackepoch(&s, 12, 0, 0), "meta accepted 2 current 2");
        EXPECT_STR(script_meta(&s), "snap-open 0x100000003");
        (void)script_opened(&s, 0x100000003);
        for (int i = 0; i < 3; i++) {
            EXPECT_STR(script_tick(&s, INIT_LIMIT * TICK_MS - 1), "");
            zab_progress(s.zab, 12);
        }
        if (lives)
            EXPECT_STR(script_recv(&s, 12, ACK, 0x200000000),
                       "apply 0x100000004; apply 0x100000005; apply 0x100000006; "
                       "apply 0x100000007; role LEADING serving; send 12 UPTODATE");
        script_tick(&s, INIT_LIMIT * TICK_MS);
        EXPECT_EQ(zab_view(s.zab).role, ROLE_LOOKING);
        script_done(&s);
    }
}

/* Of five, two others come: server 2 with a log up to ZXID, of EPOCH, and server 3 with none, for
 * which a snapshot goes out. */
static void gather_two(struct script *s, zk_zxid zxid, int32_t epoch)
{
    gather(s, 5, 2);
    script_recv_ackepoch(s, 12, zxid, epoch);
    script_recv_ackepoch(s, 13, 0, 0);
    script_meta(s);
    (void)script_opened(s, 0x100000003);
}

/* Those that have it already must not think the leader dead meanwhile, nor it them. */
TEST(who_has_acknowledged_newleader_is_kept_until_others_have)
{
    struct script s;

    gather_two(&s, 0x100000007, 1);
    EXPECT_STR(script_tick(&s, TICK_MS / 2), "");
    EXPECT_STR(script_recv(&s, 12, ACK, 0x200000000), "");
    for (int i = 0; i < 4 * INIT_LIMIT; i++) {
        EXPECT_STR(script_tick(&s, TICK_MS / 2), "send 12 PING 0x200000000");
        zab_progress(s.zab, 13);
    }
    EXPECT(strstr(script_recv(&s, 13, ACK, 0x200000000),
                  "role LEADING serving; send 12 UPTODATE; send 13 UPTODATE") != NULL);
    script_tick(&s, SYNC_LIMIT * TICK_MS - 1);
    EXPECT_EQ(zab_view(s.zab).learners, 2);
    script_done(&s);
}

TEST(a_snapshot_that_makes_no_quorum_puts_nothing_off)
{
    struct script s;

    gather_two(&s, 0, 0);
    script_down(&s, 12);
    script_tick(&s, INIT_LIMIT * TICK_MS - 1);
    zab_progress(s.zab, 13);
    EXPECT_EQ(zab_view(s.zab).role, ROLE_LEADING);
    script_tick(&s, 1);
    EXPECT_EQ(zab_view(s.zab).role, ROLE_LOOKING);
    script_done(&s);
}
