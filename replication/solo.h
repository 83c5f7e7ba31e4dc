/* solo: what a standalone server has in place of agreement: it is its own leader
 * and its own quorum, so what is durable here is committed. Pure: an event goes
 * in, a list of actions comes out, in the order in which they must be done. The
 * driver performs them and reports what became of them. (zab.h is the ensemble.)
 *
 * Thread: the loop. Many instances may live in one process. */
#ifndef ZKFS_REPLICATION_SOLO_H
#define ZKFS_REPLICATION_SOLO_H

#include "proto/base/blob.h"
#include "proto/types.h"

#include <stddef.h>

enum solo_action_kind {
    SOLO_APPEND, /* log TXN; tell solo_durable() when it is on disk */
    SOLO_COMMIT, /* TXN is decided and durable here: apply it and answer */
};

struct solo_action {
    enum solo_action_kind kind;
    zk_zxid zxid;
    struct blob *txn; /* a reference of the action's own, dropped by clear */
};

/* Plain value; a zeroed one is empty. The caller passes one to each event,
 * performs what it holds and clears it, which keeps the memory for the next. */
struct solo_actions {
    struct solo_action *items;
    size_t count, cap;
};

void solo_actions_clear(struct solo_actions *actions);
void solo_actions_done(struct solo_actions *actions);

struct solo;

/* LAST: the last zxid that is in the log and applied; the next proposal
 * follows it. Gives an object to be ended with solo_free(). */
struct solo *solo_new(zk_zxid last);
void solo_free(struct solo *solo);

/* The zxid that the next proposal must carry. */
zk_zxid solo_next_zxid(const struct solo *solo);

/* Event: a prepared TXN (encoded; its header carries solo_next_zxid()). Takes
 * the caller's reference. Never commits: that waits for the disk. */
void solo_propose(struct solo *solo, struct blob *txn, struct solo_actions *out);

/* Event: everything up to ZXID is on this server's disk. ZXID has been
 * appended; repeating or lowering it does nothing. */
void solo_durable(struct solo *solo, zk_zxid zxid, struct solo_actions *out);

/* Proposals that are not committed yet. */
size_t solo_outstanding(const struct solo *solo);

#endif
