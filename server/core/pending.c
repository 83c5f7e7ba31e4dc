/* pending: see pending.h. */
#include "server/core/pending.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "server/core/client.h"
#include "server/core/core_state.h"
#include "server/core/ops.h"
#include "server/core/sync_table.h"

#include <stdlib.h>

#define POOL_MAX 4096

void pending_pool_init(struct pending_pool *pool)
{
    list_init(&pool->free);
    pool->count = 0;
}

void pending_pool_done(struct pending_pool *pool)
{
    struct list *link;

    while ((link = list_pop_front(&pool->free)) != NULL)
        free(CONTAINER_OF(link, struct pending, link));
}

static struct pending *pool_take(struct pending_pool *pool)
{
    struct list *link = list_pop_front(&pool->free);

    if (link == NULL)
        return xmalloc(sizeof(struct pending));
    pool->count--;
    return CONTAINER_OF(link, struct pending, link);
}

static void pool_give(struct pending_pool *pool, struct pending *entry)
{
    if (pool->count == POOL_MAX) {
        free(entry);
        return;
    }
    pool->count++;
    list_push_front(&pool->free, &entry->link);
}

/* Nobody is answered by the end of a wait. */
static size_t counts(const struct pending *entry)
{
    return entry->kind == PENDING_WAIT ? 0 : 1;
}

static size_t walks(const struct pending *entry)
{
    bool is_frame = entry->kind == PENDING_FRAME || entry->kind == PENDING_HELD;
    const struct op_handler *handler = is_frame ? op_find(entry->op) : NULL;

    return handler != NULL && (handler->flags & OP_WALKS) ? 1 : 0;
}

void pending_push(struct core_client *client, const struct pending *entry)
{
    struct pending *copy = pool_take(&client->core->pool);

    *copy = *entry;
    list_push_back(&client->pending, &copy->link);
    client->owed.requests += counts(copy);
    client->owed.bytes += copy->bytes;
    client->owed.walks += walks(copy);
    client->core->stats.outstanding += counts(copy);
    client->core->stats.large_bytes += copy->large;
}

struct pending *pending_front(const struct core_client *client)
{
    if (list_empty(&client->pending))
        return NULL;
    return CONTAINER_OF(client->pending.next, struct pending, link);
}

struct pending pending_take(struct core_client *client, struct list *list)
{
    struct list *link = list_pop_front(list);
    struct pending *entry;
    struct pending taken;

    ASSERT(link != NULL);
    entry = CONTAINER_OF(link, struct pending, link);
    taken = *entry;
    client->owed.requests -= counts(&taken);
    client->owed.bytes -= taken.bytes;
    client->owed.walks -= walks(&taken);
    client->core->stats.outstanding -= counts(&taken);
    client->core->stats.large_bytes -= taken.large;
    pool_give(&client->core->pool, entry);
    return taken;
}

struct pending pending_pop(struct core_client *client)
{
    return pending_take(client, &client->pending);
}

void pending_move(struct core_client *client, struct list *list)
{
    struct list *link;

    list_init(list);
    while ((link = list_pop_front(&client->pending)) != NULL)
        list_push_back(list, link);
}

void pending_drop(struct core_client *client)
{
    list_remove(&client->waiting);
    while (!list_empty(&client->pending)) {
        struct pending entry = pending_pop(client);

        if (entry.kind == PENDING_SYNC)
            sync_table_forget(&client->core->syncs, entry.cookie);
        free(entry.frame);
    }
}
