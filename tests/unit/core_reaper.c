/* Containers and TTL znodes go when they have had their time, and not before: once a second
 * here, a hundred in a second. */
#include "proto/txn.h"
#include "store/tree.h"
#include "tests/support/core_host.h"
#include "tests/unit/test.h"

#include <stdio.h>

#define CHECK_MS 1000
#define SESSION_MS 10000000

static void reaping(struct rig *rig)
{
    rig_config(rig);
    rig->config.min_session_timeout_ms = rig->config.max_session_timeout_ms = SESSION_MS;
    rig->config.extended_types = true;
    rig->config.container_check_interval_ms = CHECK_MS;
    rig->config.container_max_per_minute = 6000;
    rig->config.container_never_used_ms = 5000;
}

static void start(struct rig *rig)
{
    rig_start(rig);
    rig_join(rig, 'a');
}

static void rig_reaping(struct rig *rig)
{
    reaping(rig);
    start(rig);
}

static bool is_there(const struct rig *rig, const char *path)
{
    return tree_lookup(rig->tree, jute_str(path)) != NULL;
}

/* A container that had a child, and has none. */
static void make_used(struct rig *rig, const char *path)
{
    char child[100];

    (void)snprintf(child, sizeof child, "%s/child", path);
    (void)create2(rig, 'a', path, "", CREATE_CONTAINER);
    (void)create(rig, 'a', child, "", 0);
    (void)delete (rig, 'a', child, -1);
}

TEST(a_container_goes_after_its_last_child)
{
    struct rig rig;

    rig_reaping(&rig);
    (void)create2(&rig, 'a', "/c", "", CREATE_CONTAINER);
    (void)create(&rig, 'a', "/c/1", "", 0);
    (void)create(&rig, 'a', "/plain", "", 0);
    (void)create(&rig, 'a', "/plain/1", "", 0);
    (void)delete (&rig, 'a', "/plain/1", -1);
    EXPECT_STR(rig_sleep(&rig, 3 * CHECK_MS), "");
    (void)exists(&rig, 'a', "/c", true);
    (void)delete (&rig, 'a', "/c/1", -1);
    EXPECT_STR(rig_sleep(&rig, CHECK_MS), "a: event deleted /c zxid=0x8");
    EXPECT_STR(rig_sleep(&rig, 3 * CHECK_MS), "");
    EXPECT(is_there(&rig, "/plain"));
    rig_done(&rig);
}

TEST(a_container_without_a_child_so_far_has_longer)
{
    struct rig rig;

    rig_reaping(&rig);
    (void)create2(&rig, 'a', "/c", "", CREATE_CONTAINER);
    (void)rig_sleep(&rig, 5000);
    EXPECT(is_there(&rig, "/c"));
    (void)rig_sleep(&rig, CHECK_MS);
    EXPECT(!is_there(&rig, "/c"));
    rig_done(&rig);
    reaping(&rig);
    rig.config.container_never_used_ms = 0;
    start(&rig);
    (void)create2(&rig, 'a', "/c", "", CREATE_CONTAINER);
    (void)rig_sleep(&rig, 20 * CHECK_MS);
    EXPECT(is_there(&rig, "/c"));
    rig_done(&rig);
}

TEST(a_time_to_live_begins_with_the_last_change_of_data)
{
    struct rig rig;

    rig_reaping(&rig);
    (void)create_ttl(&rig, 'a', "/t", 2500);
    (void)create_ttl(&rig, 'a', "/changed", 2500);
    (void)create_ttl(&rig, 'a', "/parent", 2500);
    (void)create(&rig, 'a', "/parent/child", "", 0);
    (void)rig_sleep(&rig, 2 * CHECK_MS);
    (void)set_data(&rig, 'a', "/changed", "new", -1);
    EXPECT(is_there(&rig, "/t"));
    (void)rig_sleep(&rig, CHECK_MS);
    EXPECT(!is_there(&rig, "/t"));
    (void)rig_sleep(&rig, CHECK_MS);
    EXPECT(is_there(&rig, "/changed"));
    (void)rig_sleep(&rig, CHECK_MS);
    EXPECT(!is_there(&rig, "/changed"));
    EXPECT(is_there(&rig, "/parent"));
    (void)delete (&rig, 'a', "/parent/child", -1);
    (void)rig_sleep(&rig, CHECK_MS);
    EXPECT(!is_there(&rig, "/parent"));
    rig_done(&rig);
}

