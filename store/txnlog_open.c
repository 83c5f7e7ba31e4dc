/* txnlog_open: what is found of a log at start. First everything is read and
 * judged; only then is anything changed: the torn tail zeroed and synced, leftovers
 * deleted. Then the log goes on at the end that was found.
 *
 * Where the last segment ends is found, not written down: the first page that is
 * not the next batch. What lies behind it tells why it is not:
 *
 *     all zeros              the normal end
 *     no valid batch         the last write was torn; nobody was told of it: cut
 *     a valid batch          it was written after a sync of what is bad now: damage
 *
 * In an earlier segment the next one's first sequence number must be the one that
 * is due, or a batch is missing: damage. (Rot in the very last batch cannot be
 * told from a tear.) */
#include "proto/base/assert.h"
#include "proto/base/bytes.h"
#include "proto/base/mem.h"
#include "proto/txn.h"
#include "store/txnlog.h"
#include "store/txnlog_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RESTORE "restore the directory from a copy"

/* ---- what is there ---- */

struct opening {
    struct txnlog *log;
    const struct txnlog_config *config;
    zk_zxid after;
    txnlog_replay_cb replay;
    void *arg;
    struct errtext *why;

    struct segment_list names;  /* what the directory lists */
    struct segment_list others; /* to be deleted: of another run, or before a gap */
    char *path;                 /* of the segment at hand */
    uint64_t seq;               /* of the batch that is due */
    zk_zxid last;               /* zxid before it */
    uint64_t dirty_end;         /* torn bytes: from log->offset to here */
};

static int damaged(struct opening *o, uint64_t offset, const char *what)
{
    return errtext_set(o->why, -EBADMSG,
                       "%s: the transaction log is damaged at byte %" PRIu64 ": %s; " RESTORE,
                       o->path, offset, what);
}

static int unreadable(struct opening *o, int rc)
{
    return errtext_set(o->why, rc, "cannot read %s: %s", o->path, strerror(-rc));
}

static void set_path(struct opening *o, zk_zxid first)
{
    free(o->path);
    o->path = txnlog_segment_path(o->log->dir, first);
}

static void on_name(void *arg, const char *name)
{
    struct opening *o = arg;
    zk_zxid first;

    if (segment_parse_name(name, &first))
        segment_list_push(&o->names, &(struct segment){.first = first});
}

static int by_first(const void *a, const void *b)
{
    const struct segment *x = a, *y = b;

    return (x->first > y->first) - (x->first < y->first);
}

static int read_header(struct opening *o, zk_zxid first, struct segment_header *ret)
{
    uint8_t page[DISK_PAGE];
    struct disk_file *file;
    ssize_t got;
    int rc;

    set_path(o, first);
    rc = disk_open(o->log->disk, o->path, DISK_OPEN_READ, &file);
    if (rc < 0)
        return unreadable(o, rc);
    got = disk_pread(file, page, sizeof page, 0);
    disk_close(file);
    if (got < 0)
        return unreadable(o, (int)got);
    rc = got < DISK_PAGE ? -EBADMSG : segment_header_decode(page, ret);
    if (rc == -EPROTO)
        return errtext_set(o->why, rc,
                           "%s: of a format that this zkfsd does not know; run the zkfsd that "
                           "wrote it",
                           o->path);
    if (rc == 0 && ret->run == o->config->run && ret->first != first)
        rc = -EBADMSG;
    return rc < 0 ? damaged(o, 0, "the header is bad") : 0;
}

/* Sorts the files into those of this run and others. */
static int read_headers(struct opening *o)
{
    for (size_t i = 0; i < o->names.count; i++) {
        struct segment segment = o->names.items[i];
        struct segment_header header;
        int rc = read_header(o, segment.first, &header);

        if (rc < 0)
            return rc;
        segment.number = header.number;
        segment.bytes = header.bytes;
        segment_list_push(header.run == o->config->run ? &o->log->segments : &o->others, &segment);
    }
    if (o->log->segments.count == 0)
        return errtext_set(o->why, -ENOENT,
                           "%s: no segment of this server's transaction log is there (dataLogDir "
                           "wrong, or not mounted?); " RESTORE,
                           o->log->dir);
    return 0;
}

/* The segment from which on there is as much log as the window wants: the txn AFTER
 * itself, and before it what follows without a gap. */
static size_t widen_start(const struct opening *o, size_t start)
{
    const struct segment_list *list = &o->log->segments;
    uint64_t bytes = 0;

    for (size_t i = start; i < list->count; i++)
        bytes += list->items[i].bytes;
    while (start > 0 && list->items[start - 1].number + 1 == list->items[start].number &&
           (bytes < o->config->window_bytes || list->items[start].first > o->after))
        bytes += list->items[--start].bytes;
    return start;
}

/* Where reading has to start: the last segment that begins at or before the
 * first txn that is wanted. */
