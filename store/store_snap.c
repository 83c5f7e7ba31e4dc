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
#include "store/store_snap.h"

#include "proto/base/assert.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/txn.h"
#include "store/freeze.h"
#include "store/stream.h"
#include "store/stream_load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What the loop serialises in one go. */
#define SLICE_BYTES ((size_t)256 * 1024)

struct snap_stage {
    struct list link; /* in store.stages */
    struct store *store;
    zk_zxid zxid;
    uint64_t generation, run;
    store_snap_cb failed, installed;
    void *failed_arg, *installed_arg;

    struct stream_load *load;
    struct tree *tree; /* once it was received */
    uint64_t digest;

    struct job make_job; /* of the empty run of the log; owns these while MAKING */
    struct disk_file *file;
    struct errtext make_why;

    struct txnlog *log;
    struct blob **early; /* txns that came before the log was there */
    size_t early_count, early_cap;
    uint64_t txns;

    struct job put_job; /* of a slice of the checkpoint; owns these while PUTTING */
    struct checkpoint *checkpoint;
    struct buf rows;
    uint64_t bytes; /* of the whole */
    struct errtext put_why;

    struct job meta_job; /* owns these while SWITCHING */
    struct meta meta;    /* its texts are the store's */
    struct buf meta_bytes;

    struct job drop_job; /* brings the end of a dropped one back to the loop */
    struct job remove_job;

    int make_rc, put_rc, meta_rc;
    bool making, putting, dropping, removing; /* the jobs that are under way */
    bool begun, last_slice, committed;        /* of the checkpoint */
    bool installing, switching;               /* asked for; meta is being written */
    bool has_failed, dropped;
};

static void check(struct snap_stage *stage);

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

static void fail(struct snap_stage *stage, const struct errtext *why)
{
    if (stage->has_failed || stage->dropped)
        return;
    log_warn("store: snapshot not taken: zxid=0x%" PRIx64 " cause=\"%s\"", (uint64_t)stage->zxid,
             why->text);
    stage->has_failed = true;
    stage->failed(stage->failed_arg);
}

/* ---- its log ---- */

static void on_durable(void *arg, zk_zxid zxid)
{
    struct snap_stage *stage = arg;

    (void)zxid;
    /* The log is not done with itself: that of a dropped one ends with on_idle. */
    if (!stage->dropped)
        check(stage);
}

static void on_full(void *arg, bool full)
{
    struct errtext why;

    (void)errtext_set(&why, -ENOSPC, "no space for its transaction log");
    /* While meta is being written it is too late, and no harm: all of it is durable. */
    if (full && !((struct snap_stage *)arg)->switching)
        fail(arg, &why);
}

static void on_idle(void *arg)
{
    check(arg);
}

static struct txnlog_events stage_events(struct snap_stage *stage)
{
    return (struct txnlog_events){
        .arg = stage,
        .durable = on_durable,
        .full = on_full,
        .idle = on_idle,
    };
}

static struct txnlog_config stage_log_config(const struct snap_stage *stage, const char *dir)
{
    return (struct txnlog_config){
        .dir = dir,
        .segment_bytes = stage->store->segment_bytes,
        .run = stage->run,
        .first = stage->zxid + 1,
    };
}

static void make_work(struct job *job)
{
    struct snap_stage *stage = CONTAINER_OF(job, struct snap_stage, make_job);
    struct disk *disk = stage->store->base.disk;
    char *dir = store_log_dir(stage->store, stage->generation);
    struct txnlog_config config = stage_log_config(stage, dir);

    (void)txnlog_remove(disk, dir, &stage->make_why); /* mostly there is none */
    stage->make_rc = disk_mkdir_path(disk, dir);
    if (stage->make_rc < 0)
        errtext_set(&stage->make_why, stage->make_rc, "cannot make %s: %s", dir,
                    strerror(-stage->make_rc));
    else
        stage->make_rc = txnlog_create_open(disk, &config, &stage->file, &stage->make_why);
    free(dir);
}

static void start_log(struct snap_stage *stage)
{
    struct store *s = stage->store;
    char *dir = store_log_dir(s, stage->generation);
    struct txnlog_config config = stage_log_config(stage, dir);
    struct txnlog_events events = stage_events(stage);

    stage->log = txnlog_start(s->base.disk, s->base.log_worker, &config, &events, stage->file);
    stage->file = NULL;
    for (size_t i = 0; i < stage->early_count; i++) {
        txnlog_append(stage->log, txn_zxid(stage->early[i]->data), stage->early[i]);
        blob_unref(stage->early[i]);
    }
    stage->early_count = 0;
    free(dir);
}

static void make_done(struct job *job)
{
    struct snap_stage *stage = CONTAINER_OF(job, struct snap_stage, make_job);

    stage->making = false;
    if (stage->make_rc < 0)
        fail(stage, &stage->make_why);
    else if (!stage->dropped)
        start_log(stage);
    check(stage);
}

/* ---- its checkpoint ---- */

