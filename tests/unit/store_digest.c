/* The digest of znodes, against values taken from Apache's server. */
#include "store/digest.h"

#include "store/tree.h"
#include "tests/unit/test.h"

static const struct hash_key key = {.k0 = 5, .k1 = 6};

TEST(digests_of_the_built_in_znodes_are_those_of_apache)
{
    struct zk_stat_persisted zero = {0};

    EXPECT_EQ(digest_znode(digest_prefix(jute_str(""), jute_str("")), &zero), 0x04128908);
    EXPECT_EQ(digest_znode(digest_prefix(jute_str("/zookeeper"), JUTE_NULL), &zero), 0x4db44d58);
}

TEST(the_root_counts_as_the_empty_path)
{
    EXPECT_EQ(digest_prefix(jute_str("/"), jute_str("x")),
              digest_prefix(jute_str(""), jute_str("x")));
}

TEST(what_is_below_zookeeper_does_not_count_but_itself_does)
{
    EXPECT(digest_counts(jute_str("/zookeeper")));
    EXPECT(digest_counts(jute_str("/zookeepers/x")));
    EXPECT(digest_counts(jute_str("/")));
    EXPECT(digest_counts(jute_str("")));
    EXPECT(!digest_counts(jute_str("/zookeeper/quota")));
}

TEST(a_fresh_tree_has_the_digest_of_a_fresh_apache)
{
    struct tree *tree = tree_new(&key);

    EXPECT_EQ(tree_digest(tree), 0x51c6d660);
    tree_free(tree);
}

TEST(every_field_of_the_stat_counts)
{
    struct zk_stat_persisted stats[10] = {{0}};

    stats[1].czxid = stats[2].mzxid = stats[3].pzxid = stats[4].ctime = stats[5].mtime = 1;
    stats[6].version = stats[7].cversion = stats[8].aversion = 1;
    stats[9].ephemeral_owner = 1;
    for (int i = 0; i < 10; i++)
        for (int j = 0; j < i; j++)
            EXPECT(digest_znode(0, &stats[i]) != digest_znode(0, &stats[j]));
}
