/* Peers that say what they must not, or when they must not: what they say is checked, never
 * believed, and the answer is always the same: the connection ends, and histories are compared
 * from the beginning (ZOOKEEPER-2355). */
#include "tests/support/zab_script.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

static const struct script_setup fresh = {.sid = 1};

/* ---------------------------------------------------------------- leaders */

static bool left(struct script *s)
{
    return zab_view(s->zab).role == ROLE_LOOKING;
}

/* Up to the phase of which the name is PHASE. */
static void follow_up_to(struct script *s, const char *phase)
{
    script_init(s, &fresh);
    script_ballot(s, 3, PEER_LEADING, 9, 3, 0, 0);
    script_ballot(s, 2, PEER_FOLLOWING, 9, 3, 0, 0);
    script_dialled(s, 13);
    for (int step = 0; strcmp(zab_view(s->zab).phase, phase) != 0; step++) {
        EXPECT(step < 7);
        switch (step) {
        case 0:
            script_recv_leaderinfo(s, 13, 1);
            break;
        case 1:
            script_meta(s);
            break;
        case 2:
            script_recv(s, 13, DIFF, 0);
            break;
        case 3:
            script_recv_txn(s, 13, PROPOSAL, 0x100000001);
            script_recv(s, 13, NEWLEADER, 0x100000000);
            break;
        case 4:
            script_durable(s, 0x100000001);
            break;
        case 5:
            script_meta(s);
            break;
        default:
            script_recv(s, 13, UPTODATE, -1);
            break;
        }
    }
}

TEST(the_handshake_of_a_leader_has_one_order)
{
    static const struct {
        const char *phase, *good; /* what is not out of turn */
    } phases[] = {{"hello", " LEADERINFO "},  {"promise", " "}, {"choice", " DIFF TRUNC SNAP "},
                  {"history", " NEWLEADER "}, {"persist", " "}, {"epoch", " "},
                  {"ready", " UPTODATE "}};
    static const enum quorum_type types[] = {LEADERINFO, DIFF, TRUNC, SNAP, NEWLEADER, UPTODATE};

    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
        for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
            char name[32];
            struct script s;

            (void)snprintf(name, sizeof name, " %s ", quorum_type_name(types[t]));
            if (strstr(phases[i].good, name) != NULL)
                continue;
            follow_up_to(&s, phases[i].phase);
            script_recv(&s, 13, types[t], 0x100000000);
            EXPECT(left(&s));
            script_done(&s);
        }
    }
}

/* ZOOKEEPER-4785: nobody serves before what it serves is on disk. */
TEST(uptodate_before_our_ack_makes_nobody_serve)
{
    struct script s;

    follow_up_to(&s, "persist");
    EXPECT_STR(script_recv(&s, 13, UPTODATE, -1), "close 13 (the role ended); role LOOKING");
    EXPECT_STR(script_durable(&s, 0x100000001),
               "notify 2 looking round 10 vote 1 0x100000001 epoch 0; "
               "notify 3 looking round 10 vote 1 0x100000001 epoch 0");
    script_done(&s);
}

TEST(what_a_later_version_says_is_passed_over)
{
    static const char *const phases[] = {"history", "persist", "epoch", "ready", "broadcast"};

    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
        struct script s;

        follow_up_to(&s, phases[i]);
        EXPECT_STR(script_recv(&s, 13, (enum quorum_type)77, 0), "");
        EXPECT_STR(zab_view(s.zab).phase, phases[i]);
        script_done(&s);
    }
}

TEST(a_snapshot_of_an_epoch_to_come_is_refused)
{
    struct script s;

    follow_up_to(&s, "choice");
    script_recv(&s, 13, SNAP, 0x200000001);
    EXPECT(left(&s));
    script_done(&s);
}

TEST(a_sync_that_nobody_asked_for_ends_the_role)
{
    struct script s;

    script_follow(&s, &fresh);
    script_recv(&s, 13, SYNC, 0);
    EXPECT(left(&s));
    script_done(&s);
}

/* Until it is built: an alarm, never a configuration half taken over. */
TEST(a_reconfiguration_is_an_alarm_and_the_end_of_the_role)
{
    static const char *const phases[] = {"history", "ready", "broadcast"};

    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
        struct script s;

        follow_up_to(&s, phases[i]);
        EXPECT(strncmp(script_recv(&s, 13, COMMITANDACTIVATE, 0x100000001),
                       "alarm; close 13 (the role ended); role LOOKING", 46) == 0);
        script_done(&s);
    }
}

