/* A state that comes from another server: until the one write of meta the old state is
 * what a power cut leaves, from then on the new one, with the txns that came with it. */
#include "proto/base/log.h"
#include "proto/txn.h"
#include "store/stream.h"
#include "tests/support/mem_disk.h"
#include "tests/support/store_bed.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { OLD_END = 35, OLD_APPLIED = 30, SNAP = 60, NEW_END = 75, EPOCH = 5 };

static const struct store_config as_member = {.member = true,
                                              .checkpoint_after_bytes = (uint64_t)15 * DISK_PAGE};

struct story {
    struct disk *disk;
    struct history history;
    struct buf stream;
    struct store_bed bed;
    bool meta_done, failed, installed;
    bool slow_checkpoint; /* its worker does nothing before the other one is idle */
};

static void on_meta(void *arg, int rc)
{
    EXPECT_EQ(rc, 0);
    ((struct story *)arg)->meta_done = true;
}

static void on_failed(void *arg)
{
    ((struct story *)arg)->failed = true;
}

static void on_installed(void *arg)
{
    ((struct story *)arg)->installed = true;
}

/* A server that lags behind and has been damaged; and what the leader sends. */
static void story_begin(struct story *s, uint64_t seed)
{
    struct tree_stream *stream;

    log_set_level(LOG_LEVEL_ERROR);
    *s = (struct story){.disk = mem_disk_new()};
    history_init(&s->history, seed);
    EXPECT_EQ(store_bed_open(&s->bed, &s->history, s->disk, &as_member), 0);
    store_set_no_vote(s->bed.store, true, on_meta, s);
    store_bed_append(&s->bed, OLD_APPLIED);
    store_bed_run_all(&s->bed);
    store_bed_commit(&s->bed, OLD_APPLIED);
    store_bed_append(&s->bed, OLD_END - OLD_APPLIED);
    store_bed_run_all(&s->bed);
    EXPECT(s->meta_done);
    for (zk_zxid z = OLD_END + 1; z <= SNAP; z++)
        (void)history_txn(&s->history, z);
    stream = tree_stream_open(s->history.tree);
    while (tree_stream_next(stream, 1000, &s->stream) > 0)
        ;
    tree_stream_close(stream);
}

static void story_end(struct story *s)
{
    mem_disk_free(s->disk);
    history_done(&s->history);
    buf_done(&s->stream);
}

static void step(struct story *s, struct rng *rng)
{
    if (s->slow_checkpoint)
        (void)step_worker_run(&s->bed.log_worker);
    else
        store_bed_step(&s->bed, rng);
}

static void receive(struct story *s, struct rng *rng)
{
    struct errtext why;
    size_t used = 0;

    store_snap_begin(s->bed.store, SNAP, on_failed, s);
    for (size_t at = 0; at < s->stream.len; at += 500) {
        size_t len = s->stream.len - at < 500 ? s->stream.len - at : 500;
        int rc = store_snap_feed(s->bed.store, s->stream.data + at, len, &used, &why);

        EXPECT_EQ(rc, at + len == s->stream.len);
        if (rng_below(rng, 4) == 0)
            step(s, rng);
    }
    for (zk_zxid z = SNAP + 1; z <= NEW_END; z++) {
        store_snap_stage(s->bed.store, history_txn(&s->history, z));
        if (rng_below(rng, 2) == 0)
            step(s, rng);
    }
}

static void expect_new(struct story *s)
{
    struct store *store = s->bed.store;

    EXPECT_EQ(tree_zxid(store_tree(store)), SNAP);
    EXPECT(store_bed_is_right(&s->bed));
    EXPECT_EQ(store_log_end(store), NEW_END);
    EXPECT_EQ(store_durable(store), NEW_END);
    EXPECT_EQ(store_accepted_epoch(store), EPOCH);
    EXPECT_EQ(store_current_epoch(store), EPOCH);
    EXPECT(!store_no_vote(store));
}

TEST(an_installed_state_is_in_force_and_the_log_goes_on_behind_it)
{
    struct rng rng = rng_seeded(1);
    struct store_stats stats;
    struct story s;

    story_begin(&s, 1);
    receive(&s, &rng);
    store_snap_install(s.bed.store, EPOCH, EPOCH, on_installed, &s);
    EXPECT(!s.installed);
    store_bed_run_all(&s.bed);
    EXPECT(s.installed && !s.failed);
    expect_new(&s);
    s.bed.durable = NEW_END;
    store_bed_commit(&s.bed, NEW_END);
    for (int i = 0; i < 30; i++) {
        store_bed_append(&s.bed, 3);
        store_bed_run_all(&s.bed);
        store_bed_commit(&s.bed, s.bed.durable);
        store_bed_run_all(&s.bed);
    }
    EXPECT(store_bed_is_right(&s.bed));
    store_stats(s.bed.store, &stats);
    EXPECT(stats.checkpoint_zxid > NEW_END); /* the new state gets checkpoints of its own */
    store_bed_close(&s.bed);

    EXPECT_EQ(store_bed_open(&s.bed, &s.history, s.disk, &as_member), 0);
    EXPECT(store_bed_is_right(&s.bed));
    EXPECT_EQ(store_log_end(s.bed.store), NEW_END + 90);
    store_bed_close(&s.bed);
    story_end(&s);
}

