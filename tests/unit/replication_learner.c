/* A learner: from the dial to broadcast. The order of what reaches the disk and what is
 * said is its whole safety. */
#include "tests/support/zab_script.h"
#include "tests/unit/test.h"

/* Server 1, which followed epoch 4 before; its log has 1..3 of it, and 2 is applied. */
static const struct script_setup log_1_to_3 = {.sid = 1,
                                               .accepted = 4,
                                               .current = 4,
                                               .base = 0x400000000,
                                               .first = 0x400000001,
                                               .end = 0x400000003,
                                               .applied = 0x400000002};

#define VOTES_AGAIN                                          \
    "notify 2 looking round 10 vote 1 0x400000003 epoch 4; " \
    "notify 3 looking round 10 vote 1 0x400000003 epoch 4"

static void elect(struct script *s, const struct script_setup *setup)
{
    script_init(s, setup);
    script_ballot(s, 2, PEER_FOLLOWING, 9, 3, 0, 4);
    EXPECT_STR(script_ballot(s, 3, PEER_LEADING, 9, 3, 0, 4), "role FOLLOWING; dial 3");
}

TEST(the_promise_of_an_epoch_is_on_disk_before_it_is_given)
{
    struct script s;

    elect(&s, &log_1_to_3);
    EXPECT_STR(script_dialled(&s, 13), "send 13 FOLLOWERINFO 0x400000000 sid 1");
    EXPECT_STR(script_recv_leaderinfo(&s, 13, 6), "meta accepted 6 current 4");
    EXPECT_STR(script_meta(&s), "send 13 ACKEPOCH 0x400000003 epoch 4"); /* the log's end */
    script_done(&s);
}

TEST(an_epoch_promised_before_is_not_promised_twice)
{
    struct script s;

    elect(&s, &log_1_to_3);
    script_dialled(&s, 13);
    EXPECT_STR(script_recv_leaderinfo(&s, 13, 4), "send 13 ACKEPOCH 0x400000003 epoch -1");
    script_done(&s);

    elect(&s, &log_1_to_3);
    script_dialled(&s, 13);
    EXPECT_STR(script_recv_leaderinfo(&s, 13, 3), "close 13 (the role ended); role LOOKING");
    EXPECT_STR(script_tick(&s, TICK_MS - 1), ""); /* or it would be told so again at once */
    EXPECT_STR(script_tick(&s, 1), VOTES_AGAIN);
    script_done(&s);
}

TEST(zxids_of_another_layout_are_refused)
{
    struct script s;
    struct peer_msg msg = {.type = LEADERINFO, .zxid = 0x600000000, .protocol = 0x11000};

    elect(&s, &log_1_to_3);
    script_dialled(&s, 13);
    zab_packet(s.zab, 13, &msg, &s.out);
    EXPECT_STR(script_told(&s), "close 13 (the role ended); role LOOKING; " VOTES_AGAIN);
    script_done(&s);
}

/* ZOOKEEPER-3911, -3023, -4646: the ack of NEWLEADER is caused by the disk; -4643: the
 * epoch follows the log; -4685: it is the first ack. */
TEST(newleader_is_acknowledged_when_the_log_and_then_the_epoch_are_durable)
{
    struct script s;

    script_join(&s, &log_1_to_3);
    EXPECT_STR(script_recv(&s, 13, DIFF, 0x400000005), "");
    EXPECT_STR(script_recv_txn(&s, 13, PROPOSAL, 0x400000004), "append 0x400000004");
    EXPECT_STR(script_recv(&s, 13, COMMIT, 0x400000004), "");
    EXPECT_STR(script_recv_txn(&s, 13, PROPOSAL, 0x400000005), "append 0x400000005");
    EXPECT_STR(script_durable(&s, 0x400000004), "");
    EXPECT_STR(script_recv(&s, 13, NEWLEADER, 0x500000000), "");
    EXPECT_STR(script_durable(&s, 0x400000005), "meta accepted 5 current 5");
    EXPECT_STR(script_meta(&s), "send 13 ACK 0x500000000");
    /* What was marked is applied now, and not before (ZOOKEEPER-1549); what was not gets
     * the ack that its leader needs for it. */
    EXPECT_STR(script_recv(&s, 13, UPTODATE, -1),
               "send 13 ACK 0x500000000; apply 0x400000003; apply 0x400000004; "
               "role FOLLOWING serving; send 13 ACK 0x400000005");
    EXPECT_STR(script_recv(&s, 13, COMMIT, 0x400000005), "apply 0x400000005");
    script_done(&s);
}

