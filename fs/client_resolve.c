/* client_resolve: see client_resolve.h. */
#include "fs/client_resolve.h"

#include "proto/base/list.h"
#include "proto/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

struct resolve {
    uv_getaddrinfo_t request;
    resolve_cb cb; /* NULL: abandoned */
    void *arg;
};

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses)
{
    struct resolve *resolve = CONTAINER_OF(request, struct resolve, request);

    if (resolve->cb == NULL)
        uv_freeaddrinfo(addresses);
    else
        resolve->cb(resolve->arg, status, addresses);
    free(resolve);
}

int resolve_start(uv_loop_t *loop, const struct host *host, resolve_cb cb, void *arg,
                  struct resolve **ret_resolve)
{
    struct resolve *resolve = xcalloc(1, sizeof *resolve);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    char port[8];
    int rc;

    *resolve = (struct resolve){.cb = cb, .arg = arg};
    (void)snprintf(port, sizeof port, "%u", host->port); /* five digits fit */
    rc = uv_getaddrinfo(loop, &resolve->request, on_resolved, host->name, port, &hints);
    if (rc < 0) {
        free(resolve);
        return rc;
    }
    *ret_resolve = resolve;
    return 0;
}

void resolve_abandon(struct resolve *resolve)
{
    resolve->cb = NULL;
    /* Succeeds while it waits for a thread, and then on_resolved comes soon. */
    (void)uv_cancel((uv_req_t *)&resolve->request);
}
