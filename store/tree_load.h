/* tree_load: a tree from the rows of a checkpoint (row.h), in the order of kind and
 * key. Rows are outside bytes: whatever does not fit together is refused. What was
 * loaded counts as unchanged, so the next freeze of changes brings only what came
 * after. Thread: the loop, at start. */
#ifndef ZKFS_STORE_TREE_LOAD_H
#define ZKFS_STORE_TREE_LOAD_H

#include "proto/base/errtext.h"
#include "proto/base/hash.h"
#include "store/row.h"
#include "store/tree.h"

struct tree_load;

/* Gives a loading, to be ended with tree_load_done or tree_load_abandon. */
struct tree_load *tree_load_new(const struct hash_key *key);

/* Adds ROW. 0, or -EBADMSG: it is damaged, out of order, or refers to what is not
 * there; then only tree_load_abandon is left. */
int tree_load_row(struct tree_load *load, const struct row *row, struct errtext *why);

/* Ends the loading and gives its tree in *RET. -EBADMSG (the loading is ended all
 * the same): rows are missing, or the digest is not that of these znodes. */
int tree_load_done(struct tree_load *load, struct tree **ret, struct errtext *why);

/* Ends it and frees what was loaded. NULL is accepted. */
void tree_load_abandon(struct tree_load *load);

#endif
