/* tree_model: see tree_model.h. */
#include "tests/support/tree_model.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "proto/quota_text.h"
#include "tests/support/tree_dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { ZNODES_MAX = 1000, SESSIONS_MAX = 50 };

struct model_znode {
    char *path; /* "" for the root */
    struct zk_stat_persisted stat;
    uint8_t *data;
    int32_t data_len;
    struct buf acl; /* its bytes */
};

struct model {
    struct model_znode znodes[ZNODES_MAX];
    int znode_count;
    int64_t sessions[SESSIONS_MAX];
    int32_t timeouts[SESSIONS_MAX];
    int session_count;
    zk_zxid zxid;
};

static struct model_znode *find(struct model *model, const char *path)
{
    for (int i = 0; i < model->znode_count; i++)
        if (strcmp(model->znodes[i].path, path) == 0)
            return &model->znodes[i];
    return NULL;
}

static void give_acl(struct model_znode *znode, const struct zk_vec_acl *acl)
{
    struct zk_acl anyone = {
        .perms = PERM_ALL, .scheme = jute_str("world"), .id = jute_str("anyone")};
    struct zk_vec_acl open = {.count = 1, .items = &anyone};

    znode->acl.len = 0;
    put_vec_acl(&znode->acl, acl->count < 0 ? &open : acl);
}

static void give_data(struct model_znode *znode, struct jute_bytes data)
{
    free(znode->data);
    znode->data = xmemdup(data.data, jute_size(data));
    znode->data_len = data.len;
}

static struct model_znode *add(struct model *model, const char *path, struct jute_bytes data,
                               const struct zk_vec_acl *acl)
{
    struct model_znode *znode = &model->znodes[model->znode_count++];

    ASSERT(model->znode_count < ZNODES_MAX);
    *znode = (struct model_znode){.path = xstrdup(path)};
    give_data(znode, data);
    give_acl(znode, acl);
    return znode;
}

static void remove_at(struct model *model, int i)
{
    free(model->znodes[i].path);
    free(model->znodes[i].data);
    buf_done(&model->znodes[i].acl);
    model->znodes[i] = model->znodes[--model->znode_count];
}

struct model *model_new(void)
{
    struct model *model = xcalloc(1, sizeof *model);
    struct zk_acl reader = {
        .perms = PERM_READ, .scheme = jute_str("world"), .id = jute_str("anyone")};
    struct zk_vec_acl open = {.count = -1}, read_only = {.count = 1, .items = &reader};

    add(model, "", jute_str(""), &open);
    add(model, "/zookeeper", jute_str(""), &open);
    add(model, "/zookeeper/quota", jute_str(""), &open);
    add(model, "/zookeeper/config", jute_str(""), &read_only)->stat.aversion = -1;
    return model;
}

void model_free(struct model *model)
{
    while (model->znode_count > 0)
        remove_at(model, 0);
    free(model);
}

/* The path as a string; "" for "/". NULL for null. */
static char *string_of(struct jute_bytes path)
{
    if (path.len < 0)
        return NULL;
    if (path.len == 1 && path.data[0] == '/')
        return xstrdup("");
    return xasprintf("%.*s", path.len, (const char *)path.data);
}

/* ---- quotas ---- */

static struct model_znode *quota_znode(struct model *model, const char *subtree, const char *name)
{
    char *path = xasprintf("/zookeeper/quota%s/%s", subtree, name);
    struct model_znode *znode = find(model, path);

    free(path);
    return znode;
}

static void put_used(struct model_znode *stats, int64_t count, int64_t bytes)
{
    char *text = xasprintf("count=%lld,bytes=%lld", (long long)count, (long long)bytes);

    give_data(stats, jute_str(text));
    free(text);
}

/* What the stats say, as we write it; -1 for anything else. */
static void get_used(const struct model_znode *stats, long long *count, long long *bytes)
{
    struct quota_limits used =
        quota_text_parse(stats->data, stats->data_len > 0 ? (size_t)stats->data_len : 0);

    *count = used.count;
    *bytes = used.bytes;
}