TEST(it_is_installed_again_after_a_start_and_once_more)
{
    struct rng rng = rng_seeded(2);
    struct story s;

    story_begin(&s, 2);
    for (int i = 0; i < 3; i++) {
        s.installed = false;
        receive(&s, &rng);
        store_snap_install(s.bed.store, EPOCH, EPOCH, on_installed, &s);
        store_bed_run_all(&s.bed);
        EXPECT(s.installed);
        expect_new(&s);
        store_bed_close(&s.bed);
        EXPECT_EQ(store_bed_open(&s.bed, &s.history, s.disk, &as_member), 0);
        expect_new(&s);
    }
    store_bed_close(&s.bed);
    story_end(&s);
}

static void count_name(void *arg, const char *name)
{
    if (strncmp(name, "txnlog", 6) == 0 || strncmp(name, "checkpoint", 10) == 0)
        ++*(int *)arg;
}

TEST(a_dropped_one_leaves_the_old_state_and_no_files)
{
    struct story s;

    story_begin(&s, 3);
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct rng rng = rng_seeded(seed);
        int names = 0;

        receive(&s, &rng);
        for (uint64_t i = 0; i < seed; i++)
            store_bed_step(&s.bed, &rng);
        store_snap_drop(s.bed.store);
        if (seed % 2 == 0) /* the next one begins before this one has gone */
            continue;
        store_bed_run_all(&s.bed);
        EXPECT_EQ(tree_zxid(store_tree(s.bed.store)), OLD_APPLIED);
        EXPECT_EQ(disk_list(s.disk, "/data/zkfs", count_name, &names), 0);
        EXPECT(names <= 2);
    }
    store_bed_close(&s.bed);
    EXPECT_EQ(store_bed_open(&s.bed, &s.history, s.disk, &as_member), 0);
    EXPECT_EQ(store_log_end(s.bed.store), OLD_END);
    EXPECT(store_bed_is_right(&s.bed));
    EXPECT(store_no_vote(s.bed.store));
    store_bed_close(&s.bed);
    story_end(&s);
}

TEST(on_a_full_disk_it_fails_and_the_old_state_stays)
{
    struct rng rng = rng_seeded(4);
    struct story s;

    story_begin(&s, 4);
    mem_disk_set_capacity(s.disk, mem_disk_used(s.disk) + 5 * DISK_PAGE);
    receive(&s, &rng);
    store_snap_install(s.bed.store, EPOCH, EPOCH, on_installed, &s);
    store_bed_run_all(&s.bed);
    EXPECT(s.failed && !s.installed);
    store_snap_drop(s.bed.store);
    store_bed_run_all(&s.bed);
    EXPECT_EQ(store_log_end(s.bed.store), OLD_END);
    store_bed_append(&s.bed, 1);
    store_bed_run_all(&s.bed);
    EXPECT_EQ(s.bed.durable, OLD_END + 1);
    store_bed_close(&s.bed);
    story_end(&s);
}

/* The disk becomes full after STEPS jobs of the installation. */
static void install_while_it_fills(uint64_t seed, int steps)
{
    struct rng rng = rng_seeded(seed);
    struct story s;

    story_begin(&s, 4);
    receive(&s, &rng);
    store_snap_install(s.bed.store, EPOCH, EPOCH, on_installed, &s);
    for (int i = 0; i < steps; i++)
        store_bed_step(&s.bed, &rng);
    mem_disk_set_capacity(s.disk, mem_disk_used(s.disk));
    while (!s.failed && !s.installed)
        store_bed_step(&s.bed, &rng);
    if (s.failed)
        store_snap_drop(s.bed.store); /* as whoever is told may do at once */
    store_bed_run_all(&s.bed);
    EXPECT(s.failed != s.installed);
    EXPECT_EQ(store_log_end(s.bed.store), s.failed ? OLD_END : NEW_END);
    mem_disk_set_capacity(s.disk, UINT64_MAX);
    store_bed_close(&s.bed);
    story_end(&s);
}

TEST(a_disk_that_fills_fails_it_or_comes_too_late)
{
    for (int steps = 0; steps < 8; steps++)
        install_while_it_fills(1, steps);
    /* Here there is no room for its next segment just while meta is being written. */
    install_while_it_fills(24, 0);
}

