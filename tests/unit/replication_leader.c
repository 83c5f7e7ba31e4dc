/* A leader: from being elected to broadcasting, and what it tells whom. */
#include "tests/support/zab_script.h"
#include "tests/unit/test.h"

#include <string.h>

#define LOG_1_TO_3 .first = 0x100000001, .end = 0x100000003

TEST(each_step_of_a_leadership_waits_for_its_quorum_and_for_the_disk)
{
    struct script s;

    script_elect(&s, &(struct script_setup){.sid = 1, .accepted = 4, .current = 1, LOG_1_TO_3});
    EXPECT_STR(script_accepted(&s, 12), "");
    /* The epoch is above all that a quorum has accepted; it is promised by ourselves first. */
    EXPECT_STR(script_recv_info(&s, 12, FOLLOWERINFO, 2, 6), "meta accepted 7 current 1");
    EXPECT_STR(script_meta(&s), "send 12 LEADERINFO 0x700000000");
    EXPECT_STR(script_recv_ackepoch(&s, 12, 0x100000002, 1), "meta accepted 7 current 7");
    EXPECT_STR(script_meta(&s), "send 12 DIFF 0x100000003; send 12 PROPOSAL 0x100000003; "
                                "send 12 COMMIT 0x100000003; send 12 NEWLEADER 0x700000000");
    EXPECT_EQ(zab_view(s.zab).committed, 0);
    EXPECT(!zab_can_propose(s.zab));
    EXPECT_STR(script_recv(&s, 12, ACK, 0x700000000),
               "apply 0x100000001; apply 0x100000002; apply 0x100000003; role LEADING serving; "
               "send 12 UPTODATE");
    EXPECT_STR(script_recv(&s, 12, ACK, 0x700000000), ""); /* of UPTODATE */
    EXPECT_STR(script_propose(&s), "send 12 PROPOSAL 0x700000001; append 0x700000001");
    script_done(&s);
}

TEST(a_commit_needs_a_quorum_and_every_proposal_before_it)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1});
    script_propose(&s);
    script_propose(&s);
    EXPECT_STR(script_recv(&s, 12, ACK, 0x100000002), "");
    EXPECT_STR(script_durable(&s, 0x100000001), ""); /* the first has one ack, the second too */
    EXPECT_STR(script_recv(&s, 12, ACK, 0x100000001),
               "send 12 COMMIT 0x100000001; apply 0x100000001");
    EXPECT_STR(script_durable(&s, 0x100000002), "send 12 COMMIT 0x100000002; apply 0x100000002");
    EXPECT_STR(script_recv(&s, 12, ACK, 0x100000002), ""); /* again, of what is committed */
    EXPECT_STR(script_recv(&s, 12, ACK, 0x100000009), ""); /* of what never was */
    script_done(&s);
}

TEST(what_others_made_a_quorum_for_is_applied_when_our_own_disk_has_it)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1});
    script_accepted(&s, 13);
    script_recv_info(&s, 13, FOLLOWERINFO, 3, 1);
    script_recv_ackepoch(&s, 13, 0, -1);
    script_recv(&s, 13, ACK, 0x100000000);
    script_propose(&s);
    script_recv(&s, 12, ACK, 0x100000001);
    EXPECT_STR(script_recv(&s, 13, ACK, 0x100000001),
               "send 12 COMMIT 0x100000001; send 13 COMMIT 0x100000001");
    EXPECT_STR(script_durable(&s, 0x100000001), "apply 0x100000001");
    script_done(&s);
}

TEST(an_observer_gets_what_is_committed_and_its_acks_count_for_nothing)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1});
    script_accepted(&s, 19);
    EXPECT_STR(script_recv_info(&s, 19, OBSERVERINFO, 9, 0), "send 19 LEADERINFO 0x100000000");
    EXPECT_STR(script_recv_ackepoch(&s, 19, 0, 0),
               "send 19 DIFF 0x0; send 19 NEWLEADER 0x100000000");
    EXPECT_STR(script_recv(&s, 19, ACK, 0x100000000), "send 19 UPTODATE");
    EXPECT_STR(script_propose(&s), "send 12 PROPOSAL 0x100000001; append 0x100000001");
    EXPECT_STR(script_recv(&s, 19, ACK, 0x100000001), "");
    EXPECT_STR(script_durable(&s, 0x100000001), "");
    EXPECT_STR(script_recv(&s, 12, ACK, 0x100000001),
               "send 12 COMMIT 0x100000001; send 19 INFORM 0x100000001; apply 0x100000001");
    script_done(&s);
}

