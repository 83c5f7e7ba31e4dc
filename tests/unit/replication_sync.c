/* A leader's choice between DIFF, TRUNC and SNAP, and what it sends then. */
#include "tests/support/zab_script.h"
#include "tests/unit/test.h"

/* Server 1 leads epoch 2 with this log of epoch 1: 0x100000003 is the base (and the state
 * of somebody else's snapshot), 4..7 are in memory, and 5 is applied. */
static const struct script_setup log_4_to_7 = {.sid = 1,
                                               .accepted = 1,
                                               .current = 1,
                                               .base = 0x100000003,
                                               .first = 0x100000004,
                                               .end = 0x100000007,
                                               .applied = 0x100000005};

static void lead(struct script *s)
{
    script_lead(s, &log_4_to_7);
    script_accepted(s, 13);
    script_recv_info(s, 13, FOLLOWERINFO, 3, 1);
}

/* What server 3 is sent when its last zxid is ZXID; nothing was proposed in this epoch. */
#define EXPECT_SYNC(zxid, actions)                                  \
    do {                                                            \
        struct script s;                                            \
                                                                    \
        lead(&s);                                                   \
        EXPECT_STR(script_recv_ackepoch(&s, 13, zxid, 1), actions); \
        script_done(&s);                                            \
    } while (0)

#define TXN(zxid) "send 13 PROPOSAL " #zxid "; send 13 COMMIT " #zxid "; "
#define END "send 13 NEWLEADER 0x200000000"

TEST(who_has_all_gets_an_empty_diff)
{
    EXPECT_SYNC(0x100000007, "send 13 DIFF 0x100000007; " END);
    EXPECT_SYNC(0x200000000, "send 13 DIFF 0x100000007; " END); /* synced in this epoch before */
}

TEST(who_lacks_the_end_gets_it)
{
    EXPECT_SYNC(0x100000006, "send 13 DIFF 0x100000007; " TXN(0x100000007) END);
    EXPECT_SYNC(0x100000003, "send 13 DIFF 0x100000007; " TXN(0x100000004) TXN(0x100000005)
                                 TXN(0x100000006) TXN(0x100000007) END);
}

/* 8 was the old leader's alone. 7 was applied nowhere yet, here least of all: the log
 * decides, or a power cut of all servers would cost acknowledged txns. */
TEST(who_has_more_of_the_same_epoch_loses_what_is_more)
{
    EXPECT_SYNC(0x100000009, "send 13 TRUNC 0x100000007; " END);
}

TEST(before_the_quorum_the_log_decides_and_not_what_is_applied)
{
    struct script s;

    script_init(&s, &log_4_to_7);
    script_peer(&s, 3, REACH_DOWN);
    script_ballot(&s, 2, PEER_LOOKING, 1, 1, 0x100000007, 1);
    script_accepted(&s, 12);
    script_recv_info(&s, 12, FOLLOWERINFO, 2, 1);
    script_meta(&s);
    script_recv_ackepoch(&s, 12, 0x100000006, 1);
    EXPECT_EQ(zab_view(s.zab).applied, 0x100000005);
    EXPECT_STR(script_meta(&s), "send 12 DIFF 0x100000007; send 12 PROPOSAL 0x100000007; "
                                "send 12 COMMIT 0x100000007; send 12 NEWLEADER 0x200000000");
    script_done(&s);
}

TEST(who_is_too_far_behind_or_on_another_branch_gets_a_snapshot)
{
    EXPECT_SYNC(0x100000002, "snap-open 0x100000003");
    EXPECT_SYNC(0, "snap-open 0x100000003");           /* no statement */
    EXPECT_SYNC(0x900000001, "snap-open 0x100000003"); /* of an epoch that nobody followed */
    /* The start of an epoch names no txn, but neither what is between it and our log's. */
    EXPECT_SYNC(0x100000000, "snap-open 0x100000003");
    EXPECT_SYNC(0x900000000, "snap-open 0x100000003");
}

/* Not even to a leader whose memory reaches back to the first txn: "none" is also what a server
 * says whose history must not be trusted. */
