/* sim_disk: see sim_disk.h. */
#include "tests/sim/sim_disk.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "replication/window.h"

#include <stdlib.h>
#include <string.h>

static void drop_queue(struct sim_disk *disk)
{
    for (size_t i = 0; i < disk->queued; i++)
        sim_log_done(&disk->queue[i].log);
    disk->queued = 0;
    disk->busy = false;
}

void sim_disk_done(struct sim_disk *disk)
{
    drop_queue(disk);
    sim_log_done(&disk->log);
    free(disk->queue);
    *disk = (struct sim_disk){0};
}

static void complain(struct sim_disk *disk, const char *complaint)
{
    if (disk->complaint == NULL)
        disk->complaint = complaint;
}

void sim_disk_submit(struct sim_disk *disk, struct sim_disk_op op)
{
    if (disk->queued == disk->cap) {
        disk->cap = disk->cap == 0 ? 16 : disk->cap * 2;
        disk->queue = xrealloc(disk->queue, disk->cap * sizeof *disk->queue);
    }
    disk->queue[disk->queued++] = op;
}

/* Takes COUNT operations from the queue, after the first SKIP ones. */
static void remove_ops(struct sim_disk *disk, size_t skip, size_t count)
{
    disk->queued -= count;
    memmove(disk->queue + skip, disk->queue + skip + count,
            (disk->queued - skip) * sizeof *disk->queue);
}

bool sim_disk_begin(struct sim_disk *disk, zk_zxid mark)
{
    struct sim_disk_op *first = disk->queue;
    size_t more = 0;

    if (disk->busy || disk->queued == 0)
        return false;
    disk->busy = true;
    first->mark = mark;
    if (first->kind != DISK_APPEND)
        return true;
    while (1 + more < disk->queued && disk->queue[1 + more].kind == DISK_APPEND) {
        struct sim_disk_op *op = &disk->queue[1 + more++];

        sim_log_append(&first->log, op->log.entries[0]);
        first->zxid = op->zxid;
        sim_log_done(&op->log);
    }
    remove_ops(disk, 1, more);
    return true;
}

static void write_entries(struct sim_disk *disk, const struct sim_log *batch, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!zxid_follows(sim_log_end(&disk->log), sim_log_zxid(batch, i)))
            complain(disk, "APPEND leaves a hole in the log, or goes back");
        sim_log_append(&disk->log, batch->entries[i]);
    }
}

static void raise_mark(struct sim_disk *disk, zk_zxid mark)
{
    zk_zxid end = sim_log_end(&disk->log);

    if (mark > end)
        mark = end;
    if (mark > disk->mark)
        disk->mark = mark;
}

static void truncate_log(struct sim_disk *disk, zk_zxid zxid)
{
    if (zxid < disk->checkpoint.zxid || zxid < disk->mark)
        complain(disk, "TRUNCATE of what is known to be committed");
    if (zxid != disk->log.base && sim_log_find(&disk->log, zxid) == NULL)
        complain(disk, "TRUNCATE to a zxid that is not in the log");
    sim_log_cut(&disk->log, sim_log_index(&disk->log, zxid + 1));
}

static void write_meta(struct sim_disk *disk, const struct sim_disk_op *op)
{
    if (op->accepted < disk->accepted || op->current < disk->current)
        complain(disk, "META takes an epoch back");
    if (op->current > op->accepted)
        complain(disk, "META with a currentEpoch above the acceptedEpoch");
    disk->accepted = op->accepted;
    disk->current = op->current;
}

static void install(struct sim_disk *disk, struct sim_disk_op *op)
{
    write_meta(disk, op);
    sim_log_done(&disk->log);
    disk->log.base = op->state.zxid;
    write_entries(disk, &op->log, op->log.count);
    if (sim_log_end(&disk->log) != op->zxid)
        complain(disk, "SNAP_INSTALL names another end than what was staged");
    disk->checkpoint = op->state;
    disk->mark = op->state.zxid;
    disk->no_vote = false;
}

static void write_op(struct sim_disk *disk, struct sim_disk_op *op)
{
    switch (op->kind) {
    case DISK_APPEND:
        write_entries(disk, &op->log, op->log.count);
        raise_mark(disk, op->mark);
        break;
    case DISK_TRUNCATE:
        truncate_log(disk, op->zxid);
        break;
    case DISK_META:
        write_meta(disk, op);
        break;
    case DISK_INSTALL:
        install(disk, op);
        break;
    }
}

