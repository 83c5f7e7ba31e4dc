/* A transaction log that is not as it was written: cut short, zeroed, overwritten or flipped
 * at any byte. What is found is exactly the whole batches before that place; where a good
 * batch is behind it, or a segment, or the file is too short, opening is refused by name and
 * changes nothing. */
#include "proto/base/mem.h"
#include "proto/base/rng.h"
#include "store/segment.h"
#include "tests/support/log_bed.h"
#include "tests/support/mem_disk.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of the bytes, under a sanitizer every 41st. */
#define STRIDE (TEST_SANITIZED ? 41 : 1)

/* ---- a recorded log ---- */

#define SMALL_SEGMENT (5 * DISK_PAGE)
#define BATCHES_MAX 16
#define HEADER_USED 64 /* of a segment's first page */

static const struct txnlog_config small_config = {
    .dir = LOG_BED_DIR, .segment_bytes = SMALL_SEGMENT, .run = LOG_BED_RUN, .first = 10};

struct written {
    size_t start, end; /* in the segment; without the padding */
    zk_zxid last;
};

/* A segment as it was recorded, and as it is now; and what is in it. */
struct recorded {
    struct disk *disk;
    char *path;
    bool is_last;
    zk_zxid base; /* the txn before it */
    struct written batches[BATCHES_MAX];
    size_t count;
    uint8_t bytes[SMALL_SEGMENT], now[SMALL_SEGMENT];
    size_t now_len;
    size_t opened, refused, cut;
};

static void record_batch(struct recorded *r, zk_zxid first, size_t txns)
{
    size_t start = r->count == 0 ? DISK_PAGE : r->batches[r->count - 1].end + DISK_PAGE - 1;
    size_t end;

    start -= start % DISK_PAGE;
    end = start + BATCH_HEADER_BYTES;
    for (size_t i = 0; i < txns; i++)
        end += BATCH_TXN_OVERHEAD + log_bed_txn_len(first + (zk_zxid)i);
    EXPECT(r->count < BATCHES_MAX && end <= SMALL_SEGMENT);
    r->batches[r->count++] = (struct written){start, end, first + (zk_zxid)txns - 1};
}

/* Writes two segments: batches of one txn and of several, and one of two pages. Takes down
 * the second one, which has an empty page behind it, or the first. */
static void recorded_init(struct recorded *r, bool is_last)
{
    const uint8_t *bytes;
    struct log_bed bed;
    size_t len;

    *r = (struct recorded){.disk = log_bed_disk(&small_config), .is_last = is_last};
    EXPECT_EQ(log_bed_open(&bed, r->disk, &small_config, 0), 0);
    log_bed_append_durably(&bed, 3); /* a batch of one, and what came meanwhile: one of two */
    log_bed_append_durably(&bed, 3);
    log_bed_append_durably(&bed, 1);
    log_bed_append_durably(&bed, 1);
    txnlog_free(bed.log);
    if (is_last) {
        record_batch(r, 16, 1);
        record_batch(r, 17, 1);
    } else {
        record_batch(r, 10, 1);
        record_batch(r, 11, 2);
        record_batch(r, 13, 1);
        record_batch(r, 14, 2);
    }
    r->base = is_last ? 15 : 9;
    r->path = log_bed_path(r->base + 1);
    bytes = mem_disk_bytes(r->disk, r->path, &len);
    EXPECT(bytes != NULL && len == SMALL_SEGMENT);
    memcpy(r->bytes, bytes, len);
}

static void recorded_done(struct recorded *r)
{
    free(r->path);
    mem_disk_free(r->disk);
}

/* ---- what must be found of it ---- */

static bool is_intact(const struct recorded *r, size_t from, size_t to)
{
    return r->now_len >= to && memcmp(r->bytes + from, r->now + from, to - from) == 0;
}

/* The batches before the first one that is not as it was written. */
static size_t intact_batches(const struct recorded *r)
{
    size_t count = 0;

    while (count < r->count && is_intact(r, r->batches[count].start, r->batches[count].end))
        count++;
    return count;
}