/* A server whose history was damaged says OBSERVERINFO: its sid's vote must not count. */
TEST(a_voter_that_comes_as_an_observer_is_counted_nowhere)
{
    struct script s;

    script_elect(&s, &(struct script_setup){.sid = 1});
    script_accepted(&s, 12);
    EXPECT_STR(script_recv_info(&s, 12, OBSERVERINFO, 2, 0), "");
    script_accepted(&s, 13);
    script_recv_info(&s, 13, FOLLOWERINFO, 3, 0);
    EXPECT_STR(script_meta(&s), "send 12 LEADERINFO 0x100000000; send 13 LEADERINFO 0x100000000");
    EXPECT_STR(script_recv_ackepoch(&s, 12, 0, 0), "");
    EXPECT_STR(script_recv_ackepoch(&s, 13, 0, 0), "meta accepted 1 current 1");
    script_meta(&s);
    EXPECT_STR(script_recv(&s, 12, ACK, 0x100000000), "");
    EXPECT(!zab_view(s.zab).serving);
    EXPECT_STR(script_recv(&s, 13, ACK, 0x100000000),
               "role LEADING serving; send 12 UPTODATE; send 13 UPTODATE");
    script_done(&s);
}

TEST(a_promise_made_before_is_not_counted_again)
{
    struct script s;

    script_elect(&s, &(struct script_setup){.sid = 1});
    script_accepted(&s, 12);
    script_recv_info(&s, 12, FOLLOWERINFO, 2, 0);
    script_meta(&s);
    EXPECT_STR(script_recv_ackepoch(&s, 12, 0, -1), "");
    EXPECT_STR(zab_view(s.zab).phase, "epoch-acks");
    script_done(&s);
}

TEST(a_leader_gives_way_to_a_newer_history)
{
    struct script s;

    script_elect(&s, &(struct script_setup){.sid = 1, .accepted = 2, .current = 1, LOG_1_TO_3});
    script_accepted(&s, 12);
    script_recv_info(&s, 12, FOLLOWERINFO, 2, 2);
    script_meta(&s);
    /* A later epoch with a shorter log is newer as well. */
    EXPECT_STR(script_recv_ackepoch(&s, 12, 0x100000001, 2),
               "close 12 (the leader steps down); role LOOKING; "
               "notify 2 looking round 2 vote 1 0x100000003 epoch 1; "
               "notify 3 looking round 2 vote 1 0x100000003 epoch 1");
    script_done(&s);
}

/* It would be shut out as long as this leader leads: it cannot go back behind its promise. */
TEST(for_a_server_that_has_promised_a_later_epoch_one_begins_that_it_can_follow_in)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1});
    script_propose(&s);
    script_accepted(&s, 13);
    EXPECT_STR(script_recv_info(&s, 13, FOLLOWERINFO, 3, 5), "");
    EXPECT(!zab_can_propose(s.zab));
    EXPECT_STR(script_durable(&s, 0x100000001), "");
    EXPECT_STR(script_recv(&s, 12, ACK, 0x100000001),
               "send 12 COMMIT 0x100000001; apply 0x100000001; close 12 (the leader steps down); "
               "close 13 (the leader steps down); role LOOKING; "
               "notify 2 looking round 2 vote 1 0x100000001 epoch 1; "
               "notify 3 looking round 2 vote 1 0x100000001 epoch 1");
    EXPECT_STR(script_ballot(&s, 2, PEER_LOOKING, 2, 1, 0x100000001, 1), "role LEADING");
    script_accepted(&s, 22);
    EXPECT_STR(script_recv_info(&s, 22, FOLLOWERINFO, 2, 1), "meta accepted 6 current 1");
    script_done(&s);

    /* Before anything is decided nothing has to be finished. */
    script_elect(&s, &(struct script_setup){.sid = 1});
    script_accepted(&s, 12);
    script_recv_info(&s, 12, FOLLOWERINFO, 2, 0);
    script_meta(&s);
    script_accepted(&s, 13);
    EXPECT_STR(script_recv_info(&s, 13, FOLLOWERINFO, 3, 5),
               "close 12 (the leader steps down); close 13 (the leader steps down); role LOOKING; "
               "notify 2 looking round 2 vote 1 0x0 epoch 0; "
               "notify 3 looking round 2 vote 1 0x0 epoch 0");
    script_done(&s);
}

