/* Requests in an ensemble: a leader and two learners, each with clients of its own. Server 0
 * leads; zxids count all that is proposed: sessions are the first ones. */
#include "tests/support/core_ensemble.h"
#include "store/tree.h"
#include "tests/unit/test.h"

TEST(a_session_of_a_learner_is_made_by_the_leader)
{
    struct trio trio;
    struct zk_connect_request req = {.timeout = 1000};
    int32_t timeout_ms;

    trio_init(&trio, NULL);
    rig_open(trio_rig(&trio, 1), 'a');
    EXPECT_STR(rig_connect(trio_rig(&trio, 1), 'a', &req), "");
    EXPECT_STR(trio_up(&trio, 1), "");
    EXPECT_EQ(trio.proposed, 1);
    EXPECT_STR(trio_down(&trio, 1), "");
    EXPECT_STR(trio_decide(&trio), "");
    EXPECT_STR(trio_down(&trio, 1), "a: connected timeout=1000");
    EXPECT_STR(trio_settle(&trio), "");
    for (int i = 0; i < TRIO; i++) {
        EXPECT(tree_session(trio_rig(&trio, i)->tree,
                            rig_client(trio_rig(&trio, 1), 'a')->session_id, &timeout_ms));
        EXPECT_EQ(timeout_ms, 1000);
        EXPECT_EQ(core_stats(trio_rig(&trio, i)->core).sessions, 1);
    }
    /* The server that made it stands in its top byte. */
    EXPECT_EQ(rig_client(trio_rig(&trio, 1), 'a')->session_id >> 56, 2);
    trio_done(&trio);
}

TEST(a_write_is_answered_where_it_was_asked_once_it_is_applied_there)
{
    struct trio trio;

    trio_init(&trio, NULL);
    trio_join(&trio, 1, 'a');
    EXPECT_STR(create(trio_rig(&trio, 1), 'a', "/x", "1", 0), "");
    EXPECT_STR(trio_up(&trio, 1), "");
    EXPECT_STR(trio_decide(&trio), "");
    EXPECT_STR(trio_down(&trio, 2), "");
    EXPECT(tree_lookup(trio_rig(&trio, 2)->tree, jute_str("/x")) != NULL);
    EXPECT(tree_lookup(trio_rig(&trio, 1)->tree, jute_str("/x")) == NULL);
    EXPECT_STR(trio_down(&trio, 1), "a: reply xid=1 zxid=0x100000002 /x");
    trio_done(&trio);
}

TEST(all_kinds_of_writes_have_their_answers_on_a_learner)
{
    struct trio trio;
    struct rig *rig;
    struct multi multi = {0};

    trio_init(&trio, NULL);
    trio_join(&trio, 1, 'a');
    rig = trio_rig(&trio, 1);
    (void)create2(rig, 'a', "/x", "1", 0);
    (void)set_data(rig, 'a', "/x", "22", 0);
    (void)set_acl(rig, 'a', "/x", "world:anyone:cdrwa", -1);
    (void)delete (rig, 'a', "/x", -1);
    multi_create(&multi, "/s-", "", 2);
    multi_check(&multi, "/", -1);
    (void)multi_send(rig, 'a', OP_MULTI, &multi);
    EXPECT_STR(
        trio_settle(&trio),
        "a: reply xid=1 zxid=0x100000002 /x {c=0x100000002 ct=1000000 v=0 cv=0 av=0 len=1 kids=0}; "
        "a: reply xid=2 zxid=0x100000003 {c=0x100000002 m=0x100000003 ct=1000000 v=1 "
        "cv=0 av=0 len=2 kids=0}; "
        "a: reply xid=3 zxid=0x100000004 {c=0x100000002 m=0x100000003 ct=1000000 v=1 "
        "cv=0 av=1 len=2 kids=0}; "
        "a: reply xid=4 zxid=0x100000005; "
        "a: reply xid=5 zxid=0x100000006 (create2 /s-0000000001 {c=0x100000006 ct=1000000 v=0 cv=0 "
        "av=0 "
        "len=0 kids=0}, check)");
    trio_done(&trio);
}

