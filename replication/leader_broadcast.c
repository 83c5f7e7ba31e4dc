/* leader_broadcast: a leader at work [Zab, phase 3; Leader, ProposalRequestProcessor]:
 * proposals go out in zxid order, acks come in, and what a quorum has on disk is
 * committed, strictly in order. Also the pings: they are the learners' proof of life,
 * and their echoes are ours that we still lead.
 *
 * Invariants:
 *   the proposals are exactly the txns in (committed, proposed], in order
 *   an ack counts for one proposal, and only from a server that has acknowledged
 *   NEWLEADER: before that its epoch is not on disk, and another history may still win
 *   our own ack is the disk's, like everybody's */
#include "replication/leader_state.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "proto/txn.h"

#include <inttypes.h>
#include <stdlib.h>

/* Syncs under way, of our own clients and of each learner's. Learners of ours ask for no more. */
#define SYNCS_MAX 65536

/* ---------------------------------------------------------------- proposals */

bool leader_can_propose(const struct leader *l)
{
    return l->phase == LEADER_BROADCAST && !l->handing_over && !l->zab->leaving &&
           zxid_counter(l->proposed) < l->zab->config.counter_limit;
}

zk_zxid leader_next_zxid(const struct leader *l)
{
    return l->proposed + 1;
}

/* Whose ack of the oldest proposal is due, and since when. */
void broadcast_watch_ack(const struct leader *l, struct peer *peer, zk_zxid zxid)
{
    peer->last_sent = zxid;
    if (peer->awaited == 0) {
        peer->awaited = zxid;
        peer->awaited_ms = l->zab->now_ms;
    }
}

static struct proposal *proposal_at(const struct leader *l, size_t i)
{
    ASSERT(i < l->proposal_count);
    return &l->proposals[(l->proposal_first + i) % l->proposal_cap];
}

/* Zxids of one epoch have no gaps, so the place of one is its distance from the first.
 * NULL: it is committed, or was never proposed. */
static struct proposal *proposal_find(const struct leader *l, zk_zxid zxid)
{
    zk_zxid first = l->proposed - (zk_zxid)l->proposal_count + 1;

    return zxid < first || zxid > l->proposed ? NULL : proposal_at(l, (size_t)(zxid - first));
}

static void proposals_grow(struct leader *l)
{
    size_t cap = l->proposal_cap == 0 ? 64 : l->proposal_cap * 2;
    struct proposal *proposals = xcalloc(cap, sizeof *proposals);

    for (size_t i = 0; i < l->proposal_count; i++)
        proposals[i] = *proposal_at(l, i);
    free(l->proposals);
    l->proposals = proposals;
    l->proposal_first = 0;
    l->proposal_cap = cap;
}

static void proposal_add(struct leader *l, zk_zxid zxid, struct blob *txn)
{
    if (l->proposal_count == l->proposal_cap)
        proposals_grow(l);
    l->proposal_count++;
    l->proposed = zxid;
    *proposal_at(l, l->proposal_count - 1) = (struct proposal){
        .zxid = zxid, .txn = blob_ref(txn), .quorums = quorums_ref(l->zab->config.quorums)};
}

static void proposal_remove_first(struct leader *l)
{
    struct proposal *p = proposal_at(l, 0);

    quorums_unref(p->quorums);
    blob_unref(p->txn);
    l->proposal_first = (l->proposal_first + 1) % l->proposal_cap;
    l->proposal_count--;
}

void broadcast_done(struct leader *l)
{
    while (l->proposal_count > 0)
        proposal_remove_first(l);
    free(l->proposals);
    l->proposals = NULL;
    LIST_FOR_SAFE(link, &l->syncs)
    {
        free(CONTAINER_OF(link, struct leader_sync, link));
    }
}

void leader_propose(struct leader *l, struct blob *txn, struct zab_actions *out)
{
    zk_zxid zxid = txn_zxid(txn->data);

    ASSERT(leader_can_propose(l));
    ASSERT(zxid == leader_next_zxid(l));
    proposal_add(l, zxid, txn);
    LIST_FOR(link, &l->peers)
    {
        struct peer *peer = CONTAINER_OF(link, struct peer, link);

        if (peer->phase < PEER_HISTORY || peer->is_observer)
            continue;
        broadcast_watch_ack(l, peer, zxid);
        peer_send(peer, &(struct peer_msg){.type = PROPOSAL, .zxid = zxid, .data = blob_ref(txn)},
                  out);
    }
    zab_log(l->zab, txn, out);
    if (zxid_counter(zxid) == l->zab->config.counter_limit)
        leader_hand_over(l);
}

