/* inode: see inode.h. */
#include "fs/inode.h"

#include "proto/base/assert.h"
#include "proto/base/hash.h"
#include "proto/base/mem.h"

#include <stdlib.h>

/* Numbers of files are the same everywhere, so this key is no secret. Who can choose paths and
 * czxids to collide hurts the table of a mount that shows them, not a server. */
static const struct hash_key ino_key = {UINT64_C(0x7a6b66735f696e6f), 1};

static uint64_t key_hash(struct jute_bytes path, zk_zxid czxid, enum inode_shape shape)
{
    uint64_t identity = hash_u64((uint64_t)czxid ^ (uint64_t)shape << 56);

    return hash_bytes(&ino_key, path.data, jute_size(path)) ^ identity;
}

void inode_table_init(struct inode_table *table)
{
    *table = (struct inode_table){.next_id = INODE_ROOT + 1};
}

void inode_table_done(struct inode_table *table)
{
    struct hmap_node *node;
    size_t cursor = 0;

    while ((node = hmap_any(&table->by_id, &cursor)) != NULL) {
        hmap_remove(&table->by_id, node);
        free(CONTAINER_OF(node, struct inode, by_id));
    }
    hmap_done(&table->by_id);
    hmap_done(&table->by_key);
}

struct inode *inode_find(struct inode_table *table, struct jute_bytes path, zk_zxid czxid,
                         enum inode_shape shape)
{
    uint64_t hash = key_hash(path, czxid, shape);

    for (struct hmap_node *n = hmap_first(&table->by_key, hash); n != NULL; n = hmap_next(n)) {
        struct inode *inode = CONTAINER_OF(n, struct inode, by_key);

        if (inode->czxid == czxid && inode->shape == shape && jute_equal(inode_path(inode), path))
            return inode;
    }
    return NULL;
}

static uint64_t new_id(struct inode_table *table, struct jute_bytes path, enum inode_shape shape)
{
    if (shape == SHAPE_DIR && path.len == 1)
        return INODE_ROOT;
    if (shape == SHAPE_CONTROL_DIR || shape == SHAPE_CONTROL_DATA)
        return table->next_id++ | INODE_CONTROL_BIT;
    return table->next_id++;
}

/* Small numbers are left to the root and to what the kernel takes for special. */
static uint64_t ino_from_hash(uint64_t hash, uint64_t nodeid)
{
    if (nodeid == INODE_ROOT)
        return INODE_ROOT;
    return (hash & ~INODE_CONTROL_BIT) | 1u << 8 | (nodeid & INODE_CONTROL_BIT);
}

static void key_insert(struct inode_table *table, struct inode *inode)
{
    hmap_insert(&table->by_key, &inode->by_key,
                key_hash(inode_path(inode), inode->czxid, inode->shape));
    inode->keyed = true;
}

static void key_remove(struct inode_table *table, struct inode *inode)
{
    if (inode->keyed)
        hmap_remove(&table->by_key, &inode->by_key);
    inode->keyed = false;
}

struct inode *inode_get(struct inode_table *table, struct jute_bytes path, zk_zxid czxid,
                        enum inode_shape shape)
{
    struct inode *inode = inode_find(table, path, czxid, shape);

    ASSERT(path.len > 0);
    if (inode != NULL)
        return inode_ref(inode);
    inode = xcalloc(1, sizeof *inode + (size_t)path.len + 1);
    memcpy(inode->path, path.data, (size_t)path.len);
    inode->path_len = (uint32_t)path.len;
    inode->czxid = czxid;
    inode->shape = shape;
    inode->nodeid = new_id(table, path, shape);
    inode->ino = ino_from_hash(key_hash(path, czxid, shape), inode->nodeid);
    inode->refs = 1;
    inode->perms = PERM_ALL;
    list_init(&inode->handles);
    list_init(&inode->waiting);
    hmap_insert(&table->by_id, &inode->by_id, hash_u64(inode->nodeid));
    key_insert(table, inode);
    return inode;
}

struct inode *inode_by_id(struct inode_table *table, uint64_t nodeid)
{
    uint64_t hash = hash_u64(nodeid);

    for (struct hmap_node *n = hmap_first(&table->by_id, hash); n != NULL; n = hmap_next(n)) {
        struct inode *inode = CONTAINER_OF(n, struct inode, by_id);

        if (inode->nodeid == nodeid)
            return inode;
    }
    return NULL;
}