struct sim_disk_op sim_disk_end(struct sim_disk *disk, bool fail)
{
    struct sim_disk_op op = disk->queue[0];

    ASSERT(disk->busy);
    op.failed = fail && op.kind == DISK_INSTALL;
    if (!op.failed)
        write_op(disk, &op);
    remove_ops(disk, 0, 1);
    disk->busy = false;
    return op;
}

size_t sim_disk_crash(struct sim_disk *disk, struct rng *rng)
{
    size_t lost = 0;

    if (disk->busy) {
        struct sim_disk_op *op = &disk->queue[0];

        if (op->kind == DISK_APPEND) {
            /* A torn record is cut at the next start, so what is whole counts. */
            size_t whole = rng_below(rng, op->log.count + 1);

            lost = op->log.count - whole;
            write_entries(disk, &op->log, whole);
        } else if (rng_below(rng, 2) == 0) {
            write_op(disk, op);
        }
    }
    drop_queue(disk);
    return lost;
}

void sim_disk_checkpoint(struct sim_disk *disk, const struct sim_app *state, size_t keep)
{
    size_t below;

    for (size_t i = 0; i < disk->queued; i++)
        if (disk->queue[i].kind == DISK_INSTALL)
            return;
    if (state->zxid < disk->checkpoint.zxid || state->zxid > sim_log_end(&disk->log))
        return;
    disk->checkpoint = *state;
    raise_mark(disk, state->zxid);
    below = sim_log_index(&disk->log, state->zxid + 1);
    if (below <= keep)
        return;
    below -= keep;
    disk->log.base = sim_log_zxid(&disk->log, below - 1);
    for (size_t i = 0; i < below; i++)
        blob_unref(disk->log.entries[i]);
    disk->log.count -= below;
    memmove(disk->log.entries, disk->log.entries + below, disk->log.count * sizeof(struct blob *));
}

void sim_disk_damage(struct sim_disk *disk, struct rng *rng)
{
    zk_zxid end;

    disk->no_vote = true;
    if (rng_below(rng, 3) == 0) {
        disk->checkpoint = (struct sim_app){0};
        sim_log_done(&disk->log);
    } else {
        sim_log_cut(&disk->log, rng_below(rng, disk->log.count + 1));
        if (sim_log_end(&disk->log) < disk->checkpoint.zxid) {
            sim_log_done(&disk->log);
            disk->log.base = disk->checkpoint.zxid;
        }
    }
    end = sim_log_end(&disk->log);
    if (disk->mark > end)
        disk->mark = end;
}

struct sim_app sim_disk_open(struct sim_disk *disk, struct rng *rng, struct zab_disk *ret)
{
    struct sim_app app = disk->checkpoint;
    struct sim_log *log = &disk->log;
    size_t i = sim_log_index(log, app.zxid + 1), skip;

    for (; i < log->count && sim_log_zxid(log, i) <= disk->mark; i++) {
        struct sim_txn txn;

        if (!sim_txn_decode(log->entries[i], &txn) || !sim_app_apply(&app, &txn))
            complain(disk, "replay meets a txn that expects another state");
    }
    /* Some of what is applied is given, more or less of it. */
    skip = rng_below(rng, 2) == 0 ? 0 : rng_below(rng, i + 1);
    *ret = (struct zab_disk){
        .accepted = disk->accepted,
        .current = disk->current,
        .applied = app.zxid,
        .base = skip == 0 ? log->base : sim_log_zxid(log, skip - 1),
        .entries = log->entries == NULL ? NULL : log->entries + skip,
        .entry_count = log->count - skip,
        .no_vote = disk->no_vote,
    };
    return app;
}

bool sim_disk_has(const struct sim_disk *disk, zk_zxid zxid, const struct blob *txn)
{
    const struct blob *found;

    if (zxid <= disk->checkpoint.zxid)
        return true; /* its digest is compared with everybody's */
    found = sim_log_find(&disk->log, zxid);
    return found != NULL && (found == txn || (found->len == txn->len &&
                                              memcmp(found->data, txn->data, txn->len) == 0));
}

zk_zxid sim_disk_log_end(const struct sim_disk *disk)
{
    return sim_log_end(&disk->log);
}
