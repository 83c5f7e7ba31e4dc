/* store: see store.h. Opening is in recover.c, checkpoints in store_checkpoint.c. */
#include "store/store.h"

#include "proto/base/assert.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/txn.h"
#include "store/freeze.h"
#include "store/store_snap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that wait to be written when reading requests should stop. */
#define QUEUE_BYTES_MAX ((size_t)64 * 1024 * 1024)

struct tree *store_tree(struct store *store)
{
    return store->tree;
}

/* ---- the log ---- */

static void on_durable(void *arg, zk_zxid zxid)
{
    struct store *s = arg;

    s->events.durable(s->events.arg, zxid);
}

static void on_full(void *arg, bool full)
{
    struct store *s = arg;

    if (full) {
        log_error("store: no space for more transaction log: dir=%s; creating and setting znodes "
                  "is refused until there is",
                  s->log_dir);
        store_trim_log(s);
    } else {
        log_info("store: space for more transaction log again: dir=%s", s->log_dir);
    }
}

static void on_committed_found(void *arg, zk_zxid zxid)
{
    tail_commit(&((struct store *)arg)->tail, zxid);
}

static void on_idle(void *arg)
{
    store_check_closed(arg);
}

struct txnlog_events store_log_events(struct store *store)
{
    return (struct txnlog_events){
        .arg = store,
        .durable = on_durable,
        .full = on_full,
        .idle = on_idle,
        .committed_found = on_committed_found,
    };
}

void store_append(struct store *store, struct blob *txn)
{
    store->txns++;
    txnlog_append(store->log, txn_zxid(txn->data), txn);
}

int store_truncate(struct store *store, zk_zxid zxid, void (*done)(void *arg), void *arg)
{
    ASSERT(!store->closing);
    if (!txnlog_has(store->log, zxid))
        return -ENOENT;
    ASSERT(zxid >= tree_zxid(store->tree));
    txnlog_truncate(store->log, zxid, done, arg);
    return 0;
}

struct blob **store_entries(const struct store *store, zk_zxid *ret_base, size_t *ret_count)
{
    *ret_base = store->tail.base;
    *ret_count = store->tail.count;
    return store->tail.txns + store->tail.head;
}

void store_forget_entries(struct store *store)
{
    tail_done(&store->tail);
}

size_t store_txn_max(const struct store *store)
{
    return txnlog_txn_max(store->log);
}

zk_zxid store_log_end(const struct store *store)
{
    return txnlog_end(store->log);
}

zk_zxid store_durable(const struct store *store)
{
    return txnlog_durable(store->log);
}

void store_committed(struct store *store, zk_zxid zxid)
{
    txnlog_set_committed(store->log, zxid);
}

void store_applied(struct store *store, zk_zxid zxid)
{
    ASSERT(zxid == tree_zxid(store->tree));
    store_checkpoint_maybe(store);
}

void store_tick(struct store *store)
{
    txnlog_tick(store->log);
    store->checkpoint_held = false;
    store_checkpoint_maybe(store);
}

bool store_full(const struct store *store)
{
    return txnlog_full(store->log);
}

bool store_backlogged(const struct store *store)
{
    return txnlog_queued(store->log) > QUEUE_BYTES_MAX;
}

/* ---- meta ---- */

zk_epoch store_accepted_epoch(const struct store *store)
{
    return store->meta.accepted_epoch;
}

zk_epoch store_current_epoch(const struct store *store)
{
    return store->meta.current_epoch;
}

/* One replacement of meta: its bytes as of the call, so that the loop may go on
 * changing it. The log worker's order is the order of the calls. */
struct meta_write {
    struct list link; /* in store.meta_writes */
    struct job job;
    struct store *store;
    struct buf bytes;
    int rc;
    store_meta_cb done;
    void *arg;
};

static void meta_work(struct job *job)
{
    struct meta_write *write = CONTAINER_OF(job, struct meta_write, job);
    struct errtext why;

    write->rc = meta_replace(write->store->base.disk, write->store->dir, write->bytes.data,
                             write->bytes.len, &why);
    if (write->rc < 0 && write->rc != -ENOSPC && write->rc != -EDQUOT)
        die("%s; nothing more can be made durable here", why.text);
}

static void meta_write_free(struct meta_write *write)
{
    buf_done(&write->bytes);
    free(write);
}

static void meta_written(struct job *job)
{
    struct meta_write *write = CONTAINER_OF(job, struct meta_write, job);
    struct store *s = write->store;

    list_remove(&write->link);
    write->done(write->arg, write->rc == -EDQUOT ? -ENOSPC : write->rc);
    meta_write_free(write);
    store_snap_check(s);
    store_check_closed(s);
}

