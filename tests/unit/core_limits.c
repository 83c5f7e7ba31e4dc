/* Limits: what the log cannot take and what a client does not read. */
#include "tests/support/core_host.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#define TXN_MAX 1000u

static char *letters(char *room, size_t count)
{
    memset(room, 'x', count);
    room[count] = '\0';
    return room;
}

static void rig_init_limited(struct rig *rig)
{
    rig_config(rig);
    rig->config.txn_bytes_max = TXN_MAX;
    rig_start(rig);
    rig_join(rig, 'a');
}

TEST(a_write_that_the_log_cannot_take_is_refused_and_harms_nothing)
{
    struct rig rig;
    char data[TXN_MAX + 1];

    rig_init_limited(&rig);
    EXPECT_STR(create(&rig, 'a', "/big", letters(data, TXN_MAX), 0),
               "a: reply xid=1 zxid=0x2 err=BADARGUMENTS");
    EXPECT_STR(create(&rig, 'a', "/small", letters(data, TXN_MAX / 2), 0),
               "a: reply xid=2 zxid=0x3 /small");
    EXPECT_STR(set_data(&rig, 'a', "/small", letters(data, TXN_MAX), -1),
               "a: reply xid=3 zxid=0x4 err=BADARGUMENTS");
    EXPECT_STR(get_children(&rig, 'a', "/", false), "a: reply xid=4 zxid=0x4 [zookeeper,small]");
    rig_done(&rig);
}

TEST(a_multi_that_the_log_cannot_take_is_refused_as_a_whole)
{
    struct multi multi = {{0}};
    struct rig rig;
    char data[TXN_MAX + 1];

    rig_init_limited(&rig);
    multi_create(&multi, "/a", letters(data, TXN_MAX / 2), 0);
    multi_create(&multi, "/b", letters(data, TXN_MAX / 2), 0);
    EXPECT(strstr(multi_send(&rig, 'a', OP_MULTI, &multi), "BADARGUMENTS") != NULL);
    EXPECT_STR(get_children(&rig, 'a', "/", false), "a: reply xid=2 zxid=0x2 [zookeeper]");
    rig_done(&rig);
}

TEST(a_session_with_more_ephemerals_than_a_txn_can_list_still_ends_with_all_of_them)
{
    struct rig rig;
    char path[64];

    rig_init_limited(&rig);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(path, sizeof path, "/ephemeral-of-a-long-name-%d", i);
        (void)create(&rig, 'a', path, "", CREATE_EPHEMERAL);
    }
    EXPECT_STR(close_session(&rig, 'a'), "a: reply xid=101 zxid=0x66; a: closed: session closed");
    rig_join(&rig, 'b');
    EXPECT_STR(get_children(&rig, 'b', "/", false), "b: reply xid=1 zxid=0x67 [zookeeper]");
    rig_done(&rig);
}

TEST(the_paths_of_a_sessions_ephemerals_are_bounded_in_flight_and_applied)
{
    struct multi multi = {{0}};
    struct rig rig;

    rig_config(&rig);
    rig.config.session_path_bytes_max = 30;
    rig_start(&rig);
    rig_join(&rig, 'a');
    EXPECT_STR(create(&rig, 'a', "/ten-bytes", "", CREATE_EPHEMERAL),
               "a: reply xid=1 zxid=0x2 /ten-bytes");
    rig.hold = true;
    (void)create(&rig, 'a', "/ten-bytez", "", CREATE_EPHEMERAL);
    (void)create(&rig, 'a', "/eleven-byt", "", CREATE_EPHEMERAL);
    EXPECT_STR(rig_commit(&rig), "a: reply xid=2 zxid=0x3 /ten-bytez");
    EXPECT_STR(rig_commit(&rig), "a: reply xid=3 zxid=0x4 err=QUOTAEXCEEDED");
    rig.hold = false;
    /* What is taken back does not count, nor does what is no ephemeral. */
    multi_create(&multi, "/ten-bytex", "", CREATE_EPHEMERAL);
    multi_create(&multi, "/none/here", "", 0);
    EXPECT(strstr(multi_send(&rig, 'a', OP_MULTI, &multi), "NONODE") != NULL);
    EXPECT_STR(create(&rig, 'a', "/eleven-byt", "", 0), "a: reply xid=5 zxid=0x6 /eleven-byt");
    EXPECT_STR(create(&rig, 'a', "/ten-bytex", "", CREATE_EPHEMERAL),
               "a: reply xid=6 zxid=0x7 /ten-bytex");
    EXPECT_STR(create(&rig, 'a', "/a", "", CREATE_EPHEMERAL),
               "a: reply xid=7 zxid=0x8 err=QUOTAEXCEEDED");
    EXPECT_STR(delete (&rig, 'a', "/ten-bytes", -1), "a: reply xid=8 zxid=0x9");
    EXPECT_STR(create(&rig, 'a', "/ten-byte0", "", CREATE_EPHEMERAL),
               "a: reply xid=9 zxid=0xa /ten-byte0");
    EXPECT_STR(close_session(&rig, 'a'), "a: reply xid=10 zxid=0xb; a: closed: session closed");
    rig_join(&rig, 'b');
    EXPECT_STR(create(&rig, 'b', "/ten-bytes", "", CREATE_EPHEMERAL),
               "b: reply xid=1 zxid=0xd /ten-bytes");
    rig_done(&rig);
}

