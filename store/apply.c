/* apply: see apply.h. The rules are those of DataTree.processTxn and of
 * ZooKeeperServer.processTxnForSessionEvents; where Apache would throw, nothing
 * changes. */
#include "store/apply.h"

#include "proto/path.h"
#include "store/tree_private.h"

#include <string.h>

/* The application of one txn. */
struct apply {
    struct tree *tree;
    const struct tree_observer *observer;
    struct applied result;
    uint32_t slot; /* of the znode that the op created or set; 0: none */
};

static void tell_change(struct apply *apply, const struct tree_change *change)
{
    if (apply->observer != NULL && apply->observer->on_change != NULL)
        apply->observer->on_change(apply->observer->arg, change);
}

static void op_done(struct apply *apply, const struct txn *op, enum zk_err err)
{
    const struct znode *znode = apply->slot == 0 ? NULL : tree_at(apply->tree, apply->slot);

    if (apply->result.err == ZOK)
        apply->result.err = err;
    if (apply->observer != NULL && apply->observer->on_op != NULL)
        apply->observer->on_op(apply->observer->arg, op, err, znode);
    apply->slot = 0;
}

/* Finds the parent of PATH. ZBADARGUMENTS for what has no name at its end (the root
 * too), ZNONODE without a parent. */
static enum zk_err find_parent(const struct tree *tree, struct jute_bytes path,
                               uint32_t *ret_parent)
{
    if (path.len <= 0 || memrchr(path.data, '/', (size_t)path.len) == NULL)
        return ZBADARGUMENTS;
    if (path_name(path).len == 0 || path_name(path).len > TREE_NAME_MAX)
        return ZBADARGUMENTS;
    *ret_parent = tree_find(tree, path_parent(path));
    /* "/" is one more name of the root, and "//x" no name of what is below it. */
    if (*ret_parent == ROOT_SLOT && path_name(path).len + 1 < path.len)
        return ZNONODE;
    return *ret_parent == 0 ? ZNONODE : ZOK;
}

/* ---- creation ---- */

/* What the four kinds of create txn have in common. */
struct creation {
    struct jute_bytes path, data;
    struct zk_vec_acl acl;
    int32_t parent_cversion;
    int64_t owner;
};

/* The cversion counts creations and never goes back: a txn that is applied again
 * over a later state must not undo what came after it (ZOOKEEPER-3249). */
static void raise_cversion(struct tree *tree, uint32_t slot, int32_t cversion, zk_zxid zxid)
{
    struct znode *znode = tree_at(tree, slot);

    if (cversion == -1) /* a txn of before 3.4 does not say; Java's int wraps */
        cversion = (int32_t)((uint32_t)znode->cversion + 1);
    if (cversion <= znode->cversion)
        return;
    tree_change_begin(tree, slot);
    znode->cversion = cversion;
    znode->pzxid = zxid;
    tree_change_end(tree, znode);
}

/* The znode is there already: in a replay over a state that has later txns in it.
 * Its ACL may have been missing from the snapshot (ZOOKEEPER-3306), and its parent
 * may have been written before this creation (Apache does the latter for `create`
 * only; but the kind of create does not matter for what went missing). */
static enum zk_err create_again(struct tree *tree, uint32_t slot, uint32_t parent,
                                const struct creation *creation, zk_zxid zxid)
{
    tree_put_acl(tree, slot, acl_table_use(&tree->acls, &creation->acl));
    raise_cversion(tree, parent, creation->parent_cversion, zxid);
    return ZNODEEXISTS;
}

static enum zk_err apply_creation(struct apply *apply, const struct zk_txn_header *hdr,
                                  const struct creation *creation)
{
    struct tree *tree = apply->tree;
    uint32_t parent, slot;
    enum zk_err err = find_parent(tree, creation->path, &parent);

    if (err != ZOK)
        return err;
    slot = tree_find(tree, creation->path);
    if (slot != 0)
        return create_again(tree, slot, parent, creation, hdr->zxid);
    apply->slot = tree_add(tree, &(struct znode_init){
                                     .id = tree->next_id++,
                                     .path = creation->path,
                                     .name_len = (uint32_t)path_name(creation->path).len,
                                     .parent = parent,
                                     .acl_id = acl_table_use(&tree->acls, &creation->acl),
                                     .stat = {.czxid = hdr->zxid,
                                              .mzxid = hdr->zxid,
                                              .pzxid = hdr->zxid,
                                              .ctime = hdr->time,
                                              .mtime = hdr->time,
                                              .ephemeral_owner = creation->owner},
                                     .data = creation->data,
                                 });
    raise_cversion(tree, parent, creation->parent_cversion, hdr->zxid);
    quota_created(tree, apply->slot, creation->path);
    tell_change(apply, &(struct tree_change){.type = EVENT_NODE_CREATED,
                                             .path = creation->path,
                                             .acl_id = tree_at(tree, apply->slot)->acl_id,
                                             .parent_acl_id = tree_at(tree, parent)->acl_id});
    return ZOK;
}

