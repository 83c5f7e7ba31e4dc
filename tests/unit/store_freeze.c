/* Freezes: rows handed out while the tree goes on changing, applied to a map as a checkpoint
 * keeps it, rebuild exactly the tree as of the freeze. */
#include "store/freeze.h"

#include "proto/base/mem.h"
#include "store/apply.h"
#include "store/row.h"
#include "store/tree_load.h"
#include "tests/support/tree_dump.h"
#include "tests/support/txn_make.h"
#include "tests/unit/test.h"

#include <stdlib.h>

static const struct hash_key key = {.k0 = 3, .k1 = 4};

/* ---- a checkpoint: rows sorted by kind and key ---- */

struct kept {
    struct row row; /* its value is BYTES */
    uint8_t *bytes;
};

struct map {
    struct kept *rows;
    size_t count;
};

static void map_done(struct map *map)
{
    for (size_t i = 0; i < map->count; i++)
        free(map->rows[i].bytes);
    free(map->rows);
    *map = (struct map){0};
}

static size_t map_place(const struct map *map, const struct row *row)
{
    size_t i = 0;

    for (; i < map->count; i++) {
        const struct row *other = &map->rows[i].row;

        if (other->kind > row->kind || (other->kind == row->kind && other->key >= row->key))
            break;
    }
    return i;
}

static void map_put(struct map *map, const struct row *row)
{
    size_t i = map_place(map, row);

    if (i < map->count && map->rows[i].row.kind == row->kind && map->rows[i].row.key == row->key) {
        free(map->rows[i].bytes);
        memmove(&map->rows[i], &map->rows[i + 1], (--map->count - i) * sizeof *map->rows);
    }
    if (row->value.len < 0)
        return;
    map->rows = xrealloc(map->rows, (map->count + 1) * sizeof *map->rows);
    memmove(&map->rows[i + 1], &map->rows[i], (map->count++ - i) * sizeof *map->rows);
    map->rows[i].bytes = xmemdup(row->value.data, (size_t)row->value.len);
    map->rows[i].row = *row;
    map->rows[i].row.value.data = map->rows[i].bytes;
}

/* Applies the rows to MAP; gives their number. */
static int map_apply(struct map *map, const struct buf *rows)
{
    struct jute_reader r = jute_reader(rows->data, rows->len, NULL);
    struct row row;
    int count = 0;

    for (; jute_left(&r) > 0; count++) {
        EXPECT(row_get(&r, &row));
        map_put(map, &row);
    }
    return count;
}

static struct tree *map_load(const struct map *map)
{
    struct tree_load *load = tree_load_new(&key);
    struct errtext why = {.text = ""};
    struct tree *tree = NULL;

    for (size_t i = 0; i < map->count; i++) {
        (void)tree_load_row(load, &map->rows[i].row, &why);
        EXPECT_STR(why.text, "");
    }
    (void)tree_load_done(load, &tree, &why);
    EXPECT_STR(why.text, "");
    return tree;
}

/* ---- the property ---- */

static void expect_rebuilds(const struct map *map, const struct buf *expected)
{
    struct tree *tree = map_load(map);
    struct buf text = {0}, want = *expected;

    tree_dump(tree, &text);
    EXPECT_STR(buf_cstr(&text), buf_cstr(&want));
    buf_done(&text);
    tree_free(tree);
}

struct run {
    struct txn_maker maker;
    struct tree *tree;
    struct map committed; /* what the checkpoint has */
    struct map next;      /* the update under way */
    struct buf at_freeze; /* the tree as text */
    int freezes, aborts, loads;
};

static void copy_map(struct map *to, const struct map *from)
{
    for (size_t i = 0; i < from->count; i++)
        map_put(to, &from->rows[i].row);
}

static void begin(struct run *run)
{
    bool all = rng_below(&run->maker.rng, 4) == 0;

    tree_dump(run->tree, &run->at_freeze);
    if (!all)
        copy_map(&run->next, &run->committed);
    tree_freeze_begin(run->tree, all ? FREEZE_ALL : FREEZE_CHANGES);
}

