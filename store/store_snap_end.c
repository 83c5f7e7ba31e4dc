/* store_snap_end: how a stage goes, be it dropped or what was in force before it: when its jobs
 * have ended, its files and its tree are removed. */
#include "store/store_snap_state.h"
#include "store/stream.h"
#include "store/stream_load.h"

#include <stdlib.h>

/* What is left is of no use to anybody: files that stay do no harm. */
void snap_remove_work(struct job *job)
{
    struct snap_stage *stage = CONTAINER_OF(job, struct snap_stage, remove_job);
    struct store *s = stage->store;
    char *log_dir = store_log_dir(s, stage->generation);
    char *dir = store_checkpoint_dir(s, stage->generation);
    struct errtext why;

    if (stage->checkpoint != NULL)
        s->ops->close(stage->checkpoint);
    stage->checkpoint = NULL;
    (void)s->ops->remove(s->base.disk, dir, &why);
    (void)txnlog_remove(s->base.disk, log_dir, &why);
    /* Here, as it takes time in proportion to its size; it is nobody else's. */
    tree_free(stage->tree);
    stage->tree = NULL;
    free(log_dir);
    free(dir);
}

void snap_stage_free(struct snap_stage *stage)
{
    list_remove(&stage->link);
    stream_load_free(stage->load);
    tree_free(stage->tree);
    txnlog_free(stage->log);
    disk_close(stage->file);
    if (stage->checkpoint != NULL)
        stage->store->ops->close(stage->checkpoint);
    for (size_t i = 0; i < stage->early_count; i++)
        blob_unref(stage->early[i]);
    free(stage->early);
    buf_done(&stage->rows);
    buf_done(&stage->meta_bytes);
    free(stage);
}

void snap_remove_done(struct job *job)
{
    struct snap_stage *stage = CONTAINER_OF(job, struct snap_stage, remove_job);
    struct store *s = stage->store;

    snap_stage_free(stage);
    store_check_closed(s);
}

void snap_check_dropped(struct snap_stage *stage)
{
    if (stage->dropping || stage->removing || stage->making || stage->putting ||
        (stage->log != NULL && !txnlog_idle(stage->log)))
        return;
    txnlog_free(stage->log);
    stage->log = NULL;
    if (stage->tree != NULL)
        tree_streams_abandon(stage->tree);
    stage->removing = true;
    worker_submit(stage->store->base.checkpoint_worker, &stage->remove_job);
}

void snap_drop_work(struct job *job)
{
    (void)job; /* only its turn counts */
}

void snap_drop_done(struct job *job)
{
    struct snap_stage *stage = CONTAINER_OF(job, struct snap_stage, drop_job);

    stage->dropping = false;
    snap_check_dropped(stage);
}
