/* learner_sync: how a learner's history becomes the leader's [Zab, phases 1 and 2;
 * Learner.syncWithLeader, where it is wrong not followed]. One order is right:
 *
 *   1. the snapshot is durable (SNAP), the truncation is durable (TRUNC)
 *   2. every PROPOSAL before NEWLEADER is durable      (ZOOKEEPER-3911, -3023, -4646)
 *   3. currentEpoch is durable                         (ZOOKEEPER-4643)
 *   4. NEWLEADER is acknowledged, before anything else (ZOOKEEPER-4685)
 *
 * With SNAP, 1 to 3 are one write of meta. A COMMIT before UPTODATE only marks: the
 * leader may not have its quorum yet (ZOOKEEPER-1549).
 *
 * Invariants:
 *   origin <= marked <= end of the history
 *   what is in force on disk is never less than what we acknowledged */
#include "replication/learner_state.h"

#include "proto/base/assert.h"
#include "proto/txn.h"

#include <inttypes.h>

/* ---------------------------------------------------------------- discovery */

/* Who has promised this epoch before (another connection), or cannot vouch for its
 * history, is not counted: -1. */
static void send_ackepoch(struct learner *l, bool count_me, struct zab_actions *out)
{
    const struct zab *zab = l->zab;
    bool announce = !zab->no_vote && !zab->want_snapshot;

    ASSERT(zab->accepted >= l->epoch && zab->meta_ticket == 0);
    ASSERT(zab->history.durable == zab->history.end);
    l->phase = LEARNER_CHOICE;
    learner_send(l,
                 &(struct peer_msg){.type = ACKEPOCH,
                                    .zxid = announce ? zab->history.end : 0,
                                    .epoch = announce && count_me ? (int32_t)zab->current : -1},
                 out);
}

static void on_leaderinfo(struct learner *l, const struct peer_msg *msg, struct zab_actions *out)
{
    struct zab *zab = l->zab;
    zk_epoch epoch = zxid_epoch(msg->zxid);

    if (msg->type != LEADERINFO || msg->protocol != QUORUM_PROTOCOL_VERSION || msg->zxid < 0) {
        zab_leave(zab, out, "no LEADERINFO that we understand: type %d protocol 0x%" PRIx32,
                  msg->type, (uint32_t)msg->protocol);
        return;
    }
    if (epoch < zab->accepted) {
        zab_leave(zab, out,
                  "the leader's epoch %" PRIu32 " is before %" PRIu32 ", which we accepted", epoch,
                  zab->accepted);
        zab_wait(zab, 1); /* it will not change its mind at once */
        return;
    }
    l->epoch = epoch;
    if (epoch == zab->accepted) {
        send_ackepoch(l, false, out);
    } else {
        l->phase = LEARNER_PROMISE;
        zab_write_epochs(zab, epoch, zab->current, out);
    }
}

/* ---------------------------------------------------------------- DIFF, TRUNC, SNAP */

static void begin_history(struct learner *l, zk_zxid origin)
{
    l->phase = LEARNER_HISTORY;
    l->origin = l->marked = origin;
}

/* Only to a txn that is there, or the log would keep the next greater one; and what is
 * committed is never undone here: then the leader's state must replace ours. */
static void on_trunc(struct learner *l, const struct peer_msg *msg, struct zab_actions *out)
{
    struct zab *zab = l->zab;
    struct zab_action *action;

    if (!window_has(&zab->history, msg->zxid) || msg->zxid < zab->history.committed) {
        zab->want_snapshot = true;
        zab_action_alarm(out,
                         "the leader wants our log cut after 0x%" PRIx64 ", but %s; asking it "
                         "for a snapshot",
                         (uint64_t)msg->zxid,
                         msg->zxid < zab->history.committed ? "more is committed"
                                                            : "it is not there");
        zab_leave(zab, out, "TRUNC to what cannot be");
        return;
    }
    window_truncate(&zab->history, msg->zxid);
    action = zab_action_add(out, ZAB_TRUNCATE);
    action->zxid = msg->zxid;
    action->ticket = zab->truncate_ticket = zab_ticket(zab);
    begin_history(l, msg->zxid);
}

