/* Servers change their parts while requests are under way: nobody is answered wrongly, and
 * sessions outlive it. */
#include "server/core/session_id.h"
#include "store/tree.h"
#include "tests/support/core_ensemble.h"
#include "tests/unit/test.h"

#define OUT_OF_SERVICE "closed: this server is not in service"

TEST(who_is_owed_anything_when_the_leader_is_lost_is_closed)
{
    struct trio trio;
    struct rig *rig;
    struct rig_client c;

    trio_init(&trio, NULL);
    rig = trio_rig(&trio, 1);
    trio_join(&trio, 1, 'a');
    trio_join(&trio, 1, 'b');
    trio_join(&trio, 2, 'c');
    c = *rig_client(trio_rig(&trio, 2), 'c');
    (void)create(rig, 'a', "/x", "1", 0);
    (void)sync_path(rig, 'a', "/");
    (void)exists(rig, 'a', "/x", false);
    rig_open(rig, 'd');
    (void)rig_connect(rig, 'd', &(struct zk_connect_request){.timeout = 2000});
    (void)rig_reattach(rig, 'e', &c);
    (void)exists(rig, 'e', "/x", false);
    rig_open(rig, 'f');
    EXPECT_STR(trio_out(&trio, 1),
               "a: " OUT_OF_SERVICE "; b: " OUT_OF_SERVICE "; d: " OUT_OF_SERVICE
               "; e: " OUT_OF_SERVICE "; f: " OUT_OF_SERVICE);
    EXPECT_EQ(core_stats(rig->core).outstanding, 0);
    EXPECT_EQ(core_stats(rig->core).sessions, 3); /* not that of d, which nobody has made */
    EXPECT_STR(exists(rig, 'b', "/x", false), "");
    trio_elect(&trio, 0);
    trio_done(&trio);
}

TEST(nobody_is_taken_in_while_there_is_no_leader)
{
    struct trio trio;
    struct rig_client a;

    trio_init(&trio, NULL);
    trio_join(&trio, 1, 'a');
    a = *rig_client(trio_rig(&trio, 1), 'a');
    (void)trio_out(&trio, 1);
    rig_gone(trio_rig(&trio, 1), 'a');
    EXPECT_STR(rig_reattach(trio_rig(&trio, 1), 'b', &a), "b: " OUT_OF_SERVICE);
    rig_open(trio_rig(&trio, 1), 'c');
    EXPECT_STR(rig_connect(trio_rig(&trio, 1), 'c', &(struct zk_connect_request){.timeout = 2000}),
               "c: " OUT_OF_SERVICE);
    trio_elect(&trio, 2);
    trio_done(&trio);
}

TEST(sessions_and_their_ephemerals_outlive_their_leader)
{
    struct trio trio;
    struct rig_client a;

    trio_init(&trio, NULL);
    trio_join(&trio, 0, 'a');
    (void)create(trio_rig(&trio, 0), 'a', "/e", "1", 1);
    (void)trio_settle(&trio);
    a = *rig_client(trio_rig(&trio, 0), 'a');
    EXPECT_STR(trio_elect(&trio, 1), "a: " OUT_OF_SERVICE);
    (void)rig_reattach(trio_rig(&trio, 2), 'b', &a);
    EXPECT_STR(trio_settle(&trio), "b: connected timeout=2000");
    (void)exists(trio_rig(&trio, 2), 'b', "/e", false);
    (void)close_session(trio_rig(&trio, 2), 'b');
    (void)trio_settle(&trio);
    EXPECT_EQ(tree_ephemeral_count(trio_rig(&trio, 0)->tree), 0);
    trio_done(&trio);
}

/* It was proposed, and sent to the next leader, who had it decided: nobody is told, not
 * even a request of the same session with the same cxid. */
TEST(what_a_lost_leader_proposed_answers_nobody_after_it)
{
    struct trio trio;
    struct rig_client a;

    trio_init(&trio, NULL);
    trio_join(&trio, 2, 'a');
    a = *rig_client(trio_rig(&trio, 2), 'a');
    (void)create(trio_rig(&trio, 2), 'a', "/old", "1", 0);
    (void)trio_up(&trio, 2);
    (void)trio_down(&trio, 1);
    EXPECT_STR(trio_elect(&trio, 1), "a: " OUT_OF_SERVICE);
    EXPECT(tree_lookup(trio_rig(&trio, 2)->tree, jute_str("/old")) != NULL);
    (void)rig_reattach(trio_rig(&trio, 2), 'b', &a);
    (void)create(trio_rig(&trio, 2), 'b', "/old", "1", 0);
    (void)create(trio_rig(&trio, 2), 'b', "/new", "1", 0);
    EXPECT_STR(trio_settle(&trio), "b: connected timeout=2000; "
                                   "b: reply xid=1 zxid=0x200000001 err=NODEEXISTS; "
                                   "b: reply xid=2 zxid=0x200000002 /new");
    trio_done(&trio);
}

