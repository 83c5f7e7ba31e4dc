/* freeze: see freeze.h. How it is kept:
 *
 * A znode's MARK is 0, or that of the current list (freeze.mark: its slot is in
 * CHANGED, once), or the other one (of 1 and 2), which is left over from before
 * the freeze under way: its slot is in FROZEN. Beginning a freeze swaps the lists
 * and the mark, so it touches no znode. The mark belongs to the slot and outlives
 * the znode: a slot that is freed and used again stays in its list, so the list is
 * never longer than the tree was.
 *
 * Frozen, that is to be handed out as it was at the beginning:
 *   FREEZE_CHANGES  the mark is the other one
 *   FREEZE_ALL      the walk over all slots has not passed it, and it has neither
 *                   changed nor been created since (mark)
 *
 * STORED says that a row of the znode was handed out at some time, so that its
 * deletion needs a row as well; others leave no trace. */
#include "store/freeze.h"

#include "proto/base/assert.h"
#include "store/row.h"
#include "store/tree_private.h"

/* Entries that a slice looks at, however few of them give a row. */
#define SCAN_MAX 16384

static uint32_t slot_in(const struct buf *slots, size_t i)
{
    uint32_t slot;

    memcpy(&slot, slots->data + i * sizeof slot, sizeof slot);
    return slot;
}

static uint64_t id_in(const struct buf *ids, size_t i)
{
    uint64_t id;

    memcpy(&id, ids->data + i * sizeof id, sizeof id);
    return id;
}

void freeze_init(struct freeze *freeze)
{
    *freeze = (struct freeze){.mark = 1};
}

static void end_freeze(struct freeze *freeze)
{
    buf_done(&freeze->frozen);
    buf_done(&freeze->gone);
    buf_done(&freeze->acls);
    buf_done(&freeze->sessions);
    buf_done(&freeze->side);
    freeze->active = false;
}

void freeze_done(struct freeze *freeze)
{
    end_freeze(freeze);
    buf_done(&freeze->changed);
    buf_done(&freeze->deleted);
}

/* With the mark that znodes begin with, none is added to the list. */
void freeze_loading(struct tree *tree)
{
    tree->freeze.mark = 0;
}

void freeze_loaded(struct tree *tree)
{
    struct buf sessions;

    tree->freeze.mark = 1;
    sessions_changed_take(&tree->sessions, &sessions);
    buf_done(&sessions);
}

/* ---- the list of changes ---- */

static void add_to_changed(struct freeze *freeze, struct znode *znode, uint32_t slot)
{
    if (znode->mark == freeze->mark)
        return;
    znode->mark = freeze->mark & 3;
    buf_append(&freeze->changed, &slot, sizeof slot);
}

static bool is_frozen(const struct freeze *freeze, const struct znode *znode, uint32_t slot)
{
    if (!freeze->active || znode->id == 0 || znode->mark == freeze->mark)
        return false;
    if (freeze->extent == FREEZE_CHANGES)
        return znode->mark != 0;
    return slot >= freeze->frozen_next;
}

/* Hands the frozen znode out; then it is frozen no more. */
static void put_row(struct tree *tree, struct znode *znode, struct buf *rows)
{
    struct row_znode row = {
        .parent_id = znode->parent == 0 ? 0 : tree_at(tree, znode->parent)->id,
        .name = znode_name(znode),
        .acl_id = znode->acl_id,
        .data = znode_data(znode),
    };

    znode_stat_persisted(tree, znode, &row.stat);
    row_put_znode(rows, znode->id, &row);
    znode->stored = true;
    znode->mark = 0;
}

void freeze_changing(struct tree *tree, uint32_t slot)
{
    struct freeze *freeze = &tree->freeze;
    struct znode *znode = tree_at(tree, slot);

    streams_changing(tree, slot);
    if (is_frozen(freeze, znode, slot))
        put_row(tree, znode, &freeze->side);
    add_to_changed(freeze, znode, slot);
}

/* A mark of the other list is the slot's: of a znode that is gone. */
void freeze_added(struct tree *tree, uint32_t slot)
{
    streams_added(tree, slot);
    add_to_changed(&tree->freeze, tree_at(tree, slot), slot);
}

void freeze_removing(struct tree *tree, uint32_t slot)
{
    struct freeze *freeze = &tree->freeze;
    struct znode *znode = tree_at(tree, slot);

    streams_changing(tree, slot);
    if (is_frozen(freeze, znode, slot))
        put_row(tree, znode, &freeze->side);
    if (znode->stored)
        buf_append(&freeze->deleted, &znode->id, sizeof znode->id);
}

/* ---- beginning ---- */

static void put_global(const struct tree *tree, struct buf *rows)
{
    row_put_global(rows, &(struct row_global){
                             .zxid = tree->zxid,
                             .next_id = tree->next_id,
                             .znode_count = tree_znode_count(tree),
                             .digest = tree->digest,
                         });
}

static void put_changed_acls(const struct tree *tree, const struct buf *ids, struct buf *rows)
{
    for (size_t i = 0; i < ids->len / sizeof(uint32_t); i++) {
        uint32_t id = slot_in(ids, i);
        const struct zk_vec_acl *acl = acl_table_get(&tree->acls, id);

        if (acl == NULL)
            row_put_deleted(rows, ROW_ACL, id);
        else
            row_put_acl(rows, id, acl);
    }
}

