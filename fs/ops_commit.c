/* ops_commit: what was written to a handle goes to the server, as one create or one setData.
 *
 *   the znode is not there yet   create with the content; when another one made it meanwhile, it
 *                                is as if it had been there at the open
 *   HANDLE_WHOLE                 setData over any version: the last writer wins
 *   HANDLE_EDIT                  setData over the version that was edited; else ESTALE
 *   HANDLE_APPEND                getData, setData over that version, again while others are faster
 *   .zk/data                     the same, but a directory that never had a child would turn into a
 *                                file with its first data: then one multi makes and deletes a
 * child, too, which makes it a directory for ever */
#define FUSE_USE_VERSION 314
#include "fs/ops.h"

#include "fs/errno_map.h"
#include "proto/base/assert.h"
#include "proto/base/log.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <inttypes.h>

static void pick(struct call *call);

size_t data_max(const struct inode *inode)
{
    size_t overhead = MOUNT_REQUEST_OVERHEAD + inode->path_len;

    return overhead < JUTE_MAXBUFFER_DEFAULT ? JUTE_MAXBUFFER_DEFAULT - overhead : 0;
}

struct jute_bytes file_value(const struct inode *inode, const struct buf *content)
{
    if (content->len == 0)
        return inode->shape == SHAPE_FILE ? JUTE_NULL : jute_str("");
    return (struct jute_bytes){.data = content->data, .len = (int32_t)content->len};
}

/* ------------------------------------------------------------------ ends */

static void end(struct call *call, int error)
{
    call->on_abort = NULL;
    handle_settled(call->mount, call->handle);
    call->committed(call, error);
}

static void fail(struct call *call, int error)
{
    handle_drop(call->handle, error);
    end(call, error);
}

static void succeed(struct call *call, const struct zk_stat *stat)
{
    call->inode->stat = *stat;
    handle_committed(call->handle, stat);
    end(call, 0);
}

/* EINTR: nothing has reached the server, and the content stays for a later commit. */
static void on_commit_abort(struct call *call, int error)
{
    if (error == EINTR)
        end(call, error);
    else
        fail(call, error);
}

/* ------------------------------------------------------------------ fetch */

static void on_fetched(struct call *call, const struct client_reply *reply)
{
    int error = call_errno(reply);

    if (error == 0) {
        blob_unref(call->bytes);
        call->bytes = blob_copy(reply->data.data, jute_size(reply->data));
        call->bytes_null = reply->data.len < 0;
        call->bytes_stat = reply->stat;
    }
    call->fetched(call, error);
}

static void send_fetch(struct call *call)
{
    call->request =
        client_get_data(call->mount->client, call_path(call), false, call_on_reply, call);
}

void fetch(struct call *call, void (*next)(struct call *call, int error))
{
    call->fetched = next;
    call_set_path(call, call->inode, NULL);
    call_send(call, CALL_READS, send_fetch, on_fetched);
}

/* ------------------------------------------------------------------ setData */

static void on_set(struct call *call, const struct client_reply *reply);

static void send_set(struct call *call)
{
    call->request = client_set_data(call->mount->client, call_path(call), call->value,
                                    call->version, call_on_reply, call);
}

/* A directory that is to keep its shape. The child is made and gone at one zxid. */
static void send_set_keeping_directory(struct call *call)
{
    struct buf child = {0};
    struct client_info info;
    struct client_op ops[] = {
        {.op = OP_CREATE2, .data = JUTE_NULL, .ttl_ms = -1},
        {.op = OP_DELETE, .version = ANY_VERSION},
        {.op = OP_SET_DATA, .path = call_path(call), .data = call->value, .version = call->version},
    };

    client_info(call->mount->client, &info);
    buf_printf(&child, "%s/zkfs-shape-%" PRIx64, call->inode->path, (uint64_t)info.session_id);
    ops[0].path = ops[1].path = (struct jute_bytes){.data = child.data, .len = (int32_t)child.len};
    call->request = client_multi(call->mount->client, ops, 3, call_on_reply, call);
    buf_done(&child);
}

static void set_value(struct call *call)
{
    bool flips = call->inode->shape == SHAPE_CONTROL_DATA && call->value.len > 0 &&
                 call->inode->path_len > 1 && call->inode->stat.cversion == 0;

    call_send(call, CALL_WRITES, flips ? send_set_keeping_directory : send_set, on_set);
}

static void on_directory(struct call *call, const struct client_reply *reply)
{
    int error = call_errno(reply);

    if (error != 0 && error != EACCES) {
        fail(call, error);
        return;
    }
    if (error == 0)
        call->inode->stat = reply->stat;
    set_value(call);
}

static void send_exists(struct call *call)
{
    call->request = client_exists(call->mount->client, call_path(call), false, call_on_reply, call);
}

