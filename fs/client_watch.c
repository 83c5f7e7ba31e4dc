/* client_watch: see client_watch.h. */
#include "fs/client_watch.h"

#include "proto/base/list.h"
#include "proto/base/mem.h"

#include <stdlib.h>

struct watched {
    struct hmap_node node;
    int kinds; /* never 0 */
    int32_t len;
    uint8_t path[];
};

static uint64_t path_hash(const struct watch_table *table, struct jute_bytes path)
{
    return hash_bytes(&table->key, path.data, jute_size(path));
}

static struct jute_bytes watched_path(struct watched *watched)
{
    return (struct jute_bytes){.data = watched->path, .len = watched->len};
}

static struct watched *find(const struct watch_table *table, struct jute_bytes path, uint64_t hash)
{
    for (struct hmap_node *n = hmap_first(&table->map, hash); n != NULL; n = hmap_next(n)) {
        struct watched *watched = CONTAINER_OF(n, struct watched, node);

        if (jute_equal(watched_path(watched), path))
            return watched;
    }
    return NULL;
}

void watch_table_clear(struct watch_table *table)
{
    struct hmap_node *node;
    size_t cursor = 0;

    while ((node = hmap_any(&table->map, &cursor)) != NULL) {
        hmap_remove(&table->map, node);
        free(CONTAINER_OF(node, struct watched, node));
    }
    hmap_done(&table->map);
    table->map = (struct hmap){0};
}

void watch_table_add(struct watch_table *table, struct jute_bytes path, int kinds)
{
    uint64_t hash = path_hash(table, path);
    struct watched *watched = find(table, path, hash);

    if (watched == NULL) {
        watched = xmalloc(sizeof *watched + jute_size(path));
        watched->kinds = 0;
        watched->len = (int32_t)jute_size(path);
        if (watched->len > 0)
            memcpy(watched->path, path.data, jute_size(path));
        hmap_insert(&table->map, &watched->node, hash);
    }
    watched->kinds |= kinds;
}

void watch_table_remove(struct watch_table *table, struct jute_bytes path, int kinds)
{
    struct watched *watched = find(table, path, path_hash(table, path));

    if (watched == NULL)
        return;
    watched->kinds &= ~kinds;
    if (watched->kinds != 0)
        return;
    hmap_remove(&table->map, &watched->node);
    free(watched);
}

void watch_table_fired(struct watch_table *table, struct jute_bytes path, enum event_type type)
{
    switch (type) {
    case EVENT_NODE_CREATED:
    case EVENT_NODE_DATA_CHANGED:
        watch_table_remove(table, path, WATCH_DATA | WATCH_EXIST);
        break;
    case EVENT_NODE_DELETED:
        watch_table_remove(table, path, WATCH_DATA | WATCH_EXIST | WATCH_CHILD);
        break;
    case EVENT_NODE_CHILDREN_CHANGED:
        watch_table_remove(table, path, WATCH_CHILD);
        break;
    case EVENT_NONE:
        break;
    }
}

int watch_table_kinds(const struct watch_table *table, struct jute_bytes path)
{
    struct watched *watched = find(table, path, path_hash(table, path));

    return watched == NULL ? 0 : watched->kinds;
}

/* A part in the making. */
struct part {
    struct zk_set_watches2 record;
    size_t bytes;
    watch_emit_cb emit;
    void *arg;
};

static void list_push(struct zk_vec_ustring *list, struct jute_bytes path)
{
    /* Room is doubled when the count reaches a power of two. */
    if ((list->count & (list->count - 1)) == 0) {
        size_t cap = list->count == 0 ? 1 : 2 * (size_t)list->count;

        list->items = xrealloc(list->items, cap * sizeof *list->items);
    }
    list->items[list->count++] = path;
}

static void part_flush(struct part *part)
{
    struct zk_set_watches2 *record = &part->record;

    if (part->bytes > 0)
        part->emit(part->arg, record,
                   record->persistent.count > 0 || record->persistent_recursive.count > 0);
    part->bytes = 0;
    record->data.count = record->exist.count = record->child.count = 0;
    record->persistent.count = record->persistent_recursive.count = 0;
}

static void part_add(struct part *part, struct zk_vec_ustring *list, struct jute_bytes path)
{
    size_t bytes = 4 + jute_size(path);

    if (part->bytes + bytes > WATCH_PART_BYTES)
        part_flush(part);
    list_push(list, path);
    part->bytes += bytes;
}

static void part_visit(void *arg, struct hmap_node *node)
{
    struct part *part = arg;
    struct watched *watched = CONTAINER_OF(node, struct watched, node);
    struct jute_bytes path = watched_path(watched);

    if (watched->kinds & WATCH_DATA)
        part_add(part, &part->record.data, path);
    if (watched->kinds & WATCH_EXIST)
        part_add(part, &part->record.exist, path);
    if (watched->kinds & WATCH_CHILD)
        part_add(part, &part->record.child, path);
    if (watched->kinds & WATCH_PERSISTENT)
        part_add(part, &part->record.persistent, path);
    if (watched->kinds & WATCH_RECURSIVE)
        part_add(part, &part->record.persistent_recursive, path);
}

void watch_table_emit(const struct watch_table *table, zk_zxid relative_zxid, watch_emit_cb emit,
                      void *arg)
{
    struct part part = {.record = {.relative_zxid = relative_zxid}, .emit = emit, .arg = arg};

    hmap_walk(&table->map, part_visit, &part);
    part_flush(&part);
    free(part.record.data.items);
    free(part.record.exist.items);
    free(part.record.child.items);
    free(part.record.persistent.items);
    free(part.record.persistent_recursive.items);
}
