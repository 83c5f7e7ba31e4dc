/* txnlog: see txnlog.h; the format is at the head of segment.h.
 *
 * Group commit: one batch is under way at a time, and everything queued meanwhile
 * is the next. So a batch is written only when the one before it is synced, and
 * then a valid batch behind a bad one proves corruption, while a bad last one is
 * torn, was never acknowledged, and is cut off at the next start.
 *
 * A failed write or sync in a segment ends the process at once: what the device
 * has is unknown from then on, and a second sync may well succeed without having
 * written (the kernel drops the dirty pages with the first error).
 *
 * A full disk: a batch never needs new space. When no spare segment can be made,
 * `full` is true and the callers stop what makes the state grow; deletes and
 * sessions go on in the rest of the segment, then in the spare, then in the
 * ballast. After that what is queued waits. Each tick, and each deleted segment,
 * tries again. */
#include "store/txnlog.h"

#include "proto/base/assert.h"
#include "proto/base/bytes.h"
#include "proto/base/mem.h"
#include "store/txnlog_state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- small helpers of all parts ---- */

void segment_list_push(struct segment_list *list, const struct segment *segment)
{
    if (list->count == list->cap) {
        list->cap = list->cap == 0 ? 16 : 2 * list->cap;
        list->items = xrealloc(list->items, list->cap * sizeof *list->items);
    }
    list->items[list->count++] = *segment;
}

char *txnlog_path(const char *dir, const char *name)
{
    return xasprintf("%s/%s", dir, name);
}

char *txnlog_segment_path(const char *dir, zk_zxid first)
{
    char name[SEGMENT_NAME_BYTES];

    segment_name(name, first);
    return txnlog_path(dir, name);
}

static const struct segment *last_segment(const struct txnlog *log)
{
    return &log->segments.items[log->segments.count - 1];
}

/* ---- the queue ---- */

static void queue_push(struct txnlog *log, zk_zxid zxid, struct blob *txn)
{
    if (log->queue_head + log->queue_count == log->queue_cap) {
        if (log->queue_head > log->queue_cap / 2) {
            memmove(log->queue, log->queue + log->queue_head,
                    log->queue_count * sizeof *log->queue);
            log->queue_head = 0;
        } else {
            log->queue_cap = log->queue_cap == 0 ? 256 : 2 * log->queue_cap;
            log->queue = xrealloc(log->queue, log->queue_cap * sizeof *log->queue);
        }
    }
    log->queue[log->queue_head + log->queue_count++] = (struct queued){zxid, blob_ref(txn)};
    log->queued_bytes += txn->len;
}

static const struct queued *queue_first(const struct txnlog *log)
{
    return &log->queue[log->queue_head];
}

static size_t queued_size(const struct queued *queued)
{
    return BATCH_TXN_OVERHEAD + queued->txn->len;
}

/* ---- a batch, on the worker ---- */

static void put_txns(struct buf *b, const struct queued *txns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        store_be32(buf_extend(b, BATCH_TXN_OVERHEAD), txns[i].txn->len);
        buf_append(b, txns[i].txn->data, txns[i].txn->len);
    }
}

/* Lays out header page, batch and padding in the job's memory. */
static void batch_assemble(struct batch_job *batch)
{
    struct buf *b = &batch->bytes;
    size_t padded = DISK_PAGE + batch_bytes(batch->header.len);
    uint8_t *page;

    b->len = 0;
    page = buf_extend(b, DISK_PAGE);
    if (batch->rolls)
        segment_header_encode(page, &batch->new_segment);
    (void)buf_extend(b, BATCH_HEADER_BYTES);
    put_txns(b, batch->txns, batch->count);
    ASSERT(b->len == DISK_PAGE + BATCH_HEADER_BYTES + batch->header.len);
    batch_seal(b->data + DISK_PAGE, batch->id, &batch->header);
    memset(buf_extend(b, padded - b->len), 0, padded - b->len);
}

/* The spare becomes the segment: name it once its first batch is on disk, so
 * that every ZXID.log ever found begins with a whole header and batch. */
static int put_in_place(struct batch_job *batch)
{
    struct txnlog *log = batch->log;
    char *from = txnlog_path(log->dir, "spare");
    char *to = txnlog_segment_path(log->dir, batch->new_segment.first);
    int rc = disk_rename(log->disk, from, to);

    if (rc == 0)
        rc = disk_sync_dir(log->disk, log->dir);
    free(from);
    free(to);
    return rc;
}

