/* tree_model: what tree_apply must do, written down a second time in the simplest
 * way: an array of znodes with their whole paths, searched from the front, and the
 * digest summed anew each time it is asked for. */
#ifndef ZKFS_TESTS_SUPPORT_TREE_MODEL_H
#define ZKFS_TESTS_SUPPORT_TREE_MODEL_H

#include "proto/errors.h"
#include "proto/txn.h"

struct model;

struct model *model_new(void);
void model_free(struct model *model);

/* Applies TXN; gives the first error. */
enum zk_err model_apply(struct model *model, const struct txn *txn);

uint64_t model_digest(const struct model *model);

/* The text that tree_dump writes for the same state. */
void model_dump(const struct model *model, struct buf *ret);

#endif