/* Is it plain that what was written, and maybe acknowledged, is lost? */
static bool is_damage(const struct recorded *r)
{
    size_t count = intact_batches(r);

    if (r->now_len < SMALL_SEGMENT || !is_intact(r, 0, HEADER_USED))
        return true;
    if (!r->is_last)
        return count < r->count;
    for (size_t i = count; i < r->count; i++)
        if (is_intact(r, r->batches[i].start, r->batches[i].end))
            return true;
    return false;
}

/* What is opened goes on, in a copy of the disk. */
static void check_goes_on(struct recorded *r, zk_zxid end)
{
    struct mem_crash nothing_lost = {0};
    struct disk *image = mem_disk_crash(r->disk, &nothing_lost);
    struct log_bed found;

    EXPECT_EQ(log_bed_open(&found, image, &small_config, 0), 0);
    EXPECT_EQ(found.replayed, end);
    log_bed_append_durably(&found, 2);
    txnlog_free(found.log);
    EXPECT_EQ(log_bed_open(&found, image, &small_config, 0), 0);
    EXPECT_EQ(found.replayed, end + 2);
    EXPECT(!found.bad_replay);
    txnlog_free(found.log);
    mem_disk_free(image);
}

static void check_opened(struct recorded *r, struct log_bed *found, bool and_goes_on)
{
    size_t count = intact_batches(r);
    zk_zxid last = r->is_last ? r->batches[r->count - 1].last : 17;

    if (count < r->count) {
        last = count == 0 ? r->base : r->batches[count - 1].last;
        r->cut++;
    }
    EXPECT(!found->bad_replay);
    EXPECT_EQ(found->replayed, last);
    txnlog_free(found->log);
    if (and_goes_on)
        check_goes_on(r, last);
    r->opened++;
}

/* Opens what is in NOW; PLACE tells how thoroughly. */
static void check_now(struct recorded *r, size_t place)
{
    struct log_bed found;
    uint64_t calls;
    int rc;

    mem_disk_put(r->disk, r->path, r->now, r->now_len);
    calls = mem_disk_calls(r->disk);
    rc = log_bed_open(&found, r->disk, &small_config, 0);
    if (!is_damage(r)) {
        EXPECT_EQ(rc, 0);
        check_opened(r, &found, r->is_last && place % 509 == 0);
        return;
    }
    EXPECT(rc == -EBADMSG || rc == -EPROTO);
    EXPECT(strstr(found.why.text, r->is_last ? r->path : LOG_BED_DIR "/") != NULL);
    EXPECT_EQ(mem_disk_calls(r->disk), calls); /* nothing on disk was changed */
    r->refused++;
}

static void as_written(struct recorded *r)
{
    memcpy(r->now, r->bytes, SMALL_SEGMENT);
    r->now_len = SMALL_SEGMENT;
}

static void check_zeros_from(struct recorded *r, size_t place)
{
    as_written(r);
    memset(r->now + place, 0, SMALL_SEGMENT - place);
    check_now(r, place);
}

static void check_garbage_from(struct recorded *r, size_t place, const uint8_t *garbage)
{
    as_written(r);
    memcpy(r->now + place, garbage + place, SMALL_SEGMENT - place);
    check_now(r, place);
}

static void check_flip_at(struct recorded *r, size_t place)
{
    as_written(r);
    r->now[place] ^= (uint8_t)(1u << place % 8);
    check_now(r, place);
}

static void check_end_at(struct recorded *r, size_t place)
{
    as_written(r);
    r->now_len = place;
    check_now(r, place);
}

/* ---- each byte of it ---- */

static void damage_everywhere(bool is_last)
{
    static uint8_t garbage[SMALL_SEGMENT];
    struct rng rng = rng_seeded(11);
    struct recorded r;

    for (size_t i = 0; i < sizeof garbage; i++)
        garbage[i] = (uint8_t)rng_next(&rng);
    recorded_init(&r, is_last);
    for (size_t place = 0; place < SMALL_SEGMENT; place += STRIDE) {
        check_end_at(&r, place);
        check_zeros_from(&r, place);
        check_garbage_from(&r, place, garbage);
        check_flip_at(&r, place);
    }
    as_written(&r);
    check_now(&r, 0);
    EXPECT(r.opened > 0 && r.refused > 0);
    EXPECT(is_last == (r.cut > 0));
    recorded_done(&r);
}

