/* spare_buffers: large buffers that one connection is done with, kept for the next one that
 * needs one. The system takes its time to give memory and to take it back: half of what a
 * large value cost. Bounded; what is not needed any more is freed by and by. Plain value; a
 * zeroed one is empty. Thread: the loop. */
#ifndef ZKFS_SERVER_SPARE_BUFFERS_H
#define ZKFS_SERVER_SPARE_BUFFERS_H

#include "proto/base/buf.h"

#include <stdbool.h>

/* What is smaller is not worth it; what is larger is too much to keep. */
#define SPARE_BYTES_MIN ((size_t)64 << 10)
#define SPARE_BYTES_MAX ((size_t)4 << 20)

#define SPARES_MAX 32
#define SPARES_BYTES_MAX ((size_t)16 << 20)

struct spare_buffers {
    struct buf items[SPARES_MAX];
    size_t count;
    size_t bytes; /* that they have room for */
    size_t least; /* the fewest there were since the last trim */
};

/* Takes the memory of B, which is empty then. */
void spare_buffers_give(struct spare_buffers *all, struct buf *b);

/* The largest one, if it has room for SIZE bytes, or an empty buf; the caller's. */
struct buf spare_buffers_take(struct spare_buffers *all, size_t size);

/* Frees those that nobody needed since the last call. To be called now and then. */
void spare_buffers_trim(struct spare_buffers *all);

void spare_buffers_done(struct spare_buffers *all);

#endif
