/* tree_apply, as stories: what a txn does to the tree, and what the observer hears of it. */
#include "store/apply.h"

#include "tests/support/txn_make.h"
#include "tests/unit/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const struct hash_key key = {.k0 = 7, .k1 = 8};

/* A tree, the maker of its txns, and what its observer has written down. */
struct fixture {
    struct tree *tree;
    struct txn_maker m;
    struct buf heard;
};

static struct fixture fixture_new(void)
{
    return (struct fixture){.tree = tree_new(&key), .m = {.client_id = 0x10, .time = 1000}};
}

static void fixture_done(struct fixture *f)
{
    tree_free(f->tree);
    txn_make_done(&f->m);
    buf_done(&f->heard);
}

static void hear_change(void *arg, const struct tree_change *change)
{
    static const char *const names[] = {
        [EVENT_NODE_CREATED] = "created",
        [EVENT_NODE_DELETED] = "deleted",
        [EVENT_NODE_DATA_CHANGED] = "changed",
    };
    struct fixture *f = arg;

    buf_printf(&f->heard, "%s %.*s; ", names[change->type], change->path.len,
               (const char *)change->path.data);
    /* Who may hear of it can still be asked. */
    EXPECT(tree_acl(f->tree, change->acl_id)->count >= 0);
    EXPECT((change->type == EVENT_NODE_DELETED) != (tree_lookup(f->tree, change->path) != NULL));
}

static void hear_op(void *arg, const struct txn *op, enum zk_err err, const struct znode *znode)
{
    struct fixture *f = arg;

    buf_printf(&f->heard, "%s %s", zk_op_name(op->hdr.type), zk_err_name(err));
    if (znode != NULL)
        buf_printf(&f->heard, " version=%d", znode_version(znode));
    buf_printf(&f->heard, "; ");
}

/* Applies TXN and gives what was heard of it. */
static const char *apply(struct fixture *f, struct txn txn)
{
    struct tree_observer observer = {.arg = f, .on_change = hear_change, .on_op = hear_op};

    f->heard.len = 0;
    (void)tree_apply(f->tree, &txn, &observer);
    return buf_cstr(&f->heard);
}

static struct zk_stat stat_of(const struct fixture *f, const char *path)
{
    const struct znode *znode = tree_lookup(f->tree, jute_str(path));
    struct zk_stat stat;

    EXPECT(znode != NULL);
    znode_stat(f->tree, znode, &stat);
    return stat;
}

static bool exists(const struct fixture *f, const char *path)
{
    return tree_lookup(f->tree, jute_str(path)) != NULL;
}

/* ---- single ops ---- */

TEST(a_created_znode_has_its_zxid_and_time_and_its_parent_counts_it)
{
    struct fixture f = fixture_new();
    struct zk_stat stat;

    EXPECT_STR(apply(&f, txn_create(&f.m, "/a", "xyz")), "created /a; create OK version=0; ");
    stat = stat_of(&f, "/a");
    EXPECT_EQ(stat.czxid, 1);
    EXPECT_EQ(stat.mzxid, 1);
    EXPECT_EQ(stat.pzxid, 1);
    EXPECT_EQ(stat.ctime, 1001);
    EXPECT_EQ(stat.mtime, 1001);
    EXPECT_EQ(stat.data_length, 3);
    stat = stat_of(&f, "/");
    EXPECT_EQ(stat.num_children, 2);
    EXPECT_EQ(stat.cversion, 2 * 1 - 2);
    EXPECT_EQ(stat.pzxid, 1);
    EXPECT_EQ(stat.mzxid, 0);
    EXPECT_EQ(tree_zxid(f.tree), 1);
    fixture_done(&f);
}

TEST(null_data_is_not_empty_data)
{
    struct fixture f = fixture_new();

    (void)apply(&f, txn_create(&f.m, "/null", NULL));
    (void)apply(&f, txn_create(&f.m, "/empty", ""));
    EXPECT_EQ(znode_data(tree_lookup(f.tree, jute_str("/null"))).len, -1);
    EXPECT_EQ(znode_data(tree_lookup(f.tree, jute_str("/empty"))).len, 0);
    (void)apply(&f, txn_set_data(&f.m, "/empty", NULL, 1));
    EXPECT_EQ(znode_data(tree_lookup(f.tree, jute_str("/empty"))).len, -1);
    EXPECT_EQ(stat_of(&f, "/empty").data_length, 0);
    fixture_done(&f);
}

