/* store_bed: see store_bed.h. */
#include "tests/support/store_bed.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "store/apply.h"
#include "tests/support/mem_checkpoint.h"
#include "tests/support/tree_dump.h"

#include <stdlib.h>

static const struct hash_key bed_key = {.k0 = 5, .k1 = 6};

/* ---- history ---- */

uint64_t tree_state(const struct tree *tree)
{
    static const struct hash_key plain = {0, 0};
    struct buf text = {0};
    uint64_t hash;

    tree_dump(tree, &text);
    hash = hash_bytes(&plain, text.data, text.len);
    buf_done(&text);
    return hash;
}

void history_init(struct history *history, uint64_t seed)
{
    *history = (struct history){
        .maker = {.rng = rng_seeded(seed)},
        .tree = tree_new(&bed_key),
        .cap = 4096,
    };
    history->txns = xcalloc(history->cap, sizeof *history->txns);
    history->states = xcalloc(history->cap, sizeof *history->states);
    history->states[0] = tree_state(history->tree);
}

void history_done(struct history *history)
{
    for (size_t i = 0; i < history->cap; i++)
        blob_unref(history->txns[i]);
    free(history->txns);
    free(history->states);
    tree_free(history->tree);
    txn_make_done(&history->maker);
}

struct blob *history_txn(struct history *history, zk_zxid zxid)
{
    struct buf b = {0};
    struct txn txn;

    ASSERT((size_t)zxid < history->cap);
    if (history->txns[zxid] != NULL)
        return history->txns[zxid];
    ASSERT(zxid == tree_zxid(history->tree) + 1);
    arena_reset(&history->maker.arena);
    txn = txn_random(&history->maker);
    txn.hdr.zxid = zxid; /* the parts of a multi have counted, too */
    txn.has_digest = false;
    (void)tree_apply(history->tree, &txn, NULL);
    txn.has_digest = true;
    txn.digest = (struct zk_txn_digest){DIGEST_VERSION, (int64_t)tree_digest(history->tree)};
    txn_encode(&b, &txn);
    history->txns[zxid] = blob_copy(b.data, b.len);
    history->states[zxid] = tree_state(history->tree);
    buf_done(&b);
    return history->txns[zxid];
}

/* ---- a server ---- */

void store_bed_commit(struct store_bed *bed, zk_zxid zxid)
{
    struct arena arena = {0};

    for (zk_zxid z = tree_zxid(store_tree(bed->store)) + 1; z <= zxid; z++) {
        const struct blob *blob = history_txn(bed->history, z);
        struct txn txn;
        bool is_txn = txn_decode(blob->data, blob->len, &arena, &txn);

        ASSERT(is_txn);
        (void)tree_apply(store_tree(bed->store), &txn, NULL);
    }
    arena_done(&arena);
    ASSERT(tree_digest_mismatches(store_tree(bed->store)) == 0);
    store_committed(bed->store, zxid);
    store_applied(bed->store, zxid);
}

/* As a server of one: what is durable is committed, and applied. */
static void on_durable(void *arg, zk_zxid zxid)
{
    struct store_bed *bed = arg;

    bed->durable = zxid;
    if (!bed->member)
        store_bed_commit(bed, zxid);
}

int store_bed_open(struct store_bed *bed, struct history *history, struct disk *disk,
                   const struct store_config *config)
{
    struct store_config full = *config;
    struct store_events events = {.arg = bed, .durable = on_durable};
    struct store_base base = {
        .disk = disk,
        .log_worker = &bed->log_worker.base,
        .checkpoint_worker = &bed->checkpoint_worker.base,
    };
    int rc;

    if (full.segment_bytes == 0)
        full.segment_bytes = (uint64_t)8 * DISK_PAGE;
    if (full.log_retain_bytes == 0)
        full.log_retain_bytes = (uint64_t)8 * DISK_PAGE;
    if (full.checkpoint_after_bytes == 0)
        full.checkpoint_after_bytes = (uint64_t)12 * DISK_PAGE;
    if (full.checkpoints == NULL)
        full.checkpoints = &mem_checkpoint;
    if (full.data_dir == NULL)
        full.data_dir = "/data";
    full.key = bed_key;
    *bed = (struct store_bed){.history = history, .member = config->member};
    step_worker_init(&bed->log_worker);
    step_worker_init(&bed->checkpoint_worker);
    rc = store_open(&full, &base, &events, &bed->store, &bed->why);
    if (rc == 0)
        bed->durable = store_durable(bed->store);
    return rc;
}

void store_bed_append(struct store_bed *bed, size_t count)
{
    for (size_t i = 0; i < count; i++)
        store_append(bed->store, history_txn(bed->history, store_log_end(bed->store) + 1));
}

void store_bed_step(struct store_bed *bed, struct rng *rng)
{
    (void)step_worker_run(rng_below(rng, 3) == 0 ? &bed->checkpoint_worker : &bed->log_worker);
}

void store_bed_run_all(struct store_bed *bed)
{
    bool more;

    do {
        more = step_worker_run(&bed->log_worker);
        more = step_worker_run(&bed->checkpoint_worker) || more;
    } while (more);
}

static void on_closed(void *arg)
{
    ((struct store_bed *)arg)->closed = true;
}

void store_bed_close(struct store_bed *bed)
{
    store_close(bed->store, on_closed, bed);
    ASSERT(!bed->closed);
    store_bed_run_all(bed);
    ASSERT(bed->closed);
    store_free(bed->store);
    bed->store = NULL;
}

bool store_bed_is_right(const struct store_bed *bed)
{
    const struct tree *tree = store_tree(bed->store);

    return (bed->member || tree_zxid(tree) == store_log_end(bed->store)) &&
           tree_state(tree) == bed->history->states[tree_zxid(tree)];
}