static size_t find_start(const struct opening *o)
{
    const struct segment_list *list = &o->log->segments;
    size_t i = 0;

    while (i + 1 < list->count && list->items[i + 1].first <= o->after + 1)
        i++;
    return o->config->window_bytes == 0 ? i : widen_start(o, i);
}

/* Segments before a gap that lies before the start are of no use to anybody. */
static void drop_before_gap(struct opening *o, size_t *start)
{
    struct segment_list *list = &o->log->segments;
    size_t oldest = *start;

    while (oldest > 0 && list->items[oldest].number == list->items[oldest - 1].number + 1)
        oldest--;
    for (size_t i = 0; i < oldest; i++)
        segment_list_push(&o->others, &list->items[i]);
    list->count -= oldest;
    memmove(list->items, list->items + oldest, list->count * sizeof *list->items);
    *start -= oldest;
}

static int check_beginning(struct opening *o, const struct segment *start)
{
    set_path(o, start->first);
    if (start->first <= o->after || zxid_follows(o->after, start->first) ||
        (start->number == 0 && o->after == o->config->first - 1))
        return 0;
    return errtext_set(o->why, -EBADMSG,
                       "%s: txns from 0x%" PRIx64 " to 0x%" PRIx64
                       " are neither in the checkpoint nor in the log: files are missing; " RESTORE,
                       o->path, (uint64_t)o->after + 1, (uint64_t)start->first - 1);
}

static int find_segments(struct opening *o, size_t *ret_start)
{
    int rc = disk_list(o->log->disk, o->log->dir, on_name, o);

    if (rc < 0)
        return errtext_set(o->why, rc, "cannot read %s: %s", o->log->dir, strerror(-rc));
    if (o->names.count > 0)
        qsort(o->names.items, o->names.count, sizeof *o->names.items, by_first);
    rc = read_headers(o);
    if (rc < 0)
        return rc;
    *ret_start = find_start(o);
    drop_before_gap(o, ret_start);
    return check_beginning(o, &o->log->segments.items[*ret_start]);
}

/* ---- one segment ---- */

static int replay_txn(struct opening *o, const uint8_t *txn, size_t len, uint64_t offset)
{
    zk_zxid zxid;

    /* A sealed batch that does not hold what it says was never written by us. */
    if (len < 32)
        return damaged(o, offset, "a txn is too short");
    zxid = txn_zxid(txn);
    if (!zxid_follows(o->last, zxid))
        return damaged(o, offset, "the zxids have a gap");
    o->last = zxid;
    zxid_ranges_add(&o->log->ranges, zxid);
    if (zxid <= o->after && o->config->window_bytes == 0)
        return 0;
    return o->replay(o->arg, zxid, txn, len, o->why);
}

static void found_committed(struct opening *o, zk_zxid zxid)
{
    struct txnlog *log = o->log;

    if (zxid <= log->committed_found)
        return;
    log->committed_found = zxid;
    if (log->events.committed_found != NULL)
        log->events.committed_found(log->events.arg, zxid);
}

static int replay_batch(struct opening *o, const uint8_t *batch, const struct batch_header *header,
                        uint64_t offset)
{
    const uint8_t *p = batch + BATCH_HEADER_BYTES, *end = p + header->len;

    /* What was committed when the batch was written was durable, so it is before it. */
    if (header->committed > o->last)
        return damaged(o, offset, "a batch says that what is not there yet is committed");
    found_committed(o, header->committed);
    for (uint32_t i = 0; i < header->count; i++) {
        size_t len;
        int rc;

        if (end - p < BATCH_TXN_OVERHEAD || (size_t)(end - p) - BATCH_TXN_OVERHEAD < load_be32(p))
            return damaged(o, offset, "a txn is longer than its batch");
        len = load_be32(p);
        rc = replay_txn(o, p + BATCH_TXN_OVERHEAD, len, offset);
        if (rc < 0)
            return rc;
        p += BATCH_TXN_OVERHEAD + len;
    }
    if (p != end || o->last != header->last)
        return damaged(o, offset, "a batch does not hold what its header says");
    if (header->last > o->after)
        o->log->written += batch_bytes(header->len);
    o->seq++;
    return 0;
}

/* The batch at OFFSET, if a valid one is there: *RET_BATCH, else NULL. */
static int valid_batch_at(struct segment_reader *reader, uint64_t offset, uint64_t id,
                          const uint8_t **ret_batch, struct batch_header *ret)
{
    const uint8_t *data;
    int rc = segment_reader_at(reader, offset, DISK_PAGE, &data);

    *ret_batch = NULL;
    if (rc < 0 || !batch_peek(data, id, (size_t)(reader->bytes - offset), ret))
        return rc;
    rc = segment_reader_at(reader, offset, batch_bytes(ret->len), &data);
    if (rc == 0 && batch_verify(data, ret))
        *ret_batch = data;
    return rc;
}

