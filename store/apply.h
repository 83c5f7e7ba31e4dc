/* apply: the effect of a decided txn on the tree; the only thing that changes it.
 * Deterministic: the same txns in the same order give the same tree on every
 * server [DataTree.processTxn]. Idempotent over a later state, as a replay over
 * Apache's fuzzy snapshots needs: a cversion only rises, a pzxid only rises and
 * does so even when the child was gone already (ZOOKEEPER-3145, -3249). It
 * judges nothing: that was prepare's work. Any txn that decodes can be applied;
 * one that makes no sense changes nothing. Thread: the loop. */
#ifndef ZKFS_STORE_APPLY_H
#define ZKFS_STORE_APPLY_H

#include "proto/errors.h"
#include "proto/txn.h"
#include "store/tree.h"

/* A znode was created, deleted, or got new data. A creation or deletion is a
 * change of the children of its parent as well. */
struct tree_change {
    enum event_type type;   /* EVENT_NODE_CREATED, _DELETED or _DATA_CHANGED */
    struct jute_bytes path; /* borrowed until the callback returns */
    uint32_t acl_id;        /* the znode's ACL: who may hear of it */
    uint32_t parent_acl_id; /* the parent's (creation and deletion) */
};

/* Told while a txn is applied. Both are optional and must not change the tree. */
struct tree_observer {
    void *arg;
    /* The tree already shows the change. Ids of ACLs are valid during the call. */
    void (*on_change)(void *arg, const struct tree_change *change);
    /* OP has been applied with result ERR, its changes told before. For a multi once
     * for each of its parts, in order, and not for itself: in a failed one the
     * results are ZOK before the part that failed, its own error, and
     * ZRUNTIMEINCONSISTENCY after it. ZNODE is the one that OP created or set, as of
     * now; NULL for other ops and on error. Its Stat is the reply's. */
    void (*on_op)(void *arg, const struct txn *op, enum zk_err err, const struct znode *znode);
};

struct applied {
    /* ZOK; the error of an error txn; or ZNONODE, ZNODEEXISTS, ZBADARGUMENTS, ... when
     * the txn did not fit the state: normal in a replay over a fuzzy snapshot, else
     * an alarm. Of a multi the first one. */
    enum zk_err err;
    /* The txn has a digest (of our version), and the tree's is another: an alarm, but
     * meaningless until a replay over a fuzzy snapshot has passed its end. */
    bool digest_mismatch;
    /* closeSession: ephemerals of the session that its list left out; they are
     * deleted all the same, but worth a warning. */
    uint32_t unlisted_ephemerals;
};

/* Applies TXN. The tree's zxid becomes the txn's at the very end. OBSERVER may be
 * NULL. */
struct applied tree_apply(struct tree *tree, const struct txn *txn,
                          const struct tree_observer *observer);

#endif