/* ---------------------------------------------------------------- acks and commits */

static void commit_first(struct leader *l, struct zab_actions *out)
{
    const struct proposal *p = proposal_at(l, 0);

    l->zab->history.committed = p->zxid;
    LIST_FOR(link, &l->peers)
    {
        struct peer *peer = CONTAINER_OF(link, struct peer, link);

        if (peer->phase < PEER_HISTORY)
            continue;
        peer_send(peer,
                  &(struct peer_msg){.type = peer->is_observer ? INFORM : COMMIT,
                                     .zxid = p->zxid,
                                     .data = peer->is_observer ? blob_ref(p->txn) : NULL},
                  out);
    }
    proposal_remove_first(l);
}

/* Commits what a quorum has, from the oldest on: never one before the other. */
void broadcast_commit(struct leader *l, struct zab_actions *out)
{
    zk_zxid durable = l->zab->history.durable;
    bool any = false;

    while (l->proposal_count > 0) {
        const struct proposal *p = proposal_at(l, 0);
        voter_bits own =
            p->zxid <= durable ? quorums_bit(p->quorums, l->zab->config.sid) : (voter_bits)0;

        if (!quorums_have(p->quorums, p->acks | own))
            break;
        commit_first(l, out);
        any = true;
    }
    if (!any)
        return;
    zab_apply(l->zab, out);
    broadcast_settle_syncs(l, out);
}

static void note_ack(const struct leader *l, struct peer *peer, zk_zxid zxid)
{
    if (zxid > peer->acked)
        peer->acked = zxid;
    if (peer->awaited == 0 || peer->acked < peer->awaited)
        return;
    peer->awaited = peer->acked < peer->last_sent ? peer->acked + 1 : 0;
    peer->awaited_ms = l->zab->now_ms;
}

void broadcast_ack(struct leader *l, struct peer *peer, zk_zxid zxid, struct zab_actions *out)
{
    struct proposal *p = proposal_find(l, zxid);

    if (peer->is_observer || zxid > peer->last_sent)
        return; /* nothing that it was asked for */
    note_ack(l, peer, zxid);
    if (p == NULL)
        return;
    *(peer->phase >= PEER_ACKED ? &p->acks : &p->early) |= quorums_bit(p->quorums, peer->sid);
    broadcast_commit(l, out);
}

/* Or a txn would count as being on a disk from which a TRUNC has just removed it. */
void broadcast_forget_acks(struct leader *l, const struct peer *peer)
{
    for (size_t i = 0; i < l->proposal_count; i++) {
        struct proposal *p = proposal_at(l, i);

        p->acks &= ~quorums_bit(p->quorums, peer->sid);
        p->early &= ~quorums_bit(p->quorums, peer->sid);
    }
}

void broadcast_admit(struct leader *l, struct peer *peer)
{
    for (size_t i = 0; i < l->proposal_count; i++) {
        struct proposal *p = proposal_at(l, i);

        p->acks |= p->early & quorums_bit(p->quorums, peer->sid);
    }
}

/* ---------------------------------------------------------------- pings */

/* Only those that serve answer a ping, and each of them answers each, in order: so the echoes
 * can be counted. Who has acknowledged NEWLEADER and waits for UPTODATE passes over it
 * [Learner.syncWithLeader], but does not take us for dead while others get their history. */
void broadcast_ping(struct leader *l, struct zab_actions *out)
{
    l->round++;
    LIST_FOR(link, &l->peers)
    {
        struct peer *peer = CONTAINER_OF(link, struct peer, link);

        if (peer->phase < PEER_ACKED || peer->ping_count == PEER_PINGS_MAX)
            continue;
        if (peer->phase == PEER_READY)
            peer->rounds[(peer->ping_first + peer->ping_count++) % PEER_PINGS_MAX] = l->round;
        peer_send(peer, &(struct peer_msg){.type = PING, .zxid = l->proposed}, out);
    }
}

void broadcast_echo(struct leader *l, struct peer *peer, struct zab_actions *out)
{
    if (peer->ping_count == 0)
        return; /* nobody asked */
    peer->confirmed = peer->rounds[peer->ping_first];
    peer->ping_first = (peer->ping_first + 1) % PEER_PINGS_MAX;
    peer->ping_count--;
    broadcast_settle_syncs(l, out);
}

/* ---------------------------------------------------------------- syncs */

static bool round_is_confirmed(const struct leader *l, uint64_t round)
{
    voter_bits bits = l->self;

    LIST_FOR(link, &l->peers)
    {
        const struct peer *peer = CONTAINER_OF(link, struct peer, link);

        if (peer->phase == PEER_READY && !peer->is_observer && peer->confirmed >= round)
            bits |= peer_bit(l, peer);
    }
    return quorums_have(l->zab->config.quorums, bits);
}

