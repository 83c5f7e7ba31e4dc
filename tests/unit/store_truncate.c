/* Truncating the log: what is after a zxid goes for good, what is before it stays,
 * whenever the power fails. Txns that come later have the zxids, sequence numbers and
 * segments of those that went, and other bytes. */
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
#include <string.h>

#define DIR "/log"
#define SEGMENT (8 * DISK_PAGE)
#define TXN_MIN 32
#define ZXID_AT 12
#define LIFE_AT 4
#define HISTORY_MAX 4096

static const struct txnlog_config config = {
    .dir = DIR, .segment_bytes = SEGMENT, .run = 0x4321, .first = 1, .window_bytes = 1 << 20};

/* What should be in the log. Each txn ever made has a LIFE of its own in its bytes. */
struct model {
    struct {
        zk_zxid zxid;
        uint32_t life;
    } txns[HISTORY_MAX];
    size_t count;
};

struct bed {
    struct disk *disk;
    struct step_worker worker;
    struct txnlog *log;
    struct model now, old; /* OLD: before the truncation that is under way */
    uint32_t lives;
    zk_zxid durable;
    bool cutting;
    zk_zxid cut;
    uint64_t cuts;
    struct errtext why;
    /* while opening */
    struct model found;
};

static size_t txn_len(uint32_t life)
{
    uint64_t h = hash_u64(life);

    return h % 5 == 0 ? TXN_MIN + h % 9000 : TXN_MIN + h % 200;
}

static struct blob *txn_new(zk_zxid zxid, uint32_t life)
{
    struct blob *txn = blob_new(txn_len(life));

    memset(txn->data, (int)life, txn->len);
    store_be64(txn->data + ZXID_AT, (uint64_t)zxid);
    store_be32(txn->data + LIFE_AT, life);
    return txn;
}

static void on_durable(void *arg, zk_zxid zxid)
{
    struct bed *bed = arg;

    EXPECT(zxid > bed->durable);
    EXPECT(!bed->cutting || zxid <= bed->cut);
    bed->durable = zxid;
}

static void on_full(void *arg, bool full)
{
    (void)arg;
    (void)full;
}

static void on_idle(void *arg)
{
    (void)arg;
}

static int on_replay(void *arg, zk_zxid zxid, const uint8_t *txn, size_t len, struct errtext *why)
{
    struct bed *bed = arg;
    struct model *found = &bed->found;
    uint32_t life = load_be32(txn + LIFE_AT);

    if (len != txn_len(life) || (len > TXN_MIN && txn[len - 1] != (uint8_t)life))
        return errtext_set(why, -EBADMSG, "bytes that were never written");
    found->txns[found->count].zxid = zxid;
    found->txns[found->count++].life = life;
    return 0;
}

static int bed_open(struct bed *bed, struct disk *disk)
{
    struct txnlog_events events = {
        .arg = bed, .durable = on_durable, .full = on_full, .idle = on_idle};
    int rc;

    *bed = (struct bed){.disk = disk};
    step_worker_init(&bed->worker);
    rc = txnlog_open(disk, &bed->worker.base, &config, &events, 0, on_replay, bed, &bed->log,
                     &bed->why);
    if (rc < 0)
        return rc;
    bed->now = bed->found;
    bed->durable = txnlog_end(bed->log);
    return 0;
}

static struct disk *new_disk(void)
{
    struct disk *disk = mem_disk_new();
    struct errtext why;

    EXPECT_EQ(disk_mkdir_path(disk, DIR), 0);
    EXPECT_EQ(txnlog_create(disk, &config, &why), 0);
    return disk;
}

static void append_one(struct bed *bed, zk_zxid zxid)
{
    struct model *now = &bed->now;
    struct blob *txn = txn_new(zxid, ++bed->lives);

    EXPECT(now->count < HISTORY_MAX);
    now->txns[now->count].zxid = zxid;
    now->txns[now->count++].life = bed->lives;
    txnlog_append(bed->log, zxid, txn);
    blob_unref(txn);
}

