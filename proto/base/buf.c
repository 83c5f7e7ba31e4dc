/* buf: see buf.h. */
#include "proto/base/buf.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_done(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}

void buf_reserve(struct buf *b, size_t more)
{
    size_t cap = b->cap < 64 ? 64 : b->cap;

    ASSERT(more <= SIZE_MAX / 4 - b->len);
    while (cap - b->len < more)
        cap += cap / 2;
    b->data = xrealloc(b->data, cap);
    b->cap = cap;
}

void buf_append(struct buf *b, const void *data, size_t size)
{
    if (size > 0)
        memcpy(buf_extend(b, size), data, size);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    int len;

    va_start(ap, fmt);
    len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    ASSERT(len >= 0);
    if (b->cap - b->len < (size_t)len + 1)
        buf_reserve(b, (size_t)len + 1);
    va_start(ap, fmt);
    (void)vsnprintf((char *)b->data + b->len, (size_t)len + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)len;
}

char *buf_cstr(struct buf *b)
{
    if (b->cap - b->len < 1)
        buf_reserve(b, 1);
    b->data[b->len] = '\0';
    return (char *)b->data;
}
