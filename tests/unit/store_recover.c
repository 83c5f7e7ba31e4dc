/* Starting a store: from nothing and from what a server left. On the disk in memory. */
#include "store/meta.h"
#include "tests/support/mem_disk.h"
#include "tests/support/store_scene.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

TEST(a_new_database_is_made_and_found_again)
{
    struct scene s;

    scene_init(&s);
    EXPECT_EQ(reopen(&s), 0);
    EXPECT_EQ(store_log_end(s.bed.store), 0);
    EXPECT_EQ(tree_digest(store_tree(s.bed.store)), 0x51c6d660);
    store_bed_close(&s.bed);
    EXPECT_EQ(reopen(&s), 0);
    EXPECT_EQ(store_log_end(s.bed.store), 0);
    store_bed_close(&s.bed);
    scene_done(&s);
}

TEST(closing_makes_what_is_queued_durable)
{
    struct scene s;

    scene_init(&s);
    EXPECT_EQ(reopen(&s), 0);
    store_bed_append(&s.bed, 30);
    store_bed_close(&s.bed);
    EXPECT_EQ(s.bed.durable, 30);
    EXPECT_EQ(reopen(&s), 0);
    EXPECT_EQ(store_log_end(s.bed.store), 30);
    EXPECT(store_bed_is_right(&s.bed));
    store_bed_close(&s.bed);
    scene_done(&s);
}

TEST(the_disk_used_is_bounded)
{
    struct store_stats stats;
    struct scene s;

    scene_init(&s);
    EXPECT_EQ(reopen(&s), 0);
    for (int i = 0; i < 500; i++) {
        store_bed_append(&s.bed, 1);
        store_bed_run_all(&s.bed);
        store_stats(s.bed.store, &stats);
        /* 12 pages between checkpoints, a segment more to each side, and two in reserve. */
        EXPECT(stats.log_disk_bytes <= (uint64_t)DISK_PAGE * (12 + 8 + 8 + 8 + 16));
    }
    EXPECT(stats.checkpoint_count > 20);
    store_bed_close(&s.bed);
    EXPECT_EQ(reopen(&s), 0);
    EXPECT(store_bed_is_right(&s.bed));
    store_bed_close(&s.bed);
    scene_done(&s);
}

TEST(an_explicit_snap_count_makes_checkpoints_by_txns)
{
    struct store_config config = {.snap_count = 10, .checkpoint_after_bytes = UINT64_MAX};
    struct store_stats stats;
    struct scene s;

    scene_init(&s);
    EXPECT_EQ(store_bed_open(&s.bed, &s.history, s.disk, &config), 0);
    for (int i = 0; i < 35; i++) {
        store_bed_append(&s.bed, 1);
        store_bed_run_all(&s.bed);
    }
    store_stats(s.bed.store, &stats);
    EXPECT_EQ(stats.checkpoint_count, 3);
    EXPECT_EQ(stats.checkpoint_zxid, 30);
    store_bed_close(&s.bed);
    scene_done(&s);
}

TEST(a_second_server_on_the_directory_is_refused_with_the_pid_of_the_first)
{
    struct store_bed second;
    struct scene s;

    scene_init(&s);
    EXPECT_EQ(reopen(&s), 0);
    EXPECT_EQ(store_bed_open(&second, &s.history, s.disk, &defaults), -EWOULDBLOCK);
    EXPECT(strstr(second.why.text, "4711") != NULL);
    store_bed_close(&s.bed);
    scene_done(&s);
}

TEST(log_and_data_may_lie_in_two_places_and_both_are_locked)
{
    struct store_config config = {.log_dir = "/fast"}, other = {.log_dir = "/fast"};
    struct store_bed second;
    struct scene s;
    size_t len;

    scene_init(&s);
    EXPECT_EQ(store_bed_open(&s.bed, &s.history, s.disk, &config), 0);
    EXPECT(mem_disk_bytes(s.disk, "/fast/zkfs/txnlog/0000000000000001.log", &len) != NULL);
    EXPECT(mem_disk_bytes(s.disk, "/data/zkfs/meta", &len) != NULL);
    other.data_dir = "/other";
    EXPECT_EQ(store_bed_open(&second, &s.history, s.disk, &other), -EWOULDBLOCK);
    store_bed_close(&s.bed);
    scene_done(&s);
}

/* ---- epochs ---- */

struct epochs {
    struct scene scene;
    zk_epoch durable;
    bool failed;
    struct rng rng;
};

static void on_epoch(void *arg, int rc)
{
    struct epochs *e = arg;

    EXPECT_EQ(rc, 0);
    e->durable++;
}

static void cut_meta(void *arg)
{
    struct epochs *e = arg;

    for (int i = 0; i < 6; i++) {
        struct mem_crash crash = {
            .pages = rng_next(&e->rng), .seed = rng_next(&e->rng), .torn = i == 1, .names = i > 1};
        struct disk *image = mem_disk_crash(e->scene.disk, &crash);
        struct meta meta = {0};
        struct errtext why;

        if (meta_read(image, "/data/zkfs", &meta, &why) < 0 || meta.accepted_epoch < e->durable ||
            meta.accepted_epoch > e->durable + 1 || meta.current_epoch != meta.accepted_epoch)
            e->failed = true;
        meta_done(&meta);
        mem_disk_free(image);
    }
}

static void write_epochs(struct epochs *e, bool ignore_sync)
{
    *e = (struct epochs){.rng = rng_seeded(9)};
    after_a_server(&e->scene, 1);
    EXPECT_EQ(reopen(&e->scene), 0);
    store_bed_run_all(&e->scene.bed);
    mem_disk_ignore_sync(e->scene.disk, ignore_sync);
    mem_disk_on_call(e->scene.disk, cut_meta, e);
    for (zk_epoch epoch = 1; epoch <= 5; epoch++) {
        store_set_epochs(e->scene.bed.store, epoch, epoch, on_epoch, e);
        EXPECT_EQ(store_current_epoch(e->scene.bed.store), epoch);
        EXPECT_EQ(e->durable, epoch - 1);
        store_bed_run_all(&e->scene.bed);
        EXPECT_EQ(e->durable, epoch);
    }
    mem_disk_on_call(e->scene.disk, NULL, NULL);
    store_bed_close(&e->scene.bed);
    EXPECT_EQ(reopen(&e->scene), 0);
    EXPECT_EQ(store_accepted_epoch(e->scene.bed.store), 5);
    store_bed_close(&e->scene.bed);
    scene_done(&e->scene);
}

TEST(meta_is_replaced_as_a_whole_at_any_power_cut)
{
    struct epochs e;

    write_epochs(&e, false);
    EXPECT(!e.failed);
}

TEST(without_sync_the_same_cuts_damage_meta)
{
    struct epochs e;

    write_epochs(&e, true);
    EXPECT(e.failed);
}
