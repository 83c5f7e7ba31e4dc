/* txnlog_cut: truncating: a leader says that what is after a zxid never happened. It
 * was never applied, but what is before it may be all that is left of a commit, so a
 * power cut at any moment must leave that, and leave no bytes behind that could be
 * taken for txns later on.
 *
 *     segments   1   [2 ..z|....]   3   4
 *     job        2 up to z is copied into the spare, a file of zeros; synced
 *                4 is deleted, then 3, each durably      (the log is shorter)
 *                the spare takes the name of 2, durably  (the log ends with z)
 *
 * The copy first: what has rotted in 2 is noticed while 3 still proves that it is no
 * torn tail.
 *
 * Nothing is zeroed in place: a cut in the middle of that would leave valid batches
 * behind bad ones, which means damage. And nothing is written into a page that holds
 * an acknowledged txn: where Z is in the middle of a batch, a shorter one is sealed in
 * the copy. Sequence numbers, and numbers of segments, are then given a second time;
 * the batches that had them are in files that have no name any more. */
#include "store/txnlog_state.h"

#include "proto/base/assert.h"
#include "proto/base/bytes.h"
#include "proto/base/mem.h"
#include "proto/txn.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What is copied in one go. */
#define COPY_BYTES ((size_t)1024 * 1024)

/* ---- which zxids there are ---- */

void zxid_ranges_add(struct zxid_ranges *ranges, zk_zxid zxid)
{
    bool goes_on = ranges->count > 0 && zxid_counter(zxid) != 0 &&
                   ranges->items[ranges->count - 1].last == zxid - 1;

    if (goes_on) {
        ranges->items[ranges->count - 1].last = zxid;
        return;
    }
    if (ranges->count == ranges->cap) {
        ranges->cap = ranges->cap == 0 ? 16 : 2 * ranges->cap;
        ranges->items = xrealloc(ranges->items, ranges->cap * sizeof *ranges->items);
    }
    ranges->items[ranges->count++] = (struct zxid_range){.first = zxid, .last = zxid};
}

static void ranges_cut(struct zxid_ranges *ranges, zk_zxid zxid)
{
    while (ranges->count > 0 && ranges->items[ranges->count - 1].first > zxid)
        ranges->count--;
    if (ranges->count > 0 && ranges->items[ranges->count - 1].last > zxid)
        ranges->items[ranges->count - 1].last = zxid;
}

bool txnlog_has(const struct txnlog *log, zk_zxid zxid)
{
    for (size_t i = 0; i < log->ranges.count; i++)
        if (zxid >= log->ranges.items[i].first && zxid <= log->ranges.items[i].last)
            return true;
    return zxid == log->run_base && log->segments.items[0].number == 0;
}

zk_zxid txnlog_base(const struct txnlog *log)
{
    return log->base;
}

/* ---- on the worker ---- */

/* The copy in the making: what stays of the segment. */
struct copy {
    struct cut_job *cut;
    struct segment_reader reader;
    uint64_t id, end; /* END: of the batches that stay whole */
    struct buf last;  /* the batch that stays in part, sealed again */
    zk_zxid found;    /* the last txn that stays */
};

/* How much of the payload is txns up to ZXID. */
static size_t payload_until(const uint8_t *payload, const struct batch_header *header, zk_zxid zxid,
                            struct batch_header *kept)
{
    const uint8_t *p = payload, *end = payload + header->len;

    *kept = *header;
    kept->count = 0;
    while (p < end && txn_zxid(p + BATCH_TXN_OVERHEAD) <= zxid) {
        kept->last = txn_zxid(p + BATCH_TXN_OVERHEAD);
        kept->count++;
        p += BATCH_TXN_OVERHEAD + load_be32(p);
    }
    return (size_t)(p - payload);
}

static void copy_part(struct copy *copy, const uint8_t *batch, const struct batch_header *header)
{
    struct batch_header kept;
    size_t len = payload_until(batch + BATCH_HEADER_BYTES, header, copy->cut->zxid, &kept);
    uint8_t *part = buf_extend(&copy->last, batch_bytes(len));

    memset(part, 0, batch_bytes(len));
    memcpy(part + BATCH_HEADER_BYTES, batch + BATCH_HEADER_BYTES, len);
    kept.len = (uint32_t)len;
    batch_seal(part, copy->id, &kept);
    copy->found = kept.last;
    copy->cut->next_seq = header->seq + 1;
}