TEST(a_deletion_raises_what_clients_see_of_the_cversion_but_not_what_is_stored)
{
    struct fixture f = fixture_new();
    const struct znode *a;

    (void)apply(&f, txn_create(&f.m, "/a", ""));
    (void)apply(&f, txn_create(&f.m, "/a/x", ""));
    (void)apply(&f, txn_create(&f.m, "/a/y", ""));
    EXPECT_EQ(stat_of(&f, "/a").cversion, 2);
    EXPECT_STR(apply(&f, txn_delete(&f.m, "/a/x")), "deleted /a/x; delete OK; ");
    a = tree_lookup(f.tree, jute_str("/a"));
    EXPECT_EQ(stat_of(&f, "/a").cversion, 3);
    EXPECT_EQ(znode_cversion(a), 2);
    EXPECT_EQ(znode_pzxid(a), 4);
    fixture_done(&f);
}

TEST(set_data_takes_the_version_of_the_txn)
{
    struct fixture f = fixture_new();

    (void)apply(&f, txn_create(&f.m, "/a", "1"));
    EXPECT_STR(apply(&f, txn_set_data(&f.m, "/a", "22", 7)), "changed /a; setData OK version=7; ");
    EXPECT_EQ(stat_of(&f, "/a").mzxid, 2);
    EXPECT_EQ(stat_of(&f, "/a").czxid, 1);
    EXPECT(jute_equal(znode_data(tree_lookup(f.tree, jute_str("/a"))), jute_str("22")));
    fixture_done(&f);
}

TEST(set_acl_is_no_modification_and_nobody_hears_of_it)
{
    struct fixture f = fixture_new();
    const struct znode *a;

    (void)apply(&f, txn_create(&f.m, "/a", ""));
    EXPECT_STR(apply(&f, txn_set_acl(&f.m, "/a", &txn_acl_read, 1)), "setACL OK version=0; ");
    a = tree_lookup(f.tree, jute_str("/a"));
    EXPECT_EQ(tree_acl(f.tree, znode_acl_id(a))->items[0].perms, PERM_READ);
    EXPECT_EQ(znode_aversion(a), 1);
    EXPECT_EQ(stat_of(&f, "/a").mzxid, 1);
    fixture_done(&f);
}

TEST(an_error_txn_changes_nothing_but_the_zxid)
{
    struct fixture f = fixture_new();

    EXPECT_STR(apply(&f, txn_error(&f.m, ZNONODE)), "error NONODE; ");
    EXPECT_EQ(tree_digest(f.tree), 0x51c6d660);
    EXPECT_EQ(tree_zxid(f.tree), 1);
    fixture_done(&f);
}

TEST(paths_that_are_none_change_nothing)
{
    static const char *const absurd[] = {"", "x", "/", "//", "/a/", "/a//b", "a/b", "/a/b/"};
    struct fixture f = fixture_new();
    uint64_t digest;

    (void)apply(&f, txn_create(&f.m, "/a", ""));
    digest = tree_digest(f.tree);
    for (size_t i = 0; i < sizeof absurd / sizeof *absurd; i++) {
        struct txn create = txn_create(&f.m, absurd[i], ""), del = txn_delete(&f.m, absurd[i]);

        EXPECT(tree_apply(f.tree, &create, NULL).err != ZOK);
        EXPECT(tree_apply(f.tree, &del, NULL).err != ZOK);
    }
    EXPECT_EQ(tree_digest(f.tree), digest);
    EXPECT_EQ(tree_znode_count(f.tree), 5);
    fixture_done(&f);
}

/* ---- applied over a later state ---- */

TEST(an_old_create_takes_no_cversion_back)
{
    struct fixture f = fixture_new();
    struct txn late = txn_create(&f.m, "/a/late", ""), old = txn_create(&f.m, "/a/old", "");

    late.create.parent_cversion = 9;
    late.hdr.zxid = 0x99;
    old.create.parent_cversion = 4;
    (void)apply(&f, txn_create(&f.m, "/a", ""));
    (void)apply(&f, late);
    (void)apply(&f, old);
    EXPECT_EQ(znode_cversion(tree_lookup(f.tree, jute_str("/a"))), 9);
    EXPECT_EQ(stat_of(&f, "/a").pzxid, 0x99);
    EXPECT_EQ(tree_zxid(f.tree), 0x99);
    fixture_done(&f);
}