TEST(who_states_nothing_gets_a_snapshot_however_long_the_log)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1, .first = 0x100000001, .end = 0x100000003});
    script_accepted(&s, 13);
    script_recv_info(&s, 13, FOLLOWERINFO, 3, 0);
    EXPECT_STR(script_recv_ackepoch(&s, 13, 0, -1), "snap-open 0x0");
    script_done(&s);
}

TEST(a_trunc_never_crosses_the_border_of_an_epoch)
{
    struct script s;

    lead(&s);
    script_propose(&s);
    script_durable(&s, 0x200000001);
    script_recv(&s, 12, ACK, 0x200000001);
    EXPECT_STR(script_recv_ackepoch(&s, 13, 0x100000009, 1), "snap-open 0x100000003");
    script_done(&s);
}

TEST(the_start_of_an_epoch_names_no_txn_but_a_place)
{
    struct script s;

    lead(&s);
    script_propose(&s);
    script_durable(&s, 0x200000001);
    script_recv(&s, 12, ACK, 0x200000001);
    EXPECT_STR(script_recv_ackepoch(&s, 13, 0x200000000, 1),
               "send 13 DIFF 0x200000001; " TXN(0x200000001) END);
    script_done(&s);
}

TEST(outstanding_proposals_follow_the_history_without_a_commit)
{
    struct script s;

    lead(&s);
    script_propose(&s);
    EXPECT_STR(script_recv_ackepoch(&s, 13, 0x100000007, 1),
               "send 13 DIFF 0x100000007; send 13 PROPOSAL 0x200000001; " END);
    script_durable(&s, 0x200000001);
    /* Committed by the others while this one still writes. */
    EXPECT_STR(script_recv(&s, 12, ACK, 0x200000001),
               "send 12 COMMIT 0x200000001; send 13 COMMIT 0x200000001; apply 0x200000001");
    script_done(&s);
}

TEST(a_snapshot_is_followed_by_the_rest_of_the_log)
{
    struct script s;

    lead(&s);
    script_propose(&s);
    EXPECT_STR(script_recv_ackepoch(&s, 13, 0, -1), "snap-open 0x100000003");
    EXPECT_STR(script_propose(&s), "send 12 PROPOSAL 0x200000002; append 0x200000002");
    EXPECT_STR(script_opened(&s, 0x100000006),
               "send 13 SNAP 0x100000006; stream 13; " TXN(
                   0x100000007) "send 13 PROPOSAL 0x200000001; send 13 PROPOSAL 0x200000002; " END);
    script_done(&s);
}

TEST(of_two_snapshots_each_goes_to_who_waits_for_it)
{
    struct script s;

    lead(&s);
    script_recv_ackepoch(&s, 13, 0, -1);
    script_accepted(&s, 19);
    script_recv_info(&s, 19, OBSERVERINFO, 9, 1);
    script_recv_ackepoch(&s, 19, 0, -1);
    EXPECT_STR(script_opened(&s, 0x100000007), /* the one that was asked for last */
               "send 19 SNAP 0x100000007; stream 19; send 19 NEWLEADER 0x200000000");
    script_done(&s);
}

TEST(a_snapshot_that_the_window_has_left_behind_is_not_sent)
{
    struct script s;

    lead(&s);
    script_recv_ackepoch(&s, 13, 0, -1);
    EXPECT_STR(script_opened(&s, 0x100000001), "close 13 (the log has moved on); snap-shut");
    script_done(&s);
}

/* Server 1 follows server 3, until that is gone; then it leads. */
static void lead_instead(struct script *s)
{
    script_down(s, 13);
    script_peer(s, 3, REACH_DOWN);
    script_ballot(s, 2, PEER_LOOKING, 10, 1, zab_view(s->zab).log_end, zab_view(s->zab).current);
    script_accepted(s, 12);
    script_recv_info(s, 12, FOLLOWERINFO, 2, 2);
    EXPECT_STR(script_meta(s), "send 12 LEADERINFO 0x300000000");
}