/* The leader planned with what was never decided: the next plan begins at the tree. */
TEST(a_leader_that_leads_again_forgets_what_it_had_planned)
{
    struct trio trio;
    struct rig_client a;

    trio_init(&trio, NULL);
    trio_join(&trio, 0, 'a');
    a = *rig_client(trio_rig(&trio, 0), 'a');
    (void)create(trio_rig(&trio, 0), 'a', "/lost", "1", 0);
    (void)create(trio_rig(&trio, 0), 'a', "/lost/e", "1", 1);
    (void)set_acl(trio_rig(&trio, 0), 'a', "/", "ip:9.9.9.9:r", -1);
    (void)close_session(trio_rig(&trio, 0), 'a');
    EXPECT_STR(trio_elect(&trio, 1), "a: " OUT_OF_SERVICE);
    (void)trio_elect(&trio, 0);
    rig_gone(trio_rig(&trio, 0), 'a');
    EXPECT_STR(rig_reattach(trio_rig(&trio, 0), 'a', &a), "a: connected timeout=2000");
    (void)create(trio_rig(&trio, 0), 'a', "/lost/e", "1", 1);
    (void)create(trio_rig(&trio, 0), 'a', "/lost", "1", 1);
    EXPECT_STR(trio_settle(&trio), "a: reply xid=1 zxid=0x300000001 err=NONODE; "
                                   "a: reply xid=2 zxid=0x300000002 /lost");
    trio_done(&trio);
}

TEST(a_session_that_was_never_made_is_forgotten_by_whoever_made_it)
{
    struct trio trio;

    trio_init(&trio, NULL);
    for (int i = 0; i < TRIO; i++) {
        rig_open(trio_rig(&trio, i), "abc"[i]);
        (void)rig_connect(
            trio_rig(&trio, i), "abc" [i], &(struct zk_connect_request) { .timeout = 2000 });
    }
    (void)trio_up(&trio, 1);
    EXPECT_EQ(core_stats(trio_rig(&trio, 0)->core).sessions, 2);
    (void)trio_elect(&trio, 2);
    for (int i = 0; i < TRIO; i++)
        EXPECT_EQ(core_stats(trio_rig(&trio, i)->core).sessions, 0);
    trio_done(&trio);
}

TEST(a_sync_of_an_earlier_role_is_not_one_of_this_role)
{
    struct trio trio;
    struct rig *rig;
    struct rig_client a;

    trio_init(&trio, NULL);
    rig = trio_rig(&trio, 1);
    trio_join(&trio, 1, 'a');
    a = *rig_client(rig, 'a');
    (void)sync_path(rig, 'a', "/");
    EXPECT_EQ(trio.servers[1].cookies[0], 1);
    (void)trio_elect(&trio, 2);
    rig_gone(rig, 'a');
    (void)rig_reattach(rig, 'a', &a);
    EXPECT_STR(trio_settle(&trio), "a: connected timeout=2000");
    (void)sync_path(rig, 'a', "/");
    core_synced(rig->core, 1, &rig->now);
    EXPECT_STR(trio_said(&trio), "");
    EXPECT_STR(trio_settle(&trio), "a: reply xid=1 zxid=0x100000001 /");
    trio_done(&trio);
}

TEST(a_client_whose_request_cannot_be_forwarded_is_closed)
{
    struct trio trio;
    struct rig *rig;
    struct rig_client a;

    trio_init(&trio, NULL);
    rig = trio_rig(&trio, 1);
    trio_join(&trio, 1, 'a');
    trio_join(&trio, 1, 'b');
    a = *rig_client(rig, 'a');
    trio.servers[1].is_asked_in_vain = true;
    EXPECT_STR(create(rig, 'a', "/x", "1", 0), "a: closed: there is no leader");
    EXPECT_STR(sync_path(rig, 'b', "/"), "b: closed: there is no leader");
    rig_open(rig, 'c');
    EXPECT_STR(rig_connect(rig, 'c', &(struct zk_connect_request){.timeout = 2000}),
               "c: closed: there is no leader");
    EXPECT_STR(rig_reattach(rig, 'd', &a), "d: closed: there is no leader");
    (void)trio_elect(&trio, 0);
    trio_done(&trio);
}

