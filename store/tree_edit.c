/* tree_edit: the steps that changes of the tree are made of; see tree_private.h.
 * Apply decides, these carry out. */
#include "proto/base/mem.h"
#include "store/tree_private.h"

#include <stdlib.h>

#define CHILDREN_MIN 2

static struct children *children_resize(struct children *children, uint32_t cap)
{
    children = xrealloc(children, sizeof *children + cap * sizeof(uint32_t));
    children->cap = cap;
    return children;
}

static void add_child(struct tree *tree, uint32_t parent_slot, uint32_t slot)
{
    struct znode *parent = tree_at(tree, parent_slot);
    struct children *children = parent->children;

    if (children == NULL) {
        children = children_resize(NULL, CHILDREN_MIN);
        children->count = 0;
    } else if (children->count == children->cap) {
        children = children_resize(children, children->cap * 2);
    }
    parent->children = children;
    tree_at(tree, slot)->index = children->count;
    children->slots[children->count++] = slot;
}

/* The last child moves into the gap. */
static void remove_child(struct tree *tree, uint32_t slot)
{
    struct znode *znode = tree_at(tree, slot), *parent = tree_at(tree, znode->parent);
    struct children *children = parent->children;
    uint32_t last = children->slots[--children->count];

    ASSERT(children->slots[znode->index] == slot || last == slot);
    children->slots[znode->index] = last;
    tree_at(tree, last)->index = znode->index;
    if (children->count == 0) {
        free(children);
        parent->children = NULL;
    } else if (children->cap > CHILDREN_MIN && children->count <= children->cap / 4) {
        parent->children = children_resize(children, children->cap / 2);
    }
}

/* Whatever was in the slot before is overwritten, but for its place in the list of
 * changes. */
static void fill_slot(struct tree *tree, uint32_t slot, const struct znode_init *init)
{
    struct znode *znode = tree_at(tree, slot);
    const struct zk_stat_persisted *stat = &init->stat;
    size_t data = jute_size(init->data);

    *znode = (struct znode){
        .hash = (uint32_t)hash_bytes(&tree->key, init->path.data, (size_t)init->path.len),
        .id = init->id,
        .czxid = stat->czxid,
        .mzxid = stat->mzxid,
        .pzxid = stat->pzxid,
        .ctime = stat->ctime,
        .mtime = stat->mtime,
        .version = stat->version,
        .cversion = stat->cversion,
        .aversion = stat->aversion,
        .parent = init->parent,
        .acl_id = init->acl_id,
        .name_len = init->name_len,
        .data_len = init->data.len,
        .undigested = !digest_counts(init->path),
        .body = xmalloc(init->name_len + data),
        .mark = znode->mark,
    };
    memcpy(znode->body, init->path.data + init->path.len - init->name_len, init->name_len);
    if (data > 0)
        memcpy(znode->body + init->name_len, init->data.data, data);
    if (!znode->undigested)
        znode->digest_prefix = digest_prefix(init->path, init->data);
}

/* Its share of tree_data_bytes: the root's path counts as "/". */
static size_t path_bytes(size_t path_len)
{
    return path_len == 0 ? 1 : path_len;
}

uint32_t tree_add(struct tree *tree, const struct znode_init *init)
{
    uint32_t slot = slots_alloc(&tree->znodes);
    struct znode *znode = tree_at(tree, slot);

    ASSERT(init->parent == 0 ? slot == ROOT_SLOT : init->name_len > 0);
    fill_slot(tree, slot, init);
    if (init->stat.ephemeral_owner != 0)
        znode->owned =
            sessions_own(&tree->sessions, init->stat.ephemeral_owner, slot, jute_size(init->path));
    if (init->parent != 0)
        add_child(tree, init->parent, slot);
    tree_index_insert(&tree->index, &tree->znodes, slot);
    tree->data_bytes += path_bytes((size_t)init->path.len) + jute_size(init->data);
    tree->digest += znode_digest(tree, znode);
    freeze_added(tree, slot);
    if (znode->undigested)
        quota_znode_added(tree, slot, init->path);
    return slot;
}

void tree_remove(struct tree *tree, uint32_t slot)
{
    struct znode *znode = tree_at(tree, slot);
    size_t path_len = znode_path_length(tree, znode);

    ASSERT(slot != ROOT_SLOT);
    ASSERT(znode->children == NULL);
    freeze_removing(tree, slot);
    if (znode->undigested)
        quota_znode_removing(tree, slot);
    tree->digest -= znode_digest(tree, znode);
    tree->data_bytes -= path_bytes(path_len) + jute_size(znode_data(znode));
    tree_index_remove(&tree->index, &tree->znodes, slot);
    remove_child(tree, slot);
    if (znode->owned != 0)
        sessions_disown(&tree->sessions, znode->owned, path_len);
    acl_table_unref(&tree->acls, znode->acl_id);
    free(znode->body);
    znode->body = NULL;
    znode->id = 0;
    slots_free(&tree->znodes, slot);
}

struct znode *tree_change_begin(struct tree *tree, uint32_t slot)
{
    struct znode *znode = tree_at(tree, slot);

    freeze_changing(tree, slot);
    tree->digest -= znode_digest(tree, znode);
    return znode;
}

void tree_change_end(struct tree *tree, struct znode *znode)
{
    tree->digest += znode_digest(tree, znode);
}

void tree_put_data(struct tree *tree, struct znode *znode, struct jute_bytes path,
                   struct jute_bytes data)
{
    size_t size = jute_size(data);

    tree->data_bytes += size - jute_size(znode_data(znode));
    if (size != jute_size(znode_data(znode)))
        znode->body = xrealloc(znode->body, znode->name_len + size);
    if (size > 0)
        memcpy(znode->body + znode->name_len, data.data, size);
    znode->data_len = data.len;
    if (!znode->undigested)
        znode->digest_prefix = digest_prefix(path, data);
}

void tree_put_acl(struct tree *tree, uint32_t slot, uint32_t acl_id)
{
    struct znode *znode = tree_at(tree, slot);

    freeze_changing(tree, slot);
    acl_table_unref(&tree->acls, znode->acl_id);
    znode->acl_id = acl_id;
}
