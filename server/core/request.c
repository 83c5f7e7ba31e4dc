/* request: see request.h. */
#include "server/core/request.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "server/core/auth.h"
#include "server/core/connect.h"
#include "server/core/core_state.h"
#include "server/core/doubt.h"
#include "server/core/forward.h"
#include "server/core/ops.h"
#include "server/core/prepare.h"
#include "server/core/read.h"
#include "server/core/reply.h"

#include <stdlib.h>

/* A request whose header has been read. */
struct request {
    struct zk_request_header header;
    const struct op_handler *handler; /* NULL: unknown */
    struct jute_reader body;
    int64_t start_ms;
};

static bool request_parse(struct core *core, const uint8_t *payload, size_t len,
                          struct request *ret)
{
    arena_reset(&core->request_arena);
    ret->body = jute_reader(payload, len, &core->request_arena);
    get_request_header(&ret->body, &ret->header);
    ret->handler = op_find(ret->header.type);
    if (ret->handler != NULL && (ret->handler->flags & OP_PART_ONLY))
        ret->handler = NULL;
    return !ret->body.bad;
}

void request_answered(struct core_client *client, const struct answered *answered,
                      const struct core_time *now)
{
    int64_t ms = now->mono_ms - answered->start_ms;
    struct core *core = client->core;
    struct core_client_stats *stats = &client->stats;

    summary_add(&core->stats.latency, ms);
    histogram_add(answered->is_update ? &core->figures.updates : &core->figures.reads, ms);
    summary_add(&stats->latency, ms);
    stats->last_op = answered->op;
    if (answered->xid >= 0) /* not a ping's: the client's last request is of interest */
        stats->last_cxid = answered->xid;
    stats->last_zxid = answered->zxid;
    stats->last_response_mono_ms = now->mono_ms;
    stats->last_latency_ms = ms;
}

/* A ping's reply says so, whatever xid the ping had. */
static void answer_read(struct core_client *client, struct request *req,
                        const struct core_time *now)
{
    struct core *core = client->core;
    const struct op_handler *handler = req->handler;
    struct reading reading = {
        .core = core, .client = client, .tree = core->tree, .arena = &core->request_arena};
    int32_t xid = req->header.type == OP_PING ? XID_PING : req->header.xid;
    union request_body body;
    enum zk_err err = ZOK;
    zk_zxid zxid = tree_zxid(core->tree);
    struct buf *out;

    ASSERT(handler != NULL); /* what has none was refused when it came */
    if (handler->decode != NULL) {
        handler->decode(&req->body, &body);
        err = req->body.bad ? ZMARSHALLINGERROR : ZOK;
    }
    if (err == ZOK && handler->before != NULL)
        handler->before(&reading, &body);
    /* Catching up on many watches can be more than its reader takes. */
    if (client->state == CLIENT_CLOSED)
        return;
    out = reply_begin(client, xid, zxid);
    if (err == ZOK)
        err = handler->read(&reading, &body, out);
    reply_end(client, err);
    request_answered(client,
                     &(struct answered){.op = req->header.type,
                                        .xid = req->header.xid,
                                        .zxid = zxid,
                                        .start_ms = req->start_ms},
                     now);
    /* Requests that waited for a write are answered together, whatever they fetch. */
    if (output_is_full(client))
        client_close(client, "answers are not read");
}

/* An operation that does not exist ends the connection, and has no place in the
 * history: zxid -1 [UnimplementedRequestProcessor]. One that nobody takes now ends it
 * without a word: another server may be able to. */
static void answer_refusal(struct core_client *client, int32_t xid, enum zk_err err)
{
    switch (err) {
    case ZUNIMPLEMENTED:
        reply_header(client, xid, -1, err);
        client_close(client, "unknown operation");
        break;
    case ZCONNECTIONLOSS:
        client_close(client, "no writes are taken now");
        break;
    default:
        reply_header(client, xid, tree_zxid(client->core->tree), err);
    }
}

static void refuse(struct core_client *client, const struct request *req, enum zk_err err)
{
    if (err == ZUNIMPLEMENTED || err == ZCONNECTIONLOSS)
        client->state = CLIENT_DEAF;
    if (pending_front(client) == NULL) {
        answer_refusal(client, req->header.xid, err);
        return;
    }
    pending_push(client, &(struct pending){.kind = PENDING_REPLY,
                                           .xid = req->header.xid,
                                           .op = req->header.type,
                                           .err = err,
                                           .start_ms = req->start_ms});
}

bool request_may_propose(const struct core *core)
{
    return !core->config.is_member || core->host.can_propose(core->host.arg);
}

