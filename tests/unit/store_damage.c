/* Starting a store from what is damaged, missing or somebody else's: it is refused by name, or
 * set aside where nothing is lost by it; never taken for something else. On the disk in memory. */
#include "proto/base/mem.h"
#include "proto/txn.h"
#include "tests/support/mem_checkpoint.h"
#include "tests/support/mem_disk.h"
#include "tests/support/store_scene.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void expect_refused(struct scene *s, int rc, const char *named)
{
    uint64_t calls = mem_disk_calls(s->disk);

    EXPECT_EQ(reopen(s), rc);
    if (strstr(s->bed.why.text, named) == NULL)
        EXPECT_STR(s->bed.why.text, named);
    EXPECT_EQ(reopen(s), rc);                      /* still so: nothing was made worse */
    EXPECT(mem_disk_calls(s->disk) <= calls + 16); /* locks, and syncs of directories */
    scene_done(s);
}

static void flip(struct disk *disk, const char *path, uint64_t offset)
{
    size_t len;
    const uint8_t *bytes = mem_disk_bytes(disk, path, &len);

    EXPECT(bytes != NULL && offset < len);
    EXPECT(mem_disk_rot(disk, path, offset, bytes[offset] ^ 1));
}

/* ---- damage ---- */

TEST(a_damaged_meta_is_refused)
{
    struct scene s;

    after_a_server(&s, 3);
    flip(s.disk, "/data/zkfs/meta", 30);
    expect_refused(&s, -EBADMSG, "/data/zkfs/meta is damaged");
}

TEST(another_format_is_refused)
{
    struct scene s;

    after_a_server(&s, 3);
    EXPECT(mem_disk_rot(s.disk, "/data/zkfs/meta", 11, 9));
    expect_refused(&s, -EPROTO, "/data/zkfs/meta: format 9");
}

TEST(a_lost_meta_is_no_new_database)
{
    struct scene s;

    after_a_server(&s, 3);
    EXPECT_EQ(disk_unlink(s.disk, "/data/zkfs/meta"), 0);
    expect_refused(&s, -EBADMSG, "/data/zkfs/meta is missing");
}

TEST(a_damaged_log_is_refused_by_name)
{
    struct scene s;

    after_a_server(&s, 3);
    flip(s.disk, "/data/zkfs/txnlog/0000000000000001.log", DISK_PAGE + 70);
    expect_refused(&s, -EBADMSG, "/data/zkfs/txnlog/0000000000000001.log");
}

TEST(a_damaged_checkpoint_is_refused_by_name)
{
    struct scene s;

    after_a_server(&s, 100);
    flip(s.disk, "/data/zkfs/checkpoint-1/rows", 200);
    expect_refused(&s, -EBADMSG, "/data/zkfs/checkpoint-1");
}

/* As the others, but all of the log is kept. */
static const struct store_config all_log = {.log_retain_bytes = (uint64_t)1000 * DISK_PAGE};

static void after_a_server_with_all_log(struct scene *s, size_t count)
{
    struct store_stats stats;

    scene_init(s);
    EXPECT_EQ(store_bed_open(&s->bed, &s->history, s->disk, &all_log), 0);
    while (store_log_end(s->bed.store) < (zk_zxid)count) {
        store_bed_append(&s->bed, 1);
        store_bed_run_all(&s->bed);
    }
    store_stats(s->bed.store, &stats);
    EXPECT(stats.checkpoint_count > 0);
    store_bed_close(&s->bed);
}