/* ZOOKEEPER-4394. */
TEST(a_commit_after_newleader_may_concern_a_proposal_before_it)
{
    struct script s;

    script_join(&s, &log_1_to_3);
    script_recv(&s, 13, DIFF, 0x400000003);
    script_recv_txn(&s, 13, PROPOSAL, 0x500000001);
    script_recv(&s, 13, NEWLEADER, 0x500000000);
    EXPECT_STR(script_recv(&s, 13, COMMIT, 0x500000001), "");
    EXPECT_STR(script_recv_txn(&s, 13, PROPOSAL, 0x500000002), "append 0x500000002");
    EXPECT_STR(script_durable(&s, 0x500000001), "meta accepted 5 current 5");
    EXPECT_STR(script_durable(&s, 0x500000002), ""); /* no ack before that of NEWLEADER */
    EXPECT_STR(script_meta(&s), "send 13 ACK 0x500000000");
    EXPECT_STR(script_recv_txn(&s, 13, PROPOSAL, 0x500000003), "append 0x500000003");
    EXPECT_STR(script_recv(&s, 13, UPTODATE, -1),
               "send 13 ACK 0x500000000; apply 0x400000003; apply 0x500000001; "
               "role FOLLOWING serving; send 13 ACK 0x500000002");
    EXPECT_STR(script_durable(&s, 0x500000003), "send 13 ACK 0x500000003");
    script_done(&s);
}

TEST(a_truncation_is_durable_before_newleader_is_acknowledged)
{
    struct script s;

    script_join(&s, &log_1_to_3);
    EXPECT_STR(script_recv(&s, 13, TRUNC, 0x400000002), "truncate 0x400000002");
    EXPECT_STR(script_recv_txn(&s, 13, PROPOSAL, 0x500000001), "append 0x500000001");
    EXPECT_STR(script_recv(&s, 13, NEWLEADER, 0x500000000), "");
    EXPECT_STR(script_truncated(&s), "");
    EXPECT_STR(script_durable(&s, 0x500000001), "meta accepted 5 current 5");
    EXPECT_STR(script_meta(&s), "send 13 ACK 0x500000000");
    script_done(&s);

    /* Also when nothing else is to be written. */
    script_join(&s, &log_1_to_3);
    script_recv(&s, 13, TRUNC, 0x400000002);
    EXPECT_STR(script_recv(&s, 13, NEWLEADER, 0x500000000), "");
    EXPECT_STR(script_truncated(&s), "meta accepted 5 current 5");
    script_done(&s);
}

TEST(a_durable_mark_of_the_log_before_the_truncation_says_nothing)
{
    struct script s;

    script_join(&s, &log_1_to_3);
    script_recv(&s, 13, TRUNC, 0x400000002);
    script_recv_txn(&s, 13, PROPOSAL, 0x400000003);
    script_recv(&s, 13, NEWLEADER, 0x500000000);
    EXPECT_STR(script_durable(&s, 0x400000003), ""); /* late, of the one that was cut off */
    EXPECT_STR(script_truncated(&s), "");
    EXPECT_STR(script_durable(&s, 0x400000003), "meta accepted 5 current 5");
    script_done(&s);
}

/* To a zxid that is not in the log, or before what is committed: never cut; the next
 * time no history is announced, so that a snapshot must come. */
TEST(a_truncation_that_cannot_be_ends_in_a_request_for_a_snapshot)
{
    struct script s;

    script_join(&s, &log_1_to_3);
    EXPECT_STR(script_recv(&s, 13, TRUNC, 0x400000001),
               "alarm; close 13 (the role ended); role LOOKING; " VOTES_AGAIN);
    script_ballot(&s, 2, PEER_FOLLOWING, 10, 3, 0, 5);
    script_ballot(&s, 3, PEER_LEADING, 10, 3, 0, 5);
    script_dialled(&s, 14);
    EXPECT_STR(script_recv_leaderinfo(&s, 14, 6), "meta accepted 6 current 4");
    EXPECT_STR(script_meta(&s), "send 14 ACKEPOCH 0x0 epoch -1");
    EXPECT_EQ(zab_view(s.zab).log_end, 0x400000003);   /* and what is there stays meanwhile */
    EXPECT_STR(script_recv(&s, 14, DIFF, 0x400000003), /* it was not what we asked for */
               "close 14 (the role ended); role LOOKING; "
               "notify 2 looking round 11 vote 1 0x400000003 epoch 4; "
               "notify 3 looking round 11 vote 1 0x400000003 epoch 4");
    script_done(&s);

    script_join(&s, &log_1_to_3);
    EXPECT_STR(script_recv(&s, 13, TRUNC, 0x300000007),
               "alarm; close 13 (the role ended); role LOOKING; " VOTES_AGAIN);
    script_done(&s);
}

