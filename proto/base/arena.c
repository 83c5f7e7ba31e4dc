/* arena: see arena.h. */
#include "proto/base/arena.h"

#include "proto/base/mem.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#define CHUNK_BYTES 4096

struct arena_chunk {
    struct arena_chunk *older;
    size_t size;
    alignas(max_align_t) char data[];
};

static void add_chunk(struct arena *a, size_t size)
{
    struct arena_chunk *chunk = xmalloc(sizeof *chunk + size);

    chunk->older = a->chunks;
    chunk->size = size;
    a->chunks = chunk;
    a->next = chunk->data;
    a->end = chunk->data + size;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t align = alignof(max_align_t);
    size_t rounded = (size + align - 1) & ~(align - 1);
    void *p;

    if ((size_t)(a->end - a->next) < rounded || a->next == NULL)
        add_chunk(a, rounded > CHUNK_BYTES ? rounded : CHUNK_BYTES);
    p = a->next;
    a->next += rounded;
    return p;
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *chunk = a->chunks;

    if (chunk == NULL || (chunk->older == NULL && chunk->size == CHUNK_BYTES)) {
        a->next = chunk == NULL ? NULL : chunk->data;
        return;
    }
    arena_done(a);
}

void arena_done(struct arena *a)
{
    while (a->chunks != NULL) {
        struct arena_chunk *older = a->chunks->older;

        free(a->chunks);
        a->chunks = older;
    }
    *a = (struct arena){0};
}
