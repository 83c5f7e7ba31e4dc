/* zab: see zab.h. This file receives the events and hands them to the role; it keeps
 * what outlives a role: the history, the epochs, the writes under way.
 *
 * A role ends like this: zab_leave() -> its connections are closed -> the disk
 * finishes everything the role asked of it (draining) -> a new election. So no
 * completion of one role meets another (ZOOKEEPER-4541), and what an election
 * announces is on disk.
 *
 * Invariants:
 *   current <= accepted
 *   exactly one of: draining, searching (the election runs), leader, learner; none when
 *   stopped
 *   a role begins with durable == end, no write under way, no stage
 *   applied, committed, durable, end: see window.c */
#include "replication/zab.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "proto/txn.h"
#include "replication/zab_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define WINDOW_COUNT_MIN 500
#define WINDOW_BYTES_MAX ((size_t)64 << 20)
#define TAIL_BYTES_MAX ((size_t)256 << 20)
#define LEARNER_QUEUE_MAX ((size_t)64 << 20)
#define LEARNER_MAX 1000
/* A new leadership begins well before zxids run into the next epoch's (ZOOKEEPER-1277). */
#define COUNTER_LIMIT 0xfffffff0u
#define FINALIZE_WAIT_MS 200
#define NOTIFY_MIN_MS 200

/* ---------------------------------------------------------------- for the roles */