TEST(a_refusal_of_the_leader_comes_back_in_its_turn)
{
    struct trio trio;
    struct multi multi = {0};
    struct rig *rig;

    trio_init(&trio, NULL);
    trio_join(&trio, 1, 'a');
    rig = trio_rig(&trio, 1);
    (void)create(rig, 'a', "/x", "1", 0);
    (void)create(rig, 'a', "/x", "1", 0);
    (void)delete (rig, 'a', "/x", 7);
    (void)create(rig, 'a', "x", "1", 0);
    multi_create(&multi, "/m", "", 0);
    multi_delete(&multi, "/nothing", -1);
    (void)multi_send(rig, 'a', OP_MULTI, &multi);
    EXPECT_STR(trio_settle(&trio), "a: reply xid=1 zxid=0x100000002 /x; "
                                   "a: reply xid=2 zxid=0x100000003 err=NODEEXISTS; "
                                   "a: reply xid=3 zxid=0x100000004 err=BADVERSION; "
                                   "a: reply xid=4 zxid=0x100000005 err=BADARGUMENTS; "
                                   "a: reply xid=5 zxid=0x100000006 (error OK, error NONODE)");
    trio_done(&trio);
}

TEST(the_leader_judges_by_the_credentials_that_the_learner_knows)
{
    struct trio trio;
    struct rig *rig;

    trio_init(&trio, NULL);
    trio_join(&trio, 1, 'a');
    rig = trio_rig(&trio, 1);
    (void)create_acl(rig, 'a', "/x", "auth::cdrwa"); /* the address alone */
    EXPECT_STR(trio_settle(&trio), "a: reply xid=1 zxid=0x100000002 err=INVALIDACL");
    EXPECT_STR(add_auth(rig, 'a', "digest", "u:p"), "a: reply xid=-4 zxid=0x0");
    (void)create_acl(rig, 'a', "/x", "auth::cdrwa");
    (void)set_data(rig, 'a', "/x", "2", -1);
    trio_join(&trio, 2, 'b');
    (void)set_data(trio_rig(&trio, 2), 'b', "/x", "3", -1);
    EXPECT_STR(trio_settle(&trio), "b: reply xid=1 zxid=0x100000006 err=NOAUTH");
    trio_done(&trio);
}

TEST(a_read_waits_for_the_same_connections_writes_and_for_no_other)
{
    struct trio trio;
    struct rig *rig;

    trio_init(&trio, NULL);
    trio_join(&trio, 1, 'a');
    trio_join(&trio, 1, 'b');
    rig = trio_rig(&trio, 1);
    EXPECT_STR(create(rig, 'a', "/x", "1", 0), "");
    EXPECT_STR(exists(rig, 'a', "/x", false), "");
    EXPECT_STR(exists(rig, 'b', "/x", false), "b: reply xid=1 zxid=0x100000002 err=NONODE");
    EXPECT_STR(trio_settle(&trio),
               "a: reply xid=1 zxid=0x100000003 /x; "
               "a: reply xid=2 zxid=0x100000003 {c=0x100000003 ct=1000000 v=0 cv=0 av=0 len=1 "
               "kids=0}");
    trio_done(&trio);
}

TEST(the_leader_judges_against_what_everybody_has_in_flight)
{
    struct trio trio;

    trio_init(&trio, NULL);
    trio_join(&trio, 1, 'a');
    trio_join(&trio, 2, 'b');
    trio_join(&trio, 0, 'c');
    (void)create(trio_rig(&trio, 1), 'a', "/x", "a", 0);
    (void)create(trio_rig(&trio, 2), 'b', "/x", "b", 0);
    (void)trio_up(&trio, 2);
    (void)create(trio_rig(&trio, 0), 'c', "/x", "c", 0);
    (void)trio_up(&trio, 1);
    EXPECT_STR(trio_settle(&trio), "c: reply xid=1 zxid=0x100000005 err=NODEEXISTS; "
                                   "a: reply xid=1 zxid=0x100000006 err=NODEEXISTS; "
                                   "b: reply xid=1 zxid=0x100000004 /x");
    trio_done(&trio);
}

