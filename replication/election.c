/* election: see election.h. The rules are those of FastLeaderElection:
 *   - a vote is for the newest history known; who hears of a newer one adopts it and
 *     tells everybody; rounds tell the votes of one election from another's;
 *   - a quorum of equal votes decides: at once when nobody is left who could know of
 *     a newer history (all others have voted in this round, or are known to be down),
 *     else after a short wait;
 *   - servers that follow or lead already are believed when a quorum of them agrees
 *     and the leader itself says that it leads, or a dead one would be elected for
 *     ever. Among them zxid and round differ: they joined at different times, so
 *     leader and epoch are compared alone (ZOOKEEPER-1732, -1805).
 * Invariants:
 *   looking: our own vote is never worse than one received in this round
 *   decided implies looking; a server that does not vote never leads */
#include "replication/election.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "proto/notification.h"

#include <stdlib.h>

enum phase {
    PAUSED,  /* the last role has ended, the next search has not begun */
    LOOKING, /* votes are exchanged, until decided */
    SETTLED, /* a role was taken: searchers are answered */
};

/* What is known of one voter. */
struct elector {
    enum peer_reach reach;
    bool voted, abstains;  /* in this round */
    bool settled;          /* OUTSIDE holds */
    bool kept;             /* PAUSED: LATE came */
    struct ballot ballot;  /* of this round */
    struct ballot outside; /* of one that follows or leads, in whatever round */
    struct ballot late;
};

struct election {
    const struct zab_config *config;
    enum phase phase;
    bool decided;
    enum peer_state state; /* what searchers are told when SETTLED */
    int64_t round;
    struct vote own, vote;
    int64_t settled_round;
    int64_t notify_at, notify_wait;
    int64_t finalize_at; /* a quorum agrees: when to believe it; INT64_MAX: none does */
    size_t count;        /* of voters */
    struct elector electors[QUORUM_VOTERS_MAX];
};

struct election *election_new(const struct zab_config *config)
{
    struct election *e = xcalloc(1, sizeof *e);

    e->config = config;
    e->phase = PAUSED;
    e->own = e->vote = VOTE_NONE;
    e->count = quorums_voter_count(config->quorums);
    e->finalize_at = INT64_MAX;
    return e;
}

void election_free(struct election *election)
{
    free(election);
}

/* NULL: SID has no vote. */
static struct elector *elector_of(struct election *e, int64_t sid)
{
    for (size_t i = 0; i < e->count; i++)
        if (quorums_voter(e->config->quorums, i) == sid)
            return &e->electors[i];
    return NULL;
}

static struct ballot current_ballot(const struct election *e)
{
    bool settled = e->phase == SETTLED;

    return (struct ballot){.vote = e->vote,
                           .round = settled ? e->settled_round : e->round,
                           .state = settled ? e->state : PEER_LOOKING,
                           .version = NOTIFICATION_VERSION};
}

/* A server without a say follows the votes of the others but never lends them its name:
 * its sid may well be a voter's, whose ballots are counted. */
static bool has_say(const struct election *e)
{
    return e->own.leader != VOTE_NOBODY;
}

static void tell(const struct election *e, int64_t sid, struct zab_actions *out)
{
    struct zab_action *action = zab_action_add(out, ZAB_NOTIFY);

    action->sid = sid;
    action->ballot = current_ballot(e);
    if (!has_say(e))
        action->ballot.vote = VOTE_NONE;
    if (e->config->config_text != NULL)
        action->data = blob_ref(e->config->config_text);
}

static void tell_all(const struct election *e, struct zab_actions *out)
{
    for (size_t i = 0; i < e->count; i++) {
        int64_t sid = quorums_voter(e->config->quorums, i);

        if (sid != e->config->sid)
            tell(e, sid, out);
    }
}

/* Our own ballot counts like any other, if we have a vote at all. */
static void cast(struct election *e)
{
    struct elector *self = elector_of(e, e->config->sid);

    if (self == NULL || !has_say(e))
        return;
    self->voted = true;
    self->ballot = current_ballot(e);
}

static void adopt(struct election *e, const struct vote *vote, struct zab_actions *out)
{
    e->vote = *vote;
    e->finalize_at = INT64_MAX;
    cast(e);
    tell_all(e, out);
}

static void forget_round(struct election *e)
{
    for (size_t i = 0; i < e->count; i++)
        e->electors[i].voted = e->electors[i].abstains = false;
}

