/* The tree as its readers see it: look-up, children, paths, counts, ACLs, sessions. */
#include "store/tree.h"

#include "store/apply.h"
#include "tests/support/txn_make.h"
#include "tests/unit/test.h"

static const struct hash_key key = {.k0 = 9, .k1 = 10};

static void apply(struct tree *tree, struct txn txn)
{
    EXPECT_EQ(tree_apply(tree, &txn, NULL).err, ZOK);
}

TEST(a_fresh_tree_is_that_of_a_fresh_apache)
{
    struct tree *tree = tree_new(&key);
    const struct znode *config = tree_lookup(tree, jute_str("/zookeeper/config"));
    struct zk_stat stat;

    znode_stat(tree, tree_lookup(tree, jute_str("/")), &stat);
    EXPECT_EQ(stat.cversion, -1);
    EXPECT_EQ(stat.num_children, 1);
    znode_stat(tree, tree_lookup(tree, jute_str("/zookeeper")), &stat);
    EXPECT_EQ(stat.cversion, -2);
    EXPECT_EQ(znode_data(tree_lookup(tree, jute_str("/zookeeper/quota"))).len, 0);
    EXPECT_EQ(znode_aversion(config), -1);
    EXPECT_EQ(tree_acl(tree, znode_acl_id(config))->items[0].perms, PERM_READ);
    EXPECT_EQ(tree_znode_count(tree), 4);
    EXPECT_EQ(tree_data_bytes(tree), 44);
    tree_free(tree);
}

TEST(the_root_has_two_names)
{
    struct tree *tree = tree_new(&key);

    EXPECT(tree_lookup(tree, jute_str("")) == tree_lookup(tree, jute_str("/")));
    EXPECT(tree_lookup(tree, jute_str("/")) != NULL);
    EXPECT(tree_lookup(tree, JUTE_NULL) == NULL);
    tree_free(tree);
}

TEST(what_is_not_quite_a_path_finds_nothing)
{
    static const char *const others[] = {"zookeeper",   "/zookeeper/", "//zookeeper", "/zookeepe",
                                         "/zookeeperx", "x/zookeeper", "/config",     "//"};
    struct tree *tree = tree_new(&key);

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        EXPECT(tree_lookup(tree, jute_str(others[i])) == NULL);
    EXPECT(tree_lookup(tree, (struct jute_bytes){.data = (const uint8_t *)"/zookeeper\0",
                                                 .len = 11}) == NULL);
    tree_free(tree);
}

TEST(a_prefetch_takes_any_bytes)
{
    const struct jute_bytes paths[] = {jute_str("/zookeeper/config"), jute_str("/missing"),
                                       jute_str(""), JUTE_NULL};
    struct tree *tree = tree_new(&key);
    uint64_t digest = tree_digest(tree);

    tree_prefetch(tree, paths, 0);
    tree_prefetch(tree, paths, sizeof paths / sizeof *paths);
    EXPECT_EQ(tree_digest(tree), digest);
    EXPECT(tree_lookup(tree, paths[0]) != NULL);
    EXPECT(tree_lookup(tree, paths[1]) == NULL);
    tree_free(tree);
}

static void name_path(struct buf *path, int i)
{
    path->len = 0;
    buf_printf(path, "/dir%d/node%d", i % 7, i);
    (void)buf_cstr(path);
}

/* Through many sizes of the index, up and down. */
TEST(every_znode_is_found_while_the_tree_grows_and_shrinks)
{
    enum { COUNT = 20000 };
    struct tree *tree = tree_new(&key);
    struct txn_maker m = {0};
    struct buf path = {0}, text = {0};

    for (int i = 0; i < 7; i++) {
        buf_printf(&text, "/dir%d", i);
        apply(tree, txn_create(&m, buf_cstr(&text), ""));
        text.len = 0;
    }
    for (int i = 0; i < COUNT; i++) {
        name_path(&path, i);
        apply(tree, txn_create(&m, buf_cstr(&path), ""));
    }
    for (int i = 0; i < COUNT; i += 3) {
        name_path(&path, i);
        apply(tree, txn_delete(&m, buf_cstr(&path)));
    }
    for (int i = 0; i < COUNT; i++) {
        const struct znode *znode;

        name_path(&path, i);
        znode = tree_lookup(tree, jute_str(buf_cstr(&path)));
        EXPECT((znode == NULL) == (i % 3 == 0));
        if (znode == NULL)
            continue;
        text.len = 0;
        znode_path(tree, znode, &text);
        EXPECT_STR(buf_cstr(&text), buf_cstr(&path));
    }
    buf_done(&path);
    buf_done(&text);
    tree_free(tree);
}

TEST(each_child_is_listed_once_whatever_was_deleted)
{
    struct tree *tree = tree_new(&key);
    struct txn_maker m = {0};
    const struct znode *root = tree_lookup(tree, jute_str("/"));
    bool seen[26] = {false};
    char path[] = "/a";

    for (int c = 'a'; c <= 'z'; c++) {
        path[1] = (char)c;
        apply(tree, txn_create(&m, path, ""));
    }
    for (int c = 'a'; c <= 'z'; c += 2) {
        path[1] = (char)c;
        apply(tree, txn_delete(&m, path));
    }
    EXPECT_EQ(znode_child_count(root), 14);
    for (uint32_t i = 0; i < znode_child_count(root); i++) {
        struct jute_bytes name = znode_name(znode_child(tree, root, i));

        EXPECT(znode_parent(tree, znode_child(tree, root, i)) == root);
        if (name.len > 1)
            continue;
        EXPECT(!seen[name.data[0] - 'a']);
        seen[name.data[0] - 'a'] = true;
    }
    for (int i = 0; i < 26; i++)
        EXPECT_EQ(seen[i], i % 2 == 1);
    tree_free(tree);
}

