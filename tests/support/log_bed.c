/* log_bed: see log_bed.h. */
#include "tests/support/log_bed.h"

#include "proto/base/assert.h"
#include "proto/base/bytes.h"
#include "proto/base/hash.h"
#include "proto/base/mem.h"
#include "store/segment.h"
#include "tests/support/mem_disk.h"

#include <stdlib.h>
#include <string.h>

#define ZXID_AT 12

const struct txnlog_config log_bed_config = {
    .dir = LOG_BED_DIR, .segment_bytes = LOG_BED_SEGMENT, .run = LOG_BED_RUN, .first = 1};

#define PAGED_FIRST 100000

zk_zxid log_bed_paged(size_t pages)
{
    return PAGED_FIRST + (zk_zxid)pages;
}

size_t log_bed_txn_len(zk_zxid zxid)
{
    uint64_t h = hash_u64((uint64_t)zxid);

    if (zxid > PAGED_FIRST)
        return (size_t)(zxid - PAGED_FIRST) * DISK_PAGE - DISK_PAGE / 2;
    return h % 7 == 0 ? 32 + h % 9000 : 32 + h % 200;
}

struct blob *log_bed_txn(zk_zxid zxid)
{
    struct blob *txn = blob_new(log_bed_txn_len(zxid));

    for (size_t i = 0; i < txn->len; i++)
        txn->data[i] = (uint8_t)hash_u64((uint64_t)zxid + i);
    store_be64(txn->data + ZXID_AT, (uint64_t)zxid);
    return txn;
}

struct disk *log_bed_disk(const struct txnlog_config *config)
{
    struct disk *disk = mem_disk_new();
    struct errtext why;
    int rc = disk_mkdir_path(disk, config->dir);

    if (rc == 0)
        rc = txnlog_create(disk, config, &why);
    ASSERT(rc == 0);
    return disk;
}

static void on_durable(void *arg, zk_zxid zxid)
{
    struct log_bed *bed = arg;

    ASSERT(zxid > bed->durable);
    bed->durable = zxid;
}

static void on_full(void *arg, bool full)
{
    ((struct log_bed *)arg)->is_full = full;
}

static void on_idle(void *arg)
{
    ((struct log_bed *)arg)->is_idle = true;
}

static int on_replay(void *arg, zk_zxid zxid, const uint8_t *txn, size_t len, struct errtext *why)
{
    struct log_bed *bed = arg;
    struct blob *expected = log_bed_txn(zxid);

    (void)why;
    if (zxid != bed->replayed + 1 || len != expected->len || memcmp(txn, expected->data, len) != 0)
        bed->bad_replay = true;
    bed->replayed = zxid;
    bed->replay_count++;
    blob_unref(expected);
    return 0;
}

int log_bed_open(struct log_bed *bed, struct disk *disk, const struct txnlog_config *config,
                 zk_zxid after)
{
    struct txnlog_events events = {
        .arg = bed, .durable = on_durable, .full = on_full, .idle = on_idle};
    int rc;

    if (after < config->first)
        after = config->first - 1;
    *bed = (struct log_bed){.disk = disk, .replayed = after};
    step_worker_init(&bed->worker);
    rc = txnlog_open(disk, &bed->worker.base, config, &events, after, on_replay, bed, &bed->log,
                     &bed->why);
    if (rc == 0)
        bed->durable = txnlog_end(bed->log);
    return rc;
}

void log_bed_append(struct log_bed *bed, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        zk_zxid zxid = txnlog_end(bed->log) + 1;
        struct blob *txn = log_bed_txn(zxid);

        txnlog_append(bed->log, zxid, txn);
        blob_unref(txn);
    }
}

void log_bed_append_durably(struct log_bed *bed, size_t count)
{
    log_bed_append(bed, count);
    step_worker_run_all(&bed->worker);
    ASSERT(bed->durable == txnlog_end(bed->log));
}

void log_bed_fill(struct log_bed *bed, size_t count, zk_zxid *firsts)
{
    size_t found = 1;

    firsts[0] = 1;
    while (found < count) {
        char *path;
        size_t len;

        log_bed_append_durably(bed, 1);
        path = log_bed_path(txnlog_end(bed->log));
        if (txnlog_end(bed->log) > 1 && mem_disk_bytes(bed->disk, path, &len) != NULL)
            firsts[found++] = txnlog_end(bed->log);
        free(path);
    }
}

char *log_bed_path(zk_zxid first)
{
    char name[SEGMENT_NAME_BYTES];

    segment_name(name, first);
    return xasprintf(LOG_BED_DIR "/%s", name);
}
