/* Writes: what is refused and in which order, and what a znode's Stat says after. */
#include "store/apply.h"
#include "store/tree.h"
#include "tests/support/core_host.h"
#include "tests/support/txn_make.h"
#include "tests/unit/test.h"

TEST(a_create_and_what_the_stats_of_znode_and_parent_say)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    EXPECT_STR(create2(&rig, 'a', "/p", "data", 0),
               "a: reply xid=1 zxid=0x2 /p {c=0x2 ct=1000000 v=0 cv=0 av=0 len=4 kids=0}");
    EXPECT_STR(create(&rig, 'a', "/p/n", NULL, 0), "a: reply xid=2 zxid=0x3 /p/n");
    EXPECT_STR(get_data(&rig, 'a', "/p/n", false),
               "a: reply xid=3 zxid=0x3 null {c=0x3 ct=1000000 v=0 cv=0 av=0 len=0 kids=0}");
    EXPECT_STR(exists(&rig, 'a', "/p", false),
               "a: reply xid=4 zxid=0x3 {c=0x2 p=0x3 ct=1000000 v=0 cv=1 av=0 len=4 kids=1}");
    EXPECT_STR(delete (&rig, 'a', "/p/n", 0), "a: reply xid=5 zxid=0x4");
    EXPECT_STR(exists(&rig, 'a', "/p", false),
               "a: reply xid=6 zxid=0x4 {c=0x2 p=0x4 ct=1000000 v=0 cv=2 av=0 len=4 kids=0}");
    rig_done(&rig);
}

TEST(null_data_and_empty_data_stay_what_they_are)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    (void)create(&rig, 'a', "/null", NULL, 0);
    (void)create(&rig, 'a', "/empty", "", 0);
    EXPECT_STR(get_data(&rig, 'a', "/null", false),
               "a: reply xid=3 zxid=0x3 null {c=0x2 ct=1000000 v=0 cv=0 av=0 len=0 kids=0}");
    EXPECT_STR(get_data(&rig, 'a', "/empty", false),
               "a: reply xid=4 zxid=0x3 '' {c=0x3 ct=1000000 v=0 cv=0 av=0 len=0 kids=0}");
    (void)set_data(&rig, 'a', "/empty", NULL, -1);
    EXPECT_STR(get_data(&rig, 'a', "/empty", false),
               "a: reply xid=6 zxid=0x4 null {c=0x3 m=0x4 ct=1000000 v=1 cv=0 av=0 len=0 kids=0}");
    rig_done(&rig);
}

TEST(set_data_moves_version_mzxid_and_mtime_also_for_the_same_bytes)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    (void)create(&rig, 'a', "/x", "1", 0);
    (void)rig_sleep(&rig, 50);
    EXPECT_STR(set_data(&rig, 'a', "/x", "1", 0),
               "a: reply xid=2 zxid=0x3 {c=0x2 m=0x3 ct=1000000 mt=1000050 v=1 cv=0 av=0 len=1 "
               "kids=0}");
    EXPECT_STR(set_data(&rig, 'a', "/x", "1", -2), "a: reply xid=3 zxid=0x4 err=BADVERSION");
    EXPECT_STR(set_data(&rig, 'a', "/x", "1", 0), "a: reply xid=4 zxid=0x5 err=BADVERSION");
    EXPECT_STR(set_data(&rig, 'a', "/y", "1", 0), "a: reply xid=5 zxid=0x6 err=NONODE");
    EXPECT_STR(set_data(&rig, 'a', "/y/", "1", 0), "a: reply xid=6 zxid=0x7 err=BADARGUMENTS");
    EXPECT_STR(set_data(&rig, 'a', NULL, "1", 0), "a: reply xid=7 zxid=0x8 err=BADARGUMENTS");
    rig_done(&rig);
}

/* After very many writes /x has this version. */
static void version_becomes(struct rig *rig, int32_t version)
{
    struct txn_maker maker = {0};
    struct txn txn = txn_set_data(&maker, "/x", "1", version);

    txn.hdr.zxid = ++rig->last_zxid;
    (void)tree_apply(rig->tree, &txn, NULL);
    txn_make_done(&maker);
}

/* A client that has read it would write "whatever the version is" otherwise (ZOOKEEPER-4743). */
TEST(a_version_never_is_the_one_that_means_any)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    (void)create(&rig, 'a', "/x", "1", 0);
    version_becomes(&rig, -2);
    EXPECT_STR(set_data(&rig, 'a', "/x", "1", -2),
               "a: reply xid=2 zxid=0x4 {c=0x2 m=0x4 ct=1000000 v=0 cv=0 av=0 len=1 kids=0}");
    version_becomes(&rig, INT32_MAX);
    EXPECT_STR(set_data(&rig, 'a', "/x", "1", INT32_MAX),
               "a: reply xid=3 zxid=0x6 "
               "{c=0x2 m=0x6 ct=1000000 v=-2147483648 cv=0 av=0 len=1 kids=0}");
    rig_done(&rig);
}

