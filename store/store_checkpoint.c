/* store_checkpoint: when a checkpoint is made, and how: the tree is frozen at one
 * zxid, its changes leave the loop in slices, each handed to the worker when the
 * one before is done, and the last one commits. LMDB rewrites whole pages, so one
 * is made only for a fair amount of log: the least configured, or a quarter of the
 * checkpoint. A failed one (the disk is full) changes nothing: the tree counts
 * the rows as changed again, and the next one brings them. */
#include "store/store_snap.h"

#include "proto/base/assert.h"
#include "proto/base/log.h"
#include "store/freeze.h"

#include <errno.h>
#include <inttypes.h>

/* What the loop serialises in one go: well below a millisecond. */
#define SLICE_BYTES ((size_t)256 * 1024)

/* ---- on the worker ---- */

static int run_step(struct checkpoint_run *run, struct errtext *why)
{
    struct store *s = run->store;
    int rc = 0;

    if (!run->begun)
        rc = s->ops->begin(s->checkpoint, why);
    run->begun = true;
    if (rc == 0)
        rc = s->ops->put(s->checkpoint, run->rows.data, run->rows.len, why);
    if (rc == 0 && run->last_slice)
        rc = s->ops->commit(s->checkpoint, run->zxid, run->digest, &run->bytes, why);
    return rc;
}

static void run_work(struct job *job)
{
    struct checkpoint_run *run = CONTAINER_OF(job, struct checkpoint_run, job);

    run->rc = run_step(run, &run->why);
    if (run->rc == 0)
        return;
    if (run->rc != -ENOSPC && run->rc != -EDQUOT)
        die("cannot make a checkpoint: %s; what was acknowledged is safe in the log, check the "
            "disk and start again",
            run->why.text);
    run->store->ops->abort(run->store->checkpoint);
}

/* ---- on the loop ---- */

static void run_slice(struct checkpoint_run *run)
{
    struct store *s = run->store;

    run->rows.len = 0;
    run->last_slice = !tree_freeze_next(s->tree, SLICE_BYTES, &run->rows);
    worker_submit(s->base.checkpoint_worker, &run->job);
}

static void run_end(struct checkpoint_run *run)
{
    tree_freeze_end(run->store->tree, run->rc == 0);
    run->running = false;
    buf_done(&run->rows);
}

static void run_failed(struct store *s)
{
    log_warn("store: checkpoint put off: zxid=0x%" PRIx64 " cause=\"%s\"; trying again",
             (uint64_t)s->run.zxid, s->run.why.text);
    s->checkpoint_failures++;
    s->checkpoint_held = true;
}

static void run_made(struct store *s)
{
    const struct checkpoint_run *run = &s->run;

    log_info("store: checkpoint made: zxid=0x%" PRIx64 " bytes=%" PRIu64, (uint64_t)run->zxid,
             run->bytes);
    s->checkpoint_zxid = run->zxid;
    s->checkpoint_bytes = run->bytes;
    s->checkpoint_written = run->log_written;
    s->checkpoint_txns = run->txns;
    s->checkpoint_count++;
    summary_add(&s->checkpoint_ms, (disk_now_us(s->base.disk) - run->start_us) / 1000);
    store_trim_log(s);
}

static void run_done(struct job *job)
{
    struct checkpoint_run *run = CONTAINER_OF(job, struct checkpoint_run, job);
    struct store *s = run->store;

    if (run->rc == 0 && !run->last_slice) {
        run_slice(run);
        return;
    }
    run_end(run);
    if (run->rc < 0)
        run_failed(s);
    else
        run_made(s);
    store_snap_check(s);
    store_checkpoint_maybe(s);
    store_check_closed(s);
}

/* On a full disk what is kept for convenience goes first. */
void store_trim_log(struct store *s)
{
    txnlog_trim(s->log, s->checkpoint_zxid, txnlog_full(s->log) ? 0 : s->log_retain_bytes);
}

static bool is_due(const struct store *s)
{
    uint64_t since = txnlog_written(s->log) - s->checkpoint_written;
    uint64_t quarter = s->checkpoint_bytes / 4;
    uint64_t enough = s->checkpoint_after_bytes > quarter ? s->checkpoint_after_bytes : quarter;

    if (tree_zxid(s->tree) <= s->checkpoint_zxid)
        return false;
    /* On a full disk as soon as it makes a segment superfluous. */
    if (txnlog_full(s->log) && enough > s->segment_bytes)
        enough = s->segment_bytes;
    return since >= enough || (s->snap_count > 0 && s->txns - s->checkpoint_txns >= s->snap_count);
}

void store_checkpoint_maybe(struct store *s)
{
    struct checkpoint_run *run = &s->run;

    if (run->running || s->closing || s->checkpoint_held || store_snap_installing(s) || !is_due(s))
        return;
    ASSERT(tree_zxid(s->tree) <= txnlog_durable(s->log));
    *run = (struct checkpoint_run){
        .job = {.work = run_work, .done = run_done},
        .store = s,
        .running = true,
        .start_us = disk_now_us(s->base.disk),
        .zxid = tree_zxid(s->tree),
        .digest = tree_digest(s->tree),
        .log_written = txnlog_written(s->log),
        .txns = s->txns,
    };
    tree_freeze_begin(s->tree, FREEZE_CHANGES);
    run_slice(run);
}