TEST(a_create_of_what_exists_sets_its_acl_and_the_parents_cversion)
{
    struct fixture f = fixture_new();
    struct txn again;

    (void)apply(&f, txn_create(&f.m, "/a", "first"));
    again = txn_create(&f.m, "/a", "second");
    again.create.acl = txn_acl_read;
    again.create.parent_cversion = 5;
    EXPECT_STR(apply(&f, again), "create NODEEXISTS; ");
    EXPECT_EQ(tree_acl(f.tree, znode_acl_id(tree_lookup(f.tree, jute_str("/a"))))->items[0].perms,
              PERM_READ);
    EXPECT_EQ(znode_cversion(tree_lookup(f.tree, jute_str("/"))), 5);
    EXPECT(jute_equal(znode_data(tree_lookup(f.tree, jute_str("/a"))), jute_str("first")));
    fixture_done(&f);
}

TEST(a_delete_of_what_is_gone_still_raises_the_pzxid)
{
    struct fixture f = fixture_new();

    EXPECT_STR(apply(&f, txn_delete(&f.m, "/gone")), "delete NONODE; ");
    EXPECT_EQ(stat_of(&f, "/").pzxid, 1);
    fixture_done(&f);
}

TEST(a_delete_of_a_znode_with_children_takes_them_along)
{
    struct fixture f = fixture_new();

    (void)apply(&f, txn_create(&f.m, "/a", ""));
    (void)apply(&f, txn_create(&f.m, "/a/b", ""));
    (void)apply(&f, txn_create(&f.m, "/a/b/c", ""));
    EXPECT_STR(apply(&f, txn_delete(&f.m, "/a")),
               "deleted /a/b/c; deleted /a/b; deleted /a; delete OK; ");
    EXPECT_EQ(tree_znode_count(f.tree), 4);
    fixture_done(&f);
}

/* ---- multi ---- */

TEST(a_multi_tells_of_each_part_as_it_was_at_that_moment)
{
    struct fixture f = fixture_new();
    struct txn parts[3] = {txn_create(&f.m, "/a", ""), txn_set_data(&f.m, "/a", "1", 1),
                           txn_set_data(&f.m, "/a", "2", 2)};

    EXPECT_STR(apply(&f, txn_multi(&f.m, parts, 3)),
               "created /a; create OK version=0; changed /a; setData OK version=1; "
               "changed /a; setData OK version=2; ");
    EXPECT_EQ(stat_of(&f, "/a").czxid, tree_zxid(f.tree));
    fixture_done(&f);
}

TEST(a_multi_with_an_error_in_it_does_nothing)
{
    struct fixture f = fixture_new();
    struct txn parts[3] = {txn_create(&f.m, "/a", ""), txn_error(&f.m, ZNONODE),
                           txn_create(&f.m, "/b", "")};

    EXPECT_STR(apply(&f, txn_multi(&f.m, parts, 3)),
               "create OK; error NONODE; create RUNTIMEINCONSISTENCY; ");
    EXPECT(!exists(&f, "/a"));
    EXPECT_EQ(tree_digest(f.tree), 0x51c6d660);
    EXPECT_EQ(tree_zxid(f.tree), 4);
    fixture_done(&f);
}

TEST(a_multi_of_results_gives_them_back)
{
    struct fixture f = fixture_new();
    struct txn parts[3] = {txn_error(&f.m, ZOK), txn_error(&f.m, ZBADVERSION),
                           txn_error(&f.m, ZRUNTIMEINCONSISTENCY)};

    EXPECT_STR(apply(&f, txn_multi(&f.m, parts, 3)),
               "error OK; error BADVERSION; error RUNTIMEINCONSISTENCY; ");
    fixture_done(&f);
}

TEST(a_multi_within_a_multi_does_nothing_at_all)
{
    struct fixture f = fixture_new();
    struct txn create = txn_create(&f.m, "/a", "");
    struct txn parts[2] = {create, txn_multi(&f.m, &create, 1)};
    struct txn txn = txn_multi(&f.m, parts, 2);

    EXPECT_EQ(tree_apply(f.tree, &txn, NULL).err, ZMARSHALLINGERROR);
    EXPECT(!exists(&f, "/a"));
    fixture_done(&f);
}

/* ---- sessions and owners ---- */

static struct txn close_session(struct txn_maker *m, struct jute_bytes *paths, int count)
{
    struct txn txn = txn_of_type(m, OP_CLOSE_SESSION);

    txn.has_paths = count >= 0;
    txn.close_session.paths = (struct zk_vec_ustring){.count = count, .items = paths};
    return txn;
}

