/* Watches: who hears of what, how often, and in which order. */
#include "tests/support/core_host.h"
#include "tests/unit/test.h"

#include <stdio.h>

/* Connection w watches, a acts; /p is there since zxid 3. */
static void begin(struct rig *rig)
{
    rig_init(rig);
    rig_join(rig, 'w');
    rig_join(rig, 'a');
    (void)create(rig, 'a', "/p", "", 0);
}

TEST(a_one_shot_watch_tells_once)
{
    struct rig rig;

    begin(&rig);
    (void)get_data(&rig, 'w', "/p", true);
    (void)exists(&rig, 'w', "/p", true);
    EXPECT_STR(set_data(&rig, 'a', "/p", "1", -1),
               "w: event changed /p zxid=0x4; "
               "a: reply xid=2 zxid=0x4 {c=0x3 m=0x4 ct=1000000 v=1 cv=0 av=0 len=1 kids=0}");
    EXPECT_STR(set_data(&rig, 'a', "/p", "2", -1),
               "a: reply xid=3 zxid=0x5 {c=0x3 m=0x5 ct=1000000 v=2 cv=0 av=0 len=1 kids=0}");
    rig_done(&rig);
}

TEST(a_reply_behind_an_event_is_announced_as_one)
{
    struct rig rig;

    begin(&rig);
    (void)get_data(&rig, 'w', "/p", true);
    rig.outputs = rig.told = 0;
    (void)set_data(&rig, 'a', "/p", "1", -1);
    EXPECT_EQ(rig.told, 1);    /* w */
    EXPECT_EQ(rig.outputs, 1); /* a */
    (void)get_data(&rig, 'a', "/p", true);
    rig.outputs = rig.told = 0;
    (void)set_data(&rig, 'a', "/p", "2", -1);
    EXPECT_EQ(rig.told, 1); /* a hears of its own change, and then has its answer */
    EXPECT_EQ(rig.outputs, 1);
    rig_done(&rig);
}

TEST(exists_leaves_its_watch_on_a_missing_znode_and_other_reads_do_not)
{
    struct rig rig;

    begin(&rig);
    (void)exists(&rig, 'w', "/p/n", true);
    (void)get_data(&rig, 'w', "/p/m", true);
    (void)get_children(&rig, 'w', "/p/m", true);
    EXPECT_STR(create(&rig, 'a', "/p/n", "", 0),
               "w: event created /p/n zxid=0x4; a: reply xid=2 zxid=0x4 /p/n");
    EXPECT_STR(create(&rig, 'a', "/p/m", "", 0), "a: reply xid=3 zxid=0x5 /p/m");
    rig_done(&rig);
}

TEST(the_znode_is_told_before_its_parent)
{
    struct rig rig;

    begin(&rig);
    (void)get_children(&rig, 'w', "/p", true);
    (void)exists(&rig, 'w', "/p/n", true);
    EXPECT_STR(create(&rig, 'a', "/p/n", "", 0),
               "w: event created /p/n zxid=0x4; w: event children /p zxid=0x4; "
               "a: reply xid=2 zxid=0x4 /p/n");
    (void)get_children(&rig, 'w', "/p", true);
    (void)exists(&rig, 'w', "/p/n", true);
    EXPECT_STR(delete (&rig, 'a', "/p/n", -1),
               "w: event deleted /p/n zxid=0x5; w: event children /p zxid=0x5; "
               "a: reply xid=3 zxid=0x5");
    (void)get_children(&rig, 'w', "/", true);
    EXPECT_STR(delete (&rig, 'a', "/p", -1),
               "w: event children / zxid=0x6; a: reply xid=4 zxid=0x6");
    rig_done(&rig);
}

TEST(a_connection_hears_of_a_change_once_however_many_of_its_watches_match)
{
    struct rig rig;

    begin(&rig);
    (void)get_data(&rig, 'w', "/p", true);
    (void)get_children(&rig, 'w', "/p", true);
    (void)add_watch(&rig, 'w', "/p", ADD_WATCH_PERSISTENT);
    (void)add_watch(&rig, 'w', "/p", ADD_WATCH_PERSISTENT_RECURSIVE);
    (void)add_watch(&rig, 'w', "/", ADD_WATCH_PERSISTENT_RECURSIVE);
    EXPECT_STR(delete (&rig, 'a', "/p", -1),
               "w: event deleted /p zxid=0x4; a: reply xid=2 zxid=0x4");
    EXPECT_STR(create(&rig, 'a', "/p", "", 0),
               "w: event created /p zxid=0x5; a: reply xid=3 zxid=0x5 /p");
    rig_done(&rig);
}

