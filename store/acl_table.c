/* acl_table: see acl_table.h. */
#include "store/acl_table.h"

#include "proto/base/assert.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"

#include <stdlib.h>

/* One ACL: its entries, then the wire bytes that their strings point into. */
struct acl_entry {
    struct hmap_node by_bytes;
    uint32_t id;
    uint32_t users;
    uint32_t len; /* of the bytes */
    bool changed; /* the id is in table->changed */
    struct zk_vec_acl list;
    struct zk_acl items[];
};

static struct acl_entry *entry_of(struct hmap_node *node)
{
    return CONTAINER_OF(node, struct acl_entry, by_bytes);
}

static uint8_t *entry_bytes(struct acl_entry *entry)
{
    return (uint8_t *)(entry->items + entry->list.count);
}

/* Encodes ACL into the scratch buffer, which is the key. */
static struct jute_bytes encode(struct acl_table *table, const struct zk_vec_acl *acl)
{
    table->scratch.len = 0;
    put_vec_acl(&table->scratch, acl);
    return (struct jute_bytes){.data = table->scratch.data, .len = (int32_t)table->scratch.len};
}

static struct acl_entry *find(const struct acl_table *table, struct jute_bytes bytes, uint64_t hash)
{
    for (struct hmap_node *node = hmap_first(&table->by_bytes, hash); node != NULL;
         node = hmap_next(node)) {
        struct acl_entry *entry = entry_of(node);

        if (entry->len == (uint32_t)bytes.len &&
            memcmp(entry_bytes(entry), bytes.data, entry->len) == 0)
            return entry;
    }
    return NULL;
}

static struct jute_bytes copy_string(uint8_t **at, struct jute_bytes s)
{
    struct jute_bytes copy = {.data = *at, .len = s.len};

    if (s.len <= 0)
        return s.len < 0 ? JUTE_NULL : (struct jute_bytes){.data = *at, .len = 0};
    memcpy(*at, s.data, (size_t)s.len);
    *at += s.len;
    return copy;
}

/* The strings of ACL take fewer bytes than its wire form, so both find room behind
 * the entry: first the key, then the strings. */
static struct acl_entry *entry_new(uint32_t id, const struct zk_vec_acl *acl,
                                   struct jute_bytes bytes)
{
    size_t items = (size_t)acl->count * sizeof(struct zk_acl);
    struct acl_entry *entry = xmalloc(sizeof *entry + items + 2 * (size_t)bytes.len);
    uint8_t *at;

    *entry = (struct acl_entry){.id = id, .len = (uint32_t)bytes.len};
    entry->list = (struct zk_vec_acl){.count = acl->count, .items = entry->items};
    at = entry_bytes(entry);
    memcpy(at, bytes.data, (size_t)bytes.len);
    at += bytes.len;
    for (int32_t i = 0; i < acl->count; i++) {
        entry->items[i].perms = acl->items[i].perms;
        entry->items[i].scheme = copy_string(&at, acl->items[i].scheme);
        entry->items[i].id = copy_string(&at, acl->items[i].id);
    }
    return entry;
}

static void grow_entries(struct acl_table *table, uint32_t id)
{
    while (table->entry_cap <= id) {
        uint32_t cap = table->entry_cap == 0 ? 16 : table->entry_cap * 2;

        table->entries = xrealloc(table->entries, cap * sizeof(struct acl_entry *));
        table->entry_cap = cap;
    }
    while (table->entry_count <= id)
        table->entries[table->entry_count++] = NULL;
}

static struct acl_entry *add(struct acl_table *table, uint32_t id, const struct zk_vec_acl *acl,
                             struct jute_bytes bytes, uint64_t hash)
{
    struct acl_entry *entry = entry_new(id, acl, bytes);

    grow_entries(table, id);
    table->entries[id] = entry;
    table->used_count++;
    hmap_insert(&table->by_bytes, &entry->by_bytes, hash);
    return entry;
}

static void mark_changed(struct acl_table *table, struct acl_entry *entry)
{
    if (!entry->changed)
        buf_append(&table->changed, &entry->id, sizeof entry->id);
    entry->changed = true;
}

static void give_id_back(struct acl_table *table, uint32_t id)
{
    if (table->free_count == table->free_cap) {
        table->free_cap = table->free_cap == 0 ? 16 : table->free_cap * 2;
        table->free_ids = xrealloc(table->free_ids, table->free_cap * sizeof *table->free_ids);
    }
    table->free_ids[table->free_count++] = id;
}

