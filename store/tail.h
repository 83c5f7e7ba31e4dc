/* tail: what a member of an ensemble finds in its log at start: txns that are known to
 * be committed, which are applied, and behind them those of which a leader has still
 * to say what became of them (ZOOKEEPER-1549). Applied ones are kept as far as the
 * window has room, so that a learner can be given a DIFF. Plain value; a zeroed one is
 * empty. Thread: the loop, at start. */
#ifndef ZKFS_STORE_TAIL_H
#define ZKFS_STORE_TAIL_H

#include "proto/base/blob.h"
#include "proto/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tail {
    struct blob **txns; /* from HEAD on: after BASE, without a hole */
    size_t head, count, cap;
    size_t applied_count;         /* of them are applied */
    uint64_t bytes, window_bytes; /* of those that are applied */
    bool overflowed;              /* more was pushed than the window holds: BASE is known */
    zk_zxid base, applied, committed;
};

/* The state is that of APPLIED. */
void tail_init(struct tail *tail, zk_zxid applied, uint64_t window_bytes);
void tail_done(struct tail *tail);

/* The next txn of the log, copied. */
void tail_push(struct tail *tail, zk_zxid zxid, const uint8_t *txn, size_t len);

/* Everything up to ZXID is committed. */
void tail_commit(struct tail *tail, zk_zxid zxid);

/* The next txn to be applied, borrowed until the next call; NULL: none for now. */
struct blob *tail_apply_next(struct tail *tail);

/* The log was read to its end; what was pushed begins after BASE (or the first of it
 * is BASE, and is of no use). */
void tail_begin(struct tail *tail, zk_zxid base);

#endif