static enum zk_err apply_create(struct apply *apply, const struct txn *op)
{
    struct creation creation = {.path = op->create.path,
                                .data = op->create.data,
                                .acl = op->create.acl,
                                .parent_cversion = op->create.parent_cversion,
                                .owner = op->create.ephemeral ? op->hdr.client_id : 0};

    return apply_creation(apply, &op->hdr, &creation);
}

static enum zk_err apply_create_container(struct apply *apply, const struct txn *op)
{
    struct creation creation = {.path = op->create_container.path,
                                .data = op->create_container.data,
                                .acl = op->create_container.acl,
                                .parent_cversion = op->create_container.parent_cversion,
                                .owner = OWNER_CONTAINER};

    return apply_creation(apply, &op->hdr, &creation);
}

static enum zk_err apply_create_ttl(struct apply *apply, const struct txn *op)
{
    uint64_t ttl = (uint64_t)op->create_ttl.ttl;
    struct creation creation = {.path = op->create_ttl.path,
                                .data = op->create_ttl.data,
                                .acl = op->create_ttl.acl,
                                .parent_cversion = op->create_ttl.parent_cversion,
                                .owner = (int64_t)(OWNER_TTL_MARK | ttl)};

    if (ttl == 0 || ttl > OWNER_TTL_MAX_MS)
        return ZBADARGUMENTS;
    return apply_creation(apply, &op->hdr, &creation);
}

/* ---- deletion ---- */

/* Removes a znode without children and tells of it. Ids of ACLs stay good until the
 * observer has heard. */
static void remove_one(struct apply *apply, uint32_t slot, struct jute_bytes path)
{
    struct tree *tree = apply->tree;
    uint32_t acl_id = tree_at(tree, slot)->acl_id;
    uint32_t parent = tree_at(tree, slot)->parent;
    int64_t bytes = (int64_t)jute_size(znode_data(tree_at(tree, slot)));

    acl_table_ref(&tree->acls, acl_id);
    tree_remove(tree, slot);
    quota_follow(tree, path, -1, -bytes);
    tell_change(apply, &(struct tree_change){.type = EVENT_NODE_DELETED,
                                             .path = path,
                                             .acl_id = acl_id,
                                             .parent_acl_id = tree_at(tree, parent)->acl_id});
    acl_table_unref(&tree->acls, acl_id);
}

static struct jute_bytes path_of(struct tree *tree, uint32_t slot)
{
    tree->path.len = 0;
    znode_path(tree, tree_at(tree, slot), &tree->path);
    return (struct jute_bytes){.data = tree->path.data, .len = (int32_t)tree->path.len};
}

/* Removes the znode and all below it. Children exist here only in a replay over a
 * fuzzy snapshot, that has later creations in it already: they will be created
 * again. (Apache leaves them unreachable until then; the outcome is the same.) */
static void remove_subtree(struct apply *apply, uint32_t top, struct jute_bytes path)
{
    struct tree *tree = apply->tree;
    uint32_t slot = top;

    for (;;) {
        const struct znode *znode = tree_at(tree, slot);
        uint32_t parent = znode->parent;

        if (znode->children != NULL) {
            slot = znode->children->slots[znode->children->count - 1];
        } else if (slot == top) {
            remove_one(apply, slot, path);
            return;
        } else {
            remove_one(apply, slot, path_of(tree, slot));
            slot = parent;
        }
    }
}

/* The parent's pzxid rises even when the znode is gone already (ZOOKEEPER-3145). */
static enum zk_err delete_path(struct apply *apply, struct jute_bytes path, zk_zxid zxid)
{
    struct tree *tree = apply->tree;
    uint32_t parent, slot;
    enum zk_err err = find_parent(tree, path, &parent);

