/* ops_io: open, read, write, flush, fsync, release. handle.h tells what a handle is and
 * commit_rule.h when its bytes go to the server. */
#define FUSE_USE_VERSION 314
#include "fs/ops.h"

#include "proto/base/assert.h"
#include "proto/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <unistd.h>

static struct handle *handle_of(const struct fuse_file_info *fi)
{
    return (struct handle *)(uintptr_t)fi->fh;
}

/* ------------------------------------------------------------------ open */

/* The path walk has just asked the server for the ACL. A reader is refused by the server itself, at
 * the first READ; a shell that opens for writing must hear it now, as `: > f` writes nothing. */
void op_open(ops_req req, uint64_t nodeid, struct fuse_file_info *fi)
{
    struct mount *mount = fuse_req_userdata(req);
    struct inode *inode = inode_by_id(&mount->inodes, nodeid);
    struct handle *handle;

    ASSERT(inode != NULL);
    if ((fi->flags & O_ACCMODE) != O_RDONLY && (inode->perms & PERM_WRITE) == 0) {
        (void)fuse_reply_err(req, EACCES);
        return;
    }
    handle =
        handle_new(inode, fi->flags, HANDLE_OPENED, mount->options.commit, fuse_req_ctx(req)->pid);
    fi->fh = (uintptr_t)handle;
    fi->direct_io = 1;
    if (fuse_reply_open(req, fi) != 0)
        handle_abandon(mount, handle); /* the caller is gone: no RELEASE comes */
}

/* ------------------------------------------------------------------ read */

static void reply_read(ops_req req, struct handle *handle, uint64_t offset, size_t size)
{
    struct jute_bytes bytes = handle_read(handle, offset, size);

    (void)fuse_reply_buf(req, (const char *)bytes.data, jute_size(bytes));
}

/* A handle whose znode has gone, or was made again, keeps what it has seen. */
static void on_newest(struct call *call, int error)
{
    struct handle *handle = call->handle;
    bool same = error == 0 && (call->bytes_stat.czxid == handle->pinned_stat.czxid);

    if (error == 0 && (handle->pinned == NULL || same))
        handle_pin(handle, blob_ref(call->bytes), &call->bytes_stat);
    else if (error == ENOENT && inode_is_pending(call->inode))
        handle_pin(handle, blob_new(0), &call->inode->stat); /* not made yet: empty */
    else if (error != 0 && (error != ENOENT || handle->pinned == NULL)) {
        call_error(call, error);
        return;
    }
    reply_read(call->req, handle, call->offset, call->size);
    call_free(call);
}

void op_read(ops_req req, uint64_t nodeid, size_t size, off_t offset, struct fuse_file_info *fi)
{
    struct handle *handle = handle_of(fi);
    struct call *call;

    if (handle_reads_own(handle) || !handle_wants_newest(handle, (uint64_t)offset)) {
        reply_read(req, handle, (uint64_t)offset, size);
        return;
    }
    call = ops_begin(req, nodeid);
    call->handle = handle;
    call->offset = (uint64_t)offset;
    call->size = size;
    fetch(call, on_newest);
}

/* ------------------------------------------------------------------ write */

static void finish_write(struct call *call, int error)
{
    struct handle *handle = call->handle;

    if (error == 0)
        (void)fuse_reply_write(call->req, call->size);
    else
        (void)fuse_reply_err(call->req, error);
    call_free(call);
    handle_leave(handle);
}

static void on_write_committed(struct call *call, int error)
{
    /* Interrupted before anything was sent: nothing is written, and the caller knows it. */
    if (error == EINTR) {
        handle_drop(call->handle, error);
        handle_settled(call->mount, call->handle);
    }
    finish_write(call, error);
}

static void apply_write(struct call *call)
{
    struct handle *handle = call->handle;
    enum commit_decision decision;

    if (handle_size_after(handle, call->offset, call->size) > data_max(call->inode)) {
        /* Too big for any commit, and the rest of it is no value. */
        handle_drop(handle, EFBIG);
        handle_settled(call->mount, handle);
        finish_write(call, EFBIG);
        return;
    }
    decision = commit_rule_write(&handle->rule, call->offset, call->size, handle_is_empty(handle));
    handle_write(handle, call->offset, call->payload->data, call->size);
    if (decision == COMMIT_NOW) {
        commit(call, on_write_committed);
        return;
    }
    timeout_start(&call->mount->quiet, &handle->quiet);
    finish_write(call, 0);
}

static void on_write_base(struct call *call, int error)
{
    struct handle *handle = call->handle;

    if (error != 0) {
        finish_write(call, error);
        return;
    }
    handle_pin(handle, blob_ref(call->bytes), &call->bytes_stat);
    handle_load(handle);
    apply_write(call);
}

