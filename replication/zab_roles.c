/* zab_roles: a role ends like this: zab_leave() -> its connections are closed -> the disk
 * finishes everything the role asked of it (draining) -> a new election. So no
 * completion of one role meets another (ZOOKEEPER-4541), and what an election
 * announces is on disk.
 *
 * Invariants:
 *   exactly one of: draining, searching (the election runs), leader, learner; none when
 *   stopped
 *   a role begins with durable == end, no write under way, no stage */
#include "proto/base/assert.h"
#include "replication/zab_state.h"

#include <stdarg.h>
#include <stdio.h>

/* Time for the others to elect one whose disk has room. */
#define STAND_DOWN_TICKS 2

/* Observers, of which there may be many, do not all come at once to voters that have an election
 * before them [observer.election.DelayMs]. */
#define OBSERVER_DELAY_MS 200

uint64_t zab_ticket(struct zab *zab)
{
    return ++zab->last_ticket;
}

void zab_wait(struct zab *zab, int32_t ticks)
{
    zab->wait_until = zab->now_ms + (int64_t)ticks * zab->config.tick_ms;
}

void zab_leave(struct zab *zab, struct zab_actions *out, const char *fmt, ...)
{
    va_list args;
    char why[256];

    if (zab->leaving)
        return;
    va_start(args, fmt);
    (void)vsnprintf(why, sizeof why, fmt, args); /* a longer sentence is cut */
    va_end(args);
    zab->leaving = true;
    zab_action_note(out, "%s ends: %s", zab_role_name(zab->role), why);
}

void zab_tell_role(struct zab *zab, zk_epoch epoch, struct zab_actions *out)
{
    struct zab_action *action = zab_action_add(out, ZAB_ROLE);

    action->role = zab->role;
    action->serving = zab->serving;
    action->sid = zab->leader_sid;
    action->zxid = zxid_make(epoch, 0);
}

static void delay_observer(struct zab *zab)
{
    int64_t until = zab->now_ms + (int64_t)rng_below(&zab->rng, OBSERVER_DELAY_MS);

    if (zab->role == ROLE_OBSERVING && !zab->is_voter && until > zab->wait_until)
        zab->wait_until = until;
}

static void end_role(struct zab *zab, struct zab_actions *out)
{
    delay_observer(zab);
    leader_free(zab->leader, out);
    learner_free(zab->learner, out);
    zab->leader = NULL;
    zab->learner = NULL;
    zab_drop_stage(zab, out);
    if (!zab->draining)
        election_pause(zab->election);
    zab->leaving = false;
    zab->draining = true;
    zab->serving = false;
    zab->leader_sid = VOTE_NOBODY;
    if (zab->role != ROLE_LOOKING) {
        zab->role = ROLE_LOOKING;
        zab_tell_role(zab, 0, out);
    }
}

/* The history that we stand for: our log's end, all of it on disk. */
static void start_election(struct zab *zab, struct zab_actions *out)
{
    struct vote own = VOTE_NONE;

    zab->draining = false;
    if (zab->is_voter && !zab->no_vote)
        own = (struct vote){
            .leader = zab->config.sid, .zxid = zab->history.end, .epoch = zab->current};
    election_start(zab->election, &own, zab->now_ms, out);
}

static void begin_role(struct zab *zab, int64_t leader_sid, struct zab_actions *out)
{
    bool follows = zab->is_voter && !zab->no_vote;

    ASSERT(zab_is_drained(zab));
    zab->leader_sid = leader_sid;
    if (leader_sid == zab->config.sid) {
        ASSERT(follows);
        zab->role = ROLE_LEADING;
        election_settle(zab->election, PEER_LEADING);
        zab_tell_role(zab, 0, out);
        zab->leader = leader_new(zab, out);
    } else {
        zab->role = follows ? ROLE_FOLLOWING : ROLE_OBSERVING;
        election_settle(zab->election, follows ? PEER_FOLLOWING : PEER_OBSERVING);
        zab_tell_role(zab, 0, out);
        zab->learner = learner_new(zab, leader_sid, out);
    }
}

/* What an event has set off goes on until nothing more follows. */
void zab_finish(struct zab *zab, struct zab_actions *out)
{
    int64_t leader_sid;

    for (;;) {
        if (zab->stopped || !zab->started)
            return;
        zab_apply(zab, out);
        if (zab->leader != NULL && leader_handed_over(zab->leader)) {
            zab_leave(zab, out, "handed over");
            if (zab->stood_down)
                zab_wait(zab, STAND_DOWN_TICKS);
        }
        if (zab->leaving) {
            end_role(zab, out);
        } else if (zab->stopping && zab->leader == NULL && zab->learner == NULL) {
            end_role(zab, out);
            zab->stopped = true;
            zab_action_add(out, ZAB_STOPPED);
        } else if (zab->draining && zab_is_drained(zab) && zab->now_ms >= zab->wait_until) {
            start_election(zab, out);
        } else if (election_decided(zab->election, &leader_sid)) {
            begin_role(zab, leader_sid, out);
        } else {
            return;
        }
    }
}