TEST(a_persistent_watch_tells_of_the_children_a_recursive_one_of_what_they_do)
{
    struct rig rig;

    begin(&rig);
    rig_join(&rig, 'r');
    EXPECT_STR(add_watch(&rig, 'w', "/p", ADD_WATCH_PERSISTENT), "w: reply xid=1 zxid=0x4 0");
    EXPECT_STR(add_watch(&rig, 'r', "/p", ADD_WATCH_PERSISTENT_RECURSIVE),
               "r: reply xid=1 zxid=0x4 0");
    EXPECT_STR(create(&rig, 'a', "/p/n", "", 0),
               "w: event children /p zxid=0x5; a: reply xid=2 zxid=0x5 /p/n; "
               "r: event created /p/n zxid=0x5");
    EXPECT_STR(create(&rig, 'a', "/p/n/m", "", 0),
               "a: reply xid=3 zxid=0x6 /p/n/m; r: event created /p/n/m zxid=0x6");
    EXPECT_STR(create(&rig, 'a', "/pp", "", 0), "a: reply xid=4 zxid=0x7 /pp");
    EXPECT_STR(delete (&rig, 'a', "/p/n/m", -1),
               "a: reply xid=5 zxid=0x8; r: event deleted /p/n/m zxid=0x8");
    EXPECT_STR(add_watch(&rig, 'w', "/p", 2), "w: reply xid=2 zxid=0x8 err=MARSHALLINGERROR");
    rig_done(&rig);
}

TEST(a_one_shot_beside_a_recursive_watch_takes_nothing_from_it)
{
    struct rig rig;

    begin(&rig);
    (void)add_watch(&rig, 'w', "/p", ADD_WATCH_PERSISTENT_RECURSIVE);
    (void)get_data(&rig, 'w', "/p", true);
    for (int i = 0; i < 2; i++) {
        char expected[200];

        (void)snprintf(expected, sizeof expected,
                       "w: event changed /p zxid=0x%d; a: reply xid=%d zxid=0x%d "
                       "{c=0x3 m=0x%d ct=1000000 v=%d cv=0 av=0 len=1 kids=0}",
                       i + 4, i + 2, i + 4, i + 4, i + 1);
        EXPECT_STR(set_data(&rig, 'a', "/p", "x", -1), expected);
    }
    rig_done(&rig);
}

TEST(a_watch_can_be_removed_by_its_kind)
{
    struct rig rig;

    begin(&rig);
    EXPECT_STR(remove_watches(&rig, 'w', "/p", 3), "w: reply xid=1 zxid=0x3 err=NOWATCHER");
    (void)get_data(&rig, 'w', "/p", true);
    (void)add_watch(&rig, 'w', "/p", ADD_WATCH_PERSISTENT);
    EXPECT_STR(remove_watches(&rig, 'w', "/p", 1), "w: reply xid=4 zxid=0x3 err=NOWATCHER");
    EXPECT_STR(remove_watches(&rig, 'w', "/p", 2), "w: reply xid=5 zxid=0x3");
    EXPECT_STR(remove_watches(&rig, 'w', "/p", 4), "w: reply xid=6 zxid=0x3");
    EXPECT_STR(remove_watches(&rig, 'w', "/p", 3), "w: reply xid=7 zxid=0x3 err=NOWATCHER");
    EXPECT_STR(remove_watches(&rig, 'w', "/p", 9), "w: reply xid=8 zxid=0x3 err=MARSHALLINGERROR");
    EXPECT_EQ(core_stats(rig.core).watches, 0);
    rig_done(&rig);
}

TEST(who_may_not_read_a_znode_does_not_hear_of_it)
{
    struct rig rig;

    begin(&rig);
    (void)add_watch(&rig, 'w', "/p", ADD_WATCH_PERSISTENT_RECURSIVE);
    (void)set_acl(&rig, 'a', "/p", "ip:10.0.0.0/8:r,world:anyone:cdwa", -1);
    EXPECT_STR(set_data(&rig, 'a', "/p", "x", -1),
               "a: reply xid=3 zxid=0x5 {c=0x3 m=0x5 ct=1000000 v=1 cv=0 av=1 len=1 kids=0}");
    (void)set_acl(&rig, 'a', "/p", "ip:127.0.0.0/8:r,world:anyone:cdwa", -1);
    EXPECT_STR(set_data(&rig, 'a', "/p", "y", -1),
               "w: event changed /p zxid=0x7; "
               "a: reply xid=5 zxid=0x7 {c=0x3 m=0x7 ct=1000000 v=2 cv=0 av=2 len=1 kids=0}");
    rig_done(&rig);
}

static const char *set_watches(struct rig *rig, char name, zk_zxid seen, struct zk_vec_ustring data,
                               struct zk_vec_ustring exist, struct zk_vec_ustring child)
{
    struct buf b = {0};
    const char *said;

    put_set_watches(&b, &(struct zk_set_watches){
                            .relative_zxid = seen, .data = data, .exist = exist, .child = child});
    said = rig_request(rig, name, OP_SET_WATCHES, &b);
    buf_done(&b);
    return said;
}