TEST(the_sequence_is_the_count_of_children_ever_created)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    (void)create(&rig, 'a', "/s", "", 0);
    (void)create(&rig, 'a', "/s/plain", "", 0);
    EXPECT_STR(create(&rig, 'a', "/s/n-", "", CREATE_PERSISTENT_SEQUENTIAL),
               "a: reply xid=3 zxid=0x4 /s/n-0000000001");
    (void)delete (&rig, 'a', "/s/plain", -1);
    (void)create(&rig, 'a', "/s/n-0000000001", "", 0);
    EXPECT_STR(create(&rig, 'a', "/s/", "", CREATE_EPHEMERAL_SEQUENTIAL),
               "a: reply xid=6 zxid=0x7 /s/0000000002");
    EXPECT_STR(create(&rig, 'a', "/s/.", "", CREATE_PERSISTENT_SEQUENTIAL),
               "a: reply xid=7 zxid=0x8 /s/.0000000003");
    EXPECT_STR(create(&rig, 'a', "/", "", CREATE_PERSISTENT_SEQUENTIAL),
               "a: reply xid=8 zxid=0x9 /0000000001");
    rig_done(&rig);
}

TEST(a_create_is_refused_in_apaches_order)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    (void)create_acl(&rig, 'a', "/locked", "world:anyone:r");
    (void)create(&rig, 'a', "/e", "", CREATE_EPHEMERAL);
    EXPECT_STR(create(&rig, 'a', "nonsense", "", 7), "a: reply xid=3 zxid=0x4 err=BADARGUMENTS");
    EXPECT_STR(create(&rig, 'a', "/t", "", CREATE_PERSISTENT_TTL),
               "a: reply xid=4 zxid=0x5 err=UNIMPLEMENTED");
    EXPECT_STR(create(&rig, 'a', "no-slash", "", 0), "a: reply xid=5 zxid=0x6 err=BADARGUMENTS");
    EXPECT_STR(create_acl(&rig, 'a', "/no/parent", ""), "a: reply xid=6 zxid=0x7 err=INVALIDACL");
    EXPECT_STR(create(&rig, 'a', "/no/..", "", 0), "a: reply xid=7 zxid=0x8 err=NONODE");
    EXPECT_STR(create(&rig, 'a', "/locked/..", "", 0), "a: reply xid=8 zxid=0x9 err=NOAUTH");
    EXPECT_STR(create(&rig, 'a', "/..", "", 0), "a: reply xid=9 zxid=0xa err=BADARGUMENTS");
    EXPECT_STR(create(&rig, 'a', "/e", "", 0), "a: reply xid=10 zxid=0xb err=NODEEXISTS");
    EXPECT_STR(create(&rig, 'a', "/e/n", "", 0),
               "a: reply xid=11 zxid=0xc err=NOCHILDRENFOREPHEMERALS");
    EXPECT_STR(create(&rig, 'a', "/", "", 0), "a: reply xid=12 zxid=0xd err=NODEEXISTS");
    EXPECT_STR(create(&rig, 'a', "/x/", "", 0), "a: reply xid=13 zxid=0xe err=NONODE");
    EXPECT_STR(create(&rig, 'a', NULL, "", 0), "a: reply xid=14 zxid=0xf err=MARSHALLINGERROR");
    rig_done(&rig);
}

TEST(a_delete_is_refused_in_apaches_order)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    (void)create(&rig, 'a', "/p", "", 0);
    (void)create(&rig, 'a', "/p/n", "", 0);
    (void)create_acl(&rig, 'a', "/locked", "world:anyone:rcwa");
    EXPECT_STR(delete (&rig, 'a', "/zookeeper", 5), "a: reply xid=4 zxid=0x5 err=BADARGUMENTS");
    EXPECT_STR(delete (&rig, 'a', "/no/n", -1), "a: reply xid=5 zxid=0x6 err=NONODE");
    EXPECT_STR(delete (&rig, 'a', "/locked/n", -1), "a: reply xid=6 zxid=0x7 err=NOAUTH");
    EXPECT_STR(delete (&rig, 'a', "/p/", -1), "a: reply xid=7 zxid=0x8 err=NONODE");
    EXPECT_STR(delete (&rig, 'a', "/p", 3), "a: reply xid=8 zxid=0x9 err=BADVERSION");
    EXPECT_STR(delete (&rig, 'a', "/p", 0), "a: reply xid=9 zxid=0xa err=NOTEMPTY");
    rig_done(&rig);
}

