/* store_snap: a state that comes from another server. It is built beside the one in
 * force, with a checkpoint and a run of the log of its own, and takes its place with one
 * write of meta; before that write a power cut leaves the old state, after it the new.
 *
 *     loop          bytes ──> tree        txns ──> log of the stage     meta ──> swap
 *     checkpoint    (received) all rows ──> checkpoint-GEN, committed ─┐  ^
 *     log           empty run ──> txnlog-GEN, txns ──> durable ────────┴──┘
 *
 * Each attempt has a generation of its own, so that a dropped one, which may still have
 * jobs under way, is in nobody's way. After the swap the stage holds what was in force,
 * and goes the way of a dropped one: jobs end, then its files and its tree go. */
#include "store/store_snap_state.h"

#include "proto/base/assert.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/txn.h"
#include "store/freeze.h"
#include "store/stream_load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

char *store_log_dir(const struct store *s, uint64_t generation)
{
    if (generation == 1)
        return xasprintf("%s/txnlog", s->log_root);
    return xasprintf("%s/txnlog-%" PRIu64, s->log_root, generation);
}

char *store_checkpoint_dir(const struct store *s, uint64_t generation)
{
    return xasprintf("%s/checkpoint-%" PRIu64, s->dir, generation);
}

/* ---- the switch ---- */

static void meta_work(struct job *job)
{
    struct snap_stage *stage = CONTAINER_OF(job, struct snap_stage, meta_job);
    struct store *s = stage->store;
    struct errtext why;

    /* The names of what meta is about to name, first. */
    stage->meta_rc = disk_sync_dir(s->base.disk, s->dir);
    if (stage->meta_rc == 0)
        stage->meta_rc = disk_sync_dir(s->base.disk, s->log_root);
    if (stage->meta_rc < 0)
        die("cannot sync %s: %s; nothing more can be made durable here", s->dir,
            strerror(-stage->meta_rc));
    stage->meta_rc =
        meta_replace(s->base.disk, s->dir, stage->meta_bytes.data, stage->meta_bytes.len, &why);
    if (stage->meta_rc < 0 && stage->meta_rc != -ENOSPC && stage->meta_rc != -EDQUOT)
        die("%s; nothing more can be made durable here", why.text);
}

#define SWAP(type, a, b)     \
    do {                     \
        type swapped_ = (a); \
        (a) = (b);           \
        (b) = swapped_;      \
    } while (0)

/* The stage gets what was in force. */
static void swap(struct snap_stage *stage)
{
    struct store *s = stage->store;
    struct txnlog_events in_force = store_log_events(s), out = snap_stage_events(stage);
    uint64_t generation = s->meta.generation;

    s->meta = stage->meta;
    SWAP(struct tree *, s->tree, stage->tree);
    SWAP(struct txnlog *, s->log, stage->log);
    SWAP(struct checkpoint *, s->checkpoint, stage->checkpoint);
    txnlog_redirect(s->log, &in_force);
    txnlog_redirect(stage->log, &out);
    free(s->log_dir);
    s->log_dir = store_log_dir(s, s->meta.generation);
    stage->generation = generation;
    tail_done(&s->tail);
    s->checkpoint_zxid = stage->zxid;
    s->checkpoint_bytes = stage->bytes;
    s->checkpoint_written = 0;
    s->checkpoint_txns = s->txns;
    s->txns += stage->txns;
    store_trim_log(s);
}

static void meta_done_cb(struct job *job)
{
    struct snap_stage *stage = CONTAINER_OF(job, struct snap_stage, meta_job);
    struct store *s = stage->store;
    struct errtext why;

    stage->switching = stage->installing = false;
    if (stage->meta_rc < 0) {
        errtext_set(&why, stage->meta_rc, "no space for meta");
        snap_stage_fail(stage, &why);
        snap_stage_check(stage);
        return;
    }
    swap(stage);
    log_info("store: snapshot installed: zxid=0x%" PRIx64 " end=0x%" PRIx64 " generation=%" PRIu64,
             (uint64_t)stage->zxid, (uint64_t)txnlog_end(s->log), s->meta.generation);
    stage->installed(stage->installed_arg);
    store_snap_drop(s);
}

static bool may_switch(const struct snap_stage *stage)
{
    const struct store *s = stage->store;

    return stage->installing && !stage->switching && !stage->has_failed && stage->committed &&
           stage->log != NULL && txnlog_durable(stage->log) == txnlog_end(stage->log) &&
           !s->run.running && list_empty(&s->meta_writes);
}

