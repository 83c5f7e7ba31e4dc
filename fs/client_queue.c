/* client_queue: requests and what becomes of them. The server answers in the order of the
 * requests, so a reply belongs to the first one that was sent and has none; auth
 * alone is answered out of that order [client protocol: auth is executed on the read path],
 * so it has a list of its own. */
#include "fs/client_impl.h"

#include "proto/base/assert.h"
#include "proto/base/bytes.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

/* Bytes handed to the kernel in one go; the rest stays unsent, where it can be cancelled
 * without a doubt. */
#define FLUSH_BYTES ((size_t)256 << 10)

/* A frame begins with its length, the xid and the op. */
#define FRAME_HEADER_BYTES 12

/* Whether doing it twice is doing it once, so that it may be sent again. */
static bool op_is_repeatable(int32_t op)
{
    switch (op) {
    case OP_EXISTS:
    case OP_GET_DATA:
    case OP_GET_CHILDREN2:
    case OP_GET_ACL:
    case OP_GET_EPHEMERALS:
    case OP_GET_ALL_CHILDREN_NUMBER:
    case OP_WHO_AM_I:
    case OP_SYNC:
    case OP_ADD_WATCH:
    case OP_CHECK_WATCHES:
    case OP_REMOVE_WATCHES:
    case OP_CLOSE_SESSION:
        return true;
    default:
        return false;
    }
}

/* ---- one request */

struct client_request *request_new(struct client *client, int32_t op, client_reply_cb cb, void *arg)
{
    struct client_request *request = xcalloc(1, sizeof *request);

    *request = (struct client_request){.cb = cb, .arg = arg, .op = op};
    list_init(&request->link);
    store_be32(buf_extend(&request->frame, 4), 0); /* the length, see count_in */
    put_request_header(&request->frame, &(struct zk_request_header){.xid = 0, .type = op});
    client->pending++;
    return request;
}

static void request_free(struct client *client, struct client_request *request)
{
    ASSERT(client->pending > 0);
    ASSERT(client->charged >= request->charge);
    client->pending--;
    client->charged -= request->charge;
    list_remove(&request->link);
    buf_done(&request->frame);
    free(request);
}

/* The frame is complete. */
static void request_seal(struct client *client, struct client_request *request)
{
    store_be32(request->frame.data, (uint32_t)(request->frame.len - 4));
    request->charge = sizeof *request + request->frame.cap;
    client->charged += request->charge;
}

static void request_drop_frame(struct client *client, struct client_request *request)
{
    client->charged -= request->frame.cap;
    request->charge -= request->frame.cap;
    buf_done(&request->frame);
}

/* The path in REQUEST's frame; null when it has none (any more). */
static struct jute_bytes request_path(const struct client_request *request)
{
    struct jute_bytes path = JUTE_NULL;
    struct jute_reader r;

    if (request->op == OP_MULTI || request->op == OP_AUTH || request->is_internal ||
        request->frame.len < FRAME_HEADER_BYTES)
        return path;
    r = jute_reader(request->frame.data + FRAME_HEADER_BYTES,
                    request->frame.len - FRAME_HEADER_BYTES, NULL);
    get_ustring(&r, &path);
    return path;
}

static void request_run(struct client *client, struct client_request *request,
                        const struct client_reply *reply)
{
    request->place = REQUEST_RUNNING;
    if (request->cb != NULL)
        request->cb(request->arg, reply);
    arena_reset(&client->arena);
    request_free(client, request);
}

/* ---- ends */

void queue_end(struct client *client, struct client_request *request, int rc)
{
    list_remove(&request->link);
    if (request->is_internal)
        request->cb = NULL;
    request->place = REQUEST_ENDED;
    request->rc = rc;
    list_push_back(&client->ended, &request->link);
    queue_wake(client);
}

static void end_list(struct client *client, struct list *head, int rc)
{
    struct list *it;

    while ((it = list_pop_front(head)) != NULL)
        queue_end(client, CONTAINER_OF(it, struct client_request, link), rc);
}

void queue_end_unsent(struct client *client, int rc)
{
    end_list(client, &client->unsent, rc);
    client->unsent_bytes = 0;
}

