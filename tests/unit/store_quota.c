/* Quotas, as stories: what makes one, which change counts for which, and that nobody but the
 * stats themselves tells of it. */
#include "store/quota.h"

#include "store/apply.h"
#include "tests/support/txn_make.h"
#include "tests/unit/test.h"

#include <stdio.h>

static const struct hash_key key = {.k0 = 5, .k1 = 6};

struct fixture {
    struct tree *tree;
    struct txn_maker m;
    char used[100];
    int changes; /* told to the observer by the last txn */
};

static struct fixture fixture_new(void)
{
    return (struct fixture){.tree = tree_new(&key), .m = {.client_id = 0x10, .time = 1000}};
}

static void fixture_done(struct fixture *f)
{
    tree_free(f->tree);
    txn_make_done(&f->m);
}

static void count_change(void *arg, const struct tree_change *change)
{
    struct fixture *f = arg;

    (void)change;
    f->changes++;
}

static void apply(struct fixture *f, struct txn txn)
{
    struct tree_observer observer = {.arg = f, .on_change = count_change};

    f->changes = 0;
    EXPECT_EQ(tree_apply(f->tree, &txn, &observer).err, ZOK);
}

static void create(struct fixture *f, const char *path, const char *data)
{
    apply(f, txn_create(&f->m, path, data));
}

/* What stats of SUBTREE say; "none" without them. */
static const char *used(struct fixture *f, const char *subtree)
{
    char path[100];
    const struct znode *znode;

    (void)snprintf(path, sizeof path, "/zookeeper/quota%s/zookeeper_stats", subtree);
    znode = tree_lookup(f->tree, jute_str(path));
    if (znode == NULL)
        return "none";
    (void)snprintf(f->used, sizeof f->used, "%.*s", znode_data(znode).len,
                   (const char *)znode_data(znode).data);
    return f->used;
}

static void make_quota(struct fixture *f, const char *subtree)
{
    char path[100];

    (void)snprintf(path, sizeof path, "/zookeeper/quota%s", subtree);
    if (tree_lookup(f->tree, jute_str(path)) == NULL)
        create(f, path, "");
    (void)snprintf(path, sizeof path, "/zookeeper/quota%s/zookeeper_limits", subtree);
    create(f, path, "count=10,bytes=-1");
    (void)snprintf(path, sizeof path, "/zookeeper/quota%s/zookeeper_stats", subtree);
    create(f, path, "count=0,bytes=0");
}

TEST(stats_have_what_is_there_already_and_follow_every_change)
{
    struct fixture f = fixture_new();

    create(&f, "/q", "0");
    create(&f, "/q/k", "12345");
    create(&f, "/qq", "not below /q");
    make_quota(&f, "/q");
    EXPECT_STR(used(&f, "/q"), "count=2,bytes=6");
    create(&f, "/q/j", "abc");
    EXPECT_STR(used(&f, "/q"), "count=3,bytes=9");
    create(&f, "/q/j/deep", NULL);
    EXPECT_STR(used(&f, "/q"), "count=4,bytes=9");
    apply(&f, txn_set_data(&f.m, "/q", "four", 1));
    EXPECT_STR(used(&f, "/q"), "count=4,bytes=12");
    apply(&f, txn_set_data(&f.m, "/q/k", NULL, 1));
    EXPECT_STR(used(&f, "/q"), "count=4,bytes=7");
    apply(&f, txn_delete(&f.m, "/q/j/deep"));
    apply(&f, txn_delete(&f.m, "/q/j"));
    EXPECT_STR(used(&f, "/q"), "count=2,bytes=4");
    create(&f, "/qq/x", "");
    EXPECT_STR(used(&f, "/q"), "count=2,bytes=4");
    fixture_done(&f);
}

TEST(the_parts_of_a_multi_and_the_ephemerals_of_a_session_count)
{
    struct fixture f = fixture_new();
    struct txn parts[2];

    apply(&f, txn_create_session(&f.m, 1000));
    create(&f, "/q", "0");
    make_quota(&f, "/q");
    parts[0] = txn_create(&f.m, "/q/a", "12");
    parts[1] = txn_create_ephemeral(&f.m, "/q/b");
    apply(&f, txn_multi(&f.m, parts, 2));
    EXPECT_STR(used(&f, "/q"), "count=3,bytes=3");
    apply(&f, txn_of_type(&f.m, OP_CLOSE_SESSION));
    EXPECT_STR(used(&f, "/q"), "count=2,bytes=3");
    fixture_done(&f);
}

TEST(nothing_but_the_text_tells_of_a_change_of_stats)
{
    struct fixture f = fixture_new();
    const struct znode *stats;
    struct zk_stat before, after;

    create(&f, "/q", "");
    make_quota(&f, "/q");
    stats = tree_lookup(f.tree, jute_str("/zookeeper/quota/q/zookeeper_stats"));
    znode_stat(f.tree, stats, &before);
    create(&f, "/q/a", "0123456789");
    EXPECT_EQ(f.changes, 1); /* /q/a, and no stats */
    EXPECT_STR(used(&f, "/q"), "count=2,bytes=10");
    znode_stat(f.tree, stats, &after);
    EXPECT_EQ(after.data_length, before.data_length + 1);
    EXPECT_EQ(after.mzxid, before.mzxid);
    EXPECT_EQ(after.mtime, before.mtime);
    EXPECT_EQ(after.version, before.version);
    fixture_done(&f);
}