/* Replays the batches of a segment; *RET_END is where they end. */
static int walk_batches(struct opening *o, struct segment_reader *reader, uint64_t id,
                        uint64_t *ret_end)
{
    uint64_t offset = DISK_PAGE;

    while (offset < reader->bytes) {
        struct batch_header header;
        const uint8_t *batch;
        int rc = valid_batch_at(reader, offset, id, &batch, &header);

        if (rc < 0)
            return unreadable(o, rc);
        if (batch == NULL)
            break;
        if (header.seq != o->seq)
            return damaged(o, offset, "a batch is missing");
        rc = replay_batch(o, batch, &header, offset);
        if (rc < 0)
            return rc;
        offset += batch_bytes(header.len);
    }
    *ret_end = offset;
    return 0;
}

/* Judges what lies behind the batches, see the head of this file. */
static int judge_rest(struct opening *o, struct segment_reader *reader, uint64_t id, uint64_t end)
{
    o->dirty_end = end;
    for (uint64_t offset = end; offset < reader->bytes; offset += DISK_PAGE) {
        struct batch_header header;
        const uint8_t *page;
        int rc = segment_reader_at(reader, offset, DISK_PAGE, &page);

        if (rc < 0)
            return unreadable(o, rc);
        if (!segment_page_used(page))
            continue;
        o->dirty_end = offset + DISK_PAGE;
        rc = valid_batch_at(reader, offset, id, &page, &header);
        if (rc < 0)
            return unreadable(o, rc);
        if (page != NULL)
            return damaged(o, end, "a bad batch has a good one after it");
    }
    return 0;
}

static int read_segment(struct opening *o, const struct segment *segment, bool is_last)
{
    uint64_t id = segment_id(o->config->run, segment->number);
    struct segment_reader reader;
    struct disk_file *file;
    uint64_t size, end = 0;
    int rc = disk_open(o->log->disk, o->path, is_last ? DISK_OPEN_WRITE : DISK_OPEN_READ, &file);

    if (rc == 0)
        rc = disk_size(file, &size);
    if (rc < 0)
        return unreadable(o, rc);
    if (size < segment->bytes || segment->bytes % DISK_PAGE != 0) {
        disk_close(file);
        return damaged(o, size, "the file has been cut short");
    }
    segment_reader_init(&reader, file, segment->bytes);
    rc = walk_batches(o, &reader, id, &end);
    if (rc == 0)
        rc = judge_rest(o, &reader, id, end);
    segment_reader_done(&reader);
    if (rc < 0 || !is_last) {
        disk_close(file);
        return rc;
    }
    o->log->file = file;
    o->log->offset = end;
    return 0;
}

/* What the first txn of the segment that is read first follows. The zxid before that of
 * a first one of an epoch is written nowhere: then all is known after that one. */
static zk_zxid known_base(const struct opening *o, const struct segment_header *header)
{
    if (header->number == 0)
        return o->config->first - 1;
    if (o->after < header->first)
        return o->after; /* check_beginning() has seen that nothing is between them */
    return zxid_counter(header->first) == 1 ? header->first : header->first - 1;
}

static int read_segments(struct opening *o, size_t start)
{
    const struct segment_list *list = &o->log->segments;

    for (size_t i = start; i < list->count; i++) {
        struct segment_header header;
        int rc = read_header(o, list->items[i].first, &header);

        if (rc < 0)
            return rc;
        if (i == start) {
            o->seq = header.first_seq;
            /* Nothing is known of the txn before the first one. */
            o->last = header.first - 1;
            o->log->base = known_base(o, &header);
        }
        if (list->items[i].number != list->items[start].number + (i - start))
            return damaged(o, 0, "the segment before it is missing");
        if (header.first_seq != o->seq)
            return damaged(o, 0, "batches at the end of the segment before it are missing");
        rc = read_segment(o, &list->items[i], i + 1 == list->count);
        if (rc < 0)
            return rc;
    }
    if (o->last < o->after)
        return errtext_set(o->why, -EBADMSG,
                           "%s: the log ends at zxid 0x%" PRIx64
                           ", before the checkpoint's 0x%" PRIx64 ": files are missing; " RESTORE,
                           o->path, (uint64_t)o->last, (uint64_t)o->after);
    return 0;
}

/* ---- now it may be changed ---- */

/* Zeroes the torn bytes and syncs, even when there are none: a process that was
 * killed may have left its last batch in the kernel's memory alone, and what we
 * are about to show must not vanish with a power cut. The same for its names. */
