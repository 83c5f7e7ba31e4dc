/* read: see read.h. Here the reads of znodes. Each judges first and leaves its watch
 * last: a read that fails leaves none, but for exists on a missing znode. */
#include "server/core/read.h"

#include "proto/base/mem.h"
#include "server/core/acl.h"
#include "server/core/core_state.h"
#include "server/core/reply.h"

#include <stdlib.h>

/* What goes with the data of a getData: its length and a Stat. */
#define DATA_EXTRA_BYTES 72

static bool allowed(const struct reading *r, const struct znode *znode, int32_t perms)
{
    return r->core->config.skip_acl ||
           acl_allows(tree_acl(r->tree, znode_acl_id(znode)), &r->client->who, perms);
}

enum zk_err read_find(const struct reading *r, struct jute_bytes path, int32_t perms,
                      const struct znode **ret_znode)
{
    const struct znode *znode = tree_lookup(r->tree, path);

    if (znode == NULL)
        return ZNONODE;
    if (!allowed(r, znode, perms))
        return ZNOAUTH;
    *ret_znode = znode;
    return ZOK;
}

static enum zk_err leave_watch(struct reading *r, const struct zk_path_watch_request *req,
                               enum watch_mode mode)
{
    if (!req->watch || watch_table_add(&r->core->watches, &r->client->watcher, req->path, mode))
        return ZOK;
    return ZSYSTEMERROR;
}

/* What getData and getChildren begin with. */
static enum zk_err find_and_watch(struct reading *r, const struct zk_path_watch_request *req,
                                  enum watch_mode mode, const struct znode **ret_znode)
{
    enum zk_err err = read_find(r, req->path, PERM_READ, ret_znode);

    return err == ZOK ? leave_watch(r, req, mode) : err;
}

static void put_znode_stat(const struct reading *r, const struct znode *znode, struct buf *out)
{
    struct zk_stat stat;

    znode_stat(r->tree, znode, &stat);
    put_stat(out, &stat);
}

/* READ is asked for since 3.8.4 and 3.9.2: a Stat tells something of the data. */
enum zk_err read_exists(struct reading *r, const union request_body *body, struct buf *out)
{
    const struct zk_path_watch_request *req = &body->path_watch;
    const struct znode *znode = NULL;
    enum zk_err err;

    if (req->path.len > 0 && memchr(req->path.data, '\0', (size_t)req->path.len) != NULL)
        return ZBADARGUMENTS;
    err = read_find(r, req->path, PERM_READ, &znode);
    if (err == ZNOAUTH)
        return err;
    if (leave_watch(r, req, WATCH_DATA) != ZOK)
        return ZSYSTEMERROR;
    if (znode != NULL)
        put_znode_stat(r, znode, out);
    return err;
}

enum zk_err read_get_data(struct reading *r, const union request_body *body, struct buf *out)
{
    const struct znode *znode;
    struct jute_bytes data;
    enum zk_err err = find_and_watch(r, &body->path_watch, WATCH_DATA, &znode);

    if (err != ZOK)
        return err;
    data = znode_data(znode);
    reply_room(r->client, jute_size(data) + DATA_EXTRA_BYTES);
    put_buffer(out, data);
    put_znode_stat(r, znode, out);
    return ZOK;
}

/* In one go, though a million names take some 30 ms: slices would have to be finished at once
 * as soon as a txn is applied, an event or another answer is due, or the connection ends, as
 * a reply shows one version and nothing may overtake it. Where there are writes that gains
 * nothing, and where there are none it is only reads that wait. */
static enum zk_err list_children(struct reading *r, const struct zk_path_watch_request *req,
                                 bool with_stat, struct buf *out)
{
    const struct znode *znode;
    enum zk_err err = find_and_watch(r, req, WATCH_CHILD, &znode);
    uint32_t count;

    if (err != ZOK)
        return err;
    count = znode_child_count(znode);
    put_i32(out, (int32_t)count);
    for (uint32_t i = 0; i < count; i++) {
        if (i % TREE_PREFETCH_MAX == 0)
            tree_prefetch_children(r->tree, znode, i);
        put_ustring(out, znode_name(znode_child(r->tree, znode, i)));
    }
    if (with_stat)
        put_znode_stat(r, znode, out);
    return ZOK;
}

enum zk_err read_get_children(struct reading *r, const union request_body *body, struct buf *out)
{
    return list_children(r, &body->path_watch, false, out);
}

enum zk_err read_get_children2(struct reading *r, const union request_body *body, struct buf *out)
{
    return list_children(r, &body->path_watch, true, out);
}

/* Who may read but not administer sees no hashes. */
enum zk_err read_get_acl(struct reading *r, const union request_body *body, struct buf *out)
{
    const struct znode *znode;
    enum zk_err err = read_find(r, body->path.path, PERM_READ | PERM_ADMIN, &znode);
    struct zk_vec_acl masked;
    const struct zk_vec_acl *acl;

