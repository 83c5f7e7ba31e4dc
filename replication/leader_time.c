/* leader_time: what a leader does as time passes: it pings, and ends what goes on for too long. */
#include "replication/leader_state.h"

#include <inttypes.h>

/* A leader without a quorum of living followers is none: somebody else may be elected
 * already. */
static void check_followers(struct leader *l, struct zab_actions *out)
{
    voter_bits alive = l->self;

    LIST_FOR(link, &l->peers)
    {
        const struct peer *peer = CONTAINER_OF(link, struct peer, link);

        if (peer->phase >= PEER_HISTORY)
            alive |= peer_bit(l, peer);
    }
    if (!quorums_have(l->zab->config.quorums, alive))
        zab_leave(l->zab, out, "no quorum of followers is left");
}

/* initLimit is for silence: with a snapshot that takes longer a quorum must come together,
 * too. (In Apache's ensembles it never does, until somebody raises initLimit.) So every sign
 * of life of a voter that gets its history counts, if a quorum can still come of it. */
void leader_alive(struct leader *l, const struct peer *peer)
{
    voter_bits hoped = l->newleader_acks;

    if (l->phase != LEADER_HISTORY || peer->phase != PEER_HISTORY || peer_bit(l, peer) == 0)
        return;
    LIST_FOR(link, &l->peers)
    {
        const struct peer *other = CONTAINER_OF(link, struct peer, link);

        if (other->phase == PEER_SNAPSHOT || other->phase == PEER_HISTORY)
            hoped |= peer_bit(l, other);
    }
    if (quorums_have(l->zab->config.quorums, hoped))
        l->deadline = l->zab->now_ms + leader_ticks(l, l->zab->config.init_limit);
}

void leader_next_ping(struct leader *l)
{
    l->ping_at = l->zab->now_ms + l->zab->config.tick_ms / 2;
}

void leader_tick(struct leader *l, struct zab_actions *out)
{
    int64_t now_ms = l->zab->now_ms;
    bool is_established = l->phase == LEADER_BROADCAST;

    if (!is_established && now_ms >= l->deadline) {
        zab_leave(l->zab, out, "no quorum in time, at epoch %" PRIu32, l->epoch);
        return;
    }
    peers_drop_silent(l, out);
    if (is_established)
        peers_drop_slow(l, out);
    if (l->phase >= LEADER_HISTORY && now_ms >= l->ping_at) {
        broadcast_ping(l, out);
        leader_next_ping(l);
    }
    if (is_established && now_ms >= l->check_at) {
        check_followers(l, out);
        l->check_at = now_ms + l->zab->config.tick_ms;
    }
}

int64_t leader_deadline(const struct leader *l)
{
    int64_t next = l->zab->now_ms + l->zab->config.tick_ms;

    if (l->phase == LEADER_HISTORY && l->ping_at < next)
        next = l->ping_at;
    if (l->phase != LEADER_BROADCAST)
        return next < l->deadline ? next : l->deadline;
    next = l->ping_at < l->check_at ? l->ping_at : l->check_at;
    return l->handing_over && l->hand_over_ms < next ? l->hand_over_ms : next;
}
