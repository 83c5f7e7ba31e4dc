/* freeze: the tree as of one zxid, handed out in slices while txns go on. The
 * source of a checkpoint: exact, and incremental, so that its cost follows what
 * has changed and not the size of the tree.
 *
 * The tree remembers what has changed since the last freeze. Beginning one sets
 * that aside; each slice serialises a part of it; a znode that is about to change
 * before its turn is serialised first, into a side buffer that the next slice
 * takes along. Rows (row.h) come in no particular order, at most one per key.
 * Memory meanwhile: 4 bytes per changed znode, 8 per deletion, and the side
 * buffer, which is at most the rows of what was changed before its turn.
 * Thread: the loop. */
#ifndef ZKFS_STORE_FREEZE_H
#define ZKFS_STORE_FREEZE_H

#include "proto/base/buf.h"
#include "store/tree.h"

enum freeze_extent {
    FREEZE_CHANGES, /* what differs from the last freeze that was committed, deletions
                       included; from nothing, if there was none */
    FREEZE_ALL,     /* everything, for an empty checkpoint: no deletions */
};

/* Begins a freeze as of tree_zxid(), which stays the zxid of its rows. Not while
 * another one is under way. The lists of ACLs and sessions that have changed (with
 * FREEZE_ALL: all of them) are serialised here at once; znodes are not. */
void tree_freeze_begin(struct tree *tree, enum freeze_extent extent);

/* Appends rows of at least a little and not much more than MAX_BYTES (beyond it
 * by a row, or by the side buffer). Returns whether there is more: false means
 * that ROWS now has the last. It may append nothing and yet return true. */
bool tree_freeze_next(struct tree *tree, size_t max_bytes, struct buf *rows);

/* Ends it. COMMITTED (only after the last slice): the rows are in the checkpoint.
 * Otherwise all that was handed out counts as changed again, and the next freeze
 * brings it; it may then delete rows that the checkpoint never had. */
void tree_freeze_end(struct tree *tree, bool committed);

/* A freeze is under way. */
bool tree_frozen(const struct tree *tree);

/* Znodes and deletions that a freeze would hand out now: roughly its size. */
uint64_t tree_changed_count(const struct tree *tree);

#endif
