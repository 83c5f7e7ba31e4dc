/* plan: see plan.h. */
#include "server/core/plan.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "proto/path.h"
#include "server/core/session_tracker.h"
#include "store/digest.h"

#include <stdlib.h>

/* A znode that txns in flight change, create or delete. */
struct planned {
    struct hmap_node by_path;
    struct list link;       /* in plan->changed */
    struct list by_creator; /* in znode.creator->planned */
    zk_zxid zxid;           /* of its last change */
    bool in_undo;           /* the txn being planned has changed it before */
    struct planned_znode znode;
    int32_t path_len;
    uint8_t path[];
};

/* Writes come by the thousand, and each plans a znode for less than a millisecond: as many as
 * this are kept for the next, with room for paths of this length. */
#define SPARE_MAX 4096
#define SPARE_PATH_BYTES 64

/* An ACL that the tree does not hold yet: the list, then its entries, then their
 * strings in one piece of memory. */
struct acl_copy {
    int refs;
    struct zk_vec_acl acl;
    struct zk_acl items[];
};

static struct jute_bytes copy_text(struct jute_bytes text, uint8_t **to)
{
    struct jute_bytes copy = {.data = *to, .len = text.len};

    if (text.len > 0)
        memcpy(*to, text.data, (size_t)text.len);
    *to += jute_size(text);
    return copy;
}

static struct acl_copy *acl_copy_new(const struct zk_vec_acl *acl)
{
    size_t count = acl->count > 0 ? (size_t)acl->count : 0;
    size_t text_bytes = 0;
    struct acl_copy *copy;
    uint8_t *text;

    for (size_t i = 0; i < count; i++)
        text_bytes += jute_size(acl->items[i].scheme) + jute_size(acl->items[i].id);
    copy = xmalloc(sizeof *copy + count * sizeof copy->items[0] + text_bytes);
    copy->refs = 1;
    copy->acl = (struct zk_vec_acl){.count = acl->count, .items = copy->items};
    text = (uint8_t *)&copy->items[count];
    for (size_t i = 0; i < count; i++) {
        copy->items[i].perms = acl->items[i].perms;
        copy->items[i].scheme = copy_text(acl->items[i].scheme, &text);
        copy->items[i].id = copy_text(acl->items[i].id, &text);
    }
    return copy;
}

static void acl_copy_unref(struct acl_copy *copy)
{
    if (copy != NULL && --copy->refs == 0)
        free(copy);
}

static void set_own_acl(struct planned_znode *znode, struct acl_copy *copy)
{
    acl_copy_unref(znode->own_acl);
    znode->own_acl = copy;
    znode->acl = copy == NULL ? NULL : &copy->acl;
}

static void set_creator(struct planned *planned, struct live_session *session)
{
    if (planned->znode.creator == session)
        return;
    if (planned->znode.creator != NULL)
        planned->znode.creator->planned_bytes -= (uint64_t)planned->path_len;
    list_remove(&planned->by_creator);
    planned->znode.creator = session;
    if (session == NULL)
        return;
    session->planned_bytes += (uint64_t)planned->path_len;
    list_push_back(&session->planned, &planned->by_creator);
}

static struct jute_bytes planned_path(const struct planned *planned)
{
    return (struct jute_bytes){.data = planned->path, .len = planned->path_len};
}

static struct planned *planned_find(const struct plan *plan, struct jute_bytes path, uint64_t hash)
{
    struct hmap_node *node = hmap_first(&plan->by_path, hash);

    for (; node != NULL; node = hmap_next(node)) {
        struct planned *planned = CONTAINER_OF(node, struct planned, by_path);

        if (jute_equal(planned_path(planned), path))
            return planned;
    }
    return NULL;
}

static void planned_free(struct plan *plan, struct planned *planned)
{
    set_creator(planned, NULL);
    set_own_acl(&planned->znode, NULL);
    hmap_remove(&plan->by_path, &planned->by_path);
    list_remove(&planned->link);
    if (planned->path_len > SPARE_PATH_BYTES || plan->spare_count == SPARE_MAX) {
        free(planned);
        return;
    }
    plan->spare_count++;
    list_push_front(&plan->spare, &planned->link);
}

