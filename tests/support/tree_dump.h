/* tree_dump: a whole tree as text, a sorted line for each thing in it, so that two
 * states are equal when their texts are. The model (tree_model.h) writes the same. */
#ifndef ZKFS_TESTS_SUPPORT_TREE_DUMP_H
#define ZKFS_TESTS_SUPPORT_TREE_DUMP_H

#include "store/tree.h"

void tree_dump(const struct tree *tree, struct buf *ret);

/* The lines of one. */
void dump_znode(struct buf *out, struct jute_bytes path, const struct zk_stat_persisted *stat,
                struct jute_bytes data, const struct zk_vec_acl *acl, uint32_t children);
void dump_session(struct buf *out, int64_t id, int32_t timeout_ms);
void dump_totals(struct buf *out, zk_zxid zxid, uint64_t digest, uint64_t znodes,
                 uint64_t ephemerals, uint64_t data_bytes);

/* Sorts the lines. */
void dump_sort(struct buf *text);

#endif
