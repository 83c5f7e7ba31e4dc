/* The transaction log on a disk whose power is cut at every call: what was acknowledged is
 * there, in order, once. And how it lives: segments, a full disk, groups. */
#include "proto/base/bytes.h"
#include "proto/base/mem.h"
#include "proto/base/rng.h"
#include "store/segment.h"
#include "store/txnlog.h"
#include "tests/support/log_bed.h"
#include "tests/support/mem_disk.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- power cuts ---- */

struct cutter {
    struct log_bed *bed;
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
    struct log_bed found;
    zk_zxid end;

    c->images++;
    if (log_bed_open(&found, image, &log_bed_config, 0) < 0) {
        loss(c, "cannot open", 0, found.why.text);
        return;
    }
    end = txnlog_end(found.log);
    if (found.bad_replay || end != found.replayed || (uint64_t)end != found.replay_count)
        loss(c, "wrong txns", end, "");
    else if (end < c->bed->durable || end > txnlog_end(c->bed->log))
        loss(c, "wrong end", end, "");
    else {
        log_bed_append(&found, 3);
        step_worker_run_all(&found.worker);
        txnlog_free(found.log);
        if (log_bed_open(&found, image, &log_bed_config, 0) < 0 || found.bad_replay ||
            found.replayed != end + 3)
            loss(c, "it does not go on", found.replayed, found.why.text);
    }
    txnlog_free(found.log);
}

static void cut_once(struct cutter *c, const struct mem_crash *crash)
{
    struct disk *image = mem_disk_crash(c->bed->disk, crash);

    check_image(c, image);
    mem_disk_free(image);
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

        cut_once(c, &crash);
    }
}

/* Bursts of txns, cut at every call. */
static void run_and_cut(struct cutter *c, uint64_t seed, bool ignore_sync)
{
    struct disk *disk = log_bed_disk(&log_bed_config);
    struct log_bed bed;
    struct rng rng = rng_seeded(seed);

    *c = (struct cutter){.bed = &bed, .rng = rng_seeded(seed + 1)};
    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), 0);
    mem_disk_ignore_sync(disk, ignore_sync);
    mem_disk_on_call(disk, cut_here, c);
    while (txnlog_end(bed.log) < 200) {
        log_bed_append(&bed, 1 + rng_below(&rng, 6));
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

/* ---- the last batch, every subset of its pages ---- */

#define SUBSET_PAGES 10

struct subsets {
    struct log_bed *bed;
    const struct txnlog_config *config;
    size_t pages;   /* unsynced: those of the batch, and of the segment's header if it rolls */
    zk_zxid before; /* is there when one of them is lost, */
    zk_zxid after;  /* and this when none is */
    size_t images;
};

/* Called by the write of the batch and by its sync, before that did anything. */
static void lose_every_subset(void *arg)
{
    struct subsets *s = arg;
    uint64_t all = (uint64_t)1 << s->pages;

    if (mem_disk_unsynced_pages(s->bed->disk) == 0)
        return; /* synced; a segment that rolled is put in place */
    EXPECT_EQ(mem_disk_unsynced_pages(s->bed->disk), s->pages);
    for (uint64_t pages = 0; pages < all; pages++) {
        struct mem_crash crash = {.pages = pages, .names = true};
        struct disk *image = mem_disk_crash(s->bed->disk, &crash);
        struct log_bed found;

        EXPECT_EQ(log_bed_open(&found, image, s->config, 0), 0);
        EXPECT(!found.bad_replay);
        EXPECT_EQ(found.replayed, pages == all - 1 ? s->after : s->before);
        txnlog_free(found.log);
        mem_disk_free(image);
        s->images++;
    }
}

static void append_and_lose(struct subsets *s)
{
    step_worker_run_all(&s->bed->worker);
    mem_disk_on_call(s->bed->disk, lose_every_subset, s);
    log_bed_append(s->bed, 1);
    EXPECT(step_worker_run(&s->bed->worker));
    mem_disk_on_call(s->bed->disk, NULL, NULL);
    EXPECT_EQ(s->images, (size_t)2 << s->pages);
    EXPECT_EQ(s->bed->durable, txnlog_end(s->bed->log));
}

TEST(whatever_pages_of_the_last_batch_are_lost_it_is_there_whole_or_not_at_all)
{
    for (size_t pages = 1; pages <= SUBSET_PAGES; pages++) {
        struct txnlog_config config = log_bed_config;
        struct log_bed bed;
        struct subsets s = {.bed = &bed, .config = &config, .pages = pages};
        struct disk *disk;

        config.segment_bytes = (uint64_t)(pages + 4) * DISK_PAGE;
        config.first = s.after = log_bed_paged(pages);
        s.before = s.after - 1;
        disk = log_bed_disk(&config);
        EXPECT_EQ(log_bed_open(&bed, disk, &config, 0), 0);
        append_and_lose(&s);
        txnlog_free(bed.log);
        mem_disk_free(disk);
    }
}

TEST(a_segment_begins_with_a_whole_batch_or_is_not_there)
{
    for (size_t pages = 3; pages < SUBSET_PAGES; pages++) {
        struct txnlog_config config = log_bed_config;
        struct log_bed bed;
        struct subsets s = {.bed = &bed, .config = &config, .pages = pages + 1};
        struct disk *disk;

        /* A batch of a page less is in the first segment, and there is no room for this. */
        config.segment_bytes = (uint64_t)(pages + 1) * DISK_PAGE;
        config.first = s.before = s.after = log_bed_paged(pages - 1);
        disk = log_bed_disk(&config);
        EXPECT_EQ(log_bed_open(&bed, disk, &config, 0), 0);
        log_bed_append_durably(&bed, 1);
        append_and_lose(&s);
        txnlog_free(bed.log);
        mem_disk_free(disk);
    }
}

/* Opens the log, which ends at END, and once more as it is after a power cut then. Ends DISK. */
static void expect_shown_is_durable(struct disk *disk, zk_zxid end)
{
    struct log_bed bed, again;
    struct disk *image;

    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), 0);
    EXPECT_EQ(txnlog_end(bed.log), end);
    image = mem_disk_crash(disk, &(struct mem_crash){0});
    EXPECT_EQ(log_bed_open(&again, image, &log_bed_config, 0), 0);
    EXPECT_EQ(txnlog_end(again.log), end);
    txnlog_free(again.log);
    txnlog_free(bed.log);
    mem_disk_free(image);
    mem_disk_free(disk);
}

