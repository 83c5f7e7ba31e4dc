/* buf: a growable array of bytes that is written at its end. Plain value; a
 * zeroed one is empty. One owner, one thread. */
#ifndef ZKFS_PROTO_BASE_BUF_H
#define ZKFS_PROTO_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data;
    size_t len; /* bytes written */
    size_t cap; /* bytes allocated */
};

/* Frees the bytes and leaves an empty buf. */
void buf_done(struct buf *b);

/* Makes room for MORE bytes behind the end; the slow path of buf_extend. */
void buf_reserve(struct buf *b, size_t more);

/* Room for SIZE bytes at the end, counted as written; valid until the next
 * call that grows B. */
static inline uint8_t *buf_extend(struct buf *b, size_t size)
{
    if (b->cap - b->len < size)
        buf_reserve(b, size);
    b->len += size;
    return b->data + b->len - size;
}

void buf_append(struct buf *b, const void *data, size_t size);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Ends the bytes with a NUL that is not counted and gives them as a string,
 * borrowed until the next change of B. */
char *buf_cstr(struct buf *b);

#endif