static void put_session(void *arg, int64_t id, int32_t timeout_ms)
{
    row_put_session(arg, id, &(struct row_session){.timeout_ms = timeout_ms});
}

static void put_changed_sessions(const struct tree *tree, const struct buf *ids, struct buf *rows)
{
    for (size_t i = 0; i < ids->len / sizeof(int64_t); i++) {
        int64_t id = (int64_t)id_in(ids, i);
        int32_t timeout_ms;

        if (tree_session(tree, id, &timeout_ms))
            put_session(rows, id, timeout_ms);
        else
            row_put_deleted(rows, ROW_SESSION, (uint64_t)id);
    }
}

static void put_all_acls_and_sessions(const struct tree *tree, struct buf *rows)
{
    for (uint32_t id = TREE_ACL_OPEN + 1; id < tree->acls.entry_count; id++) {
        const struct zk_vec_acl *acl = acl_table_get(&tree->acls, id);

        if (acl != NULL)
            row_put_acl(rows, id, acl);
    }
    tree_sessions_walk(tree, put_session, rows);
}

void tree_freeze_begin(struct tree *tree, enum freeze_extent extent)
{
    struct freeze *freeze = &tree->freeze;

    ASSERT(!freeze->active);
    freeze->active = true;
    freeze->drained = false;
    freeze->extent = extent;
    freeze->mark = 3 - freeze->mark;
    freeze->frozen = freeze->changed;
    freeze->gone = freeze->deleted;
    freeze->changed = freeze->deleted = (struct buf){0};
    freeze->gone_next = freeze->frozen_next = 0;
    freeze->gone_end = freeze->gone.len / sizeof(uint64_t);
    freeze->frozen_end = freeze->frozen.len / sizeof(uint32_t);
    acl_table_changed_take(&tree->acls, &freeze->acls);
    sessions_changed_take(&tree->sessions, &freeze->sessions);
    put_global(tree, &freeze->side);
    if (extent == FREEZE_ALL) {
        freeze->frozen_next = ROOT_SLOT;
        freeze->frozen_end = tree->znodes.end;
        freeze->gone_end = 0;
        put_all_acls_and_sessions(tree, &freeze->side);
    } else {
        put_changed_acls(tree, &freeze->acls, &freeze->side);
        put_changed_sessions(tree, &freeze->sessions, &freeze->side);
    }
}

/* ---- slices ---- */

static void take_side(struct freeze *freeze, struct buf *rows)
{
    buf_append(rows, freeze->side.data, freeze->side.len);
    buf_done(&freeze->side);
}

/* The next slot of the walk. A mark of the other list must not outlive the freeze:
 * the one after the next would take it for its own. */
static void hand_out_next(struct tree *tree, struct buf *rows)
{
    struct freeze *freeze = &tree->freeze;
    bool all = freeze->extent == FREEZE_ALL;
    uint32_t slot =
        all ? (uint32_t)freeze->frozen_next : slot_in(&freeze->frozen, freeze->frozen_next);
    struct znode *znode = tree_at(tree, slot);

    if (is_frozen(freeze, znode, slot))
        put_row(tree, znode, rows);
    else if (znode->mark != freeze->mark)
        znode->mark = 0;
    freeze->frozen_next++;
}

bool tree_freeze_next(struct tree *tree, size_t max_bytes, struct buf *rows)
{
    struct freeze *freeze = &tree->freeze;
    size_t end = rows->len + max_bytes;

    ASSERT(freeze->active);
    take_side(freeze, rows);
    for (int scanned = 0; scanned < SCAN_MAX && rows->len < end; scanned++) {
        if (freeze->gone_next < freeze->gone_end) {
            row_put_deleted(rows, ROW_ZNODE, id_in(&freeze->gone, freeze->gone_next++));
        } else if (freeze->frozen_next < freeze->frozen_end) {
            hand_out_next(tree, rows);
        } else {
            freeze->drained = true;
            return false;
        }
    }
    return true;
}

/* ---- ending ---- */

/* Puts back what was set aside when the freeze began. What was handed out of a
 * FREEZE_ALL besides that is in the last committed checkpoint as it is. */
static void take_back(struct tree *tree)
{
    struct freeze *freeze = &tree->freeze;

    for (size_t i = 0; i < freeze->frozen.len / sizeof(uint32_t); i++) {
        uint32_t slot = slot_in(&freeze->frozen, i);
        struct znode *znode = tree_at(tree, slot);

        if (znode->id != 0)
            add_to_changed(freeze, znode, slot);
        else if (znode->mark != freeze->mark)
            znode->mark = 0;
    }
    buf_append(&freeze->deleted, freeze->gone.data, freeze->gone.len);
    acl_table_changed_again(&tree->acls, &freeze->acls);
    sessions_changed_again(&tree->sessions, &freeze->sessions);
}

void tree_freeze_end(struct tree *tree, bool committed)
{
    ASSERT(tree->freeze.active);
    ASSERT(!committed || tree->freeze.drained);
    if (!committed)
        take_back(tree);
    end_freeze(&tree->freeze);
}

bool tree_frozen(const struct tree *tree)
{
    return tree->freeze.active;
}

uint64_t tree_changed_count(const struct tree *tree)
{
    return tree->freeze.changed.len / sizeof(uint32_t) +
           tree->freeze.deleted.len / sizeof(uint64_t);
}