/* Reads the segment up to the txn that becomes the last one. It was read or written by
 * this process before, so what does not fit together now has been damaged since. */
static int copy_measure(struct copy *copy)
{
    struct cut_job *cut = copy->cut;

    copy->end = DISK_PAGE;
    while (copy->found < cut->zxid && copy->end < copy->reader.bytes) {
        struct batch_header header;
        const uint8_t *data;
        int rc = segment_reader_at(&copy->reader, copy->end, DISK_PAGE, &data);

        if (rc == 0 &&
            !batch_peek(data, copy->id, (size_t)(copy->reader.bytes - copy->end), &header))
            return -EBADMSG;
        if (rc == 0)
            rc = segment_reader_at(&copy->reader, copy->end, batch_bytes(header.len), &data);
        if (rc < 0)
            return rc;
        if (!batch_verify(data, &header) || header.first > cut->zxid)
            return -EBADMSG;
        if (header.last > cut->zxid) {
            copy_part(copy, data, &header);
            break;
        }
        copy->found = header.last;
        copy->end += batch_bytes(header.len);
        cut->next_seq = header.seq + 1;
    }
    return copy->found == cut->zxid ? 0 : -EBADMSG;
}

/* The header page and the batches that stay, at the same places, into the spare. */
static int copy_write(struct copy *copy)
{
    struct cut_job *cut = copy->cut;
    int rc = 0;

    for (uint64_t at = 0; rc == 0 && at < copy->end; at += COPY_BYTES) {
        size_t len = copy->end - at < COPY_BYTES ? (size_t)(copy->end - at) : COPY_BYTES;
        const uint8_t *data;

        rc = segment_reader_at(&copy->reader, at, len, &data);
        if (rc == 0)
            rc = disk_pwrite(cut->file, data, len, at);
    }
    if (rc == 0 && copy->last.len > 0)
        rc = disk_pwrite(cut->file, copy->last.data, copy->last.len, copy->end);
    cut->offset = copy->end + copy->last.len;
    /* A segment of an earlier configuration may be longer than the spare. */
    if (rc == 0)
        rc = disk_allocate(cut->file, cut->segment.bytes);
    return rc == 0 ? disk_sync(cut->file) : rc;
}

static int copy_segment(struct cut_job *cut, const char *path)
{
    struct copy copy = {
        .cut = cut,
        .id = segment_id(cut->log->run, cut->segment.number),
        .found = cut->segment.first - 1,
    };
    struct segment_header header;
    struct disk_file *file;
    const uint8_t *page;
    int rc = disk_open(cut->log->disk, path, DISK_OPEN_READ, &file);

    if (rc < 0)
        return rc;
    segment_reader_init(&copy.reader, file, cut->segment.bytes);
    rc = segment_reader_at(&copy.reader, 0, DISK_PAGE, &page);
    if (rc == 0)
        rc = segment_header_decode(page, &header);
    if (rc == 0) {
        cut->next_seq = header.first_seq;
        rc = copy_measure(&copy);
    }
    if (rc == 0)
        rc = copy_write(&copy);
    segment_reader_done(&copy.reader);
    buf_done(&copy.last);
    disk_close(file);
    return rc;
}

/* The newest first: what is left is a log at any moment. */
static int delete_later(struct cut_job *cut)
{
    struct txnlog *log = cut->log;
    int rc = 0;

    for (size_t i = cut->later_count; rc == 0 && i > 0; i--) {
        char *path = txnlog_segment_path(log->dir, cut->later[i - 1]);

        rc = disk_unlink(log->disk, path);
        if (rc == 0)
            rc = disk_sync_dir(log->disk, log->dir);
        free(path);
    }
    return rc;
}

static int put_in_place(struct cut_job *cut, const char *path)
{
    struct txnlog *log = cut->log;
    char *spare = txnlog_path(log->dir, "spare");
    int rc = disk_rename(log->disk, spare, path);

    if (rc == 0)
        rc = disk_sync_dir(log->disk, log->dir);
    free(spare);
    return rc;
}

