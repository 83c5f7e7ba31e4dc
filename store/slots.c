/* slots: see slots.h. */
#include "store/slots.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

void slots_init(struct slots *slots, size_t object_bytes)
{
    ASSERT(object_bytes >= sizeof(uint32_t));
    *slots = (struct slots){.object_bytes = (uint32_t)object_bytes, .end = 1};
}

void slots_done(struct slots *slots)
{
    for (uint32_t i = 0; i < slots->chunk_count; i++)
        free(slots->chunks[i]);
    free(slots->chunks);
    slots->chunks = NULL;
    slots->chunk_count = slots->chunk_cap = 0;
}

static void add_chunk(struct slots *slots)
{
    size_t bytes = (size_t)SLOTS_PER_CHUNK * slots->object_bytes;

    if (slots->chunk_count == slots->chunk_cap) {
        slots->chunk_cap = slots->chunk_cap == 0 ? 8 : slots->chunk_cap * 2;
        slots->chunks = xrealloc(slots->chunks, slots->chunk_cap * sizeof *slots->chunks);
    }
    slots->chunks[slots->chunk_count++] = memset(xmalloc(bytes), 0, bytes);
}

uint32_t slots_alloc(struct slots *slots)
{
    uint32_t slot = slots->first_free;

    if (slot != 0) {
        memcpy(&slots->first_free, slots_at(slots, slot), sizeof slots->first_free);
        return slot;
    }
    if (slots->end == UINT32_MAX)
        die("more than 2^32 objects of one kind; split the tree over several ensembles");
    slot = slots->end++;
    if (slot >> SLOTS_SHIFT == slots->chunk_count)
        add_chunk(slots);
    return slot;
}

void slots_free(struct slots *slots, uint32_t slot)
{
    ASSERT(slot != 0 && slot < slots->end);
    memcpy(slots_at(slots, slot), &slots->first_free, sizeof slots->first_free);
    slots->first_free = slot;
}
