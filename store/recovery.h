/* recovery: what the two halves of opening a store share: recover_root.c (directories, meta,
 * what it does not name) and recover.c (the state: checkpoint and log). For these alone. */
#ifndef ZKFS_STORE_RECOVERY_H
#define ZKFS_STORE_RECOVERY_H

#include "store/store_snap.h"

struct tree_load;

struct recovery {
    struct store *s;
    const struct store_config *config;
    uint64_t segment_bytes, window_bytes; /* of the log */
    struct errtext *why;
    struct tree_load *load;
    struct arena arena;
    uint64_t txns;
};

/* Makes the directories and locks them. */
int recovery_take_directories(struct recovery *r);

/* Reads meta, or makes a new database, or forgets one that is damaged, if asked to. */
int recovery_load_meta(struct recovery *r);

/* The log that meta names. */
struct txnlog_config recovery_log_config(const struct recovery *r);

/* Deletes checkpoints and logs that meta does not name. Whatever cannot be deleted stays: it
 * does no harm. */
void recovery_remove_leftovers(struct recovery *r);

#endif
