/* ops_resolve: what is at a path, and how it is shown. getACL gives ACL and Stat in one request;
 * who may not see the ACL asks exists, which needs no permission (in newer servers READ). Only a
 * znode without data and without a trace of children costs a getData: null is a file, empty a
 * directory. */
#define FUSE_USE_VERSION 314
#include "fs/ops.h"

#include "proto/base/assert.h"

#include <errno.h>
#include <fuse_lowlevel.h>

static void finish(struct call *call, bool empty)
{
    call->found.shape = shape_of(call_path(call), &call->found.stat, empty);
    call->resolved(call, 0);
}

static void on_data(struct call *call, const struct client_reply *reply)
{
    if (reply->rc == 0 && reply->err == ZNOAUTH) {
        /* Nobody can tell from here. Most znodes without data are parents made by libraries. */
        finish(call, true);
        return;
    }
    if (call_errno(reply) != 0) {
        call->resolved(call, call_errno(reply));
        return;
    }
    call->found.stat = reply->stat;
    finish(call, reply->data.len == 0);
}

static void send_get_data(struct call *call)
{
    call->request =
        client_get_data(call->mount->client, call_path(call), false, call_on_reply, call);
}

/* The Stat is known; is the shape? */
static void on_stat(struct call *call)
{
    struct inode_table *inodes = &call->mount->inodes;
    zk_zxid czxid = call->found.stat.czxid;
    enum inode_shape known;

    if (!shape_needs_data(call_path(call), &call->found.stat)) {
        finish(call, false);
        return;
    }
    /* The data of a znode that we know has not changed since when its mzxid has not. */
    for (known = SHAPE_DIR; known <= SHAPE_FILE; known++) {
        const struct inode *inode = inode_find(inodes, call_path(call), czxid, known);

        if (inode != NULL && inode->stat.mzxid == call->found.stat.mzxid) {
            finish(call, known == SHAPE_DIR);
            return;
        }
    }
    call_send(call, CALL_READS, send_get_data, on_data);
}

/* Newer servers do not even tell the Stat of what may not be read, only that it is there. As a
 * directory the znodes below stay within reach, which need no right on it, and its data through
 * the control file. */
static void take_for_directory(struct call *call)
{
    call->found.stat = (struct zk_stat){.czxid = 0};
    call->found.shape = SHAPE_DIR;
    call->resolved(call, 0);
}

static void on_exists(struct call *call, const struct client_reply *reply)
{
    int error = call_errno(reply);

    call->found.perms = PERM_ALL & ~(PERM_READ | PERM_ADMIN);
    if (error == EACCES) {
        take_for_directory(call);
    } else if (error != 0) {
        call->resolved(call, error);
    } else {
        call->found.stat = reply->stat;
        on_stat(call);
    }
}

static void send_exists(struct call *call)
{
    call->request = client_exists(call->mount->client, call_path(call), false, call_on_reply, call);
}

static void keep_acl(struct call *call, const struct zk_vec_acl *acl)
{
    struct buf encoded = {0};

    put_vec_acl(&encoded, acl);
    blob_unref(call->found.acl);
    call->found.acl = blob_copy(encoded.data, encoded.len);
    buf_done(&encoded);
}

static void on_acl(struct call *call, const struct client_reply *reply)
{
    if (reply->rc == 0 && reply->err == ZNOAUTH) {
        call_send(call, CALL_READS, send_exists, on_exists);
        return;
    }
    if (call_errno(reply) != 0) {
        call->resolved(call, call_errno(reply));
        return;
    }
    call->found.stat = reply->stat;
    call->found.perms = acl_perms(&reply->acl);
    if (call->want_acl)
        keep_acl(call, &reply->acl);
    on_stat(call);
}

static void send_get_acl(struct call *call)
{
    call->request = client_get_acl(call->mount->client, call_path(call), call_on_reply, call);
}

void resolve(struct call *call, void (*next)(struct call *call, int error))
{
    call->resolved = next;
    call_send(call, CALL_READS, send_get_acl, on_acl);
}

struct inode *resolved_inode(struct call *call, enum inode_shape shape)
{
    struct inode *inode =
        inode_get(&call->mount->inodes, call_path(call), call->found.stat.czxid, shape);

    inode->stat = call->found.stat;
    inode->perms = call->found.perms;
    return inode;
}

void reply_entry(struct call *call, struct inode *inode)
{
    struct fuse_entry_param entry = {.ino = inode->nodeid};

    inode_attr(inode, &call->mount->options, &entry.attr);
    /* Counted only when the kernel took the answer: an interrupted caller may be gone. */
    if (fuse_reply_entry(call->req, &entry) == 0)
        inode->nlookup++;
    inode_unref(&call->mount->inodes, inode);
    call_free(call);
}

/* A handle of this process through which the file looks other than on the server: what was
 * written there, by whoever asks now. */
static const struct handle *handle_of_caller(const struct call *call)
{
    int32_t caller = fuse_req_ctx(call->req)->pid;

    LIST_FOR(it, &call->inode->handles)
    {
        const struct handle *handle = CONTAINER_OF(it, struct handle, of_inode);

        if (handle->opener == caller && handle_reads_own(handle))
            return handle;
    }
    return NULL;
}

void reply_attr(struct call *call, const struct handle *fh)
{
    const struct handle *own = fh != NULL && handle_reads_own(fh) ? fh : handle_of_caller(call);
    struct stat attr;

    inode_attr(call->inode, &call->mount->options, &attr);
    if (own != NULL) {
        attr.st_size = (off_t)handle_size(own);
        attr.st_blocks = (attr.st_size + 511) / 512;
    }
    (void)fuse_reply_attr(call->req, &attr, 0);
    call_free(call);
}

struct call *ops_begin(ops_req req, uint64_t nodeid)
{
    struct mount *mount = fuse_req_userdata(req);
    struct inode *inode = inode_by_id(&mount->inodes, nodeid);

    /* The kernel uses only numbers that it has from us and has not given back. */
    ASSERT(inode != NULL);
    return call_new(mount, req, inode);
}
