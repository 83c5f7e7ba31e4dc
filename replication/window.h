/* window: the end of the log in memory: every txn that is not applied yet, and
 * before those the window, as many applied ones as there is room for. Marks run along
 * it, and never pass each other:
 *
 *      base <= applied <= committed <= end       applied <= durable <= end
 *
 * It knows no role: a leader and a learner move the same marks. Plain bookkeeping.
 * Thread: the loop. */
#ifndef ZKFS_REPLICATION_WINDOW_H
#define ZKFS_REPLICATION_WINDOW_H

#include "proto/base/blob.h"
#include "proto/types.h"

#include <stdbool.h>
#include <stddef.h>

struct window {
    struct blob **entries; /* a ring: entry i at (first + i) % cap */
    size_t first, count, cap;
    zk_zxid base; /* what the first entry follows */
    zk_zxid applied, committed, durable, end;
    size_t bytes;      /* of all entries */
    size_t tail_bytes; /* of those after applied */
};

/* A history whose state and log end at ZXID. */
void window_init(struct window *h, zk_zxid zxid);
/* A history as a disk has it: COUNT txns after BASE, all durable; applied up to APPLIED,
 * which is BASE or one of them. Shares the txns. */
void window_load(struct window *h, zk_zxid base, zk_zxid applied, struct blob *const *entries,
                 size_t count);
void window_done(struct window *h);

/* May a txn of ZXID follow what ends at LAST? The next counter, or the first of a
 * later epoch; nothing else, or there would be a hole (ZOOKEEPER-4925). */
bool zxid_follows(zk_zxid last, zk_zxid zxid);

/* TXN follows the end. Shares it. */
void window_append(struct window *h, struct blob *txn);

/* The index of the entry of ZXID; or of the first one after it. */
size_t window_index(const struct window *h, zk_zxid zxid);
struct blob *window_at(const struct window *h, size_t i);
zk_zxid window_zxid(const struct window *h, size_t i);

/* Is ZXID the base or one of the entries? */
bool window_has(const struct window *h, zk_zxid zxid);

/* Forgets everything after ZXID, which is in it and not before committed. */
void window_truncate(struct window *h, zk_zxid zxid);

/* The next txn to apply, if there is one both committed and durable: moves the mark
 * and gives it, borrowed. NULL: none. */
struct blob *window_apply_next(struct window *h);

/* Lets old applied entries go: while there are more than BYTES_MAX, but not the last
 * COUNT_MIN (unless they too would take more than the double). */
void window_trim(struct window *h, size_t count_min, size_t bytes_max);

#endif
