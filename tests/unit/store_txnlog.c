/* The transaction log on a disk whose power is cut at every call: what was
 * acknowledged is there, in order, once; a torn end is cut, damage is told. */
#include "proto/base/bytes.h"
#include "proto/base/mem.h"
#include "proto/base/rng.h"
#include "store/segment.h"
#include "store/txnlog.h"
#include "tests/support/mem_disk.h"
#include "tests/support/step_worker.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIR "/log"
#define RUN 0x1234
#define SEGMENT (8 * DISK_PAGE)
#define ZXID_AT 12

/* ---- a log and what it told ---- */

struct bed {
    struct disk *disk;
    struct step_worker worker;
    struct txnlog *log;
    zk_zxid durable;  /* as the callback said */
    zk_zxid replayed; /* last one found at open */
    uint64_t replay_count;
    bool bad_replay;
    bool is_full, is_idle;
    struct errtext why;
};

/* Txns whose length and bytes follow from their zxid. */
static size_t txn_len(zk_zxid zxid)
{
    uint64_t h = hash_u64((uint64_t)zxid);

    return h % 7 == 0 ? 32 + h % 9000 : 32 + h % 200;
}

static struct blob *txn_new(zk_zxid zxid)
{
    struct blob *txn = blob_new(txn_len(zxid));

    for (size_t i = 0; i < txn->len; i++)
        txn->data[i] = (uint8_t)hash_u64((uint64_t)zxid + i);
    store_be64(txn->data + ZXID_AT, (uint64_t)zxid);
    return txn;
}

static void on_durable(void *arg, zk_zxid zxid)
{
    struct bed *bed = arg;

    EXPECT(zxid > bed->durable);
    bed->durable = zxid;
}

static void on_full(void *arg, bool full)
{
    ((struct bed *)arg)->is_full = full;
}

static void on_idle(void *arg)
{
    ((struct bed *)arg)->is_idle = true;
}

static int on_replay(void *arg, zk_zxid zxid, const uint8_t *txn, size_t len, struct errtext *why)
{
    struct bed *bed = arg;
    struct blob *expected = txn_new(zxid);

    (void)why;
    if (zxid != bed->replayed + 1 || len != expected->len || memcmp(txn, expected->data, len) != 0)
        bed->bad_replay = true;
    bed->replayed = zxid;
    bed->replay_count++;
    blob_unref(expected);
    return 0;
}

static const struct txnlog_config config = {
    .dir = DIR, .segment_bytes = SEGMENT, .run = RUN, .first = 1};

static int bed_open_after(struct bed *bed, struct disk *disk, zk_zxid after)
{
    struct txnlog_events events = {
        .arg = bed, .durable = on_durable, .full = on_full, .idle = on_idle};
    int rc;

    *bed = (struct bed){.disk = disk, .replayed = after};
    step_worker_init(&bed->worker);
    rc = txnlog_open(disk, &bed->worker.base, &config, &events, after, on_replay, bed, &bed->log,
                     &bed->why);
    if (rc == 0)
        bed->durable = txnlog_end(bed->log);
    return rc;
}

static int bed_open(struct bed *bed, struct disk *disk)
{
    return bed_open_after(bed, disk, 0);
}

static struct disk *new_disk(void)
{
    struct disk *disk = mem_disk_new();
    struct errtext why;

    EXPECT_EQ(disk_mkdir_path(disk, DIR), 0);
    EXPECT_EQ(txnlog_create(disk, &config, &why), 0);
    return disk;
}

static void append(struct bed *bed, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        zk_zxid zxid = txnlog_end(bed->log) + 1;
        struct blob *txn = txn_new(zxid);

        txnlog_append(bed->log, zxid, txn);
        blob_unref(txn);
    }
}

static void append_durably(struct bed *bed, size_t count)
{
    append(bed, count);
    step_worker_run_all(&bed->worker);
    EXPECT_EQ(bed->durable, txnlog_end(bed->log));
}

static char *segment_path(zk_zxid first)
{
    char name[SEGMENT_NAME_BYTES];

    segment_name(name, first);
    return xasprintf(DIR "/%s", name);
}

