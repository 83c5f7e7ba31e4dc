/* A store opened by a member of an ensemble: what is not known to be committed stays
 * log, until a leader says what became of it. */
#include "proto/base/log.h"
#include "proto/txn.h"
#include "tests/support/mem_disk.h"
#include "tests/support/store_bed.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static const struct store_config as_member = {.member = true,
                                              .checkpoint_after_bytes = (uint64_t)1 << 20};

static void append_durably(struct store_bed *bed, size_t count)
{
    store_bed_append(bed, count);
    store_bed_run_all(bed);
    EXPECT_EQ(bed->durable, store_log_end(bed->store));
}

/* The entries are history's, from BASE + 1 to END. */
static void expect_entries(struct store_bed *bed, zk_zxid base, zk_zxid end)
{
    zk_zxid found;
    size_t count;
    struct blob **entries = store_entries(bed->store, &found, &count);

    EXPECT_EQ(found, base);
    EXPECT_EQ(count, (size_t)(end - base));
    for (size_t i = 0; i < count; i++) {
        const struct blob *txn = history_txn(bed->history, base + 1 + (zk_zxid)i);

        EXPECT_EQ(entries[i]->len, txn->len);
        EXPECT(memcmp(entries[i]->data, txn->data, txn->len) == 0);
    }
}

static void on_done(void *arg)
{
    *(bool *)arg = true;
}

static void on_meta(void *arg, int rc)
{
    EXPECT_EQ(rc, 0);
    *(bool *)arg = true;
}

TEST(a_member_applies_up_to_the_mark_and_gives_the_rest_as_entries)
{
    struct disk *disk = mem_disk_new();
    struct history history;
    struct store_bed bed;

    log_set_level(LOG_LEVEL_ERROR);
    history_init(&history, 1);
    EXPECT_EQ(store_bed_open(&bed, &history, disk, &as_member), 0);
    expect_entries(&bed, 0, 0);
    append_durably(&bed, 20);
    EXPECT_EQ(tree_zxid(store_tree(bed.store)), 0);
    store_bed_commit(&bed, 12);
    append_durably(&bed, 5); /* the mark travels with the next batch */
    store_bed_commit(&bed, 23);
    store_free(bed.store);

    EXPECT_EQ(store_bed_open(&bed, &history, disk, &as_member), 0);
    EXPECT_EQ(store_log_end(bed.store), 25);
    EXPECT_EQ(tree_zxid(store_tree(bed.store)), 12);
    EXPECT(store_bed_is_right(&bed));
    expect_entries(&bed, 0, 25);
    store_forget_entries(bed.store);
    store_bed_commit(&bed, 25);
    EXPECT(store_bed_is_right(&bed));
    store_bed_close(&bed);
    mem_disk_free(disk);
    history_done(&history);
}

TEST(a_server_that_stands_alone_again_applies_all_of_it)
{
    static const struct store_config alone = {0};
    struct disk *disk = mem_disk_new();
    struct history history;
    struct store_bed bed;

    log_set_level(LOG_LEVEL_ERROR);
    history_init(&history, 2);
    EXPECT_EQ(store_bed_open(&bed, &history, disk, &as_member), 0);
    append_durably(&bed, 9);
    store_bed_close(&bed);
    EXPECT_EQ(store_bed_open(&bed, &history, disk, &alone), 0);
    EXPECT_EQ(tree_zxid(store_tree(bed.store)), 9);
    EXPECT(store_bed_is_right(&bed));
    store_bed_close(&bed);
    mem_disk_free(disk);
    history_done(&history);
}