TEST(set_acl_compares_and_moves_aversion_and_nothing_else)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    (void)create(&rig, 'a', "/x", "1", 0);
    (void)exists(&rig, 'a', "/x", true);
    (void)rig_sleep(&rig, 50);
    EXPECT_STR(set_acl(&rig, 'a', "/x", "world:anyone:ra", 0),
               "a: reply xid=3 zxid=0x3 {c=0x2 ct=1000000 v=0 cv=0 av=1 len=1 kids=0}");
    EXPECT_STR(set_acl(&rig, 'a', "/x", "world:anyone:ra", 0),
               "a: reply xid=4 zxid=0x4 err=BADVERSION");
    EXPECT_STR(set_acl(&rig, 'a', "/..", "", 0), "a: reply xid=5 zxid=0x5 err=BADARGUMENTS");
    EXPECT_STR(set_acl(&rig, 'a', "/no", "", 0), "a: reply xid=6 zxid=0x6 err=INVALIDACL");
    EXPECT_STR(acl_of(&rig, 'a', "/x"),
               "a: reply xid=7 zxid=0x6 world:anyone:ra {c=0x2 ct=1000000 v=0 cv=0 av=1 len=1 "
               "kids=0}");
    EXPECT_STR(set_data(&rig, 'a', "/x", "2", -1), "a: reply xid=8 zxid=0x7 err=NOAUTH");
    rig_done(&rig);
}

TEST(an_ephemeral_tells_its_owner_and_a_container_does_not)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    EXPECT_STR(create2(&rig, 'a', "/e", "", CREATE_EPHEMERAL),
               "a: reply xid=1 zxid=0x2 /e {c=0x2 ct=1000000 v=0 cv=0 av=0 "
               "own=0x100000000010000 len=0 kids=0}");
    EXPECT_STR(create2(&rig, 'a', "/c", "", CREATE_CONTAINER),
               "a: reply xid=2 zxid=0x3 /c {c=0x3 ct=1000000 v=0 cv=0 av=0 len=0 kids=0}");
    EXPECT_EQ(znode_owner(rig.tree, tree_lookup(rig.tree, jute_str("/c"))), OWNER_CONTAINER);
    rig_done(&rig);
}

TEST(reads_do_not_judge_a_path_they_do_not_find_it)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    EXPECT_STR(get_data(&rig, 'a', "", false),
               "a: reply xid=1 zxid=0x1 '' {c=0x0 v=0 cv=-1 av=0 len=0 kids=1}");
    EXPECT_STR(get_data(&rig, 'a', "/zookeeper/", false), "a: reply xid=2 zxid=0x1 err=NONODE");
    EXPECT_STR(get_children(&rig, 'a', "//", false), "a: reply xid=3 zxid=0x1 err=NONODE");
    EXPECT_STR(exists(&rig, 'a', "no-slash", false), "a: reply xid=4 zxid=0x1 err=NONODE");
    EXPECT_STR(sync_path(&rig, 'a', "any//thing"), "a: reply xid=5 zxid=0x1 any//thing");
    EXPECT_STR(get_children2(&rig, 'a', "/zookeeper", false),
               "a: reply xid=6 zxid=0x1 [quota,config] {c=0x0 v=0 cv=-2 av=0 len=0 kids=2}");
    rig_done(&rig);
}

TEST(a_multi_happens_at_one_zxid_and_its_parts_see_each_other)
{
    struct rig rig;
    struct multi multi = {0};

    rig_init(&rig);
    rig_join(&rig, 'a');
    multi_create(&multi, "/m", "1", 0);
    multi_create(&multi, "/m/n-", "", CREATE_PERSISTENT_SEQUENTIAL);
    multi_set_data(&multi, "/m", "22", 0);
    multi_check(&multi, "/m", 1);
    multi_delete(&multi, "/m/n-0000000000", -1);
    EXPECT_STR(multi_send(&rig, 'a', OP_MULTI, &multi),
               "a: reply xid=1 zxid=0x2 "
               "(create2 /m {c=0x2 ct=1000000 v=0 cv=0 av=0 len=1 kids=0}, "
               "create2 /m/n-0000000000 {c=0x2 ct=1000000 v=0 cv=0 av=0 len=0 kids=0}, "
               "setData {c=0x2 ct=1000000 v=1 cv=1 av=0 len=2 kids=1}, check, delete)");
    EXPECT_STR(exists(&rig, 'a', "/m", false),
               "a: reply xid=2 zxid=0x2 {c=0x2 ct=1000000 v=1 cv=2 av=0 len=2 kids=0}");
    rig_done(&rig);
}

