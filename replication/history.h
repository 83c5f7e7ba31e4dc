/* history: the end of the log in memory: every txn that is not applied yet, and
 * before those the window, as many applied ones as there is room for. Marks run along
 * it, and never pass each other:
 *
 *      base <= applied <= committed <= end       applied <= durable <= end
 *
 * It knows no role: a leader and a learner move the same marks. Plain bookkeeping.
 * Thread: the loop. */
#ifndef ZKFS_REPLICATION_HISTORY_H
#define ZKFS_REPLICATION_HISTORY_H

#include "proto/base/blob.h"
#include "proto/types.h"

#include <stdbool.h>
#include <stddef.h>

struct history {
    struct blob **entries; /* a ring: entry i at (first + i) % cap */
    size_t first, count, cap;
    zk_zxid base; /* what the first entry follows */
    zk_zxid applied, committed, durable, end;
    size_t bytes;      /* of all entries */
    size_t tail_bytes; /* of those after applied */
};

/* A history whose state and log end at ZXID. */
void history_init(struct history *h, zk_zxid zxid);
/* A history as a disk has it: COUNT txns after BASE, all durable; applied up to APPLIED,
 * which is BASE or one of them. Shares the txns. */
void history_load(struct history *h, zk_zxid base, zk_zxid applied, struct blob *const *entries,
                  size_t count);
void history_done(struct history *h);

/* May a txn of ZXID follow what ends at LAST? The next counter, or the first of a
 * later epoch; nothing else, or there would be a hole (ZOOKEEPER-4925). */
bool zxid_follows(zk_zxid last, zk_zxid zxid);

/* TXN follows the end. Shares it. */
void history_append(struct history *h, struct blob *txn);

/* The index of the entry of ZXID; or of the first one after it. */
size_t history_index(const struct history *h, zk_zxid zxid);
struct blob *history_at(const struct history *h, size_t i);
zk_zxid history_zxid(const struct history *h, size_t i);

/* Is ZXID the base or one of the entries? */
bool history_has(const struct history *h, zk_zxid zxid);

/* Forgets everything after ZXID, which is in it and not before committed. */
void history_truncate(struct history *h, zk_zxid zxid);

/* The next txn to apply, if there is one both committed and durable: moves the mark
 * and gives it, borrowed. NULL: none. */
struct blob *history_apply_next(struct history *h);

/* Lets old applied entries go: while there are more than BYTES_MAX, but not the last
 * COUNT_MIN (unless they too would take more than the double). */
void history_trim(struct history *h, size_t count_min, size_t bytes_max);

#endif