TEST(what_a_count_of_descendants_looks_at_is_told)
{
    struct buf root = {0}, top = {0};
    struct rig rig;
    char path[32];

    rig_init(&rig);
    rig_join(&rig, 'a');
    (void)create(&rig, 'a', "/top", "", 0);
    for (int i = 0; i < 10; i++) {
        (void)snprintf(path, sizeof path, "/top/%d", i);
        (void)create(&rig, 'a', path, "", 0);
    }
    put_ustring(&root, jute_str("/"));
    put_ustring(&top, jute_str("/top"));
    EXPECT_STR(rig_request(&rig, 'a', OP_GET_ALL_CHILDREN_NUMBER, &root),
               "a: reply xid=12 zxid=0xc 14");
    EXPECT_EQ(core_walked(rig.core), 0); /* it is known */
    EXPECT_STR(rig_request(&rig, 'a', OP_GET_ALL_CHILDREN_NUMBER, &top),
               "a: reply xid=13 zxid=0xc 10");
    EXPECT_EQ(core_walked(rig.core), 10);
    buf_done(&root);
    buf_done(&top);
    rig_done(&rig);
}

TEST(counts_that_wait_for_a_write_or_a_session_are_known_as_walks)
{
    struct zk_connect_request req = {.timeout = 1000};
    struct buf top = {0};
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    put_ustring(&top, jute_str("/zookeeper"));
    rig.hold = true;
    (void)create(&rig, 'a', "/x", "", 0);
    EXPECT_STR(rig_request(&rig, 'a', OP_GET_ALL_CHILDREN_NUMBER, &top), "");
    (void)ping(&rig, 'a');
    EXPECT_EQ(core_client_outstanding(rig_client(&rig, 'a')->client).walks, 1);
    (void)rig_commit(&rig);
    EXPECT_EQ(core_client_outstanding(rig_client(&rig, 'a')->client).walks, 0);
    rig_open(&rig, 'b');
    (void)rig_connect(&rig, 'b', &req);
    EXPECT_STR(rig_request(&rig, 'b', OP_GET_ALL_CHILDREN_NUMBER, &top), "");
    EXPECT_EQ(core_client_outstanding(rig_client(&rig, 'b')->client).walks, 1);
    (void)rig_commit(&rig);
    EXPECT_EQ(core_client_outstanding(rig_client(&rig, 'b')->client).walks, 0);
    buf_done(&top);
    rig_done(&rig);
}

TEST(a_list_of_ephemerals_is_bounded_by_what_may_be_unread)
{
    struct rig rig;
    struct buf all = {0};
    char path[2100] = "/";

    rig_config(&rig);
    rig.config.client_output_bytes_max = 10000;
    rig_start(&rig);
    rig_join(&rig, 'a');
    (void)letters(path + 1, 2000);
    (void)create(&rig, 'a', path, "", 0);
    for (int i = 0; i < 5; i++) {
        (void)snprintf(path + 2001, sizeof path - 2001, "/%d", i);
        (void)create(&rig, 'a', path, "", CREATE_EPHEMERAL);
    }
    put_ustring(&all, jute_str("/"));
    EXPECT_STR(rig_request(&rig, 'a', OP_GET_EPHEMERALS, &all),
               "a: reply xid=7 zxid=0x7 err=BADARGUMENTS");
    EXPECT_STR(ping(&rig, 'a'), "a: reply xid=-2 zxid=0x7");
    buf_done(&all);
    rig_done(&rig);
}

TEST(answers_that_waited_for_a_write_are_bounded)
{
    struct rig rig;
    char data[2001];

    rig_config(&rig);
    rig.config.client_output_bytes_max = 10000;
    rig_start(&rig);
    rig_join(&rig, 'a');
    (void)create(&rig, 'a', "/x", letters(data, 2000), 0);
    rig.hold = true;
    (void)create(&rig, 'a', "/y", "", 0);
    for (int i = 0; i < 20; i++)
        EXPECT_STR(get_data(&rig, 'a', "/x", false), "");
    EXPECT(strstr(rig_commit(&rig), "a: closed: answers are not read") != NULL);
    rig_done(&rig);
}

