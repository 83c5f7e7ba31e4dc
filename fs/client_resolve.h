/* client_resolve: names to addresses, off the loop. Asked at every dial, as an
 * ensemble's names move. Thread: the loop. */
#ifndef ZKFS_FS_CLIENT_RESOLVE_H
#define ZKFS_FS_CLIENT_RESOLVE_H

#include "fs/hosts.h"

#include <uv.h>

struct resolve;

/* RC 0 or libuv's code. The callee takes ADDRESSES, to be ended with
 * uv_freeaddrinfo(); NULL with an error. RESOLVE is gone when it returns. */
typedef void (*resolve_cb)(void *arg, int rc, struct addrinfo *addresses);

/* HOST is borrowed. Errors: libuv's code, then CB is not called. */
int resolve_start(uv_loop_t *loop, const struct host *host, resolve_cb cb, void *arg,
                  struct resolve **ret_resolve);

/* CB will not be called. The look-up cannot be stopped once it runs: it ends by itself, and
 * keeps the loop alive so long. */
void resolve_abandon(struct resolve *resolve);

#endif
