/* tree_apply against the model: after every one of many random txns both hold the same state,
 * and the digest that the tree keeps is that of its znodes summed anew. */
#include "store/apply.h"
#include "tests/support/tree_dump.h"
#include "tests/support/tree_model.h"
#include "tests/support/txn_make.h"
#include "tests/unit/test.h"

#include <stdio.h>

static const struct hash_key key = {.k0 = 1, .k1 = 2};

static void expect_same(const struct tree *tree, const struct model *model, const struct txn *txn)
{
    struct buf of_tree = {0}, of_model = {0}, text = {0};

    tree_dump(tree, &of_tree);
    model_dump(model, &of_model);
    if (strcmp(buf_cstr(&of_tree), buf_cstr(&of_model)) != 0) {
        txn_print(&text, txn);
        printf("after %s\n", buf_cstr(&text));
    }
    EXPECT_STR(buf_cstr(&of_tree), buf_cstr(&of_model));
    buf_done(&of_tree);
    buf_done(&of_model);
    buf_done(&text);
}

/* What leads to a quota on /a and on /a/b; the rest comes at random. */
static void make_way(struct txn_maker *maker, struct tree *tree, struct model *model)
{
    static const char *const paths[] = {"/zookeeper/quota/a", "/zookeeper/quota/a/b"};

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct txn txn = txn_create(maker, paths[i], "");

        EXPECT_EQ(tree_apply(tree, &txn, NULL).err, ZOK);
        EXPECT_EQ(model_apply(model, &txn), ZOK);
    }
}

/* Now and then the same txns come again, as in a replay over a later state. */
static void run(uint64_t seed, int txns)
{
    struct txn_maker maker = {.rng = rng_seeded(seed)};
    struct tree *tree = tree_new(&key);
    struct model *model = model_new();

    make_way(&maker, tree, model);
    for (int i = 0; i < txns; i++) {
        struct txn txn;
        enum zk_err err;

        arena_reset(&maker.arena);
        if (rng_below(&maker.rng, 50) == 0 && maker.zxid > 5)
            maker.zxid -= 5;
        txn = txn_random(&maker);
        err = tree_apply(tree, &txn, NULL).err;
        EXPECT_EQ(err, model_apply(model, &txn));
        EXPECT_EQ(tree_digest(tree), model_digest(model));
        expect_same(tree, model, &txn);
    }
    tree_free(tree);
    model_free(model);
    txn_make_done(&maker);
}

TEST(tree_and_model_agree_after_every_random_txn)
{
    for (uint64_t seed = 1; seed <= 20; seed++)
        run(seed, 400);
}
