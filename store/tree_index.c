/* tree_index: see tree_index.h. The table holds between 2^k and 2^(k+1) buckets,
 * one for each znode that there has been at once; bucket i of the upper half is
 * split off bucket i - 2^k when it comes into use. */
#include "store/tree_index.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "store/tree_private.h"

#include <stdlib.h>

void tree_index_done(struct tree_index *index)
{
    for (uint32_t i = 0; i < index->segment_count; i++)
        free(index->segments[i]);
    free(index->segments);
    *index = (struct tree_index){0};
}

static void add_segment(struct tree_index *index)
{
    if (index->segment_count == index->segment_cap) {
        index->segment_cap = index->segment_cap == 0 ? 8 : index->segment_cap * 2;
        index->segments = xrealloc(index->segments, index->segment_cap * sizeof *index->segments);
    }
    index->segments[index->segment_count++] = xcalloc(TREE_INDEX_SEGMENT, sizeof(uint32_t));
}

/* One bucket more, empty. */
static void add_bucket(struct tree_index *index)
{
    uint32_t added = index->bucket_count++;

    if (added >> TREE_INDEX_SHIFT == index->segment_count)
        add_segment(index);
    if (added > index->mask * 2 + 1)
        index->mask = index->mask * 2 + 1;
}

void tree_index_reserve(struct tree_index *index, uint64_t count)
{
    ASSERT(index->count == 0);
    if (count > TREE_INDEX_RESERVE_MAX)
        count = TREE_INDEX_RESERVE_MAX;
    while (index->bucket_count < count)
        add_bucket(index);
}

/* Moves the znodes of the chain *FROM that belong to bucket TO. */
static void split(struct tree_index *index, const struct slots *znodes, uint32_t *from,
                  uint32_t *to)
{
    while (*from != 0) {
        struct znode *znode = slots_at(znodes, *from);

        if (tree_index_bucket(index, znode->hash) == to) {
            uint32_t slot = *from;

            *from = znode->next;
            znode->next = *to;
            *to = slot;
        } else {
            from = &znode->next;
        }
    }
}

static void grow(struct tree_index *index, const struct slots *znodes)
{
    uint32_t added = index->bucket_count;

    add_bucket(index);
    if (added == 0)
        return;
    /* ADDED is in the upper half, so its twin without the highest bit was split last. */
    split(index, znodes, tree_index_bucket(index, added & index->mask),
          tree_index_bucket(index, added));
}

void tree_index_insert(struct tree_index *index, const struct slots *znodes, uint32_t slot)
{
    struct znode *znode = slots_at(znodes, slot);
    uint32_t *bucket;

    if (index->count++ == index->bucket_count)
        grow(index, znodes);
    bucket = tree_index_bucket(index, znode->hash);
    znode->next = *bucket;
    *bucket = slot;
}

void tree_index_remove(struct tree_index *index, const struct slots *znodes, uint32_t slot)
{
    uint32_t *link = tree_index_bucket(index, ((struct znode *)slots_at(znodes, slot))->hash);

    while (*link != slot) {
        ASSERT(*link != 0);
        link = &((struct znode *)slots_at(znodes, *link))->next;
    }
    *link = ((struct znode *)slots_at(znodes, slot))->next;
    index->count--;
}