/* ZOOKEEPER-4925: what a learner was synced with belongs to what it can sync others with. */
TEST(who_was_synced_by_a_diff_leaves_nothing_of_it_out_in_its_own)
{
    struct script s;
    struct script_setup setup = log_4_to_7;

    setup.accepted = setup.current = 1;
    script_join(&s, &setup);
    script_recv(&s, 13, DIFF, 0x100000009);
    script_recv_txn(&s, 13, PROPOSAL, 0x100000008);
    script_recv(&s, 13, COMMIT, 0x100000008);
    script_recv_txn(&s, 13, PROPOSAL, 0x100000009);
    script_recv(&s, 13, COMMIT, 0x100000009);
    script_recv(&s, 13, NEWLEADER, 0x200000000);
    script_durable(&s, 0x100000009);
    script_meta(&s);
    script_recv(&s, 13, UPTODATE, -1);
    EXPECT_EQ(zab_view(s.zab).applied, 0x100000009);

    lead_instead(&s);
    EXPECT_STR(script_recv_ackepoch(&s, 12, 0x100000007, 1), "meta accepted 3 current 3");
    EXPECT_STR(script_meta(&s), "send 12 DIFF 0x100000009; send 12 PROPOSAL 0x100000008; "
                                "send 12 COMMIT 0x100000008; send 12 PROPOSAL 0x100000009; "
                                "send 12 COMMIT 0x100000009; send 12 NEWLEADER 0x300000000");
    script_done(&s);
}

/* ZOOKEEPER-2846: before a snapshot there is a hole in the log. */
TEST(who_was_synced_by_a_snapshot_sends_no_diff_across_it)
{
    struct script s;
    struct script_setup setup = log_4_to_7;

    setup.accepted = setup.current = 1;
    script_join(&s, &setup);
    script_recv(&s, 13, SNAP, 0x100000020);
    script_received(&s);
    script_recv_txn(&s, 13, PROPOSAL, 0x100000021);
    script_recv(&s, 13, COMMIT, 0x100000021);
    script_recv(&s, 13, NEWLEADER, 0x200000000);
    script_installed(&s);
    script_recv(&s, 13, UPTODATE, -1);

    lead_instead(&s);
    EXPECT_STR(script_recv_ackepoch(&s, 12, 0x100000007, 1), "meta accepted 3 current 3");
    EXPECT_STR(script_meta(&s), "snap-open 0x100000020");
    script_done(&s);
}

TEST(a_snapshot_for_a_learner_that_is_gone_is_shut)
{
    struct script s;

    lead(&s);
    script_recv_ackepoch(&s, 13, 0, -1);
    EXPECT_STR(script_down(&s, 13), "snap-shut");
    EXPECT_STR(script_opened(&s, 0x100000006), "");
    script_done(&s);

    lead(&s);
    script_recv_ackepoch(&s, 13, 0, -1);
    zab_snap_opened(s.zab, s.open, 0, true, &s.out);
    EXPECT_STR(script_told(&s), "close 13 (no snapshot for it)");
    script_done(&s);
}

TEST(an_observer_is_told_nothing_that_is_not_committed)
{
    struct script s;

    script_lead(&s, &log_4_to_7);
    script_propose(&s);
    script_accepted(&s, 13);
    script_recv_info(&s, 13, OBSERVERINFO, 9, 0);
    EXPECT_STR(script_recv_ackepoch(&s, 13, 0x100000006, 1),
               "send 13 DIFF 0x100000007; " TXN(0x100000007) END);
    script_durable(&s, 0x200000001);
    EXPECT_STR(script_recv(&s, 12, ACK, 0x200000001),
               "send 12 COMMIT 0x200000001; send 13 INFORM 0x200000001; apply 0x200000001");
    script_done(&s);
}

/* A fresh ensemble: nothing was ever logged anywhere. */
TEST(where_nothing_was_ever_written_nothing_is_sent)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1});
    script_accepted(&s, 13);
    script_recv_info(&s, 13, FOLLOWERINFO, 3, 0);
    EXPECT_STR(script_recv_ackepoch(&s, 13, 0, 0),
               "send 13 DIFF 0x0; send 13 NEWLEADER 0x100000000");
    script_done(&s);

    /* Who says that it has something all the same, loses it. */
    script_lead(&s, &(struct script_setup){.sid = 1});
    script_accepted(&s, 13);
    script_recv_info(&s, 13, FOLLOWERINFO, 3, 0);
    EXPECT_STR(script_recv_ackepoch(&s, 13, 0x100000000, 0), "snap-open 0x0");
    script_done(&s);
}