TEST(a_damaged_history_is_forgotten_but_kept_until_there_is_a_snapshot)
{
    struct store_config config = as_member;
    struct rng rng = rng_seeded(5);
    struct story s;
    int names = 0;

    story_begin(&s, 5);
    store_bed_close(&s.bed);
    EXPECT(mem_disk_rot(s.disk, "/data/zkfs/txnlog/0000000000000001.log", DISK_PAGE + 100, 0xff));
    EXPECT_EQ(store_bed_open(&s.bed, &s.history, s.disk, &config), -EBADMSG);
    config.forget = true;
    EXPECT_EQ(store_bed_open(&s.bed, &s.history, s.disk, &config), 0);
    EXPECT(store_no_vote(s.bed.store));
    EXPECT_EQ(store_log_end(s.bed.store), 0);
    store_bed_close(&s.bed);

    config.forget = false;
    EXPECT_EQ(store_bed_open(&s.bed, &s.history, s.disk, &config), 0);
    EXPECT(store_no_vote(s.bed.store));
    EXPECT(mem_disk_bytes(s.disk, "/data/zkfs/txnlog/0000000000000001.log", &(size_t){0}) != NULL);
    receive(&s, &rng);
    store_snap_install(s.bed.store, EPOCH, EPOCH, on_installed, &s);
    store_bed_run_all(&s.bed);
    expect_new(&s);
    store_bed_close(&s.bed);

    EXPECT_EQ(store_bed_open(&s.bed, &s.history, s.disk, &config), 0);
    expect_new(&s);
    EXPECT_EQ(disk_list(s.disk, "/data/zkfs", count_name, &names), 0);
    EXPECT_EQ(names, 2);
    store_bed_close(&s.bed);
    story_end(&s);
}

/* ---- power cuts ---- */

struct cutter {
    struct story *s;
    struct rng rng;
    uint64_t old_images, new_images, losses;
    char first_loss[1024];
};

static void loss(struct cutter *c, const char *what, const char *why)
{
    if (c->losses++ == 0)
        (void)snprintf(c->first_loss, sizeof c->first_loss, "call %" PRIu64 ": %s: %s",
                       mem_disk_calls(c->s->disk), what, why);
}

static void check_image(void *arg, struct disk *image)
{
    struct cutter *c = arg;
    struct store_bed found;
    bool is_new;
    zk_zxid end;

    if (store_bed_open(&found, &c->s->history, image, &as_member) < 0) {
        loss(c, "cannot open", found.why.text);
        return;
    }
    is_new = store_accepted_epoch(found.store) == EPOCH;
    end = store_log_end(found.store);
    c->new_images += is_new;
    c->old_images += !is_new;
    if (!store_bed_is_right(&found))
        loss(c, "wrong state", "");
    else if (is_new && (end != NEW_END || tree_zxid(store_tree(found.store)) != SNAP ||
                        store_no_vote(found.store)))
        loss(c, "not the whole new state", "");
    else if (!is_new && (end != OLD_END || c->s->installed || !store_no_vote(found.store)))
        loss(c, "the old state, but not as it was, or too late", "");
    store_free(found.store);
}

static void cut_here(void *arg)
{
    struct cutter *c = arg;

    mem_disk_cut(c->s->disk, &c->rng, 6, check_image, c);
}

static void run_and_cut(struct cutter *c, uint64_t seed, bool ignore_sync)
{
    struct rng rng = rng_seeded(seed);
    struct story s;

    story_begin(&s, seed);
    *c = (struct cutter){.s = &s, .rng = rng_seeded(seed + 1)};
    mem_disk_ignore_sync(s.disk, ignore_sync);
    mem_disk_on_call(s.disk, cut_here, c);
    s.slow_checkpoint = seed % 2 == 0;
    receive(&s, &rng);
    store_snap_install(s.bed.store, EPOCH, EPOCH, on_installed, &s);
    if (s.slow_checkpoint)
        step_worker_run_all(&s.bed.log_worker);
    store_bed_run_all(&s.bed);
    EXPECT(s.installed);
    mem_disk_on_call(s.disk, NULL, NULL);
    store_free(s.bed.store);
    story_end(&s);
}

TEST(a_power_cut_at_any_call_leaves_the_old_state_or_all_of_the_new_one)
{
    struct cutter c;

    for (uint64_t seed = 1; seed <= 60; seed++) {
        run_and_cut(&c, seed, false);
        EXPECT_STR(c.first_loss, "");
        EXPECT(c.old_images > 100 && c.new_images > 20);
    }
}

TEST(without_sync_the_same_cuts_find_losses)
{
    struct cutter c;

    run_and_cut(&c, 1, true);
    EXPECT(c.losses > 0);
}