static void batch_work(struct job *job)
{
    struct batch_job *batch = CONTAINER_OF(job, struct batch_job, job);
    size_t skip = batch->rolls ? 0 : DISK_PAGE;
    int64_t start_us;
    int rc;

    batch_assemble(batch);
    rc = disk_pwrite(batch->file, batch->bytes.data + skip, batch->bytes.len - skip,
                     batch->offset - (DISK_PAGE - skip));
    start_us = disk_now_us(batch->log->disk);
    if (rc == 0)
        rc = disk_sync(batch->file);
    batch->sync_us = disk_now_us(batch->log->disk) - start_us;
    if (rc == 0 && batch->rolls)
        rc = put_in_place(batch);
    if (rc < 0)
        die("cannot write the transaction log in %s at zxid 0x%" PRIx64 ": %s; what was "
            "acknowledged is safe, check the disk and start again",
            batch->log->dir, (uint64_t)batch->header.first, strerror(-rc));
}

/* ---- a batch, on the loop ---- */

static void batch_take(struct batch_job *batch, const struct queued *queued)
{
    if (batch->count == batch->cap) {
        batch->cap = batch->cap == 0 ? 256 : 2 * batch->cap;
        batch->txns = xrealloc(batch->txns, batch->cap * sizeof *batch->txns);
    }
    batch->txns[batch->count++] = *queued;
}

/* Moves txns from the queue into the batch: at least one, at most ROOM bytes. */
static void batch_fill(struct txnlog *log, size_t room)
{
    struct batch_job *batch = &log->batch;
    size_t payload = 0;

    batch->count = 0;
    while (log->queue_count > 0) {
        const struct queued *first = queue_first(log);
        size_t more = payload + queued_size(first);

        if (batch->count > 0 && (more > BATCH_BYTES_MAX || batch_bytes(more) > room))
            break;
        batch_take(batch, first);
        payload = more;
        log->queue_head++;
        log->queue_count--;
    }
    if (log->queue_count == 0)
        log->queue_head = 0;
    ASSERT(batch_bytes(payload) <= room);
    batch->header = (struct batch_header){
        .seq = log->next_seq,
        .len = (uint32_t)payload,
        .count = (uint32_t)batch->count,
        .first = batch->txns[0].zxid,
        .last = batch->txns[batch->count - 1].zxid,
        .committed = log->committed,
    };
}

static void batch_in_segment(struct txnlog *log)
{
    struct batch_job *batch = &log->batch;

    batch->rolls = false;
    batch->file = log->file;
    batch->offset = log->offset;
    batch->id = segment_id(log->run, last_segment(log)->number);
    batch_fill(log, (size_t)(last_segment(log)->bytes - log->offset));
}

static void batch_in_spare(struct txnlog *log)
{
    struct batch_job *batch = &log->batch;
    uint64_t number = last_segment(log)->number + 1;

    batch->rolls = true;
    batch->file = log->spare.maker.file;
    batch->offset = DISK_PAGE;
    batch->id = segment_id(log->run, number);
    batch_fill(log, (size_t)(log->segment_bytes - DISK_PAGE));
    batch->new_segment = (struct segment_header){
        .run = log->run,
        .number = number,
        .first_seq = log->next_seq,
        .first = batch->header.first,
        .bytes = log->segment_bytes,
    };
}

bool txnlog_blocked(const struct txnlog *log)
{
    if (log->cut.active)
        return txnlog_cut_blocked(log);
    return log->queue_count > 0 && !log->batch.busy &&
           log->offset + batch_bytes(queued_size(queue_first(log))) > last_segment(log)->bytes;
}

void txnlog_pump(struct txnlog *log)
{
    if (log->cut.active) {
        txnlog_cut_pump(log);
        return;
    }
    if (log->batch.busy || log->queue_count == 0)
        return;
    if (!txnlog_blocked(log)) {
        batch_in_segment(log);
    } else if (log->spare.state == SPARE_READY) {
        batch_in_spare(log);
    } else {
        /* On a full disk only the ballast, or a tick later, can help. */
        if (log->spare.state == SPARE_NONE && (!log->full || log->has_ballast))
            txnlog_prepare(log);
        return;
    }
    log->batch.busy = true;
    worker_submit(log->worker, &log->batch.job);
}

/* The spare is the last segment now. */
static void rolled(struct txnlog *log)
{
    const struct segment_header *header = &log->batch.new_segment;

    disk_close(log->file);
    log->file = log->spare.maker.file;
    log->spare.maker.file = NULL;
    log->spare.state = SPARE_NONE;
    segment_list_push(&log->segments, &(struct segment){
                                          .number = header->number,
                                          .first = header->first,
                                          .bytes = header->bytes,
                                      });
}