TEST(watches_set_again_catch_up_with_what_was_missed_before_the_reply)
{
    struct rig rig;
    struct jute_bytes paths[] = {jute_str("/same"), jute_str("/changed"), jute_str("/gone")};
    struct zk_vec_ustring all = {.count = 3, .items = paths};
    struct jute_bytes exist_paths[] = {jute_str("/same"), jute_str("/gone")};
    struct zk_vec_ustring exist = {.count = 2, .items = exist_paths};

    rig_init(&rig);
    rig_join(&rig, 'w');
    rig_join(&rig, 'a');
    (void)create(&rig, 'a', "/same", "", 0);
    (void)create(&rig, 'a', "/changed", "", 0);
    (void)create(&rig, 'a', "/changed/n", "", 0);
    (void)set_data(&rig, 'a', "/changed", "1", -1);
    EXPECT_STR(set_watches(&rig, 'w', 4, all, exist, all),
               "w: event changed /changed; w: event deleted /gone; w: event created /same; "
               "w: event children /changed; w: event deleted /gone; w: reply xid=1 zxid=0x6");
    EXPECT_STR(delete (&rig, 'a', "/same", -1),
               "w: event deleted /same zxid=0x7; a: reply xid=5 zxid=0x7");
    EXPECT_STR(create(&rig, 'a', "/gone", "", 0),
               "w: event created /gone zxid=0x8; a: reply xid=6 zxid=0x8 /gone");
    EXPECT_EQ(core_stats(rig.core).watches, 0);
    rig_done(&rig);
}

TEST(watches_die_with_their_connection_and_one_path_is_kept_once)
{
    struct rig rig;

    begin(&rig);
    for (const char *name = "BCDEFGHIJK"; *name != '\0'; name++) {
        rig_join(&rig, *name);
        (void)get_data(&rig, *name, "/p", true);
        (void)get_children(&rig, *name, "/p", true);
    }
    EXPECT_EQ(core_stats(rig.core).watches, 20);
    EXPECT_EQ(core_stats(rig.core).watched_paths, 1);
    for (const char *name = "BCDEFGHIJ"; *name != '\0'; name++)
        rig_gone(&rig, *name);
    EXPECT_EQ(core_stats(rig.core).watches, 2);
    EXPECT_STR(delete (&rig, 'a', "/p", -1),
               "a: reply xid=2 zxid=0xe; K: event deleted /p zxid=0xe");
    EXPECT_EQ(core_stats(rig.core).watched_paths, 0);
    rig_done(&rig);
}

TEST(a_client_that_does_not_read_its_events_is_closed_not_buffered_without_end)
{
    struct rig rig;

    rig_config(&rig);
    rig.config.client_output_bytes_max = 1000;
    rig_start(&rig);
    rig_join(&rig, 'w');
    rig_join(&rig, 'a');
    (void)add_watch(&rig, 'w', "/", ADD_WATCH_PERSISTENT_RECURSIVE);
    rig_client(&rig, 'w')->silent = true;
    for (int i = 0; i < 100; i++)
        (void)create(&rig, 'a', "/n-", "", CREATE_PERSISTENT_SEQUENTIAL);
    EXPECT(rig_client(&rig, 'w')->closed);
    EXPECT_STR(rig_client(&rig, 'w')->why, "events are not read");
    EXPECT(core_client_out(rig_client(&rig, 'w')->client)->len < 1200);
    EXPECT(!rig_client(&rig, 'a')->closed);
    rig_done(&rig);
}

TEST(the_memory_of_a_connections_watches_has_a_limit)
{
    struct rig rig;

    rig_config(&rig);
    rig.config.client_watch_bytes_max = 200;
    rig_start(&rig);
    rig_join(&rig, 'w');
    EXPECT_STR(exists(&rig, 'w', "/1", true), "w: reply xid=1 zxid=0x1 err=NONODE");
    EXPECT_STR(get_children(&rig, 'w', "/", true), "w: reply xid=2 zxid=0x1 [zookeeper]");
    EXPECT_STR(exists(&rig, 'w', "/3", true), "w: reply xid=3 zxid=0x1 err=SYSTEMERROR");
    EXPECT_STR(add_watch(&rig, 'w', "/3", 0), "w: reply xid=4 zxid=0x1 err=SYSTEMERROR");
    EXPECT_STR(exists(&rig, 'w', "/3", false), "w: reply xid=5 zxid=0x1 err=NONODE");
    EXPECT_STR(remove_watches(&rig, 'w', "/1", 3), "w: reply xid=6 zxid=0x1");
    EXPECT_STR(exists(&rig, 'w', "/3", true), "w: reply xid=7 zxid=0x1 err=NONODE");
    rig_done(&rig);
}
