/* Sessions that are brought from one server of an ensemble to another, with requests on
 * their way. Server 0 leads. */
#include "store/tree.h"
#include "tests/support/core_ensemble.h"
#include "tests/unit/test.h"

/* Three cores, and a client 'a' of server 1. */
static struct rig_client begin(struct trio *trio)
{
    trio_init(trio, NULL);
    trio_join(trio, 1, 'a');
    return *rig_client(trio_rig(trio, 1), 'a');
}

TEST(a_session_goes_on_where_its_client_brings_it)
{
    struct trio trio;
    struct rig_client a;

    a = begin(&trio);
    rig_gone(trio_rig(&trio, 1), 'a');
    EXPECT_STR(rig_reattach(trio_rig(&trio, 2), 'b', &a), "");
    EXPECT_STR(create(trio_rig(&trio, 2), 'b', "/x", "1", 1), "");
    EXPECT_STR(exists(trio_rig(&trio, 2), 'b', "/y", false), "");
    EXPECT_STR(trio_up(&trio, 2), "");
    EXPECT_STR(trio_down(&trio, 2), "b: connected timeout=2000");
    EXPECT_STR(trio_settle(&trio), "b: reply xid=1 zxid=0x100000002 /x; "
                                   "b: reply xid=2 zxid=0x100000002 err=NONODE");
    EXPECT_EQ(rig_client(trio_rig(&trio, 2), 'b')->session_id, a.session_id);
    EXPECT_EQ(tree_ephemeral_count(trio_rig(&trio, 0)->tree), 1);
    trio_done(&trio);
}

TEST(a_wrong_password_is_refused_without_asking_the_leader)
{
    struct trio trio;
    struct rig_client a;

    a = begin(&trio);
    a.password[3] ^= 1;
    EXPECT_STR(rig_reattach(trio_rig(&trio, 2), 'b', &a),
               "b: expired; b: closed: session expired, or wrong password");
    EXPECT_EQ(trio.servers[2].out.count, 0);
    EXPECT_STR(exists(trio_rig(&trio, 1), 'a', "/x", false),
               "a: reply xid=1 zxid=0x100000001 err=NONODE");
    trio_done(&trio);
}

TEST(a_session_that_the_leader_does_not_know_has_expired)
{
    struct trio trio;
    struct rig_client a;

    a = begin(&trio);
    (void)close_session(trio_rig(&trio, 1), 'a');
    (void)trio_settle(&trio);
    EXPECT_STR(rig_reattach(trio_rig(&trio, 2), 'b', &a), "");
    EXPECT_STR(trio_settle(&trio), "b: expired; b: closed: session expired, or wrong password");
    trio_done(&trio);
}

TEST(a_session_whose_end_is_on_its_way_has_expired)
{
    struct trio trio;
    struct rig_client a;

    a = begin(&trio);
    (void)close_session(trio_rig(&trio, 1), 'a');
    (void)trio_up(&trio, 1);
    (void)rig_reattach(trio_rig(&trio, 2), 'b', &a);
    (void)trio_up(&trio, 2);
    EXPECT_STR(trio_settle(&trio), "a: reply xid=1 zxid=0x100000002; a: closed: session closed; "
                                   "b: expired; b: closed: session expired, or wrong password");
    trio_done(&trio);
}

TEST(the_connection_that_was_left_may_read_and_ends_with_its_next_write)
{
    struct trio trio;
    struct rig_client a;

    a = begin(&trio);
    (void)rig_reattach(trio_rig(&trio, 2), 'b', &a);
    EXPECT_STR(trio_settle(&trio), "b: connected timeout=2000");
    EXPECT_STR(exists(trio_rig(&trio, 1), 'a', "/x", false),
               "a: reply xid=1 zxid=0x100000001 err=NONODE");
    (void)create(trio_rig(&trio, 1), 'a', "/x", "1", 0);
    EXPECT_STR(trio_settle(&trio), "a: closed: its session moved to another server");
    EXPECT_STR(exists(trio_rig(&trio, 2), 'b', "/x", false),
               "b: reply xid=1 zxid=0x100000002 err=NONODE");
    trio_done(&trio);
}

TEST(the_same_holds_for_a_session_that_leaves_the_leader)
{
    struct trio trio;
    struct rig_client a;

    trio_init(&trio, NULL);
    trio_join(&trio, 0, 'a');
    a = *rig_client(trio_rig(&trio, 0), 'a');
    (void)create(trio_rig(&trio, 0), 'a', "/x", "1", 0);
    (void)rig_reattach(trio_rig(&trio, 1), 'b', &a);
    (void)trio_up(&trio, 1);
    (void)create(trio_rig(&trio, 0), 'a', "/y", "1", 0);
    EXPECT_STR(trio_settle(&trio), "a: reply xid=1 zxid=0x100000002 /x; "
                                   "a: closed: its session moved to another server; "
                                   "b: connected timeout=2000");
    (void)create(trio_rig(&trio, 1), 'b', "/z", "1", 0);
    EXPECT_STR(trio_settle(&trio), "b: reply xid=1 zxid=0x100000004 /z");
    EXPECT(tree_lookup(trio_rig(&trio, 1)->tree, jute_str("/y")) == NULL);
    trio_done(&trio);
}

