/* checkpoint_lmdb: what the two halves of the LMDB checkpoint share: the writer
 * (checkpoint_lmdb.c) and the reader in a process of its own (checkpoint_load.c).
 * For these two alone; others include checkpoint.h. */
#ifndef ZKFS_STORE_CHECKPOINT_LMDB_H
#define ZKFS_STORE_CHECKPOINT_LMDB_H

#include "store/checkpoint.h"

#include <lmdb.h>
#include <stdbool.h>
#include <sys/types.h>

/* Address space only, as the map is read-only: no limit in practice. */
#define CHECKPOINT_MAP_BYTES ((size_t)1 << 38)

/* The -errno of an LMDB result. */
int checkpoint_lmdb_rc(int lmdb_rc);

/* A data file of so many bytes holds LMDB's two roots at most: nothing was ever
 * committed, and they may not even be whole. */
bool checkpoint_lmdb_unborn(off_t bytes);

/* checkpoint_ops.load for the environment in DIR. */
int checkpoint_lmdb_load(const char *dir, checkpoint_rows_cb rows, void *arg,
                         struct checkpoint_state *ret, struct errtext *why);

#endif
