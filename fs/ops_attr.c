/* ops_attr: stat(2) and what changes it. Size is the only attribute that can be set; both times NOW
 * is touch(1): the same bytes are written back. Mode, owner and given times are the ACL's, the
 * mount's and the server's: to set them does nothing. */
#define FUSE_USE_VERSION 314
#include "fs/ops.h"

#include "fs/errno_map.h"

#include <errno.h>
#include <fuse_lowlevel.h>

static bool same_znode(const struct call *call)
{
    const struct inode *inode = call->inode;

    if (inode->nodeid == INODE_ROOT)
        return true;
    if (call->found.stat.czxid != inode->czxid)
        return false;
    return inode_is_control(inode) || call->found.shape == inode->shape;
}

static void on_attr(struct call *call, int error)
{
    struct stat attr;

    if (error == 0 && same_znode(call)) {
        call->inode->stat = call->found.stat;
        call->inode->perms = call->found.perms;
        reply_attr(call, call->handle);
        return;
    }
    if (error != 0 && error != ENOENT) {
        call_error(call, error);
        return;
    }
    /* Deleted, made again, or turned from file to directory: whoever still holds it sees what it
     * was, without a name. */
    inode_attr(call->inode, &call->mount->options, &attr);
    attr.st_nlink = 0;
    (void)fuse_reply_attr(call->req, &attr, 0);
    call_free(call);
}

static void root_from_memory(struct call *call)
{
    reply_attr(call, NULL);
}

/* The root is there even when no server is: umount(8), df(1) and mountpoint(1) look at it, and
 * must not hang. */
void op_getattr(ops_req req, uint64_t nodeid, struct fuse_file_info *fi)
{
    struct call *call = ops_begin(req, nodeid);
    bool is_file = call->inode->shape == SHAPE_FILE || call->inode->shape == SHAPE_CONTROL_DATA;

    if (fi != NULL && is_file)
        call->handle = (struct handle *)(uintptr_t)fi->fh;
    if (nodeid == INODE_ROOT)
        call->on_offline = root_from_memory;
    if (inode_is_pending(call->inode) ||
        (call->on_offline != NULL && call->mount->client_state != CLIENT_CONNECTED)) {
        reply_attr(call, call->handle);
        return;
    }
    call_set_path(call, call->inode, NULL);
    resolve(call, on_attr);
}

/* ------------------------------------------------------------------ a file that is being made */

/* The first error that a commit without a caller left behind. */
static int deferred_error(struct inode *inode)
{
    int error = 0;

    LIST_FOR(it, &inode->handles)
    {
        if (error == 0)
            error = handle_take_error(CONTAINER_OF(it, struct handle, of_inode));
    }
    return error;
}

static void on_settled(struct call *call)
{
    int error = deferred_error(call->inode);

    if (error != 0)
        call_error(call, error);
    else
        reply_attr(call, NULL);
}

static void settle(struct call *call)
{
    struct inode *inode = call->inode;

    call_enqueue(call, &inode->waiting, on_settled);
    handles_settle(call->mount, inode);
}

/* ------------------------------------------------------------------ size */

static void on_open_truncated(struct call *call)
{
    struct handle *handle = call->handle;

    commit_rule_truncate(&handle->rule, call->offset);
    handle_truncate(handle, call->offset);
    if (handle->rule.dirty)
        timeout_start(&call->mount->quiet, &handle->quiet);
    handle_leave(handle);
    reply_attr(call, handle);
}

static void refuse_truncate(struct call *call, int error)
{
    handle_leave(call->handle);
    call_error(call, error);
}

static void on_truncate_base(struct call *call, int error)
{
    struct handle *handle = call->handle;

    if (error != 0) {
        refuse_truncate(call, error);
        return;
    }
    handle_pin(handle, blob_ref(call->bytes), &call->bytes_stat);
    handle_load(handle);
    on_open_truncated(call);
}