static void append(struct bed *bed, size_t count)
{
    for (size_t i = 0; i < count; i++)
        append_one(bed, txnlog_end(bed->log) + 1);
}

static void on_cut(void *arg)
{
    struct bed *bed = arg;

    EXPECT(bed->cutting);
    bed->cutting = false;
    bed->cuts++;
}

static void truncate_to(struct bed *bed, zk_zxid zxid)
{
    bed->old = bed->now;
    while (bed->now.count > 0 && bed->now.txns[bed->now.count - 1].zxid > zxid)
        bed->now.count--;
    bed->cutting = true;
    bed->cut = zxid;
    if (bed->durable > zxid)
        bed->durable = zxid;
    txnlog_truncate(bed->log, zxid, on_cut, bed);
    EXPECT(bed->cutting); /* never from inside the call */
}

static bool is_prefix(const struct model *found, const struct model *of)
{
    return found->count <= of->count &&
           (found->count == 0 ||
            memcmp(found->txns, of->txns, found->count * sizeof found->txns[0]) == 0);
}

static zk_zxid end_of(const struct model *model)
{
    return model->count == 0 ? 0 : model->txns[model->count - 1].zxid;
}

/* ---- stories ---- */

static void expect_found(struct bed *bed)
{
    static struct bed again;

    EXPECT_EQ(bed_open(&again, bed->disk), 0);
    EXPECT_EQ(again.found.count, bed->now.count);
    EXPECT(is_prefix(&again.found, &bed->now));
    txnlog_free(again.log);
}