TEST(a_damaged_checkpoint_is_set_aside_when_the_log_has_everything)
{
    static const char *const kept[] = {"/data/zkfs/checkpoint-1.damaged-1/rows",
                                       "/data/zkfs/checkpoint-1.damaged-2/rows"};
    struct store_stats stats;
    struct scene s;
    size_t len;

    after_a_server_with_all_log(&s, 100);
    for (int i = 0; i < 2; i++) {
        flip(s.disk, "/data/zkfs/checkpoint-1/rows", 200);
        EXPECT_EQ(store_bed_open(&s.bed, &s.history, s.disk, &all_log), 0);
        EXPECT_EQ(store_log_end(s.bed.store), 100 + 40 * i);
        EXPECT(store_bed_is_right(&s.bed));
        EXPECT(mem_disk_bytes(s.disk, kept[i], &len) != NULL);
        EXPECT(mem_disk_bytes(s.disk, "/data/zkfs/checkpoint-1/rows", &len) == NULL);
        store_bed_append(&s.bed, 40);
        store_bed_run_all(&s.bed);
        store_stats(s.bed.store, &stats);
        EXPECT(stats.checkpoint_zxid > 0);
        store_bed_close(&s.bed);
    }
    EXPECT_EQ(store_bed_open(&s.bed, &s.history, s.disk, &all_log), 0);
    EXPECT(store_bed_is_right(&s.bed));
    for (int i = 0; i < 2; i++)
        EXPECT(mem_disk_bytes(s.disk, kept[i], &len) != NULL);
    store_bed_close(&s.bed);
    scene_done(&s);
}

static void open_after_cut(void *arg)
{
    struct scene *s = arg;

    for (uint64_t i = 0; i < 8; i++) {
        struct mem_crash crash = {.pages = i, .seed = i, .names = i > 0};
        struct disk *image = mem_disk_crash(s->disk, &crash);
        struct store_bed found;

        EXPECT_EQ(store_bed_open(&found, &s->history, image, &all_log), 0);
        EXPECT_EQ(store_log_end(found.store), 100);
        EXPECT(store_bed_is_right(&found));
        store_free(found.store);
        mem_disk_free(image);
    }
}

TEST(a_power_cut_while_it_is_set_aside_is_no_loss)
{
    struct scene s;

    after_a_server_with_all_log(&s, 100);
    flip(s.disk, "/data/zkfs/checkpoint-1/rows", 200);
    mem_disk_on_call(s.disk, open_after_cut, &s);
    EXPECT_EQ(store_bed_open(&s.bed, &s.history, s.disk, &all_log), 0);
    mem_disk_on_call(s.disk, NULL, NULL);
    store_bed_close(&s.bed);
    scene_done(&s);
}

TEST(a_member_rebuilds_from_its_log_as_far_as_it_knows_to_be_committed)
{
    struct store_config config = {.member = true, .log_retain_bytes = (uint64_t)1000 * DISK_PAGE};
    struct store_stats stats;
    struct blob **entries;
    struct scene s;
    zk_zxid base;
    size_t count;

    scene_init(&s);
    EXPECT_EQ(store_bed_open(&s.bed, &s.history, s.disk, &config), 0);
    for (int i = 0; i < 100; i++) {
        store_bed_append(&s.bed, 1);
        store_bed_run_all(&s.bed);
        if (i < 80)
            store_bed_commit(&s.bed, store_log_end(s.bed.store));
        store_bed_run_all(&s.bed);
    }
    store_stats(s.bed.store, &stats);
    EXPECT(stats.checkpoint_zxid > 0);
    store_bed_close(&s.bed);
    flip(s.disk, "/data/zkfs/checkpoint-1/rows", 200);
    EXPECT_EQ(store_bed_open(&s.bed, &s.history, s.disk, &config), 0);
    EXPECT_EQ(tree_zxid(store_tree(s.bed.store)), 80);
    EXPECT(store_bed_is_right(&s.bed));
    EXPECT(!store_no_vote(s.bed.store));
    entries = store_entries(s.bed.store, &base, &count);
    EXPECT_EQ(txn_zxid(entries[count - 1]->data), 100);
    store_bed_close(&s.bed);
    scene_done(&s);
}

TEST(with_checkpoint_and_log_damaged_the_log_is_named_and_both_are_kept)
{
    struct scene s;
    size_t len;

    after_a_server_with_all_log(&s, 100);
    flip(s.disk, "/data/zkfs/checkpoint-1/rows", 200);
    flip(s.disk, "/data/zkfs/txnlog/0000000000000001.log", DISK_PAGE + 70);
    EXPECT_EQ(store_bed_open(&s.bed, &s.history, s.disk, &all_log), -EBADMSG);
    EXPECT(mem_disk_bytes(s.disk, "/data/zkfs/checkpoint-1.damaged-1/rows", &len) != NULL);
    expect_refused(&s, -EBADMSG, "/data/zkfs/txnlog/0000000000000001.log");
}