static void on_snap(struct learner *l, const struct peer_msg *msg, struct zab_actions *out)
{
    struct zab *zab = l->zab;
    struct zab_action *action;

    if (msg->zxid < 0 || zxid_epoch(msg->zxid) > l->epoch) {
        zab_leave(zab, out, "SNAP of 0x%" PRIx64 " in epoch %" PRIu32, (uint64_t)msg->zxid,
                  l->epoch);
        return;
    }
    zab->stage = (struct stage){.active = true, .ticket = zab_ticket(zab)};
    window_init(&zab->stage.history, msg->zxid);
    action = zab_action_add(out, ZAB_SNAP_BEGIN);
    action->conn = l->conn;
    action->zxid = msg->zxid;
    action->ticket = zab->stage.ticket;
    begin_history(l, msg->zxid);
}

/* We announced no history, and have one that is not to be trusted. */
static bool only_snap_helps(const struct zab *zab)
{
    return (zab->no_vote || zab->want_snapshot) && zab->history.end != 0;
}

static void on_choice(struct learner *l, const struct peer_msg *msg, struct zab_actions *out)
{
    if ((msg->type == DIFF || msg->type == TRUNC) && only_snap_helps(l->zab)) {
        zab_leave(l->zab, out, "%s where only SNAP can help", quorum_type_name(msg->type));
        return;
    }
    switch (msg->type) {
    case DIFF:
        begin_history(l, l->zab->history.end);
        break;
    case TRUNC:
        on_trunc(l, msg, out);
        break;
    case SNAP:
        on_snap(l, msg, out);
        break;
    default:
        zab_leave(l->zab, out, "%s instead of DIFF, TRUNC or SNAP", quorum_type_name(msg->type));
    }
}

/* ---------------------------------------------------------------- the leader's history */

/* COMMIT: of the oldest txn that is not marked, whether it came before NEWLEADER or
 * after it (ZOOKEEPER-4394). */
static void on_mark(struct learner *l, zk_zxid zxid, struct zab_actions *out)
{
    const struct window *h = learner_history(l);
    size_t next = window_index(h, l->marked + 1);

    if (next >= h->count || window_zxid(h, next) != zxid) {
        zab_leave(l->zab, out, "COMMIT 0x%" PRIx64 " is not the next after 0x%" PRIx64,
                  (uint64_t)zxid, (uint64_t)l->marked);
        return;
    }
    l->marked = zxid;
}

static void on_txn(struct learner *l, const struct peer_msg *msg, struct zab_actions *out)
{
    switch (msg->type) {
    case PROPOSAL:
        learner_take(l, msg->data, out);
        break;
    case COMMIT:
        on_mark(l, msg->zxid, out);
        break;
    case INFORM:
        learner_take(l, msg->data, out);
        if (!l->zab->leaving)
            on_mark(l, msg->zxid, out);
        break;
    case COMMITANDACTIVATE:
    case INFORMANDACTIVATE:
        learner_reconfigured(l, out);
        break;
    case LEADERINFO:
    case DIFF:
    case TRUNC:
    case SNAP:
    case NEWLEADER:
    case UPTODATE: /* before our ack: who else would have counted? (ZOOKEEPER-4785) */
        zab_leave(l->zab, out, "%s out of turn", quorum_type_name(msg->type));
        break;
    default:
        break; /* PING and what we do not know */
    }
}

