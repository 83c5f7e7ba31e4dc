/* leader_sync: what a learner lacks of our history, or has too much [peer of
 * LearnerHandler.syncFollower]. The choice is made by our log, never by what we have
 * applied: after a power cut of all servers the commit marks lag behind the logs, and
 * cutting a learner at the applied zxid would lose acknowledged txns.
 *
 *      base ......... limit ....... end        p: the learner's last zxid
 *        |  decided     | proposed   |
 *
 *   p is limit, or the start of our epoch    DIFF, nothing to send
 *   p is 0 (no statement), or limit is       SNAP
 *   p after limit, in its epoch or our log   TRUNC to limit
 *   p in the log between base and limit      DIFF, then what follows p
 *   p is the start of an epoch, in between   the same: it names no txn
 *   p in between, but not in the log         SNAP: a TRUNC there would cross an epoch
 *   p before base, or of a later epoch       SNAP
 *
 * (Base is where our memory begins. The log on disk may begin earlier: a DIFF from there would
 * be opened, streamed and followed by the rest exactly as a snapshot is, and be worth it only
 * within one run of the log, up to what is known to be committed: ZOOKEEPER-2846.)
 *
 * Then at once, in the same event, the learner is registered: decided txns as PROPOSAL
 * and COMMIT, the others as PROPOSAL, NEWLEADER; from there on it gets what everybody
 * gets. So nothing is sent twice and nothing is left out (Zab paper, phase 2; the
 * model-checked "proposals between NEWLEADER and UPTODATE" bug). */
#include "replication/leader_state.h"

#include "proto/base/assert.h"
#include "proto/txn.h"

enum choice {
    CHOICE_DIFF,
    CHOICE_TRUNC,
    CHOICE_SNAP,
};

/* Before the quorum our whole log is the history that it will decide; later what is
 * committed. */
zk_zxid leader_limit(const struct leader *l)
{
    zk_zxid committed = l->zab->history.committed;

    return committed > l->initial_end ? committed : l->initial_end;
}

static enum choice choose(const struct leader *l, zk_zxid p)
{
    const struct window *h = &l->zab->history;
    zk_zxid limit = leader_limit(l);
    bool is_epoch_start = zxid_counter(p) == 0;

    if (p == limit)
        return CHOICE_DIFF;
    if (p == 0 || limit == 0 || p < h->base)
        return CHOICE_SNAP;
    if (p > limit && is_epoch_start)
        return limit == l->initial_end && p == zxid_make(l->epoch, 0) ? CHOICE_DIFF : CHOICE_SNAP;
    if (p > limit)
        return zxid_epoch(p) == zxid_epoch(limit) || window_has(h, p) ? CHOICE_TRUNC : CHOICE_SNAP;
    return is_epoch_start || window_has(h, p) ? CHOICE_DIFF : CHOICE_SNAP;
}

static void send_zxid(struct peer *peer, enum quorum_type type, zk_zxid zxid,
                      struct zab_actions *out)
{
    peer_send(peer, &(struct peer_msg){.type = type, .zxid = zxid}, out);
}

/* Our log after FROM: registered from now on. An observer gets what is not decided
 * later, as INFORM. */
static void send_history(struct leader *l, struct peer *peer, zk_zxid from, struct zab_actions *out)
{
    const struct window *h = &l->zab->history;
    zk_zxid limit = leader_limit(l);

    broadcast_forget_acks(l, peer);
    peer->acked = limit;
    for (size_t i = window_index(h, from + 1); i < h->count; i++) {
        zk_zxid zxid = window_zxid(h, i);

        if (zxid > limit && peer->is_observer)
            break;
        peer_send(
            peer,
            &(struct peer_msg){.type = PROPOSAL, .zxid = zxid, .data = blob_ref(window_at(h, i))},
            out);
        if (zxid <= limit)
            send_zxid(peer, COMMIT, zxid, out);
        else
            broadcast_watch_ack(l, peer, zxid);
    }
    peer_send(peer,
              &(struct peer_msg){.type = NEWLEADER,
                                 .zxid = zxid_make(l->epoch, 0),
                                 .data = l->zab->config.config_text == NULL
                                             ? NULL
                                             : blob_ref(l->zab->config.config_text)},
              out);
    peer->phase = PEER_HISTORY;
    peer->burst = peer->queued;
}

static void open_snapshot(struct leader *l, struct peer *peer, struct zab_actions *out)
{
    struct zab_action *action = zab_action_add(out, ZAB_SNAP_OPEN);

    peer->phase = PEER_SNAPSHOT;
    peer->ticket = action->ticket = zab_ticket(l->zab);
    action->zxid = l->zab->history.base;
}

void leader_sync_peer(struct leader *l, struct peer *peer, struct zab_actions *out)
{
    zk_zxid limit = leader_limit(l);

    ASSERT(peer->phase == PEER_WAITING && l->phase >= LEADER_HISTORY);
    switch (choose(l, peer->zxid)) {
    case CHOICE_DIFF:
        send_zxid(peer, DIFF, limit, out);
        send_history(l, peer, peer->zxid > limit ? limit : peer->zxid, out);
        break;
    case CHOICE_TRUNC:
        send_zxid(peer, TRUNC, limit, out);
        send_history(l, peer, limit, out);
        break;
    case CHOICE_SNAP:
        open_snapshot(l, peer, out);
        break;
    }
}

/* The state as of ZXID is open: it, then the rest of the log. The stream stands before
 * NEWLEADER on the connection (ZOOKEEPER-3104). */
void leader_sync_snap(struct leader *l, struct peer *peer, zk_zxid zxid, struct zab_actions *out)
{
    struct zab_action *action;

    ASSERT(peer->phase == PEER_SNAPSHOT);
    ASSERT(zxid <= l->zab->history.applied);
    send_zxid(peer, SNAP, zxid, out);
    action = zab_action_add(out, ZAB_STREAM);
    action->conn = peer->conn;
    action->ticket = peer->ticket;
    send_history(l, peer, zxid, out);
}
