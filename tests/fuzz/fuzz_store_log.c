/* Fuzzer: opening a transaction log whose segment holds arbitrary bytes. The first byte of the
 * input says how much of the checksums is put right, so that what lies behind them is reached:
 * bit 0 keeps the header page whole, bit 1 seals the batch at each page, whatever it says. A log
 * that opens must go on: append, and open again to find just that. */
#include "proto/base/bytes.h"
#include "proto/base/mem.h"
#include "proto/txn.h"
#include "store/segment.h"
#include "store/txnlog.h"
#include "tests/support/mem_disk.h"
#include "tests/support/step_worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAGES = 6, HEADER_WHOLE = 1, SEALED = 2 };

#define SEGMENT_BYTES ((size_t)PAGES * DISK_PAGE)

static const struct txnlog_config config = {
    .dir = "/log", .segment_bytes = SEGMENT_BYTES, .run = 7, .first = 1};

struct bed {
    struct step_worker worker;
    struct txnlog *log;
    zk_zxid durable;
};

static void on_durable(void *arg, zk_zxid zxid)
{
    ((struct bed *)arg)->durable = zxid;
}

static void on_full(void *arg, bool full)
{
    (void)arg;
    (void)full;
}

static void on_idle(void *arg)
{
    (void)arg;
}

static int on_replay(void *arg, zk_zxid zxid, const uint8_t *bytes, size_t len, struct errtext *why)
{
    struct arena arena = {0};
    struct txn txn;

    (void)zxid;
    (void)why;
    if (txn_decode(bytes, len, &arena, &txn))
        ++*(int *)arg;
    arena_done(&arena);
    return 0;
}

static int open_log(struct bed *bed, struct disk *disk)
{
    struct txnlog_events events = {
        .arg = bed, .durable = on_durable, .full = on_full, .idle = on_idle};
    struct errtext why;
    int decoded = 0;

    *bed = (struct bed){0};
    step_worker_init(&bed->worker);
    return txnlog_open(disk, &bed->worker.base, &config, &events, 0, on_replay, &decoded, &bed->log,
                       &why);
}

/* Makes the batch at P, of which MAX bytes are left in the segment, pass its checks. */
static void seal(uint8_t *p, size_t max)
{
    zk_zxid last = (zk_zxid)(load_be64(p + 40) >> 1);
    struct batch_header header = {
        .seq = load_be64(p + 16),
        .len = load_be32(p + 24) % (uint32_t)(max - BATCH_HEADER_BYTES),
        .count = load_be32(p + 28) % 64 + 1,
        .first = 1,
        .last = last < INT64_MAX ? last + 1 : last,
    };

    batch_seal(p, segment_id(config.run, 0), &header);
}

static void make_segment(uint8_t segment[SEGMENT_BYTES], const uint8_t *data, size_t size)
{
    uint8_t mode = size > 0 ? data[0] : 0;

    memset(segment, 0, SEGMENT_BYTES);
    if (size > 1)
        memcpy(segment, data + 1, size - 1 < SEGMENT_BYTES ? size - 1 : SEGMENT_BYTES);
    if (mode & HEADER_WHOLE) {
        memmove(segment + DISK_PAGE, segment, SEGMENT_BYTES - DISK_PAGE);
        segment_header_encode(
            segment, &(struct segment_header){
                         .run = config.run, .first_seq = 1, .first = 1, .bytes = SEGMENT_BYTES});
    }
    /* From the back: a batch's checksum covers the pages behind it. */
    for (size_t page = PAGES - 1; (mode & SEALED) && page > 0; page--)
        if (segment_page_used(segment + page * DISK_PAGE))
            seal(segment + page * DISK_PAGE, SEGMENT_BYTES - page * DISK_PAGE);
}

/* A log that could be opened takes a txn and gives it back. */
static void go_on(struct bed *bed, struct disk *disk)
{
    zk_zxid zxid = txnlog_end(bed->log) + 1;
    struct blob *txn = blob_new(40);

    memset(txn->data, 1, 40);
    store_be64(txn->data + 12, (uint64_t)zxid);
    txnlog_append(bed->log, zxid, txn);
    blob_unref(txn);
    step_worker_run_all(&bed->worker);
    if (bed->durable != zxid)
        abort();
    txnlog_free(bed->log);
    if (open_log(bed, disk) < 0 || txnlog_end(bed->log) != zxid)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *segment = xmalloc(SEGMENT_BYTES);
    struct disk *disk = mem_disk_new();
    struct disk_file *file;
    struct bed bed;
    int rc;

    make_segment(segment, data, size);
    if (disk_mkdir(disk, "/log") < 0 ||
        disk_open(disk, "/log/0000000000000001.log", DISK_OPEN_CREATE, &file) < 0 ||
        disk_pwrite(file, segment, SEGMENT_BYTES, 0) < 0)
        abort();
    disk_close(file);
    rc = open_log(&bed, disk);
    /* A log was there; or this tests nothing. */
    if (rc < 0 && rc != -EBADMSG && size > 0 && (data[0] & HEADER_WHOLE))
        abort();
    if (rc == 0) {
        if (txnlog_end(bed.log) < INT64_MAX) /* a server stands down long before */
            go_on(&bed, disk);
        txnlog_free(bed.log);
    }
    mem_disk_free(disk);
    free(segment);
    return 0;
}