TEST(a_multi_that_fails_leaves_nothing_behind_neither_in_the_tree_nor_in_the_plan)
{
    struct rig rig;
    struct multi multi = {0};

    rig_init(&rig);
    rig_join(&rig, 'a');
    (void)create(&rig, 'a', "/x", "1", 0);
    (void)exists(&rig, 'a', "/m", true);
    rig.hold = true;
    (void)set_acl(&rig, 'a', "/x", "world:anyone:cdrwa", -1);
    multi_create(&multi, "/m", "1", CREATE_EPHEMERAL);
    multi_set_data(&multi, "/x", "2", 0);
    multi_delete(&multi, "/x", -1);
    multi_check(&multi, "/m", 7);
    multi_delete(&multi, "/m", -1);
    (void)multi_send(&rig, 'a', OP_MULTI, &multi);
    (void)create(&rig, 'a', "/m", "1", 0);
    (void)set_data(&rig, 'a', "/x", "3", 0);
    EXPECT_STR(rig_commit_all(&rig),
               "a: reply xid=3 zxid=0x3 {c=0x2 ct=1000000 v=0 cv=0 av=1 len=1 kids=0}; "
               "a: reply xid=4 zxid=0x4 (error OK, error OK, error OK, error BADVERSION, "
               "error RUNTIMEINCONSISTENCY); "
               "a: event created /m zxid=0x5; "
               "a: reply xid=5 zxid=0x5 /m; "
               "a: reply xid=6 zxid=0x6 {c=0x2 m=0x6 ct=1000000 v=1 cv=0 av=1 len=1 kids=0}");
    rig.hold = false;
    EXPECT_STR(close_session(&rig, 'a'), "a: reply xid=7 zxid=0x7; a: closed: session closed");
    EXPECT(tree_lookup(rig.tree, jute_str("/m")) != NULL);
    rig_done(&rig);
}

TEST(an_empty_multi_is_fine_and_a_wrong_part_makes_it_undecodable)
{
    struct rig rig;
    struct multi multi = {0};

    rig_init(&rig);
    rig_join(&rig, 'a');
    EXPECT_STR(multi_send(&rig, 'a', OP_MULTI, &multi), "a: reply xid=1 zxid=0x2 ()");
    multi_read(&multi, OP_GET_DATA, "/");
    EXPECT_STR(multi_send(&rig, 'a', OP_MULTI, &multi),
               "a: reply xid=2 zxid=0x3 err=MARSHALLINGERROR");
    rig_done(&rig);
}

TEST(a_multi_read_answers_each_part_for_itself)
{
    struct rig rig;
    struct multi multi = {0};

    rig_init(&rig);
    rig_join(&rig, 'a');
    multi_read(&multi, OP_GET_DATA, "/no");
    multi_read(&multi, OP_GET_CHILDREN, "/zookeeper");
    EXPECT_STR(multi_send(&rig, 'a', OP_MULTI_READ, &multi),
               "a: reply xid=1 zxid=0x1 (error NONODE, getChildren [quota,config])");
    multi_delete(&multi, "/no", -1);
    EXPECT_STR(multi_send(&rig, 'a', OP_MULTI_READ, &multi),
               "a: reply xid=2 zxid=0x1 err=MARSHALLINGERROR");
    rig_done(&rig);
}

TEST(what_breaks_a_3_8_server_only_gets_an_error)
{
    struct rig rig;
    struct buf body = {0};
    struct zk_acl entry = {
        .perms = PERM_ALL, .scheme = jute_str("world"), .id = jute_str("anyone")};

    rig_config(&rig);
    rig.config.extended_types = true;
    rig_start(&rig);
    rig_join(&rig, 'a');
    /* createTTL without a TTL mode. */
    put_create_ttl_request(&body, &(struct zk_create_ttl_request){.path = jute_str("/t"),
                                                                  .data = jute_str(""),
                                                                  .acl = {1, &entry},
                                                                  .flags = 0,
                                                                  .ttl = -1});
    EXPECT_STR(rig_request(&rig, 'a', OP_CREATE_TTL, &body),
               "a: reply xid=1 zxid=0x2 err=BADARGUMENTS");
    body.len = 0;
    /* A check outside a multi. */
    put_path_version_request(&body, &(struct zk_path_version_request){.path = jute_str("/")});
    EXPECT_STR(rig_request(&rig, 'a', OP_CHECK, &body),
               "a: reply xid=2 zxid=-1 err=UNIMPLEMENTED; a: closed: unknown operation");
    buf_done(&body);
    rig_done(&rig);
}
