/* txnlog_spare: the segments to come and those to go. The space of a segment is
 * reserved, and every byte of it written and synced, before the segment is used:
 *
 *  - a batch can then not fail for want of space;
 *  - its sync writes data alone. Blocks that were reserved but never written are
 *    turned into written ones by a commit of the file system's journal at each
 *    sync, which was measured to cost as much as the data again.
 *
 *     ballast ─────rename, when there is nothing else──┐
 *                                                      v
 *     (nothing) ── allocate, zeros in slices ──>  spare ── first batch ──> ZXID.log
 *
 * A full disk shows here and nowhere else. */
#include "store/txnlog_state.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Zeros that are written and synced in one go: a batch waits for at most this. */
#define SLICE_BYTES ((size_t)1024 * 1024)

static bool means_full(int rc)
{
    return rc == -ENOSPC || rc == -EDQUOT;
}

/* ---- making a spare: on the worker ---- */

static int maker_open(struct spare_maker *maker)
{
    char *path = txnlog_path(maker->dir, "spare");
    char *ballast = txnlog_path(maker->dir, "ballast");
    int rc = 0;

    if (maker->from_ballast)
        rc = disk_rename(maker->disk, ballast, path);
    if (rc == 0)
        rc = disk_open(maker->disk, path, DISK_OPEN_CREATE, &maker->file);
    if (rc == 0)
        rc = disk_allocate(maker->file, maker->bytes);
    free(ballast);
    free(path);
    return rc;
}

static int maker_zero(struct spare_maker *maker)
{
    uint64_t left = maker->bytes - maker->zeroed;
    size_t slice = left < SLICE_BYTES ? (size_t)left : SLICE_BYTES;
    int rc;

    if (maker->zeros == NULL)
        maker->zeros = xcalloc(1, SLICE_BYTES);
    rc = disk_pwrite(maker->file, maker->zeros, slice, maker->zeroed);
    if (rc == 0)
        rc = disk_sync(maker->file);
    if (rc < 0)
        return rc;
    maker->zeroed += slice;
    return maker->zeroed < maker->bytes;
}

int spare_maker_step(struct spare_maker *maker)
{
    int rc;

    if (maker->file != NULL)
        return maker_zero(maker);
    rc = maker_open(maker);
    return rc < 0 ? rc : 1;
}

/* What a failed reservation got is space that somebody else may need now. */
static void give_back(struct txnlog *log, const char *name, struct disk_file **file)
{
    char *path = txnlog_path(log->dir, name);

    disk_close(*file);
    *file = NULL;
    (void)disk_unlink(log->disk, path); /* at worst it stays until the next attempt */
    free(path);
}

void spare_maker_done(struct spare_maker *maker)
{
    disk_close(maker->file);
    free(maker->zeros);
    maker->file = NULL;
    maker->zeros = NULL;
}

static void spare_work(struct job *job)
{
    struct spare_job *spare = CONTAINER_OF(job, struct spare_job, job);

    spare->rc = spare_maker_step(&spare->maker);
    if (spare->rc >= 0)
        return;
    if (!means_full(spare->rc))
        die("cannot write %s/spare: %s; nothing more can be made durable here", spare->maker.dir,
            strerror(-spare->rc));
    give_back(spare->log, "spare", &spare->maker.file);
}

/* ---- on the loop ---- */

static void set_full(struct txnlog *log, bool full)
{
    if (log->full == full)
        return;
    log->full = full;
    log->events.full(log->events.arg, full);
}

static void spare_begin(struct txnlog *log, bool from_ballast)
{
    struct spare_job *spare = &log->spare;

    spare->state = SPARE_MAKING;
    spare->maker = (struct spare_maker){
        .disk = log->disk,
        .dir = log->dir,
        .bytes = log->segment_bytes,
        .from_ballast = from_ballast,
    };
    if (from_ballast)
        log->has_ballast = false;
    worker_submit(log->worker, &spare->job);
}

static void spare_finish(struct txnlog *log)
{
    struct spare_job *spare = &log->spare;

    free(spare->maker.zeros);
    spare->maker.zeros = NULL;
    spare->state = SPARE_READY;
    txnlog_pump(log);
    txnlog_prepare(log);
}

static void spare_abandon(struct txnlog *log)
{
    log->spare.state = SPARE_NONE;
    spare_maker_done(&log->spare.maker);
}

static void spare_fail(struct txnlog *log)
{
    spare_abandon(log);
    set_full(log, true);
    /* Nothing but the ballast helps those who wait already. */
    if (log->has_ballast && txnlog_blocked(log))
        spare_begin(log, true);
}