static void free_if_unused(struct inode_table *table, struct inode *inode)
{
    if (inode->refs > 0 || inode->nlookup > 0)
        return;
    ASSERT(list_empty(&inode->handles));
    ASSERT(list_empty(&inode->waiting));
    key_remove(table, inode);
    hmap_remove(&table->by_id, &inode->by_id);
    free(inode);
}

void inode_unref(struct inode_table *table, struct inode *inode)
{
    if (inode == NULL)
        return;
    ASSERT(inode->refs > 0);
    inode->refs--;
    free_if_unused(table, inode);
}

void inode_forget(struct inode_table *table, struct inode *inode, uint64_t count)
{
    /* The count comes from the kernel, but a surplus would only free what it still names. */
    ASSERT(inode->nlookup >= count);
    inode->nlookup -= count;
    free_if_unused(table, inode);
}

void inode_made(struct inode_table *table, struct inode *inode, const struct zk_stat *stat)
{
    ASSERT(inode_is_pending(inode));
    key_remove(table, inode);
    inode->czxid = stat->czxid;
    inode->stat = *stat;
    if (inode_find(table, inode_path(inode), inode->czxid, inode->shape) == NULL)
        key_insert(table, inode);
}

bool shape_needs_data(struct jute_bytes path, const struct zk_stat *stat)
{
    return path.len > 1 && stat->cversion == 0 && stat->ephemeral_owner == 0 &&
           stat->data_length == 0;
}

enum inode_shape shape_of(struct jute_bytes path, const struct zk_stat *stat, bool empty)
{
    if (path.len == 1)
        return SHAPE_DIR;
    if (stat->ephemeral_owner != 0)
        return SHAPE_FILE;
    return stat->cversion != 0 || empty ? SHAPE_DIR : SHAPE_FILE;
}

int32_t acl_perms(const struct zk_vec_acl *acl)
{
    int32_t perms = 0;

    /* Apache takes a missing list for "everybody". */
    if (acl->count <= 0)
        return PERM_ALL;
    for (int32_t i = 0; i < acl->count; i++) {
        if (jute_equal(acl->items[i].scheme, jute_str("world")) ||
            jute_equal(acl->items[i].scheme, jute_str("ip")))
            perms |= acl->items[i].perms;
    }
    return perms;
}

static mode_t mode_of(const struct inode *inode, mode_t mask)
{
    mode_t bits = inode->perms & PERM_READ ? 0444 : 0;

    switch (inode->shape) {
    case SHAPE_DIR:
        /* The path to a znode needs no permission, so everybody may search. */
        bits |= 0111 | (inode->perms & (PERM_CREATE | PERM_DELETE) ? 0222 : 0);
        return S_IFDIR | (bits & ~mask);
    case SHAPE_CONTROL_DIR:
        return S_IFDIR | (0555 & ~mask);
    case SHAPE_FILE:
    case SHAPE_CONTROL_DATA:
        bits |= inode->perms & PERM_WRITE ? 0222 : 0;
        return S_IFREG | (bits & ~mask);
    }
    return 0;
}

/* Server times are milliseconds. The version below them tells two values of one millisecond
 * apart, for those who compare mtimes to see whether a file has changed. */
static struct timespec time_of(int64_t ms, int32_t version)
{
    int64_t below = ms % 1000 < 0 ? ms % 1000 + 1000 : ms % 1000;

    return (struct timespec){.tv_sec = (ms - below) / 1000,
                             .tv_nsec = (long)(below * 1000000 + (uint32_t)version % 1000000)};
}

void inode_attr(const struct inode *inode, const struct mount_options *options,
                struct stat *ret_attr)
{
    const struct zk_stat *stat = &inode->stat;
    bool is_file = inode->shape == SHAPE_FILE || inode->shape == SHAPE_CONTROL_DATA;
    int64_t size = is_file ? stat->data_length : stat->num_children;

    *ret_attr = (struct stat){
        .st_ino = inode->ino,
        .st_mode = mode_of(inode, options->umask),
        .st_nlink = 1,
        .st_uid = options->uid,
        .st_gid = options->gid,
        .st_size = size,
        .st_blocks = (size + 511) / 512,
        .st_blksize = 1 << 20,
        .st_mtim = time_of(stat->mtime, stat->version),
        .st_atim = time_of(stat->mtime, stat->version),
        .st_ctim = time_of(stat->ctime, 0),
    };
}
