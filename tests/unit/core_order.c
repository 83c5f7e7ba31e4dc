/* Order: what one connection is told, and when, while writes are in flight. */
#include "tests/support/core_host.h"
#include "tests/unit/test.h"

TEST(a_write_is_answered_by_its_commit_and_not_before)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    rig.hold = true;
    EXPECT_STR(create(&rig, 'a', "/x", "1", 0), "");
    EXPECT_STR(rig_commit(&rig), "a: reply xid=1 zxid=0x2 /x");
    rig_done(&rig);
}

TEST(a_read_waits_for_the_writes_before_it_and_for_no_one_elses)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    rig_join(&rig, 'b');
    rig.hold = true;
    EXPECT_STR(create(&rig, 'a', "/x", "1", 0), "");
    EXPECT_STR(exists(&rig, 'b', "/x", false), "b: reply xid=1 zxid=0x2 err=NONODE");
    EXPECT_STR(get_children(&rig, 'a', "/", false), "");
    EXPECT_STR(ping(&rig, 'a'), "");
    EXPECT_STR(set_data(&rig, 'a', "/x", "2", 0), "");
    EXPECT_STR(get_children(&rig, 'a', "/x", false), "");
    EXPECT_STR(rig_commit(&rig),
               "a: reply xid=1 zxid=0x3 /x; a: reply xid=2 zxid=0x3 [zookeeper,x]; "
               "a: reply xid=-2 zxid=0x3");
    EXPECT_STR(rig_commit(&rig),
               "a: reply xid=3 zxid=0x4 {c=0x3 m=0x4 ct=1000000 v=1 cv=0 av=0 len=1 "
               "kids=0}; a: reply xid=4 zxid=0x4 []");
    rig_done(&rig);
}

TEST(a_sync_comes_after_all_that_was_on_its_way)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    rig_join(&rig, 'b');
    rig.hold = true;
    (void)create(&rig, 'a', "/x", "1", 0);
    (void)create(&rig, 'a', "/y", "1", 0);
    EXPECT_STR(sync_path(&rig, 'b', "/"), "");
    EXPECT_STR(exists(&rig, 'b', "/z", false), "");
    (void)create(&rig, 'a', "/z", "1", 0);
    EXPECT_STR(rig_commit(&rig), "a: reply xid=1 zxid=0x3 /x");
    EXPECT_STR(rig_commit(&rig), "a: reply xid=2 zxid=0x4 /y; b: reply xid=1 zxid=0x4 /; "
                                 "b: reply xid=2 zxid=0x4 err=NONODE");
    EXPECT_STR(rig_commit(&rig), "a: reply xid=3 zxid=0x5 /z");
    rig_done(&rig);
}

/* A client that finds out what became of its last write would else make it twice. */
TEST(who_comes_back_reads_after_the_writes_that_the_session_has_in_flight)
{
    struct rig rig;
    struct rig_client lost;

    rig_init(&rig);
    rig_join(&rig, 'a');
    rig.hold = true;
    (void)create(&rig, 'a', "/x", "1", 0);
    lost = *rig_client(&rig, 'a');
    rig_gone(&rig, 'a');
    rig_open(&rig, 'b');
    EXPECT_STR(rig_reattach(&rig, 'b', &lost), "b: connected timeout=2000");
    EXPECT_STR(ping(&rig, 'b'), "");
    EXPECT_STR(get_children(&rig, 'b', "/x", false), "");
    EXPECT_STR(rig_commit(&rig), "b: reply xid=-2 zxid=0x2; b: reply xid=1 zxid=0x2 []");
    rig_done(&rig);
}

TEST(who_waits_for_others_and_goes_leaves_nothing_behind)
{
    struct rig rig;

    rig_init(&rig);
    for (int name = 'a'; name <= 'd'; name++)
        rig_join(&rig, name);
    rig.hold = true;
    (void)create(&rig, 'a', "/x", "1", 0);
    (void)sync_path(&rig, 'b', "/b");
    (void)sync_path(&rig, 'c', "/c");
    (void)create(&rig, 'a', "/y", "1", 0);
    (void)sync_path(&rig, 'd', "/d");
    (void)sync_path(&rig, 'c', "/c");
    rig_gone(&rig, 'b');
    EXPECT_STR(rig_commit(&rig), "a: reply xid=1 zxid=0x5 /x; c: reply xid=1 zxid=0x5 /c");
    EXPECT_STR(rig_commit(&rig), "a: reply xid=2 zxid=0x6 /y; c: reply xid=2 zxid=0x6 /c; "
                                 "d: reply xid=1 zxid=0x6 /d");
    EXPECT_EQ(core_stats(rig.core).outstanding, 0);
    rig_done(&rig);
}

