/* learner: a follower or an observer: it finds its leader, follows what it says, and
 * speaks for its own clients [Zab, phase 3; Follower, Observer]. How the histories
 * become one is in learner_sync.c.
 *
 * Invariants, in broadcast:
 *   every txn logged follows the one before it: a connection neither skips nor repeats
 *   a COMMIT is of the oldest txn that is not committed
 *   acked <= durable: an ack is a promise; each proposal has its own, in order
 *   a sync is answered after everything that came before the leader's answer is applied */
#include "replication/learner_state.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "proto/txn.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A leader that was just elected may need a moment to open its port. */
#define DIAL_COUNT_MAX 5
#define DIAL_WAIT_MS 100
/* Syncs without an answer; the app is refused more. */
#define SYNCS_MAX 65536

struct pending_sync {
    struct list link;
    uint64_t cookie;
    bool answered;
    zk_zxid zxid; /* must be applied; when answered */
};

/* ---------------------------------------------------------------- life */

static void dial(struct learner *l, struct zab_actions *out)
{
    struct zab_action *action = zab_action_add(out, ZAB_DIAL);

    l->dial_at = INT64_MAX;
    l->dial_count++;
    action->sid = l->leader_sid;
    action->ticket = l->dial_ticket = zab_ticket(l->zab);
}

static void heard(struct learner *l)
{
    const struct zab_config *c = &l->zab->config;
    int32_t limit = l->phase == LEARNER_BROADCAST ? c->sync_limit : c->init_limit;

    l->deadline = l->zab->now_ms + (int64_t)limit * c->tick_ms;
}

struct learner *learner_new(struct zab *zab, int64_t leader_sid, struct zab_actions *out)
{
    struct learner *l = xcalloc(1, sizeof *l);

    l->zab = zab;
    l->phase = LEARNER_DIAL;
    l->is_observer = zab->role == ROLE_OBSERVING;
    l->leader_sid = leader_sid;
    list_init(&l->syncs);
    heard(l);
    dial(l, out);
    return l;
}

void learner_free(struct learner *l, struct zab_actions *out)
{
    if (l == NULL)
        return;
    if (l->conn != 0)
        zab_action_close(out, l->conn, "the role ended");
    LIST_FOR_SAFE(link, &l->syncs)
    {
        free(CONTAINER_OF(link, struct pending_sync, link));
    }
    blob_unref(l->config);
    free(l);
}

void learner_tick(struct learner *l, struct zab_actions *out)
{
    int64_t now_ms = l->zab->now_ms;

    if (now_ms >= l->deadline)
        zab_leave(l->zab, out, "nothing heard from the leader, sid %" PRId64, l->leader_sid);
    else if (now_ms >= l->dial_at)
        dial(l, out);
}

int64_t learner_deadline(const struct learner *l)
{
    return l->dial_at < l->deadline ? l->dial_at : l->deadline;
}

/* ---------------------------------------------------------------- the connection */

/* Its election port refuses: the process that we want to follow is gone. */
void learner_peer(struct learner *l, int64_t sid, enum peer_reach reach, struct zab_actions *out)
{
    if (sid == l->leader_sid && reach == REACH_DOWN && l->phase == LEARNER_DIAL)
        zab_leave(l->zab, out, "the leader, sid %" PRId64 ", is down", sid);
}

void learner_dialled(struct learner *l, uint64_t ticket, uint64_t conn, struct zab_actions *out)
{
    if (ticket != l->dial_ticket || l->phase != LEARNER_DIAL) {
        zab_action_close(out, conn, "nobody waits for it");
        return;
    }
    l->dial_ticket = 0;
    l->conn = conn;
    l->phase = LEARNER_HELLO;
    heard(l);
    learner_send(l,
                 &(struct peer_msg){.type = l->is_observer ? OBSERVERINFO : FOLLOWERINFO,
                                    .zxid = zxid_make(l->zab->accepted, 0),
                                    .sid = l->zab->config.sid,
                                    .protocol = QUORUM_PROTOCOL_VERSION,
                                    .config_version = l->zab->config.config_version},
                 out);
}

void learner_dial_failed(struct learner *l, uint64_t ticket, struct zab_actions *out)
{
    if (ticket != l->dial_ticket)
        return;
    l->dial_ticket = 0;
    if (l->dial_count >= DIAL_COUNT_MAX)
        zab_leave(l->zab, out, "the leader, sid %" PRId64 ", cannot be reached", l->leader_sid);
    else
        l->dial_at = l->zab->now_ms + DIAL_WAIT_MS;
}

void learner_conn_down(struct learner *l, uint64_t conn, struct zab_actions *out)
{
    if (conn == 0 || conn != l->conn)
        return;
    l->conn = 0;
    zab_leave(l->zab, out, "the connection to the leader, sid %" PRId64 ", broke", l->leader_sid);
}