static void cut_work(struct job *job)
{
    struct cut_job *cut = CONTAINER_OF(job, struct cut_job, job);
    char *path;
    int rc;

    if (!cut->rewrites)
        return;
    path = txnlog_segment_path(cut->log->dir, cut->segment.first);
    rc = copy_segment(cut, path);
    if (rc == 0)
        rc = delete_later(cut);
    if (rc == 0)
        rc = put_in_place(cut, path);
    if (rc < 0)
        die("cannot truncate the transaction log %s after zxid 0x%" PRIx64 ": %s; what is before "
            "it is safe, check the disk and start again",
            path, (uint64_t)cut->zxid, strerror(-rc));
    free(path);
}

/* ---- on the loop ---- */

/* The segment that holds ZXID, or the first one if that is the base. */
static size_t segment_of(const struct txnlog *log, zk_zxid zxid)
{
    size_t i = 0;

    while (i + 1 < log->segments.count && log->segments.items[i + 1].first <= zxid)
        i++;
    return i;
}

static void describe_rewrite(struct txnlog *log)
{
    struct cut_job *cut = &log->cut;
    const struct segment_list *list = &log->segments;
    size_t stays = segment_of(log, cut->zxid);

    cut->segment = list->items[stays];
    cut->later_count = list->count - stays - 1;
    cut->later = xcalloc(cut->later_count + 1, sizeof *cut->later);
    for (size_t i = 0; i < cut->later_count; i++)
        cut->later[i] = list->items[stays + 1 + i].first;
    cut->file = log->spare.maker.file;
}

bool txnlog_cut_blocked(const struct txnlog *log)
{
    return !log->cut.busy && !log->batch.busy && log->durable > log->cut.zxid;
}

void txnlog_cut_pump(struct txnlog *log)
{
    struct cut_job *cut = &log->cut;

    if (cut->busy || log->batch.busy)
        return;
    cut->rewrites = log->durable > cut->zxid;
    if (cut->rewrites && log->spare.state != SPARE_READY) {
        if (log->spare.state == SPARE_NONE && (!log->full || log->has_ballast))
            txnlog_prepare(log);
        return;
    }
    if (cut->rewrites)
        describe_rewrite(log);
    cut->busy = true;
    worker_submit(log->worker, &cut->job);
}

/* The log goes on in the file that was the spare. */
static void rewritten(struct txnlog *log)
{
    struct cut_job *cut = &log->cut;

    log->segments.count -= cut->later_count;
    free(cut->later);
    cut->later = NULL;
    disk_close(log->file);
    log->file = log->spare.maker.file;
    log->spare.maker.file = NULL;
    log->spare.state = SPARE_NONE;
    log->offset = cut->offset;
    log->next_seq = cut->next_seq;
    log->durable = cut->zxid;
}

static void cut_done(struct job *job)
{
    struct cut_job *cut = CONTAINER_OF(job, struct cut_job, job);
    struct txnlog *log = cut->log;

    cut->busy = cut->active = false;
    if (cut->rewrites) {
        rewritten(log);
        txnlog_prepare(log);
    }
    txnlog_pump(log);
    cut->done(cut->arg);
    txnlog_check_idle(log);
}

void txnlog_cut_init(struct txnlog *log)
{
    log->cut.log = log;
    log->cut.job = (struct job){.work = cut_work, .done = cut_done};
}

static void drop_queued(struct txnlog *log, zk_zxid after)
{
    while (log->queue_count > 0) {
        struct queued *last = &log->queue[log->queue_head + log->queue_count - 1];

        if (last->zxid <= after)
            break;
        log->queued_bytes -= last->txn->len;
        blob_unref(last->txn);
        log->queue_count--;
    }
}

void txnlog_truncate(struct txnlog *log, zk_zxid zxid, void (*done)(void *arg), void *arg)
{
    struct cut_job *cut = &log->cut;

    ASSERT(!log->stopping);
    ASSERT(!cut->active);
    ASSERT(txnlog_has(log, zxid));
    ASSERT(zxid >= log->committed);
    drop_queued(log, zxid);
    ranges_cut(&log->ranges, zxid);
    log->end = zxid;
    cut->active = true;
    cut->zxid = zxid;
    cut->done = done;
    cut->arg = arg;
    txnlog_pump(log);
}
