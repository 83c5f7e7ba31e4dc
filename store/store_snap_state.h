/* store_snap_state: a state that comes in, and what store_snap.c (its way to being in force),
 * store_snap_build.c (its log and checkpoint) and store_snap_end.c (how it goes) share. For
 * these alone. Thread: the loop, but for the functions named ..._work, each a job of the
 * worker that it is submitted to. */
#ifndef ZKFS_STORE_STORE_SNAP_STATE_H
#define ZKFS_STORE_STORE_SNAP_STATE_H

#include "store/store_snap.h"

struct snap_stage {
    struct list link; /* in store.stages */
    struct store *store;
    zk_zxid zxid;
    uint64_t generation, run;
    store_snap_cb failed, installed;
    void *failed_arg, *installed_arg;

    struct stream_load *load;
    struct tree *tree; /* once it was received */
    uint64_t digest;

    struct job make_job; /* of the empty run of the log; owns these while MAKING */
    struct disk_file *file;
    struct errtext make_why;

    struct txnlog *log;
    struct blob **early; /* txns that came before the log was there */
    size_t early_count, early_cap;
    uint64_t txns;

    struct job put_job; /* of a slice of the checkpoint; owns these while PUTTING */
    struct checkpoint *checkpoint;
    struct buf rows;
    uint64_t bytes; /* of the whole */
    struct errtext put_why;

    struct job meta_job; /* owns these while SWITCHING */
    struct meta meta;    /* its texts are the store's */
    struct buf meta_bytes;

    struct job drop_job; /* brings the end of a dropped one back to the loop */
    struct job remove_job;

    int make_rc, put_rc, meta_rc;
    bool making, putting, dropping, removing; /* the jobs that are under way */
    bool begun, last_slice, committed;        /* of the checkpoint */
    bool installing, switching;               /* asked for; meta is being written */
    bool has_failed, dropped;
};

/* Something has ended: goes on with what may begin now. */
void snap_stage_check(struct snap_stage *stage);

/* store_snap_build.c */
void snap_stage_fail(struct snap_stage *stage, const struct errtext *why);
struct txnlog_events snap_stage_events(struct snap_stage *stage);
void snap_put_slice(struct snap_stage *stage); /* the next one of the checkpoint */
void snap_make_work(struct job *job);
void snap_make_done(struct job *job);
void snap_put_work(struct job *job);
void snap_put_done(struct job *job);

/* store_snap_end.c */
void snap_check_dropped(struct snap_stage *stage); /* whether its files can go now */
void snap_stage_free(struct snap_stage *stage);
void snap_remove_work(struct job *job);
void snap_remove_done(struct job *job);
void snap_drop_work(struct job *job);
void snap_drop_done(struct job *job);

#endif