/* There are COUNT znodes and BYTES more at PATH: the quota nearest to it has them. */
static void quota_follow(struct model *model, const char *path, int count, int64_t bytes)
{
    char *subtree = xstrdup(path);
    struct model_znode *stats;
    long long used_count, used_bytes;

    while (*subtree != '\0' && quota_znode(model, subtree, "zookeeper_limits") == NULL)
        *strrchr(subtree, '/') = '\0';
    stats = *subtree == '\0' ? NULL : quota_znode(model, subtree, "zookeeper_stats");
    if (stats != NULL) {
        get_used(stats, &used_count, &used_bytes);
        put_used(stats, used_count + count, used_bytes + bytes);
    }
    free(subtree);
}

static bool is_below(const char *path, const char *top, size_t top_len)
{
    return strncmp(path, top, top_len) == 0 && (path[top_len] == '\0' || path[top_len] == '/');
}

/* When ZNODE is the stats of a subtree, all that is in it is counted. */
static void quota_count(struct model *model, struct model_znode *znode)
{
    const char *subtree = znode->path + strlen("/zookeeper/quota");
    const char *name = strrchr(znode->path, '/');
    int64_t count = 0, bytes = 0;

    if (strncmp(znode->path, "/zookeeper/quota/", 17) != 0 ||
        strcmp(name, "/zookeeper_stats") != 0 || name <= subtree)
        return;
    for (int i = 0; i < model->znode_count; i++) {
        const struct model_znode *other = &model->znodes[i];

        if (is_below(other->path, subtree, (size_t)(name - subtree))) {
            count++;
            bytes += other->data_len > 0 ? other->data_len : 0;
        }
    }
    put_used(znode, count, bytes);
}

static int64_t size_of(struct jute_bytes data)
{
    return data.len > 0 ? data.len : 0;
}

/* ---- the txns ---- */

static enum zk_err find_parent(struct model *model, const char *path,
                               struct model_znode **ret_parent)
{
    const char *slash = path == NULL ? NULL : strrchr(path, '/');
    char *parent;

    if (slash == NULL || slash[1] == '\0')
        return ZBADARGUMENTS;
    parent = xasprintf("%.*s", (int)(slash - path), path);
    *ret_parent = find(model, parent);
    free(parent);
    return *ret_parent == NULL ? ZNONODE : ZOK;
}

static void raise_cversion(struct model_znode *parent, int32_t cversion, zk_zxid zxid)
{
    if (cversion == -1)
        cversion = parent->stat.cversion + 1;
    if (cversion > parent->stat.cversion) {
        parent->stat.cversion = cversion;
        parent->stat.pzxid = zxid;
    }
}

static enum zk_err create(struct model *model, const struct txn *op, struct jute_bytes path_bytes,
                          struct jute_bytes data, const struct zk_vec_acl *acl, int32_t cversion,
                          int64_t owner)
{
    char *path = string_of(path_bytes);
    struct model_znode *parent, *znode;
    enum zk_err err = find_parent(model, path, &parent);

    if (err == ZOK) {
        znode = find(model, path);
        raise_cversion(parent, cversion, op->hdr.zxid);
        if (znode != NULL) {
            give_acl(znode, acl);
            err = ZNODEEXISTS;
        } else {
            znode = add(model, path, data, acl);
            znode->stat.czxid = znode->stat.mzxid = znode->stat.pzxid = op->hdr.zxid;
            znode->stat.ctime = znode->stat.mtime = op->hdr.time;
            znode->stat.ephemeral_owner = owner;
            quota_count(model, znode);
            quota_follow(model, path, 1, size_of(data));
        }
    }
    free(path);
    return err;
}

static enum zk_err delete_path(struct model *model, char *path, zk_zxid zxid)
{
    struct model_znode *parent;
    enum zk_err err = find_parent(model, path, &parent);
    size_t len = path == NULL ? 0 : strlen(path);