void learner_progress(struct learner *l, uint64_t conn)
{
    if (conn == l->conn)
        heard(l);
}

void learner_send(struct learner *l, const struct peer_msg *msg, struct zab_actions *out)
{
    zab_action_send(out, l->conn, msg);
}

/* ---------------------------------------------------------------- broadcast */

struct window *learner_history(struct learner *l)
{
    return l->zab->stage.active ? &l->zab->stage.history : &l->zab->history;
}

/* While a snapshot comes its txns are staged with it; while it is being installed they
 * wait for their append. */
static void take_staged(struct zab *zab, struct blob *txn, struct zab_actions *out)
{
    struct zab_action *action;

    window_append(&zab->stage.history, txn);
    if (zab->stage.installing)
        return;
    action = zab_action_add(out, ZAB_SNAP_STAGE);
    action->zxid = txn_zxid(txn->data);
    action->data = blob_ref(txn);
    action->ticket = zab->stage.ticket;
}

/* Before UPTODATE nothing can be applied, so all that comes has to be kept. Too much of that is
 * no loss: it is in our log, and the next time there is so much less to send. What was
 * kept before we came is not counted, or it could shut us out for ever. */
static bool has_room(const struct learner *l)
{
    const struct zab *zab = l->zab;
    size_t kept = l->phase == LEARNER_BROADCAST ? zab->history.tail_bytes : l->sync_bytes;

    return kept < zab_sync_bytes_max(zab);
}

void learner_take(struct learner *l, struct blob *txn, struct zab_actions *out)
{
    struct zab *zab = l->zab;
    zk_zxid last = learner_history(l)->end, zxid = txn_zxid(txn->data);

    if (!zxid_follows(last, zxid) || zxid_epoch(zxid) > l->epoch) {
        /* One of us is wrong about the history. Discovery compares histories: start
         * over there (ZOOKEEPER-4925). */
        zab_leave(zab, out, "txn 0x%" PRIx64 " does not follow 0x%" PRIx64, (uint64_t)zxid,
                  (uint64_t)last);
        return;
    }
    if (!has_room(l)) {
        zab_leave(zab, out, "too many txns that are not applied yet");
        return;
    }
    if (l->phase < LEARNER_BROADCAST)
        l->sync_bytes += txn->len;
    if (zab->stage.active)
        take_staged(zab, txn, out);
    else
        zab_log(zab, txn, out);
}

/* An Apache leader counts acks one by one: so every proposal gets its own. */
void learner_ack_proposals(struct learner *l, struct zab_actions *out)
{
    const struct window *h = &l->zab->history;

    if (l->phase != LEARNER_BROADCAST || l->is_observer)
        return;
    for (size_t i = window_index(h, l->acked + 1); i < h->count; i++) {
        zk_zxid zxid = window_zxid(h, i);

        if (zxid > h->durable)
            break;
        learner_send(l, &(struct peer_msg){.type = ACK, .zxid = zxid}, out);
        l->acked = zxid;
    }
}

static void on_commit(struct learner *l, zk_zxid zxid, struct zab_actions *out)
{
    struct window *h = &l->zab->history;
    size_t next = window_index(h, h->committed + 1);

    if (next >= h->count || window_zxid(h, next) != zxid) {
        zab_leave(l->zab, out, "COMMIT 0x%" PRIx64 " is not the next after 0x%" PRIx64,
                  (uint64_t)zxid, (uint64_t)h->committed);
        return;
    }
    h->committed = zxid;
    zab_apply(l->zab, out);
}

static void on_sync(struct learner *l, struct zab_actions *out)
{
    LIST_FOR(link, &l->syncs)
    {
        struct pending_sync *sync = CONTAINER_OF(link, struct pending_sync, link);

        if (!sync->answered) {
            sync->answered = true;
            sync->zxid = l->zab->history.committed;
            learner_applied(l, out);
            return;
        }
    }
    zab_leave(l->zab, out, "SYNC that nobody asked for");
}

static void on_revalidated(struct learner *l, const struct peer_msg *msg, struct zab_actions *out)
{
    struct zab_action *action;

    if (!msg->is_answer) {
        zab_leave(l->zab, out, "REVALIDATE that asks, of a leader");
        return;
    }
    action = zab_action_add(out, ZAB_REVALIDATED);
    action->session_id = msg->session_id;
    action->valid = msg->valid;
}

/* The echo carries the sessions that lived here, which the app knows. */
static void on_ping(struct learner *l, zk_zxid zxid, struct zab_actions *out)
{
    if (l->ping_count == LEARNER_PINGS_MAX) {
        zab_leave(l->zab, out, "the pings of the leader are not answered");
        return;
    }
    l->pings[l->ping_count++] = zxid;
    zab_action_add(out, ZAB_ASK_TOUCHED);
}

