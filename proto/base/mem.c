/* mem: see mem.h. */
#include "proto/base/mem.h"

#include "proto/base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_die(void *p, size_t size)
{
    if (p == NULL)
        die("out of memory: cannot allocate %zu bytes", size);
    return p;
}

/* malloc(0) may be NULL, which is no failure: ask for one byte instead. */
static size_t at_least_one(size_t size)
{
    return size == 0 ? 1 : size;
}

void *xmalloc(size_t size)
{
    return or_die(malloc(at_least_one(size)), size);
}

void *xcalloc(size_t count, size_t size)
{
    return or_die(calloc(at_least_one(count), at_least_one(size)), size);
}

void *xrealloc(void *old, size_t size)
{
    return or_die(realloc(old, at_least_one(size)), size);
}

char *xstrdup(const char *s)
{
    return xmemdup(s, strlen(s) + 1);
}

void *xmemdup(const void *src, size_t size)
{
    void *copy = xmalloc(size);

    if (size > 0)
        memcpy(copy, src, size);
    return copy;
}

char *xasprintf(const char *fmt, ...)
{
    va_list ap;
    char *text;

    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        text = NULL;
    va_end(ap);
    return or_die(text, 0);
}