TEST(the_same_holds_for_a_session_that_comes_to_the_leader)
{
    struct trio trio;
    struct rig_client a;

    a = begin(&trio);
    EXPECT_STR(rig_reattach(trio_rig(&trio, 0), 'b', &a), "b: connected timeout=2000");
    (void)create(trio_rig(&trio, 1), 'a', "/x", "1", 0);
    EXPECT_STR(exists(trio_rig(&trio, 0), 'b', "/y", false),
               "b: reply xid=1 zxid=0x100000001 err=NONODE");
    (void)create(trio_rig(&trio, 0), 'b', "/y", "1", 0);
    EXPECT_STR(trio_settle(&trio), "b: reply xid=2 zxid=0x100000002 /y; "
                                   "a: closed: its session moved to another server");
    trio_done(&trio);
}

TEST(a_session_comes_back_to_a_server_that_has_not_heard_of_it_yet)
{
    struct trio trio;
    struct rig_client a;

    trio_init(&trio, NULL);
    rig_open(trio_rig(&trio, 1), 'a');
    (void)rig_connect(trio_rig(&trio, 1), 'a', &(struct zk_connect_request){.timeout = 2000});
    (void)trio_up(&trio, 1);
    (void)trio_decide(&trio);
    EXPECT_STR(trio_down(&trio, 1), "a: connected timeout=2000");
    a = *rig_client(trio_rig(&trio, 1), 'a');
    EXPECT_EQ(core_stats(trio_rig(&trio, 2)->core).sessions, 0);
    EXPECT_STR(rig_reattach(trio_rig(&trio, 2), 'b', &a), "");
    EXPECT_STR(trio_settle(&trio), "b: connected timeout=2000");
    trio_done(&trio);
}

/* A client that counts its requests from 1 on every connection: the outcome of the first
 * one's must not be taken for that of the second one's. */
TEST(the_same_cxid_over_two_servers_is_told_apart)
{
    struct trio trio;
    struct rig_client a;

    a = begin(&trio);
    (void)create(trio_rig(&trio, 1), 'a', "/of-a", "1", 0);
    (void)trio_up(&trio, 1);
    rig_gone(trio_rig(&trio, 1), 'a');
    (void)rig_reattach(trio_rig(&trio, 2), 'b', &a);
    (void)create(trio_rig(&trio, 2), 'b', "/of-b", "1", 0);
    EXPECT_STR(trio_up(&trio, 2), "");
    /* The leader says that the session lives once what was asked for on 'a' is decided. */
    EXPECT_STR(trio_down(&trio, 2), "");
    (void)trio_decide(&trio);
    EXPECT_STR(trio_down(&trio, 2), "b: connected timeout=2000");
    EXPECT_STR(trio_settle(&trio), "b: reply xid=1 zxid=0x100000003 /of-b");
    trio_done(&trio);
}

/* An Apache leader answers at once; what the follower was sent before is known by then. */
TEST(an_answer_that_overtakes_a_decision_waits_for_it)
{
    struct trio trio;
    struct rig_client a;
    struct rig *rig;

    a = begin(&trio);
    (void)create(trio_rig(&trio, 1), 'a', "/of-a", "1", 0);
    (void)trio_up(&trio, 1);
    rig_gone(trio_rig(&trio, 1), 'a');
    rig = trio_rig(&trio, 2);
    (void)rig_reattach(rig, 'b', &a);
    (void)create(rig, 'b', "/of-b", "1", 0);
    core_revalidated(rig->core, a.session_id, true, 0x100000002, &rig->now);
    EXPECT_STR(trio_said(&trio), "");
    EXPECT_STR(trio_settle(&trio),
               "b: connected timeout=2000; b: reply xid=1 zxid=0x100000003 /of-b");
    trio_done(&trio);
}

/* What is late is refused, and the refusal has the same cxid: nobody gets a wrong answer,
 * but the connection that waits with this cxid ends, and its client asks again. */
TEST(a_request_that_comes_after_the_move_harms_nobody)
{
    struct trio trio;
    struct rig_client a;

    a = begin(&trio);
    (void)create(trio_rig(&trio, 1), 'a', "/of-a", "1", 0);
    (void)rig_reattach(trio_rig(&trio, 2), 'b', &a);
    (void)trio_up(&trio, 2);
    EXPECT_STR(trio_down(&trio, 2), "b: connected timeout=2000");
    (void)create(trio_rig(&trio, 2), 'b', "/of-b", "1", 0);
    (void)trio_up(&trio, 1);
    EXPECT_STR(trio_settle(&trio), "a: closed: its session moved to another server; "
                                   "b: closed: its session moved to another server");
    EXPECT(tree_lookup(trio_rig(&trio, 0)->tree, jute_str("/of-a")) == NULL);
    EXPECT(tree_lookup(trio_rig(&trio, 0)->tree, jute_str("/of-b")) != NULL);
    trio_done(&trio);
}