/* Do these two speak of the same leadership? */
static bool agrees(const struct ballot *a, const struct ballot *b)
{
    if (a->state == PEER_LOOKING || b->state == PEER_LOOKING)
        return vote_equal(&a->vote, &b->vote) && a->round == b->round;
    if ((a->version == 0) != (b->version == 0))
        return a->vote.leader == b->vote.leader;
    return a->vote.leader == b->vote.leader && a->vote.epoch == b->vote.epoch;
}

static bool quorum_in_round(const struct election *e, const struct ballot *ballot)
{
    voter_bits bits = 0;

    for (size_t i = 0; i < e->count; i++)
        if (e->electors[i].voted && agrees(ballot, &e->electors[i].ballot))
            bits |= (voter_bits)1 << i;
    return quorums_have(e->config->quorums, bits);
}

static bool quorum_outside(const struct election *e, const struct ballot *ballot)
{
    voter_bits bits = 0;

    for (size_t i = 0; i < e->count; i++)
        if (e->electors[i].settled && agrees(ballot, &e->electors[i].outside))
            bits |= (voter_bits)1 << i;
    return quorums_have(e->config->quorums, bits);
}

/* Could a voter that we have not heard in this round still know of a newer history?
 * One whose process is gone cannot: silence alone is no proof of that. */
static bool somebody_may_know_better(const struct election *e)
{
    for (size_t i = 0; i < e->count; i++) {
        const struct elector *elector = &e->electors[i];

        if (quorums_voter(e->config->quorums, i) != e->config->sid && !elector->voted &&
            !elector->abstains && elector->reach != REACH_DOWN)
            return true;
    }
    return false;
}

/* Others may still vote for us, when we do not: then we are no candidate. */
static bool candidate_exists(const struct election *e)
{
    return e->vote.leader != VOTE_NOBODY && (e->vote.leader != e->config->sid || has_say(e));
}

static void judge(struct election *e, int64_t now_ms)
{
    struct ballot mine = current_ballot(e);

    if (e->decided || !candidate_exists(e) || !quorum_in_round(e, &mine)) {
        e->finalize_at = INT64_MAX;
        return;
    }
    if (e->finalize_at == INT64_MAX)
        e->finalize_at = now_ms + e->config->finalize_wait_ms;
    if (now_ms >= e->finalize_at || !somebody_may_know_better(e))
        e->decided = true;
}

/* A ballot of a searching VOTER; we search as well. */
static void on_looking(struct election *e, int64_t sid, struct elector *voter,
                       const struct ballot *ballot, int64_t now_ms, struct zab_actions *out)
{
    if (ballot->round < e->round) {
        if (has_say(e))
            tell(e, sid, out); /* it is behind: our ballot brings it into this round */
        return;
    }
    if (ballot->vote.leader == VOTE_NOBODY && ballot->round == e->round)
        voter->abstains = true;
    if (ballot->vote.zxid == -1 || elector_of(e, ballot->vote.leader) == NULL)
        return;
    if (ballot->round > e->round) {
        e->round = ballot->round;
        forget_round(e);
        adopt(e, vote_is_better(&ballot->vote, &e->own) ? &ballot->vote : &e->own, out);
    } else if (vote_is_better(&ballot->vote, &e->vote)) {
        adopt(e, &ballot->vote, out);
    }
    voter->voted = true;
    voter->ballot = *ballot;
    judge(e, now_ms);
}

/* Does the leader of BALLOT say itself that it leads? HIS is what it told us last, in
 * the set of ballots that agree. If it is us, only this very election can say so
 * (ZOOKEEPER-1514); a server without a vote cannot lead at all. */
static bool leader_confirms(const struct election *e, const struct ballot *ballot, bool heard,
                            const struct ballot *his)
{
    if (ballot->vote.leader == e->config->sid)
        return has_say(e) && ballot->round == e->round;
    return heard && his->state == PEER_LEADING;
}

static void conclude(struct election *e, const struct ballot *ballot)
{
    e->vote = ballot->vote;
    e->round = ballot->round;
    e->decided = true;
}

/* A ballot of a VOTER that follows or leads; we search. */
static void on_settled(struct election *e, struct elector *voter, const struct ballot *ballot)
{
    const struct elector *leader = elector_of(e, ballot->vote.leader);

    if (leader == NULL)
        return;
    if (ballot->round == e->round) {
        voter->voted = true;
        voter->ballot = *ballot;
        if (quorum_in_round(e, ballot) &&
            leader_confirms(e, ballot, leader->voted, &leader->ballot)) {
            conclude(e, ballot);
            return;
        }
    }
    voter->settled = true;
    voter->outside = *ballot;
    if (quorum_outside(e, ballot) && leader_confirms(e, ballot, leader->settled, &leader->outside))
        conclude(e, ballot);
}

