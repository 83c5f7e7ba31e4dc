/* Election: one server's ballots, and when it believes that the votes have decided. */
#include "tests/support/zab_script.h"
#include "tests/unit/test.h"

static void begin(struct script *s, int64_t sid, int voters)
{
    script_init(s, &(struct script_setup){.sid = sid, .voters = voters});
}

static int64_t round_of(struct script *s)
{
    return zab_view(s->zab).round;
}

TEST(a_server_begins_by_telling_every_other_voter_its_own_history)
{
    struct script s;

    script_init(&s, &(struct script_setup){.sid = 2,
                                           .accepted = 4,
                                           .current = 3,
                                           .first = 0x300000001,
                                           .end = 0x300000002,
                                           .applied = 0});
    /* The log's end counts, not what is applied; the first repetition shows the same. */
    EXPECT_STR(script_tick(&s, 200), "notify 1 looking round 1 vote 2 0x300000002 epoch 3; "
                                     "notify 3 looking round 1 vote 2 0x300000002 epoch 3");
    EXPECT_STR(script_tick(&s, 399), "");
    EXPECT_EQ(zab_deadline(s.zab), 600);
    script_tick(&s, 1);
    EXPECT_EQ(zab_deadline(s.zab), 1400); /* it doubles, up to two ticks */
    script_done(&s);
}

TEST(a_better_vote_is_adopted_and_told_to_all)
{
    struct script s;

    begin(&s, 2, 5);
    EXPECT_STR(script_ballot(&s, 3, PEER_LOOKING, 1, 3, 0, 0),
               "notify 1 looking round 1 vote 3 0x0 epoch 0; "
               "notify 3 looking round 1 vote 3 0x0 epoch 0; "
               "notify 4 looking round 1 vote 3 0x0 epoch 0; "
               "notify 5 looking round 1 vote 3 0x0 epoch 0");
    EXPECT_STR(script_ballot(&s, 1, PEER_LOOKING, 1, 1, 0, 0), ""); /* a worse one is not */
    /* Epoch outweighs zxid, zxid outweighs the sid. */
    script_ballot(&s, 1, PEER_LOOKING, 1, 1, 0x100000001, 1);
    script_ballot(&s, 4, PEER_LOOKING, 1, 4, 0x900000001, 0);
    EXPECT_EQ(zab_view(s.zab).vote.leader, 1);
    script_done(&s);
}

TEST(a_quorum_decides_at_once_when_nobody_is_left_who_could_know_better)
{
    struct script s;

    begin(&s, 1, 3);
    script_ballot(&s, 2, PEER_LOOKING, 1, 2, 0, 0);
    EXPECT_STR(script_ballot(&s, 3, PEER_LOOKING, 1, 2, 0, 0), "role FOLLOWING; dial 2");
    script_done(&s);

    /* A process that is gone cannot know; one that is silent can. */
    begin(&s, 1, 3);
    script_ballot(&s, 2, PEER_LOOKING, 1, 2, 0, 0);
    EXPECT_STR(script_peer(&s, 3, REACH_UNKNOWN), "");
    EXPECT_STR(script_peer(&s, 3, REACH_DOWN), "role FOLLOWING; dial 2");
    script_done(&s);
}

TEST(while_somebody_is_silent_a_quorum_waits_for_a_better_vote)
{
    struct script s;

    begin(&s, 2, 3);
    script_tick(&s, 100);
    EXPECT_STR(script_ballot(&s, 1, PEER_LOOKING, 1, 2, 0, 0), "");
    script_tick(&s, 199);
    EXPECT_EQ(zab_view(s.zab).role, ROLE_LOOKING);
    script_ballot(&s, 3, PEER_LOOKING, 1, 3, 0, 0);
    EXPECT_EQ(zab_view(s.zab).vote.leader, 3); /* ... and server 1 has not followed yet */
    EXPECT_EQ(zab_view(s.zab).role, ROLE_FOLLOWING);
    script_done(&s);

    begin(&s, 2, 3);
    script_ballot(&s, 1, PEER_LOOKING, 1, 2, 0, 0);
    EXPECT_STR(script_tick(&s, 199), "");
    script_tick(&s, 1);
    EXPECT_EQ(zab_view(s.zab).role, ROLE_LEADING);
    script_done(&s);
}