TEST(writes_in_flight_see_each_other)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    rig.hold = true;
    (void)create(&rig, 'a', "/x", "1", 0);
    (void)create(&rig, 'a', "/x", "1", 0);
    (void)create(&rig, 'a', "/x/y-", "1", CREATE_PERSISTENT_SEQUENTIAL);
    (void)create(&rig, 'a', "/x/y-", "1", CREATE_PERSISTENT_SEQUENTIAL);
    (void)set_data(&rig, 'a', "/x", "2", 0);
    (void)set_data(&rig, 'a', "/x", "2", 0);
    (void)delete (&rig, 'a', "/x", -1);
    (void)delete (&rig, 'a', "/x/y-0000000000", -1);
    (void)delete (&rig, 'a', "/x/y-0000000001", -1);
    (void)delete (&rig, 'a', "/x", 1);
    (void)create(&rig, 'a', "/x/z", "1", 0);
    EXPECT_STR(rig_commit_all(&rig),
               "a: reply xid=1 zxid=0x2 /x; "
               "a: reply xid=2 zxid=0x3 err=NODEEXISTS; "
               "a: reply xid=3 zxid=0x4 /x/y-0000000000; "
               "a: reply xid=4 zxid=0x5 /x/y-0000000001; "
               "a: reply xid=5 zxid=0x6 {c=0x2 m=0x6 p=0x5 ct=1000000 v=1 cv=2 av=0 len=1 "
               "kids=2}; "
               "a: reply xid=6 zxid=0x7 err=BADVERSION; "
               "a: reply xid=7 zxid=0x8 err=NOTEMPTY; "
               "a: reply xid=8 zxid=0x9; "
               "a: reply xid=9 zxid=0xa; "
               "a: reply xid=10 zxid=0xb; "
               "a: reply xid=11 zxid=0xc err=NONODE");
    rig_done(&rig);
}

TEST(of_two_clients_writes_in_flight_the_first_to_arrive_wins)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    rig_join(&rig, 'b');
    rig.hold = true;
    (void)create(&rig, 'a', "/lock", "", CREATE_EPHEMERAL);
    (void)create(&rig, 'b', "/lock", "", CREATE_EPHEMERAL);
    EXPECT_STR(rig_commit_all(&rig),
               "a: reply xid=1 zxid=0x3 /lock; b: reply xid=1 zxid=0x4 err=NODEEXISTS");
    rig_done(&rig);
}

TEST(an_event_comes_before_the_reply_that_caused_it_and_before_any_that_shows_it)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    rig_join(&rig, 'b');
    (void)create(&rig, 'a', "/x", "1", 0);
    (void)get_data(&rig, 'a', "/x", true);
    (void)get_data(&rig, 'b', "/x", true);
    rig.hold = true;
    (void)set_data(&rig, 'a', "/x", "2", -1);
    EXPECT_STR(rig_commit(&rig),
               "a: event changed /x zxid=0x4; "
               "a: reply xid=3 zxid=0x4 {c=0x3 m=0x4 ct=1000000 v=1 cv=0 av=0 len=1 "
               "kids=0}; b: event changed /x zxid=0x4");
    rig_done(&rig);
}

TEST(auth_is_answered_past_what_waits)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    rig.hold = true;
    (void)create(&rig, 'a', "/x", "1", 0);
    EXPECT_STR(add_auth(&rig, 'a', "digest", "bob:secret"), "a: reply xid=-4 zxid=0x0");
    EXPECT_STR(rig_commit(&rig), "a: reply xid=1 zxid=0x2 /x");
    rig_done(&rig);
}

TEST(an_unknown_operation_is_answered_in_its_turn_and_ends_the_connection)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    rig.hold = true;
    (void)create(&rig, 'a', "/x", "1", 0);
    EXPECT_STR(rig_request(&rig, 'a', 99, NULL), "");
    EXPECT_STR(create(&rig, 'a', "/y", "1", 0), "");
    EXPECT_STR(rig_commit(&rig), "a: reply xid=1 zxid=0x2 /x; "
                                 "a: reply xid=2 zxid=-1 err=UNIMPLEMENTED; "
                                 "a: closed: unknown operation");
    EXPECT_EQ(rig.proposal_count, 0);
    rig_done(&rig);
}

