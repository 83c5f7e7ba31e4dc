/* commit: a decided txn takes effect: it is applied, its events are queued, its request
 * is answered, in this order; then what waited for it goes on. [FinalRequestProcessor] */
#include "proto/base/assert.h"
#include "proto/multi.h"
#include "proto/path.h"
#include "server/core/acl.h"
#include "server/core/connect.h"
#include "server/core/core_state.h"
#include "server/core/forward.h"
#include "server/core/remote.h"
#include "server/core/reply.h"
#include "server/core/request.h"
#include "store/apply.h"

#include <inttypes.h>
#include <stdio.h>

/* What an operation of the txn gave, for the reply: the paths lie in the txn. */
struct result {
    int32_t type;
    enum zk_err err;
    struct jute_bytes path;
    struct zk_stat stat;
};

struct commit {
    struct core *core;
    const struct txn *txn;
    struct core_client *client; /* whose request it is; NULL: of nobody here */
    struct result *results;
    int32_t result_count, result_cap;
};

/* An event on its way to those who watch. It is encoded for the first of them. */
struct event {
    struct core *core;
    zk_zxid zxid;
    enum event_type type;
    struct jute_bytes path;
    const struct zk_vec_acl *acl; /* who may not read hears nothing */
    bool is_open;
    bool is_encoded;
    int64_t watchers; /* so far; those who hear nothing among them */
};

static void tell(void *arg, struct watcher *watcher)
{
    struct event *event = arg;
    struct core_client *client = CONTAINER_OF(watcher, struct core_client, watcher);

    event->watchers++;
    if (!event->is_open && !acl_allows(event->acl, &client->who, PERM_READ))
        return;
    if (!event->is_encoded) {
        event->core->scratch.len = 0;
        event_encode(&event->core->scratch, event->type, event->path, event->zxid);
        event->is_encoded = true;
    }
    event_send(client, &event->core->scratch);
}

static struct summary *watchers_of(struct core *core, enum event_type type)
{
    switch (type) {
    case EVENT_NODE_CREATED:
        return &core->figures.created;
    case EVENT_NODE_DELETED:
        return &core->figures.deleted;
    case EVENT_NODE_DATA_CHANGED:
        return &core->figures.changed;
    default:
        return &core->figures.children;
    }
}

static void fire(const struct commit *commit, enum event_type type, struct jute_bytes path,
                 uint32_t acl_id)
{
    struct core *core = commit->core;
    struct event event = {.core = core,
                          .zxid = commit->txn->hdr.zxid,
                          .type = type,
                          .path = path,
                          .acl = tree_acl(core->tree, acl_id)};

    event.is_open = core->config.skip_acl || acl_is_open(event.acl, PERM_READ);
    watch_table_fire(&core->watches, path, type, tell, &event);
    if (event.watchers > 0)
        summary_add(watchers_of(core, type), event.watchers);
}

/* The znode first, its parent second. */
static void on_change(void *arg, const struct tree_change *change)
{
    const struct commit *commit = arg;

    if (commit->core->watches.watches == 0)
        return;
    fire(commit, change->type, change->path, change->acl_id);
    if (change->type != EVENT_NODE_DATA_CHANGED)
        fire(commit, EVENT_NODE_CHILDREN_CHANGED, path_parent(change->path), change->parent_acl_id);
}

static struct jute_bytes created_path(const struct txn *op)
{
    switch (op->hdr.type) {
    case OP_CREATE:
    case OP_CREATE2:
        return op->create.path;
    case OP_CREATE_CONTAINER:
        return op->create_container.path;
    case OP_CREATE_TTL:
        return op->create_ttl.path;
    default:
        return JUTE_NULL;
    }
}

/* Stats are taken here, as a later part of a multi may change the znode again. */
static void on_op(void *arg, const struct txn *op, enum zk_err err, const struct znode *znode)
{
    struct commit *commit = arg;
    struct result *result;

    if (commit->client == NULL)
        return;
    ASSERT(commit->result_count < commit->result_cap);
    result = &commit->results[commit->result_count++];
    result->type = op->hdr.type;
    result->err = err;
    result->path = created_path(op);
    if (znode != NULL)
        znode_stat(commit->core->tree, znode, &result->stat);
}

static void put_result(struct buf *out, const struct result *result)
{
    switch (result->type) {
    case OP_CREATE:
        put_ustring(out, result->path);
        break;
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        put_ustring(out, result->path);
        put_stat(out, &result->stat);
        break;
    case OP_SET_DATA:
    case OP_SET_ACL:
        put_stat(out, &result->stat);
        break;
    default:
        break;
    }
}

/* Containers and TTL znodes are answered as create2 is; any failure has type -1. */
static int32_t result_type(const struct result *result)
{
    if (result->type == OP_CREATE_CONTAINER || result->type == OP_CREATE_TTL)
        return OP_CREATE2;
    return result->type;
}

static void put_multi_results(struct buf *out, const struct commit *commit)
{
    for (int32_t i = 0; i < commit->result_count; i++) {
        const struct result *result = &commit->results[i];

        if (result->type == OP_ERROR || result->err != ZOK) {
            multi_put_error(out, result->err);
            continue;
        }
        multi_put_result(out, result_type(result));
        put_result(out, result);
    }
    multi_put_end(out);
}

static void reply(const struct commit *commit, const struct pending *entry)
{
    struct buf *out = reply_begin(commit->client, entry->xid, commit->txn->hdr.zxid);

    if (commit->txn->hdr.type == OP_MULTI) {
        put_multi_results(out, commit);
        reply_end(commit->client, ZOK);
        return;
    }
    ASSERT(commit->result_count == 1);
    put_result(out, &commit->results[0]);
    reply_end(commit->client, commit->results[0].err);
}