TEST(a_learner_that_knows_a_newer_configuration_is_sent_away)
{
    struct script s;
    struct peer_msg info = {.type = FOLLOWERINFO, .sid = 2, .config_version = 7};

    script_elect(&s, &(struct script_setup){.sid = 1});
    script_accepted(&s, 12);
    zab_packet(s.zab, 12, &info, &s.out);
    EXPECT_STR(script_told(&s), "close 12 (its configuration is newer than ours)");
    script_done(&s);
}

/* ZOOKEEPER-4685: the ack of a proposal before that of NEWLEADER. */
TEST(an_ack_that_comes_before_the_one_of_newleader_counts_after_it)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1});
    script_propose(&s);
    script_durable(&s, 0x100000001);
    script_down(&s, 12);
    script_accepted(&s, 13);
    script_recv_info(&s, 13, FOLLOWERINFO, 3, 1);
    EXPECT_STR(script_recv_ackepoch(&s, 13, 0, 0),
               "send 13 DIFF 0x0; send 13 PROPOSAL 0x100000001; send 13 NEWLEADER 0x100000000");
    EXPECT_STR(script_recv(&s, 13, ACK, 0x100000001), "");
    EXPECT_STR(script_recv(&s, 13, ACK, 0x500000000), ""); /* of another epoch */
    EXPECT_STR(script_recv(&s, 13, ACK, 0x100000000),
               "send 13 UPTODATE; send 13 COMMIT 0x100000001; apply 0x100000001");
    script_done(&s);
}

/* What is proposed between NEWLEADER and the ack of it must not miss a late learner. */
TEST(a_learner_gets_every_proposal_from_its_registration_on)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1});
    script_accepted(&s, 13);
    script_recv_info(&s, 13, FOLLOWERINFO, 3, 1);
    script_recv_ackepoch(&s, 13, 0, 0);
    EXPECT_STR(script_propose(&s), "send 12 PROPOSAL 0x100000001; send 13 PROPOSAL 0x100000001; "
                                   "append 0x100000001");
    script_durable(&s, 0x100000001);
    EXPECT_STR(script_recv(&s, 12, ACK, 0x100000001),
               "send 12 COMMIT 0x100000001; send 13 COMMIT 0x100000001; apply 0x100000001");
    EXPECT_STR(script_recv(&s, 13, ACK, 0x100000000), "send 13 UPTODATE");
    script_done(&s);
}

/* The TRUNC takes from its disk what it acknowledged on its last connection. */
TEST(an_ack_is_forgotten_when_its_txn_is_cut_off)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1, .accepted = 1, .current = 1, LOG_1_TO_3});
    script_propose(&s);
    script_recv(&s, 12, ACK, 0x200000001);
    script_down(&s, 12);
    script_accepted(&s, 22);
    script_recv_info(&s, 22, FOLLOWERINFO, 2, 2);
    EXPECT_STR(script_recv_ackepoch(&s, 22, 0x200000001, -1),
               "send 22 TRUNC 0x100000003; send 22 PROPOSAL 0x200000001; "
               "send 22 NEWLEADER 0x200000000");
    EXPECT_STR(script_durable(&s, 0x200000001), "");
    script_recv(&s, 22, ACK, 0x200000000);
    EXPECT_STR(script_recv(&s, 22, ACK, 0x200000001),
               "send 22 COMMIT 0x200000001; apply 0x200000001");
    script_done(&s);
}

TEST(a_learner_that_comes_again_replaces_its_old_connection)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1});
    script_accepted(&s, 22);
    EXPECT_STR(script_recv_info(&s, 22, FOLLOWERINFO, 2, 1),
               "close 12 (it came again); send 22 LEADERINFO 0x100000000");
    script_done(&s);
}

TEST(a_learner_that_does_not_read_is_dropped)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1, .learner_queue_max = 1000});
    for (int i = 0; i < 12; i++)
        script_propose(&s);
    EXPECT_EQ(zab_view(s.zab).learners, 1);
    for (int i = 0; i < 2; i++)
        script_propose(&s);
    EXPECT_STR(script_tick(&s, 1), "close 12 (it does not read what it is sent)");
    script_done(&s);
}