static void spare_done(struct job *job)
{
    struct spare_job *spare = CONTAINER_OF(job, struct spare_job, job);
    struct txnlog *log = spare->log;

    if (spare->rc == 0)
        spare_finish(log);
    else if (spare->rc < 0)
        spare_fail(log);
    else if (log->stopping && !txnlog_blocked(log))
        spare_abandon(log);
    else
        worker_submit(log->worker, job);
    txnlog_check_idle(log);
}

static void ballast_work(struct job *job)
{
    struct ballast_job *ballast = CONTAINER_OF(job, struct ballast_job, job);
    struct txnlog *log = ballast->log;
    char *path = txnlog_path(log->dir, "ballast");
    struct disk_file *file = NULL;

    ballast->rc = disk_open(log->disk, path, DISK_OPEN_CREATE, &file);
    if (ballast->rc == 0)
        ballast->rc = disk_allocate(file, log->segment_bytes);
    if (ballast->rc < 0 && !means_full(ballast->rc))
        die("cannot write %s: %s; nothing more can be made durable here", path,
            strerror(-ballast->rc));
    if (ballast->rc < 0)
        give_back(log, "ballast", &file);
    disk_close(file);
    free(path);
}

static void ballast_done(struct job *job)
{
    struct ballast_job *ballast = CONTAINER_OF(job, struct ballast_job, job);
    struct txnlog *log = ballast->log;

    ballast->busy = false;
    log->has_ballast = ballast->rc == 0;
    set_full(log, !log->has_ballast);
    txnlog_check_idle(log);
}

void txnlog_prepare(struct txnlog *log)
{
    if (log->stopping && !txnlog_blocked(log))
        return;
    if (log->spare.state == SPARE_NONE)
        spare_begin(log, false);
    else if (log->spare.state == SPARE_READY && !log->has_ballast && !log->ballast.busy) {
        log->ballast.busy = true;
        worker_submit(log->worker, &log->ballast.job);
    } else if (log->spare.state == SPARE_READY && log->has_ballast) {
        set_full(log, false);
    }
}

/* ---- deleting ---- */

static void trim_work(struct job *job)
{
    struct trim_job *trim = CONTAINER_OF(job, struct trim_job, job);

    trim->rc = disk_unlink(trim->log->disk, trim->path);
    if (trim->rc == -ENOENT)
        trim->rc = 0;
    /* One after the other, durably: a gap in the log would be taken for damage. */
    if (trim->rc == 0)
        trim->rc = disk_sync_dir(trim->log->disk, trim->log->dir);
}

static void trim_done(struct job *job)
{
    struct trim_job *trim = CONTAINER_OF(job, struct trim_job, job);
    struct segment_list *list = &trim->log->segments;

    trim->busy = false;
    free(trim->path);
    trim->path = NULL;
    /* What could not be deleted is tried again at the next occasion. */
    if (trim->rc == 0) {
        list->count--;
        memmove(list->items, list->items + 1, list->count * sizeof *list->items);
        if (trim->log->full)
            txnlog_prepare(trim->log);
        txnlog_trim_step(trim->log);
    }
    txnlog_check_idle(trim->log);
}

/* The oldest segment may go when a later one holds what KEEP_AFTER needs, itself
 * included (to be able to truncate after it), and when enough log stays without it. */
static bool may_delete_oldest(const struct txnlog *log)
{
    const struct segment_list *list = &log->segments;
    uint64_t left = 0;

    if (!log->may_trim || list->count < 2 || list->items[1].first > log->keep_after)
        return false;
    for (size_t i = 1; i < list->count; i++)
        left += list->items[i].bytes;
    return left >= log->retain_bytes;
}

void txnlog_trim_step(struct txnlog *log)
{
    if (log->trim.busy || log->stopping || !may_delete_oldest(log))
        return;
    log->trim.busy = true;
    log->trim.path = txnlog_segment_path(log->dir, log->segments.items[0].first);
    worker_submit(log->worker, &log->trim.job);
}

void txnlog_spare_init(struct txnlog *log)
{
    log->spare.log = log->ballast.log = log->trim.log = log;
    log->spare.job = (struct job){.work = spare_work, .done = spare_done};
    log->ballast.job = (struct job){.work = ballast_work, .done = ballast_done};
    log->trim.job = (struct job){.work = trim_work, .done = trim_done};
}

void txnlog_trim(struct txnlog *log, zk_zxid keep_after, uint64_t retain_bytes)
{
    log->keep_after = keep_after;
    log->retain_bytes = retain_bytes;
    log->may_trim = true;
    txnlog_trim_step(log);
}

void txnlog_tick(struct txnlog *log)
{
    if (log->full)
        txnlog_prepare(log);
}
