/* txnlog_read: what is in the segments of a log, batch by batch. Nothing is changed here.
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
#include "proto/base/bytes.h"
#include "proto/txn.h"
#include "store/txnlog_opening.h"

#include <errno.h>
#include <inttypes.h>

/* ---- a batch ---- */

static int replay_txn(struct opening *o, const uint8_t *txn, size_t len, uint64_t offset)
{
    zk_zxid zxid;

    /* A sealed batch that does not hold what it says was never written by us. */
    if (len < 32)
        return opening_damaged(o, offset, "a txn is too short");
    zxid = txn_zxid(txn);
    if (!zxid_follows(o->last, zxid))
        return opening_damaged(o, offset, "the zxids have a gap");
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
        return opening_damaged(o, offset, "a batch says that what is not there yet is committed");
    found_committed(o, header->committed);
    for (uint32_t i = 0; i < header->count; i++) {
        size_t len;
        int rc;

        if (end - p < BATCH_TXN_OVERHEAD || (size_t)(end - p) - BATCH_TXN_OVERHEAD < load_be32(p))
            return opening_damaged(o, offset, "a txn is longer than its batch");
        len = load_be32(p);
        rc = replay_txn(o, p + BATCH_TXN_OVERHEAD, len, offset);
        if (rc < 0)
            return rc;
        p += BATCH_TXN_OVERHEAD + len;
    }
    if (p != end || o->last != header->last)
        return opening_damaged(o, offset, "a batch does not hold what its header says");
    if (header->last > o->after)
        o->log->written += batch_bytes(header->len);
    o->seq++;
    return 0;
}

/* ---- a segment ---- */

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

    o->last_batch = offset;
    while (offset < reader->bytes) {
        struct batch_header header;
        const uint8_t *batch;
        int rc = valid_batch_at(reader, offset, id, &batch, &header);

        if (rc < 0)
            return opening_unreadable(o, rc);
        if (batch == NULL)
            break;
        if (header.seq != o->seq)
            return opening_damaged(o, offset, "a batch is missing");
        rc = replay_batch(o, batch, &header, offset);
        if (rc < 0)
            return rc;
        o->last_batch = offset;
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
            return opening_unreadable(o, rc);
        if (!segment_page_used(page))
            continue;
        o->dirty_end = offset + DISK_PAGE;
        rc = valid_batch_at(reader, offset, id, &page, &header);
        if (rc < 0)
            return opening_unreadable(o, rc);
        if (page != NULL)
            return opening_damaged(o, end, "a bad batch has a good one after it");
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
        return opening_unreadable(o, rc);
    if (size < segment->bytes || segment->bytes % DISK_PAGE != 0) {
        disk_close(file);
        return opening_damaged(o, size, "the file has been cut short");
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

/* ---- all of them ---- */

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

int opening_read_segments(struct opening *o, size_t start)
{
    const struct segment_list *list = &o->log->segments;

    for (size_t i = start; i < list->count; i++) {
        struct segment_header header;
        int rc = opening_read_header(o, list->items[i].first, &header);

        if (rc < 0)
            return rc;
        if (i == start) {
            o->seq = header.first_seq;
            /* Nothing is known of the txn before the first one. */
            o->last = header.first - 1;
            o->log->base = known_base(o, &header);
        }
        if (list->items[i].number != list->items[start].number + (i - start))
            return opening_damaged(o, 0, "the segment before it is missing");
        if (header.first_seq != o->seq)
            return opening_damaged(o, 0, "batches at the end of the segment before it are missing");
        rc = read_segment(o, &list->items[i], i + 1 == list->count);
        if (rc < 0)
            return rc;
    }
    if (o->last < o->after)
        return errtext_set(o->why, -EBADMSG,
                           "%s: the log ends at zxid 0x%" PRIx64
                           ", before the checkpoint's 0x%" PRIx64
                           ": files are missing; " OPENING_REMEDY,
                           o->path, (uint64_t)o->last, (uint64_t)o->after);
    return 0;
}