static struct planned *planned_alloc(struct plan *plan, size_t path_bytes)
{
    struct planned *planned;

    if (path_bytes > SPARE_PATH_BYTES)
        return xmalloc(sizeof *planned + path_bytes);
    if (plan->spare_count == 0)
        return xmalloc(sizeof *planned + SPARE_PATH_BYTES);
    planned = CONTAINER_OF(plan->spare.next, struct planned, link);
    list_remove(&planned->link);
    plan->spare_count--;
    return planned;
}

/* The znode as the tree has it; false: it has none. */
static bool from_tree(const struct tree *tree, struct jute_bytes path, uint64_t hash,
                      struct planned_znode *ret)
{
    const struct znode *znode = tree_lookup_hashed(tree, path, hash);

    *ret = (struct planned_znode){.exists = znode != NULL};
    if (znode == NULL)
        return false;
    ret->child_count = znode_child_count(znode);
    ret->data_size = (uint32_t)jute_size(znode_data(znode));
    ret->prefix = znode_digest_prefix(znode);
    ret->acl = tree_acl(tree, znode_acl_id(znode));
    znode_stat_persisted(tree, znode, &ret->stat);
    return true;
}

void plan_init(struct plan *plan, const struct tree *tree)
{
    *plan = (struct plan){.tree = tree, .digest = tree_digest(tree)};
    list_init(&plan->changed);
    list_init(&plan->spare);
}

void plan_done(struct plan *plan)
{
    ASSERT(plan->zxid == 0);
    LIST_FOR_SAFE(link, &plan->changed)
    planned_free(plan, CONTAINER_OF(link, struct planned, link));
    LIST_FOR_SAFE(link, &plan->spare)
    free(CONTAINER_OF(link, struct planned, link));
    hmap_done(&plan->by_path);
    free(plan->undo);
}

void plan_restart(struct plan *plan, const struct tree *tree)
{
    plan_done(plan);
    plan_init(plan, tree);
}

void plan_begin(struct plan *plan, zk_zxid zxid)
{
    ASSERT(plan->zxid == 0);
    ASSERT(zxid > 0);
    /* With nothing in flight the tree is the plan. */
    if (plan->in_flight == 0)
        plan->digest = tree_digest(plan->tree);
    plan->zxid = zxid;
    plan->digest_before = plan->digest;
    plan->undo_count = 0;
}

/* ACLs replaced by the txn are kept in the undo list until it is decided. */
void plan_accept(struct plan *plan)
{
    ASSERT(plan->zxid != 0);
    for (size_t i = 0; i < plan->undo_count; i++) {
        struct planned *planned = plan->undo[i].planned;

        acl_copy_unref(plan->undo[i].before.own_acl);
        planned->in_undo = false;
        planned->zxid = plan->zxid;
        list_remove(&planned->link);
        list_push_back(&plan->changed, &planned->link);
    }
    plan->in_flight++;
    plan->zxid = 0;
}

void plan_abort(struct plan *plan)
{
    ASSERT(plan->zxid != 0);
    while (plan->undo_count > 0) {
        struct plan_undo *undo = &plan->undo[--plan->undo_count];
        struct planned *planned = undo->planned;

        set_creator(planned, undo->before.creator);
        acl_copy_unref(planned->znode.own_acl);
        planned->znode = undo->before;
        planned->in_undo = false;
        if (undo->is_new)
            planned_free(plan, planned);
    }
    plan->digest = plan->digest_before;
    plan->zxid = 0;
}

void plan_committed(struct plan *plan, zk_zxid zxid)
{
    if (plan->in_flight == 0)
        return;
    plan->in_flight--;
    while (!list_empty(&plan->changed)) {
        struct planned *oldest = CONTAINER_OF(plan->changed.next, struct planned, link);

        if (oldest->zxid > zxid)
            return;
        planned_free(plan, oldest);
    }
}