void queue_end_all(struct client *client, int rc)
{
    end_list(client, &client->auths, rc);
    end_list(client, &client->sent, rc);
    queue_end_unsent(client, rc);
    credentials_end(client, rc);
}

void queue_run_ended(struct client *client)
{
    struct list due, *it;

    list_init(&due);
    while ((it = list_pop_front(&client->ended)) != NULL)
        list_push_back(&due, it);
    while ((it = list_pop_front(&due)) != NULL) {
        struct client_request *request = CONTAINER_OF(it, struct client_request, link);
        struct client_reply reply = {.rc = request->rc, .was_sent = request->was_sent};

        request_run(client, request, &reply);
    }
}

bool client_cancel(struct client *client, struct client_request *request)
{
    bool never_sent = !request->was_sent;

    ASSERT(request->place != REQUEST_RUNNING);
    if (request->place == REQUEST_SENT) {
        request->cb = NULL; /* its reply is still due */
        request->is_cancelled = true;
        return false;
    }
    if (request->place == REQUEST_UNSENT)
        client->unsent_bytes -= request->frame.len;
    request_free(client, request);
    return never_sent;
}

/* ---- the way out */

static int refusal(const struct client *client, const struct client_request *request)
{
    if (client->closing)
        return -ECANCELED;
    if (client->state == CLIENT_LOST)
        return -ESTALE;
    if (request->is_internal || request->op == OP_CLOSE_SESSION)
        return 0;
    if (request->frame.len - 4 > client->config.request_bytes_max)
        return -E2BIG;
    if (client->charged > client->config.queue_bytes_max)
        return -EAGAIN;
    return 0;
}

bool client_has_room(const struct client *client)
{
    return client->charged < client->config.queue_bytes_max / 2;
}

struct client_request *queue_submit(struct client *client, struct client_request *request)
{
    int rc;

    request_seal(client, request);
    rc = refusal(client, request);
    if (rc < 0) {
        /* A handle is given, so it lives until its callback, whether it has one or not. */
        request->place = REQUEST_ENDED;
        request->rc = rc;
        list_push_back(&client->ended, &request->link);
    } else {
        client->unsent_bytes += request->frame.len;
        list_push_back(&client->unsent, &request->link);
    }
    queue_wake(client);
    return request;
}

void queue_submit_first(struct client *client, struct client_request *request)
{
    request_seal(client, request);
    client->unsent_bytes += request->frame.len;
    list_push_front(&client->unsent, &request->link);
    queue_wake(client);
}

static int32_t next_xid(struct client *client)
{
    client->last_xid = client->last_xid == INT32_MAX ? 1 : client->last_xid + 1;
    return client->last_xid;
}

static void send_first(struct client *client)
{
    struct client_request *request =
        CONTAINER_OF(list_pop_front(&client->unsent), struct client_request, link);

    if (!request->is_internal)
        request->xid = next_xid(client);
    store_be32(request->frame.data + 4, (uint32_t)request->xid);
    buf_append(conn_out(client->conn), request->frame.data, request->frame.len);
    client->unsent_bytes -= request->frame.len;
    client->requests++;
    request->place = REQUEST_SENT;
    request->was_sent = true;
    request->sent_ns = uv_hrtime();
    list_push_back(request->op == OP_AUTH ? &client->auths : &client->sent, &request->link);
    if (!op_is_repeatable(request->op))
        request_drop_frame(client, request);
}

void queue_flush(struct client *client)
{
    if (client->phase != LINK_UP || conn_is_flushing(client->conn) || list_empty(&client->unsent))
        return;
    while (!list_empty(&client->unsent) && conn_out(client->conn)->len < FLUSH_BYTES)
        send_first(client);
    client->wrote_ms = uv_now(client->loop);
    conn_flush(client->conn);
}

/* ---- a lost connection */

/* Whether REQUEST, without an answer, goes out on the next connection. The library's own are
 * made anew for it. */
static bool goes_again(const struct client *client, const struct client_request *request)
{
    if (request->is_internal || request->is_cancelled)
        return false;
    if (client->closing)
        return request->op == OP_CLOSE_SESSION;
    return !request->was_sent || op_is_repeatable(request->op);
}