/* ftruncate(2): changes what the handle is about to commit. */
static void truncate_open(struct call *call)
{
    struct handle *handle = call->handle;

    if (!handle_enter(call, truncate_open))
        return;
    if (call->offset == 0)
        handle_overwrite(handle);
    if (handle->kind == HANDLE_APPEND && call->offset != 0) {
        refuse_truncate(call, EOPNOTSUPP);
    } else if (handle->kind == HANDLE_EDIT && !handle->loaded) {
        call->on_abort = refuse_truncate;
        fetch(call, on_truncate_base);
    } else {
        on_open_truncated(call);
    }
}

static void on_rewritten(struct call *call, const struct client_reply *reply);
static void rewrite(struct call *call);

static void on_rewrite_outcome(struct call *call, enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_DONE:
        call->inode->stat = call->bytes_stat;
        reply_attr(call, NULL);
        return;
    case OUTCOME_NOT_DONE:
        rewrite(call);
        return;
    case OUTCOME_UNKNOWN:
        call_error(call, EIO);
    }
}

/* touch(1) against a writer is content with his time; a truncation is not. */
static void on_rewritten(struct call *call, const struct client_reply *reply)
{
    if (outcome_is_open(reply)) {
        outcome_of_set(call, &call->value, call->version, on_rewrite_outcome);
    } else if (reply->rc == 0 && reply->err == ZBADVERSION) {
        rewrite(call);
    } else if (call_errno(reply) != 0) {
        call_error(call, call_errno(reply));
    } else {
        call->inode->stat = reply->stat;
        reply_attr(call, NULL);
    }
}

static void send_rewrite(struct call *call)
{
    call->request = client_set_data(call->mount->client, call_path(call), call->value,
                                    call->version, call_on_reply, call);
}

static void on_rewrite_base(struct call *call, int error)
{
    size_t size;

    if (error != 0) {
        call_error(call, error);
        return;
    }
    size = call->resizes ? call->offset : call->bytes->len;
    call->text.len = 0;
    buf_append(&call->text, call->bytes->data, size < call->bytes->len ? size : call->bytes->len);
    if (size > call->text.len)
        memset(buf_extend(&call->text, size - call->text.len), 0, size - call->bytes->len);
    call->version = call->bytes_stat.version;
    call->value = file_value(call->inode, &call->text);
    if (!call->resizes && size == 0)
        call->value = call->bytes_null ? JUTE_NULL : jute_str("");
    call_send(call, CALL_WRITES, send_rewrite, on_rewritten);
}

/* Reads the value and writes it back, resized or as it is, over just that version. */
static void rewrite(struct call *call)
{
    fetch(call, on_rewrite_base);
}

/* ------------------------------------------------------------------ setattr */

static void set_size(struct call *call, const struct stat *attr, struct handle *handle)
{
    if ((uint64_t)attr->st_size > data_max(call->inode)) {
        call_error(call, EFBIG);
        return;
    }
    call->offset = (uint64_t)attr->st_size;
    call->resizes = true;
    call->handle = handle;
    if (handle != NULL)
        truncate_open(call);
    else if (inode_is_pending(call->inode))
        call_error(call, EBUSY); /* somebody is just writing it for the first time */
    else
        rewrite(call);
}

/* Whether somebody here is about to commit: that sets the time, and comes later than now. */
static bool is_being_written(const struct inode *inode)
{
    LIST_FOR(it, &inode->handles)
    {
        if (commit_rule_pending(&CONTAINER_OF(it, struct handle, of_inode)->rule))
            return true;
    }
    return false;
}

void op_setattr(ops_req req, uint64_t nodeid, struct stat *attr, int to_set,
                struct fuse_file_info *fi)
{
    const int now = FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW;
    struct call *call = ops_begin(req, nodeid);

    call_set_path(call, call->inode, NULL);
    if (to_set & FUSE_SET_ATTR_SIZE)
        set_size(call, attr, fi != NULL ? (struct handle *)(uintptr_t)fi->fh : NULL);
    else if (inode_is_pending(call->inode))
        settle(call);
    else if ((to_set & now) == now && call->inode->shape != SHAPE_CONTROL_DIR &&
             !is_being_written(call->inode))
        rewrite(call);
    else
        resolve(call, on_attr);
}