TEST(a_later_round_makes_the_earlier_one_void)
{
    struct script s;

    begin(&s, 2, 5);
    script_ballot(&s, 5, PEER_LOOKING, 1, 5, 0, 0);
    /* What was heard in round 1 says nothing now: not 5, but the better of 3 and we. */
    EXPECT_STR(script_ballot(&s, 3, PEER_LOOKING, 7, 1, 0, 0),
               "notify 1 looking round 7 vote 2 0x0 epoch 0; "
               "notify 3 looking round 7 vote 2 0x0 epoch 0; "
               "notify 4 looking round 7 vote 2 0x0 epoch 0; "
               "notify 5 looking round 7 vote 2 0x0 epoch 0");
    /* Who is behind is brought along, and its vote is not counted. */
    EXPECT_STR(script_ballot(&s, 5, PEER_LOOKING, 1, 5, 0, 0),
               "notify 5 looking round 7 vote 2 0x0 epoch 0");
    EXPECT_EQ(zab_view(s.zab).vote.leader, 2);
    script_done(&s);

    /* Nor does it say that server 1 knows of nothing better: it has not spoken in this one. */
    begin(&s, 2, 3);
    script_ballot(&s, 1, PEER_LOOKING, 1, 1, 0, 0);
    EXPECT_STR(script_ballot(&s, 3, PEER_LOOKING, 7, 3, 0, 0),
               "notify 1 looking round 7 vote 3 0x0 epoch 0; "
               "notify 3 looking round 7 vote 3 0x0 epoch 0");
    script_done(&s);
}

TEST(a_latecomer_joins_those_who_agree_whatever_zxid_and_round_they_tell)
{
    struct script s;

    begin(&s, 1, 5);
    EXPECT_STR(script_ballot(&s, 2, PEER_FOLLOWING, 4, 5, 0x100000000, 2), "");
    EXPECT_STR(script_ballot(&s, 5, PEER_LEADING, 9, 5, 0x100000007, 2), "");
    EXPECT_STR(script_ballot(&s, 3, PEER_FOLLOWING, 7, 5, 0x100000003, 2),
               "role FOLLOWING; dial 5");
    EXPECT_EQ(round_of(&s), 7);
    script_done(&s);
}

TEST(a_leader_that_does_not_say_itself_that_it_leads_is_not_followed)
{
    struct script s;

    /* 5 is dead: its followers still speak of it. */
    begin(&s, 1, 5);
    script_ballot(&s, 2, PEER_FOLLOWING, 4, 5, 0, 2);
    script_ballot(&s, 3, PEER_FOLLOWING, 4, 5, 0, 2);
    EXPECT_STR(script_ballot(&s, 4, PEER_FOLLOWING, 4, 5, 0, 2), "");
    EXPECT_EQ(zab_view(s.zab).role, ROLE_LOOKING);
    /* It is back, and follows somebody itself. */
    EXPECT_STR(script_ballot(&s, 5, PEER_FOLLOWING, 4, 3, 0, 2), "");
    EXPECT_STR(script_ballot(&s, 2, PEER_FOLLOWING, 4, 5, 0, 2), "");
    script_done(&s);
}

TEST(we_do_not_lead_because_others_remember_that_we_did)
{
    struct script s;

    begin(&s, 1, 3);
    script_ballot(&s, 2, PEER_FOLLOWING, 4, 1, 0, 2);
    EXPECT_STR(script_ballot(&s, 3, PEER_FOLLOWING, 4, 1, 0, 2), "");
    EXPECT_EQ(zab_view(s.zab).role, ROLE_LOOKING);
    script_done(&s);
}