TEST(of_a_log_that_ends_or_changes_at_any_byte_the_whole_batches_before_it_are_found)
{
    damage_everywhere(true);
}

TEST(an_earlier_segment_that_ends_or_changes_at_any_byte_is_refused_or_still_whole)
{
    damage_everywhere(false);
}

TEST(a_log_that_ends_before_the_checkpoint_at_any_byte_is_refused)
{
    struct recorded r;

    recorded_init(&r, true);
    for (size_t place = DISK_PAGE; place < SMALL_SEGMENT; place += STRIDE) {
        struct log_bed found;
        int rc;

        as_written(&r);
        memset(r.now + place, 0, SMALL_SEGMENT - place);
        mem_disk_put(r.disk, r.path, r.now, r.now_len);
        rc = log_bed_open(&found, r.disk, &small_config, 17);
        EXPECT_EQ(rc, intact_batches(&r) == r.count ? 0 : -EBADMSG);
        if (rc == 0)
            txnlog_free(found.log);
        else
            EXPECT(strstr(found.why.text, "before the checkpoint") != NULL);
    }
    recorded_done(&r);
}

/* ---- single cases, told by their messages ---- */

/* Zeros everything in the first segment from OFFSET on. */
static void zero_from(struct disk *disk, uint64_t offset)
{
    char *path = log_bed_path(1);

    for (uint64_t i = offset; i < LOG_BED_SEGMENT; i++)
        EXPECT(mem_disk_rot(disk, path, i, 0));
    free(path);
}

/* Three single batches in the first segment, the byte at OFFSET flipped. */
static int open_with_rot(uint64_t offset, struct log_bed *ret, struct disk **ret_disk)
{
    struct disk *disk = log_bed_disk(&log_bed_config);
    char *path = log_bed_path(1);
    size_t len;

    EXPECT_EQ(log_bed_open(ret, disk, &log_bed_config, 0), 0);
    for (int i = 0; i < 3; i++)
        log_bed_append_durably(ret, 1);
    txnlog_free(ret->log);
    EXPECT(mem_disk_rot(disk, path, offset, mem_disk_bytes(disk, path, &len)[offset] ^ 1));
    free(path);
    *ret_disk = disk;
    return log_bed_open(ret, disk, &log_bed_config, 0);
}

TEST(a_bad_batch_with_a_good_one_behind_it_is_refused_by_name)
{
    struct disk *disk;
    struct log_bed bed;

    for (uint64_t offset = 0; offset < BATCH_HEADER_BYTES + 32; offset += 5) {
        uint64_t calls;

        EXPECT_EQ(open_with_rot(DISK_PAGE + offset, &bed, &disk), -EBADMSG);
        EXPECT(strstr(bed.why.text, LOG_BED_DIR "/0000000000000001.log") != NULL);
        EXPECT(strstr(bed.why.text, "byte 4096") != NULL);
        calls = mem_disk_calls(disk);
        EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), -EBADMSG);
        EXPECT_EQ(mem_disk_calls(disk), calls); /* nothing on disk was changed */
        mem_disk_free(disk);
    }
}

TEST(a_bad_last_batch_is_cut_off)
{
    uint8_t page[DISK_PAGE];
    struct disk_file *file;
    struct disk *disk;
    struct log_bed bed;
    uint64_t last = 0;

    /* Lengths follow from the zxids: where the third batch begins. */
    last = DISK_PAGE + batch_bytes(4 + log_bed_txn_len(1)) + batch_bytes(4 + log_bed_txn_len(2));
    EXPECT_EQ(open_with_rot(last + BATCH_HEADER_BYTES + 9, &bed, &disk), 0);
    EXPECT_EQ(bed.replayed, 2);
    EXPECT_EQ(disk_open(disk, LOG_BED_DIR "/0000000000000001.log", DISK_OPEN_READ, &file), 0);
    EXPECT_EQ(disk_pread(file, page, sizeof page, last), DISK_PAGE);
    EXPECT(!segment_page_used(page)); /* it never counts again, whatever comes over it */
    disk_close(file);
    log_bed_append_durably(&bed, 4);
    txnlog_free(bed.log);
    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), 0);
    EXPECT_EQ(bed.replayed, 6);
    EXPECT(!bed.bad_replay);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(a_bad_segment_header_is_refused_by_name)
{
    struct disk *disk;
    struct log_bed bed;

    EXPECT_EQ(open_with_rot(20, &bed, &disk), -EBADMSG);
    EXPECT(strstr(bed.why.text, "0000000000000001.log") != NULL);
    mem_disk_free(disk);
}