TEST(a_session_ends_with_its_ephemerals)
{
    struct fixture f = fixture_new();
    struct jute_bytes paths[] = {jute_str("/e1"), jute_str("/e2")};
    int32_t timeout;
    struct txn close;

    (void)apply(&f, txn_create_session(&f.m, 5000));
    (void)apply(&f, txn_create_ephemeral(&f.m, "/e1"));
    (void)apply(&f, txn_create_ephemeral(&f.m, "/e2"));
    EXPECT(tree_session(f.tree, 0x10, &timeout));
    EXPECT_EQ(timeout, 5000);
    EXPECT_EQ(tree_ephemeral_count(f.tree), 2);
    EXPECT_EQ(stat_of(&f, "/e1").ephemeral_owner, 0x10);
    close = close_session(&f.m, paths, 2);
    EXPECT_EQ(tree_apply(f.tree, &close, NULL).unlisted_ephemerals, 0);
    EXPECT(!tree_session(f.tree, 0x10, &timeout));
    EXPECT_EQ(tree_ephemeral_count(f.tree), 0);
    EXPECT_EQ(tree_znode_count(f.tree), 4);
    fixture_done(&f);
}

TEST(an_ephemeral_that_the_list_leaves_out_goes_too_and_is_worth_a_warning)
{
    struct fixture f = fixture_new();
    struct jute_bytes paths[] = {jute_str("/e2")};
    struct txn close;

    (void)apply(&f, txn_create_session(&f.m, 5000));
    (void)apply(&f, txn_create_ephemeral(&f.m, "/e1"));
    (void)apply(&f, txn_create_ephemeral(&f.m, "/e2"));
    close = close_session(&f.m, paths, 1);
    EXPECT_EQ(tree_apply(f.tree, &close, NULL).unlisted_ephemerals, 1);
    EXPECT(!exists(&f, "/e1"));
    fixture_done(&f);
}

TEST(a_close_without_a_list_is_no_reason_for_a_warning)
{
    struct fixture f = fixture_new();
    struct txn close;

    (void)apply(&f, txn_create_session(&f.m, 5000));
    (void)apply(&f, txn_create_ephemeral(&f.m, "/e1"));
    close = close_session(&f.m, NULL, -1);
    EXPECT_EQ(tree_apply(f.tree, &close, NULL).unlisted_ephemerals, 0);
    EXPECT(!exists(&f, "/e1"));
    fixture_done(&f);
}

TEST(the_owner_of_containers_and_ttl_znodes_is_not_shown)
{
    struct fixture f = fixture_new();
    struct txn container = txn_of_type(&f.m, OP_CREATE_CONTAINER);
    struct txn ttl = txn_of_type(&f.m, OP_CREATE_TTL);

    container.create_container = (struct zk_create_container_txn){
        .path = jute_str("/c"), .acl = txn_acl_open, .parent_cversion = -1};
    ttl.create_ttl = (struct zk_create_ttl_txn){
        .path = jute_str("/t"), .acl = txn_acl_open, .parent_cversion = -1, .ttl = 2500};
    (void)apply(&f, container);
    (void)apply(&f, ttl);
    EXPECT_EQ(stat_of(&f, "/c").ephemeral_owner, 0);
    EXPECT_EQ(stat_of(&f, "/t").ephemeral_owner, 0);
    EXPECT_EQ(znode_owner(f.tree, tree_lookup(f.tree, jute_str("/c"))), OWNER_CONTAINER);
    EXPECT_EQ((uint64_t)znode_owner(f.tree, tree_lookup(f.tree, jute_str("/t"))),
              OWNER_TTL_MARK | 2500);
    EXPECT_EQ(tree_ephemeral_count(f.tree), 0);
    fixture_done(&f);
}

/* The paths that a walk from the beginning gives; BETWEEN is applied after the first. */
static const char *walk_owned(struct fixture *f, const struct txn *between)
{
    uint32_t cursor = 0;

    f->heard.len = 0;
    do {
        const struct znode *znode = tree_owned_next(f->tree, &cursor);

        if (znode == NULL)
            continue;
        znode_path(f->tree, znode, &f->heard);
        if (between != NULL)
            (void)tree_apply(f->tree, between, NULL);
        between = NULL;
    } while (cursor != 0);
    return buf_cstr(&f->heard);
}

