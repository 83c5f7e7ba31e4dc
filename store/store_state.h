/* store_state: what the parts of the store share: recover.c (opening), store.c (the
 * log, meta, closing) and store_checkpoint.c (making checkpoints). For these three
 * alone; others include store.h. */
#ifndef ZKFS_STORE_STORE_STATE_H
#define ZKFS_STORE_STORE_STATE_H

#include "proto/base/list.h"
#include "store/checkpoint.h"
#include "store/meta.h"
#include "store/store.h"
#include "store/tail.h"
#include "store/tree.h"
#include "store/txnlog.h"

/* A checkpoint in the making: slices go to the worker, one at a time. The job owns
 * it while it is submitted. */
struct checkpoint_run {
    struct job job;
    struct store *store;
    bool running;
    bool begun; /* at the checkpoint */
    bool last_slice;
    zk_zxid zxid;
    uint64_t digest;
    uint64_t log_written; /* when it began */
    uint64_t txns;        /* the like */
    int64_t start_us;     /* by the disk's clock */
    struct buf rows;
    uint64_t bytes; /* of the checkpoint, when it is made */
    int rc;
    struct errtext why;
};

struct snap_stage;

struct store {
    struct store_base base;
    struct store_events events;
    char *dir;                         /* data_dir/zkfs */
    char *log_root, *log_dir;          /* log_dir/zkfs; the directory in it that is in force */
    struct disk_file *lock, *log_lock; /* the latter NULL where there is one directory */
    uint64_t segment_bytes, log_retain_bytes, checkpoint_after_bytes, snap_count;

    struct meta meta;
    struct tree *tree;
    struct txnlog *log;
    uint64_t txns; /* in the log since open, replayed ones too */
    struct tail tail;

    const struct checkpoint_ops *ops;
    struct checkpoint *checkpoint;
    struct checkpoint_run run;
    zk_zxid checkpoint_zxid;
    uint64_t checkpoint_bytes, checkpoint_written, checkpoint_txns; /* as of the last one */
    uint64_t checkpoint_count, checkpoint_failures;
    struct summary checkpoint_ms;
    bool checkpoint_held; /* the last one found the disk full: not before the next tick */

    struct hash_key key;
    struct snap_stage *stage; /* a state that is coming in; NULL: none */
    struct list stages;       /* and those that are dropped and not gone yet */
    uint64_t last_generation; /* given to one */

    struct list meta_writes; /* under way */
    bool closing;
    struct job close_job;
    void (*closed)(void *arg);
    void *closed_arg;
};

/* store.c: what the log tells the store. */
struct txnlog_events store_log_events(struct store *store);
/* store.c: calls who waits for the end, if this was the last thing under way. */
void store_check_closed(struct store *store);

/* store_checkpoint.c: begins one, if one is due. */
void store_checkpoint_maybe(struct store *store);
/* store_checkpoint.c: lets the log go that the last checkpoint made superfluous. */
void store_trim_log(struct store *store);

#endif