TEST(what_a_killed_process_left_unsynced_is_made_durable_before_it_is_shown)
{
    struct disk *disk = log_bed_disk(&log_bed_config);
    struct log_bed bed;

    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), 0);
    log_bed_append_durably(&bed, 3);
    /* Killed between write and sync: as if the sync had not been. */
    mem_disk_ignore_sync(disk, true);
    log_bed_append_durably(&bed, 2);
    txnlog_free(bed.log);
    mem_disk_ignore_sync(disk, false);
    expect_shown_is_durable(disk, 5);
}

/* Linux calls pages clean whose write-back failed: the next process reads them, and its sync says
 * that all is well without writing them. */
TEST(what_a_failed_sync_left_in_memory_is_written_again_before_it_is_shown)
{
    struct disk *disk = log_bed_disk(&log_bed_config);
    struct log_bed bed;

    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), 0);
    log_bed_append_durably(&bed, 3);
    mem_disk_ignore_sync(disk, true);
    log_bed_append(&bed, 1);
    step_worker_run_all(&bed.worker);
    txnlog_free(bed.log);
    mem_disk_ignore_sync(disk, false);
    mem_disk_lose_dirty(disk);
    expect_shown_is_durable(disk, 4);
}

/* ---- segments come and go ---- */

TEST(old_segments_go_and_what_stays_is_enough)
{
    struct disk *disk = log_bed_disk(&log_bed_config);
    zk_zxid firsts[5];
    struct log_bed bed;

    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), 0);
    log_bed_fill(&bed, 5, firsts);
    txnlog_trim(bed.log, firsts[3], (uint64_t)3 * LOG_BED_SEGMENT);
    step_worker_run_all(&bed.worker);
    /* Three segments stay for RETAIN; spare and ballast besides. */
    EXPECT_EQ(txnlog_disk_bytes(bed.log), (uint64_t)5 * LOG_BED_SEGMENT);
    txnlog_free(bed.log);
    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0),
              -EBADMSG); /* not without the checkpoint */
    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, firsts[3]), 0);
    EXPECT_EQ(bed.replayed, firsts[4]);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(a_segment_that_holds_what_is_not_in_the_checkpoint_stays)
{
    struct disk *disk = log_bed_disk(&log_bed_config);
    zk_zxid firsts[4];
    struct log_bed bed;

    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), 0);
    log_bed_fill(&bed, 4, firsts);
    txnlog_trim(bed.log, firsts[2] - 2, 0);
    step_worker_run_all(&bed.worker);
    txnlog_free(bed.log);
    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, firsts[2] - 2), 0);
    EXPECT_EQ(bed.replayed, firsts[3]);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