/* Moves what goes again from HEAD to the end of AGAIN and ends the rest. */
static void sort_out(struct client *client, struct list *head, struct list *again)
{
    struct list *it;

    while ((it = list_pop_front(head)) != NULL) {
        struct client_request *request = CONTAINER_OF(it, struct client_request, link);

        if (goes_again(client, request)) {
            request->place = REQUEST_UNSENT;
            client->unsent_bytes += request->frame.len;
            list_push_back(again, it);
        } else {
            queue_end(client, request, request->was_sent ? -ECONNRESET : -ECANCELED);
        }
    }
}

void queue_disconnected(struct client *client)
{
    struct list again, *it;

    list_init(&again);
    client->unsent_bytes = 0;
    sort_out(client, &client->auths, &again);
    sort_out(client, &client->sent, &again);
    sort_out(client, &client->unsent, &again);
    while ((it = list_pop_front(&again)) != NULL)
        list_push_back(&client->unsent, it);
}

/* ---- replies */

/* The answer tells which watch the server has now. */
static void note_watch(struct client *client, const struct client_request *request, enum zk_err err)
{
    struct jute_bytes path = request_path(request);

    if (request->watch == 0)
        return;
    if (request->op == OP_REMOVE_WATCHES) {
        if (err == ZOK || err == ZNOWATCHER)
            watch_table_remove(&client->watches, path, request->watch);
    } else if (request->op == OP_EXISTS) {
        if (err == ZOK || err == ZNONODE)
            watch_table_add(&client->watches, path, err == ZOK ? WATCH_DATA : WATCH_EXIST);
    } else if (err == ZOK) {
        watch_table_add(&client->watches, path, request->watch);
    }
}

static void log_cut(const struct client *client, const struct client_request *request, size_t total)
{
    struct jute_bytes path = request_path(request);

    log_warn("session: reply too long, thrown away: op=%s path=%.*s bytes=%zu reply_bytes_max=%zu",
             zk_op_name(request->op), (int)jute_size(path),
             path.data == NULL ? "" : (const char *)path.data, total,
             client->config.reply_bytes_max);
}

/* The request that a reply of XID belongs to; NULL, with CAUSE: it is not the one due. */
static struct client_request *take_due(struct client *client, int32_t xid, const char **ret_cause)
{
    struct list *head = xid == XID_AUTH ? &client->auths : &client->sent;
    struct client_request *request = CONTAINER_OF(head->next, struct client_request, link);

    if (list_empty(head)) {
        *ret_cause = "reply without a request";
        return NULL;
    }
    if (request->xid != xid) {
        log_warn("session: replies out of order: xid=%" PRId32 " where xid=%" PRId32
                 " op=%s was due",
                 xid, request->xid, zk_op_name(request->op));
        *ret_cause = "reply of a wrong xid";
        return NULL;
    }
    list_remove(&request->link);
    return request;
}

bool queue_on_reply(struct client *client, const struct conn_frame *frame,
                    const struct zk_reply_header *header, const char **ret_cause)
{
    struct jute_reader r = jute_reader(frame->data, frame->len, &client->arena);
    struct client_request *request = take_due(client, header->xid, ret_cause);
    struct client_reply reply = {.err = header->err,
                                 .zxid = header->zxid,
                                 .was_sent = true,
                                 .path = JUTE_NULL,
                                 .data = JUTE_NULL};
    struct zk_reply_header skipped;

    if (request == NULL)
        return false;
    get_reply_header(&r, &skipped);
    if (frame->len < frame->total) {
        log_cut(client, request, frame->total);
        reply.rc = -EMSGSIZE;
    } else if (reply.err == ZOK && !reply_decode(client, request->op, &r, &reply)) {
        log_warn("session: reply that cannot be decoded: op=%s bytes=%zu", zk_op_name(request->op),
                 frame->total);
        *ret_cause = "reply that cannot be decoded";
        arena_reset(&client->arena);
        queue_end(client, request, -EBADMSG);
        return false;
    }
    client->failures = 0;
    client->replies++;
    client->latency_us = (int64_t)((uv_hrtime() - request->sent_ns) / 1000);
    if (header->zxid > client->last_zxid)
        client->last_zxid = header->zxid;
    note_watch(client, request, header->err);
    request_run(client, request, &reply);
    return true;
}
