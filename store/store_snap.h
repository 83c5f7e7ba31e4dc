/* store_snap: what store_snap*.c and the other parts of the store know of each other.
 * For them alone; others find store_snap_begin and the rest in store.h. */
#ifndef ZKFS_STORE_STORE_SNAP_H
#define ZKFS_STORE_STORE_SNAP_H

#include "store/store_state.h"

/* Give the directories of a generation. */
char *store_log_dir(const struct store *s, uint64_t generation);
char *store_checkpoint_dir(const struct store *s, uint64_t generation);

/* Something has ended that an installation may have waited for. */
void store_snap_check(struct store *s);
/* An installation is asked for: no checkpoint may begin. */
bool store_snap_installing(const struct store *s);
/* Its meta is being written: it cannot be dropped any more. */
bool store_snap_switching(const struct store *s);

/* When the workers are gone. */
void store_snap_free_all(struct store *s);

#endif