static void commit(struct run *run)
{
    expect_rebuilds(&run->next, &run->at_freeze);
    tree_freeze_end(run->tree, true);
    map_done(&run->committed);
    run->committed = run->next;
    run->next = (struct map){0};
    run->freezes++;
}

static void give_up(struct run *run)
{
    tree_freeze_end(run->tree, false);
    map_done(&run->next);
    run->aborts++;
}

/* Goes on from the checkpoint instead of the tree, as a server does that was stopped then: with
 * the same rows to add to. */
static void restart(struct run *run)
{
    if (run->committed.count == 0)
        return;
    tree_free(run->tree);
    run->tree = map_load(&run->committed);
    run->loads++;
}

static void slice(struct run *run)
{
    struct buf rows = {0};
    bool more = tree_freeze_next(run->tree, 1 + rng_below(&run->maker.rng, 400), &rows);

    (void)map_apply(&run->next, &rows);
    buf_done(&rows);
    if (!more)
        commit(run);
    else if (rng_below(&run->maker.rng, 60) == 0)
        give_up(run);
}

static void step(struct run *run)
{
    struct txn txn;

    arena_reset(&run->maker.arena);
    txn = txn_random(&run->maker);
    (void)tree_apply(run->tree, &txn, NULL);
    if (tree_frozen(run->tree)) {
        if (rng_below(&run->maker.rng, 3) == 0)
            slice(run);
    } else if (rng_below(&run->maker.rng, 12) == 0) {
        begin(run);
    } else if (rng_below(&run->maker.rng, 40) == 0) {
        restart(run);
    }
}

static void run_seed(uint64_t seed, int steps)
{
    struct run run = {.maker = {.rng = rng_seeded(seed)}, .tree = tree_new(&key)};

    for (int i = 0; i < steps; i++)
        step(&run);
    EXPECT(run.freezes > 20);
    EXPECT(run.aborts > 0);
    EXPECT(run.loads > 0);
    map_done(&run.committed);
    map_done(&run.next);
    buf_done(&run.at_freeze);
    tree_free(run.tree);
    txn_make_done(&run.maker);
}

TEST(rows_rebuild_exactly_the_tree_as_of_the_freeze)
{
    for (uint64_t seed = 1; seed <= 15; seed++)
        run_seed(seed, 3000);
}

/* ---- stories ---- */

static struct tree *a_checkpointed_tree(struct txn_maker *maker, struct map *map)
{
    struct tree *tree = tree_new(&key);
    struct txn a = txn_create(maker, "/a", "1"), b = txn_create(maker, "/b", "1");
    struct buf rows = {0};

    (void)tree_apply(tree, &a, NULL);
    (void)tree_apply(tree, &b, NULL);
    tree_freeze_begin(tree, FREEZE_CHANGES);
    while (tree_freeze_next(tree, 1 << 20, &rows))
        ;
    tree_freeze_end(tree, true);
    (void)map_apply(map, &rows);
    buf_done(&rows);
    return tree;
}

/* Gives the number of rows of a freeze done at one go. */
static int freeze_now(struct tree *tree, struct map *map)
{
    struct buf rows = {0};
    int count;

    tree_freeze_begin(tree, FREEZE_CHANGES);
    while (tree_freeze_next(tree, 1 << 20, &rows))
        ;
    tree_freeze_end(tree, true);
    count = map_apply(map, &rows);
    buf_done(&rows);
    return count;
}

TEST(a_freeze_costs_what_has_changed_and_no_more)
{
    struct txn_maker maker = {0};
    struct map map = {0};
    struct tree *tree = a_checkpointed_tree(&maker, &map);
    struct txn set = txn_set_data(&maker, "/a", "2", 1);

    EXPECT_EQ(freeze_now(tree, &map), 1); /* the state alone */
    (void)tree_apply(tree, &set, NULL);
    (void)tree_apply(tree, &set, NULL);
    EXPECT_EQ(tree_changed_count(tree), 1);
    EXPECT_EQ(freeze_now(tree, &map), 2);
    map_done(&map);
    tree_free(tree);
}