static void answer_sync(struct leader *l, const struct leader_sync *sync, struct zab_actions *out)
{
    struct peer *peer;

    if (sync->conn == 0) {
        zab_action_add(out, ZAB_SYNCED)->cookie = sync->cookie;
        l->own_sync_count--;
        return;
    }
    peer = peer_find(l, sync->conn);
    ASSERT(peer != NULL);
    peer_send(peer, &(struct peer_msg){.type = SYNC}, out);
    peer->sync_count--;
}

void broadcast_forget_syncs(const struct leader *l, struct peer *peer)
{
    LIST_FOR_SAFE(link, &l->syncs)
    {
        struct leader_sync *sync = CONTAINER_OF(link, struct leader_sync, link);

        if (peer->sync_count == 0)
            return;
        if (sync->conn != peer->conn)
            continue;
        list_remove(&sync->link);
        free(sync);
        peer->sync_count--;
    }
}

/* The oldest waits for the least: so a look at it is enough. Our own client reads our
 * state, so that must have it. */
void broadcast_settle_syncs(struct leader *l, struct zab_actions *out)
{
    while (!list_empty(&l->syncs)) {
        struct leader_sync *sync = CONTAINER_OF(l->syncs.next, struct leader_sync, link);
        zk_zxid reached = sync->conn == 0 ? l->zab->history.applied : l->zab->history.committed;

        if (reached < sync->zxid || !round_is_confirmed(l, sync->round))
            break;
        answer_sync(l, sync, out);
        list_remove(&sync->link);
        free(sync);
    }
    if (l->urgent != 0 && round_is_confirmed(l, l->urgent)) {
        l->urgent = 0;
        if (!list_empty(&l->syncs) &&
            CONTAINER_OF(l->syncs.prev, struct leader_sync, link)->round > l->round) {
            broadcast_ping(l, out);
            l->urgent = l->round;
        }
    }
}

/* The round must begin after the request: one that is on its way already would prove
 * too little. At most one extra round is on its way at a time; all that ask meanwhile
 * share the next. */
void leader_sync_request(struct leader *l, uint64_t conn, uint64_t cookie, struct zab_actions *out)
{
    struct peer *peer = conn == 0 ? NULL : peer_find(l, conn);
    struct leader_sync *sync;
    size_t *waiting;

    if (l->phase != LEADER_BROADCAST || l->zab->leaving || (conn != 0 && peer == NULL))
        return;
    waiting = peer == NULL ? &l->own_sync_count : &peer->sync_count;
    if (*waiting == SYNCS_MAX) {
        if (peer == NULL)
            zab_leave(l->zab, out, "more than %d syncs wait", SYNCS_MAX);
        else
            peer_drop(l, peer, "it asks for too many syncs", out);
        return;
    }
    ++*waiting;
    sync = xcalloc(1, sizeof *sync);
    sync->conn = conn;
    sync->cookie = cookie;
    sync->zxid = l->proposal_count == 0 ? l->zab->history.committed : l->proposed;
    sync->round = l->round + 1;
    list_push_back(&l->syncs, &sync->link);
    if (l->urgent == 0) {
        broadcast_ping(l, out);
        l->urgent = l->round;
    }
    broadcast_settle_syncs(l, out);
}

/* ---------------------------------------------------------------- handing over */

void leader_hand_over(struct leader *l)
{
    if (l->handing_over)
        return;
    l->handing_over = true;
    l->hand_over_ms = l->zab->now_ms + l->zab->config.tick_ms;
}

bool leader_has_successor(const struct leader *l)
{
    LIST_FOR(link, &l->peers)
    {
        const struct peer *peer = CONTAINER_OF(link, struct peer, link);

        if (peer->phase == PEER_READY && peer_bit(l, peer) != 0)
            return true;
    }
    return false;
}

/* All is decided, and everybody who follows has it: whoever is elected needs nothing
 * from us. */
bool leader_handed_over(const struct leader *l)
{
    if (!l->handing_over)
        return false;
    if (l->zab->now_ms >= l->hand_over_ms || l->phase != LEADER_BROADCAST)
        return true;
    if (l->proposal_count > 0)
        return false;
    LIST_FOR(link, &l->peers)
    {
        const struct peer *peer = CONTAINER_OF(link, struct peer, link);

        if (peer->phase == PEER_READY && !peer->is_observer && peer->acked < leader_limit(l))
            return false;
    }
    return true;
}