void election_ballot(struct election *e, int64_t sid, const struct ballot *ballot, int64_t now_ms,
                     struct zab_actions *out)
{
    struct elector *voter = elector_of(e, sid);

    if (sid == e->config->sid)
        return;
    if (e->phase == PAUSED) {
        if (voter != NULL) {
            voter->kept = true;
            voter->late = *ballot;
        }
        return;
    }
    if (voter == NULL || e->phase == SETTLED) {
        /* Who searches gets an answer; an answer gets none, and who has no say gives
         * none: or two servers would answer each other for ever. */
        if (ballot->state == PEER_LOOKING && has_say(e))
            tell(e, sid, out);
        return;
    }
    if (e->decided)
        return;
    if (ballot->state == PEER_LOOKING)
        on_looking(e, sid, voter, ballot, now_ms, out);
    else if (ballot->state != PEER_OBSERVING)
        on_settled(e, voter, ballot);
}

void election_start(struct election *e, const struct vote *own, int64_t now_ms,
                    struct zab_actions *out)
{
    ASSERT(e->phase == PAUSED);
    ASSERT(own->leader == VOTE_NOBODY ||
           (own->leader == e->config->sid && elector_of(e, own->leader) != NULL));
    e->phase = LOOKING;
    e->decided = false;
    /* A peer may have told us the last number there is; then all of us stay in that round. */
    if (e->round < INT64_MAX)
        e->round++;
    e->own = e->vote = *own;
    e->finalize_at = INT64_MAX;
    e->notify_wait = e->config->notify_min_ms;
    e->notify_at = now_ms + e->notify_wait;
    forget_round(e);
    for (size_t i = 0; i < e->count; i++)
        e->electors[i].settled = false;
    cast(e);
    tell_all(e, out);
    judge(e, now_ms);
    for (size_t i = 0; i < e->count; i++) {
        struct elector *elector = &e->electors[i];

        if (elector->kept && !e->decided)
            election_ballot(e, quorums_voter(e->config->quorums, i), &elector->late, now_ms, out);
        elector->kept = false;
    }
}

void election_peer(struct election *e, int64_t sid, enum peer_reach reach, int64_t now_ms,
                   struct zab_actions *out)
{
    struct elector *voter = elector_of(e, sid);

    if (voter == NULL || sid == e->config->sid)
        return;
    voter->reach = reach;
    if (e->phase != LOOKING || e->decided)
        return;
    if (reach == REACH_UP)
        tell(e, sid, out);
    else
        judge(e, now_ms);
}

void election_tick(struct election *e, int64_t now_ms, struct zab_actions *out)
{
    if (e->phase != LOOKING || e->decided)
        return;
    judge(e, now_ms);
    if (e->decided || now_ms < e->notify_at)
        return;
    tell_all(e, out);
    e->notify_wait = e->notify_wait * 2 < e->config->notify_max_ms ? e->notify_wait * 2
                                                                   : e->config->notify_max_ms;
    e->notify_at = now_ms + e->notify_wait;
}

int64_t election_deadline(const struct election *e)
{
    if (e->phase != LOOKING || e->decided)
        return INT64_MAX;
    return e->notify_at < e->finalize_at ? e->notify_at : e->finalize_at;
}

bool election_decided(const struct election *e, int64_t *ret_leader)
{
    if (e->phase != LOOKING || !e->decided)
        return false;
    *ret_leader = e->vote.leader;
    return true;
}

void election_settle(struct election *e, enum peer_state state)
{
    ASSERT(e->phase == LOOKING && e->decided);
    ASSERT(state != PEER_LOOKING);
    e->phase = SETTLED;
    e->decided = false;
    e->state = state;
    e->settled_round = e->round;
}

void election_synced(struct election *e, zk_epoch epoch)
{
    ASSERT(e->phase == SETTLED);
    e->vote.epoch = epoch;
}

void election_pause(struct election *e)
{
    ASSERT(e->phase != PAUSED);
    e->phase = PAUSED;
    e->decided = false;
    for (size_t i = 0; i < e->count; i++)
        e->electors[i].kept = false;
}

int64_t election_round(const struct election *e)
{
    return e->round;
}

struct vote election_vote(const struct election *e)
{
    return e->vote;
}