TEST(a_multiread_may_not_name_a_large_znode_without_end)
{
    struct multi multi = {{0}};
    struct rig rig;
    char data[2001];

    rig_config(&rig);
    rig.config.client_output_bytes_max = 10000;
    rig_start(&rig);
    rig_join(&rig, 'a');
    (void)create(&rig, 'a', "/x", letters(data, 2000), 0);
    for (int i = 0; i < 20; i++)
        multi_read(&multi, OP_GET_DATA, "/x");
    EXPECT_STR(multi_send(&rig, 'a', OP_MULTI_READ, &multi),
               "a: reply xid=2 zxid=0x2 err=BADARGUMENTS");
    EXPECT_STR(ping(&rig, 'a'), "a: reply xid=-2 zxid=0x2");
    rig_done(&rig);
}

/* A user with a name of so many bytes. */
static void add_long_user(struct rig *rig, int first, int bytes)
{
    struct buf user = {0};

    buf_printf(&user, "%c%0*d:password", first, bytes, 0);
    EXPECT_STR(add_auth(rig, 'a', "digest", buf_cstr(&user)), "a: reply xid=-4 zxid=0x0");
    buf_done(&user);
}

TEST(an_acl_that_auth_would_make_too_long_is_refused)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    for (int first = 'a'; first <= 'e'; first++)
        add_long_user(&rig, first, 100000);
    EXPECT_STR(create_acl(&rig, 'a', "/x", "auth::cdrwa"), "a: reply xid=1 zxid=0x2 /x");
    for (int first = 'f'; first <= 'k'; first++)
        add_long_user(&rig, first, 100000);
    EXPECT_STR(create_acl(&rig, 'a', "/y", "auth::cdrwa"),
               "a: reply xid=2 zxid=0x3 err=INVALIDACL");
    rig_done(&rig);
}

TEST(a_request_that_comes_too_late_is_told_so_in_its_turn_and_not_carried_out)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    rig.hold = true;
    EXPECT_STR(create(&rig, 'a', "/first", "", 0), "");
    rig.late = true;
    EXPECT_STR(create(&rig, 'a', "/late", "", 0), "");
    EXPECT_STR(exists(&rig, 'a', "/late", true), "");
    EXPECT_STR(rig_commit(&rig), "a: reply xid=1 zxid=0x2 /first; a: reply xid=2 zxid=0x2 "
                                 "err=THROTTLEDOP; a: reply xid=3 zxid=0x2 err=THROTTLEDOP");
    EXPECT_EQ(rig.proposal_count, 0);
    EXPECT_STR(get_data(&rig, 'a', "/first", false), "a: reply xid=4 zxid=0x2 err=THROTTLEDOP");
    EXPECT_EQ(core_stats(rig.core).throttled, 3);
    EXPECT_EQ(core_stats(rig.core).watches, 0);
    /* What keeps its session, ends it, or authenticates is done all the same. */
    EXPECT(strstr(ping(&rig, 'a'), "err=") == NULL);
    EXPECT(strstr(add_auth(&rig, 'a', "digest", "u:p"), "err=") == NULL);
    rig.hold = false;
    EXPECT_STR(close_session(&rig, 'a'), "a: reply xid=5 zxid=0x3; a: closed: session closed");
    rig_done(&rig);
}

TEST(the_bytes_of_large_requests_count_until_they_are_answered)
{
    struct rig rig;
    char data[200];

    rig_config(&rig);
    rig.config.large_request_bytes = 100;
    rig_start(&rig);
    rig_join(&rig, 'a');
    rig.hold = true;
    (void)create(&rig, 'a', "/small", "", 0);
    EXPECT_EQ(core_large_bytes(rig.core), 0);
    (void)set_data(&rig, 'a', "/small", letters(data, 100 - 26), -1); /* 26: all but the data */
    EXPECT_EQ(core_large_bytes(rig.core), 0);
    (void)set_data(&rig, 'a', "/small", letters(data, 101 - 26), -1);
    EXPECT_EQ(core_large_bytes(rig.core), 101);
    (void)exists(&rig, 'a', letters(data, 150), false); /* a read that waits */
    EXPECT_EQ(core_large_bytes(rig.core), 101 + 163);
    (void)rig_commit(&rig);
    (void)rig_commit(&rig);
    EXPECT_EQ(core_large_bytes(rig.core), 101 + 163);
    (void)rig_commit(&rig);
    EXPECT_EQ(core_large_bytes(rig.core), 0);
    (void)set_data(&rig, 'a', "/small", letters(data, 150), -1);
    rig_gone(&rig, 'a'); /* and nobody waits for it any more */
    EXPECT_EQ(core_large_bytes(rig.core), 0);
    (void)rig_commit_all(&rig);
    rig_done(&rig);
}
