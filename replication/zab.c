/* zab: see zab.h. This file receives the events and hands them to the role. How roles come and
 * go is in zab_roles.c, what outlives them in zab_history.c. */
#include "replication/zab.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "replication/zab_state.h"

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
    zab_finish(zab, out);
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
    zab_check_disk(zab, out);
    zab_finish(zab, out);
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
    if (zab->draining)
        return zab->wait_until > zab->now_ms ? zab->wait_until : INT64_MAX;
    return election_deadline(zab->election);
}

void zab_peer(struct zab *zab, int64_t sid, enum peer_reach reach, struct zab_actions *out)
{
    election_peer(zab->election, sid, reach, zab->now_ms, out);
    if (zab->learner != NULL)
        learner_peer(zab->learner, sid, reach, out);
    zab_finish(zab, out);
}

void zab_notification(struct zab *zab, int64_t sid, const struct ballot *ballot,
                      struct zab_actions *out)
{
    election_ballot(zab->election, sid, ballot, zab->now_ms, out);
    zab_finish(zab, out);
}

/* ---------------------------------------------------------------- quorum connections */

void zab_dialled(struct zab *zab, uint64_t ticket, uint64_t conn, struct zab_actions *out)
{
    if (zab->learner != NULL)
        learner_dialled(zab->learner, ticket, conn, out);
    else
        zab_action_close(out, conn, "nobody waits for it");
    zab_finish(zab, out);
}

void zab_dial_failed(struct zab *zab, uint64_t ticket, struct zab_actions *out)
{
    if (zab->learner != NULL)
        learner_dial_failed(zab->learner, ticket, out);
    zab_finish(zab, out);
}

void zab_accepted(struct zab *zab, uint64_t conn, struct zab_actions *out)
{
    if (zab->leader != NULL)
        leader_accepted(zab->leader, conn, out);
    else
        zab_action_close(out, conn, "not leading");
    zab_finish(zab, out);
}

void zab_conn_down(struct zab *zab, uint64_t conn, struct zab_actions *out)
{
    if (zab->leader != NULL)
        leader_conn_down(zab->leader, conn, out);
    if (zab->learner != NULL)
        learner_conn_down(zab->learner, conn, out);
    zab_finish(zab, out);
}

void zab_packet(struct zab *zab, uint64_t conn, const struct peer_msg *msg, struct zab_actions *out)
{
    if (zab->leader != NULL)
        leader_packet(zab->leader, conn, msg, out);
    if (zab->learner != NULL)
        learner_packet(zab->learner, conn, msg, out);
    zab_finish(zab, out);
}

void zab_sent(struct zab *zab, uint64_t conn, size_t bytes, struct zab_actions *out)
{
    if (zab->leader != NULL)
        leader_sent(zab->leader, conn, bytes);
    zab_finish(zab, out);
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
    zab_finish(zab, out);
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
    zab_finish(zab, out);
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