zk_zxid request_close_session(struct core *core, struct live_session *session, int32_t xid,
                              const struct core_time *now, size_t *ret_bytes)
{
    const struct zk_vec_id nobody = {0};
    struct write_request write = {.session = session,
                                  .who = &nobody,
                                  .xid = xid,
                                  .handler = op_find(OP_CLOSE_SESSION),
                                  .body = jute_reader("", 0, &core->request_arena)};
    zk_zxid zxid = prepare_propose(core, &write, now, ret_bytes);

    tracker_close(&core->sessions, session);
    return zxid;
}

static zk_zxid propose(struct core_client *client, struct request *req, const struct core_time *now,
                       size_t *ret_bytes)
{
    struct write_request write = {.session = client->session,
                                  .who = &client->who,
                                  .xid = req->header.xid,
                                  .handler = req->handler,
                                  .body = req->body};

    /* It has been brought to another server since. */
    if (client->session->owner != SESSION_HERE)
        write.refusal = ZSESSIONMOVED;
    if (req->header.type != OP_CLOSE_SESSION)
        return prepare_propose(client->core, &write, now, ret_bytes);
    /* What is sent behind it gets no answer. */
    client->state = CLIENT_DEAF;
    return request_close_session(client->core, client->session, req->header.xid, now, ret_bytes);
}

size_t request_large_size(const struct core *core, size_t len)
{
    size_t least = core->config.large_request_bytes;

    return least > 0 && len > least ? len : 0;
}

static void take_write(struct core_client *client, struct request *req, size_t len,
                       const struct core_time *now)
{
    struct core_host *host = &client->core->host;
    struct pending entry = {.kind = PENDING_WRITE,
                            .xid = req->header.xid,
                            .op = req->header.type,
                            .start_ms = req->start_ms,
                            .large = request_large_size(client->core, len)};

    if ((req->handler->flags & OP_NEEDS_SPACE) && host->storage_full(host->arg)) {
        refuse(client, req, ZSYSTEMERROR);
        return;
    }
    if (!request_may_propose(client->core)) {
        refuse(client, req, ZCONNECTIONLOSS);
        return;
    }
    entry.zxid = propose(client, req, now, &entry.bytes);
    pending_push(client, &entry);
}

/* Most come last, as they wait for the last proposal. */
void request_await(struct core_client *client, zk_zxid zxid)
{
    struct list *all = &client->core->waiting, *after;

    list_remove(&client->waiting);
    after = all->prev;
    while (after != all && CONTAINER_OF(after, struct core_client, waiting)->awaited > zxid)
        after = after->prev;
    list_push_front(after, &client->waiting);
    client->awaited = zxid;
}

void request_wait_for_all(struct core_client *client)
{
    struct core *core = client->core;
    bool is_first = pending_front(client) == NULL;

    if (core->last_proposed <= tree_zxid(core->tree))
        return;
    pending_push(client, &(struct pending){.kind = PENDING_WAIT, .zxid = core->last_proposed});
    if (is_first)
        request_await(client, core->last_proposed);
}

void request_wake(struct core *core, zk_zxid zxid, const struct core_time *now)
{
    while (!list_empty(&core->waiting)) {
        struct core_client *first = CONTAINER_OF(core->waiting.next, struct core_client, waiting);

        if (first->awaited > zxid)
            return;
        list_remove(&first->waiting);
        if (first->state == CLIENT_RETURNING)
            connect_returned(first, now);
        else
            request_continue(first, now);
    }
}

void request_keep(struct core_client *client, const struct pending *head, const uint8_t *payload,
                  size_t len)
{
    struct pending entry = *head;

    entry.frame = xmemdup(payload, len);
    entry.bytes = len;
    entry.large = request_large_size(client->core, len);
    pending_push(client, &entry);
}

/* The leader of an ensemble says when this server has what it must have. */
static void take_sync(struct core_client *client, struct request *req, const uint8_t *payload,
                      size_t len)
{
    struct core *core = client->core;
    struct pending entry = {.kind = PENDING_SYNC,
                            .xid = req->header.xid,
                            .op = OP_SYNC,
                            .start_ms = req->start_ms,
                            .cookie = sync_table_add(&core->syncs, client),
                            .frame = xmemdup(payload, len),
                            .bytes = len};

    pending_push(client, &entry);
    client->syncing = true;
    if (core->role == CORE_LEADS)
        core->host.sync(core->host.arg, 0, entry.cookie);
    else
        forward_sync(client, req->header.xid, &req->body, entry.cookie);
}

/* What comes behind a sync waits for it outside: a write could be decided first, and would be
 * answered with an older zxid than the sync, or not at all. */
static void hold(struct core_client *client, const struct request *req, const uint8_t *payload,
                 size_t len)
{
    request_keep(client,
                 &(struct pending){.kind = PENDING_HELD,
                                   .xid = req->header.xid,
                                   .op = req->header.type,
                                   .start_ms = req->start_ms},
                 payload, len);
}