TEST(a_missing_segment_is_refused)
{
    zk_zxid firsts[4];

    for (size_t gone = 0; gone < 4; gone++) {
        struct disk *disk = log_bed_disk(&log_bed_config);
        struct log_bed bed;
        char *path;

        EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), 0);
        log_bed_fill(&bed, 4, firsts);
        log_bed_append_durably(&bed, 1);
        txnlog_free(bed.log);
        path = log_bed_path(firsts[gone]);
        EXPECT_EQ(disk_unlink(disk, path), 0);
        free(path);
        if (gone < 3) {
            EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), -EBADMSG);
        } else { /* the last one: only a checkpoint can tell */
            EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, firsts[3]), -EBADMSG);
            EXPECT(strstr(bed.why.text, "before the checkpoint") != NULL);
        }
        mem_disk_free(disk);
    }
}

TEST(the_end_of_a_segment_missing_before_the_next_is_refused)
{
    struct disk *disk = log_bed_disk(&log_bed_config);
    zk_zxid firsts[2];
    struct log_bed bed;

    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), 0);
    log_bed_fill(&bed, 2, firsts);
    txnlog_free(bed.log);
    zero_from(disk, DISK_PAGE);
    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), -EBADMSG);
    mem_disk_free(disk);
}

TEST(bytes_of_an_earlier_segment_never_count)
{
    struct disk *disk = log_bed_disk(&log_bed_config);
    zk_zxid firsts[2];
    struct log_bed bed;
    struct disk_file *file;
    char *path;
    size_t len;
    uint8_t *copy;

    /* A batch of the first segment turns up behind the end of the second. */
    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), 0);
    log_bed_fill(&bed, 2, firsts);
    txnlog_free(bed.log);
    path = log_bed_path(1);
    copy = xmemdup(mem_disk_bytes(disk, path, &len), LOG_BED_SEGMENT);
    free(path);
    path = log_bed_path(firsts[1]);
    EXPECT_EQ(disk_open(disk, path, DISK_OPEN_WRITE, &file), 0);
    EXPECT_EQ(disk_pwrite(file, copy + DISK_PAGE, DISK_PAGE, LOG_BED_SEGMENT - DISK_PAGE), 0);
    disk_close(file);
    free(path);
    free(copy);
    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), 0);
    EXPECT_EQ(bed.replayed, firsts[1]);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(another_run_s_segments_are_deleted_and_never_read)
{
    struct disk *disk = log_bed_disk(&log_bed_config);
    struct txnlog_config other = log_bed_config;
    struct errtext why;
    struct log_bed bed;
    size_t len;

    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), 0);
    log_bed_append_durably(&bed, 2);
    txnlog_free(bed.log);
    other.run = LOG_BED_RUN + 1;
    other.first = 0x100000001;
    EXPECT_EQ(txnlog_create(disk, &other, &why), 0);
    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), 0);
    EXPECT_EQ(bed.replayed, 2);
    EXPECT(mem_disk_bytes(disk, LOG_BED_DIR "/0000000100000001.log", &len) == NULL);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(with_no_segment_of_its_run_nothing_is_opened_or_deleted)
{
    struct disk *disk = mem_disk_new();
    struct txnlog_config other = log_bed_config;
    struct errtext why;
    struct log_bed bed;
    size_t len;

    other.run = LOG_BED_RUN + 1;
    EXPECT_EQ(disk_mkdir_path(disk, LOG_BED_DIR), 0);
    EXPECT_EQ(txnlog_create(disk, &other, &why), 0);
    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), -ENOENT);
    EXPECT(mem_disk_bytes(disk, LOG_BED_DIR "/0000000000000001.log", &len) != NULL);
    mem_disk_free(disk);
}
