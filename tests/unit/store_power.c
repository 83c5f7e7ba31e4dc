/* A store whose power is cut at every call to the disk: log, checkpoint and meta
 * together. Each time, the server that starts from what is left has everything
 * acknowledged, in exactly the state after its last txn, and goes on. */
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "tests/support/mem_disk.h"
#include "tests/support/store_bed.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct store_config defaults = {0};

struct cutter {
    struct store_bed *bed;
    struct disk *disk;
    struct rng rng;
    zk_zxid must_have;
    uint64_t images, losses;
    char first_loss[1024];
};

static void loss(struct cutter *c, const char *what, zk_zxid found, const char *why)
{
    if (c->losses++ == 0)
        (void)snprintf(c->first_loss, sizeof c->first_loss,
                       "call %" PRIu64 ": %s: acknowledged %" PRId64 ", found %" PRId64 ": %s",
                       mem_disk_calls(c->disk), what, c->must_have, found, why);
}

static void check_image(void *arg, struct disk *image)
{
    struct cutter *c = arg;
    struct store_bed found;
    zk_zxid end;

    c->images++;
    if (store_bed_open(&found, c->bed->history, image, &defaults) < 0) {
        loss(c, "cannot open", 0, found.why.text);
        return;
    }
    end = store_log_end(found.store);
    if (end < c->must_have || (c->bed->store != NULL && end > store_log_end(c->bed->store)))
        loss(c, "wrong end", end, "");
    else if (!store_bed_is_right(&found))
        loss(c, "wrong state", end, "");
    store_free(found.store);
}

static void cut_here(void *arg)
{
    struct cutter *c = arg;

    /* What was acknowledged before the store was opened, or since. */
    if (c->bed->durable > c->must_have)
        c->must_have = c->bed->durable;
    mem_disk_cut(c->disk, &c->rng, 5, check_image, c);
}

/* A server's life: born, killed and started again, closed and started again. */
static void live(struct store_bed *bed, struct history *history, struct disk *disk, struct rng *rng)
{
    for (int life = 0; life < 3; life++) {
        zk_zxid until;

        EXPECT_EQ(store_bed_open(bed, history, disk, &defaults), 0);
        EXPECT(store_bed_is_right(bed));
        until = store_log_end(bed->store) + 70;
        while (store_log_end(bed->store) < until) {
            store_bed_append(bed, 1 + rng_below(rng, 5));
            for (uint64_t steps = rng_below(rng, 8); steps > 0; steps--)
                store_bed_step(bed, rng);
        }
        if (life != 0)
            store_bed_close(bed);
        else { /* killed: the kernel still has what it was given */
            struct store_stats stats;

            store_stats(bed->store, &stats);
            EXPECT(stats.checkpoint_count > 0); /* or nothing of it was cut */
            store_free(bed->store);
        }
        bed->store = NULL;
    }
}

static void run_and_cut(struct cutter *c, uint64_t seed, bool ignore_sync)
{
    struct disk *disk = mem_disk_new();
    struct rng rng = rng_seeded(seed);
    struct store_bed bed = {0};
    struct history history;

    log_set_level(LOG_LEVEL_ERROR);
    history_init(&history, seed);
    bed.history = &history;
    *c = (struct cutter){.bed = &bed, .disk = disk, .rng = rng_seeded(seed + 1)};
    mem_disk_ignore_sync(disk, ignore_sync);
    mem_disk_on_call(disk, cut_here, c);
    live(&bed, &history, disk, &rng);
    mem_disk_free(disk);
    history_done(&history);
}

TEST(a_power_cut_at_any_call_leaves_every_acknowledged_txn_and_the_exact_state)
{
    struct cutter c;

    for (uint64_t seed = 1; seed <= 2; seed++) {
        run_and_cut(&c, seed, false);
        EXPECT_STR(c.first_loss, "");
        EXPECT(c.images > 1000);
    }
}

TEST(without_sync_the_same_cuts_find_losses)
{
    struct cutter c;

    run_and_cut(&c, 1, true);
    EXPECT(c.losses > 0);
}