/* ZOOKEEPER-3642: until all that belongs to the snapshot is durable, the old log may be
 * all that is left of a commit. */
TEST(a_snapshot_comes_into_force_with_its_log_and_epoch_in_one_write)
{
    struct script s;

    script_join(&s, &log_1_to_3);
    EXPECT_STR(script_recv(&s, 13, SNAP, 0x400000001), "snap-begin 13 0x400000001");
    EXPECT_STR(script_received(&s), "");
    EXPECT_STR(script_recv_txn(&s, 13, PROPOSAL, 0x400000002), "snap-stage 0x400000002");
    script_recv(&s, 13, COMMIT, 0x400000002);
    EXPECT_STR(script_recv_txn(&s, 13, PROPOSAL, 0x400000003), "snap-stage 0x400000003");
    EXPECT_EQ(zab_view(s.zab).applied, 0x400000002); /* the old state still */
    EXPECT_STR(script_recv(&s, 13, NEWLEADER, 0x500000000),
               "snap-install 0x400000003 accepted 5 current 5");
    EXPECT_STR(script_recv_txn(&s, 13, PROPOSAL, 0x500000001), ""); /* waits for its append */
    EXPECT_STR(script_installed(&s), "append 0x500000001; send 13 ACK 0x500000000");
    EXPECT_EQ(zab_view(s.zab).applied, 0x400000001);
    EXPECT_STR(script_recv(&s, 13, UPTODATE, -1),
               "send 13 ACK 0x500000000; apply 0x400000002; role FOLLOWING serving; "
               "send 13 ACK 0x400000003");
    EXPECT_STR(script_durable(&s, 0x500000001), "send 13 ACK 0x500000001");
    script_done(&s);
}

TEST(a_leader_lost_in_the_middle_of_a_snapshot_leaves_everything_as_it_was)
{
    struct script s;

    script_join(&s, &log_1_to_3);
    script_recv(&s, 13, SNAP, 0x400000001);
    EXPECT_STR(script_down(&s, 13), "snap-drop; role LOOKING; " VOTES_AGAIN);
    EXPECT_STR(script_received(&s), ""); /* stale */
    script_done(&s);

    script_join(&s, &log_1_to_3);
    script_recv(&s, 13, SNAP, 0x400000001);
    zab_snap_failed(s.zab, s.snap, &s.out);
    EXPECT_STR(script_told(&s), "close 13 (the role ended); role LOOKING");
    EXPECT_STR(script_tick(&s, SYNC_LIMIT * TICK_MS - 1), ""); /* it would fail again */
    EXPECT_STR(script_tick(&s, 1), VOTES_AGAIN);
    script_done(&s);
}

TEST(a_leader_lost_while_the_snapshot_is_installed_is_followed_by_its_history)
{
    struct script s;

    script_join(&s, &log_1_to_3);
    script_recv(&s, 13, SNAP, 0x400000007);
    script_received(&s);
    script_recv_txn(&s, 13, PROPOSAL, 0x400000008);
    script_recv(&s, 13, NEWLEADER, 0x500000000);
    script_recv_txn(&s, 13, PROPOSAL, 0x500000001);
    EXPECT_STR(script_durable(&s, 0x400000008), ""); /* not in the log that is in force */
    EXPECT_STR(script_down(&s, 13), "role LOOKING"); /* the disk first */
    EXPECT_STR(script_installed(&s), "notify 2 looking round 10 vote 1 0x400000008 epoch 5; "
                                     "notify 3 looking round 10 vote 1 0x400000008 epoch 5");
    script_done(&s);
}