void request_take_kept(struct core_client *client, enum pending_kind kind,
                       const struct core_time *now)
{
    struct list kept;

    pending_move(client, &kept);
    while (!list_empty(&kept)) {
        struct pending entry = pending_take(client, &kept);

        ASSERT(entry.kind == kind);
        if (client->state == CLIENT_OPEN)
            request_take(client, entry.frame, entry.bytes, false, now);
        free(entry.frame);
    }
}

/* The sync was answered. */
static void take_held(struct core_client *client, const struct core_time *now)
{
    client->syncing = false;
    request_take_kept(client, PENDING_HELD, now);
}

/* A sync comes after every write that was on its way when it came: who asks after a lost
 * connection what has become of his last one must not hear of it too early
 * [Leader.processSync]. */
static void take_read(struct core_client *client, struct request *req, const uint8_t *payload,
                      size_t len, const struct core_time *now)
{
    if (req->header.type == OP_SYNC) {
        if (client->core->config.is_member) {
            take_sync(client, req, payload, len);
            return;
        }
        request_wait_for_all(client);
    }
    if (pending_front(client) == NULL) {
        answer_read(client, req, now);
        return;
    }
    request_keep(client,
                 &(struct pending){.kind = PENDING_FRAME,
                                   .xid = req->header.xid,
                                   .op = req->header.type,
                                   .start_ms = req->start_ms},
                 payload, len);
}

/* [Request.isThrottlable]; what authenticates does not come here. */
static bool may_be_too_late(int32_t op)
{
    return op != OP_PING && op != OP_CLOSE_SESSION;
}

void request_take(struct core_client *client, const uint8_t *payload, size_t len, bool is_late,
                  const struct core_time *now)
{
    struct request req = {.start_ms = now->mono_ms};

    ASSERT(client->state == CLIENT_OPEN);
    if (client->session->closing)
        return; /* its end is decided: the connection is closed with it */
    tracker_touch(&client->core->sessions, client->session, now->mono_ms);
    if (!request_parse(client->core, payload, len, &req)) {
        client_close(client, "frame too short for a request");
        return;
    }
    if ((req.handler == NULL || req.handler->kind != KIND_AUTH) &&
        !auth_suffices(client, req.header.xid))
        return;
    if (client->syncing) {
        hold(client, &req, payload, len);
        return;
    }
    if (req.handler == NULL) {
        refuse(client, &req, ZUNIMPLEMENTED);
        return;
    }
    if (is_late && req.handler->kind != KIND_AUTH && may_be_too_late(req.header.type)) {
        client->core->stats.throttled++;
        refuse(client, &req, ZTHROTTLEDOP);
        return;
    }
    switch (req.handler->kind) {
    case KIND_READ:
        take_read(client, &req, payload, len, now);
        break;
    case KIND_WRITE:
        if (client->core->role == CORE_LEADS)
            take_write(client, &req, len, now);
        else
            forward_write(client, &req.header, &req.body, len, now);
        break;
    case KIND_AUTH:
        if (req.header.type == OP_AUTH)
            auth_request(client, req.header.xid, &req.body);
        else
            auth_sasl(client, req.header.xid, &req.body);
        break;
    }
}

void request_continue(struct core_client *client, const struct core_time *now)
{
    struct pending *front;

    while ((front = pending_front(client)) != NULL && front->kind != PENDING_WRITE &&
           front->kind != PENDING_SYNC) {
        struct request req = {.start_ms = front->start_ms};
        struct pending entry;

        if (front->kind == PENDING_WAIT && front->zxid > tree_zxid(client->core->tree)) {
            request_await(client, front->zxid);
            return;
        }
        entry = pending_pop(client);
        if (entry.kind == PENDING_WAIT)
            continue;
        if (entry.kind == PENDING_REPLY) {
            answer_refusal(client, entry.xid, entry.err);
            continue;
        }
        if (request_parse(client->core, entry.frame, entry.bytes, &req))
            answer_read(client, &req, now);
        free(entry.frame);
        if (entry.op == OP_SYNC && client->syncing)
            take_held(client, now);
    }
}

/* Its turn to be answered may be later: a write can be in front of it. */
static void end_sync(struct core_client *client, uint64_t cookie, const struct core_time *now)
{
    LIST_FOR(link, &client->pending)
    {
        struct pending *entry = CONTAINER_OF(link, struct pending, link);

        if (entry->kind == PENDING_SYNC && entry->cookie == cookie) {
            entry->kind = PENDING_FRAME;
            break;
        }
    }
    request_continue(client, now);
}

void core_synced(struct core *core, uint64_t cookie, const struct core_time *now)
{
    struct core_client *client;

    if (!sync_table_take(&core->syncs, cookie, &client))
        return;
    if (client == NULL)
        doubt_settle(core, now);
    else
        end_sync(client, cookie, now);
}