static void set(struct call *call, const struct buf *content, int32_t version)
{
    if (content->len > data_max(call->inode)) {
        fail(call, EFBIG);
        return;
    }
    call->value = file_value(call->inode, content);
    call->version = version;
    if (call->inode->shape == SHAPE_CONTROL_DATA)
        call_send(call, CALL_READS, send_exists, on_directory);
    else
        set_value(call);
}

static void on_set_outcome(struct call *call, enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_DONE:
        succeed(call, &call->bytes_stat);
        return;
    case OUTCOME_NOT_DONE:
        set_value(call);
        return;
    case OUTCOME_UNKNOWN:
        fail(call, EIO);
    }
}

static void on_set(struct call *call, const struct client_reply *reply)
{
    bool appends = call->handle->kind == HANDLE_APPEND && call->version != ANY_VERSION;

    if (outcome_is_open(reply))
        outcome_of_set(call, &call->value, call->version, on_set_outcome);
    else if (reply->rc == 0 && reply->err == ZBADVERSION && appends)
        pick(call);
    else if (call_errno(reply) != 0)
        fail(call, call_errno(reply));
    else
        succeed(call, reply->result_count > 0 ? &reply->results[reply->result_count - 1].stat
                                              : &reply->stat);
}

/* ------------------------------------------------------------------ append */

static void on_append_base(struct call *call, int error)
{
    const struct buf *more = &call->handle->content;

    if (error != 0) {
        fail(call, error);
        return;
    }
    call->text.len = 0;
    buf_append(&call->text, call->bytes->data, call->bytes->len);
    buf_append(&call->text, more->data, more->len);
    set(call, &call->text, call->bytes_stat.version);
}

/* ------------------------------------------------------------------ create */

static void on_created(struct call *call, const struct client_reply *reply);

static void send_create(struct call *call)
{
    call->request = create_znode(call, call->value, call->handle->acl);
}

/* Another one was first. */
static void on_other_one(struct call *call, const struct client_reply *reply)
{
    int error = call_errno(reply);

    if (error == ENOENT) { /* and took it away again */
        pick(call);
    } else if (error == 0 && reply->stat.cversion != 0) {
        fail(call, EISDIR);
    } else if (error != 0) {
        fail(call, error);
    } else {
        if (inode_is_pending(call->inode))
            inode_made(&call->mount->inodes, call->inode, &reply->stat);
        pick(call);
    }
}

static void created(struct call *call, const struct zk_stat *stat)
{
    if (inode_is_pending(call->inode))
        inode_made(&call->mount->inodes, call->inode, stat);
    succeed(call, stat);
}

static void on_create_outcome(struct call *call, enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_DONE:
        created(call, &call->bytes_stat);
        return;
    case OUTCOME_NOT_DONE:
        pick(call);
        return;
    case OUTCOME_UNKNOWN:
        fail(call, EIO);
    }
}

static void on_created(struct call *call, const struct client_reply *reply)
{
    if (outcome_is_open(reply))
        outcome_of_create(call, &call->value, on_create_outcome);
    else if (reply->rc == 0 && reply->err == ZNODEEXISTS)
        call_send(call, CALL_READS, send_exists, on_other_one);
    else if (call_errno(reply) != 0)
        fail(call, call_errno(reply));
    else
        created(call, &reply->stat);
}

/* ------------------------------------------------------------------ the choice */

/* The znode that this handle was to make is there, made by another handle or host. */
static bool adopt(struct call *call)
{
    struct handle *handle = call->handle;

    if (handle->kind != HANDLE_WHOLE || handle->truncates)
        return true;
    if (handle->rule.dirty) {
        fail(call, ESTALE); /* was written over the void, and there is something */
        return false;
    }
    /* Nothing is written: it is as if the file had been opened as it is. */
    handle->kind = HANDLE_EDIT;
    commit_rule_committed(&handle->rule);
    end(call, 0);
    return false;
}

static void pick(struct call *call)
{
    struct handle *handle = call->handle;
    bool replaces = handle->rule.owes && !handle->rule.makes;

    if (inode_is_pending(call->inode)) {
        call->value = file_value(call->inode, &handle->content);
        call_send(call, CALL_WRITES, send_create, on_created);
        return;
    }
    if (handle->rule.makes && !adopt(call))
        return;
    switch (handle->kind) {
    case HANDLE_WHOLE:
        set(call, &handle->content, ANY_VERSION);
        return;
    case HANDLE_EDIT:
        set(call, &handle->content, handle->pinned_stat.version);
        return;
    case HANDLE_APPEND:
        if (replaces)
            set(call, &handle->content, ANY_VERSION);
        else if (handle->content.len == 0)
            succeed(call, &call->inode->stat);
        else
            fetch(call, on_append_base);
    }
}

void commit(struct call *call, void (*next)(struct call *call, int error))
{
    ASSERT(call->handle->busy);
    ASSERT(commit_rule_pending(&call->handle->rule));
    call->committed = next;
    call->on_abort = on_commit_abort;
    timeout_stop(&call->handle->grace);
    timeout_stop(&call->handle->quiet);
    call_set_path(call, call->inode, NULL);
    pick(call);
}