static int put_step(struct snap_stage *stage, struct errtext *why)
{
    const struct checkpoint_ops *ops = stage->store->ops;
    int rc = 0;

    if (!stage->begun) {
        char *dir = store_checkpoint_dir(stage->store, stage->generation);

        (void)ops->remove(stage->store->base.disk, dir, why); /* mostly there is none */
        rc = ops->open(stage->store->base.disk, dir, &stage->checkpoint, why);
        if (rc == 0)
            rc = ops->begin(stage->checkpoint, why);
        stage->begun = true;
        free(dir);
    }
    if (rc == 0)
        rc = ops->put(stage->checkpoint, stage->rows.data, stage->rows.len, why);
    if (rc == 0 && stage->last_slice)
        rc = ops->commit(stage->checkpoint, stage->zxid, stage->digest, &stage->bytes, why);
    return rc;
}

static void put_work(struct job *job)
{
    struct snap_stage *stage = CONTAINER_OF(job, struct snap_stage, put_job);

    stage->put_rc = put_step(stage, &stage->put_why);
    if (stage->put_rc < 0 && stage->checkpoint != NULL)
        stage->store->ops->abort(stage->checkpoint);
}

static void put_slice(struct snap_stage *stage)
{
    stage->rows.len = 0;
    stage->last_slice = !tree_freeze_next(stage->tree, SLICE_BYTES, &stage->rows);
    stage->putting = true;
    worker_submit(stage->store->base.checkpoint_worker, &stage->put_job);
}

static void put_done(struct job *job)
{
    struct snap_stage *stage = CONTAINER_OF(job, struct snap_stage, put_job);

    stage->putting = false;
    if (stage->put_rc < 0) {
        fail(stage, &stage->put_why);
    } else if (stage->last_slice) {
        stage->committed = true;
        tree_freeze_end(stage->tree, true);
    } else if (!stage->dropped) {
        put_slice(stage);
    }
    check(stage);
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
    struct txnlog_events in_force = store_log_events(s), out = stage_events(stage);
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
        fail(stage, &why);
        check(stage);
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

/* ---- the end of a stage ---- */

/* What is left is of no use to anybody: files that stay do no harm. */
static void remove_work(struct job *job)
{
    struct snap_stage *stage = CONTAINER_OF(job, struct snap_stage, remove_job);
    struct store *s = stage->store;
    char *log_dir = store_log_dir(s, stage->generation);
    char *dir = store_checkpoint_dir(s, stage->generation);
    struct errtext why;

    if (stage->checkpoint != NULL)
        s->ops->close(stage->checkpoint);
    stage->checkpoint = NULL;
    (void)s->ops->remove(s->base.disk, dir, &why);
    (void)txnlog_remove(s->base.disk, log_dir, &why);
    /* Here, as it takes time in proportion to its size; it is nobody else's. */
    tree_free(stage->tree);
    stage->tree = NULL;
    free(log_dir);
    free(dir);
}

static void stage_free(struct snap_stage *stage)
{
    list_remove(&stage->link);
    stream_load_free(stage->load);
    tree_free(stage->tree);
    txnlog_free(stage->log);
    disk_close(stage->file);
    if (stage->checkpoint != NULL)
        stage->store->ops->close(stage->checkpoint);
    for (size_t i = 0; i < stage->early_count; i++)
        blob_unref(stage->early[i]);
    free(stage->early);
    buf_done(&stage->rows);
    buf_done(&stage->meta_bytes);
    free(stage);
}

static void remove_done(struct job *job)
{
    struct snap_stage *stage = CONTAINER_OF(job, struct snap_stage, remove_job);
    struct store *s = stage->store;

    stage_free(stage);
    store_check_closed(s);
}

static void check_dropped(struct snap_stage *stage)
{
    if (stage->dropping || stage->removing || stage->making || stage->putting ||
        (stage->log != NULL && !txnlog_idle(stage->log)))
        return;
    txnlog_free(stage->log);
    stage->log = NULL;
    if (stage->tree != NULL)
        tree_streams_abandon(stage->tree);
    stage->removing = true;
    worker_submit(stage->store->base.checkpoint_worker, &stage->remove_job);
}

static void drop_work(struct job *job)
{
    (void)job; /* only its turn counts */
}

static void drop_done(struct job *job)
{
    struct snap_stage *stage = CONTAINER_OF(job, struct snap_stage, drop_job);

    stage->dropping = false;
    check_dropped(stage);
}

/* Something has ended: goes on with what may begin now. */
static void check(struct snap_stage *stage)
{
    if (stage->dropped)
        check_dropped(stage);
    else if (may_switch(stage))
        switch_meta(stage);
}

void store_snap_check(struct store *s)
{
    if (s->stage != NULL)
        check(s->stage);
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
        .make_job = {.work = make_work, .done = make_done},
        .put_job = {.work = put_work, .done = put_done},
        .meta_job = {.work = meta_work, .done = meta_done_cb},
        .drop_job = {.work = drop_work, .done = drop_done},
        .remove_job = {.work = remove_work, .done = remove_done},
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
    put_slice(stage);
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
    check(stage);
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
        stage_free(CONTAINER_OF(s->stages.next, struct snap_stage, link));
}