TEST(a_body_that_cannot_be_decoded_is_answered_and_the_connection_goes_on)
{
    struct rig rig;
    struct buf half = {0};

    rig_init(&rig);
    rig_join(&rig, 'a');
    put_i32(&half, 100);
    EXPECT_STR(rig_request(&rig, 'a', OP_GET_DATA, &half),
               "a: reply xid=1 zxid=0x1 err=MARSHALLINGERROR");
    EXPECT_STR(rig_request(&rig, 'a', OP_CREATE, &half),
               "a: reply xid=2 zxid=0x2 err=MARSHALLINGERROR");
    EXPECT_STR(rig_request(&rig, 'a', OP_MULTI, &half),
               "a: reply xid=3 zxid=0x3 err=MARSHALLINGERROR");
    EXPECT_STR(get_data(&rig, 'a', NULL, false), "a: reply xid=4 zxid=0x3 err=MARSHALLINGERROR");
    EXPECT_STR(rig_request(&rig, 'a', OP_SET_WATCHES, &half),
               "a: reply xid=5 zxid=0x3 err=MARSHALLINGERROR");
    EXPECT_STR(ping(&rig, 'a'), "a: reply xid=-2 zxid=0x3");
    buf_done(&half);
    rig_done(&rig);
}

TEST(a_frame_shorter_than_a_header_closes)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    EXPECT_STR(rig_frame(&rig, 'a', "abcdefg", 7), "a: closed: frame too short for a request");
    rig_done(&rig);
}

TEST(with_a_full_disk_what_grows_is_refused_without_a_zxid_in_its_turn)
{
    struct rig rig;
    struct multi multi = {0};

    rig_init(&rig);
    rig_join(&rig, 'a');
    (void)create(&rig, 'a', "/x", "1", 0);
    rig.hold = true;
    (void)set_acl(&rig, 'a', "/x", "world:anyone:cdrwa", -1);
    rig.storage_full = true;
    EXPECT_STR(create(&rig, 'a', "/y", "1", 0), "");
    EXPECT_STR(rig_commit(&rig),
               "a: reply xid=2 zxid=0x3 {c=0x2 ct=1000000 v=0 cv=0 av=1 len=1 kids=0}; "
               "a: reply xid=3 zxid=0x3 err=SYSTEMERROR");
    rig.hold = false;
    EXPECT_STR(set_data(&rig, 'a', "/x", "2", -1), "a: reply xid=4 zxid=0x3 err=SYSTEMERROR");
    multi_delete(&multi, "/x", -1);
    EXPECT_STR(multi_send(&rig, 'a', OP_MULTI, &multi), "a: reply xid=5 zxid=0x3 err=SYSTEMERROR");
    EXPECT_STR(set_acl(&rig, 'a', "/x", "world:anyone:r", -1),
               "a: reply xid=6 zxid=0x3 err=SYSTEMERROR");
    EXPECT_STR(delete (&rig, 'a', "/x", -1), "a: reply xid=7 zxid=0x4");
    rig_done(&rig);
}

TEST(what_a_client_has_outstanding_can_be_counted_until_it_is_answered)
{
    struct rig rig;
    struct core_outstanding owed;

    rig_init(&rig);
    rig_join(&rig, 'a');
    rig.hold = true;
    (void)create(&rig, 'a', "/x", "12345", 0);
    owed = core_client_outstanding(rig_client(&rig, 'a')->client);
    EXPECT_EQ(owed.requests, 1);
    EXPECT(owed.bytes > 5);
    (void)get_data(&rig, 'a', "/x", false);
    EXPECT_EQ(core_client_outstanding(rig_client(&rig, 'a')->client).requests, 2);
    EXPECT_EQ(core_client_outstanding(rig_client(&rig, 'a')->client).bytes, owed.bytes + 15);
    EXPECT_EQ(core_stats(rig.core).outstanding, 2);
    (void)rig_commit(&rig);
    owed = core_client_outstanding(rig_client(&rig, 'a')->client);
    EXPECT_EQ(owed.requests, 0);
    EXPECT_EQ(owed.bytes, 0);
    rig_done(&rig);
}

TEST(a_connection_may_be_lost_at_any_time)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    rig.hold = true;
    (void)create(&rig, 'a', "/x", "1", 0);
    (void)get_data(&rig, 'a', "/x", true);
    rig_gone(&rig, 'a');
    EXPECT_STR(rig_commit_all(&rig), "");
    rig_open(&rig, 'b');
    (void)rig_connect(&rig, 'b', &(struct zk_connect_request){.timeout = 1000});
    rig_gone(&rig, 'b');
    EXPECT_STR(rig_commit_all(&rig), "");
    EXPECT_EQ(core_stats(rig.core).outstanding, 0);
    rig_done(&rig);
}
