/* znode: see znode.h. */
#include "store/znode.h"

#include "store/tree_private.h"

/* Java's int: wraps. */
static int32_t visible_cversion(const struct znode *znode)
{
    return (int32_t)(2 * (uint32_t)znode->cversion - znode_child_count(znode));
}

void znode_stat(const struct tree *tree, const struct znode *znode, struct zk_stat *ret)
{
    *ret = (struct zk_stat){
        .czxid = znode->czxid,
        .mzxid = znode->mzxid,
        .ctime = znode->ctime,
        .mtime = znode->mtime,
        .version = znode->version,
        .cversion = visible_cversion(znode),
        .aversion = znode->aversion,
        .ephemeral_owner = sessions_visible_owner(znode_owner(tree, znode)),
        .data_length = znode->data_len > 0 ? znode->data_len : 0,
        .num_children = (int32_t)znode_child_count(znode),
        .pzxid = znode->pzxid,
    };
}

void znode_stat_persisted(const struct tree *tree, const struct znode *znode,
                          struct zk_stat_persisted *ret)
{
    *ret = (struct zk_stat_persisted){
        .czxid = znode->czxid,
        .mzxid = znode->mzxid,
        .ctime = znode->ctime,
        .mtime = znode->mtime,
        .version = znode->version,
        .cversion = znode->cversion,
        .aversion = znode->aversion,
        .ephemeral_owner = znode_owner(tree, znode),
        .pzxid = znode->pzxid,
    };
}

int32_t znode_version(const struct znode *znode)
{
    return znode->version;
}

int32_t znode_cversion(const struct znode *znode)
{
    return znode->cversion;
}

int32_t znode_aversion(const struct znode *znode)
{
    return znode->aversion;
}

int64_t znode_pzxid(const struct znode *znode)
{
    return znode->pzxid;
}

int64_t znode_owner(const struct tree *tree, const struct znode *znode)
{
    return znode->owned == 0 ? 0 : sessions_owned(&tree->sessions, znode->owned)->owner;
}

struct jute_bytes znode_data(const struct znode *znode)
{
    if (znode->data_len < 0)
        return JUTE_NULL;
    return (struct jute_bytes){.data = znode->body + znode->name_len, .len = znode->data_len};
}

uint32_t znode_acl_id(const struct znode *znode)
{
    return znode->acl_id;
}

uint32_t znode_child_count(const struct znode *znode)
{
    return znode->children == NULL ? 0 : znode->children->count;
}

const struct znode *znode_child(const struct tree *tree, const struct znode *znode, uint32_t index)
{
    ASSERT(index < znode_child_count(znode));
    return tree_at(tree, znode->children->slots[index]);
}

struct jute_bytes znode_name(const struct znode *znode)
{
    return (struct jute_bytes){.data = znode->body, .len = (int32_t)znode->name_len};
}

const struct znode *znode_parent(const struct tree *tree, const struct znode *znode)
{
    return znode->parent == 0 ? NULL : tree_at(tree, znode->parent);
}

size_t znode_path_length(const struct tree *tree, const struct znode *znode)
{
    size_t len = 0;

    for (; znode->parent != 0; znode = tree_at(tree, znode->parent))
        len += znode->name_len + 1;
    return len;
}

void znode_path(const struct tree *tree, const struct znode *znode, struct buf *path)
{
    uint8_t *end;

    if (znode->parent == 0) {
        buf_append(path, "/", 1);
        return;
    }
    (void)buf_extend(path, znode_path_length(tree, znode));
    end = path->data + path->len;
    for (; znode->parent != 0; znode = tree_at(tree, znode->parent)) {
        end -= znode->name_len;
        memcpy(end, znode->body, znode->name_len);
        *--end = '/';
    }
}

uint32_t znode_digest(const struct tree *tree, const struct znode *znode)
{
    struct zk_stat_persisted stat;

    if (znode->undigested)
        return 0;
    znode_stat_persisted(tree, znode, &stat);
    return digest_znode(znode->digest_prefix, &stat);
}

uint32_t znode_digest_prefix(const struct znode *znode)
{
    return znode->digest_prefix;
}

bool znode_undigested(const struct znode *znode)
{
    return znode->undigested;
}
