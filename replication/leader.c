/* leader: from being elected to being established [Zab, phases 1 and 2; Leader,
 * LearnerHandler]: a new epoch that a quorum promises, a history that is the newest of
 * that quorum, and the same history on the disks of a quorum. Then leader_broadcast.c.
 *
 * Invariants:
 *   LEADERINFO is sent only when the epoch is durable as accepted here
 *   the epoch is one that no quorum can have promised to anybody else
 *   nobody in the quorum of ACKEPOCH had a newer history than ours
 *   NEWLEADER is sent only when the epoch is durable as current here
 *   UPTODATE, and any commit, only after a quorum acknowledged NEWLEADER
 *   who has no vote, or says OBSERVERINFO, or -1 in ACKEPOCH, is not counted there */
#include "replication/leader_state.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

/* Apache compares zxids as signed numbers: an epoch has 31 bits. */
#define EPOCH_MAX 0x7fffffffu

int64_t leader_ticks(const struct leader *l, int32_t count)
{
    return (int64_t)count * l->zab->config.tick_ms;
}

static void enter(struct leader *l, enum leader_phase phase)
{
    l->phase = phase;
    l->deadline = l->zab->now_ms + leader_ticks(l, l->zab->config.init_limit);
    leader_next_ping(l);
}

static bool is_quorum(const struct leader *l, voter_bits bits)
{
    return quorums_have(l->zab->config.quorums, bits);
}

/* ---------------------------------------------------------------- the four quorums */

static void send_leaderinfo(struct leader *l, struct peer *peer, struct zab_actions *out)
{
    peer->phase = PEER_PROMISE;
    peer_send(peer,
              &(struct peer_msg){.type = LEADERINFO,
                                 .zxid = zxid_make(l->epoch, 0),
                                 .protocol = QUORUM_PROTOCOL_VERSION},
              out);
}

static void check_infos(struct leader *l, struct zab_actions *out)
{
    if (l->phase != LEADER_DISCOVERY || !is_quorum(l, l->infos))
        return;
    enter(l, LEADER_PROMISE);
    zab_write_epochs(l->zab, l->epoch, l->zab->current, out);
}

static void check_epoch_acks(struct leader *l, struct zab_actions *out)
{
    if (l->phase != LEADER_EPOCH_ACKS || !is_quorum(l, l->epoch_acks))
        return;
    enter(l, LEADER_CURRENT);
    zab_write_epochs(l->zab, l->epoch, l->epoch, out);
}

static void send_uptodate(struct leader *l, struct peer *peer, struct zab_actions *out)
{
    peer->phase = PEER_READY;
    peer->heard_ms = l->zab->now_ms; /* it had nothing to say while it waited for this */
    if (peer->awaited != 0)
        peer->awaited_ms = l->zab->now_ms; /* a learner may acknowledge only now */
    peer_send(peer, &(struct peer_msg){.type = UPTODATE, .zxid = -1}, out);
}

/* The history that we came with is on the disks of a quorum, and whoever leads next
 * will have it: it is decided [Zab, phase 2]. */
static void establish(struct leader *l, struct zab_actions *out)
{
    struct zab *zab = l->zab;

    enter(l, LEADER_BROADCAST);
    zab->history.committed = l->initial_end;
    zab_apply(zab, out);
    zab->serving = true;
    election_synced(zab->election, l->epoch);
    zab_tell_role(zab, l->epoch, out);
    LIST_FOR(link, &l->peers)
    {
        struct peer *peer = CONTAINER_OF(link, struct peer, link);

        if (peer->phase == PEER_ACKED)
            send_uptodate(l, peer, out);
    }
    l->check_at = zab->now_ms + zab->config.tick_ms;
}

static void check_newleader_acks(struct leader *l, struct zab_actions *out)
{
    if (l->phase == LEADER_HISTORY && is_quorum(l, l->newleader_acks))
        establish(l, out);
}

void leader_newleader_acked(struct leader *l, struct peer *peer, struct zab_actions *out)
{
    peer->phase = PEER_ACKED;
    peer->burst = peer->queued; /* what has piled up meanwhile belongs to it */
    l->newleader_acks |= peer_bit(l, peer);
    broadcast_admit(l, peer);
    if (l->phase == LEADER_BROADCAST) {
        send_uptodate(l, peer, out);
        broadcast_commit(l, out);
    } else {
        check_newleader_acks(l, out);
    }
}

void leader_meta_durable(struct leader *l, struct zab_actions *out)
{
    if (l->phase == LEADER_PROMISE) {
        enter(l, LEADER_EPOCH_ACKS);
        l->epoch_acks = l->self;
        LIST_FOR(link, &l->peers)
        {
            struct peer *peer = CONTAINER_OF(link, struct peer, link);

            if (peer->phase == PEER_EPOCH)
                send_leaderinfo(l, peer, out);
        }
        check_epoch_acks(l, out);
    } else if (l->phase == LEADER_CURRENT) {
        enter(l, LEADER_HISTORY);
        l->proposed = zxid_make(l->epoch, 0);
        l->newleader_acks = l->self;
        LIST_FOR(link, &l->peers)
        {
            struct peer *peer = CONTAINER_OF(link, struct peer, link);

            if (peer->phase == PEER_WAITING)
                leader_sync_peer(l, peer, out);
        }
        check_newleader_acks(l, out);
    }
}