/* ---- power cuts ---- */

struct cutter {
    struct bed *bed;
    struct rng rng;
    uint64_t images, losses;
    char first_loss[1024];
};

static void loss(struct cutter *c, const char *what, zk_zxid found, const char *why)
{
    if (c->losses++ == 0)
        (void)snprintf(c->first_loss, sizeof c->first_loss,
                       "call %" PRIu64 ": %s: acknowledged %" PRId64 ", found %" PRId64 ": %s",
                       mem_disk_calls(c->bed->disk), what, c->bed->durable, found, why);
}

/* What is found after the cut: everything acknowledged, and the log goes on. */
static void check_image(struct cutter *c, struct disk *image)
{
    struct bed found;
    zk_zxid end;

    c->images++;
    if (bed_open(&found, image) < 0) {
        loss(c, "cannot open", 0, found.why.text);
        return;
    }
    end = txnlog_end(found.log);
    if (found.bad_replay || end != found.replayed || (uint64_t)end != found.replay_count)
        loss(c, "wrong txns", end, "");
    else if (end < c->bed->durable || end > txnlog_end(c->bed->log))
        loss(c, "wrong end", end, "");
    else {
        append(&found, 3);
        step_worker_run_all(&found.worker);
        txnlog_free(found.log);
        if (bed_open(&found, image) < 0 || found.bad_replay || found.replayed != end + 3)
            loss(c, "it does not go on", found.replayed, found.why.text);
    }
    txnlog_free(found.log);
}

static void cut_here(void *arg)
{
    struct cutter *c = arg;
    size_t pages = mem_disk_unsynced_pages(c->bed->disk);
    uint64_t all = pages <= 3 ? 1u << pages : 6;

    for (uint64_t i = 0; i < all; i++) {
        struct mem_crash crash = {
            .pages = pages <= 3 ? i : rng_next(&c->rng),
            .seed = rng_next(&c->rng),
            .torn = rng_below(&c->rng, 3) == 0,
            .names = rng_below(&c->rng, 2) == 0,
        };
        struct disk *image = mem_disk_crash(c->bed->disk, &crash);

        check_image(c, image);
        mem_disk_free(image);
    }
}

