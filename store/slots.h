/* slots: a growable array of equal objects that never move, named by a 32-bit
 * number; freed ones are given again. It saves what malloc adds to each object,
 * and half of every link between them. It grows by a chunk at a time, so no call
 * takes time in proportion to its size; chunks are kept until the end. Plain
 * value. One thread. */
#ifndef ZKFS_STORE_SLOTS_H
#define ZKFS_STORE_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#define SLOTS_SHIFT 10
#define SLOTS_PER_CHUNK (1u << SLOTS_SHIFT)

struct slots {
    char **chunks;
    uint32_t chunk_count, chunk_cap;
    uint32_t object_bytes; /* at least 4, a multiple of the alignment */
    uint32_t end;          /* numbers given so far; slot 0 is never given */
    uint32_t first_free;   /* 0: none; each free one names the next in its first bytes */
};

/* An empty array of objects of this size. */
void slots_init(struct slots *slots, size_t object_bytes);

/* Frees all; what the objects own is the caller's. */
void slots_done(struct slots *slots);

/* A slot, zeroed when it is new; one that was freed keeps its content but for the
 * first 4 bytes. Dies when 2^32 are in use. */
uint32_t slots_alloc(struct slots *slots);
void slots_free(struct slots *slots, uint32_t slot);

static inline void *slots_at(const struct slots *slots, uint32_t slot)
{
    return slots->chunks[slot >> SLOTS_SHIFT] +
           (size_t)(slot & (SLOTS_PER_CHUNK - 1)) * slots->object_bytes;
}

#endif
