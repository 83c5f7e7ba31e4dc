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

void sync_table_done(struct sync_table *table)
{
    ASSERT(table->by_cookie.count == 0);
    hmap_done(&table->by_cookie);
}

uint64_t sync_table_add(struct sync_table *table, struct core_client *client)
{
    struct sync *sync = xmalloc(sizeof *sync);

    sync->cookie = ++table->last_cookie;
    sync->client = client;
    hmap_insert(&table->by_cookie, &sync->by_cookie, hash_u64(sync->cookie));
    return sync->cookie;
}

struct core_client *sync_table_take(struct sync_table *table, uint64_t cookie)
{
    struct hmap_node *node = hmap_first(&table->by_cookie, hash_u64(cookie));

    for (; node != NULL; node = hmap_next(node)) {
        struct sync *sync = CONTAINER_OF(node, struct sync, by_cookie);

        if (sync->cookie == cookie) {
            struct core_client *client = sync->client;

            hmap_remove(&table->by_cookie, node);
            free(sync);
            return client;
        }
    }
    return NULL;
}

void sync_table_forget(struct sync_table *table, uint64_t cookie)
{
    struct core_client *client = sync_table_take(table, cookie);

    ASSERT(client != NULL);
}
