/* hmap: an intrusive hash table that grows and shrinks one bucket at a time
 * [Litwin, linear hashing], so that no insertion takes time in proportion to
 * the table. An object holds a `struct hmap_node`; the caller computes the hash
 * (hash.h) and compares keys. The table owns its buckets, never the objects. */
#ifndef ZKFS_PROTO_BASE_HMAP_H
#define ZKFS_PROTO_BASE_HMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hmap_node {
    struct hmap_node *next;
    uint64_t hash;
};

struct hmap {
    struct hmap_node **buckets;
    size_t count;        /* nodes */
    size_t bucket_count; /* buckets in use */
    size_t bucket_cap;   /* buckets allocated */
    size_t mask;         /* 2^k - 1, where 2^k <= bucket_count < 2^(k+1) */
};

/* A zeroed hmap is an empty one. Frees the buckets; the nodes are the
 * caller's. */
void hmap_done(struct hmap *map);

/* NODE must not be in a table. Equal hashes are fine. */
void hmap_insert(struct hmap *map, struct hmap_node *node, uint64_t hash);

/* NODE must be in MAP. */
void hmap_remove(struct hmap *map, struct hmap_node *node);

/* The bucket of HASH; see hmap_first. */
static inline size_t hmap_index(const struct hmap *map, uint64_t hash)
{
    size_t i = hash & (map->mask << 1 | 1);

    return i < map->bucket_count ? i : hash & map->mask;
}

/* The first node with this HASH, then the next: for (n = hmap_first(m, h); n;
 * n = hmap_next(n)) compare the key. */
static inline struct hmap_node *hmap_skip_to(struct hmap_node *node, uint64_t hash)
{
    while (node != NULL && node->hash != hash)
        node = node->next;
    return node;
}

static inline struct hmap_node *hmap_first(const struct hmap *map, uint64_t hash)
{
    if (map->bucket_count == 0)
        return NULL;
    return hmap_skip_to(map->buckets[hmap_index(map, hash)], hash);
}

static inline struct hmap_node *hmap_next(const struct hmap_node *node)
{
    return hmap_skip_to(node->next, node->hash);
}

/* Any node at all, to empty a table: while ((n = hmap_any(m)) != NULL) ...;
 * NULL when empty. *CURSOR starts at 0 and makes the whole walk linear. */
struct hmap_node *hmap_any(const struct hmap *map, size_t *cursor);

/* Calls VISIT for every node, in no order; it must not change the table. */
void hmap_walk(const struct hmap *map, void (*visit)(void *arg, struct hmap_node *node), void *arg);

/* A walk in parts, between which the table may change. A zeroed cursor is at the
 * beginning. Every node that is there all the time is visited exactly once;
 * those that come or go meanwhile may be. */
struct hmap_cursor {
    size_t bucket_count, mask; /* as they were at the beginning */
    size_t next;
};

/* The next part of the walk: a few nodes, or none. VISIT must not change the table. False,
 * and nothing was visited: the walk is over. */
bool hmap_walk_part(const struct hmap *map, struct hmap_cursor *cursor,
                    void (*visit)(void *arg, struct hmap_node *node), void *arg);

#endif
