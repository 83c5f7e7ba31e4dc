/* sync_table: see sync_table.h. */
#include "server/core/sync_table.h"

#include "proto/base/assert.h"
#include "proto/base/hash.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"

#include <stdlib.h>

struct sync {
    struct hmap_node by_cookie;
    uint64_t cookie;
    struct core_client *client;
};

static void free_sync(void *arg, struct hmap_node *node)
{
    (void)arg;
    free(CONTAINER_OF(node, struct sync, by_cookie));
}

void sync_table_clear(struct sync_table *table)
{
    hmap_walk(&table->by_cookie, free_sync, NULL);
    hmap_done(&table->by_cookie);
    table->by_cookie = (struct hmap){0};
}

uint64_t sync_table_add(struct sync_table *table, struct core_client *client)
{
    struct sync *sync = xmalloc(sizeof *sync);

    sync->cookie = ++table->last_cookie;
    sync->client = client;
    hmap_insert(&table->by_cookie, &sync->by_cookie, hash_u64(sync->cookie));
    return sync->cookie;
}

bool sync_table_take(struct sync_table *table, uint64_t cookie, struct core_client **ret_client)
{
    struct hmap_node *node = hmap_first(&table->by_cookie, hash_u64(cookie));

    for (; node != NULL; node = hmap_next(node)) {
        struct sync *sync = CONTAINER_OF(node, struct sync, by_cookie);

        if (sync->cookie == cookie) {
            *ret_client = sync->client;
            hmap_remove(&table->by_cookie, node);
            free(sync);
            return true;
        }
    }
    return false;
}

void sync_table_forget(struct sync_table *table, uint64_t cookie)
{
    struct core_client *client;

    ASSERT(sync_table_take(table, cookie, &client));
}