    if (err == ZOK) {
        if (parent->stat.pzxid < zxid)
            parent->stat.pzxid = zxid;
        err = find(model, path) == NULL ? ZNONODE : ZOK;
        for (int i = model->znode_count - 1; i >= 0; i--) {
            const char *other = model->znodes[i].path;

            if (is_below(other, path, len)) {
                char *gone = xstrdup(other);
                int64_t bytes = model->znodes[i].data_len > 0 ? model->znodes[i].data_len : 0;

                remove_at(model, i);
                quota_follow(model, gone, -1, -bytes);
                free(gone);
            }
        }
    }
    free(path);
    return err;
}

static enum zk_err set_data(struct model *model, const struct txn *op)
{
    char *path = string_of(op->set_data.path);
    struct model_znode *znode = path == NULL ? NULL : find(model, path);
    int64_t before;

    if (znode == NULL) {
        free(path);
        return ZNONODE;
    }
    before = znode->data_len > 0 ? znode->data_len : 0;
    give_data(znode, op->set_data.data);
    znode->stat.version = op->set_data.version;
    znode->stat.mzxid = op->hdr.zxid;
    znode->stat.mtime = op->hdr.time;
    quota_follow(model, znode->path, 0, size_of(op->set_data.data) - before);
    free(path);
    return ZOK;
}

static enum zk_err set_acl(struct model *model, const struct txn *op)
{
    char *path = string_of(op->set_acl.path);
    struct model_znode *znode = path == NULL ? NULL : find(model, path);

    free(path);
    if (znode == NULL)
        return ZNONODE;
    give_acl(znode, &op->set_acl.acl);
    znode->stat.aversion = op->set_acl.version;
    return ZOK;
}

static void open_session(struct model *model, int64_t id, int32_t timeout)
{
    int i = 0;

    while (i < model->session_count && model->sessions[i] != id)
        i++;
    ASSERT(i < SESSIONS_MAX);
    if (i == model->session_count)
        model->session_count++;
    model->sessions[i] = id;
    model->timeouts[i] = timeout;
}

static void close_session(struct model *model, const struct txn *txn)
{
    for (int32_t i = 0; txn->has_paths && i < txn->close_session.paths.count; i++)
        (void)delete_path(model, string_of(txn->close_session.paths.items[i]), txn->hdr.zxid);
    for (int i = 0; i < model->znode_count; i++) {
        if (model->znodes[i].stat.ephemeral_owner == txn->hdr.client_id) {
            (void)delete_path(model, xstrdup(model->znodes[i].path), txn->hdr.zxid);
            i = -1;
        }
    }
    for (int i = 0; i < model->session_count; i++) {
        if (model->sessions[i] == txn->hdr.client_id) {
            model->sessions[i] = model->sessions[--model->session_count];
            model->timeouts[i] = model->timeouts[model->session_count];
        }
    }
}

static enum zk_err apply_one(struct model *model, const struct txn *op)
{
    switch (op->hdr.type) {
    case OP_CREATE:
    case OP_CREATE2:
        return create(model, op, op->create.path, op->create.data, &op->create.acl,
                      op->create.parent_cversion, op->create.ephemeral ? op->hdr.client_id : 0);
    case OP_CREATE_CONTAINER:
        return create(model, op, op->create_container.path, op->create_container.data,
                      &op->create_container.acl, op->create_container.parent_cversion, INT64_MIN);
    case OP_CREATE_TTL:
        return create(model, op, op->create_ttl.path, op->create_ttl.data, &op->create_ttl.acl,
                      op->create_ttl.parent_cversion,
                      (int64_t)(0xff00000000000000 + (uint64_t)op->create_ttl.ttl));
    case OP_DELETE:
    case OP_DELETE_CONTAINER:
        return delete_path(model, string_of(op->del.path), op->hdr.zxid);
    case OP_SET_DATA:
        return set_data(model, op);
    case OP_SET_ACL:
        return set_acl(model, op);
    case OP_ERROR:
        return (enum zk_err)op->error.err;
    default:
        return ZOK;
    }
}

static enum zk_err apply_multi(struct model *model, const struct txn *txn)
{
    const struct zk_vec_sub_txn *subs = &txn->multi.txns;
    enum zk_err first = ZOK;
    bool failed = false, after_error = false;
    struct arena arena = {0};