/* NEWLEADER: the leader's history is complete. */
static void on_newleader(struct learner *l, const struct peer_msg *msg, struct zab_actions *out)
{
    struct zab *zab = l->zab;

    if (msg->zxid != zxid_make(l->epoch, 0) || l->epoch != zab->accepted) {
        zab_leave(zab, out, "NEWLEADER 0x%" PRIx64 " in epoch %" PRIu32, (uint64_t)msg->zxid,
                  l->epoch);
        return;
    }
    if (zab->stage.active &&
        (!zab->stage.received || (zab->stage.history.end < zab->history.committed &&
                                  !zab->no_vote && !zab->want_snapshot))) {
        zab_leave(zab, out,
                  "the snapshot of 0x%" PRIx64 " is not whole, or lacks what is committed",
                  (uint64_t)zab->stage.history.base);
        return;
    }
    if (msg->data != NULL)
        l->config = blob_ref(msg->data);
    l->phase = LEARNER_PERSIST;
    l->target = learner_history(l)->end;
    if (zab->stage.active) {
        struct zab_action *action = zab_action_add(out, ZAB_SNAP_INSTALL);

        zab->stage.installing = true;
        zab->stage.install_end = action->zxid = l->target;
        zab->stage.install_epoch = action->current = l->epoch;
        action->accepted = zab->accepted;
        action->ticket = zab->stage.ticket;
    }
    learner_sync_persist(l, out);
}

static void ack_newleader(struct learner *l, struct zab_actions *out)
{
    ASSERT(l->zab->current == l->epoch && l->zab->meta_ticket == 0);
    ASSERT(l->zab->history.durable >= l->target);
    l->phase = LEARNER_READY;
    learner_send(l, &(struct peer_msg){.type = ACK, .zxid = zxid_make(l->epoch, 0)}, out);
}

/* Is everything that came before NEWLEADER on disk? Then the epoch may be, and only
 * then is the ack of NEWLEADER caused. */
void learner_sync_persist(struct learner *l, struct zab_actions *out)
{
    struct zab *zab = l->zab;

    if (l->phase != LEARNER_PERSIST || zab->stage.active || zab->truncate_ticket != 0 ||
        zab->history.durable < l->target)
        return;
    l->phase = LEARNER_EPOCH;
    if (zab->current == l->epoch)
        ack_newleader(l, out);
    else
        zab_write_epochs(zab, zab->accepted, l->epoch, out);
}

void learner_sync_meta(struct learner *l, struct zab_actions *out)
{
    if (l->phase == LEARNER_PROMISE)
        send_ackepoch(l, true, out);
    else if (l->phase == LEARNER_EPOCH)
        ack_newleader(l, out);
}

/* UPTODATE: the leader has its quorum, so its history is decided: now the state may
 * follow it, and clients may see it. */
static void on_uptodate(struct learner *l, struct zab_actions *out)
{
    struct zab *zab = l->zab;
    struct window *h = &zab->history;

    l->phase = LEARNER_BROADCAST;
    if (h->committed < l->marked)
        h->committed = l->marked;
    learner_send(l, &(struct peer_msg){.type = ACK, .zxid = zxid_make(l->epoch, 0)}, out);
    l->acked = h->committed;
    zab_apply(zab, out);
    if (l->config != NULL)
        zab_action_add(out, ZAB_CONFIG)->data = blob_ref(l->config);
    zab->serving = true;
    election_synced(zab->election, l->epoch);
    zab_tell_role(zab, l->epoch, out);
    learner_ack_proposals(l, out);
}

void learner_sync_packet(struct learner *l, const struct peer_msg *msg, struct zab_actions *out)
{
    switch (l->phase) {
    case LEARNER_HELLO:
        on_leaderinfo(l, msg, out);
        break;
    case LEARNER_CHOICE:
        on_choice(l, msg, out);
        break;
    case LEARNER_HISTORY:
        if (msg->type == NEWLEADER)
            on_newleader(l, msg, out);
        else
            on_txn(l, msg, out);
        break;
    case LEARNER_READY:
        if (msg->type == UPTODATE) {
            on_uptodate(l, out);
            break;
        }
        on_txn(l, msg, out);
        break;
    case LEARNER_PERSIST:
    case LEARNER_EPOCH:
        on_txn(l, msg, out);
        break;
    default:
        zab_leave(l->zab, out, "%s before its time", quorum_type_name(msg->type));
    }
}