TEST(the_same_cxid_over_two_connections_of_one_server_is_told_apart)
{
    struct trio trio;
    struct rig_client a;

    a = begin(&trio);
    (void)create(trio_rig(&trio, 1), 'a', "/of-a", "1", 0);
    EXPECT_STR(rig_reattach(trio_rig(&trio, 1), 'b', &a),
               "a: closed: its session moved to another connection");
    (void)create(trio_rig(&trio, 1), 'b', "/of-b", "1", 0);
    EXPECT_STR(trio_settle(&trio),
               "b: connected timeout=2000; b: reply xid=1 zxid=0x100000003 /of-b");
    EXPECT(tree_lookup(trio_rig(&trio, 1)->tree, jute_str("/of-a")) != NULL);
    trio_done(&trio);
}

/* It is told of nothing before its leader says that it may. */
TEST(an_observer_knows_what_was_decided_before_the_move)
{
    struct trio trio;
    struct rig_client a;

    trio_init(&trio, NULL);
    trio.servers[2].is_observer = true;
    trio_join(&trio, 1, 'a');
    a = *rig_client(trio_rig(&trio, 1), 'a');
    (void)create(trio_rig(&trio, 1), 'a', "/of-a", "1", 0);
    (void)trio_up(&trio, 1);
    (void)rig_reattach(trio_rig(&trio, 2), 'b', &a);
    (void)create(trio_rig(&trio, 2), 'b', "/of-b", "1", 0);
    EXPECT_STR(trio_up(&trio, 2), "");
    EXPECT_STR(trio_down(&trio, 2), "");
    EXPECT_STR(trio_settle(&trio), "a: reply xid=1 zxid=0x100000002 /of-a; "
                                   "b: connected timeout=2000; "
                                   "b: reply xid=1 zxid=0x100000003 /of-b");
    trio_done(&trio);
}

TEST(of_two_connections_that_bring_one_session_the_last_has_it)
{
    struct trio trio;
    struct rig_client a;

    a = begin(&trio);
    (void)rig_reattach(trio_rig(&trio, 2), 'b', &a);
    (void)rig_reattach(trio_rig(&trio, 2), 'c', &a);
    EXPECT_STR(trio_settle(&trio), "b: connected timeout=2000; "
                                   "b: closed: its session moved to another connection; "
                                   "c: connected timeout=2000");
    trio_done(&trio);
}

TEST(an_answer_for_a_connection_that_is_gone_serves_the_next_one)
{
    struct trio trio;
    struct rig_client a;

    a = begin(&trio);
    (void)rig_reattach(trio_rig(&trio, 2), 'b', &a);
    rig_gone(trio_rig(&trio, 2), 'b');
    EXPECT_STR(trio_settle(&trio), "");
    (void)rig_reattach(trio_rig(&trio, 2), 'c', &a);
    rig_gone(trio_rig(&trio, 2), 'c');
    (void)rig_reattach(trio_rig(&trio, 2), 'd', &a);
    EXPECT_STR(trio_settle(&trio), "d: connected timeout=2000");
    trio_done(&trio);
}

TEST(a_session_that_ends_while_its_client_comes_back_is_not_given_to_it)
{
    struct trio trio;
    struct rig_client a;

    a = begin(&trio);
    (void)create(trio_rig(&trio, 1), 'a', "/x", "1", 1);
    (void)trio_up(&trio, 1);
    (void)rig_reattach(trio_rig(&trio, 2), 'b', &a);
    (void)trio_up(&trio, 2);
    (void)close_session(trio_rig(&trio, 1), 'a');
    (void)trio_up(&trio, 1);
    /* The leader's yes comes when the end was proposed, and is decided before it is told. */
    EXPECT_STR(trio_settle(&trio), "a: reply xid=1 zxid=0x100000002 /x; "
                                   "a: reply xid=2 zxid=0x100000003; a: closed: session closed; "
                                   "b: closed: its session is not known here");
    EXPECT_EQ(tree_ephemeral_count(trio_rig(&trio, 2)->tree), 0);
    trio_done(&trio);
}

TEST(the_timeout_that_a_client_comes_back_with_is_the_leaders_as_well)
{
    struct trio trio;
    struct rig_client a;
    struct zk_connect_request req = {.timeout = 200};

    a = begin(&trio);
    rig_gone(trio_rig(&trio, 1), 'a');
    req.session_id = a.session_id;
    req.passwd = (struct jute_bytes){.data = a.password, .len = SESSION_PASSWORD_BYTES};
    rig_open(trio_rig(&trio, 2), 'b');
    (void)rig_connect(trio_rig(&trio, 2), 'b', &req);
    EXPECT_STR(trio_settle(&trio), "b: connected timeout=200");
    (void)trio_sleep(&trio, 400);
    EXPECT_STR(trio_settle(&trio), "b: closed: session closed");
    trio_done(&trio);
}