const struct planned_znode *plan_find(const struct plan *plan, struct jute_bytes path,
                                      struct planned_znode *room)
{
    uint64_t hash = tree_hash(plan->tree, path);
    const struct planned *planned = planned_find(plan, path, hash);

    if (planned != NULL)
        return planned->znode.exists ? &planned->znode : NULL;
    return from_tree(plan->tree, path, hash, room) ? room : NULL;
}

static struct planned *planned_new(struct plan *plan, struct jute_bytes path, uint64_t hash)
{
    struct planned *planned = planned_alloc(plan, jute_size(path));

    planned->zxid = 0;
    planned->in_undo = false;
    planned->path_len = path.len;
    memcpy(planned->path, path.data, jute_size(path));
    if (from_tree(plan->tree, path, hash, &planned->znode) && digest_counts(path))
        planned->znode.digest = digest_znode(planned->znode.prefix, &planned->znode.stat);
    list_init(&planned->link);
    list_init(&planned->by_creator);
    hmap_insert(&plan->by_path, &planned->by_path, hash);
    return planned;
}

static void remember(struct plan *plan, struct planned *planned, bool is_new)
{
    if (planned->in_undo)
        return;
    if (plan->undo_count == plan->undo_cap) {
        plan->undo_cap = plan->undo_cap == 0 ? 8 : plan->undo_cap * 2;
        plan->undo = xrealloc(plan->undo, plan->undo_cap * sizeof *plan->undo);
    }
    plan->undo[plan->undo_count++] =
        (struct plan_undo){.planned = planned, .before = planned->znode, .is_new = is_new};
    if (planned->znode.own_acl != NULL)
        planned->znode.own_acl->refs++;
    planned->in_undo = true;
}

/* The planned znode of PATH, to be changed by the txn being planned. */
static struct planned *edit(struct plan *plan, struct jute_bytes path)
{
    uint64_t hash = tree_hash(plan->tree, path);
    struct planned *planned = planned_find(plan, path, hash);
    bool is_new = planned == NULL;

    ASSERT(plan->zxid != 0);
    if (is_new)
        planned = planned_new(plan, path, hash);
    remember(plan, planned, is_new);
    return planned;
}

/* The Stat, the prefix or the existence of PLANNED have changed. */
static void update_digest(struct plan *plan, struct planned *planned)
{
    struct planned_znode *znode = &planned->znode;
    bool counts = znode->exists && digest_counts(planned_path(planned));

    plan->digest -= znode->digest;
    znode->digest = counts ? digest_znode(znode->prefix, &znode->stat) : 0;
    plan->digest += znode->digest;
}

/* As apply has it: the counter only rises, and pzxid with it, so that both stand
 * still after a wrap [DataTree.createNode, ZOOKEEPER-3249]. */
static void plan_child_created(struct plan *plan, struct jute_bytes path)
{
    struct planned *parent = edit(plan, path_parent(path));
    int32_t cversion = plan_next_cversion(parent->znode.stat.cversion);

    ASSERT(parent->znode.exists);
    parent->znode.child_count++;
    if (cversion > parent->znode.stat.cversion) {
        parent->znode.stat.cversion = cversion;
        parent->znode.stat.pzxid = plan->zxid;
    }
    update_digest(plan, parent);
}

void plan_create(struct plan *plan, const struct plan_create *create)
{
    struct planned *planned = edit(plan, create->path);

    ASSERT(!planned->znode.exists);
    planned->znode.exists = true;
    planned->znode.child_count = 0;
    planned->znode.data_size = (uint32_t)jute_size(create->data);
    planned->znode.prefix = digest_prefix(create->path, create->data);
    planned->znode.stat = (struct zk_stat_persisted){
        .czxid = plan->zxid,
        .mzxid = plan->zxid,
        .pzxid = plan->zxid,
        .ctime = create->time_ms,
        .mtime = create->time_ms,
        .ephemeral_owner = create->owner,
    };
    set_own_acl(&planned->znode, acl_copy_new(create->acl));
    set_creator(planned, create->session);
    update_digest(plan, planned);
    plan_child_created(plan, create->path);
}