static int settle_tail(struct opening *o)
{
    uint64_t torn = o->dirty_end - o->log->offset;
    uint8_t *zeros = xcalloc(1, torn + 1);
    int rc = 0;

    if (torn > 0)
        rc = disk_pwrite(o->log->file, zeros, torn, o->log->offset);
    if (rc == 0)
        rc = disk_sync(o->log->file);
    if (rc == 0)
        rc = disk_sync_dir(o->log->disk, o->log->dir);
    free(zeros);
    if (rc < 0)
        errtext_set(o->why, rc, "cannot settle the end of %s: %s", o->path, strerror(-rc));
    return rc;
}

static int delete_others(struct opening *o)
{
    for (size_t i = 0; i < o->others.count; i++) {
        int rc;

        set_path(o, o->others.items[i].first);
        rc = disk_unlink(o->log->disk, o->path);
        if (rc < 0)
            return errtext_set(o->why, rc, "cannot delete %s: %s", o->path, strerror(-rc));
    }
    return 0;
}

/* A spare or ballast of another size is of an earlier configuration. */
static int check_reserve(struct opening *o, const char *name, bool *ret_usable)
{
    struct disk_file *file;
    uint64_t size = 0;
    int rc;

    free(o->path);
    o->path = txnlog_path(o->log->dir, name);
    *ret_usable = false;
    rc = disk_open(o->log->disk, o->path, DISK_OPEN_READ, &file);
    if (rc == -ENOENT)
        return 0;
    if (rc == 0) {
        rc = disk_size(file, &size);
        disk_close(file);
    }
    if (rc == 0 && size != o->log->segment_bytes)
        rc = disk_unlink(o->log->disk, o->path);
    *ret_usable = rc == 0 && size == o->log->segment_bytes;
    return rc < 0 ? unreadable(o, rc) : 0;
}

static int open_log(struct opening *o)
{
    bool spare_is_there; /* its bytes are old: it is zeroed as a new one would be */
    size_t start;
    int rc = find_segments(o, &start);

    if (rc == 0)
        rc = read_segments(o, start);
    if (rc == 0)
        rc = settle_tail(o);
    if (rc == 0)
        rc = delete_others(o);
    if (rc == 0)
        rc = check_reserve(o, "spare", &spare_is_there);
    if (rc == 0)
        rc = check_reserve(o, "ballast", &o->log->has_ballast);
    return rc;
}

static void opening_done(struct opening *o)
{
    free(o->names.items);
    free(o->others.items);
    free(o->path);
}

static struct txnlog *log_new(struct disk *disk, struct worker *worker,
                              const struct txnlog_config *config,
                              const struct txnlog_events *events)
{
    struct txnlog *log = xcalloc(1, sizeof *log);

    ASSERT(config->segment_bytes % DISK_PAGE == 0 && config->segment_bytes >= 4 * DISK_PAGE);
    log->disk = disk;
    log->worker = worker;
    log->events = *events;
    log->dir = xstrdup(config->dir);
    log->segment_bytes = config->segment_bytes;
    log->run = config->run;
    log->run_base = config->first - 1;
    txnlog_batch_init(log);
    txnlog_cut_init(log);
    txnlog_spare_init(log);
    return log;
}

struct txnlog *txnlog_start(struct disk *disk, struct worker *worker,
                            const struct txnlog_config *config, const struct txnlog_events *events,
                            struct disk_file *file)
{
    struct txnlog *log = log_new(disk, worker, config, events);

    segment_list_push(&log->segments,
                      &(struct segment){.first = config->first, .bytes = config->segment_bytes});
    log->file = file;
    log->offset = DISK_PAGE;
    log->next_seq = 1;
    log->base = log->end = log->durable = log->run_base;
    txnlog_prepare(log);
    return log;
}

int txnlog_reaches(struct disk *disk, const struct txnlog_config *config, zk_zxid after,
                   struct errtext *why)
{
    struct txnlog_events no_events = {0};
    struct txnlog *log = log_new(disk, NULL, config, &no_events);
    struct opening opening = {.log = log, .config = config, .after = after, .why = why};
    size_t start;
    int rc = find_segments(&opening, &start);

    opening_done(&opening);
    txnlog_free(log);
    return rc;
}

int txnlog_open(struct disk *disk, struct worker *worker, const struct txnlog_config *config,
                const struct txnlog_events *events, zk_zxid after, txnlog_replay_cb replay,
                void *arg, struct txnlog **ret_log, struct errtext *why)
{
    struct txnlog *log = log_new(disk, worker, config, events);
    struct opening opening = {
        .log = log,
        .config = config,
        .after = after,
        .replay = replay,
        .arg = arg,
        .why = why,
    };
    int rc;

    rc = open_log(&opening);
    opening_done(&opening);
    if (rc < 0) {
        txnlog_free(log);
        return rc;
    }
    log->next_seq = opening.seq;
    log->end = log->durable = opening.last;
    log->committed = log->committed_found;
    txnlog_prepare(log);
    *ret_log = log;
    return 0;
}