TEST(who_searches_is_told_the_vote_that_was_decided_with_the_leaders_new_epoch)
{
    struct script s;

    script_follow(&s, &(struct script_setup){.sid = 1, .accepted = 4, .current = 4});
    EXPECT_STR(script_ballot(&s, 2, PEER_LOOKING, 30, 2, 0, 0),
               "notify 2 following round 9 vote 3 0x0 epoch 5");
    EXPECT_STR(script_ballot(&s, 2, PEER_FOLLOWING, 30, 3, 0, 5), ""); /* it does not search */
    EXPECT_STR(script_ballot(&s, 77, PEER_LOOKING, 1, VOTE_NOBODY, INT64_MIN, INT64_MIN),
               "notify 77 following round 9 vote 3 0x0 epoch 5"); /* an observer */
    script_done(&s);
}

/* Nobody counts so far; but a peer may say so, and rounds must neither begin again below
 * everybody else's nor stop elections. */
TEST(the_last_round_there_is_goes_on)
{
    struct script s;

    begin(&s, 2, 3);
    script_peer(&s, 3, REACH_DOWN);
    EXPECT_STR(script_ballot(&s, 1, PEER_LOOKING, INT64_MAX, 2, 0, 0),
               "notify 1 looking round 9223372036854775807 vote 2 0x0 epoch 0; "
               "notify 3 looking round 9223372036854775807 vote 2 0x0 epoch 0; role LEADING");
    EXPECT_STR(script_tick(&s, INIT_LIMIT * TICK_MS),
               "role LOOKING; notify 1 looking round 9223372036854775807 vote 2 0x0 epoch 0; "
               "notify 3 looking round 9223372036854775807 vote 2 0x0 epoch 0");
    EXPECT_STR(script_ballot(&s, 1, PEER_LOOKING, INT64_MAX, 2, 0, 0), "role LEADING");
    script_done(&s);
}

TEST(votes_of_and_for_servers_without_a_vote_do_not_count)
{
    struct script s;

    begin(&s, 1, 3);
    EXPECT_STR(script_ballot(&s, 9, PEER_LOOKING, 5, 9, 0x900000001, 9),
               "notify 9 looking round 1 vote 1 0x0 epoch 0"); /* an answer, nothing else */
    EXPECT_STR(script_ballot(&s, 2, PEER_LOOKING, 1, 9, 0x900000001, 9), "");
    EXPECT_EQ(round_of(&s), 1);
    EXPECT_EQ(zab_view(s.zab).vote.leader, 1);
    script_done(&s);
}

TEST(an_observer_finds_out_who_leads_and_has_no_say)
{
    struct script s;

    begin(&s, 8, 3);
    EXPECT_STR(script_tick(&s, 200), "notify 1 looking round 1 vote nobody; "
                                     "notify 2 looking round 1 vote nobody; "
                                     "notify 3 looking round 1 vote nobody");
    script_ballot(&s, 1, PEER_FOLLOWING, 4, 2, 0, 2);
    EXPECT_STR(script_ballot(&s, 2, PEER_LEADING, 4, 2, 0, 2), "role OBSERVING; dial 2");
    EXPECT_STR(script_dialled(&s, 5), "send 5 OBSERVERINFO 0x0 sid 8");
    script_done(&s);
}

/* All of them have lost the same leader, and the voters have an election before them. */
TEST(observers_do_not_all_search_again_at_the_same_moment)
{
    int64_t first = -1;
    int others = 0;

    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct script s;
        int64_t wait_ms;

        script_follow(&s, &(struct script_setup){.sid = 8, .seed = seed});
        EXPECT_STR(script_down(&s, 13), "role LOOKING");
        wait_ms = zab_deadline(s.zab) - s.now_ms;
        EXPECT(wait_ms > 0 && wait_ms < 200);
        EXPECT_STR(script_tick(&s, wait_ms - 1), "");
        EXPECT_STR(script_tick(&s, 1), "notify 1 looking round 10 vote nobody; "
                                       "notify 2 looking round 10 vote nobody; "
                                       "notify 3 looking round 10 vote nobody");
        first = first < 0 ? wait_ms : first;
        others += wait_ms != first;
        script_done(&s);
    }
    EXPECT(others > 5);
}