TEST(what_is_after_the_zxid_goes_and_the_log_goes_on_behind_it)
{
    static struct bed bed;
    struct disk *disk = new_disk();

    EXPECT_EQ(bed_open(&bed, disk), 0);
    /* One batch each, so that the cut falls into the middle of a batch, then between two. */
    for (int i = 0; i < 5; i++) {
        append(&bed, 7);
        step_worker_run_all(&bed.worker);
    }
    truncate_to(&bed, 31);
    EXPECT_EQ(txnlog_end(bed.log), 31);
    append(&bed, 2);
    step_worker_run_all(&bed.worker);
    EXPECT_EQ(bed.cuts, 1);
    EXPECT_EQ(bed.durable, 33);
    expect_found(&bed);

    truncate_to(&bed, 14);
    step_worker_run_all(&bed.worker);
    expect_found(&bed);
    append_one(&bed, zxid_make(1, 1));
    append(&bed, 30);
    step_worker_run_all(&bed.worker);
    expect_found(&bed);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(later_segments_go_as_well)
{
    static struct bed bed;
    struct disk *disk = new_disk();

    EXPECT_EQ(bed_open(&bed, disk), 0);
    for (int i = 0; i < 40; i++) {
        append(&bed, 3);
        step_worker_run_all(&bed.worker);
    }
    EXPECT(txnlog_disk_bytes(bed.log) > 6 * SEGMENT);
    truncate_to(&bed, 5);
    step_worker_run_all(&bed.worker);
    EXPECT_EQ(txnlog_disk_bytes(bed.log), 3 * SEGMENT); /* it, spare and ballast */
    expect_found(&bed);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

struct watch {
    struct disk *disk;
    int names;
};

static void count_name(void *arg, const char *name)
{
    (void)name;
    ++*(int *)arg;
}

static void on_call(void *arg)
{
    const struct watch *watch = arg;
    int names = 0;

    EXPECT_EQ(disk_list(watch->disk, DIR, count_name, &names), 0);
    if (names < watch->names)
        test_exit_alive(); /* something has been deleted */
}

/* Without the later segments it would be taken for a torn tail at the next start. */
TEST(rot_in_what_stays_is_noticed_before_anything_goes)
{
    static struct bed bed;
    struct watch watch = {.disk = new_disk()};

    EXPECT_EQ(bed_open(&bed, watch.disk), 0);
    for (int i = 0; i < 40; i++) {
        append(&bed, 3);
        step_worker_run_all(&bed.worker);
    }
    EXPECT(mem_disk_rot(watch.disk, DIR "/0000000000000001.log", DISK_PAGE + 80, 0x55));
    EXPECT_EQ(disk_list(watch.disk, DIR, count_name, &watch.names), 0);
    mem_disk_on_call(watch.disk, on_call, &watch);
    truncate_to(&bed, 5);
    EXPECT_ABORT(step_worker_run_all(&bed.worker));
    txnlog_free(bed.log);
    mem_disk_free(watch.disk);
}

TEST(everything_may_go_down_to_what_the_run_follows)
{
    static struct bed bed;
    struct disk *disk = new_disk();

    EXPECT_EQ(bed_open(&bed, disk), 0);
    append(&bed, 20);
    step_worker_run_all(&bed.worker);
    EXPECT(txnlog_has(bed.log, 0));
    truncate_to(&bed, 0);
    step_worker_run_all(&bed.worker);
    EXPECT_EQ(txnlog_end(bed.log), 0);
    expect_found(&bed);
    append_one(&bed, zxid_make(3, 1));
    step_worker_run_all(&bed.worker);
    expect_found(&bed);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(only_a_txn_that_is_there_can_be_the_last_one)
{
    static struct bed bed;
    struct disk *disk = new_disk();

    EXPECT_EQ(bed_open(&bed, disk), 0);
    append(&bed, 5);
    append_one(&bed, zxid_make(2, 1));
    append(&bed, 2);
    EXPECT(txnlog_has(bed.log, 5));
    EXPECT(!txnlog_has(bed.log, 6));
    EXPECT(!txnlog_has(bed.log, zxid_make(1, 1)));
    EXPECT(!txnlog_has(bed.log, zxid_make(2, 0)));
    EXPECT(txnlog_has(bed.log, zxid_make(2, 3)));
    EXPECT(!txnlog_has(bed.log, zxid_make(2, 4)));
    truncate_to(&bed, zxid_make(2, 1));
    EXPECT(!txnlog_has(bed.log, zxid_make(2, 2)));
    step_worker_run_all(&bed.worker);
    txnlog_free(bed.log);

    EXPECT_EQ(bed_open(&bed, disk), 0);
    EXPECT(txnlog_has(bed.log, 5));
    EXPECT(!txnlog_has(bed.log, 6));
    EXPECT(txnlog_has(bed.log, zxid_make(2, 1)));
    EXPECT(!txnlog_has(bed.log, zxid_make(2, 2)));
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(what_is_queued_or_under_way_is_never_named_durable_once_it_has_gone)
{
    static struct bed bed;
    struct disk *disk = new_disk();

    EXPECT_EQ(bed_open(&bed, disk), 0);
    append(&bed, 3);
    step_worker_run_all(&bed.worker);
    append(&bed, 4); /* the first of them is under way, the rest queued */
    truncate_to(&bed, 3);
    append(&bed, 2);
    step_worker_run_all(&bed.worker);
    EXPECT_EQ(bed.durable, 5);
    EXPECT_EQ(txnlog_queued(bed.log), 0);
    expect_found(&bed);

    append(&bed, 4); /* one stays of those in the queue */
    truncate_to(&bed, 7);
    step_worker_run_all(&bed.worker);
    EXPECT_EQ(bed.durable, 7);
    expect_found(&bed);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(on_a_full_disk_the_reserve_is_used_to_truncate)
{
    static struct bed bed;
    struct disk *disk = new_disk();

    EXPECT_EQ(bed_open(&bed, disk), 0);
    append(&bed, 3);
    step_worker_run_all(&bed.worker);
    mem_disk_set_capacity(disk, mem_disk_used(disk));
    for (int i = 0; i < 2; i++) {
        append(&bed, 5);
        step_worker_run_all(&bed.worker);
        truncate_to(&bed, 2);
        step_worker_run_all(&bed.worker);
        EXPECT(!bed.cutting);
    }
    expect_found(&bed);
    txnlog_free(bed.log);
    mem_disk_free(disk);
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
                       "call %" PRIu64 ": %s: acknowledged 0x%" PRIx64 ", found 0x%" PRIx64 ": %s",
                       mem_disk_calls(c->bed->disk), what, (uint64_t)c->bed->durable,
                       (uint64_t)found, why);
}

/* What was acknowledged and is not asked to go is there; what went is not, once that was
 * reported; nothing else is; and the log goes on. */
static void check_image(void *arg, struct disk *image)
{
    struct cutter *c = arg;
    static struct bed found, again;

    c->images++;
    if (bed_open(&found, image) < 0) {
        loss(c, "cannot open", 0, found.why.text);
        return;
    }
    if (end_of(&found.now) < c->bed->durable)
        loss(c, "too short", end_of(&found.now), "");
    else if (!is_prefix(&found.now, &c->bed->now) &&
             !(c->bed->cutting && is_prefix(&found.now, &c->bed->old)))
        loss(c, "wrong txns", end_of(&found.now), "");
    found.lives = 1000000;
    append(&found, 3);
    step_worker_run_all(&found.worker);
    txnlog_free(found.log);
    if (bed_open(&again, image) < 0)
        loss(c, "cannot go on", end_of(&found.now), again.why.text);
    else if (again.now.count != found.now.count || !is_prefix(&again.now, &found.now))
        loss(c, "it does not go on", end_of(&again.now), "");
    txnlog_free(again.log);
}

static void cut_here(void *arg)
{
    struct cutter *c = arg;

    mem_disk_cut(c->bed->disk, &c->rng, 6, check_image, c);
}

static void one_action(struct bed *bed, struct rng *rng)
{
    const struct model *now = &bed->now;
    /* Mostly a little, sometimes several segments. */
    size_t most = rng_below(rng, 4) == 0 ? 100 : 12;
    size_t back = now->count < most ? now->count : most;

    switch (rng_below(rng, 8)) {
    case 0:
    case 1:
    case 2:
        if (rng_below(rng, 6) == 0)
            append_one(bed, zxid_make(zxid_epoch(txnlog_end(bed->log)) + 1, 1));
        else
            append(bed, 1 + rng_below(rng, 5));
        break;
    case 3:
        if (!bed->cutting && now->count > 0)
            truncate_to(bed, now->txns[now->count - 1 - rng_below(rng, back)].zxid);
        break;
    default:
        (void)step_worker_run(&bed->worker);
    }
}

static void run_and_cut(struct cutter *c, uint64_t seed, bool ignore_sync)
{
    static struct bed bed;
    struct disk *disk = new_disk();
    struct rng rng = rng_seeded(seed);

    EXPECT_EQ(bed_open(&bed, disk), 0);
    *c = (struct cutter){.bed = &bed, .rng = rng_seeded(seed + 1)};
    mem_disk_ignore_sync(disk, ignore_sync);
    mem_disk_on_call(disk, cut_here, c);
    for (int i = 0; i < 250; i++)
        one_action(&bed, &rng);
    step_worker_run_all(&bed.worker);
    EXPECT(bed.cuts > 10);
    txnlog_free(bed.log);
    mem_disk_free(disk);
}

TEST(a_power_cut_at_any_call_leaves_the_log_before_or_after_the_truncation)
{
    static struct cutter c;

    for (uint64_t seed = 1; seed <= 4; seed++) {
        run_and_cut(&c, seed, false);
        EXPECT_STR(c.first_loss, "");
        EXPECT(c.images > 500);
    }
}

TEST(without_sync_the_same_cuts_find_losses)
{
    static struct cutter c;

    run_and_cut(&c, 1, true);
    EXPECT(c.losses > 0);
}