void plan_delete(struct plan *plan, struct jute_bytes path)
{
    struct planned *planned = edit(plan, path);
    struct planned *parent = edit(plan, path_parent(path));

    ASSERT(planned->znode.exists);
    planned->znode.exists = false;
    set_own_acl(&planned->znode, NULL);
    set_creator(planned, NULL);
    update_digest(plan, planned);
    ASSERT(parent->znode.child_count > 0);
    parent->znode.child_count--;
    parent->znode.stat.pzxid = plan->zxid;
    update_digest(plan, parent);
}

void plan_set_data(struct plan *plan, struct jute_bytes path, struct jute_bytes data,
                   int32_t version, int64_t time_ms)
{
    struct planned *planned = edit(plan, path);

    ASSERT(planned->znode.exists);
    planned->znode.data_size = (uint32_t)jute_size(data);
    planned->znode.prefix = digest_prefix(path, data);
    planned->znode.stat.version = version;
    planned->znode.stat.mzxid = plan->zxid;
    planned->znode.stat.mtime = time_ms;
    update_digest(plan, planned);
}

void plan_set_acl(struct plan *plan, struct jute_bytes path, const struct zk_vec_acl *acl,
                  int32_t version)
{
    struct planned *planned = edit(plan, path);

    ASSERT(planned->znode.exists);
    planned->znode.stat.aversion = version;
    set_own_acl(&planned->znode, acl_copy_new(acl));
    update_digest(plan, planned);
}

/* One path of a session's ephemeral as the tree has it, if the plan keeps it. */
static bool still_planned(const struct plan *plan, struct jute_bytes path, int64_t session_id)
{
    struct planned_znode room;
    const struct planned_znode *znode = plan_find(plan, path, &room);

    return znode != NULL && znode->stat.ephemeral_owner == session_id;
}

static struct jute_bytes path_in_arena(const void *data, size_t len, struct arena *arena)
{
    uint8_t *copy = arena_alloc(arena, len);

    memcpy(copy, data, len);
    return (struct jute_bytes){.data = copy, .len = (int32_t)len};
}

static bool tree_has_ephemeral(const struct plan *plan, struct jute_bytes path, int64_t session_id)
{
    const struct znode *znode = tree_lookup(plan->tree, path);

    return znode != NULL && znode_owner(plan->tree, znode) == session_id;
}

static size_t count_ephemerals(const struct plan *plan, struct live_session *session)
{
    const struct znode *znode = tree_ephemeral_first(plan->tree, session->id);
    size_t count = 0;

    for (; znode != NULL; znode = tree_ephemeral_next(plan->tree, znode))
        count++;
    LIST_FOR(link, &session->planned)
    count++;
    return count;
}

uint64_t plan_ephemeral_path_bytes(const struct plan *plan, const struct live_session *session)
{
    return tree_ephemeral_path_bytes(plan->tree, session->id) + session->planned_bytes;
}

void plan_ephemerals(const struct plan *plan, struct live_session *session, struct arena *arena,
                     struct zk_vec_ustring *ret_paths)
{
    const struct znode *znode = tree_ephemeral_first(plan->tree, session->id);
    size_t most = count_ephemerals(plan, session);
    jute_ustring *paths = arena_alloc(arena, most * sizeof *paths);
    struct buf path = {0};
    int32_t count = 0;

    for (; znode != NULL; znode = tree_ephemeral_next(plan->tree, znode)) {
        path.len = 0;
        znode_path(plan->tree, znode, &path);
        if (still_planned(plan, (struct jute_bytes){path.data, (int32_t)path.len}, session->id))
            paths[count++] = path_in_arena(path.data, path.len, arena);
    }
    buf_done(&path);
    /* What was deleted and made again in flight is in both lists. */
    LIST_FOR(link, &session->planned)
    {
        const struct planned *planned = CONTAINER_OF(link, struct planned, by_creator);

        if (!tree_has_ephemeral(plan, planned_path(planned), session->id))
            paths[count++] = path_in_arena(planned->path, (size_t)planned->path_len, arena);
    }
    *ret_paths = (struct zk_vec_ustring){.count = count, .items = paths};
}