    if (err != ZOK)
        return err;
    if (zxid > tree_at(tree, parent)->pzxid) {
        tree_change_begin(tree, parent)->pzxid = zxid;
        tree_change_end(tree, tree_at(tree, parent));
    }
    slot = tree_find(tree, path);
    if (slot == 0)
        return ZNONODE;
    remove_subtree(apply, slot, path);
    return ZOK;
}

/* ---- the other ops ---- */

static enum zk_err apply_set_data(struct apply *apply, const struct txn *op)
{
    struct tree *tree = apply->tree;
    const struct zk_set_data_txn *set = &op->set_data;
    uint32_t slot = tree_find(tree, set->path);
    struct znode *znode;
    int64_t bytes;

    if (slot == 0)
        return ZNONODE;
    znode = tree_change_begin(tree, slot);
    bytes = (int64_t)jute_size(set->data) - (int64_t)jute_size(znode_data(znode));
    tree_put_data(tree, znode, set->path, set->data);
    znode->version = set->version;
    znode->mzxid = op->hdr.zxid;
    znode->mtime = op->hdr.time;
    tree_change_end(tree, znode);
    quota_follow(tree, set->path, 0, bytes);
    apply->slot = slot;
    tell_change(apply, &(struct tree_change){.type = EVENT_NODE_DATA_CHANGED,
                                             .path = set->path,
                                             .acl_id = znode->acl_id});
    return ZOK;
}

static enum zk_err apply_set_acl(struct apply *apply, const struct txn *op)
{
    struct tree *tree = apply->tree;
    uint32_t slot = tree_find(tree, op->set_acl.path);

    if (slot == 0)
        return ZNONODE;
    tree_put_acl(tree, slot, acl_table_use(&tree->acls, &op->set_acl.acl));
    tree_change_begin(tree, slot)->aversion = op->set_acl.version;
    tree_change_end(tree, tree_at(tree, slot));
    apply->slot = slot;
    return ZOK;
}

/* The session's ephemerals are in the txn's list; where there is none (before 3.6),
 * or something is missing in it, the rest goes by what we know. */
static enum zk_err apply_close_session(struct apply *apply, const struct txn *op)
{
    struct tree *tree = apply->tree;
    bool listed = op->has_paths && op->close_session.paths.count >= 0;
    const struct znode *znode;

    for (int32_t i = 0; listed && i < op->close_session.paths.count; i++)
        (void)delete_path(apply, op->close_session.paths.items[i], op->hdr.zxid);
    while ((znode = tree_ephemeral_first(tree, op->hdr.client_id)) != NULL) {
        struct buf path = {0};

        znode_path(tree, znode, &path);
        (void)delete_path(apply, (struct jute_bytes){.data = path.data, .len = (int32_t)path.len},
                          op->hdr.zxid);
        buf_done(&path);
        apply->result.unlisted_ephemerals += listed;
    }
    sessions_close(&tree->sessions, op->hdr.client_id);
    return ZOK;
}

/* An op that may stand alone or be a part of a multi. */
static enum zk_err apply_op(struct apply *apply, const struct txn *op)
{
    switch (op->hdr.type) {
    case OP_CREATE:
    case OP_CREATE2:
        return apply_create(apply, op);
    case OP_CREATE_CONTAINER:
        return apply_create_container(apply, op);
    case OP_CREATE_TTL:
        return apply_create_ttl(apply, op);
    case OP_DELETE:
    case OP_DELETE_CONTAINER:
        return delete_path(apply, op->del.path, op->hdr.zxid);
    case OP_SET_DATA:
    case OP_RECONFIG:
        return apply_set_data(apply, op);
    case OP_SET_ACL:
        return apply_set_acl(apply, op);
    case OP_CHECK:
        return ZOK;
    case OP_ERROR:
        return (enum zk_err)op->error.err;
    default:
        return ZUNIMPLEMENTED;
    }
}

/* ---- multi ---- */

/* Decodes the parts; NULL when one is not an op that a multi may have. */
static struct txn *decode_parts(struct apply *apply, const struct txn *multi)
{
    const struct zk_vec_sub_txn *subs = &multi->multi.txns;
    struct txn *parts = arena_alloc(&apply->tree->arena, (size_t)subs->count * sizeof *parts);