TEST(newleader_before_the_snapshot_is_whole_is_not_acknowledged)
{
    struct script s;

    script_join(&s, &log_1_to_3);
    script_recv(&s, 13, SNAP, 0x400000007);
    EXPECT_STR(script_recv(&s, 13, NEWLEADER, 0x500000000),
               "close 13 (the role ended); snap-drop; role LOOKING; " VOTES_AGAIN);
    script_done(&s);
}

TEST(a_snapshot_that_lacks_what_is_committed_here_is_refused)
{
    struct script s;

    script_join(&s, &log_1_to_3);
    script_recv(&s, 13, SNAP, 0x400000001);
    script_received(&s);
    EXPECT_STR(script_recv(&s, 13, NEWLEADER, 0x500000000),
               "close 13 (the role ended); snap-drop; role LOOKING; " VOTES_AGAIN);
    script_done(&s);
}

TEST(newleader_of_another_epoch_is_not_acknowledged)
{
    struct script s;

    script_join(&s, &log_1_to_3);
    script_recv(&s, 13, DIFF, 0x400000003);
    EXPECT_STR(script_recv(&s, 13, NEWLEADER, 0x600000000),
               "close 13 (the role ended); role LOOKING; " VOTES_AGAIN);
    script_done(&s);
}

/* ZOOKEEPER-4925: no hole ever gets into a log. */
TEST(a_proposal_that_does_not_follow_ends_the_role)
{
    static const zk_zxid wrong[] = {0x400000003, 0x400000005, 0x500000002, 0x600000001};

    for (int i = 0; i < 4; i++) {
        struct script s;

        script_join(&s, &log_1_to_3);
        script_recv(&s, 13, DIFF, 0x400000003);
        EXPECT_STR(script_recv_txn(&s, 13, PROPOSAL, wrong[i]),
                   "close 13 (the role ended); role LOOKING; " VOTES_AGAIN);
        script_done(&s);
    }
}

TEST(a_commit_out_of_order_ends_the_role)
{
    struct script s;

    script_follow(&s, &log_1_to_3);
    script_recv_txn(&s, 13, PROPOSAL, 0x500000001);
    script_recv_txn(&s, 13, PROPOSAL, 0x500000002);
    EXPECT_STR(script_recv(&s, 13, COMMIT, 0x500000002), "close 13 (the role ended); role LOOKING");
    script_done(&s);

    /* While histories are made equal as well. */
    script_join(&s, &log_1_to_3);
    script_recv(&s, 13, DIFF, 0x400000005);
    script_recv_txn(&s, 13, PROPOSAL, 0x400000004);
    script_recv_txn(&s, 13, PROPOSAL, 0x400000005);
    EXPECT_STR(script_recv(&s, 13, COMMIT, 0x400000005), "close 13 (the role ended); role LOOKING");
    script_done(&s);
}

TEST(an_ack_waits_for_the_disk_and_each_proposal_has_its_own)
{
    struct script s;

    script_follow(&s, &log_1_to_3);
    EXPECT_STR(script_recv_txn(&s, 13, PROPOSAL, 0x500000001), "append 0x500000001");
    EXPECT_STR(script_recv_txn(&s, 13, PROPOSAL, 0x500000002), "append 0x500000002");
    EXPECT_STR(script_durable(&s, 0x500000002), "send 13 ACK 0x500000001; send 13 ACK 0x500000002");
    script_done(&s);
}

/* ZOOKEEPER-4882: memory never runs ahead of the log. */
TEST(what_is_committed_elsewhere_is_applied_when_it_is_durable_here)
{
    struct script s;

    script_follow(&s, &log_1_to_3);
    script_recv_txn(&s, 13, PROPOSAL, 0x500000001);
    EXPECT_STR(script_recv(&s, 13, COMMIT, 0x500000001), "");
    EXPECT_STR(script_durable(&s, 0x500000001), "send 13 ACK 0x500000001; apply 0x500000001");
    script_done(&s);
}

TEST(an_observer_logs_what_it_is_informed_of_and_acknowledges_nothing)
{
    struct script s;
    struct script_setup setup = log_1_to_3;

    setup.sid = 8;
    script_follow(&s, &setup);
    EXPECT_EQ(zab_view(s.zab).role, ROLE_OBSERVING);
    EXPECT_STR(script_recv_txn(&s, 13, INFORM, 0x500000001), "append 0x500000001");
    EXPECT_STR(script_durable(&s, 0x500000001), "apply 0x500000001");
    script_done(&s);
}

