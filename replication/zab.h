/* zab: agreement between servers on one order of txns [Zab: Junqueira, Reed,
 * Serafini]. Pure: an event goes in, a list of actions comes out, in the order in
 * which they must be done; no I/O, no clock, no random source. The driver
 * performs the actions and reports what became of them.
 *
 * Today's ensemble has one member, which is its own leader and quorum: what is
 * durable here is committed. The callers above (the request pipeline) and below
 * (the log) already speak in proposals, durability and commits, so that peers
 * add events and actions here and change nobody there.
 *
 * Thread: the loop. Many instances may live in one process. */
#ifndef ZKFS_REPLICATION_ZAB_H
#define ZKFS_REPLICATION_ZAB_H

#include "proto/base/blob.h"
#include "proto/types.h"

#include <stddef.h>

enum zab_action_kind {
    ZAB_APPEND, /* log TXN; tell zab_durable() when it is on disk */
    ZAB_COMMIT, /* TXN is decided and durable here: apply it and answer */
};

struct zab_action {
    enum zab_action_kind kind;
    zk_zxid zxid;
    struct blob *txn; /* a reference of the action's own, dropped by clear */
};

/* Plain value; a zeroed one is empty. The caller passes one to each event,
 * performs what it holds and clears it, which keeps the memory for the next. */
struct zab_actions {
    struct zab_action *items;
    size_t count, cap;
};

void zab_actions_clear(struct zab_actions *actions);
void zab_actions_done(struct zab_actions *actions);

struct zab;

/* LAST: the last zxid that is in the log and applied; the next proposal
 * follows it. Gives an object to be ended with zab_free(). */
struct zab *zab_new(zk_zxid last);
void zab_free(struct zab *zab);

/* The zxid that the next proposal must carry. */
zk_zxid zab_next_zxid(const struct zab *zab);

/* Event: a prepared TXN (encoded; its header carries zab_next_zxid()). Takes
 * the caller's reference. Never commits: that waits for the disk. */
void zab_propose(struct zab *zab, struct blob *txn, struct zab_actions *out);

/* Event: everything up to ZXID is on this server's disk. ZXID has been
 * appended; repeating or lowering it does nothing. */
void zab_durable(struct zab *zab, zk_zxid zxid, struct zab_actions *out);

/* Proposals that are not committed yet. */
size_t zab_outstanding(const struct zab *zab);

#endif