TEST(a_damaged_server_neither_votes_nor_leads_nor_holds_the_others_up)
{
    struct script s;

    script_init(&s, &(struct script_setup){.sid = 3, .no_vote = true});
    EXPECT_STR(script_tick(&s, 200), "notify 1 looking round 1 vote nobody; "
                                     "notify 2 looking round 1 vote nobody");
    script_ballot(&s, 1, PEER_LOOKING, 1, 3, 0, 0);
    EXPECT_STR(script_ballot(&s, 2, PEER_LOOKING, 1, 3, 0, 0), "");
    /* All vote for us, and we do not lead; we follow others, and lend them no vote. */
    EXPECT_STR(script_tick(&s, 1000), "notify 1 looking round 1 vote nobody; "
                                      "notify 2 looking round 1 vote nobody");
    EXPECT_EQ(zab_view(s.zab).role, ROLE_LOOKING);
    script_done(&s);

    /* The other side: its empty vote says that it knows of nothing better. */
    begin(&s, 1, 3);
    script_ballot(&s, 3, PEER_LOOKING, 1, VOTE_NOBODY, INT64_MIN, INT64_MIN);
    script_ballot(&s, 2, PEER_LOOKING, 1, 2, 0, 0);
    EXPECT_EQ(zab_view(s.zab).role, ROLE_FOLLOWING);
    script_done(&s);
}

/* A voter that searches answers an observer, which once answered a voter that searches. */
TEST(an_answer_is_never_answered)
{
    struct script s;

    script_follow(&s, &(struct script_setup){.sid = 8, .accepted = 4, .current = 4});
    EXPECT_STR(script_ballot(&s, 1, PEER_LOOKING, 30, 2, 0, 0), "");
    script_done(&s);

    begin(&s, 1, 3);
    EXPECT_STR(script_ballot(&s, 8, PEER_OBSERVING, 1, 2, 0, 0), "");
    script_done(&s);
}

TEST(a_vote_is_repeated_on_a_new_connection)
{
    struct script s;

    begin(&s, 1, 3);
    EXPECT_STR(script_peer(&s, 2, REACH_UP), "notify 2 looking round 1 vote 1 0x0 epoch 0");
    script_done(&s);
}

/* ZOOKEEPER-3922, a limit and no mistake: the other one may have more. */
TEST(of_two_voters_neither_goes_on_alone)
{
    struct script s;

    script_init(&s, &(struct script_setup){.sid = 2, .voters = 2});
    EXPECT_STR(script_peer(&s, 1, REACH_DOWN), "");
    script_tick(&s, 60 * TICK_MS);
    EXPECT_EQ(zab_view(s.zab).role, ROLE_LOOKING);
    EXPECT_STR(script_ballot(&s, 1, PEER_LOOKING, 1, 2, 0, 0), "role LEADING");
    script_done(&s);
}

TEST(a_server_that_is_alone_in_its_ensemble_leads_at_once)
{
    struct script s;

    begin(&s, 1, 1);
    EXPECT_EQ(zab_view(s.zab).role, ROLE_LEADING);
    EXPECT_STR(script_meta(&s), "meta accepted 1 current 1");
    EXPECT_STR(script_meta(&s), "role LEADING serving");
    EXPECT_STR(script_propose(&s), "append 0x100000001");
    EXPECT_STR(script_durable(&s, 0x100000001), "apply 0x100000001");
    script_done(&s);
}