/* What is proposed while it takes a snapshot waits behind that. */
TEST(a_learner_that_is_being_synced_may_lag_as_far_as_it_could_keep)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1,
                                           .learner_queue_max = 300,
                                           .window_bytes_max = 100,
                                           .tail_bytes_max = 1000});
    script_down(&s, 12); /* nobody reads, or it would have to be told what is sent */
    script_accepted(&s, 13);
    script_recv_info(&s, 13, FOLLOWERINFO, 3, 1);
    script_recv_ackepoch(&s, 13, 0, 0); /* with LEADERINFO before, 192 bytes */
    for (int i = 0; i < 10; i++)
        EXPECT(strncmp(script_propose(&s), "send 13 PROPOSAL", 16) == 0);
    EXPECT_STR(script_tick(&s, 1), "");
    EXPECT_STR(script_recv(&s, 13, ACK, 0x100000000), "send 13 UPTODATE");
    EXPECT_STR(script_tick(&s, 1), "");
    for (int i = 0; i < 3; i++) /* and from now on as far as everybody */
        script_propose(&s);
    EXPECT_STR(script_tick(&s, 1), "close 13 (it does not read what it is sent)");
    script_done(&s);

    script_lead(&s, &(struct script_setup){.sid = 1,
                                           .learner_queue_max = 300,
                                           .window_bytes_max = 100,
                                           .tail_bytes_max = 1000});
    script_down(&s, 12);
    script_accepted(&s, 13);
    script_recv_info(&s, 13, FOLLOWERINFO, 3, 1);
    script_recv_ackepoch(&s, 13, 0, 0);
    for (int i = 0; i < 11; i++)
        script_propose(&s);
    EXPECT_STR(script_tick(&s, 1), "close 13 (it does not read what it is sent)");
    script_done(&s);
}

TEST(a_sync_waits_for_what_is_proposed_and_for_a_quorum_of_later_echoes)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1});
    script_tick(&s, TICK_MS / 2); /* a ping that is on its way already */
    zab_sync(s.zab, 0, 77, &s.out);
    EXPECT_STR(script_told(&s), "send 12 PING 0x100000000");
    EXPECT_STR(script_recv(&s, 12, PING, 0x100000000), ""); /* the echo of the first */
    EXPECT_STR(script_recv(&s, 12, PING, 0x100000000), "synced 77");

    script_propose(&s);
    zab_sync(s.zab, 12, 0, &s.out);
    EXPECT_STR(script_told(&s), "send 12 PING 0x100000001");
    EXPECT_STR(script_recv(&s, 12, PING, 0x100000001), "");
    script_durable(&s, 0x100000001);
    EXPECT_STR(script_recv(&s, 12, ACK, 0x100000001),
               "send 12 COMMIT 0x100000001; apply 0x100000001; send 12 SYNC");
    script_done(&s);
}

/* Our own client reads our state: what is decided by the disks of others is not in it yet. */
TEST(a_sync_of_our_own_client_waits_until_the_state_has_it)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1});
    script_lead_join(&s);
    script_recv(&s, 13, ACK, 0x100000000);
    script_propose(&s);
    script_recv(&s, 12, ACK, 0x100000001);
    script_recv(&s, 13, ACK, 0x100000001);
    EXPECT_EQ(zab_view(s.zab).committed, 0x100000001);
    zab_sync(s.zab, 0, 7, &s.out);
    zab_sync(s.zab, 12, 0, &s.out);
    EXPECT_STR(script_told(&s), "send 12 PING 0x100000001; send 13 PING 0x100000001");
    EXPECT_STR(script_recv(&s, 12, PING, 0), "send 12 PING 0x100000001; send 13 PING 0x100000001");
    EXPECT_STR(script_recv(&s, 12, PING, 0), "");
    EXPECT_STR(script_durable(&s, 0x100000001), "apply 0x100000001; synced 7; send 12 SYNC");
    script_done(&s);
}

TEST(syncs_that_come_while_a_round_is_out_share_the_next)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1});
    zab_sync(s.zab, 0, 1, &s.out);
    zab_sync(s.zab, 0, 2, &s.out);
    zab_sync(s.zab, 0, 3, &s.out);
    EXPECT_STR(script_told(&s), "send 12 PING 0x100000000");
    EXPECT_STR(script_recv(&s, 12, PING, 0), "synced 1; send 12 PING 0x100000000");
    EXPECT_STR(script_recv(&s, 12, PING, 0), "synced 2; synced 3");
    script_done(&s);
}