TEST(without_extended_types_no_time_to_live_is_known)
{
    struct rig rig;

    rig_reaping(&rig);
    (void)create_ttl(&rig, 'a', "/t", 1);
    rig.config.extended_types = false;
    rig_restart(&rig);
    (void)rig_sleep(&rig, 3 * CHECK_MS);
    EXPECT(is_there(&rig, "/t"));
    rig.config.extended_types = true;
    rig_restart(&rig);
    (void)rig_sleep(&rig, CHECK_MS);
    EXPECT(!is_there(&rig, "/t"));
    rig_done(&rig);
}

/* The oldest proposal, decoded. */
static struct txn proposed(const struct rig *rig)
{
    struct arena arena = {0};
    struct txn txn;

    EXPECT(rig->proposal_count > 0);
    EXPECT(txn_decode(rig->proposals[0]->data, rig->proposals[0]->len, &arena, &txn));
    arena_done(&arena);
    return txn;
}

TEST(the_deletion_is_of_nobody_and_is_proposed_once)
{
    struct rig rig;
    struct txn txn;

    rig_reaping(&rig);
    make_used(&rig, "/c");
    rig.hold = true;
    (void)rig_sleep(&rig, 3 * CHECK_MS);
    EXPECT_EQ(rig.proposal_count, 1);
    txn = proposed(&rig);
    EXPECT_EQ(txn.hdr.type, OP_DELETE_CONTAINER);
    EXPECT_EQ(txn.hdr.client_id, 0);
    EXPECT_EQ(txn.hdr.cxid, 0);
    EXPECT_STR(create(&rig, 'a', "/c/late", "", 0), "");
    EXPECT_STR(rig_commit_all(&rig), "a: reply xid=4 zxid=0x6 err=NONODE");
    rig_done(&rig);
}

TEST(what_is_on_its_way_to_a_znode_saves_it)
{
    struct rig rig;

    rig_reaping(&rig);
    make_used(&rig, "/c");
    make_used(&rig, "/again");
    (void)create_ttl(&rig, 'a', "/t", 500);
    (void)rig_sleep(&rig, CHECK_MS - 100);
    rig.hold = true;
    (void)create(&rig, 'a', "/c/new", "", 0);
    (void)set_data(&rig, 'a', "/t", "new", -1);
    (void)delete (&rig, 'a', "/again", -1);
    (void)create(&rig, 'a', "/again", "now a plain znode", 0);
    (void)rig_sleep(&rig, 200);
    EXPECT_EQ(rig.proposal_count, 4);
    (void)rig_commit_all(&rig);
    EXPECT(is_there(&rig, "/c/new"));
    EXPECT(is_there(&rig, "/t"));
    EXPECT(is_there(&rig, "/again"));
    rig_done(&rig);
}

TEST(deletions_keep_their_distance)
{
    struct rig rig;
    char path[20];

    rig_reaping(&rig);
    for (int i = 0; i < 30; i++) {
        (void)snprintf(path, sizeof path, "/c%d", i);
        make_used(&rig, path);
    }
    EXPECT_EQ(tree_znode_count(rig.tree), 34);
    (void)rig_sleep(&rig, CHECK_MS + 95);
    EXPECT_EQ(tree_znode_count(rig.tree), 24);
    (void)rig_sleep(&rig, 205);
    EXPECT_EQ(tree_znode_count(rig.tree), 4);
    rig_done(&rig);
}

TEST(a_check_of_many_lets_others_come_in_between)
{
    enum { MANY = 10000 };
    struct rig rig;
    char path[20];

    rig_reaping(&rig);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(path, sizeof path, "/c%d", i);
        (void)create2(&rig, 'a', path, "", CREATE_CONTAINER);
    }
    make_used(&rig, "/last");
    (void)rig_sleep(&rig, CHECK_MS);
    EXPECT(is_there(&rig, "/last"));
    EXPECT_EQ(core_next_tick(rig.core, &rig.now), rig.now.mono_ms + 5);
    (void)rig_sleep(&rig, 5);
    EXPECT(is_there(&rig, "/last"));
    (void)rig_sleep(&rig, 5);
    EXPECT(!is_there(&rig, "/last"));
    rig_done(&rig);
}

TEST(a_client_cannot_ask_for_it)
{
    struct rig rig;
    struct buf body = {0};

    rig_reaping(&rig);
    (void)create2(&rig, 'a', "/c", "", CREATE_CONTAINER);
    put_path_request(&body, &(struct zk_path_request){.path = jute_str("/c")});
    EXPECT_STR(rig_request(&rig, 'a', OP_DELETE_CONTAINER, &body),
               "a: reply xid=2 zxid=0x3 err=BADARGUMENTS");
    buf_done(&body);
    rig_done(&rig);
}