TEST(watches_fire_on_every_server_before_the_change_is_shown_there)
{
    struct trio trio;

    trio_init(&trio, NULL);
    trio_join(&trio, 0, 'a');
    trio_join(&trio, 1, 'b');
    trio_join(&trio, 2, 'c');
    for (int i = 0; i < TRIO; i++)
        (void)exists(trio_rig(&trio, i), "abc"[i], "/x", true);
    (void)trio_settle(&trio);
    (void)create(trio_rig(&trio, 1), 'b', "/x", "1", 0);
    (void)trio_up(&trio, 1);
    EXPECT_STR(trio_decide(&trio), "a: event created /x zxid=0x100000004");
    EXPECT_STR(trio_down(&trio, 1), "b: event created /x zxid=0x100000004; "
                                    "b: reply xid=2 zxid=0x100000004 /x");
    EXPECT_STR(trio_down(&trio, 2), "c: event created /x zxid=0x100000004");
    trio_done(&trio);
}

TEST(a_read_after_a_sync_shows_what_was_decided_anywhere_before)
{
    struct trio trio;

    trio_init(&trio, NULL);
    trio_join(&trio, 1, 'a');
    trio_join(&trio, 2, 'b');
    (void)create(trio_rig(&trio, 1), 'a', "/x", "1", 0);
    (void)trio_up(&trio, 1);
    (void)trio_decide(&trio);
    EXPECT_STR(trio_down(&trio, 1), "a: reply xid=1 zxid=0x100000003 /x");
    /* The other learner has not heard of it yet. */
    EXPECT_STR(exists(trio_rig(&trio, 2), 'b', "/x", false),
               "b: reply xid=1 zxid=0x100000002 err=NONODE");
    EXPECT_STR(sync_path(trio_rig(&trio, 2), 'b', "/"), "");
    EXPECT_STR(exists(trio_rig(&trio, 2), 'b', "/x", false), "");
    EXPECT_STR(trio_up(&trio, 2), "");
    EXPECT_STR(trio_down(&trio, 2),
               "b: reply xid=2 zxid=0x100000003 /; "
               "b: reply xid=3 zxid=0x100000003 {c=0x100000003 ct=1000000 v=0 cv=0 av=0 len=1 "
               "kids=0}");
    trio_done(&trio);
}

TEST(a_sync_waits_for_its_turn_and_for_what_the_leader_has_proposed)
{
    struct trio trio;

    trio_init(&trio, NULL);
    trio_join(&trio, 0, 'a');
    trio_join(&trio, 1, 'b');
    (void)create(trio_rig(&trio, 1), 'b', "/x", "1", 0);
    (void)trio_up(&trio, 1);
    EXPECT_STR(sync_path(trio_rig(&trio, 0), 'a', "/"), "");
    (void)create(trio_rig(&trio, 0), 'a', "/y", "1", 0);
    (void)sync_path(trio_rig(&trio, 0), 'a', "/");
    EXPECT_STR(trio_decide(&trio), "a: reply xid=1 zxid=0x100000003 /");
    EXPECT_STR(trio_decide(&trio), "a: reply xid=2 zxid=0x100000004 /y; "
                                   "a: reply xid=3 zxid=0x100000004 /");
    (void)trio_settle(&trio);
    trio_done(&trio);
}