static bool is_outcome(const struct pending *entry, const struct zk_txn_header *hdr)
{
    if (entry->kind != PENDING_WRITE)
        return false;
    return entry->zxid != 0 ? entry->zxid == hdr->zxid : forward_is_outcome(entry, hdr);
}

/* The client whose oldest request this txn is: a session's txns come back in the
 * order of its requests. Another connection of the session may have asked. */
static struct core_client *find_client(struct core *core, const struct txn *txn)
{
    struct live_session *session = tracker_find(&core->sessions, txn->hdr.client_id);
    struct pending *front;

    if (session == NULL || session->client == NULL)
        return NULL;
    front = pending_front(session->client);
    return front != NULL && is_outcome(front, &txn->hdr) ? session->client : NULL;
}

static bool is_refusal(const struct txn *txn, enum zk_err err)
{
    return txn->hdr.type == OP_ERROR && txn->error.err == err;
}

/* Nothing of it is in any tree. */
static void refuse_session(struct core_client *client)
{
    struct live_session *session = client->session;

    client_close(client, "the leader did not make a session");
    tracker_remove(&client->core->sessions, session);
}

static void answer(const struct commit *commit, const struct core_time *now)
{
    struct core_client *client = commit->client;
    struct pending entry = pending_pop(client);

    request_answered(client,
                     &(struct answered){.op = entry.op,
                                        .is_update = true,
                                        .xid = entry.xid,
                                        .zxid = commit->txn->hdr.zxid,
                                        .start_ms = entry.start_ms},
                     now);
    /* No reply tells of these: another connection, or a new one, is what is left
     * [FinalRequestProcessor, ZOOKEEPER-710]. */
    if (is_refusal(commit->txn, ZSESSIONMOVED))
        client_close(client, "its session moved to another server");
    else if (entry.op == OP_CREATE_SESSION && commit->txn->hdr.type == OP_ERROR)
        refuse_session(client);
    else if (entry.op == OP_CREATE_SESSION)
        connect_ready(client, now);
    else
        reply(commit, &entry);
}

/* The tracker follows the tree. A session ends with its connection, if it has one. */
static void follow_session(struct core *core, const struct txn *txn, const struct core_time *now)
{
    struct live_session *session = tracker_find(&core->sessions, txn->hdr.client_id);

    if (txn->hdr.type == OP_CREATE_SESSION && session == NULL)
        (void)tracker_add(&core->sessions, txn->hdr.client_id, txn->create_session.timeout,
                          now->mono_ms);
    if (txn->hdr.type == OP_CLOSE_SESSION && session != NULL) {
        if (session->client != NULL)
            client_close(session->client, "session closed");
        tracker_remove(&core->sessions, session);
    }
}

static void note_alarms(struct core *core, zk_zxid zxid, const struct applied *applied)
{
    char text[160];

    if (applied->digest_mismatch) {
        core->stats.digest_mismatches++;
        (void)snprintf(text, sizeof text,
                       "tree digest mismatch: zxid=0x%" PRIx64
                       "; this server's tree differs from the one the txn was made for",
                       (uint64_t)zxid);
        core->host.note(core->host.arg, text);
    }
    if (applied->unlisted_ephemerals > 0) {
        (void)snprintf(text, sizeof text,
                       "a closeSession left out %" PRIu32
                       " ephemerals, deleted all the same: zxid=0x%" PRIx64,
                       applied->unlisted_ephemerals, (uint64_t)zxid);
        core->host.note(core->host.arg, text);
    }
}

static void log_digest(struct core *core, zk_zxid zxid)
{
    size_t at = core->digests.added++ % DIGEST_LOG_MAX;

    core->digests.entries[at].zxid = zxid;
    core->digests.entries[at].digest = tree_digest(core->tree);
}

/* A leader that is not ours may have a null list for none. */
static int32_t multi_parts(const struct txn *txn)
{
    return txn->multi.txns.count > 0 ? txn->multi.txns.count : 0;
}

void core_commit(struct core *core, zk_zxid zxid, const struct blob *blob,
                 const struct core_time *now)
{
    struct commit commit = {.core = core};
    struct tree_observer observer = {.arg = &commit, .on_change = on_change, .on_op = on_op};
    struct applied applied;
    struct txn txn;

    arena_reset(&core->commit_arena);
    ASSERT(txn_decode(blob->data, blob->len, &core->commit_arena, &txn));
    ASSERT(txn.hdr.zxid == zxid);
    commit.txn = &txn;
    commit.client = find_client(core, &txn);
    if (commit.client != NULL) {
        commit.result_cap = txn.hdr.type == OP_MULTI ? multi_parts(&txn) : 1;
        commit.results =
            arena_alloc(&core->commit_arena, (size_t)commit.result_cap * sizeof *commit.results);
    }
    applied = tree_apply(core->tree, &txn, &observer);
    plan_committed(&core->plan, zxid);
    core->stats.commits++;
    if (now->wall_ms >= txn.hdr.time) /* another server's clock, or one that was set back */
        histogram_add(&core->figures.propagation, now->wall_ms - txn.hdr.time);
    if (zxid % DIGEST_LOG_INTERVAL == 0)
        log_digest(core, zxid);
    note_alarms(core, zxid, &applied);
    /* It may have been closed by events that it does not read. */
    if (commit.client != NULL && commit.client->state != CLIENT_CLOSED)
        answer(&commit, now);
    follow_session(core, &txn, now);
    if (commit.client != NULL && commit.client->state != CLIENT_CLOSED)
        request_continue(commit.client, now);
    request_wake(core, zxid, now);
    remote_settle(core, zxid);
}