static void write_meta(struct store *store, store_meta_cb done, void *arg)
{
    struct meta_write *write = xcalloc(1, sizeof *write);

    ASSERT(!store->closing);
    if (!tree_provisional(store->tree))
        store->meta.provisional = false;
    *write = (struct meta_write){
        .job = {.work = meta_work, .done = meta_written},
        .store = store,
        .done = done,
        .arg = arg,
    };
    meta_encode(&write->bytes, &store->meta);
    list_push_back(&store->meta_writes, &write->link);
    worker_submit(store->base.log_worker, &write->job);
}

void store_set_epochs(struct store *store, zk_epoch accepted, zk_epoch current, store_meta_cb done,
                      void *arg)
{
    ASSERT(current <= accepted);
    store->meta.accepted_epoch = accepted;
    store->meta.current_epoch = current;
    write_meta(store, done, arg);
}

bool store_no_vote(const struct store *store)
{
    return store->meta.no_vote;
}

void store_set_no_vote(struct store *store, bool no_vote, store_meta_cb done, void *arg)
{
    store->meta.no_vote = no_vote;
    write_meta(store, done, arg);
}

const struct buf *store_committed_config(const struct store *store)
{
    return &store->meta.committed_config;
}

const struct buf *store_last_seen_config(const struct store *store)
{
    return &store->meta.last_seen_config;
}

static void set_text(struct buf *text, const struct buf *value)
{
    ASSERT(value->len <= META_CONFIG_MAX);
    if (value == text)
        return;
    text->len = 0;
    buf_append(text, value->data, value->len);
}

void store_set_configs(struct store *store, const struct buf *committed,
                       const struct buf *last_seen, store_meta_cb done, void *arg)
{
    set_text(&store->meta.committed_config, committed);
    set_text(&store->meta.last_seen_config, last_seen);
    write_meta(store, done, arg);
}

/* ---- the rest ---- */

void store_stats(const struct store *store, struct store_stats *ret)
{
    *ret = (struct store_stats){
        .log_disk_bytes = txnlog_disk_bytes(store->log),
        .log_queued_bytes = txnlog_queued(store->log),
        .log_since_checkpoint = txnlog_written(store->log) - store->checkpoint_written,
        .checkpoint_disk_bytes = store->checkpoint_bytes,
        .checkpoint_zxid = store->checkpoint_zxid,
        .checkpoint_count = store->checkpoint_count,
        .checkpoint_failures = store->checkpoint_failures,
        .checkpoint_ms = store->checkpoint_ms,
        .log_sync_ms = txnlog_sync_ms(store->log),
        .log_group_txns = txnlog_group_txns(store->log),
        .checkpoint_running = store->run.running,
        .full = txnlog_full(store->log),
    };
}

void store_check_closed(struct store *store)
{
    void (*closed)(void *arg) = store->closed;

    if (!store->closing || closed == NULL || store->run.running ||
        !list_empty(&store->meta_writes) || !list_empty(&store->stages) || !txnlog_idle(store->log))
        return;
    store->closed = NULL;
    closed(store->closed_arg);
}

static void close_work(struct job *job)
{
    (void)job; /* only its turn counts: it comes when all before it is done */
}

static void close_done(struct job *job)
{
    store_check_closed(CONTAINER_OF(job, struct store, close_job));
}

void store_close(struct store *store, void (*done)(void *arg), void *arg)
{
    ASSERT(!store->closing);
    store->closing = true;
    store->closed = done;
    store->closed_arg = arg;
    if (!store_snap_switching(store))
        store_snap_drop(store);
    txnlog_stop(store->log);
    /* If nothing is under way, nothing else would come back to the loop. */
    store->close_job = (struct job){.work = close_work, .done = close_done};
    worker_submit(store->base.log_worker, &store->close_job);
}

void store_free(struct store *store)
{
    if (store == NULL)
        return;
    store_snap_free_all(store);
    while (!list_empty(&store->meta_writes)) {
        struct list *link = list_pop_front(&store->meta_writes);

        meta_write_free(CONTAINER_OF(link, struct meta_write, link));
    }
    txnlog_free(store->log);
    if (store->checkpoint != NULL)
        store->ops->close(store->checkpoint);
    buf_done(&store->run.rows);
    tail_done(&store->tail);
    tree_free(store->tree);
    meta_done(&store->meta);
    disk_close(store->log_lock);
    disk_close(store->lock);
    free(store->log_dir);
    free(store->log_root);
    free(store->dir);
    free(store);
}
