/* store_snap_build: the parts of a state that comes in, each on the thread it has in force: an
 * empty run of the log and the txns behind the state, and the checkpoint, a slice at a time. */
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/txn.h"
#include "store/freeze.h"
#include "store/store_snap_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What the loop serialises in one go. */
#define SLICE_BYTES ((size_t)256 * 1024)

void snap_stage_fail(struct snap_stage *stage, const struct errtext *why)
{
    if (stage->has_failed || stage->dropped)
        return;
    log_warn("store: snapshot not taken: zxid=0x%" PRIx64 " cause=\"%s\"", (uint64_t)stage->zxid,
             why->text);
    stage->has_failed = true;
    stage->failed(stage->failed_arg);
}

/* ---- its log ---- */

static void on_durable(void *arg, zk_zxid zxid)
{
    struct snap_stage *stage = arg;

    (void)zxid;
    /* The log is not done with itself: that of a dropped one ends with on_idle. */
    if (!stage->dropped)
        snap_stage_check(stage);
}

static void on_full(void *arg, bool full)
{
    struct errtext why;

    (void)errtext_set(&why, -ENOSPC, "no space for its transaction log");
    /* While meta is being written it is too late, and no harm: all of it is durable. */
    if (full && !((struct snap_stage *)arg)->switching)
        snap_stage_fail(arg, &why);
}

static void on_idle(void *arg)
{
    snap_stage_check(arg);
}

struct txnlog_events snap_stage_events(struct snap_stage *stage)
{
    return (struct txnlog_events){
        .arg = stage,
        .durable = on_durable,
        .full = on_full,
        .idle = on_idle,
    };
}

static struct txnlog_config stage_log_config(const struct snap_stage *stage, const char *dir)
{
    return (struct txnlog_config){
        .dir = dir,
        .segment_bytes = stage->store->segment_bytes,
        .run = stage->run,
        .first = stage->zxid + 1,
    };
}

void snap_make_work(struct job *job)
{
    struct snap_stage *stage = CONTAINER_OF(job, struct snap_stage, make_job);
    struct disk *disk = stage->store->base.disk;
    char *dir = store_log_dir(stage->store, stage->generation);
    struct txnlog_config config = stage_log_config(stage, dir);

    (void)txnlog_remove(disk, dir, &stage->make_why); /* mostly there is none */
    stage->make_rc = disk_mkdir_path(disk, dir);
    if (stage->make_rc < 0)
        errtext_set(&stage->make_why, stage->make_rc, "cannot make %s: %s", dir,
                    strerror(-stage->make_rc));
    else
        stage->make_rc = txnlog_create_open(disk, &config, &stage->file, &stage->make_why);
    free(dir);
}

static void start_log(struct snap_stage *stage)
{
    struct store *s = stage->store;
    char *dir = store_log_dir(s, stage->generation);
    struct txnlog_config config = stage_log_config(stage, dir);
    struct txnlog_events events = snap_stage_events(stage);

    stage->log = txnlog_start(s->base.disk, s->base.log_worker, &config, &events, stage->file);
    stage->file = NULL;
    for (size_t i = 0; i < stage->early_count; i++) {
        txnlog_append(stage->log, txn_zxid(stage->early[i]->data), stage->early[i]);
        blob_unref(stage->early[i]);
    }
    stage->early_count = 0;
    free(dir);
}

void snap_make_done(struct job *job)
{
    struct snap_stage *stage = CONTAINER_OF(job, struct snap_stage, make_job);

    stage->making = false;
    if (stage->make_rc < 0)
        snap_stage_fail(stage, &stage->make_why);
    else if (!stage->dropped)
        start_log(stage);
    snap_stage_check(stage);
}

/* ---- its checkpoint ---- */

static int put_step(struct snap_stage *stage, struct errtext *why)
{
    const struct checkpoint_ops *ops = stage->store->ops;
    int rc = 0;

    if (!stage->begun) {
        char *dir = store_checkpoint_dir(stage->store, stage->generation);

        (void)ops->remove(stage->store->base.disk, dir, why); /* mostly there is none */
        rc = ops->open(stage->store->base.disk, dir, &stage->checkpoint, why);
        if (rc == 0)
            rc = ops->begin(stage->checkpoint, why);
        stage->begun = true;
        free(dir);
    }
    if (rc == 0)
        rc = ops->put(stage->checkpoint, stage->rows.data, stage->rows.len, why);
    if (rc == 0 && stage->last_slice)
        rc = ops->commit(stage->checkpoint, stage->zxid, stage->digest, &stage->bytes, why);
    return rc;
}

void snap_put_work(struct job *job)
{
    struct snap_stage *stage = CONTAINER_OF(job, struct snap_stage, put_job);

    stage->put_rc = put_step(stage, &stage->put_why);
    if (stage->put_rc < 0 && stage->checkpoint != NULL)
        stage->store->ops->abort(stage->checkpoint);
}

void snap_put_slice(struct snap_stage *stage)
{
    stage->rows.len = 0;
    stage->last_slice = !tree_freeze_next(stage->tree, SLICE_BYTES, &stage->rows);
    stage->putting = true;
    worker_submit(stage->store->base.checkpoint_worker, &stage->put_job);
}

void snap_put_done(struct job *job)
{
    struct snap_stage *stage = CONTAINER_OF(job, struct snap_stage, put_job);

    stage->putting = false;
    if (stage->put_rc < 0) {
        snap_stage_fail(stage, &stage->put_why);
    } else if (stage->last_slice) {
        stage->committed = true;
        tree_freeze_end(stage->tree, true);
    } else if (!stage->dropped) {
        snap_put_slice(stage);
    }
    snap_stage_check(stage);
}