TEST(a_damaged_server_is_healed_by_a_snapshot_and_then_votes_again)
{
    struct script s;
    struct script_setup setup = log_1_to_3;

    setup.no_vote = true;
    script_init(&s, &setup);
    script_ballot(&s, 2, PEER_FOLLOWING, 9, 3, 0, 4);
    EXPECT_STR(script_ballot(&s, 3, PEER_LEADING, 9, 3, 0, 4), "role OBSERVING; dial 3");
    EXPECT_STR(script_dialled(&s, 13), "send 13 OBSERVERINFO 0x400000000 sid 1");
    script_recv_leaderinfo(&s, 13, 5);
    EXPECT_STR(script_meta(&s), "send 13 ACKEPOCH 0x0 epoch -1");
    script_recv(&s, 13, SNAP, 0x400000001); /* older than what it believes to have */
    script_received(&s);
    EXPECT_STR(script_recv(&s, 13, NEWLEADER, 0x500000000),
               "snap-install 0x400000001 accepted 5 current 5");
    EXPECT_STR(script_installed(&s), "send 13 ACK 0x500000000; close 13 (the role ended); "
                                     "role LOOKING; "
                                     "notify 2 looking round 10 vote 1 0x400000001 epoch 5; "
                                     "notify 3 looking round 10 vote 1 0x400000001 epoch 5");
    script_done(&s);
}

/* What it was sent would be acknowledged on top of a history that is not whole. */
TEST(a_damaged_server_takes_neither_diff_nor_trunc)
{
    static const enum quorum_type types[] = {DIFF, TRUNC};

    for (int i = 0; i < 2; i++) {
        struct script s;
        struct script_setup setup = log_1_to_3;

        setup.no_vote = true;
        script_join(&s, &setup);
        EXPECT_STR(script_recv(&s, 13, types[i], 0x400000003),
                   "close 13 (the role ended); role LOOKING; "
                   "notify 2 looking round 10 vote nobody; notify 3 looking round 10 vote nobody");
        script_done(&s);
    }
}

/* ZOOKEEPER-4541, -4409. */
TEST(completions_of_an_old_role_do_nothing_for_the_new_one)
{
    struct script s;
    uint64_t meta;

    elect(&s, &log_1_to_3);
    script_dialled(&s, 13);
    script_recv_leaderinfo(&s, 13, 6);
    meta = s.meta;
    EXPECT_STR(script_down(&s, 13), "role LOOKING"); /* no election while the disk writes */
    EXPECT_STR(script_meta(&s), VOTES_AGAIN);
    script_ballot(&s, 2, PEER_FOLLOWING, 10, 3, 0, 5);
    script_ballot(&s, 3, PEER_LEADING, 10, 3, 0, 5);
    script_dialled(&s, 14);
    EXPECT_STR(script_recv_leaderinfo(&s, 14, 7), "meta accepted 7 current 4");
    zab_meta_durable(s.zab, meta, &s.out);
    EXPECT_STR(script_told(&s), "");
    EXPECT_STR(script_recv(&s, 13, UPTODATE, -1), ""); /* of a connection that is gone */
    EXPECT_STR(script_meta(&s), "send 14 ACKEPOCH 0x400000003 epoch 4");
    script_done(&s);
}

TEST(a_completion_is_known_by_its_ticket)
{
    struct script s;

    script_join(&s, &log_1_to_3);
    script_recv(&s, 13, TRUNC, 0x400000002);
    script_recv(&s, 13, NEWLEADER, 0x500000000);
    zab_log_truncated(s.zab, s.truncate - 1, &s.out);
    EXPECT_STR(script_told(&s), "");
    EXPECT_STR(script_truncated(&s), "meta accepted 5 current 5");
    script_done(&s);

    script_join(&s, &log_1_to_3);
    script_recv(&s, 13, SNAP, 0x400000007);
    zab_snap_failed(s.zab, s.snap - 1, &s.out);
    zab_snap_received(s.zab, s.snap - 1, &s.out);
    EXPECT_STR(script_told(&s), "");
    EXPECT_STR(script_recv(&s, 13, NEWLEADER, 0x500000000), /* it is not whole */
               "close 13 (the role ended); snap-drop; role LOOKING; " VOTES_AGAIN);
    script_done(&s);

    script_join(&s, &log_1_to_3);
    script_recv(&s, 13, SNAP, 0x400000007);
    script_received(&s);
    script_recv(&s, 13, NEWLEADER, 0x500000000);
    zab_snap_installed(s.zab, s.snap - 1, &s.out);
    EXPECT_STR(script_told(&s), "");
    EXPECT_STR(script_installed(&s), "send 13 ACK 0x500000000");
    script_done(&s);
}