static void switch_meta(struct snap_stage *stage)
{
    struct store *s = stage->store;
    zk_epoch accepted = stage->meta.accepted_epoch, current = stage->meta.current_epoch;

    stage->switching = true;
    stage->meta = s->meta;
    stage->meta.accepted_epoch = accepted;
    stage->meta.current_epoch = current;
    stage->meta.generation = stage->generation;
    stage->meta.log_run = stage->run;
    stage->meta.log_first = stage->zxid + 1;
    stage->meta.no_vote = false;
    stage->meta.provisional = true;
    meta_encode(&stage->meta_bytes, &stage->meta);
    worker_submit(s->base.log_worker, &stage->meta_job);
}

/* Something has ended: goes on with what may begin now. */
void snap_stage_check(struct snap_stage *stage)
{
    if (stage->dropped)
        snap_check_dropped(stage);
    else if (may_switch(stage))
        switch_meta(stage);
}

void store_snap_check(struct store *s)
{
    if (s->stage != NULL)
        snap_stage_check(s->stage);
}

bool store_snap_installing(const struct store *s)
{
    return s->stage != NULL && s->stage->installing;
}

/* ---- the header's functions ---- */

void store_snap_begin(struct store *s, zk_zxid zxid, store_snap_cb failed, void *arg)
{
    struct snap_stage *stage = xcalloc(1, sizeof *stage);

    ASSERT(s->stage == NULL && !s->closing);
    if (s->last_generation < s->meta.generation)
        s->last_generation = s->meta.generation;
    *stage = (struct snap_stage){
        .store = s,
        .zxid = zxid,
        .generation = ++s->last_generation,
        .failed = failed,
        .failed_arg = arg,
        .load = stream_load_new(&s->key, zxid),
        .make_job = {.work = snap_make_work, .done = snap_make_done},
        .put_job = {.work = snap_put_work, .done = snap_put_done},
        .meta_job = {.work = meta_work, .done = meta_done_cb},
        .drop_job = {.work = snap_drop_work, .done = snap_drop_done},
        .remove_job = {.work = snap_remove_work, .done = snap_remove_done},
        .making = true,
    };
    stage->run = hash_u64(s->meta.log_run + stage->generation);
    list_push_back(&s->stages, &stage->link);
    s->stage = stage;
    worker_submit(s->base.log_worker, &stage->make_job);
}

int store_snap_feed(struct store *s, const void *data, size_t len, size_t *ret_used,
                    struct errtext *why)
{
    struct snap_stage *stage = s->stage;
    int rc;

    ASSERT(stage != NULL && stage->tree == NULL);
    rc = stream_load_feed(stage->load, data, len, ret_used, why);
    if (rc <= 0)
        return rc;
    stage->tree = stream_load_take(stage->load);
    stage->digest = tree_digest(stage->tree);
    tree_freeze_begin(stage->tree, FREEZE_ALL);
    snap_put_slice(stage);
    return 1;
}

void store_snap_stage(struct store *s, struct blob *txn)
{
    struct snap_stage *stage = s->stage;

    ASSERT(stage != NULL && !stage->installing);
    stage->txns++;
    if (stage->log != NULL) {
        txnlog_append(stage->log, txn_zxid(txn->data), txn);
        return;
    }
    if (stage->early_count == stage->early_cap) {
        stage->early_cap = stage->early_cap == 0 ? 64 : 2 * stage->early_cap;
        stage->early = xrealloc(stage->early, stage->early_cap * sizeof *stage->early);
    }
    stage->early[stage->early_count++] = blob_ref(txn);
}

void store_snap_install(struct store *s, zk_epoch accepted, zk_epoch current, store_snap_cb done,
                        void *arg)
{
    struct snap_stage *stage = s->stage;

    ASSERT(stage != NULL && stage->tree != NULL && !stage->installing);
    ASSERT(current <= accepted);
    stage->installing = true;
    stage->meta.accepted_epoch = accepted;
    stage->meta.current_epoch = current;
    stage->installed = done;
    stage->installed_arg = arg;
    snap_stage_check(stage);
}

void store_snap_drop(struct store *s)
{
    struct snap_stage *stage = s->stage;

    if (stage == NULL)
        return;
    ASSERT(!stage->switching);
    stage->dropped = true;
    s->stage = NULL;
    if (stage->log != NULL)
        txnlog_stop(stage->log);
    /* Not at once: it may be the log that has called. */
    stage->dropping = true;
    worker_submit(s->base.log_worker, &stage->drop_job);
}

bool store_snap_switching(const struct store *s)
{
    return s->stage != NULL && s->stage->switching;
}

void store_snap_free_all(struct store *s)
{
    while (!list_empty(&s->stages))
        snap_stage_free(CONTAINER_OF(s->stages.next, struct snap_stage, link));
}