/* A leader that is about to stop decides what it has begun, and begins nothing. */
TEST(a_leader_that_may_not_propose_takes_no_writes)
{
    struct trio trio;
    struct rig *rig;

    trio_init(&trio, NULL);
    rig = trio_rig(&trio, 0);
    trio_join(&trio, 0, 'a');
    trio_join(&trio, 0, 'b');
    trio_join(&trio, 1, 'c');
    (void)create(rig, 'a', "/x", "1", 0);
    trio.servers[0].is_cut = true;
    EXPECT_STR(create(rig, 'a', "/y", "1", 0), "");
    EXPECT_STR(exists(rig, 'a', "/x", false), "");
    EXPECT_STR(close_session(rig, 'b'), "b: closed: no writes are taken now");
    rig_open(rig, 'd');
    EXPECT_STR(rig_connect(rig, 'd', &(struct zk_connect_request){.timeout = 2000}),
               "d: closed: no sessions are made now");
    (void)create(trio_rig(&trio, 1), 'c', "/z", "1", 0);
    EXPECT_STR(trio_up(&trio, 1), "");
    EXPECT(trio.dropped);
    (void)trio_sleep(&trio, 5000); /* nor does it end sessions */
    EXPECT_STR(trio_settle(&trio),
               "a: reply xid=1 zxid=0x100000004 /x; a: closed: no writes are taken now");
    trio_done(&trio);
}

TEST(a_state_that_came_as_a_snapshot_brings_its_sessions)
{
    struct trio trio;
    struct rig donor;
    struct rig *rig;
    struct tree *own;

    rig_config(&donor);
    donor.config.first_session_id = session_id_first(77, 0, 9);
    rig_start(&donor);
    rig_join(&donor, 'x');
    (void)create(&donor, 'x', "/e", "1", 1);

    trio_init(&trio, NULL);
    rig = trio_rig(&trio, 1);
    trio_join(&trio, 1, 'a');
    (void)trio_out(&trio, 1);
    own = rig->tree;
    rig->tree = donor.tree;
    core_tree_replaced(rig->core, donor.tree, &rig->now);
    EXPECT_EQ(core_stats(rig->core).sessions, 1);
    core_role(rig->core, CORE_LEADS, 0x500000000, &rig->now);
    EXPECT_STR(rig_reattach(rig, 'b', rig_client(&donor, 'x')), "b: connected timeout=2000");
    (void)trio_out(&trio, 1);
    rig->tree = own;
    core_tree_replaced(rig->core, own, &rig->now);
    rig_done(&donor);
    (void)trio_elect(&trio, 0);
    trio_done(&trio);
}

/* "Expired" is for good; a leader that was deposed does not know the sessions that the next
 * one makes. */
TEST(a_leader_says_that_there_is_no_session_when_a_quorum_knows_that_it_leads)
{
    struct trio trio;
    struct rig_client stranger = {.session_id = 77};

    trio_init(&trio, NULL);
    session_password(77, stranger.password);
    trio_join(&trio, 0, 'a');
    (void)create(trio_rig(&trio, 0), 'a', "/x", "1", 0); /* the quorum is asked behind it */
    for (int round = 0; round < 2; round++) {
        EXPECT_STR(rig_reattach(trio_rig(&trio, 0), 'b', &stranger), "");
        EXPECT_STR(exists(trio_rig(&trio, 0), 'b', "/", false), "");
        (void)rig_reattach(trio_rig(&trio, 1), 'c', &stranger);
        EXPECT_STR(trio_up(&trio, 1), "");
        EXPECT_STR(trio_down(&trio, 1), "");
        EXPECT_EQ(trio.servers[0].cookie_count, 1); /* one at a time */
        if (round > 0)
            break;
        EXPECT_STR(trio_settle(&trio), "a: reply xid=1 zxid=0x100000002 /x; "
                                       "b: expired; b: closed: session expired, or wrong password; "
                                       "c: expired; c: closed: session expired, or wrong password");
        rig_gone(trio_rig(&trio, 0), 'b');
        rig_gone(trio_rig(&trio, 1), 'c');
        (void)create(trio_rig(&trio, 0), 'a', "/y", "1", 0);
    }
    EXPECT_STR(trio_elect(&trio, 2),
               "a: " OUT_OF_SERVICE "; b: " OUT_OF_SERVICE "; c: " OUT_OF_SERVICE);
    trio_done(&trio);
}