TEST(a_dial_is_tried_again_while_the_leader_may_be_starting)
{
    struct script s;

    elect(&s, &log_1_to_3);
    for (int i = 0; i < 4; i++) {
        EXPECT_STR(script_dial_failed(&s), "");
        EXPECT_STR(script_tick(&s, 99), "");
        EXPECT_STR(script_tick(&s, 1), "dial 3");
    }
    EXPECT_STR(script_dial_failed(&s), "role LOOKING; " VOTES_AGAIN);
    script_done(&s);

    elect(&s, &log_1_to_3);
    EXPECT_STR(script_peer(&s, 3, REACH_DOWN), "role LOOKING; " VOTES_AGAIN);
    script_done(&s);
}

TEST(silence_ends_the_role_and_progress_of_a_snapshot_is_none)
{
    struct script s;

    script_join(&s, &log_1_to_3);
    script_recv(&s, 13, SNAP, 0x400000007);
    for (int i = 0; i < 3; i++) {
        EXPECT_STR(script_tick(&s, INIT_LIMIT * TICK_MS - 1), "");
        zab_progress(s.zab, 13);
    }
    script_tick(&s, INIT_LIMIT * TICK_MS);
    EXPECT_EQ(zab_view(s.zab).role, ROLE_LOOKING);
    script_done(&s);

    script_follow(&s, &log_1_to_3);
    EXPECT_STR(script_tick(&s, SYNC_LIMIT * TICK_MS - 1), "");
    script_tick(&s, 1);
    EXPECT_EQ(zab_view(s.zab).role, ROLE_LOOKING);
    script_done(&s);
}

TEST(a_ping_is_echoed_with_the_sessions_that_lived_here)
{
    struct script s;
    struct blob *sessions = blob_copy("\0\0\0\0\0\0\0\1\0\0\0\2", 12);

    script_follow(&s, &log_1_to_3);
    EXPECT_STR(script_recv(&s, 13, PING, 0x500000000), "ask-touched");
    zab_touched(s.zab, sessions, &s.out);
    EXPECT_EQ(s.out.items[0].msg.data->len, 12);
    EXPECT_STR(script_told(&s), "send 13 PING 0x500000000");
    zab_touched(s.zab, sessions, &s.out);
    EXPECT_STR(script_told(&s), ""); /* nobody asked */
    blob_unref(sessions);
    script_done(&s);
}

TEST(a_sync_is_done_when_what_came_before_its_answer_is_applied)
{
    struct script s;
    struct blob *request = blob_copy("0123456789abcdef/", 17);

    script_follow(&s, &log_1_to_3);
    EXPECT(zab_forward_sync(s.zab, request, NULL, 7, &s.out));
    EXPECT(zab_forward_sync(s.zab, request, NULL, 8, &s.out));
    EXPECT_STR(script_told(&s), "send 13 REQUEST; send 13 REQUEST");
    script_recv_txn(&s, 13, PROPOSAL, 0x500000001);
    script_recv(&s, 13, COMMIT, 0x500000001);
    EXPECT_STR(script_recv(&s, 13, SYNC, 0), ""); /* our disk does not have it yet */
    EXPECT_STR(script_durable(&s, 0x500000001),
               "send 13 ACK 0x500000001; apply 0x500000001; synced 7");
    EXPECT_STR(script_recv(&s, 13, SYNC, 0), "synced 8");
    blob_unref(request);
    script_done(&s);
}

TEST(without_a_leader_nothing_is_forwarded)
{
    struct script s;
    struct blob *request = blob_copy("0123456789abcdef", 16);

    script_join(&s, &log_1_to_3);
    EXPECT(!zab_forward(s.zab, request, NULL, &s.out));
    EXPECT(!zab_forward_sync(s.zab, request, NULL, 1, &s.out));
    EXPECT(!zab_revalidate(s.zab, 1, 1000, &s.out));
    EXPECT_STR(script_told(&s), "");
    blob_unref(request);
    script_done(&s);
}