TEST(a_change_counts_for_the_nearest_quota_alone)
{
    struct fixture f = fixture_new();

    create(&f, "/q", "");
    create(&f, "/q/sub", "");
    create(&f, "/q/sub/old", "1");
    make_quota(&f, "/q");
    make_quota(&f, "/q/sub");
    EXPECT_STR(used(&f, "/q"), "count=3,bytes=1");
    EXPECT_STR(used(&f, "/q/sub"), "count=2,bytes=1");
    create(&f, "/q/sub/new", "22");
    create(&f, "/q/subway", "333");
    EXPECT_STR(used(&f, "/q"), "count=4,bytes=4");
    EXPECT_STR(used(&f, "/q/sub"), "count=3,bytes=3");
    apply(&f, txn_delete(&f.m, "/zookeeper/quota/q/sub/zookeeper_limits"));
    create(&f, "/q/sub/newer", "22");
    EXPECT_STR(used(&f, "/q"), "count=5,bytes=6");
    EXPECT_STR(used(&f, "/q/sub"), "count=3,bytes=3");
    fixture_done(&f);
}

TEST(a_quota_is_there_as_long_as_its_limits_are)
{
    struct fixture f = fixture_new();
    struct quota quota;

    create(&f, "/zookeeper/quota/q", "");
    create(&f, "/zookeeper/quota/q/zookeeper_stats", "");
    EXPECT_STR(used(&f, "/q"), "count=0,bytes=0");
    create(&f, "/q", "1");
    EXPECT_STR(used(&f, "/q"), "count=0,bytes=0");
    EXPECT(!quota_find(f.tree, jute_str("/q"), &quota));
    create(&f, "/zookeeper/quota/q/zookeeper_limits", "count=1,bytes=2=;countHardLimit=3");
    create(&f, "/q/a", "22");
    EXPECT_STR(used(&f, "/q"), "count=1,bytes=2");
    EXPECT(quota_find(f.tree, jute_str("/q/not/there"), &quota));
    EXPECT(jute_equal(quota.path, jute_str("/q")));
    EXPECT_EQ(quota.used.count, 1);
    EXPECT_EQ(quota.limits.count_hard, 3);
    EXPECT(!quota_find(f.tree, jute_str("/"), &quota));
    EXPECT(!quota_find(f.tree, jute_str("/qq"), &quota));
    /* Stats that are made again have it all. */
    apply(&f, txn_delete(&f.m, "/zookeeper/quota/q/zookeeper_stats"));
    EXPECT(quota_find(f.tree, jute_str("/q"), &quota));
    EXPECT(!quota.has_used);
    create(&f, "/q/b", "");
    create(&f, "/zookeeper/quota/q/zookeeper_stats", "");
    EXPECT_STR(used(&f, "/q"), "count=3,bytes=3");
    apply(&f, txn_delete(&f.m, "/zookeeper/quota/q/zookeeper_limits"));
    EXPECT(!quota_find(f.tree, jute_str("/q"), &quota));
    fixture_done(&f);
}

/* Apache 3.8.0 dies of limits for the whole tree, later ones ignore them. */
TEST(there_is_no_quota_for_the_whole_tree)
{
    struct fixture f = fixture_new();
    struct quota quota;

    create(&f, "/zookeeper/quota/zookeeper_limits", "count=1,bytes=1");
    create(&f, "/zookeeper/quota/zookeeper_stats", "mine");
    create(&f, "/zookeeper/zookeeper_limits", "count=1,bytes=1");
    create(&f, "/zookeeper_stats", "mine");
    create(&f, "/a", "");
    EXPECT_STR(used(&f, ""), "mine");
    EXPECT(!quota_find(f.tree, jute_str("/a"), &quota));
    apply(&f, txn_delete(&f.m, "/zookeeper/quota/zookeeper_limits"));
    apply(&f, txn_delete(&f.m, "/zookeeper/zookeeper_limits"));
    fixture_done(&f);
}

/* Stats that a client has overwritten are gone on from. */
TEST(stats_that_make_no_sense_do_no_harm)
{
    static const char *const texts[][2] = {
        {"count=5,bytes=7", "count=6,bytes=8"},
        {"count=5", "count=6,bytes=0"},
        {"", "count=0,bytes=0"},
        {"count=x,bytes=;=,", "count=0,bytes=0"},
        {"count=9223372036854775807,bytes=9", "count=-9223372036854775808,bytes=10"},
        {"count=99999999999999999999,bytes=9", "count=0,bytes=10"},
    };
    struct fixture f = fixture_new();

    create(&f, "/q", "");
    make_quota(&f, "/q");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char path[20];

        apply(&f, txn_set_data(&f.m, "/zookeeper/quota/q/zookeeper_stats", texts[i][0], 1));
        (void)snprintf(path, sizeof path, "/q/%zu", i);
        create(&f, path, "1");
        EXPECT_STR(used(&f, "/q"), texts[i][1]);
    }
    apply(&f, txn_set_data(&f.m, "/zookeeper/quota/q/zookeeper_stats", NULL, 1));
    create(&f, "/q/null", "1");
    EXPECT_STR(used(&f, "/q"), "count=0,bytes=0");
    fixture_done(&f);
}