    if (err != ZOK)
        return err;
    acl = tree_acl(r->tree, znode_acl_id(znode));
    if (!allowed(r, znode, PERM_ADMIN)) {
        acl_masked(acl, r->arena, &masked);
        acl = &masked;
    }
    put_vec_acl(out, acl);
    put_znode_stat(r, znode, out);
    return ZOK;
}

/* All that was proposed before is applied by now (take_read() in request.c); the path is
 * echoed unseen. */
enum zk_err read_sync(struct reading *r, const union request_body *body, struct buf *out)
{
    (void)r;
    put_ustring(out, body->path.path);
    return ZOK;
}

enum zk_err read_nothing(struct reading *r, const union request_body *body, struct buf *out)
{
    (void)r;
    (void)body;
    (void)out;
    return ZOK;
}

/* The prefix is one of strings, not of components; null, blank and "/" mean all. */
static bool has_prefix(const struct buf *path, struct jute_bytes prefix)
{
    bool blank = true;

    for (int32_t i = 0; i < prefix.len && blank; i++)
        blank = prefix.data[i] <= ' ';
    return blank || (path->len >= (size_t)prefix.len &&
                     memcmp(path->data, prefix.data, (size_t)prefix.len) == 0);
}

enum zk_err read_get_ephemerals(struct reading *r, const union request_body *body, struct buf *out)
{
    const struct znode *znode = tree_ephemeral_first(r->tree, r->client->stats.session_id);
    size_t count_at = out->len;
    struct buf path = {0};
    int32_t count = 0;

    put_i32(out, 0);
    for (; znode != NULL; znode = tree_ephemeral_next(r->tree, znode)) {
        r->core->walked++;
        path.len = 0;
        znode_path(r->tree, znode, &path);
        if (!has_prefix(&path, body->path.path))
            continue;
        put_ustring(out, (struct jute_bytes){.data = path.data, .len = (int32_t)path.len});
        count++;
        /* A path can be a thousand times as long as the name that the tree keeps of it. */
        if (output_is_full(r->client)) {
            buf_done(&path);
            return ZBADARGUMENTS;
        }
    }
    buf_done(&path);
    store_be32(out->data + count_at, (uint32_t)count);
    return ZOK;
}

/* Depth first; the stack is ours, as a tree may be deeper than the thread's. */
static int32_t count_descendants(const struct tree *tree, const struct znode *top)
{
    struct level {
        const struct znode *znode;
        uint32_t next_child;
    } *levels = xmalloc(sizeof *levels);
    size_t depth = 1, cap = 1;
    int32_t count = 0;

    levels[0] = (struct level){.znode = top};
    while (depth > 0) {
        struct level *level = &levels[depth - 1];

        if (level->next_child == znode_child_count(level->znode)) {
            depth--;
            continue;
        }
        if (depth == cap) {
            cap *= 2;
            levels = xrealloc(levels, cap * sizeof *levels);
            level = &levels[depth - 1];
        }
        if (level->next_child % TREE_PREFETCH_MAX == 0)
            tree_prefetch_children(tree, level->znode, level->next_child);
        levels[depth++] =
            (struct level){.znode = znode_child(tree, level->znode, level->next_child++)};
        count++;
    }
    free(levels);
    return count;
}

enum zk_err read_all_children_number(struct reading *r, const union request_body *body,
                                     struct buf *out)
{
    const struct znode *znode;
    enum zk_err err = read_find(r, body->path.path, PERM_READ, &znode);
    int32_t count;

    if (err != ZOK)
        return err;
    if (znode_parent(r->tree, znode) == NULL) {
        put_i32(out, (int32_t)(tree_znode_count(r->tree) - 1));
        return ZOK;
    }
    count = count_descendants(r->tree, znode);
    r->core->walked += (uint64_t)count;
    put_i32(out, count);
    return ZOK;
}

/* The user of a digest credential is what stands before its colon. */
static struct jute_bytes user_of(const struct zk_id *held)
{
    const uint8_t *colon = held->id.len <= 0 || !jute_equal(held->scheme, jute_str("digest"))
                               ? NULL
                               : memchr(held->id.data, ':', (size_t)held->id.len);

    if (colon == NULL)
        return held->id;
    return (struct jute_bytes){.data = held->id.data, .len = (int32_t)(colon - held->id.data)};
}

enum zk_err read_who_am_i(struct reading *r, const union request_body *body, struct buf *out)
{
    const struct zk_vec_id *who = &r->client->who;

    (void)body;
    put_i32(out, who->count);
    for (int32_t i = 0; i < who->count; i++) {
        put_ustring(out, who->items[i].scheme);
        put_ustring(out, user_of(&who->items[i]));
    }
    return ZOK;
}
