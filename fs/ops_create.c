/* ops_create: new names and names that go: create, mkdir, mknod, unlink, rmdir. A new znode
 * inherits the ACL of its parent, which is read before anyway, to refuse at once what the server
 * would refuse later. */
#define FUSE_USE_VERSION 314
#include "fs/ops.h"

#include "fs/errno_map.h"
#include "proto/base/log.h"
#include "proto/path.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <time.h>

/* Why a child NAME of the call's inode, a directory, cannot be; 0 when it can. */
static int refuse_name(const struct call *call, const char *name)
{
    if (call->inode->shape != SHAPE_DIR)
        return EPERM; /* control files are what they are */
    if (strcmp(name, call->mount->options.control_name) == 0)
        return EPERM;
    return path_name_valid(jute_str(name), NULL) ? 0 : EINVAL;
}

bool acl_is_masked(const struct zk_vec_acl *acl)
{
    for (int32_t i = 0; i < acl->count; i++) {
        struct jute_bytes id = acl->items[i].id;

        if (jute_equal(acl->items[i].scheme, jute_str("digest")) && id.len >= 2 &&
            memcmp(id.data + id.len - 2, ":x", 2) == 0)
            return true;
    }
    return false;
}

struct zk_vec_acl decode_acl(const struct blob *encoded, struct arena *arena)
{
    struct jute_reader reader = jute_reader(encoded->data, encoded->len, arena);
    struct zk_vec_acl acl;

    get_vec_acl(&reader, &acl);
    return acl;
}

/* Whether the parent that was found takes a child from this session; 0 or an errno. */
static int judge_parent(struct call *call)
{
    struct arena arena = {0};
    struct zk_vec_acl acl = {0};
    int error = 0;

    if (call->found.stat.ephemeral_owner != 0)
        return ENOTDIR;
    if ((call->found.perms & PERM_CREATE) == 0)
        return EACCES;
    if (call->found.acl != NULL)
        acl = decode_acl(call->found.acl, &arena);
    if (call->found.acl == NULL || acl_is_masked(&acl)) {
        log_warn("mount: the ACL of \"%s\" or its digests are hidden from this session, so a new "
                 "znode cannot inherit it; refused with EPERM",
                 buf_cstr(&call->path));
        error = EPERM;
    }
    arena_done(&arena);
    return error;
}

/* The parent is looked at; `text` has the name of the child. */
static void with_parent(struct call *call, const char *name,
                        void (*next)(struct call *call, int error))
{
    int error = refuse_name(call, name);

    if (error != 0) {
        call_error(call, error);
        return;
    }
    buf_append(&call->text, name, strlen(name));
    call_set_path(call, call->inode, NULL);
    call->want_acl = true;
    resolve(call, next);
}

/* Behind with_parent(), with what it found: CALL is about the child from now on. False: it
 * must not be made, and CALL is answered. */
static bool go_to_child(struct call *call, int error)
{
    if (error == 0)
        error = judge_parent(call);
    if (error != 0) {
        call_error(call, error);
        return false;
    }
    call_set_path(call, call->inode, buf_cstr(&call->text));
    return true;
}

struct client_request *create_znode(struct call *call, struct jute_bytes data,
                                    const struct blob *acl)
{
    struct arena arena = {0};
    struct zk_vec_acl decoded = {0};
    struct client_request *request;

    if (acl != NULL)
        decoded = decode_acl(acl, &arena);
    request = client_create(call->mount->client, call_path(call), data,
                            decoded.count > 0 ? &decoded : NULL, CREATE_PERSISTENT, -1,
                            call_on_reply, call);
    arena_done(&arena);
    return request;
}

/* ------------------------------------------------------------------ made at once */

static void on_made(struct call *call, const struct client_reply *reply);

static void send_make(struct call *call)
{
    /* Empty data is a directory, null data an empty file. */
    struct jute_bytes data = S_ISDIR(call->mode) ? jute_str("") : JUTE_NULL;

    call->request = create_znode(call, data, call->found.acl);
}

static void reply_opened(struct call *call, struct inode *inode, struct handle *handle)
{
    struct fuse_entry_param entry = {.ino = inode->nodeid};
    struct fuse_file_info fi = {.flags = call->flags, .fh = (uintptr_t)handle, .direct_io = 1};

    inode_attr(inode, &call->mount->options, &entry.attr);
    if (fuse_reply_create(call->req, &entry, &fi) == 0)
        inode->nlookup++;
    else
        handle_abandon(call->mount, handle); /* the caller is gone: no RELEASE comes */
    inode_unref(&call->mount->inodes, inode);
    call_free(call);
}

static void reply_made(struct call *call, const struct zk_stat *stat)
{
    struct handle *handle;
    struct inode *inode;

    call->found.stat = *stat;
    inode = resolved_inode(call, S_ISDIR(call->mode) ? SHAPE_DIR : SHAPE_FILE);
    if (!call->opens) {
        reply_entry(call, inode);
        return;
    }
    handle = handle_new(inode, call->flags, HANDLE_MADE, call->mount->options.commit, call->opener);
    handle_pin(handle, blob_new(0), stat);
    reply_opened(call, inode, handle);
}