TEST(an_acl_is_kept_once_and_as_long_as_it_is_used)
{
    struct tree *tree = tree_new(&key);
    struct txn_maker m = {0};
    struct zk_acl items[2] = {{.perms = 5, .scheme = jute_str("ip"), .id = jute_str("10.0.0.1")},
                              {.perms = 1, .scheme = jute_str("world"), .id = jute_str("anyone")}};
    struct zk_vec_acl acl = {.count = 2, .items = items};
    uint32_t before = tree_acl_count(tree), id;

    apply(tree, txn_create(&m, "/a", ""));
    apply(tree, txn_create(&m, "/b", ""));
    EXPECT_EQ(znode_acl_id(tree_lookup(tree, jute_str("/a"))), TREE_ACL_OPEN);
    apply(tree, txn_set_acl(&m, "/a", &acl, 1));
    apply(tree, txn_set_acl(&m, "/b", &acl, 1));
    id = znode_acl_id(tree_lookup(tree, jute_str("/a")));
    EXPECT_EQ(znode_acl_id(tree_lookup(tree, jute_str("/b"))), id);
    EXPECT_EQ(tree_acl_count(tree), before + 1);
    EXPECT(jute_equal(tree_acl(tree, id)->items[0].id, jute_str("10.0.0.1")));
    apply(tree, txn_set_acl(&m, "/a", &txn_acl_open, 2));
    EXPECT_EQ(tree_acl_count(tree), before + 1);
    apply(tree, txn_delete(&m, "/b"));
    EXPECT_EQ(tree_acl_count(tree), before);
    tree_free(tree);
}

TEST(a_null_acl_is_open_and_an_empty_one_is_not)
{
    struct tree *tree = tree_new(&key);
    struct txn_maker m = {0};
    struct zk_vec_acl empty = {.count = 0};

    apply(tree, txn_create(&m, "/a", ""));
    apply(tree, txn_set_acl(&m, "/a", &empty, 1));
    EXPECT_EQ(tree_acl(tree, znode_acl_id(tree_lookup(tree, jute_str("/a"))))->count, 0);
    apply(tree, txn_set_acl(&m, "/a", &txn_acl_null, 2));
    EXPECT_EQ(znode_acl_id(tree_lookup(tree, jute_str("/a"))), TREE_ACL_OPEN);
    tree_free(tree);
}

static void add_path(const struct tree *tree, const struct znode *znode, struct buf *out)
{
    znode_path(tree, znode, out);
    buf_printf(out, " ");
}

TEST(the_ephemerals_of_a_session_are_listed_oldest_first)
{
    struct tree *tree = tree_new(&key);
    struct txn_maker m = {.client_id = 7};
    struct buf list = {0};

    apply(tree, txn_create_session(&m, 1000));
    apply(tree, txn_create_ephemeral(&m, "/1"));
    apply(tree, txn_create_ephemeral(&m, "/2"));
    apply(tree, txn_create_ephemeral(&m, "/3"));
    m.client_id = 8;
    apply(tree, txn_create_ephemeral(&m, "/of-8"));
    apply(tree, txn_delete(&m, "/2"));
    for (const struct znode *z = tree_ephemeral_first(tree, 7); z != NULL;
         z = tree_ephemeral_next(tree, z))
        add_path(tree, z, &list);
    EXPECT_STR(buf_cstr(&list), "/1 /3 ");
    EXPECT_EQ(tree_ephemeral_count(tree), 3);
    EXPECT(tree_ephemeral_first(tree, 9) == NULL);
    buf_done(&list);
    tree_free(tree);
}

static void count_visit(void *arg, int64_t id, int32_t timeout_ms)
{
    *(int64_t *)arg += id * timeout_ms;
}

TEST(open_sessions_are_walked_with_their_timeouts)
{
    struct tree *tree = tree_new(&key);
    struct txn_maker m = {0};
    int64_t sum = 0;

    for (m.client_id = 1; m.client_id <= 100; m.client_id++)
        apply(tree, txn_create_session(&m, 10));
    m.client_id = 1;
    apply(tree, txn_create_session(&m, 20)); /* again: a new timeout */
    EXPECT_EQ(tree_session_count(tree), 100);
    tree_sessions_walk(tree, count_visit, &sum);
    EXPECT_EQ(sum, 5050 * 10 + 10);
    tree_free(tree);
}

/* Names as long as a frame, and as deep. */
TEST(long_names_and_deep_trees_are_fine)
{
    enum { DEPTH = 3000, LONG = 500000 };
    struct tree *tree = tree_new(&key);
    struct txn_maker m = {0};
    struct buf path = {0}, text = {0};

    for (int i = 0; i < DEPTH; i++) {
        buf_printf(&path, "/d");
        apply(tree, txn_create(&m, buf_cstr(&path), ""));
    }
    znode_path(tree, tree_lookup(tree, jute_str(buf_cstr(&path))), &text);
    EXPECT_STR(buf_cstr(&text), buf_cstr(&path));
    apply(tree, txn_delete(&m, "/d"));
    EXPECT_EQ(tree_znode_count(tree), 4);
    path.len = 0;
    buf_printf(&path, "/");
    memset(buf_extend(&path, LONG), 'x', LONG);
    apply(tree, txn_create(&m, buf_cstr(&path), ""));
    EXPECT_EQ(znode_name(tree_lookup(tree, jute_str(buf_cstr(&path)))).len, LONG);
    buf_done(&path);
    buf_done(&text);
    tree_free(tree);
}