uint64_t zab_ticket(struct zab *zab)
{
    return ++zab->last_ticket;
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

/* ---------------------------------------------------------------- roles come and go */

static bool is_drained(const struct zab *zab)
{
    return zab->meta_ticket == 0 && zab->truncate_ticket == 0 && !zab->stage.active &&
           zab->history.durable == zab->history.end;
}

static void drop_stage(struct zab *zab, struct zab_actions *out)
{
    if (!zab->stage.active || zab->stage.installing)
        return; /* what is being installed comes into force; draining waits for it */
    zab_action_add(out, ZAB_SNAP_DROP)->ticket = zab->stage.ticket;
    window_done(&zab->stage.history);
    zab->stage = (struct stage){0};
}

static void end_role(struct zab *zab, struct zab_actions *out)
{
    leader_free(zab->leader, out);
    learner_free(zab->learner, out);
    zab->leader = NULL;
    zab->learner = NULL;
    drop_stage(zab, out);
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

    ASSERT(is_drained(zab));
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
static void finish(struct zab *zab, struct zab_actions *out)
{
    int64_t leader_sid;

    for (;;) {
        if (zab->stopped || !zab->started)
            return;
        zab_apply(zab, out);
        if (zab->leader != NULL && leader_handed_over(zab->leader))
            zab_leave(zab, out, "handed over");
        if (zab->leaving) {
            end_role(zab, out);
        } else if (zab->stopping && zab->leader == NULL && zab->learner == NULL) {
            end_role(zab, out);
            zab->stopped = true;
            zab_action_add(out, ZAB_STOPPED);
        } else if (zab->draining && is_drained(zab)) {
            start_election(zab, out);
        } else if (election_decided(zab->election, &leader_sid)) {
            begin_role(zab, leader_sid, out);
        } else {
            return;
        }
    }
}

/* ---------------------------------------------------------------- life */

static void set_defaults(struct zab_config *c)
{
#define OR(field, value) c->field = c->field != 0 ? c->field : (value)
    OR(window_count_min, WINDOW_COUNT_MIN);
    OR(window_bytes_max, WINDOW_BYTES_MAX);
    OR(tail_bytes_max, TAIL_BYTES_MAX);
    OR(learner_queue_max, LEARNER_QUEUE_MAX);
    OR(counter_limit, COUNTER_LIMIT);
    OR(learner_max, LEARNER_MAX);
    OR(finalize_wait_ms, FINALIZE_WAIT_MS);
    OR(notify_min_ms, NOTIFY_MIN_MS);
    OR(notify_max_ms, 2 * c->tick_ms);
#undef OR
}

struct zab *zab_new(const struct zab_config *config, const struct zab_disk *disk)
{
    struct zab *zab = xcalloc(1, sizeof *zab);

    ASSERT(config->tick_ms > 0 && config->init_limit > 0 && config->sync_limit > 0);
    ASSERT(disk->current <= disk->accepted && disk->base <= disk->applied);
    zab->config = *config;
    set_defaults(&zab->config);
    ASSERT(zab->config.counter_limit <= COUNTER_LIMIT);
    quorums_ref(config->quorums);
    if (config->config_text != NULL)
        blob_ref(config->config_text);
    zab->rng = rng_seeded(config->seed);
    zab->is_voter = quorums_bit(config->quorums, config->sid) != 0;
    zab->accepted = disk->accepted;
    zab->current = disk->current;
    zab->no_vote = disk->no_vote;
    window_load(&zab->history, disk->base, disk->applied, disk->entries, disk->entry_count);
    zab->role = ROLE_LOOKING;
    zab->draining = true;
    zab->leader_sid = VOTE_NOBODY;
    zab->election = election_new(&zab->config);
    return zab;
}

void zab_free(struct zab *zab)
{
    struct zab_actions unwanted = {0};

    if (zab == NULL)
        return;
    leader_free(zab->leader, &unwanted);
    learner_free(zab->learner, &unwanted);
    zab_actions_done(&unwanted);
    election_free(zab->election);
    window_done(&zab->history);
    window_done(&zab->stage.history);
    quorums_unref(zab->config.quorums);
    blob_unref(zab->config.config_text);
    free(zab);
}

void zab_stop(struct zab *zab, struct zab_actions *out)
{
    if (zab->stopping)
        return;
    zab->stopping = true;
    zab->started = true;
    if (zab->leader != NULL)
        leader_hand_over(zab->leader);
    else if (zab->learner != NULL)
        zab_leave(zab, out, "stopping");
    finish(zab, out);
}

/* ---------------------------------------------------------------- time, election */

void zab_tick(struct zab *zab, int64_t now_ms, struct zab_actions *out)
{
    ASSERT(!zab->started || now_ms >= zab->now_ms);
    zab->now_ms = now_ms;
    zab->started = true;
    election_tick(zab->election, now_ms, out);
    if (zab->leader != NULL)
        leader_tick(zab->leader, out);
    if (zab->learner != NULL)
        learner_tick(zab->learner, out);
    finish(zab, out);
}

int64_t zab_deadline(const struct zab *zab)
{
    if (!zab->started)
        return INT64_MIN;
    if (zab->stopped)
        return INT64_MAX;
    if (zab->leader != NULL)
        return leader_deadline(zab->leader);
    if (zab->learner != NULL)
        return learner_deadline(zab->learner);
    return election_deadline(zab->election);
}

void zab_peer(struct zab *zab, int64_t sid, enum peer_reach reach, struct zab_actions *out)
{
    election_peer(zab->election, sid, reach, zab->now_ms, out);
    if (zab->learner != NULL)
        learner_peer(zab->learner, sid, reach, out);
    finish(zab, out);
}

void zab_notification(struct zab *zab, int64_t sid, const struct ballot *ballot,
                      struct zab_actions *out)
{
    election_ballot(zab->election, sid, ballot, zab->now_ms, out);
    finish(zab, out);
}

/* ---------------------------------------------------------------- quorum connections */

void zab_dialled(struct zab *zab, uint64_t ticket, uint64_t conn, struct zab_actions *out)
{
    if (zab->learner != NULL)
        learner_dialled(zab->learner, ticket, conn, out);
    else
        zab_action_close(out, conn, "nobody waits for it");
    finish(zab, out);
}

void zab_dial_failed(struct zab *zab, uint64_t ticket, struct zab_actions *out)
{
    if (zab->learner != NULL)
        learner_dial_failed(zab->learner, ticket, out);
    finish(zab, out);
}

void zab_accepted(struct zab *zab, uint64_t conn, struct zab_actions *out)
{
    if (zab->leader != NULL)
        leader_accepted(zab->leader, conn, out);
    else
        zab_action_close(out, conn, "not leading");
    finish(zab, out);
}

void zab_conn_down(struct zab *zab, uint64_t conn, struct zab_actions *out)
{
    if (zab->leader != NULL)
        leader_conn_down(zab->leader, conn, out);
    if (zab->learner != NULL)
        learner_conn_down(zab->learner, conn, out);
    finish(zab, out);
}

void zab_packet(struct zab *zab, uint64_t conn, const struct peer_msg *msg, struct zab_actions *out)
{
    if (zab->leader != NULL)
        leader_packet(zab->leader, conn, msg, out);
    if (zab->learner != NULL)
        learner_packet(zab->learner, conn, msg, out);
    finish(zab, out);
}

void zab_sent(struct zab *zab, uint64_t conn, size_t bytes, struct zab_actions *out)
{
    if (zab->leader != NULL)
        leader_sent(zab->leader, conn, bytes);
    finish(zab, out);
}

void zab_progress(struct zab *zab, uint64_t conn)
{
    if (zab->leader != NULL)
        leader_progress(zab->leader, conn);
    if (zab->learner != NULL)
        learner_progress(zab->learner, conn);
}

/* A leader that nobody can reach must not stay one (ZOOKEEPER-4203). */
void zab_listen_failed(struct zab *zab, struct zab_actions *out)
{
    if (zab->leader != NULL)
        zab_leave(zab, out, "the quorum port failed");
    finish(zab, out);
}

/* ---------------------------------------------------------------- the disk */

/* While a TRUNCATE or SNAP_INSTALL is under way nothing that was appended after it can
 * be durable, and all before it was (drained): so there is nothing to learn here. */
void zab_log_durable(struct zab *zab, zk_zxid zxid, struct zab_actions *out)
{
    if (zab->truncate_ticket == 0 && !zab->stage.installing && zxid > zab->history.durable) {
        ASSERT(zxid <= zab->history.end);
        zab->history.durable = zxid;
        if (zab->leader != NULL)
            leader_log_durable(zab->leader, out);
        if (zab->learner != NULL)
            learner_log_changed(zab->learner, out);
    }
    finish(zab, out);
}

void zab_log_truncated(struct zab *zab, uint64_t ticket, struct zab_actions *out)
{
    if (ticket != 0 && ticket == zab->truncate_ticket) {
        zab->truncate_ticket = 0;
        if (zab->learner != NULL)
            learner_log_changed(zab->learner, out);
    }
    finish(zab, out);
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
    finish(zab, out);
}

void zab_snap_opened(struct zab *zab, uint64_t ticket, zk_zxid zxid, bool failed,
                     struct zab_actions *out)
{
    if (zab->leader != NULL)
        leader_snap_opened(zab->leader, ticket, zxid, failed, out);
    finish(zab, out);
}

void zab_snap_received(struct zab *zab, uint64_t ticket, struct zab_actions *out)
{
    if (zab->stage.active && zab->stage.ticket == ticket && !zab->stage.received) {
        ASSERT(zab->learner != NULL);
        zab->stage.received = true;
    }
    finish(zab, out);
}

void zab_snap_failed(struct zab *zab, uint64_t ticket, struct zab_actions *out)
{
    if (zab->stage.active && zab->stage.ticket == ticket) {
        window_done(&zab->stage.history);
        zab->stage = (struct stage){0};
        if (zab->learner != NULL)
            zab_leave(zab, out, "the snapshot failed");
    }
    finish(zab, out);
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
    finish(zab, out);
}

/* ---------------------------------------------------------------- requests of the app */

bool zab_can_propose(const struct zab *zab)
{
    return zab->leader != NULL && leader_can_propose(zab->leader) &&
           zab->history.tail_bytes < zab->config.tail_bytes_max;
}

zk_zxid zab_next_zxid(const struct zab *zab)
{
    ASSERT(zab->leader != NULL);
    return leader_next_zxid(zab->leader);
}

void zab_propose(struct zab *zab, struct blob *txn, struct zab_actions *out)
{
    ASSERT(zab_can_propose(zab));
    leader_propose(zab->leader, txn, out);
    blob_unref(txn);
}

bool zab_forward(struct zab *zab, struct blob *data, struct blob *auth, struct zab_actions *out)
{
    return zab->learner != NULL && learner_forward(zab->learner, data, auth, out);
}

void zab_sync(struct zab *zab, uint64_t conn, uint64_t cookie, struct zab_actions *out)
{
    if (zab->leader != NULL)
        leader_sync_request(zab->leader, conn, cookie, out);
    finish(zab, out);
}

bool zab_forward_sync(struct zab *zab, struct blob *data, struct blob *auth, uint64_t cookie,
                      struct zab_actions *out)
{
    return zab->learner != NULL && learner_forward_sync(zab->learner, data, auth, cookie, out);
}

bool zab_revalidate(struct zab *zab, int64_t session_id, int32_t timeout_ms,
                    struct zab_actions *out)
{
    return zab->learner != NULL && learner_revalidate(zab->learner, session_id, timeout_ms, out);
}

void zab_revalidate_answer(struct zab *zab, uint64_t conn, int64_t session_id, bool valid,
                           struct zab_actions *out)
{
    if (zab->leader != NULL)
        leader_revalidate_answer(zab->leader, conn, session_id, valid, out);
}

void zab_touched(struct zab *zab, struct blob *sessions, struct zab_actions *out)
{
    if (zab->learner != NULL)
        learner_touched(zab->learner, sessions, out);
}

/* ---------------------------------------------------------------- looking in */

struct zab_view zab_view(const struct zab *zab)
{
    struct zab_view view = {
        .role = zab->role,
        .phase = zab->stopped ? "stopped" : (zab->draining ? "draining" : "election"),
        .serving = zab->serving,
        .no_vote = zab->no_vote,
        .leader = zab->leader_sid,
        .accepted = zab->accepted,
        .current = zab->current,
        .log_base = zab->history.base,
        .log_end = zab->history.end,
        .durable = zab->history.durable,
        .committed = zab->history.committed,
        .applied = zab->history.applied,
        .round = election_round(zab->election),
        .vote = election_vote(zab->election),
        .window_bytes = zab->history.bytes,
    };

    if (zab->leader != NULL)
        leader_view(zab->leader, &view);
    if (zab->learner != NULL)
        learner_view(zab->learner, &view);
    return view;
}

struct blob *zab_entry(const struct zab *zab, zk_zxid zxid)
{
    size_t i = window_index(&zab->history, zxid);

    return i < zab->history.count && window_zxid(&zab->history, i) == zxid
               ? window_at(&zab->history, i)
               : NULL;
}