    for (int32_t i = 0; i < subs->count; i++) {
        int32_t type = subs->items[i].type;

        if (type == OP_MULTI || type == OP_CREATE_SESSION || type == OP_CLOSE_SESSION ||
            !txn_decode_sub(&multi->hdr, &subs->items[i], &apply->tree->arena, &parts[i]))
            return NULL;
    }
    return parts;
}

/* One error txn among the parts, whatever its code: nothing of the multi happens. */
static bool parts_failed(const struct txn *parts, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        if (parts[i].hdr.type == OP_ERROR)
            return true;
    return false;
}

/* Each part has become an error txn with its own result; or the bytes of those
 * before the failure are still there as they were. */
static void refuse_parts(struct apply *apply, const struct txn *parts, int32_t count)
{
    enum zk_err of_others = ZOK;

    for (int32_t i = 0; i < count; i++) {
        bool is_error = parts[i].hdr.type == OP_ERROR;

        op_done(apply, &parts[i], is_error ? (enum zk_err)parts[i].error.err : of_others);
        if (is_error)
            of_others = ZRUNTIMEINCONSISTENCY;
    }
}

/* The path of a part: the records of all that have one begin with it. */
static struct jute_bytes path_of_part(const struct txn *part)
{
    _Static_assert(offsetof(struct zk_create_txn, path) == 0, "first");
    _Static_assert(offsetof(struct zk_create_container_txn, path) == 0, "first");
    _Static_assert(offsetof(struct zk_create_ttl_txn, path) == 0, "first");
    _Static_assert(offsetof(struct zk_set_data_txn, path) == 0, "first");
    _Static_assert(offsetof(struct zk_set_acl_txn, path) == 0, "first");
    _Static_assert(offsetof(struct zk_check_version_txn, path) == 0, "first");
    return part->hdr.type == OP_ERROR ? JUTE_NULL : part->del.path;
}

static void prefetch_parts(const struct tree *tree, const struct txn *parts, int32_t left)
{
    struct jute_bytes paths[TREE_PREFETCH_MAX];
    int32_t count = left < TREE_PREFETCH_MAX ? left : TREE_PREFETCH_MAX;

    for (int32_t i = 0; i < count; i++)
        paths[i] = path_of_part(&parts[i]);
    tree_prefetch(tree, paths, (size_t)count);
}

static void apply_multi(struct apply *apply, const struct txn *multi)
{
    int32_t count = multi->multi.txns.count;
    struct txn *parts;

    if (count <= 0)
        return;
    parts = decode_parts(apply, multi);
    if (parts == NULL) {
        apply->result.err = ZMARSHALLINGERROR;
    } else if (parts_failed(parts, count)) {
        refuse_parts(apply, parts, count);
    } else {
        for (int32_t i = 0; i < count; i++) {
            if (i % TREE_PREFETCH_MAX == 0)
                prefetch_parts(apply->tree, &parts[i], count - i);
            op_done(apply, &parts[i], apply_op(apply, &parts[i]));
        }
    }
    arena_reset(&apply->tree->arena);
}

/* ---- a txn ---- */

static void apply_txn(struct apply *apply, const struct txn *txn)
{
    switch (txn->hdr.type) {
    case OP_MULTI:
        apply_multi(apply, txn);
        return;
    case OP_CREATE_SESSION:
        sessions_open(&apply->tree->sessions, txn->hdr.client_id, txn->create_session.timeout);
        op_done(apply, txn, ZOK);
        return;
    case OP_CLOSE_SESSION:
        op_done(apply, txn, apply_close_session(apply, txn));
        return;
    default:
        op_done(apply, txn, apply_op(apply, txn));
    }
}

static void compare_digest(struct apply *apply, const struct txn *txn)
{
    if (!txn->has_digest || txn->digest.version != DIGEST_VERSION)
        return;
    if ((uint64_t)txn->digest.tree_digest == apply->tree->digest) {
        apply->tree->provisional = false;
        return;
    }
    if (apply->tree->provisional)
        return;
    apply->result.digest_mismatch = true;
    apply->tree->digest_mismatches++;
}

struct applied tree_apply(struct tree *tree, const struct txn *txn,
                          const struct tree_observer *observer)
{
    struct apply apply = {.tree = tree, .observer = observer};

    apply_txn(&apply, txn);
    compare_digest(&apply, txn);
    if (txn->hdr.zxid > tree->zxid)
        tree->zxid = txn->hdr.zxid;
    return apply.result;
}