TEST(the_configuration_of_a_leader_goes_to_the_app_with_uptodate_and_changes_nothing_here)
{
    struct script s;

    follow_up_to(&s, "history");
    EXPECT_STR(script_recv_msg(&s, 13,
                               &(struct peer_msg){.type = NEWLEADER,
                                                  .zxid = 0x100000000,
                                                  .data = blob_copy("version=0", 9)}),
               "meta accepted 1 current 1");
    EXPECT_STR(script_meta(&s), "send 13 ACK 0x100000000");
    EXPECT_STR(script_recv(&s, 13, UPTODATE, -1),
               "send 13 ACK 0x100000000; config; role FOLLOWING serving");
    script_done(&s);
}

/* ---------------------------------------------------------------- learners */

#define NO_INFO "close 13 (no FOLLOWERINFO that makes sense)"

TEST(a_learner_that_does_not_introduce_itself_is_sent_away)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1, .accepted = 1, .current = 1});
    script_accepted(&s, 13);
    EXPECT_STR(script_recv(&s, 13, ACK, 0x200000000), NO_INFO);
    script_accepted(&s, 13);
    EXPECT_STR(script_recv_info(&s, 13, FOLLOWERINFO, 1, 1), NO_INFO); /* it says that it is us */
    script_accepted(&s, 13);
    EXPECT_STR(script_recv_info(&s, 13, FOLLOWERINFO, 3, 0x7fffffff), NO_INFO);
    script_accepted(&s, 13);
    EXPECT_STR(script_recv_info(&s, 13, FOLLOWERINFO, 3, 0xffffffff), NO_INFO);
    EXPECT_EQ(zab_view(s.zab).learners, 1);
    script_done(&s);
}

TEST(a_learner_that_promises_nothing_is_sent_away)
{
    struct script s;

    script_lead(&s, &fresh);
    script_accepted(&s, 13);
    script_recv_info(&s, 13, FOLLOWERINFO, 3, 0);
    EXPECT_STR(script_recv(&s, 13, ACK, 0x100000000), "close 13 (no ACKEPOCH that makes sense)");
    script_accepted(&s, 13);
    script_recv_info(&s, 13, FOLLOWERINFO, 3, 0);
    EXPECT_STR(script_recv_ackepoch(&s, 13, -1, 0), "close 13 (no ACKEPOCH that makes sense)");
    script_done(&s);
}

TEST(a_learner_that_does_not_wait_for_its_answer_is_sent_away)
{
    struct script s;

    script_init(&s, &fresh);
    script_peer(&s, 3, REACH_DOWN);
    script_ballot(&s, 2, PEER_LOOKING, 1, 1, 0, 0);
    script_accepted(&s, 12);
    script_recv_info(&s, 12, OBSERVERINFO, 8, 0); /* no quorum yet: it has to wait */
    EXPECT_STR(script_recv_ackepoch(&s, 12, 0, 0), "close 12 (it speaks out of turn)");
    script_done(&s);

    script_lead(&s, &fresh);
    script_accepted(&s, 13);
    script_recv_info(&s, 13, FOLLOWERINFO, 3, 0);
    script_recv_ackepoch(&s, 13, 0x300000001, 0); /* a snapshot is being opened */
    EXPECT_STR(script_recv(&s, 13, ACK, 0x100000000),
               "close 13 (it speaks out of turn); snap-shut");
    script_done(&s);
}

TEST(there_is_room_for_so_many_learners_and_no_more)
{
    struct script s;

    script_lead(&s, &(struct script_setup){.sid = 1, .learner_max = 2});
    EXPECT_STR(script_accepted(&s, 13), "");
    EXPECT_STR(script_accepted(&s, 14), "close 14 (too many learners)");
    script_down(&s, 13);
    EXPECT_STR(script_accepted(&s, 15), "");
    script_done(&s);
}

/* ---------------------------------------------------------------- strangers */

TEST(connections_that_nobody_waits_for_are_closed)
{
    struct script s;

    script_init(&s, &fresh);
    EXPECT_STR(script_accepted(&s, 12), "close 12 (not leading)");
    EXPECT_STR(script_dialled(&s, 13), "close 13 (nobody waits for it)");
    script_done(&s);

    script_follow(&s, &fresh);
    EXPECT_STR(script_dialled(&s, 14), "close 14 (nobody waits for it)");
    EXPECT_STR(script_recv(&s, 15, UPTODATE, -1), "");
    EXPECT_STR(script_down(&s, 15), "");
    script_done(&s);
}