/* ---------------------------------------------------------------- packets */

/* It has promised a later epoch to somebody who did not get far, and can never follow in ours:
 * shut out until we fall, like who promised it beside (Apache leaves them there). So a
 * still later epoch begins, for all. */
static void begin_later_epoch(struct leader *l, const struct peer *peer, zk_epoch accepted,
                              struct zab_actions *out)
{
    l->zab->epoch_seen = accepted;
    zab_action_note(out, "sid %" PRId64 " has accepted epoch %" PRIu32 " already", peer->sid,
                    accepted);
    if (l->phase == LEADER_BROADCAST)
        leader_hand_over(l); /* its connection is closed with the others' */
    else
        zab_leave(l->zab, out, "epoch %" PRIu32 " is too early", l->epoch);
}

static void on_info(struct leader *l, struct peer *peer, const struct peer_msg *msg,
                    struct zab_actions *out)
{
    zk_epoch accepted = zxid_epoch(msg->zxid);

    if ((msg->type != FOLLOWERINFO && msg->type != OBSERVERINFO) || accepted >= EPOCH_MAX ||
        msg->sid == l->zab->config.sid) {
        peer_drop(l, peer, "no FOLLOWERINFO that makes sense", out);
        return;
    }
    if (msg->config_version > l->zab->config.config_version) {
        peer_drop(l, peer, "its configuration is newer than ours", out);
        return;
    }
    peer->sid = msg->sid;
    peer->is_observer = msg->type == OBSERVERINFO;
    peer->phase = PEER_EPOCH;
    peers_drop_older(l, peer, out);
    if (l->phase != LEADER_DISCOVERY && accepted > l->epoch) {
        begin_later_epoch(l, peer, accepted, out);
    } else if (l->phase >= LEADER_EPOCH_ACKS) {
        send_leaderinfo(l, peer, out);
    } else if (l->phase == LEADER_DISCOVERY) {
        if (accepted >= l->epoch)
            l->epoch = accepted + 1;
        l->infos |= peer_bit(l, peer);
        check_infos(l, out);
    }
}

/* A server whose history is newer than ours must not be ruled by us: it should lead.
 * Once a quorum has been found that is not so, late ones do not matter any more: what
 * they have and the quorum lacks was never committed. */
static void on_ackepoch(struct leader *l, struct peer *peer, const struct peer_msg *msg,
                        struct zab_actions *out)
{
    bool counts = msg->epoch >= 0 && peer_bit(l, peer) != 0;

    if (msg->type != ACKEPOCH || msg->zxid < 0) {
        peer_drop(l, peer, "no ACKEPOCH that makes sense", out);
        return;
    }
    if (counts && l->phase == LEADER_EPOCH_ACKS) {
        zk_epoch epoch = (zk_epoch)msg->epoch;

        if (epoch > l->old_current || (epoch == l->old_current && msg->zxid > l->initial_end)) {
            zab_leave(l->zab, out,
                      "sid %" PRId64 " has the newer history: 0x%" PRIx64 " of epoch %" PRIu32,
                      peer->sid, (uint64_t)msg->zxid, epoch);
            return;
        }
        l->epoch_acks |= peer_bit(l, peer);
    }
    peer->zxid = msg->zxid;
    peer->phase = PEER_WAITING;
    if (l->phase >= LEADER_HISTORY)
        leader_sync_peer(l, peer, out);
    else
        check_epoch_acks(l, out);
}

/* The ack of NEWLEADER, or of a proposal, which a learner may send too early: it is
 * remembered, and the right one awaited (ZOOKEEPER-4685). */
static void on_ack(struct leader *l, struct peer *peer, zk_zxid zxid, struct zab_actions *out)
{
    if (zxid_counter(zxid) != 0)
        broadcast_ack(l, peer, zxid, out);
    else if (peer->phase == PEER_HISTORY && zxid == zxid_make(l->epoch, 0))
        leader_newleader_acked(l, peer, out);
}

static void on_request(struct leader *l, struct peer *peer, const struct peer_msg *msg,
                       struct zab_actions *out)
{
    struct zab_action *action;

    if (l->handing_over)
        return; /* its connection closes in a moment, and its client is told */
    action = zab_action_add(out, msg->type == REQUEST ? ZAB_REQUEST : ZAB_REVALIDATE);
    action->conn = peer->conn;
    action->sid = peer->sid;
    action->session_id = msg->session_id;
    action->timeout_ms = msg->timeout_ms;
    action->data = msg->data == NULL ? NULL : blob_ref(msg->data);
    action->auth = msg->auth == NULL ? NULL : blob_ref(msg->auth);
}

static void on_echo(struct leader *l, struct peer *peer, const struct peer_msg *msg,
                    struct zab_actions *out)
{
    if (msg->data != NULL && msg->data->len > 0) {
        struct zab_action *action = zab_action_add(out, ZAB_TOUCHED);

        action->sid = peer->sid;
        action->data = blob_ref(msg->data);
    }
    broadcast_echo(l, peer, out);
}

