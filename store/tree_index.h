/* tree_index: finds znodes by the hash of their path. Linear hashing as in
 * proto/base/hmap.h, but with 32-bit links: a bucket is the slot of its first
 * znode, and each znode names the next. Buckets lie in segments, so that growth
 * neither copies nor stops; they are kept when znodes go. Part of the tree. Plain
 * value; a zeroed one is empty. */
#ifndef ZKFS_STORE_TREE_INDEX_H
#define ZKFS_STORE_TREE_INDEX_H

#include "store/slots.h"

#include <stdint.h>

#define TREE_INDEX_SHIFT 12
#define TREE_INDEX_SEGMENT (1u << TREE_INDEX_SHIFT)

struct tree_index {
    uint32_t **segments;
    uint32_t segment_count, segment_cap;
    uint32_t bucket_count;
    uint32_t mask;  /* 2^k - 1, where 2^k <= bucket_count < 2^(k+1) */
    uint32_t count; /* znodes */
};

void tree_index_done(struct tree_index *index);

/* Makes buckets for COUNT znodes (at most TREE_INDEX_RESERVE_MAX), so that they need
 * not be split one by one. INDEX is empty. */
#define TREE_INDEX_RESERVE_MAX (1u << 24)
void tree_index_reserve(struct tree_index *index, uint64_t count);

/* The znode in SLOT of ZNODES has its hash set and is in no index, or is in this one. */
void tree_index_insert(struct tree_index *index, const struct slots *znodes, uint32_t slot);
void tree_index_remove(struct tree_index *index, const struct slots *znodes, uint32_t slot);

static inline uint32_t *tree_index_bucket(const struct tree_index *index, uint32_t hash)
{
    uint32_t i = hash & (index->mask << 1 | 1);

    if (i >= index->bucket_count)
        i = hash & index->mask;
    return &index->segments[i >> TREE_INDEX_SHIFT][i & (TREE_INDEX_SEGMENT - 1)];
}

/* The first znode of the bucket of HASH (0: none), whose `next` leads on; their
 * hashes may differ. */
static inline uint32_t tree_index_first(const struct tree_index *index, uint32_t hash)
{
    return index->bucket_count == 0 ? 0 : *tree_index_bucket(index, hash);
}

#endif
