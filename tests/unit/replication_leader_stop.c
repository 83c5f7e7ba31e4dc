/* A leader that stops, or may not go on. */
#include "tests/support/zab_script.h"
#include "tests/unit/test.h"

/* ZOOKEEPER-4203: whom nobody can reach any more must not go on leading those who have. */
TEST(a_leader_whose_port_fails_steps_down)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1});
    zab_listen_failed(s.zab, &s.out);
    EXPECT_STR(script_told(&s), "close 12 (the leader steps down); role LOOKING; "
                                "notify 2 looking round 2 vote 1 0x0 epoch 1; "
                                "notify 3 looking round 2 vote 1 0x0 epoch 1");
    zab_listen_failed(s.zab, &s.out);
    EXPECT_STR(script_told(&s), ""); /* late */
    script_done(&s);
}

TEST(stopping_while_nobody_leads_needs_nobody)
{
    struct script s;

    script_init(&s, &(struct script_setup){.sid = 1});
    zab_stop(s.zab, &s.out);
    EXPECT_STR(script_told(&s), "stopped");
    EXPECT_EQ(zab_deadline(s.zab), INT64_MAX);
    script_done(&s);
}

/* What cannot be committed has to be kept: so there is an end to it. */
TEST(a_leader_takes_so_much_that_is_not_decided_and_no_more)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1, .tail_bytes_max = 100});
    script_propose(&s);
    script_propose(&s);
    EXPECT(zab_can_propose(s.zab));
    script_propose(&s); /* 36 bytes each */
    EXPECT(!zab_can_propose(s.zab));
    script_recv(&s, 12, ACK, 0x100000001);
    EXPECT_STR(script_durable(&s, 0x100000003), "send 12 COMMIT 0x100000001; apply 0x100000001");
    EXPECT(zab_can_propose(s.zab));
    script_done(&s);
}

/* ZOOKEEPER-1277. */
TEST(before_the_counter_runs_over_the_leader_steps_down)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1, .counter_limit = 2});
    script_propose(&s);
    script_propose(&s);
    EXPECT(!zab_can_propose(s.zab));
    script_durable(&s, 0x100000002);
    script_recv(&s, 12, ACK, 0x100000001);
    EXPECT_STR(script_recv(&s, 12, ACK, 0x100000002),
               "send 12 COMMIT 0x100000002; apply 0x100000002; close 12 (the leader steps down); "
               "role LOOKING; notify 2 looking round 2 vote 1 0x100000002 epoch 1; "
               "notify 3 looking round 2 vote 1 0x100000002 epoch 1");
    script_done(&s);
}

TEST(stopping_commits_what_is_outstanding_and_waits_for_the_followers)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1});
    script_propose(&s);
    zab_stop(s.zab, &s.out);
    EXPECT_STR(script_told(&s), "");
    EXPECT(!zab_can_propose(s.zab));
    EXPECT_STR(script_durable(&s, 0x100000001), "");
    EXPECT_STR(script_recv(&s, 12, ACK, 0x100000001),
               "send 12 COMMIT 0x100000001; apply 0x100000001; close 12 (the leader steps down); "
               "role LOOKING; stopped");
    EXPECT_STR(script_tick(&s, 10000), "");
    script_done(&s);
}

TEST(stopping_waits_for_every_follower_that_is_synced)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1});
    script_lead_join(&s);
    script_recv(&s, 13, ACK, 0x100000000);
    script_propose(&s);
    script_durable(&s, 0x100000001);
    zab_stop(s.zab, &s.out);
    script_told(&s);
    EXPECT_STR(script_recv(&s, 13, ACK, 0x100000002), ""); /* of what never was */
    EXPECT_STR(script_recv(&s, 12, ACK, 0x100000001),
               "send 12 COMMIT 0x100000001; send 13 COMMIT 0x100000001; apply 0x100000001");
    EXPECT_STR(script_recv(&s, 13, ACK, 0x100000001),
               "close 12 (the leader steps down); close 13 (the leader steps down); "
               "role LOOKING; stopped");
    script_done(&s);
}

TEST(stopping_waits_a_tick_at_most)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1});
    script_propose(&s);
    zab_stop(s.zab, &s.out);
    script_told(&s);
    script_tick(&s, TICK_MS - 1);
    EXPECT_EQ(zab_view(s.zab).role, ROLE_LEADING);
    EXPECT_EQ(zab_deadline(s.zab), TICK_MS);
    EXPECT_STR(script_tick(&s, 1), "close 12 (the leader steps down); role LOOKING; stopped");
    script_done(&s);
}

/* ZOOKEEPER-4541: what the old role asked of the disk is done before the next begins. */
TEST(a_new_election_waits_until_the_disk_has_what_was_logged)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1});
    script_propose(&s);
    script_down(&s, 12);
    EXPECT_STR(script_tick(&s, TICK_MS), "role LOOKING");
    EXPECT_STR(zab_view(s.zab).phase, "draining");
    EXPECT_STR(script_ballot(&s, 2, PEER_LOOKING, 2, 2, 0, 1), ""); /* kept for later */
    EXPECT_STR(script_durable(&s, 0x100000001),
               "notify 2 looking round 2 vote 1 0x100000001 epoch 1; "
               "notify 3 looking round 2 vote 1 0x100000001 epoch 1");
    EXPECT_STR(script_ballot(&s, 2, PEER_LOOKING, 2, 1, 0x100000001, 1), "role LEADING");
    script_done(&s);
}