static void drop(struct acl_table *table, struct acl_entry *entry)
{
    mark_changed(table, entry);
    hmap_remove(&table->by_bytes, &entry->by_bytes);
    table->entries[entry->id] = NULL;
    table->used_count--;
    give_id_back(table, entry->id);
    free(entry);
}

void acl_table_init(struct acl_table *table, const struct hash_key *key)
{
    struct zk_acl anyone = {
        .perms = PERM_ALL, .scheme = jute_str("world"), .id = jute_str("anyone")};
    struct zk_vec_acl open = {.count = 1, .items = &anyone};
    struct jute_bytes bytes;

    *table = (struct acl_table){.key = *key};
    bytes = encode(table, &open);
    add(table, TREE_ACL_OPEN, &open, bytes, hash_bytes(key, bytes.data, (size_t)bytes.len));
}

void acl_table_done(struct acl_table *table)
{
    for (uint32_t i = 0; i < table->entry_count; i++)
        free(table->entries[i]);
    free(table->entries);
    free(table->free_ids);
    hmap_done(&table->by_bytes);
    buf_done(&table->changed);
    buf_done(&table->scratch);
}

uint32_t acl_table_use(struct acl_table *table, const struct zk_vec_acl *acl)
{
    struct acl_entry *entry;
    struct jute_bytes bytes;
    uint64_t hash;

    if (acl->count < 0)
        return TREE_ACL_OPEN;
    bytes = encode(table, acl);
    hash = hash_bytes(&table->key, bytes.data, (size_t)bytes.len);
    entry = find(table, bytes, hash);
    if (entry == NULL) {
        uint32_t id =
            table->free_count > 0 ? table->free_ids[--table->free_count] : table->entry_count;

        entry = add(table, id, acl, bytes, hash);
        mark_changed(table, entry);
    }
    entry->users += entry->id != TREE_ACL_OPEN;
    return entry->id;
}

void acl_table_ref(struct acl_table *table, uint32_t id)
{
    ASSERT(acl_table_get(table, id) != NULL);
    table->entries[id]->users += id != TREE_ACL_OPEN;
}

void acl_table_unref(struct acl_table *table, uint32_t id)
{
    struct acl_entry *entry = table->entries[id];

    if (id == TREE_ACL_OPEN)
        return;
    ASSERT(entry != NULL && entry->users > 0);
    if (--entry->users == 0)
        drop(table, entry);
}

const struct zk_vec_acl *acl_table_get(const struct acl_table *table, uint32_t id)
{
    if (id >= table->entry_count || table->entries[id] == NULL)
        return NULL;
    return &table->entries[id]->list;
}

bool acl_table_load(struct acl_table *table, uint32_t id, const struct zk_vec_acl *acl)
{
    struct jute_bytes bytes;
    uint64_t hash;

    if (acl->count < 0 || acl_table_get(table, id) != NULL)
        return false;
    bytes = encode(table, acl);
    hash = hash_bytes(&table->key, bytes.data, (size_t)bytes.len);
    if (find(table, bytes, hash) != NULL)
        return false;
    add(table, id, acl, bytes, hash);
    return true;
}

bool acl_table_loaded(struct acl_table *table)
{
    bool all_used = true;

    for (uint32_t id = TREE_ACL_OPEN + 1; id < table->entry_count; id++) {
        struct acl_entry *entry = table->entries[id];

        if (entry == NULL) {
            give_id_back(table, id);
        } else if (entry->users == 0) {
            drop(table, entry);
            all_used = false;
        }
    }
    return all_used;
}

void acl_table_changed_take(struct acl_table *table, struct buf *ret_ids)
{
    const uint32_t *ids;

    *ret_ids = table->changed;
    table->changed = (struct buf){0};
    ids = (const uint32_t *)(const void *)ret_ids->data;
    for (size_t i = 0; i < ret_ids->len / sizeof *ids; i++)
        if (acl_table_get(table, ids[i]) != NULL)
            table->entries[ids[i]]->changed = false;
}

void acl_table_changed_again(struct acl_table *table, const struct buf *ids_buf)
{
    const uint32_t *ids = (const uint32_t *)(const void *)ids_buf->data;

    for (size_t i = 0; i < ids_buf->len / sizeof *ids; i++) {
        if (acl_table_get(table, ids[i]) == NULL)
            buf_append(&table->changed, &ids[i], sizeof ids[i]);
        else
            mark_changed(table, table->entries[ids[i]]);
    }
}