    for (int32_t i = 0; i < subs->count; i++)
        failed |= subs->items[i].type == OP_ERROR;
    for (int32_t i = 0; i < subs->count; i++) {
        struct txn op;
        enum zk_err err;

        ASSERT(txn_decode_sub(&txn->hdr, &subs->items[i], &arena, &op));
        if (failed && op.hdr.type != OP_ERROR)
            err = after_error ? ZRUNTIMEINCONSISTENCY : ZOK;
        else
            err = apply_one(model, &op);
        after_error |= op.hdr.type == OP_ERROR;
        first = first == ZOK ? err : first;
    }
    arena_done(&arena);
    return first;
}

enum zk_err model_apply(struct model *model, const struct txn *txn)
{
    enum zk_err err = ZOK;

    if (txn->hdr.type == OP_MULTI)
        err = apply_multi(model, txn);
    else if (txn->hdr.type == OP_CREATE_SESSION)
        open_session(model, txn->hdr.client_id, txn->create_session.timeout);
    else if (txn->hdr.type == OP_CLOSE_SESSION)
        close_session(model, txn);
    else
        err = apply_one(model, txn);
    if (txn->hdr.zxid > model->zxid)
        model->zxid = txn->hdr.zxid;
    return err;
}

static uint32_t znode_crc(const struct model_znode *znode)
{
    const struct zk_stat_persisted *s = &znode->stat;
    struct buf bytes = {0};
    uint32_t crc;

    if (strncmp(znode->path, "/zookeeper/", 11) == 0)
        return 0;
    buf_append(&bytes, znode->path, strlen(znode->path));
    buf_append(&bytes, znode->data, znode->data_len > 0 ? (size_t)znode->data_len : 0);
    put_i64(&bytes, s->czxid);
    put_i64(&bytes, s->mzxid);
    put_i64(&bytes, s->pzxid);
    put_i64(&bytes, s->ctime);
    put_i64(&bytes, s->mtime);
    put_i32(&bytes, s->version);
    put_i32(&bytes, s->cversion);
    put_i32(&bytes, s->aversion);
    put_i64(&bytes, s->ephemeral_owner);
    crc = (uint32_t)crc32(0, bytes.data, (uInt)bytes.len);
    buf_done(&bytes);
    return crc;
}

uint64_t model_digest(const struct model *model)
{
    uint64_t digest = 0;

    for (int i = 0; i < model->znode_count; i++)
        digest += znode_crc(&model->znodes[i]);
    return digest;
}

static uint32_t count_children(const struct model *model, const char *path)
{
    size_t len = strlen(path);
    uint32_t count = 0;

    for (int i = 0; i < model->znode_count; i++) {
        const char *other = model->znodes[i].path;

        count += strlen(other) > len && strncmp(other, path, len) == 0 && other[len] == '/' &&
                 strchr(other + len + 1, '/') == NULL;
    }
    return count;
}

void model_dump(const struct model *model, struct buf *ret)
{
    uint64_t ephemerals = 0, bytes = 0;

    ret->len = 0;
    for (int i = 0; i < model->znode_count; i++) {
        const struct model_znode *znode = &model->znodes[i];
        const char *path = *znode->path == '\0' ? "/" : znode->path;
        struct jute_reader r;
        struct arena arena = {0};
        struct zk_vec_acl acl;

        r = jute_reader(znode->acl.data, znode->acl.len, &arena);
        get_vec_acl(&r, &acl);
        dump_znode(ret, jute_str(path), &znode->stat,
                   (struct jute_bytes){.data = znode->data, .len = znode->data_len}, &acl,
                   count_children(model, znode->path));
        arena_done(&arena);
        bytes += strlen(path) + (znode->data_len > 0 ? (size_t)znode->data_len : 0);
        ephemerals += znode->stat.ephemeral_owner > 0;
    }
    for (int i = 0; i < model->session_count; i++)
        dump_session(ret, model->sessions[i], model->timeouts[i]);
    dump_totals(ret, model->zxid, model_digest(model), (uint64_t)model->znode_count, ephemerals,
                bytes);
    dump_sort(ret);
}