/* ---- a full disk, a failing disk ---- */

TEST(on_a_full_disk_the_reserve_is_used_up_then_txns_wait_and_all_resumes)
{
    struct disk *disk = log_bed_disk(&log_bed_config);
    struct log_bed bed;
    zk_zxid stuck;

    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), 0);
    step_worker_run_all(&bed.worker); /* spare and ballast */
    EXPECT(!txnlog_full(bed.log));
    mem_disk_set_capacity(disk, mem_disk_used(disk));
    while (!txnlog_full(bed.log))
        log_bed_append_durably(&bed, 1);
    EXPECT(bed.is_full);
    /* The first roll used the spare and found the disk full; the ballast serves
     * one more segment. */
    while (bed.durable == txnlog_end(bed.log)) {
        log_bed_append(&bed, 1);
        step_worker_run_all(&bed.worker);
    }
    stuck = bed.durable;
    EXPECT_EQ(txnlog_disk_bytes(bed.log), (uint64_t)3 * LOG_BED_SEGMENT);
    log_bed_append(&bed, 5);
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
    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), 0);
    EXPECT_EQ(bed.replayed, stuck + 6);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(deleted_segments_end_a_full_disk)
{
    struct disk *disk = log_bed_disk(&log_bed_config);
    zk_zxid firsts[3];
    struct log_bed bed;

    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), 0);
    log_bed_fill(&bed, 3, firsts);
    mem_disk_set_capacity(disk, mem_disk_used(disk));
    while (!txnlog_full(bed.log))
        log_bed_append_durably(&bed, 1);
    txnlog_trim(bed.log, txnlog_end(bed.log), 0);
    step_worker_run_all(&bed.worker);
    EXPECT(!txnlog_full(bed.log));
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(a_failed_write_or_sync_ends_the_process)
{
    struct disk *disk = log_bed_disk(&log_bed_config);
    struct log_bed bed;

    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), 0);
    step_worker_run_all(&bed.worker);
    log_bed_append(&bed, 1);
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
    struct disk *disk = log_bed_disk(&log_bed_config);
    struct log_bed bed;

    mem_disk_set_faults(disk, &(struct mem_faults){.read = -EIO});
    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), -EIO);
    EXPECT(strstr(bed.why.text, "0000000000000001.log") != NULL);
    mem_disk_free(disk);
}

/* ---- groups ---- */

TEST(what_comes_while_a_batch_is_under_way_is_the_next_batch)
{
    struct disk *disk = log_bed_disk(&log_bed_config);
    struct log_bed bed;
    uint64_t calls;

    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), 0);
    step_worker_run_all(&bed.worker);
    calls = mem_disk_calls(disk);
    log_bed_append(&bed, 6);
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
    struct disk *disk = log_bed_disk(&log_bed_config);
    struct log_bed bed;

    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), 0);
    log_bed_append_durably(&bed, 3);
    txnlog_set_committed(bed.log, 2);
    log_bed_append_durably(&bed, 1);
    txnlog_free(bed.log);
    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), 0);
    EXPECT_EQ(txnlog_committed_found(bed.log), 2);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(stopping_waits_for_what_is_queued)
{
    struct disk *disk = log_bed_disk(&log_bed_config);
    struct log_bed bed;

    EXPECT_EQ(log_bed_open(&bed, disk, &log_bed_config, 0), 0);
    log_bed_append(&bed, 9);
    txnlog_stop(bed.log);
    EXPECT(!bed.is_idle);
    step_worker_run_all(&bed.worker);
    EXPECT(bed.is_idle);
    EXPECT_EQ(bed.durable, 9);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}