TEST(a_lost_checkpoint_is_noticed_by_the_log_that_begins_later)
{
    struct scene s;

    after_a_server(&s, 200);
    EXPECT_EQ(disk_unlink(s.disk, "/data/zkfs/checkpoint-1/rows"), 0);
    expect_refused(&s, -EBADMSG, "neither in the checkpoint nor in the log");
}

static void unlink_log(void *arg, const char *name)
{
    char *path = xasprintf("/data/zkfs/txnlog/%s", name);

    EXPECT_EQ(disk_unlink(arg, path), 0);
    free(path);
}

TEST(a_lost_log_directory_is_no_empty_log)
{
    struct scene s;

    after_a_server(&s, 100);
    while (mem_disk_used(s.disk) > 0) {
        uint64_t before = mem_disk_used(s.disk);

        /* The list changes under the walk: until nothing changes any more. */
        EXPECT_EQ(disk_list(s.disk, "/data/zkfs/txnlog", unlink_log, s.disk), 0);
        if (mem_disk_used(s.disk) == before)
            break;
    }
    expect_refused(&s, -ENOENT, "/data/zkfs/txnlog");
}

TEST(a_read_only_disk_is_told)
{
    struct scene s;

    scene_init(&s);
    mem_disk_set_faults(s.disk, &(struct mem_faults){.write = -EROFS, .change = -EROFS});
    EXPECT_EQ(reopen(&s), -EROFS);
    EXPECT(strstr(s.bed.why.text, "/data") != NULL);
    EXPECT(strstr(s.bed.why.text, strerror(EROFS)) != NULL);
    scene_done(&s);
}

TEST(too_little_space_for_a_new_database_is_told)
{
    struct scene s;

    scene_init(&s);
    mem_disk_set_capacity(s.disk, (uint64_t)2 * DISK_PAGE);
    EXPECT_EQ(reopen(&s), -ENOSPC);
    mem_disk_set_capacity(s.disk, UINT64_MAX);
    EXPECT_EQ(reopen(&s), 0);
    store_bed_close(&s.bed);
    scene_done(&s);
}

TEST(what_is_not_ours_is_left_alone)
{
    static const char *const paths[] = {"/data/version-2/log.1", "/data/myid",
                                        "/data/zkfs/checkpoint-1/notes",
                                        "/data/zkfs/txnlog/README"};
    struct disk_file *file;
    struct scene s;
    size_t len;

    after_a_server(&s, 50);
    EXPECT_EQ(disk_mkdir_path(s.disk, "/data/version-2"), 0);
    for (size_t i = 0; i < 4; i++) {
        EXPECT_EQ(disk_open(s.disk, paths[i], DISK_OPEN_CREATE, &file), 0);
        EXPECT_EQ(disk_pwrite(file, "x", 1, 0), 0);
        disk_close(file);
    }
    EXPECT_EQ(reopen(&s), 0);
    store_bed_append(&s.bed, 50);
    store_bed_close(&s.bed);
    for (size_t i = 0; i < 4; i++)
        EXPECT(mem_disk_bytes(s.disk, paths[i], &len) != NULL);
    scene_done(&s);
}

TEST(a_checkpoint_that_meta_does_not_name_is_deleted)
{
    struct checkpoint *checkpoint;
    struct errtext why;
    struct scene s;
    uint64_t bytes;
    size_t len;

    after_a_server(&s, 50);
    EXPECT_EQ(mem_checkpoint.open(s.disk, "/data/zkfs/checkpoint-2", &checkpoint, &why), 0);
    EXPECT_EQ(mem_checkpoint.begin(checkpoint, &why), 0);
    EXPECT_EQ(mem_checkpoint.commit(checkpoint, 1, 1, &bytes, &why), 0);
    mem_checkpoint.close(checkpoint);
    EXPECT_EQ(reopen(&s), 0);
    EXPECT(mem_disk_bytes(s.disk, "/data/zkfs/checkpoint-2/rows", &len) == NULL);
    EXPECT(mem_disk_bytes(s.disk, "/data/zkfs/checkpoint-1/rows", &len) != NULL);
    store_bed_close(&s.bed);
    scene_done(&s);
}
