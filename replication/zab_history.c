/* zab_history: what outlives a role: the history, the epochs, a snapshot on its way in; what is
 * asked of the disk for them, and what it reports.
 *
 * Invariants:
 *   current <= accepted
 *   at most one write of meta, one TRUNCATE, one stage is under way
 *   applied, committed, durable, end: see window.c */
#include "proto/base/assert.h"
#include "proto/txn.h"
#include "replication/zab_state.h"

void zab_apply(struct zab *zab, struct zab_actions *out)
{
    struct blob *txn;

    while ((txn = window_apply_next(&zab->history)) != NULL) {
        struct zab_action *action = zab_action_add(out, ZAB_APPLY);

        action->zxid = txn_zxid(txn->data);
        action->data = blob_ref(txn);
    }
    window_trim(&zab->history, zab->config.window_count_min, zab->config.window_bytes_max);
    if (zab->learner != NULL)
        learner_applied(zab->learner, out);
}

static void ask_append(struct blob *txn, struct zab_actions *out)
{
    struct zab_action *action = zab_action_add(out, ZAB_APPEND);

    action->zxid = txn_zxid(txn->data);
    action->data = blob_ref(txn);
}

void zab_log(struct zab *zab, struct blob *txn, struct zab_actions *out)
{
    if (zab->history.durable == zab->history.end)
        zab->progress_ms = zab->now_ms;
    window_append(&zab->history, txn);
    ask_append(txn, out);
}

void zab_write_epochs(struct zab *zab, zk_epoch accepted, zk_epoch current, struct zab_actions *out)
{
    struct zab_action *action = zab_action_add(out, ZAB_META);

    ASSERT(zab->meta_ticket == 0);
    ASSERT(current <= accepted);
    ASSERT(accepted >= zab->accepted && current >= zab->current);
    zab->accepted = action->accepted = accepted;
    zab->current = action->current = current;
    zab->meta_ticket = action->ticket = zab_ticket(zab);
}

bool zab_is_drained(const struct zab *zab)
{
    return zab->meta_ticket == 0 && zab->truncate_ticket == 0 && !zab->stage.active &&
           zab->history.durable == zab->history.end;
}

void zab_drop_stage(struct zab *zab, struct zab_actions *out)
{
    if (!zab->stage.active || zab->stage.installing)
        return; /* what is being installed comes into force; draining waits for it */
    zab_action_add(out, ZAB_SNAP_DROP)->ticket = zab->stage.ticket;
    window_done(&zab->stage.history);
    zab->stage = (struct stage){0};
}

/* A leader cannot live by the disks of others (ZOOKEEPER-2247), nor a follower: what is decided
 * is not applied, and their clients wait for nothing. */
void zab_check_disk(struct zab *zab, struct zab_actions *out)
{
    int32_t limit = zab->serving ? zab->config.sync_limit : zab->config.init_limit;

    if (zab->leader == NULL && zab->learner == NULL)
        return;
    if (zab->history.durable < zab->history.end && !zab->stage.active &&
        zab->now_ms - zab->progress_ms >= (int64_t)limit * zab->config.tick_ms) {
        zab_action_alarm(out, "the log on disk does not get on");
        zab_leave(zab, out, "its own disk keeps it waiting");
    } else if (zab->disk_full && !zab->stood_down && zab->leader != NULL &&
               leader_has_successor(zab->leader)) {
        zab->stood_down = true;
        zab_action_alarm(out, "no room for the log; another server shall lead");
        leader_hand_over(zab->leader);
    }
}

/* ---------------------------------------------------------------- what the disk reports */

void zab_disk_full(struct zab *zab, bool full, struct zab_actions *out)
{
    zab->disk_full = full;
    if (!full)
        zab->stood_down = false;
    zab_check_disk(zab, out);
    zab_finish(zab, out);
}

/* While a TRUNCATE or SNAP_INSTALL is under way nothing that was appended after it can
 * be durable, and all before it was (drained): so there is nothing to learn here. */
void zab_log_durable(struct zab *zab, zk_zxid zxid, struct zab_actions *out)
{
    if (zab->truncate_ticket == 0 && !zab->stage.installing && zxid > zab->history.durable) {
        ASSERT(zxid <= zab->history.end);
        zab->history.durable = zxid;
        zab->progress_ms = zab->now_ms;
        if (zab->leader != NULL)
            leader_log_durable(zab->leader, out);
        if (zab->learner != NULL)
            learner_log_changed(zab->learner, out);
    }
    zab_finish(zab, out);
}

void zab_log_truncated(struct zab *zab, uint64_t ticket, struct zab_actions *out)
{
    if (ticket != 0 && ticket == zab->truncate_ticket) {
        zab->truncate_ticket = 0;
        if (zab->learner != NULL)
            learner_log_changed(zab->learner, out);
    }
    zab_finish(zab, out);
}

void zab_meta_durable(struct zab *zab, uint64_t ticket, struct zab_actions *out)
{
    if (ticket != 0 && ticket == zab->meta_ticket) {
        zab->meta_ticket = 0;
        if (zab->leader != NULL)
            leader_meta_durable(zab->leader, out);
        if (zab->learner != NULL)
            learner_meta_durable(zab->learner, out);
    }
    zab_finish(zab, out);
}

void zab_snap_opened(struct zab *zab, uint64_t ticket, zk_zxid zxid, bool failed,
                     struct zab_actions *out)
{
    if (zab->leader != NULL)
        leader_snap_opened(zab->leader, ticket, zxid, failed, out);
    zab_finish(zab, out);
}

void zab_snap_received(struct zab *zab, uint64_t ticket, struct zab_actions *out)
{
    if (zab->stage.active && zab->stage.ticket == ticket && !zab->stage.received) {
        ASSERT(zab->learner != NULL);
        zab->stage.received = true;
    }
    zab_finish(zab, out);
}

void zab_snap_failed(struct zab *zab, uint64_t ticket, struct zab_actions *out)
{
    if (zab->stage.active && zab->stage.ticket == ticket) {
        window_done(&zab->stage.history);
        zab->stage = (struct stage){0};
        if (zab->learner != NULL) {
            zab_leave(zab, out, "the snapshot failed");
            zab_wait(zab, zab->config.sync_limit); /* it is as big the next time */
        }
    }
    zab_finish(zab, out);
}

/* The staged history is the one in force. What came after it was asked for waits for
 * its append; without a learner nobody wants it any more. */
static void take_stage(struct zab *zab, struct zab_actions *out)
{
    struct window staged = zab->stage.history;
    zk_zxid end = zab->stage.install_end;

    zab->current = zab->stage.install_epoch;
    zab->stage = (struct stage){0};
    window_done(&zab->history);
    zab->history = staged;
    zab->history.durable = end;
    zab->no_vote = zab->want_snapshot = false;
    if (zab->learner == NULL)
        window_truncate(&zab->history, end);
    for (size_t i = window_index(&zab->history, end + 1); i < zab->history.count; i++)
        ask_append(window_at(&zab->history, i), out);
}

void zab_snap_installed(struct zab *zab, uint64_t ticket, struct zab_actions *out)
{
    if (zab->stage.installing && zab->stage.ticket == ticket) {
        take_stage(zab, out);
        if (zab->learner != NULL)
            learner_snap_installed(zab->learner, out);
    }
    zab_finish(zab, out);
}