static void on_synced_packet(struct leader *l, struct peer *peer, const struct peer_msg *msg,
                             struct zab_actions *out)
{
    switch (msg->type) {
    case ACK:
        on_ack(l, peer, msg->zxid, out);
        break;
    case PING:
        if (peer->phase == PEER_READY)
            on_echo(l, peer, msg, out);
        break;
    case REQUEST:
    case REVALIDATE:
        if (peer->phase != PEER_READY)
            peer_drop(l, peer, "it asks before UPTODATE", out);
        else if (msg->is_answer)
            peer_drop(l, peer, "it answers what nobody asked", out);
        else
            on_request(l, peer, msg, out);
        break;
    default:
        break; /* of a later version */
    }
}

void leader_packet(struct leader *l, uint64_t conn, const struct peer_msg *msg,
                   struct zab_actions *out)
{
    struct peer *peer = peer_find(l, conn);

    if (peer == NULL)
        return;
    peer->heard_ms = l->zab->now_ms;
    switch (peer->phase) {
    case PEER_HELLO:
        on_info(l, peer, msg, out);
        break;
    case PEER_PROMISE:
        on_ackepoch(l, peer, msg, out);
        break;
    case PEER_EPOCH:
    case PEER_WAITING:
    case PEER_SNAPSHOT:
        peer_drop(l, peer, "it speaks out of turn", out);
        break;
    case PEER_HISTORY:
    case PEER_ACKED:
    case PEER_READY:
        on_synced_packet(l, peer, msg, out);
        break;
    }
    peers_drop_slow(l, out);
}

void leader_snap_opened(struct leader *l, uint64_t ticket, zk_zxid zxid, bool failed,
                        struct zab_actions *out)
{
    LIST_FOR_SAFE(link, &l->peers)
    {
        struct peer *peer = CONTAINER_OF(link, struct peer, link);

        if (peer->phase != PEER_SNAPSHOT || peer->ticket != ticket)
            continue;
        if (!failed && window_has(&l->zab->history, zxid)) {
            leader_sync_snap(l, peer, zxid, out);
            return;
        }
        if (failed)
            peer->phase = PEER_WAITING; /* there is nothing to shut */
        peer_drop(l, peer, failed ? "no snapshot for it" : "the log has moved on", out);
        return;
    }
    /* Its learner is gone: peer_free() has said so. */
}

/* ---------------------------------------------------------------- life */

struct leader *leader_new(struct zab *zab, struct zab_actions *out)
{
    struct leader *l = xcalloc(1, sizeof *l);

    ASSERT(zab->history.durable == zab->history.end && zab->is_voter && !zab->no_vote);
    l->zab = zab;
    list_init(&l->peers);
    list_init(&l->syncs);
    l->self = quorums_bit(zab->config.quorums, zab->config.sid);
    l->old_current = zab->current;
    l->initial_end = zab->history.end;
    l->epoch = (zab->accepted > zab->epoch_seen ? zab->accepted : zab->epoch_seen) + 1;
    l->infos = l->self;
    enter(l, LEADER_DISCOVERY);
    if (l->epoch > EPOCH_MAX)
        zab_leave(zab, out, "there is no epoch %" PRIu32, l->epoch);
    else
        check_infos(l, out);
    return l;
}

void leader_free(struct leader *l, struct zab_actions *out)
{
    if (l == NULL)
        return;
    LIST_FOR_SAFE(link, &l->peers)
    {
        peer_drop(l, CONTAINER_OF(link, struct peer, link), "the leader steps down", out);
    }
    broadcast_done(l);
    free(l);
}

void leader_log_durable(struct leader *l, struct zab_actions *out)
{
    broadcast_commit(l, out);
    zab_apply(l->zab, out); /* what others made a quorum for may have waited for us */
    broadcast_settle_syncs(l, out);
}

void leader_revalidate_answer(struct leader *l, uint64_t conn, int64_t session_id, bool valid,
                              struct zab_actions *out)
{
    struct peer *peer = peer_find(l, conn);

    if (peer == NULL || peer->phase != PEER_READY)
        return;
    peer_send(peer,
              &(struct peer_msg){.type = REVALIDATE,
                                 .zxid = -1,
                                 .session_id = session_id,
                                 .is_answer = true,
                                 .valid = valid},
              out);
}

void leader_view(const struct leader *l, struct zab_view *ret)
{
    static const char *const names[] = {"discovery", "promise", "epoch-acks",
                                        "current",   "history", "broadcast"};

    ret->phase = l->handing_over ? "handing-over" : names[l->phase];
    ret->epoch = l->phase >= LEADER_EPOCH_ACKS ? l->epoch : 0;
    ret->proposed = l->proposed;
    ret->learners = l->peer_count;
    ret->outstanding = l->proposal_count;
    LIST_FOR(link, &l->peers)
    {
        const struct peer *peer = CONTAINER_OF(link, struct peer, link);

        if (peer->phase == PEER_READY && !peer->is_observer)
            ret->synced_followers++;
    }
}
