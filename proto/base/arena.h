/* arena: memory of one request, given out piece by piece and taken back in
 * one go. Plain value; a zeroed one is empty. One thread. */
#ifndef ZKFS_PROTO_BASE_ARENA_H
#define ZKFS_PROTO_BASE_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first */
    char *next, *end;           /* what is free in the newest */
};

/* SIZE bytes, aligned for any type, not zeroed; valid until reset or done. */
void *arena_alloc(struct arena *a, size_t size);

/* Takes everything back and keeps one chunk for the next request. */
void arena_reset(struct arena *a);

/* Takes everything back and frees it. */
void arena_done(struct arena *a);

#endif