TEST(a_znode_that_no_checkpoint_has_seen_leaves_no_trace)
{
    struct txn_maker maker = {0};
    struct map map = {0};
    struct tree *tree = a_checkpointed_tree(&maker, &map);

    for (int i = 0; i < 1000; i++) {
        struct txn create = txn_create(&maker, "/a/x", ""), del = txn_delete(&maker, "/a/x");

        (void)tree_apply(tree, &create, NULL);
        (void)tree_apply(tree, &del, NULL);
    }
    /* /a and the slot of /a/x are in the list, once. */
    EXPECT_EQ(tree_changed_count(tree), 2);
    EXPECT_EQ(freeze_now(tree, &map), 2); /* the state and /a */
    map_done(&map);
    tree_free(tree);
}

TEST(a_deletion_after_a_checkpoint_is_a_row)
{
    struct txn_maker maker = {0};
    struct map map = {0};
    struct tree *tree = a_checkpointed_tree(&maker, &map);
    struct txn del = txn_delete(&maker, "/b");
    struct buf text = {0};

    (void)tree_apply(tree, &del, NULL);
    EXPECT_EQ(freeze_now(tree, &map), 3); /* the state, the root, the deletion */
    tree_dump(tree, &text);
    expect_rebuilds(&map, &text);
    buf_done(&text);
    map_done(&map);
    tree_free(tree);
}

TEST(a_slice_keeps_to_its_size)
{
    struct txn_maker maker = {0};
    struct tree *tree = tree_new(&key);
    struct buf rows = {0};
    size_t before = 0;
    int slices = 0;

    for (int i = 0; i < 500; i++) {
        struct buf path = {0};
        struct txn create;

        buf_printf(&path, "/n%d", i);
        create = txn_create(&maker, buf_cstr(&path), "0123456789012345678901234567890123456789");
        (void)tree_apply(tree, &create, NULL);
        buf_done(&path);
    }
    tree_freeze_begin(tree, FREEZE_ALL);
    while (tree_freeze_next(tree, 1000, &rows)) {
        EXPECT(rows.len - before < 1400);
        before = rows.len;
        slices++;
    }
    EXPECT(slices > 30);
    tree_freeze_end(tree, true);
    buf_done(&rows);
    tree_free(tree);
}

/* ---- loading what does not fit together ---- */

static int load_all_but(const struct map *map, size_t left_out, struct errtext *why)
{
    struct tree_load *load = tree_load_new(&key);
    struct tree *tree = NULL;
    int rc = 0;

    for (size_t i = 0; i < map->count && rc == 0; i++)
        if (i != left_out)
            rc = tree_load_row(load, &map->rows[i].row, why);
    if (rc < 0) {
        tree_load_abandon(load);
        return rc;
    }
    rc = tree_load_done(load, &tree, why);
    tree_free(tree);
    return rc;
}

TEST(a_checkpoint_that_lacks_a_row_is_refused)
{
    struct txn_maker maker = {0};
    struct map map = {0};
    struct tree *tree = a_checkpointed_tree(&maker, &map);
    struct txn acl = txn_set_acl(&maker, "/a", &txn_acl_read, 1);

    (void)tree_apply(tree, &acl, NULL);
    (void)freeze_now(tree, &map);
    for (size_t i = 0; i < map.count; i++) {
        struct errtext why = {.text = ""};

        EXPECT(load_all_but(&map, i, &why) < 0);
        EXPECT(why.text[0] != '\0');
    }
    map_done(&map);
    tree_free(tree);
}

TEST(a_row_with_a_wrong_byte_never_crashes_the_loading)
{
    struct txn_maker maker = {0};
    struct map map = {0};
    struct tree *tree = a_checkpointed_tree(&maker, &map);

    for (size_t i = 0; i < map.count; i++) {
        for (int32_t at = 0; at < map.rows[i].row.value.len; at++) {
            uint8_t *byte = map.rows[i].bytes + at;
            struct errtext why;

            *byte ^= 0x81;
            (void)load_all_but(&map, SIZE_MAX, &why);
            *byte ^= 0x81;
        }
    }
    map_done(&map);
    tree_free(tree);
}