/* A leader asks a quorum before it answers a sync, which takes longer than a commit may. */
TEST(what_comes_behind_a_sync_waits_for_it_outside)
{
    struct trio trio;
    struct rig *rig;
    int proposed;

    trio_init(&trio, NULL);
    trio_join(&trio, 1, 'a');
    rig = trio_rig(&trio, 1);
    proposed = (int)trio.proposed;
    (void)sync_path(rig, 'a', "/");
    EXPECT_STR(create(rig, 'a', "/x", "1", 0), "");
    EXPECT_STR(exists(rig, 'a', "/x", false), "");
    EXPECT_STR(sync_path(rig, 'a', "/"), "");
    (void)trio_up(&trio, 1);
    EXPECT_EQ((int)trio.proposed, proposed);
    EXPECT_STR(trio_settle(&trio),
               "a: reply xid=1 zxid=0x100000001 /; a: reply xid=2 zxid=0x100000002 /x; "
               "a: reply xid=3 zxid=0x100000002 {c=0x100000002 ct=1000000 v=0 cv=0 av=0 len=1 "
               "kids=0}; a: reply xid=4 zxid=0x100000002 /");
    trio_done(&trio);
}

TEST(a_sync_that_is_done_before_the_connection_ends_answers_nobody)
{
    struct trio trio;

    trio_init(&trio, NULL);
    trio_join(&trio, 1, 'a');
    trio_join(&trio, 1, 'b');
    (void)sync_path(trio_rig(&trio, 1), 'a', "/");
    (void)sync_path(trio_rig(&trio, 1), 'b', "/");
    rig_gone(trio_rig(&trio, 1), 'a');
    EXPECT_STR(trio_settle(&trio), "b: reply xid=1 zxid=0x100000002 /");
    trio_done(&trio);
}

TEST(an_observer_answers_as_a_follower_does)
{
    struct trio trio;

    trio_init(&trio, NULL);
    trio.servers[2].is_observer = true;
    trio_join(&trio, 2, 'a');
    (void)create(trio_rig(&trio, 2), 'a', "/x", "1", 0);
    (void)sync_path(trio_rig(&trio, 2), 'a', "/");
    EXPECT_STR(trio_settle(&trio),
               "a: reply xid=1 zxid=0x100000002 /x; a: reply xid=2 zxid=0x100000002 /");
    trio_done(&trio);
}

TEST(a_full_disk_of_the_leader_is_told_to_clients_of_learners)
{
    struct trio trio;

    trio_init(&trio, NULL);
    trio_join(&trio, 1, 'a');
    trio_rig(&trio, 0)->storage_full = true;
    (void)create(trio_rig(&trio, 1), 'a', "/x", "1", 0);
    (void)delete (trio_rig(&trio, 1), 'a', "/y", -1);
    EXPECT_STR(trio_settle(&trio), "a: reply xid=1 zxid=0x100000002 err=SYSTEMERROR; "
                                   "a: reply xid=2 zxid=0x100000003 err=NONODE");
    trio_done(&trio);
}

static void with_containers(struct rig *rig)
{
    rig->config.container_check_interval_ms = 500;
    rig->config.container_max_per_minute = 60000;
    rig->config.extended_types = true;
}

TEST(the_leader_alone_reaps_containers)
{
    struct trio trio;

    trio_init(&trio, with_containers);
    trio_join(&trio, 1, 'a');
    (void)create_ttl(trio_rig(&trio, 1), 'a', "/t", 100);
    EXPECT_STR(trio_settle(&trio), "a: reply xid=1 zxid=0x100000002 /t {c=0x100000002 ct=1000000 "
                                   "v=0 cv=0 av=0 len=0 kids=0}");
    (void)trio_sleep(&trio, 600);
    EXPECT_EQ(trio.proposed, 3);
    (void)trio_settle(&trio);
    for (int i = 0; i < TRIO; i++)
        EXPECT(tree_lookup(trio_rig(&trio, i)->tree, jute_str("/t")) == NULL);
    trio_done(&trio);
}