TEST(a_learner_that_is_sent_more_than_it_can_hold_leaves)
{
    struct script s;
    struct script_setup setup = log_1_to_3;

    setup.window_bytes_max = 30; /* and twice that: room for three, of 36 bytes each */
    setup.tail_bytes_max = 40;
    script_follow(&s, &setup);
    script_recv_txn(&s, 13, PROPOSAL, 0x500000001);
    script_recv_txn(&s, 13, PROPOSAL, 0x500000002);
    script_recv_txn(&s, 13, PROPOSAL, 0x500000003);
    EXPECT_STR(script_recv_txn(&s, 13, PROPOSAL, 0x500000004),
               "close 13 (the role ended); role LOOKING");
    script_done(&s);
}

/* Nothing can be applied before UPTODATE: a limit of what is not applied that is shorter than
 * what a leader sends would keep the learner out for ever. */
TEST(a_diff_as_long_as_a_leaders_memory_is_taken_whole)
{
    struct script s;
    struct script_setup setup = log_1_to_3;

    setup.window_bytes_max = 54; /* three txns; a window may grow to the double of it */
    setup.tail_bytes_max = 40;
    script_join(&s, &setup);
    script_recv(&s, 13, DIFF, 0x400000007);
    EXPECT_STR(script_recv_txn(&s, 13, PROPOSAL, 0x400000004), "append 0x400000004");
    EXPECT_STR(script_recv_txn(&s, 13, PROPOSAL, 0x400000005), "append 0x400000005");
    EXPECT_STR(script_recv_txn(&s, 13, PROPOSAL, 0x400000006), "append 0x400000006");
    EXPECT_STR(script_recv_txn(&s, 13, PROPOSAL, 0x400000007), "append 0x400000007");
    EXPECT_STR(script_recv(&s, 13, NEWLEADER, 0x500000000), "");
    EXPECT_STR(script_durable(&s, 0x400000007), "meta accepted 5 current 5");
    script_done(&s);
}

TEST(a_learner_that_is_sent_too_much_keeps_it_and_comes_again_for_the_rest)
{
    struct script s;
    struct script_setup setup = log_1_to_3;

    setup.window_bytes_max = 20; /* room for two txns */
    setup.tail_bytes_max = 20;
    script_join(&s, &setup);
    script_recv(&s, 13, DIFF, 0x400000006);
    script_recv_txn(&s, 13, PROPOSAL, 0x400000004);
    script_recv_txn(&s, 13, PROPOSAL, 0x400000005);
    EXPECT_STR(script_recv_txn(&s, 13, PROPOSAL, 0x400000006),
               "close 13 (the role ended); role LOOKING"); /* no election while the disk writes */
    EXPECT_STR(script_durable(&s, 0x400000005),
               "notify 2 looking round 10 vote 1 0x400000005 epoch 4; "
               "notify 3 looking round 10 vote 1 0x400000005 epoch 4");
    script_ballot(&s, 2, PEER_FOLLOWING, 10, 3, 0, 5);
    script_ballot(&s, 3, PEER_LEADING, 10, 3, 0, 5);
    script_dialled(&s, 14);
    EXPECT_STR(script_recv_leaderinfo(&s, 14, 6), "meta accepted 6 current 4");
    EXPECT_STR(script_meta(&s), "send 14 ACKEPOCH 0x400000005 epoch 4");
    script_recv(&s, 14, DIFF, 0x400000006);
    EXPECT_STR(script_recv_txn(&s, 14, PROPOSAL, 0x400000006), "append 0x400000006");
    script_recv(&s, 14, COMMIT, 0x400000006);
    script_recv(&s, 14, NEWLEADER, 0x600000000);
    script_durable(&s, 0x400000006);
    EXPECT_STR(script_meta(&s), "send 14 ACK 0x600000000");
    EXPECT_STR(script_recv(&s, 14, UPTODATE, -1),
               "send 14 ACK 0x600000000; apply 0x400000003; apply 0x400000004; "
               "apply 0x400000005; apply 0x400000006; role FOLLOWING serving");
    script_done(&s);
}

TEST(stopping_a_learner_closes_its_connection)
{
    struct script s;

    script_follow(&s, &log_1_to_3);
    zab_stop(s.zab, &s.out);
    EXPECT_STR(script_told(&s), "close 13 (the role ended); role LOOKING; stopped");
    script_done(&s);
}
