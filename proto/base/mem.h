/* mem: allocation that never returns NULL. What outside bytes can ask for is
 * limited before it is allocated, so exhaustion here ends the process. */
#ifndef ZKFS_PROTO_BASE_MEM_H
#define ZKFS_PROTO_BASE_MEM_H

#include <stddef.h>

/* Each gives memory to be ended with free(). Any thread. */
void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *old, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
void *xmemdup(const void *src, size_t size) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));

#endif