void learner_reconfigured(struct learner *l, struct zab_actions *out)
{
    zab_action_alarm(out, "the ensemble is being reconfigured, which this server cannot follow");
    zab_leave(l->zab, out, "reconfiguration");
}

static void on_broadcast(struct learner *l, const struct peer_msg *msg, struct zab_actions *out)
{
    switch (msg->type) {
    case PROPOSAL:
        learner_take(l, msg->data, out);
        break;
    case COMMIT:
        on_commit(l, msg->zxid, out);
        break;
    case INFORM:
        learner_take(l, msg->data, out);
        if (!l->zab->leaving)
            on_commit(l, msg->zxid, out);
        break;
    case PING:
        on_ping(l, msg->zxid, out);
        break;
    case SYNC:
        on_sync(l, out);
        break;
    case REVALIDATE:
        on_revalidated(l, msg, out);
        break;
    case COMMITANDACTIVATE:
    case INFORMANDACTIVATE:
        learner_reconfigured(l, out);
        break;
    default:
        break; /* of a later version */
    }
}

void learner_packet(struct learner *l, uint64_t conn, const struct peer_msg *msg,
                    struct zab_actions *out)
{
    if (conn == 0 || conn != l->conn)
        return;
    if (l->phase == LEARNER_BROADCAST)
        on_broadcast(l, msg, out);
    else
        learner_sync_packet(l, msg, out);
    heard(l);
}

/* ---------------------------------------------------------------- the disk */

void learner_log_changed(struct learner *l, struct zab_actions *out)
{
    learner_sync_persist(l, out);
    learner_ack_proposals(l, out);
}

void learner_meta_durable(struct learner *l, struct zab_actions *out)
{
    learner_sync_meta(l, out);
}

/* A server whose history was damaged has a whole one now: it comes back as a voter,
 * which begins with an election. */
void learner_snap_installed(struct learner *l, struct zab_actions *out)
{
    learner_sync_persist(l, out);
    if (l->is_observer && l->zab->is_voter)
        zab_leave(l->zab, out, "the history is whole again; this server votes");
}

void learner_applied(struct learner *l, struct zab_actions *out)
{
    LIST_FOR_SAFE(link, &l->syncs)
    {
        struct pending_sync *sync = CONTAINER_OF(link, struct pending_sync, link);

        if (!sync->answered || sync->zxid > l->zab->history.applied)
            return;
        zab_action_add(out, ZAB_SYNCED)->cookie = sync->cookie;
        list_remove(&sync->link);
        l->sync_count--;
        free(sync);
    }
}

/* ---------------------------------------------------------------- our own clients */

bool learner_forward(struct learner *l, struct blob *data, struct blob *auth,
                     struct zab_actions *out)
{
    if (l->phase != LEARNER_BROADCAST || l->zab->leaving)
        return false;
    learner_send(l,
                 &(struct peer_msg){.type = REQUEST,
                                    .zxid = -1,
                                    .data = blob_ref(data),
                                    .auth = auth == NULL ? NULL : blob_ref(auth)},
                 out);
    return true;
}

bool learner_forward_sync(struct learner *l, struct blob *data, struct blob *auth, uint64_t cookie,
                          struct zab_actions *out)
{
    struct pending_sync *sync;

    if (l->sync_count >= SYNCS_MAX || !learner_forward(l, data, auth, out))
        return false;
    sync = xcalloc(1, sizeof *sync);
    sync->cookie = cookie;
    list_push_back(&l->syncs, &sync->link);
    l->sync_count++;
    return true;
}

bool learner_revalidate(struct learner *l, int64_t session_id, int32_t timeout_ms,
                        struct zab_actions *out)
{
    if (l->phase != LEARNER_BROADCAST || l->zab->leaving)
        return false;
    learner_send(
        l,
        &(struct peer_msg){
            .type = REVALIDATE, .zxid = -1, .session_id = session_id, .timeout_ms = timeout_ms},
        out);
    return true;
}

/* The app has its touched sessions together: they are the answer to the oldest PING. */
void learner_touched(struct learner *l, struct blob *sessions, struct zab_actions *out)
{
    zk_zxid zxid = l->pings[0];

    if (l->ping_count == 0 || l->zab->leaving)
        return;
    l->ping_count--;
    memmove(&l->pings[0], &l->pings[1], l->ping_count * sizeof l->pings[0]);
    learner_send(l,
                 &(struct peer_msg){.type = PING,
                                    .zxid = zxid,
                                    .data = sessions == NULL ? NULL : blob_ref(sessions)},
                 out);
}

void learner_view(const struct learner *l, struct zab_view *ret)
{
    static const char *const names[] = {"dial",    "hello", "promise", "choice",   "history",
                                        "persist", "epoch", "ready",   "broadcast"};

    ret->phase = names[l->phase];
    ret->epoch = l->phase > LEARNER_HELLO ? l->epoch : 0;
}
