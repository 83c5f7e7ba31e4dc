/* hmap: see hmap.h. The table holds between 2^k and 2^(k+1) buckets; bucket i
 * of the upper half is split off bucket i - 2^k when it comes into use. */
#include "proto/base/hmap.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"

#include <stdlib.h>

#define BUCKETS_MIN 8

void hmap_done(struct hmap *map)
{
    free(map->buckets);
    *map = (struct hmap){0};
}

/* One bucket more: the nodes of its lower twin that belong there move. */
static void grow(struct hmap *map)
{
    size_t new_index = map->bucket_count;
    struct hmap_node **from, *node, *moved = NULL;

    if (map->bucket_count == map->bucket_cap) {
        map->bucket_cap = map->bucket_cap == 0 ? BUCKETS_MIN : map->bucket_cap * 2;
        map->buckets = xrealloc(map->buckets, map->bucket_cap * sizeof *map->buckets);
    }
    map->bucket_count++;
    if (new_index == 0) {
        map->buckets[0] = NULL;
        return;
    }
    if (new_index > map->mask * 2 + 1)
        map->mask = map->mask * 2 + 1;
    for (from = &map->buckets[hmap_index(map, new_index & map->mask)]; (node = *from) != NULL;) {
        if (hmap_index(map, node->hash) == new_index) {
            *from = node->next;
            node->next = moved;
            moved = node;
        } else {
            from = &node->next;
        }
    }
    map->buckets[new_index] = moved;
}

/* One bucket less: its nodes go back to the lower twin. */
static void shrink(struct hmap *map)
{
    struct hmap_node *node = map->buckets[--map->bucket_count];

    if (map->bucket_count <= map->mask)
        map->mask /= 2;
    while (node != NULL) {
        struct hmap_node *next = node->next;
        struct hmap_node **to = &map->buckets[hmap_index(map, node->hash)];

        node->next = *to;
        *to = node;
        node = next;
    }
    if (map->bucket_count >= BUCKETS_MIN && map->bucket_count * 4 <= map->bucket_cap) {
        map->bucket_cap /= 2;
        map->buckets = xrealloc(map->buckets, map->bucket_cap * sizeof *map->buckets);
    }
}

void hmap_insert(struct hmap *map, struct hmap_node *node, uint64_t hash)
{
    struct hmap_node **bucket;

    if (map->count >= map->bucket_count)
        grow(map);
    bucket = &map->buckets[hmap_index(map, hash)];
    node->hash = hash;
    node->next = *bucket;
    *bucket = node;
    map->count++;
}

void hmap_remove(struct hmap *map, struct hmap_node *node)
{
    struct hmap_node **link = &map->buckets[hmap_index(map, node->hash)];

    while (*link != node) {
        ASSERT(*link != NULL);
        link = &(*link)->next;
    }
    *link = node->next;
    map->count--;
    if (map->bucket_count > BUCKETS_MIN && map->count * 2 < map->bucket_count)
        shrink(map);
}

struct hmap_node *hmap_any(const struct hmap *map, size_t *cursor)
{
    if (map->count == 0)
        return NULL;
    if (*cursor >= map->bucket_count)
        *cursor = 0;
    while (map->buckets[*cursor] == NULL)
        *cursor = *cursor + 1 < map->bucket_count ? *cursor + 1 : 0;
    return map->buckets[*cursor];
}

void hmap_walk(const struct hmap *map, void (*visit)(void *arg, struct hmap_node *node), void *arg)
{
    for (size_t i = 0; i < map->bucket_count; i++) {
        struct hmap_node *node = map->buckets[i];

        while (node != NULL) {
            struct hmap_node *next = node->next;

            visit(arg, node);
            node = next;
        }
    }
}

/* The nodes are visited by the bucket in which they would have been at the beginning. Since
 * then it has been split, or merged with others that share its lower bits. */
bool hmap_walk_part(const struct hmap *map, struct hmap_cursor *cursor,
                    void (*visit)(void *arg, struct hmap_node *node), void *arg)
{
    struct hmap then = {0};
    size_t wanted, step;

    if (cursor->next == 0) {
        cursor->bucket_count = map->bucket_count;
        cursor->mask = map->mask;
    }
    if (cursor->next == cursor->bucket_count)
        return false;
    wanted = cursor->next++;
    then.bucket_count = cursor->bucket_count;
    then.mask = cursor->mask;
    step = (map->mask < cursor->mask ? map->mask : cursor->mask) + 1;
    for (size_t i = wanted & (step - 1); i < map->bucket_count; i += step) {
        for (struct hmap_node *node = map->buckets[i]; node != NULL; node = node->next) {
            if (hmap_index(&then, node->hash) == wanted)
                visit(arg, node);
        }
    }
    return true;
}