static void on_make_outcome(struct call *call, enum outcome outcome)
{
    if (outcome == OUTCOME_NOT_DONE)
        call_send(call, CALL_WRITES, send_make, on_made);
    else
        call_error(call, EIO);
}

/* Another one may just have made the same name, and of two only one may be told that it was he:
 * who only sees the znode there cannot know. */
static void on_made(struct call *call, const struct client_reply *reply)
{
    if (outcome_is_open(reply))
        outcome_of_create(call, NULL, on_make_outcome);
    else if (call_errno(reply) != 0)
        call_error(call, call_errno(reply));
    else
        reply_made(call, &reply->stat);
}

static void on_parent_of_new(struct call *call, int error)
{
    if (go_to_child(call, error))
        call_send(call, CALL_WRITES, send_make, on_made);
}

void op_mkdir(ops_req req, uint64_t parent, const char *name, mode_t mode)
{
    struct call *call = ops_begin(req, parent);

    (void)mode; /* permissions are the ACL's */
    call->mode = S_IFDIR;
    with_parent(call, name, on_parent_of_new);
}

void op_mknod(ops_req req, uint64_t parent, const char *name, mode_t mode, dev_t rdev)
{
    struct call *call = ops_begin(req, parent);

    (void)rdev;
    call->mode = S_IFREG;
    if (S_ISREG(mode))
        with_parent(call, name, on_parent_of_new);
    else
        call_error(call, EPERM);
}

/* ------------------------------------------------------------------ open(O_CREAT) */

/* The file is there for those who open it now, and made with its first data. */
static void open_pending(struct call *call)
{
    struct mount *mount = call->mount;
    struct inode *inode = inode_get(&mount->inodes, call_path(call), CZXID_PENDING, SHAPE_FILE);
    struct handle *handle =
        handle_new(inode, call->flags, HANDLE_PENDING, mount->options.commit, call->opener);
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    inode->stat.ctime = inode->stat.mtime = now.tv_sec * 1000 + now.tv_nsec / 1000000;
    inode->perms = call->found.perms;
    handle->acl = call->found.acl != NULL ? blob_ref(call->found.acl) : NULL;
    timeout_start(&mount->grace, &handle->grace);
    reply_opened(call, inode, handle);
}

static void on_parent_of_file(struct call *call, int error)
{
    if (go_to_child(call, error))
        open_pending(call);
}

void op_create(ops_req req, uint64_t parent, const char *name, mode_t mode,
               struct fuse_file_info *fi)
{
    struct call *call = ops_begin(req, parent);

    (void)mode;
    call->mode = S_IFREG;
    call->opens = true;
    call->flags = fi->flags;
    call->opener = fuse_req_ctx(req)->pid;
    with_parent(call, name, fi->flags & O_EXCL ? on_parent_of_new : on_parent_of_file);
}

/* ------------------------------------------------------------------ unlink, rmdir */

static void on_deleted(struct call *call, const struct client_reply *reply);

static void send_delete(struct call *call)
{
    call->request =
        client_delete(call->mount->client, call_path(call), ANY_VERSION, call_on_reply, call);
}

static void delete_now(struct call *call)
{
    call_send(call, CALL_WRITES, send_delete, on_deleted);
}

static void on_delete_outcome(struct call *call, enum outcome outcome)
{
    if (outcome == OUTCOME_NOT_DONE)
        call_send(call, CALL_WRITES, send_delete, on_deleted);
    else
        call_error(call, outcome == OUTCOME_DONE ? 0 : EIO);
}

static void on_deleted(struct call *call, const struct client_reply *reply)
{
    if (outcome_is_open(reply))
        outcome_of_delete(call, on_delete_outcome);
    else if (call->was_pending && reply->rc == 0 && reply->err == ZNONODE)
        call_error(call, 0); /* it was never made, and is not going to be */
    else
        call_error(call, call_errno(reply));
}

/* Whether it is a file or a directory, the kernel has judged by what LOOKUP told it. */
static void delete_name(ops_req req, uint64_t parent, const char *name)
{
    struct call *call = ops_begin(req, parent);
    int error = refuse_name(call, name);
    struct inode *pending;

    if (error != 0) {
        call_error(call, error);
        return;
    }
    call_set_path(call, call->inode, name);
    pending = inode_find(&call->mount->inodes, call_path(call), CZXID_PENDING, SHAPE_FILE);
    call->was_pending = pending != NULL && pending->unmade > 0;
    if (call->was_pending && !handles_unlink(call->mount, pending))
        call_enqueue(call, &pending->waiting, delete_now);
    else
        delete_now(call);
}

void op_unlink(ops_req req, uint64_t parent, const char *name)
{
    delete_name(req, parent, name);
}

void op_rmdir(ops_req req, uint64_t parent, const char *name)
{
    delete_name(req, parent, name);
}
