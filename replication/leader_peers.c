/* leader_peers: the connections of a leader's learners: who they are, what is queued for
 * them, and when they are given up. Every queue is bounded: a learner that does not read,
 * does not acknowledge or is not heard of loses its connection, and comes again.
 *
 * Invariants:
 *   a sid has one connection that has told it
 *   queued is what was sent and has not left; burst is the part of it that belongs to the
 *   synchronisation, which may exceed the limit
 *   nobody is dropped in the middle of a walk over the peers, but at the end of an event */
#include "replication/leader_state.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"

#include <stdlib.h>

struct peer *peer_find(const struct leader *l, uint64_t conn)
{
    LIST_FOR(link, &l->peers)
    {
        struct peer *peer = CONTAINER_OF(link, struct peer, link);

        if (peer->conn == conn)
            return peer;
    }
    return NULL;
}

/* An observer has no say, even where its sid has: a server whose history was damaged
 * comes as one. */
voter_bits peer_bit(const struct leader *l, const struct peer *peer)
{
    return peer->is_observer ? 0 : quorums_bit(l->zab->config.quorums, peer->sid);
}

static void peer_free(struct leader *l, struct peer *peer, struct zab_actions *out)
{
    if (peer->phase == PEER_SNAPSHOT)
        zab_action_add(out, ZAB_SNAP_SHUT)->ticket = peer->ticket;
    broadcast_forget_syncs(l, peer);
    list_remove(&peer->link);
    l->peer_count--;
    free(peer);
}

void peer_drop(struct leader *l, struct peer *peer, const char *why, struct zab_actions *out)
{
    zab_action_close(out, peer->conn, why);
    peer_free(l, peer, out);
}

/* The reader of a queue that is full is not dropped here, in the middle of a walk over
 * the peers, but at the end of the event. */
void peer_send(struct peer *peer, const struct peer_msg *msg, struct zab_actions *out)
{
    peer->queued += peer_msg_bytes(msg);
    zab_action_send(out, peer->conn, msg);
}

/* Behind a snapshot, and while a learner writes what it was sent, the proposals pile up: so
 * far as it could keep them. */
static size_t queue_limit(const struct leader *l, const struct peer *peer)
{
    size_t usual = l->zab->config.learner_queue_max + peer->burst;
    size_t sync = zab_sync_bytes_max(l->zab);

    return peer->phase == PEER_HISTORY && sync > usual ? sync : usual;
}

void peers_drop_slow(struct leader *l, struct zab_actions *out)
{
    LIST_FOR_SAFE(link, &l->peers)
    {
        struct peer *peer = CONTAINER_OF(link, struct peer, link);

        if (peer->queued > queue_limit(l, peer))
            peer_drop(l, peer, "it does not read what it is sent", out);
    }
}

void leader_sent(struct leader *l, uint64_t conn, size_t bytes)
{
    struct peer *peer = peer_find(l, conn);

    if (peer == NULL)
        return;
    ASSERT(bytes <= peer->queued);
    peer->queued -= bytes;
    peer->burst -= bytes < peer->burst ? bytes : peer->burst;
}

void leader_progress(struct leader *l, uint64_t conn)
{
    struct peer *peer = peer_find(l, conn);

    if (peer == NULL)
        return;
    peer->heard_ms = l->zab->now_ms;
    leader_alive(l, peer);
}

void leader_accepted(struct leader *l, uint64_t conn, struct zab_actions *out)
{
    struct peer *peer;

    ASSERT(conn != 0 && peer_find(l, conn) == NULL);
    if (l->peer_count >= l->zab->config.learner_max) {
        zab_action_close(out, conn, "too many learners");
        return;
    }
    peer = xcalloc(1, sizeof *peer);
    peer->conn = conn;
    peer->phase = PEER_HELLO;
    peer->heard_ms = l->zab->now_ms;
    list_push_back(&l->peers, &peer->link);
    l->peer_count++;
}

void leader_conn_down(struct leader *l, uint64_t conn, struct zab_actions *out)
{
    struct peer *peer = peer_find(l, conn);

    if (peer != NULL)
        peer_free(l, peer, out);
}

void peers_drop_older(struct leader *l, const struct peer *peer, struct zab_actions *out)
{
    LIST_FOR_SAFE(link, &l->peers)
    {
        struct peer *other = CONTAINER_OF(link, struct peer, link);

        if (other != peer && other->phase != PEER_HELLO && other->sid == peer->sid)
            peer_drop(l, other, "it came again", out);
    }
}

void peers_drop_silent(struct leader *l, struct zab_actions *out)
{
    const struct zab_config *c = &l->zab->config;

    LIST_FOR_SAFE(link, &l->peers)
    {
        struct peer *peer = CONTAINER_OF(link, struct peer, link);
        int32_t limit = peer->phase == PEER_READY ? c->sync_limit : c->init_limit;

        if (peer->phase == PEER_ACKED)
            continue; /* it waits for UPTODATE, silently */
        if (l->zab->now_ms - peer->heard_ms >= leader_ticks(l, limit))
            peer_drop(l, peer, "nothing heard from it", out);
        else if (peer->phase == PEER_READY && peer->awaited != 0 &&
                 l->zab->now_ms - peer->awaited_ms >= leader_ticks(l, c->sync_limit))
            peer_drop(l, peer, "it does not acknowledge", out);
    }
}
