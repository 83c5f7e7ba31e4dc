/* A store whose disk is full, and has space again. On the disk in memory. */
#include "tests/support/mem_disk.h"
#include "tests/support/store_scene.h"
#include "tests/unit/test.h"

#include <errno.h>

/* ---- a full disk ---- */

TEST(on_a_full_disk_the_store_says_so_goes_on_with_its_reserve_and_recovers)
{
    struct scene s;
    zk_zxid at_full;

    after_a_server(&s, 5);
    EXPECT_EQ(reopen(&s), 0);
    store_bed_run_all(&s.bed);
    mem_disk_set_capacity(s.disk, mem_disk_used(s.disk));
    while (!store_full(s.bed.store)) {
        store_bed_append(&s.bed, 1);
        store_bed_run_all(&s.bed);
    }
    /* Sessions and deletes still have somewhere to go. */
    at_full = store_log_end(s.bed.store);
    for (int i = 0; i < 5; i++) {
        store_bed_append(&s.bed, 1);
        store_bed_run_all(&s.bed);
    }
    EXPECT_EQ(s.bed.durable, at_full + 5);
    mem_disk_set_capacity(s.disk, UINT64_MAX);
    store_tick(s.bed.store);
    store_bed_run_all(&s.bed);
    EXPECT(!store_full(s.bed.store));
    store_bed_close(&s.bed);
    EXPECT_EQ(reopen(&s), 0);
    EXPECT(store_bed_is_right(&s.bed));
    store_bed_close(&s.bed);
    scene_done(&s);
}

TEST(a_full_disk_takes_back_the_log_that_was_kept_for_convenience)
{
    struct store_config config = {.log_retain_bytes = (uint64_t)1000 * DISK_PAGE};
    struct store_stats stats;
    struct scene s;
    uint64_t most = (uint64_t)12 * 8 * DISK_PAGE;

    scene_init(&s);
    EXPECT_EQ(store_bed_open(&s.bed, &s.history, s.disk, &config), 0);
    do {
        store_bed_append(&s.bed, 1);
        store_bed_run_all(&s.bed);
        store_stats(s.bed.store, &stats);
    } while (stats.log_disk_bytes < most);
    /* Room for a checkpoint, and for no segment. */
    mem_disk_set_capacity(s.disk, mem_disk_used(s.disk) + (uint64_t)7 * DISK_PAGE);
    while (stats.log_disk_bytes >= most) {
        store_bed_append(&s.bed, 1);
        store_bed_run_all(&s.bed);
        store_stats(s.bed.store, &stats);
    }
    EXPECT(!store_full(s.bed.store));
    EXPECT(stats.log_disk_bytes < most / 2);
    store_bed_close(&s.bed);
    scene_done(&s);
}

TEST(a_checkpoint_that_finds_no_space_is_made_later)
{
    struct store_stats stats;
    struct scene s;

    scene_init(&s);
    EXPECT_EQ(reopen(&s), 0);
    store_bed_run_all(&s.bed);
    store_bed_append(&s.bed, 1);
    store_bed_run_all(&s.bed);
    mem_disk_set_capacity(s.disk, mem_disk_used(s.disk));
    do {
        store_bed_append(&s.bed, 1);
        store_bed_run_all(&s.bed);
        store_stats(s.bed.store, &stats);
    } while (stats.checkpoint_failures == 0);
    EXPECT_EQ(stats.checkpoint_count, 0);
    mem_disk_set_capacity(s.disk, UINT64_MAX);
    store_tick(s.bed.store);
    store_bed_run_all(&s.bed);
    store_stats(s.bed.store, &stats);
    EXPECT_EQ(stats.checkpoint_count, 1);
    EXPECT_EQ(stats.checkpoint_zxid, s.bed.durable);
    store_bed_close(&s.bed);
    EXPECT_EQ(reopen(&s), 0);
    EXPECT(store_bed_is_right(&s.bed));
    store_bed_close(&s.bed);
    scene_done(&s);
}

TEST(closing_on_a_full_disk_ends)
{
    struct scene s;

    after_a_server(&s, 5);
    EXPECT_EQ(reopen(&s), 0);
    store_bed_run_all(&s.bed);
    mem_disk_set_capacity(s.disk, mem_disk_used(s.disk));
    while (s.bed.durable == store_log_end(s.bed.store)) {
        store_bed_append(&s.bed, 1);
        store_bed_run_all(&s.bed);
    }
    store_bed_close(&s.bed);
    EXPECT_EQ(reopen(&s), 0);
    EXPECT(store_bed_is_right(&s.bed));
    store_bed_close(&s.bed);
    scene_done(&s);
}