TEST(a_walk_over_containers_and_ttl_znodes_stands_changes_on_the_way)
{
    struct fixture f = fixture_new();
    struct txn del;

    EXPECT_STR(walk_owned(&f, NULL), "");
    (void)apply(&f, txn_create_session(&f.m, 1000));
    for (int i = 0; i < 4; i++) {
        static const char *const paths[] = {"/c", "/e", "/d", "/f"};
        struct txn txn = txn_of_type(&f.m, OP_CREATE_CONTAINER);

        txn.create_container = (struct zk_create_container_txn){
            .path = jute_str(paths[i]), .acl = txn_acl_open, .parent_cversion = -1};
        (void)apply(&f, i == 1 ? txn_create_ephemeral(&f.m, paths[i]) : txn);
    }
    EXPECT_STR(walk_owned(&f, NULL), "/c/d/f");
    del = txn_delete(&f.m, "/c"); /* where the walk stands */
    EXPECT_STR(walk_owned(&f, &del), "/c/d/f");
    del = txn_delete(&f.m, "/f"); /* where it ends */
    EXPECT_STR(walk_owned(&f, &del), "/d");
    (void)apply(&f, txn_delete(&f.m, "/d"));
    EXPECT_STR(walk_owned(&f, NULL), "");
    fixture_done(&f);
}

TEST(two_slashes_lead_nowhere)
{
    struct fixture f = fixture_new();

    EXPECT_STR(apply(&f, txn_create(&f.m, "//x", "1")), "create NONODE; ");
    EXPECT_STR(apply(&f, txn_create(&f.m, "/x", "1")), "created /x; create OK version=0; ");
    EXPECT_STR(apply(&f, txn_delete(&f.m, "//x")), "delete NONODE; ");
    fixture_done(&f);
}

TEST(a_time_to_live_that_cannot_be_stored_makes_no_znode)
{
    static const int64_t bad[] = {0, -1, OWNER_TTL_MAX_MS + 1, INT64_MIN};
    struct fixture f = fixture_new();

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct txn ttl = txn_of_type(&f.m, OP_CREATE_TTL);

        ttl.create_ttl = (struct zk_create_ttl_txn){
            .path = jute_str("/t"), .acl = txn_acl_open, .parent_cversion = -1, .ttl = bad[i]};
        EXPECT_STR(apply(&f, ttl), "createTTL BADARGUMENTS; ");
    }
    EXPECT(!exists(&f, "/t"));
    fixture_done(&f);
}

/* ---- digests ---- */

TEST(a_txn_with_another_digest_is_noticed)
{
    struct fixture f = fixture_new();
    struct txn txn = txn_create(&f.m, "/a", "");
    struct applied applied;

    txn.has_digest = true;
    txn.digest = (struct zk_txn_digest){.version = DIGEST_VERSION, .tree_digest = 1};
    applied = tree_apply(f.tree, &txn, NULL);
    EXPECT(applied.digest_mismatch);
    EXPECT_EQ(applied.err, ZOK);
    EXPECT_EQ(tree_digest_mismatches(f.tree), 1);
    txn.digest.version = 1; /* says nothing to us */
    EXPECT(!tree_apply(f.tree, &txn, NULL).digest_mismatch);
    fixture_done(&f);
}

static int hex_digit(int c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* A line of the file as bytes, in place; gives their number. */
static size_t unhex(char *line)
{
    size_t len = strcspn(line, "\n") / 2;

    for (size_t i = 0; i < len; i++)
        line[i] = (char)(hex_digit(line[2 * i]) * 16 + hex_digit(line[2 * i + 1]));
    return len;
}

/* tests/vectors/apache-log.hex: the txns of an Apache 3.8.0 server's log from its first on, one a
 * line: all kinds of znodes, errors, multis, ACLs, two sessions of which one ends. */
TEST(a_log_of_apache_gives_its_digest_after_every_txn)
{
    struct fixture f = fixture_new();
    FILE *file = fopen("tests/vectors/apache-log.hex", "r");
    char *line = NULL;
    size_t cap = 0;
    int digests = 0;

    EXPECT(file != NULL);
    while (getline(&line, &cap, file) > 0) {
        struct txn txn;
        struct applied applied;

        EXPECT(txn_decode(line, unhex(line), &f.m.arena, &txn));
        applied = tree_apply(f.tree, &txn, NULL);
        EXPECT(!applied.digest_mismatch);
        EXPECT(applied.err == ZOK || txn.hdr.type == OP_ERROR || txn.hdr.type == OP_MULTI);
        digests += txn.has_digest;
    }
    EXPECT_EQ(digests, 48);
    EXPECT_EQ(tree_digest(f.tree), 0xd7bb38c35);
    EXPECT_EQ(tree_zxid(f.tree), 0x100000032);
    EXPECT_EQ(tree_session_count(f.tree), 2);
    free(line);
    (void)fclose(file);
    fixture_done(&f);
}