/* Bursts of txns, cut at every call. */
static void run_and_cut(struct cutter *c, uint64_t seed, bool ignore_sync)
{
    struct disk *disk = new_disk();
    struct bed bed;
    struct rng rng = rng_seeded(seed);

    *c = (struct cutter){.bed = &bed, .rng = rng_seeded(seed + 1)};
    EXPECT_EQ(bed_open(&bed, disk), 0);
    mem_disk_ignore_sync(disk, ignore_sync);
    mem_disk_on_call(disk, cut_here, c);
    while (txnlog_end(bed.log) < 200) {
        append(&bed, 1 + rng_below(&rng, 6));
        for (uint64_t steps = rng_below(&rng, 4); steps > 0; steps--)
            (void)step_worker_run(&bed.worker);
    }
    step_worker_run_all(&bed.worker);
    EXPECT_EQ(bed.durable, txnlog_end(bed.log));
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(a_power_cut_at_any_call_loses_nothing_acknowledged)
{
    struct cutter c;

    for (uint64_t seed = 1; seed <= 3; seed++) {
        run_and_cut(&c, seed, false);
        EXPECT_STR(c.first_loss, "");
        EXPECT(c.images > 500);
    }
}

TEST(without_sync_the_same_cuts_find_losses)
{
    struct cutter c;

    run_and_cut(&c, 1, true);
    EXPECT(c.losses > 0);
}

TEST(what_a_killed_process_left_unsynced_is_made_durable_before_it_is_shown)
{
    struct disk *disk = new_disk(), *image;
    struct bed bed, again;
    struct mem_crash all_lost = {0};

    EXPECT_EQ(bed_open(&bed, disk), 0);
    append_durably(&bed, 3);
    /* Killed between write and sync: as if the sync had not been. */
    mem_disk_ignore_sync(disk, true);
    append_durably(&bed, 2);
    txnlog_free(bed.log);
    mem_disk_ignore_sync(disk, false);
    EXPECT_EQ(bed_open(&bed, disk), 0);
    EXPECT_EQ(txnlog_end(bed.log), 5);
    image = mem_disk_crash(disk, &all_lost);
    EXPECT_EQ(bed_open(&again, image), 0);
    EXPECT_EQ(txnlog_end(again.log), 5);
    txnlog_free(again.log);
    txnlog_free(bed.log);
    mem_disk_free(image);
    mem_disk_free(disk);
}

/* ---- truncation and damage ---- */

/* Zeros everything in the first segment from OFFSET on. */
static void zero_from(struct disk *disk, uint64_t offset)
{
    char *path = segment_path(1);

    for (uint64_t i = offset; i < SEGMENT; i++)
        EXPECT(mem_disk_rot(disk, path, i, 0));
    free(path);
}

TEST(a_log_that_ends_at_any_byte_gives_a_prefix)
{
    struct mem_crash nothing = {0};
    struct disk *disk = new_disk();
    struct bed bed, found;
    zk_zxid before = 0;

    EXPECT_EQ(bed_open(&bed, disk), 0);
    for (int i = 0; i < 5; i++)
        append_durably(&bed, 1);
    txnlog_free(bed.log);
    for (uint64_t end = DISK_PAGE; end <= SEGMENT; end += 97) {
        struct disk *image = mem_disk_crash(disk, &nothing);

        zero_from(image, end);
        EXPECT_EQ(bed_open(&found, image), 0);
        EXPECT(!found.bad_replay);
        EXPECT(found.replayed >= before);
        before = found.replayed;
        append_durably(&found, 2);
        txnlog_free(found.log);
        EXPECT_EQ(bed_open(&found, image), 0);
        EXPECT_EQ(found.replayed, before + 2);
        txnlog_free(found.log);
        mem_disk_free(image);
    }
    EXPECT_EQ(before, 5);
    mem_disk_free(disk);
}

/* Three single batches in the first segment, the byte at OFFSET flipped. */
static int open_with_rot(uint64_t offset, struct bed *ret, struct disk **ret_disk)
{
    struct disk *disk = new_disk();
    char *path = segment_path(1);
    size_t len;

    EXPECT_EQ(bed_open(ret, disk), 0);
    for (int i = 0; i < 3; i++)
        append_durably(ret, 1);
    txnlog_free(ret->log);
    EXPECT(mem_disk_rot(disk, path, offset, mem_disk_bytes(disk, path, &len)[offset] ^ 1));
    free(path);
    *ret_disk = disk;
    return bed_open(ret, disk);
}

TEST(a_bad_batch_with_a_good_one_behind_it_is_refused_by_name)
{
    struct disk *disk;
    struct bed bed;

    for (uint64_t offset = 0; offset < BATCH_HEADER_BYTES + 32; offset += 5) {
        uint64_t calls;

        EXPECT_EQ(open_with_rot(DISK_PAGE + offset, &bed, &disk), -EBADMSG);
        EXPECT(strstr(bed.why.text, DIR "/0000000000000001.log") != NULL);
        EXPECT(strstr(bed.why.text, "byte 4096") != NULL);
        calls = mem_disk_calls(disk);
        EXPECT_EQ(bed_open(&bed, disk), -EBADMSG);
        EXPECT_EQ(mem_disk_calls(disk), calls); /* nothing on disk was changed */
        mem_disk_free(disk);
    }
}

TEST(a_bad_last_batch_is_cut_off)
{
    uint8_t page[DISK_PAGE];
    struct disk_file *file;
    struct disk *disk;
    struct bed bed;
    uint64_t last = 0;

    /* Lengths follow from the zxids: where the third batch begins. */
    last = DISK_PAGE + batch_bytes(4 + txn_len(1)) + batch_bytes(4 + txn_len(2));
    EXPECT_EQ(open_with_rot(last + BATCH_HEADER_BYTES + 9, &bed, &disk), 0);
    EXPECT_EQ(bed.replayed, 2);
    EXPECT_EQ(disk_open(disk, DIR "/0000000000000001.log", DISK_OPEN_READ, &file), 0);
    EXPECT_EQ(disk_pread(file, page, sizeof page, last), DISK_PAGE);
    EXPECT(!segment_page_used(page)); /* it never counts again, whatever comes over it */
    disk_close(file);
    append_durably(&bed, 4);
    txnlog_free(bed.log);
    EXPECT_EQ(bed_open(&bed, disk), 0);
    EXPECT_EQ(bed.replayed, 6);
    EXPECT(!bed.bad_replay);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(a_bad_segment_header_is_refused_by_name)
{
    struct disk *disk;
    struct bed bed;

    EXPECT_EQ(open_with_rot(20, &bed, &disk), -EBADMSG);
    EXPECT(strstr(bed.why.text, "0000000000000001.log") != NULL);
    mem_disk_free(disk);
}

/* Fills a log until it has COUNT segments; the first zxids of these. */
static void fill_segments(struct bed *bed, size_t count, zk_zxid *firsts)
{
    size_t found = 1;

    firsts[0] = 1;
    while (found < count) {
        char *path;
        size_t len;

        append_durably(bed, 1);
        path = segment_path(txnlog_end(bed->log));
        if (txnlog_end(bed->log) > 1 && mem_disk_bytes(bed->disk, path, &len) != NULL)
            firsts[found++] = txnlog_end(bed->log);
        free(path);
    }
}

TEST(a_missing_segment_is_refused)
{
    zk_zxid firsts[4];

    for (size_t gone = 0; gone < 4; gone++) {
        struct disk *disk = new_disk();
        struct bed bed;
        char *path;

        EXPECT_EQ(bed_open(&bed, disk), 0);
        fill_segments(&bed, 4, firsts);
        append_durably(&bed, 1);
        txnlog_free(bed.log);
        path = segment_path(firsts[gone]);
        EXPECT_EQ(disk_unlink(disk, path), 0);
        free(path);
        if (gone < 3) {
            EXPECT_EQ(bed_open(&bed, disk), -EBADMSG);
        } else { /* the last one: only a checkpoint can tell */
            EXPECT_EQ(bed_open_after(&bed, disk, firsts[3]), -EBADMSG);
            EXPECT(strstr(bed.why.text, "before the checkpoint") != NULL);
        }
        mem_disk_free(disk);
    }
}

TEST(the_end_of_a_segment_missing_before_the_next_is_refused)
{
    struct disk *disk = new_disk();
    zk_zxid firsts[2];
    struct bed bed;

    EXPECT_EQ(bed_open(&bed, disk), 0);
    fill_segments(&bed, 2, firsts);
    txnlog_free(bed.log);
    zero_from(disk, DISK_PAGE);
    EXPECT_EQ(bed_open(&bed, disk), -EBADMSG);
    mem_disk_free(disk);
}

TEST(bytes_of_an_earlier_segment_never_count)
{
    struct disk *disk = new_disk();
    zk_zxid firsts[2];
    struct bed bed;
    struct disk_file *file;
    char *path;
    size_t len;
    uint8_t *copy;

    /* A batch of the first segment turns up behind the end of the second. */
    EXPECT_EQ(bed_open(&bed, disk), 0);
    fill_segments(&bed, 2, firsts);
    txnlog_free(bed.log);
    path = segment_path(1);
    copy = xmemdup(mem_disk_bytes(disk, path, &len), SEGMENT);
    free(path);
    path = segment_path(firsts[1]);
    EXPECT_EQ(disk_open(disk, path, DISK_OPEN_WRITE, &file), 0);
    EXPECT_EQ(disk_pwrite(file, copy + DISK_PAGE, DISK_PAGE, SEGMENT - DISK_PAGE), 0);
    disk_close(file);
    free(path);
    free(copy);
    EXPECT_EQ(bed_open(&bed, disk), 0);
    EXPECT_EQ(bed.replayed, firsts[1]);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(another_run_s_segments_are_deleted_and_never_read)
{
    struct disk *disk = new_disk();
    struct txnlog_config other = config;
    struct errtext why;
    struct bed bed;
    size_t len;

    EXPECT_EQ(bed_open(&bed, disk), 0);
    append_durably(&bed, 2);
    txnlog_free(bed.log);
    other.run = RUN + 1;
    other.first = 0x100000001;
    EXPECT_EQ(txnlog_create(disk, &other, &why), 0);
    EXPECT_EQ(bed_open(&bed, disk), 0);
    EXPECT_EQ(bed.replayed, 2);
    EXPECT(mem_disk_bytes(disk, DIR "/0000000100000001.log", &len) == NULL);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(with_no_segment_of_its_run_nothing_is_opened_or_deleted)
{
    struct disk *disk = mem_disk_new();
    struct txnlog_config other = config;
    struct errtext why;
    struct bed bed;
    size_t len;

    other.run = RUN + 1;
    EXPECT_EQ(disk_mkdir_path(disk, DIR), 0);
    EXPECT_EQ(txnlog_create(disk, &other, &why), 0);
    EXPECT_EQ(bed_open(&bed, disk), -ENOENT);
    EXPECT(mem_disk_bytes(disk, DIR "/0000000000000001.log", &len) != NULL);
    mem_disk_free(disk);
}

/* ---- segments come and go ---- */

TEST(old_segments_go_and_what_stays_is_enough)
{
    struct disk *disk = new_disk();
    zk_zxid firsts[5];
    struct bed bed;

    EXPECT_EQ(bed_open(&bed, disk), 0);
    fill_segments(&bed, 5, firsts);
    txnlog_trim(bed.log, firsts[3], (uint64_t)3 * SEGMENT);
    step_worker_run_all(&bed.worker);
    /* Three segments stay for RETAIN; spare and ballast besides. */
    EXPECT_EQ(txnlog_disk_bytes(bed.log), (uint64_t)5 * SEGMENT);
    txnlog_free(bed.log);
    EXPECT_EQ(bed_open(&bed, disk), -EBADMSG); /* not without the checkpoint */
    EXPECT_EQ(bed_open_after(&bed, disk, firsts[3]), 0);
    EXPECT_EQ(bed.replayed, firsts[4]);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(a_segment_that_holds_what_is_not_in_the_checkpoint_stays)
{
    struct disk *disk = new_disk();
    zk_zxid firsts[4];
    struct bed bed;

    EXPECT_EQ(bed_open(&bed, disk), 0);
    fill_segments(&bed, 4, firsts);
    txnlog_trim(bed.log, firsts[2] - 2, 0);
    step_worker_run_all(&bed.worker);
    txnlog_free(bed.log);
    EXPECT_EQ(bed_open_after(&bed, disk, firsts[2] - 2), 0);
    EXPECT_EQ(bed.replayed, firsts[3]);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

/* ---- a full disk, a failing disk ---- */

TEST(on_a_full_disk_the_reserve_is_used_up_then_txns_wait_and_all_resumes)
{
    struct disk *disk = new_disk();
    struct bed bed;
    zk_zxid stuck;

    EXPECT_EQ(bed_open(&bed, disk), 0);
    step_worker_run_all(&bed.worker); /* spare and ballast */
    EXPECT(!txnlog_full(bed.log));
    mem_disk_set_capacity(disk, mem_disk_used(disk));
    while (!txnlog_full(bed.log))
        append_durably(&bed, 1);
    EXPECT(bed.is_full);
    /* The first roll used the spare and found the disk full; the ballast serves
     * one more segment. */
    while (bed.durable == txnlog_end(bed.log)) {
        append(&bed, 1);
        step_worker_run_all(&bed.worker);
    }
    stuck = bed.durable;
    EXPECT_EQ(txnlog_disk_bytes(bed.log), (uint64_t)3 * SEGMENT);
    append(&bed, 5);
    txnlog_tick(bed.log);
    step_worker_run_all(&bed.worker);
    EXPECT_EQ(bed.durable, stuck);
    EXPECT_EQ(txnlog_end(bed.log), stuck + 6);

    mem_disk_set_capacity(disk, UINT64_MAX);
    txnlog_tick(bed.log);
    step_worker_run_all(&bed.worker);
    EXPECT_EQ(bed.durable, stuck + 6);
    EXPECT(!txnlog_full(bed.log));
    EXPECT(!bed.is_full);
    txnlog_free(bed.log);
    EXPECT_EQ(bed_open(&bed, disk), 0);
    EXPECT_EQ(bed.replayed, stuck + 6);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(deleted_segments_end_a_full_disk)
{
    struct disk *disk = new_disk();
    zk_zxid firsts[3];
    struct bed bed;

    EXPECT_EQ(bed_open(&bed, disk), 0);
    fill_segments(&bed, 3, firsts);
    mem_disk_set_capacity(disk, mem_disk_used(disk));
    while (!txnlog_full(bed.log))
        append_durably(&bed, 1);
    txnlog_trim(bed.log, txnlog_end(bed.log), 0);
    step_worker_run_all(&bed.worker);
    EXPECT(!txnlog_full(bed.log));
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(a_failed_write_or_sync_ends_the_process)
{
    struct disk *disk = new_disk();
    struct bed bed;

    EXPECT_EQ(bed_open(&bed, disk), 0);
    step_worker_run_all(&bed.worker);
    append(&bed, 1);
    mem_disk_set_faults(disk, &(struct mem_faults){.sync = -EIO});
    EXPECT_ABORT(step_worker_run_all(&bed.worker));
    mem_disk_set_faults(disk, &(struct mem_faults){.write = -EIO});
    EXPECT_ABORT(step_worker_run_all(&bed.worker));
    mem_disk_set_faults(disk, &(struct mem_faults){0});
    step_worker_run_all(&bed.worker);
    EXPECT_EQ(bed.durable, 1);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(a_disk_that_cannot_be_read_is_told_at_open)
{
    struct disk *disk = new_disk();
    struct bed bed;

    mem_disk_set_faults(disk, &(struct mem_faults){.read = -EIO});
    EXPECT_EQ(bed_open(&bed, disk), -EIO);
    EXPECT(strstr(bed.why.text, "0000000000000001.log") != NULL);
    mem_disk_free(disk);
}

/* ---- groups ---- */

TEST(what_comes_while_a_batch_is_under_way_is_the_next_batch)
{
    struct disk *disk = new_disk();
    struct bed bed;
    uint64_t calls;

    EXPECT_EQ(bed_open(&bed, disk), 0);
    step_worker_run_all(&bed.worker);
    calls = mem_disk_calls(disk);
    append(&bed, 6);
    EXPECT(step_worker_run(&bed.worker));
    EXPECT_EQ(bed.durable, 1);
    EXPECT(step_worker_run(&bed.worker));
    EXPECT_EQ(bed.durable, 6);
    EXPECT_EQ(mem_disk_calls(disk) - calls, 4); /* a write and a sync each */
    EXPECT_EQ(txnlog_queued(bed.log), 0);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(the_commit_mark_comes_back)
{
    struct disk *disk = new_disk();
    struct bed bed;

    EXPECT_EQ(bed_open(&bed, disk), 0);
    append_durably(&bed, 3);
    txnlog_set_committed(bed.log, 2);
    append_durably(&bed, 1);
    txnlog_free(bed.log);
    EXPECT_EQ(bed_open(&bed, disk), 0);
    EXPECT_EQ(txnlog_committed_found(bed.log), 2);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(stopping_waits_for_what_is_queued)
{
    struct disk *disk = new_disk();
    struct bed bed;

    EXPECT_EQ(bed_open(&bed, disk), 0);
    append(&bed, 9);
    txnlog_stop(bed.log);
    EXPECT(!bed.is_idle);
    step_worker_run_all(&bed.worker);
    EXPECT(bed.is_idle);
    EXPECT_EQ(bed.durable, 9);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}