static void batch_done(struct job *job)
{
    struct batch_job *batch = CONTAINER_OF(job, struct batch_job, job);
    struct txnlog *log = batch->log;
    size_t bytes = batch_bytes(batch->header.len);
    zk_zxid before = txnlog_durable(log);
    bool did_roll = batch->rolls;

    ASSERT(batch->header.last > log->durable);
    if (did_roll)
        rolled(log);
    for (size_t i = 0; i < batch->count; i++) {
        log->queued_bytes -= batch->txns[i].txn->len;
        blob_unref(batch->txns[i].txn);
    }
    log->offset = batch->offset + bytes;
    log->written += bytes;
    log->next_seq++;
    summary_add(&log->sync_ms, batch->sync_us / 1000);
    summary_add(&log->group_txns, (int64_t)batch->count);
    log->durable = batch->header.last;
    batch->busy = false;
    /* The disk first: it works while the loop commits. */
    txnlog_pump(log);
    if (did_roll) {
        txnlog_prepare(log);
        txnlog_trim_step(log);
    }
    if (txnlog_durable(log) > before)
        log->events.durable(log->events.arg, txnlog_durable(log));
    txnlog_check_idle(log);
}

/* ---- the header's functions; create and open, truncate and trim are elsewhere ---- */

void txnlog_batch_init(struct txnlog *log)
{
    log->batch.log = log;
    log->batch.job = (struct job){.work = batch_work, .done = batch_done};
}

void txnlog_append(struct txnlog *log, zk_zxid zxid, struct blob *txn)
{
    ASSERT(!log->stopping);
    ASSERT(zxid_follows(log->end, zxid));
    ASSERT(txn->len <= txnlog_txn_max(log));
    log->end = zxid;
    zxid_ranges_add(&log->ranges, zxid);
    queue_push(log, zxid, txn);
    txnlog_pump(log);
}

size_t txnlog_txn_max(const struct txnlog *log)
{
    return (size_t)log->segment_bytes - DISK_PAGE - BATCH_HEADER_BYTES - BATCH_TXN_OVERHEAD;
}

void txnlog_set_committed(struct txnlog *log, zk_zxid zxid)
{
    ASSERT(zxid <= txnlog_durable(log));
    if (zxid > log->committed)
        log->committed = zxid;
}

zk_zxid txnlog_committed_found(const struct txnlog *log)
{
    return log->committed_found;
}

bool txnlog_full(const struct txnlog *log)
{
    return log->full;
}

zk_zxid txnlog_end(const struct txnlog *log)
{
    return log->end;
}

zk_zxid txnlog_durable(const struct txnlog *log)
{
    /* What a truncation is about to remove is on disk, but counts no more. */
    if (log->cut.active && log->cut.zxid < log->durable)
        return log->cut.zxid;
    return log->durable;
}

size_t txnlog_queued(const struct txnlog *log)
{
    return log->queued_bytes;
}

uint64_t txnlog_written(const struct txnlog *log)
{
    return log->written;
}

struct summary txnlog_sync_ms(const struct txnlog *log)
{
    return log->sync_ms;
}

struct summary txnlog_group_txns(const struct txnlog *log)
{
    return log->group_txns;
}

uint64_t txnlog_disk_bytes(const struct txnlog *log)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < log->segments.count; i++)
        bytes += log->segments.items[i].bytes;
    if (log->spare.state != SPARE_NONE)
        bytes += log->segment_bytes;
    if (log->has_ballast)
        bytes += log->segment_bytes;
    return bytes;
}

bool txnlog_idle(const struct txnlog *log)
{
    if (log->batch.busy || log->cut.busy || log->spare.state == SPARE_MAKING || log->ballast.busy ||
        log->trim.busy)
        return false;
    return (log->queue_count == 0 && !log->cut.active) || (log->stopping && log->full);
}

void txnlog_check_idle(struct txnlog *log)
{
    if (log->stopping && txnlog_idle(log))
        log->events.idle(log->events.arg);
}

void txnlog_redirect(struct txnlog *log, const struct txnlog_events *events)
{
    log->events = *events;
}

void txnlog_stop(struct txnlog *log)
{
    log->stopping = true;
}

void txnlog_free(struct txnlog *log)
{
    if (log == NULL)
        return;
    for (size_t i = 0; i < log->queue_count; i++)
        blob_unref(log->queue[log->queue_head + i].txn);
    for (size_t i = 0; log->batch.busy && i < log->batch.count; i++)
        blob_unref(log->batch.txns[i].txn);
    spare_maker_done(&log->spare.maker);
    disk_close(log->file);
    buf_done(&log->batch.bytes);
    free(log->batch.txns);
    free(log->cut.later);
    free(log->trim.path);
    free(log->ranges.items);
    free(log->queue);
    free(log->segments.items);
    free(log->dir);
    free(log);
}