static void begin_write(struct call *call)
{
    struct handle *handle = call->handle;
    int error;

    if (!handle_enter(call, begin_write))
        return;
    error = handle_take_error(handle);
    if (error == 0)
        error = handle_refuses(handle, call->offset);
    if (error != 0) {
        finish_write(call, error);
    } else if (handle->kind == HANDLE_EDIT && !handle->loaded && handle->pinned == NULL) {
        call->on_abort = finish_write;
        fetch(call, on_write_base);
    } else {
        if (handle->kind == HANDLE_EDIT && !handle->loaded)
            handle_load(handle);
        apply_write(call);
    }
}

void op_write(ops_req req, uint64_t nodeid, const char *data, size_t size, off_t offset,
              struct fuse_file_info *fi)
{
    struct call *call = ops_begin(req, nodeid);

    call->handle = handle_of(fi);
    call->payload = blob_copy(data, size);
    call->offset = (uint64_t)offset;
    call->size = size;
    begin_write(call);
}

/* ------------------------------------------------------------------ flush, fsync, release */

/* Whether the thread CALLER belongs to the process that opened HANDLE: of a process with many
 * threads, any may close. */
static bool is_opener(const struct handle *handle, int32_t caller)
{
    char path[64];

    if (caller == handle->opener)
        return true;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d", caller, handle->opener);
    return access(path, F_OK) == 0;
}

static void finish_flush(struct call *call, int error)
{
    struct handle *handle = call->handle;

    (void)fuse_reply_err(call->req, error);
    call_free(call);
    handle_leave(handle);
}

static void begin_flush(struct call *call)
{
    struct handle *handle = call->handle;
    int error;

    if (!handle_enter(call, begin_flush))
        return;
    error = handle_take_error(handle);
    if (error == 0 && commit_rule_flush(&handle->rule) == COMMIT_NOW)
        commit(call, finish_flush);
    else
        finish_flush(call, error);
}

/* Whoever did not open the file has nothing to wait for either: a child that ends must not hang on
 * what its parent is writing. */
void op_flush(ops_req req, uint64_t nodeid, struct fuse_file_info *fi)
{
    struct handle *handle = handle_of(fi);
    struct call *call;

    if (!handle->writable || !is_opener(handle, fuse_req_ctx(req)->pid)) {
        (void)fuse_reply_err(req, 0);
        return;
    }
    call = ops_begin(req, nodeid);
    call->handle = handle;
    begin_flush(call);
}

/* Without anything to commit, fsync(2) is the ensemble's sync: what is read next is as new as
 * what anybody had written before. */
static void on_synced(struct call *call, const struct client_reply *reply)
{
    finish_flush(call, call_errno(reply));
}

static void send_sync(struct call *call)
{
    call->request = client_sync(call->mount->client, call_path(call), call_on_reply, call);
}

static void begin_fsync(struct call *call)
{
    struct handle *handle = call->handle;
    int error;

    if (!handle_enter(call, begin_fsync))
        return;
    error = handle_take_error(handle);
    if (error != 0) {
        finish_flush(call, error);
    } else if (commit_rule_sync(&handle->rule) == COMMIT_NOW) {
        commit(call, finish_flush);
    } else {
        call->on_abort = finish_flush;
        call_set_path(call, call->inode, NULL);
        call_send(call, CALL_READS, send_sync, on_synced);
    }
}

void op_fsync(ops_req req, uint64_t nodeid, int datasync, struct fuse_file_info *fi)
{
    struct call *call = ops_begin(req, nodeid);

    (void)datasync;
    call->handle = handle_of(fi);
    begin_fsync(call);
}

static void on_dir_synced(struct call *call, const struct client_reply *reply)
{
    call_error(call, call_errno(reply));
}

void op_fsyncdir(ops_req req, uint64_t nodeid, int datasync, struct fuse_file_info *fi)
{
    struct call *call = ops_begin(req, nodeid);

    (void)datasync;
    (void)fi;
    call_set_path(call, call->inode, NULL);
    call_send(call, CALL_READS, send_sync, on_dir_synced);
}

static void on_released(struct call *call, int error)
{
    struct handle *handle = call->handle;

    if (error != 0)
        log_warn("mount: commit at the close of a file failed and nobody waits for it: "
                 "path=\"%s\" cause=\"%s\"",
                 buf_cstr(&call->path), strerror(error));
    handle->busy = false;
    handle_abandon(call->mount, handle);
    call_error(call, 0);
}

static void begin_release(struct call *call)
{
    if (!handle_enter(call, begin_release))
        return;
    if (commit_rule_release(&call->handle->rule) == COMMIT_NOW)
        commit(call, on_released);
    else
        on_released(call, 0);
}

void op_release(ops_req req, uint64_t nodeid, struct fuse_file_info *fi)
{
    struct call *call = ops_begin(req, nodeid);

    call->handle = handle_of(fi);
    begin_release(call);
}