TEST(the_window_reaches_back_before_the_checkpoint_as_far_as_it_has_room)
{
    struct store_config config = as_member;
    struct disk *disk = mem_disk_new();
    struct store_stats stats;
    struct history history;
    struct store_bed bed;
    zk_zxid base;
    size_t count;

    log_set_level(LOG_LEVEL_ERROR);
    config.checkpoint_after_bytes = (uint64_t)20 * DISK_PAGE;
    config.log_retain_bytes = (uint64_t)1 << 20;
    history_init(&history, 3);
    EXPECT_EQ(store_bed_open(&bed, &history, disk, &config), 0);
    for (int i = 0; i < 60; i++) {
        append_durably(&bed, 2);
        store_bed_commit(&bed, bed.durable);
        store_bed_run_all(&bed);
    }
    append_durably(&bed, 3);
    store_stats(bed.store, &stats);
    EXPECT(stats.checkpoint_zxid > 60);
    store_free(bed.store);

    EXPECT_EQ(store_bed_open(&bed, &history, disk, &config), 0);
    EXPECT(store_bed_is_right(&bed));
    expect_entries(&bed, 0, 123);
    store_free(bed.store);

    /* A smaller window: the txn of the checkpoint and what follows are there at least, as
     * a leader may have the log truncated after it. */
    config.window_bytes = 1;
    EXPECT_EQ(store_bed_open(&bed, &history, disk, &config), 0);
    EXPECT(store_bed_is_right(&bed));
    (void)store_entries(bed.store, &base, &count);
    EXPECT_EQ(base, tree_zxid(store_tree(bed.store)));
    expect_entries(&bed, base, 123);
    store_free(bed.store);
    mem_disk_free(disk);
    history_done(&history);
}

TEST(the_log_is_truncated_down_to_what_is_applied_and_no_txn_comes_back)
{
    struct disk *disk = mem_disk_new();
    struct history history;
    struct store_bed bed;
    bool done = false;

    log_set_level(LOG_LEVEL_ERROR);
    history_init(&history, 4);
    EXPECT_EQ(store_bed_open(&bed, &history, disk, &as_member), 0);
    append_durably(&bed, 30);
    store_bed_commit(&bed, 10);
    EXPECT_EQ(store_truncate(bed.store, 31, on_done, &done), -ENOENT);
    EXPECT_EQ(store_truncate(bed.store, zxid_make(1, 0), on_done, &done), -ENOENT);
    EXPECT_EQ(store_truncate(bed.store, 10, on_done, &done), 0);
    EXPECT(!done);
    EXPECT_EQ(store_log_end(bed.store), 10);
    EXPECT_EQ(store_durable(bed.store), 10);
    store_bed_append(&bed, 2);
    store_bed_run_all(&bed);
    EXPECT(done);
    EXPECT_EQ(store_durable(bed.store), 12);
    store_free(bed.store);

    EXPECT_EQ(store_bed_open(&bed, &history, disk, &as_member), 0);
    EXPECT_EQ(store_log_end(bed.store), 12);
    EXPECT(store_bed_is_right(&bed));
    store_free(bed.store);
    mem_disk_free(disk);
    history_done(&history);
}

TEST(epochs_no_vote_and_configurations_come_back)
{
    struct buf committed = {0}, last_seen = {0};
    struct disk *disk = mem_disk_new();
    struct history history;
    struct store_bed bed;
    bool first = false, second = false, third = false;

    log_set_level(LOG_LEVEL_ERROR);
    history_init(&history, 5);
    buf_printf(&committed, "server.1=a:1:2");
    buf_printf(&last_seen, "server.1=b:1:2");
    EXPECT_EQ(store_bed_open(&bed, &history, disk, &as_member), 0);
    EXPECT(!store_no_vote(bed.store));
    store_set_epochs(bed.store, 7, 6, on_meta, &first);
    store_set_no_vote(bed.store, true, on_meta, &second);
    store_set_configs(bed.store, &committed, &last_seen, on_meta, &third);
    EXPECT(!first && !second && !third);
    store_bed_run_all(&bed);
    EXPECT(first && second && third);
    store_free(bed.store);

    EXPECT_EQ(store_bed_open(&bed, &history, disk, &as_member), 0);
    EXPECT_EQ(store_accepted_epoch(bed.store), 7);
    EXPECT_EQ(store_current_epoch(bed.store), 6);
    EXPECT(store_no_vote(bed.store));
    EXPECT_EQ(store_committed_config(bed.store)->len, committed.len);
    EXPECT(memcmp(store_last_seen_config(bed.store)->data, last_seen.data, last_seen.len) == 0);
    store_free(bed.store);
    buf_done(&committed);
    buf_done(&last_seen);
    mem_disk_free(disk);
    history_done(&history);
}
