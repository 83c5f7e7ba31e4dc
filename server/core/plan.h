/* plan: the tree as it will be when all writes in flight are applied; what prepare
 * judges by [PrepRequestProcessor, outstandingChanges]. A planned znode overlays the
 * one of the tree from the txn that plans its change until the last such txn is
 * committed. The digest of the tree is foretold as well: every txn carries it, and
 * apply compares it with what it finds.
 *
 * A txn is planned between plan_begin() and plan_accept(), or taken back by
 * plan_abort() as if it had never been. Judge first, then change: only a multi,
 * whose parts see each other, needs the abort. Pure. */
#ifndef ZKFS_SERVER_CORE_PLAN_H
#define ZKFS_SERVER_CORE_PLAN_H

#include "proto/base/hmap.h"
#include "proto/base/list.h"
#include "proto/records.h"
#include "proto/types.h"
#include "store/tree.h"

#include <stdbool.h>

struct live_session;
struct planned;
struct acl_copy;

/* A znode as planned. Borrowed: valid until the next change of the plan. */
struct planned_znode {
    bool exists;
    uint32_t child_count;
    uint32_t data_size;
    uint32_t prefix; /* of its digest: path and data */
    uint32_t digest; /* 0: not counted; kept once it is to be changed */
    struct zk_stat_persisted stat;
    const struct zk_vec_acl *acl;
    struct acl_copy *own_acl;     /* holds ACL when the tree does not; a reference */
    struct live_session *creator; /* ephemeral created in flight: in its planned list */
};

/* What a planned txn did first to a znode, to take it back. */
struct plan_undo {
    struct planned *planned;
    struct planned_znode before;
    bool is_new; /* it was not planned before */
};

struct plan {
    const struct tree *tree;
    struct hmap by_path; /* hashed as the tree does */
    struct list changed; /* planned znodes by the zxid of their last change */
    struct list spare;   /* those that are to be used again, all of one size */
    size_t spare_count;
    uint64_t digest;  /* of the whole tree, as planned */
    size_t in_flight; /* txns accepted and not committed */
    /* the txn being planned; 0 when there is none */
    zk_zxid zxid;
    uint64_t digest_before;
    struct plan_undo *undo;
    size_t undo_count, undo_cap;
};

void plan_init(struct plan *plan, const struct tree *tree);

/* Forgets what is in flight. */
void plan_done(struct plan *plan);

/* The same, to go on with TREE, which may be another one. */
void plan_restart(struct plan *plan, const struct tree *tree);

void plan_begin(struct plan *plan, zk_zxid zxid);
void plan_accept(struct plan *plan);
void plan_abort(struct plan *plan);

/* TXN of ZXID has been applied to the tree: the plan needs it no more. Nothing
 * happens when this plan did not accept it. */
void plan_committed(struct plan *plan, zk_zxid zxid);

/* The znode at PATH, or NULL when there is none; *ROOM may be used to hold it. */
const struct planned_znode *plan_find(const struct plan *plan, struct jute_bytes path,
                                      struct planned_znode *room);

/* Changes; the caller has judged them. They follow apply to the bit. The time of a
 * txn is in its header, and the same for all its parts. */
struct plan_create {
    struct jute_bytes path, data;
    const struct zk_vec_acl *acl;
    int64_t owner; /* as stored */
    int64_t time_ms;
    struct live_session *session; /* whose ephemeral it is, or NULL */
};
void plan_create(struct plan *plan, const struct plan_create *create);
void plan_delete(struct plan *plan, struct jute_bytes path);
void plan_set_data(struct plan *plan, struct jute_bytes path, struct jute_bytes data,
                   int32_t version, int64_t time_ms);
void plan_set_acl(struct plan *plan, struct jute_bytes path, const struct zk_vec_acl *acl,
                  int32_t version);

/* The lengths of the paths of all ephemerals of SESSION; those whose deletion is in
 * flight may count as well. */
uint64_t plan_ephemeral_path_bytes(const struct plan *plan, const struct live_session *session);

/* The paths of all ephemerals of SESSION as planned, in ARENA. */
void plan_ephemerals(const struct plan *plan, struct live_session *session, struct arena *arena,
                     struct zk_vec_ustring *ret_paths);

/* cversion + 1, as it goes into a create txn: wraps as Java's int does. */
static inline int32_t plan_next_cversion(int32_t cversion)
{
    return (int32_t)((uint32_t)cversion + 1);
}

#endif
