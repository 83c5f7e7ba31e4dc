/* ops_outcome: a write was sent, and then its connection died. The session goes on with another
 * server, or with the same one after its restart; sync makes sure that this one has seen whatever
 * came of the write (a request that an old connection still holds is refused once the session
 * has moved), and then the znode tells: every zxid that this mount had seen before it made the
 * request is older than the write.
 *
 * "Never repeated silently" is the rule; a write that was certainly not done may be made. */
#define FUSE_USE_VERSION 314
#include "fs/ops.h"

#include "fs/errno_map.h"
#include "proto/base/log.h"
#include "proto/path.h"

#include <errno.h>
#include <fuse_lowlevel.h>

bool outcome_is_open(const struct client_reply *reply)
{
    switch (reply->rc) {
    case -ECONNRESET:
    case -ESTALE:
    case -ECANCELED:
        return reply->was_sent;
    default:
        return false;
    }
}

static void judge(struct call *call, enum outcome outcome)
{
    if (outcome == OUTCOME_UNKNOWN)
        log_warn(
            "mount: outcome unknown: path=\"%s\" cause=\"the connection was lost while a write "
            "was on its way, and the znode has changed since\"; the caller gets EIO",
            buf_cstr(&call->path));
    else
        log_info("mount: a write survived the loss of its connection: path=\"%s\" outcome=%s",
                 buf_cstr(&call->path), outcome == OUTCOME_DONE ? "done" : "not done");
    call->outcome_unknown = false;
    call->judged(call, outcome);
}

static bool same_bytes(const struct jute_bytes *data, struct jute_bytes other)
{
    return data != NULL && jute_equal(*data, other);
}

/* What a look at the path after the sync gives. */
static void look(struct call *call, void (*send)(struct call *call),
                 void (*done)(struct call *call, const struct client_reply *reply));

static void send_get_data(struct call *call)
{
    call->request =
        client_get_data(call->mount->client, call_path(call), false, call_on_reply, call);
}

static void send_exists(struct call *call)
{
    call->request = client_exists(call->mount->client, call_path(call), false, call_on_reply, call);
}

static void send_parent(struct call *call)
{
    call->request = client_exists(call->mount->client, path_parent(call_path(call)), false,
                                  call_on_reply, call);
}

/* ------------------------------------------------------------------ create */

/* The name is not there. Was it never made, or taken away again? */
static void on_parent(struct call *call, const struct client_reply *reply)
{
    bool untouched = call_errno(reply) == 0 && reply->stat.pzxid <= call->suspect_zxid;

    judge(call, untouched ? OUTCOME_NOT_DONE : OUTCOME_UNKNOWN);
}

static void on_created_data(struct call *call, const struct client_reply *reply)
{
    if (reply->rc == 0 && reply->err == ZNONODE) {
        call_send(call, CALL_READS, send_parent, on_parent);
        return;
    }
    if (call_errno(reply) != 0) {
        judge(call, OUTCOME_UNKNOWN);
        return;
    }
    call->bytes_stat = reply->stat;
    if (reply->stat.czxid <= call->suspect_zxid)
        judge(call, OUTCOME_NOT_DONE);
    else
        judge(call, same_bytes(call->suspect_data, reply->data) ? OUTCOME_DONE : OUTCOME_UNKNOWN);
}

void outcome_of_create(struct call *call, const struct jute_bytes *data,
                       void (*next)(struct call *call, enum outcome outcome))
{
    call->suspect_data = data;
    call->judged = next;
    look(call, send_get_data, on_created_data);
}

/* ------------------------------------------------------------------ setData */

static void on_set_data(struct call *call, const struct client_reply *reply)
{
    int32_t version = call->version;

    if (call_errno(reply) != 0) {
        judge(call, OUTCOME_UNKNOWN);
        return;
    }
    call->bytes_stat = reply->stat;
    if (reply->stat.mzxid <= call->suspect_zxid)
        judge(call, OUTCOME_NOT_DONE);
    else if (same_bytes(call->suspect_data, reply->data) &&
             (version == ANY_VERSION || reply->stat.version == version + 1))
        judge(call, OUTCOME_DONE);
    else
        judge(call, OUTCOME_UNKNOWN);
}

void outcome_of_set(struct call *call, const struct jute_bytes *data, int32_t version,
                    void (*next)(struct call *call, enum outcome outcome))
{
    call->suspect_data = data;
    call->version = version;
    call->judged = next;
    look(call, send_get_data, on_set_data);
}

/* ------------------------------------------------------------------ delete */

/* It is gone, whoever did it; or another one has its name. */
static void on_deleted_stat(struct call *call, const struct client_reply *reply)
{
    if (reply->rc == 0 && reply->err == ZNONODE)
        judge(call, OUTCOME_DONE);
    else if (call_errno(reply) != 0)
        judge(call, OUTCOME_UNKNOWN);
    else
        judge(call, reply->stat.czxid <= call->suspect_zxid ? OUTCOME_NOT_DONE : OUTCOME_DONE);
}

void outcome_of_delete(struct call *call, void (*next)(struct call *call, enum outcome outcome))
{
    call->judged = next;
    look(call, send_exists, on_deleted_stat);
}

/* ------------------------------------------------------------------ sync first */

static void on_synced(struct call *call, const struct client_reply *reply)
{
    if (call_errno(reply) != 0)
        judge(call, OUTCOME_UNKNOWN);
    else
        call_send(call, CALL_READS, call->look_send, call->look_done);
}

static void send_sync(struct call *call)
{
    call->request = client_sync(call->mount->client, call_path(call), call_on_reply, call);
}

static void look(struct call *call, void (*send)(struct call *call),
                 void (*done)(struct call *call, const struct client_reply *reply))
{
    call->outcome_unknown = true;
    call->suspect_zxid = call->zxid_before;
    call->look_send = send;
    call->look_done = done;
    call_send(call, CALL_READS, send_sync, on_synced);
}
