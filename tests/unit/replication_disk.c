/* A disk that is full, or does not get on. */
#include "tests/support/zab_script.h"
#include "tests/unit/test.h"

static const struct script_setup fresh = {.sid = 1};

#define VOTES(round, zxid)                                         \
    "notify 2 looking round " #round " vote 1 " #zxid " epoch 1; " \
    "notify 3 looking round " #round " vote 1 " #zxid " epoch 1"

static const char *disk_full(struct script *s, bool full)
{
    zab_disk_full(s->zab, full, &s->out);
    return script_told(s);
}

TEST(a_leader_without_room_for_its_log_hands_over_and_leaves_the_next_election_to_the_others)
{
    struct script s;

    script_lead(&s, &fresh);
    script_propose(&s);
    EXPECT_STR(disk_full(&s, true), "alarm");
    EXPECT(!zab_can_propose(s.zab));
    EXPECT_STR(script_durable(&s, 0x100000001), "");
    EXPECT_STR(script_recv(&s, 12, ACK, 0x100000001),
               "send 12 COMMIT 0x100000001; apply 0x100000001; close 12 (the leader steps down); "
               "role LOOKING");
    EXPECT_EQ(zab_deadline(s.zab), 2 * TICK_MS);
    EXPECT_STR(script_tick(&s, 2 * TICK_MS - 1), "");
    EXPECT_STR(script_tick(&s, 1), VOTES(2, 0x100000001));
    script_done(&s);
}

/* Or an ensemble whose disks are all full would never have a leader, and nothing could be
 * deleted. */
TEST(elected_all_the_same_it_leads_and_stands_down_again_only_when_there_was_room_meanwhile)
{
    struct script s;

    script_lead(&s, &fresh);
    disk_full(&s, true);
    script_tick(&s, 2 * TICK_MS);
    EXPECT_STR(script_ballot(&s, 2, PEER_LOOKING, 2, 1, 0, 1), "role LEADING");
    script_accepted(&s, 22);
    script_recv_info(&s, 22, FOLLOWERINFO, 2, 1);
    script_meta(&s);
    script_recv_ackepoch(&s, 22, 0, 1);
    script_meta(&s);
    EXPECT_STR(script_recv(&s, 22, ACK, 0x200000000), "role LEADING serving; send 22 UPTODATE");
    EXPECT_STR(script_tick(&s, TICK_MS / 2), "send 22 PING 0x200000000");
    EXPECT(zab_can_propose(s.zab));
    EXPECT_STR(disk_full(&s, true), "");
    EXPECT_STR(disk_full(&s, false), "");
    EXPECT_STR(disk_full(&s, true), "alarm; close 22 (the leader steps down); role LOOKING");
    script_done(&s);
}

TEST(a_leader_whom_nobody_could_follow_stays_though_it_has_no_room)
{
    struct script s;

    script_init(&s, &(struct script_setup){.sid = 1, .voters = 1});
    script_meta(&s);
    EXPECT_STR(script_meta(&s), "role LEADING serving");
    EXPECT_STR(disk_full(&s, true), "");
    EXPECT(zab_can_propose(s.zab));
    script_done(&s);
}

TEST(a_follower_without_room_follows_on)
{
    struct script s;

    script_follow(&s, &fresh);
    EXPECT_STR(disk_full(&s, true), "");
    EXPECT_STR(script_recv_txn(&s, 13, PROPOSAL, 0x100000001), "append 0x100000001");
    EXPECT_STR(script_durable(&s, 0x100000001), "send 13 ACK 0x100000001");
    script_done(&s);
}

/* ZOOKEEPER-2247: the followers' disks would do, and the pings go on. */
TEST(a_leader_whose_own_log_does_not_get_on_stands_down)
{
    struct script s;

    script_lead(&s, &fresh);
    script_propose(&s);
    for (int i = 0; i < 2 * SYNC_LIMIT - 1; i++) {
        script_tick(&s, TICK_MS / 2);
        script_recv(&s, 12, PING, 0);
        script_recv(&s, 12, ACK, 0x100000001);
    }
    EXPECT_EQ(zab_view(s.zab).role, ROLE_LEADING);
    script_tick(&s, TICK_MS / 2);
    EXPECT_EQ(zab_view(s.zab).role, ROLE_LOOKING);
    EXPECT_STR(script_tick(&s, 100 * TICK_MS), ""); /* out, until the disk is well */
    EXPECT_STR(script_durable(&s, 0x100000001), VOTES(2, 0x100000001));
    script_done(&s);
}

TEST(a_log_that_gets_on_slowly_is_no_reason)
{
    struct script s;

    script_lead(&s, &fresh);
    for (zk_zxid zxid = 0x100000001; zxid < 0x100000009; zxid++) {
        script_propose(&s);
        script_propose(&s);
        for (int i = 0; i < 2 * SYNC_LIMIT - 1; i++) {
            script_tick(&s, TICK_MS / 2);
            script_recv(&s, 12, PING, 0);
            script_recv(&s, 12, ACK, zab_view(s.zab).proposed);
        }
        script_durable(&s, zxid);
    }
    EXPECT_EQ(zab_view(s.zab).role, ROLE_LEADING);
    script_done(&s);
}

TEST(a_learner_whose_own_log_does_not_get_on_leaves_and_stays_out_until_it_does)
{
    struct script s;
    struct script_setup observer = {.sid = 8};

    script_follow(&s, &observer);
    script_recv_txn(&s, 13, INFORM, 0x100000001);
    for (int i = 0; i < SYNC_LIMIT - 1; i++) {
        EXPECT_STR(script_tick(&s, TICK_MS), "");
        EXPECT_STR(script_recv(&s, 13, PING, 0), "ask-touched");
    }
    EXPECT_STR(script_tick(&s, TICK_MS), "alarm; close 13 (the role ended); role LOOKING");
    EXPECT_STR(script_tick(&s, 100 * TICK_MS), "");
    EXPECT_STR(script_durable(&s, 0x100000001),
               "apply 0x100000001; notify 1 looking round 10 vote nobody; "
               "notify 2 looking round 10 vote nobody; notify 3 looking round 10 vote nobody");
    script_done(&s);
}
