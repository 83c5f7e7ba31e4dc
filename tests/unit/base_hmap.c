/* The hash table grows and shrinks one bucket at a time and loses nothing on the way. */
#include "proto/base/hash.h"
#include "proto/base/hmap.h"
#include "proto/base/list.h"
#include "proto/base/rng.h"
#include "tests/unit/test.h"

#include <string.h>

#define ITEM_COUNT 5000

struct item {
    struct hmap_node node;
    uint64_t key;
    bool present;
};

static struct item *find(const struct hmap *map, uint64_t key)
{
    struct hmap_node *node = hmap_first(map, hash_u64(key));

    for (; node != NULL; node = hmap_next(node)) {
        struct item *item = CONTAINER_OF(node, struct item, node);

        if (item->key == key)
            return item;
    }
    return NULL;
}

static void count_node(void *arg, struct hmap_node *node)
{
    (void)node;
    ++*(size_t *)arg;
}

static void expect_all_found(const struct hmap *map, struct item *items)
{
    size_t present = 0, walked = 0;

    for (size_t i = 0; i < ITEM_COUNT; i++) {
        EXPECT((find(map, items[i].key) == &items[i]) == items[i].present);
        present += items[i].present;
    }
    hmap_walk(map, count_node, &walked);
    EXPECT_EQ(walked, present);
    EXPECT_EQ(map->count, present);
}

TEST(items_come_and_go_in_random_order_and_each_is_found)
{
    static struct item items[ITEM_COUNT];
    struct hmap map = {0};
    struct rng rng = rng_seeded(1);

    /* Mostly insertions, then mostly removals, so that the table grows and shrinks. */
    for (int step = 0; step < 8 * ITEM_COUNT; step++) {
        struct item *item = &items[rng_below(&rng, ITEM_COUNT)];
        bool insert = rng_below(&rng, 10) < (step < 4 * ITEM_COUNT ? 8 : 2);

        item->key = (uint64_t)(item - items);
        if (insert && !item->present)
            hmap_insert(&map, &item->node, hash_u64(item->key));
        else if (!insert && item->present)
            hmap_remove(&map, &item->node);
        item->present = insert;
        if (step % ITEM_COUNT == 0) {
            for (size_t i = 0; i < ITEM_COUNT; i++)
                items[i].key = i;
            expect_all_found(&map, items);
        }
    }
    expect_all_found(&map, items);
    hmap_done(&map);
}

TEST(a_table_emptied_by_any_has_held_every_item_once)
{
    static struct item items[ITEM_COUNT];
    struct hmap map = {0};
    struct hmap_node *node;
    size_t cursor = 0, taken = 0;

    for (size_t i = 0; i < ITEM_COUNT; i++) {
        items[i].key = i;
        hmap_insert(&map, &items[i].node, hash_u64(i));
    }
    while ((node = hmap_any(&map, &cursor)) != NULL) {
        hmap_remove(&map, node);
        taken++;
    }
    EXPECT_EQ(taken, ITEM_COUNT);
    EXPECT_EQ(map.count, 0);
    hmap_done(&map);
}

TEST(equal_hashes_live_side_by_side)
{
    struct item items[40];
    struct hmap map = {0};
    size_t seen = 0;

    for (size_t i = 0; i < 40; i++)
        hmap_insert(&map, &items[i].node, 7);
    for (struct hmap_node *node = hmap_first(&map, 7); node != NULL; node = hmap_next(node))
        seen++;
    EXPECT_EQ(seen, 40);
    for (size_t i = 0; i < 40; i++)
        hmap_remove(&map, &items[i].node);
    EXPECT(hmap_first(&map, 7) == NULL);
    hmap_done(&map);
}

struct visits {
    unsigned of[ITEM_COUNT];
};

static void count_visit(void *arg, struct hmap_node *node)
{
    struct visits *visits = arg;

    visits->of[CONTAINER_OF(node, struct item, node)->key]++;
}

/* The first KEPT items stay; the table grows, or shrinks, by the others during the walk. */
static void walk_while_it_changes(size_t kept, bool grows)
{
    static struct item items[ITEM_COUNT];
    static struct visits visits;
    struct hmap map = {0};
    struct hmap_cursor cursor = {0};
    size_t changed = kept;

    memset(&visits, 0, sizeof visits);
    for (size_t i = 0; i < ITEM_COUNT; i++) {
        items[i].key = i;
        if (i < kept || !grows)
            hmap_insert(&map, &items[i].node, hash_u64(i));
    }
    while (hmap_walk_part(&map, &cursor, count_visit, &visits)) {
        for (size_t n = 0; n < 3 && changed < ITEM_COUNT; n++, changed++) {
            if (grows)
                hmap_insert(&map, &items[changed].node, hash_u64(changed));
            else
                hmap_remove(&map, &items[changed].node);
        }
    }
    for (size_t i = 0; i < kept; i++)
        EXPECT_EQ(visits.of[i], 1);
    for (size_t i = kept; i < ITEM_COUNT; i++)
        EXPECT(visits.of[i] <= 1);
    hmap_done(&map);
}

TEST(a_walk_in_parts_visits_what_stays_exactly_once)
{
    static const size_t kept[] = {0, 1, 7, 100, 1000, ITEM_COUNT};

    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        walk_while_it_changes(kept[i], true);
        walk_while_it_changes(kept[i], false);
    }
}
