/* ops_xattr: user.zk.*: what the server knows of a znode beyond what stat(2) can tell. zxids and
 * session ids are in hex, as everywhere; all else is decimal, times in milliseconds. */
#define FUSE_USE_VERSION 314
#include "fs/ops.h"

#include "fs/errno_map.h"
#include "proto/acl_text.h"
#include "proto/base/log.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <inttypes.h>

#define PREFIX "user.zk."

/*       name            how      the Stat's field */
#define STAT_FIELDS(X)                          \
    X(czxid, put_hex, czxid)                    \
    X(mzxid, put_hex, mzxid)                    \
    X(pzxid, put_hex, pzxid)                    \
    X(ctime, put_decimal, ctime)                \
    X(mtime, put_decimal, mtime)                \
    X(version, put_decimal, version)            \
    X(cversion, put_decimal, cversion)          \
    X(aversion, put_decimal, aversion)          \
    X(ephemeralOwner, put_hex, ephemeral_owner) \
    X(dataLength, put_decimal, data_length)     \
    X(numChildren, put_decimal, num_children)

static void put_hex(struct buf *b, int64_t value)
{
    buf_printf(b, "0x%" PRIx64, (uint64_t)value);
}

static void put_decimal(struct buf *b, int64_t value)
{
    buf_printf(b, "%" PRId64, value);
}

static void put_all(struct buf *b, const struct zk_stat *stat)
{
#define X(name, put, field)      \
    buf_printf(b, "%s=", #name); \
    put(b, stat->field);         \
    buf_append(b, "\n", 1);
    STAT_FIELDS(X)
#undef X
}

static const char names[] =
#define X(name, put, field) PREFIX #name "\0"
    STAT_FIELDS(X)
#undef X
        PREFIX "stat\0" PREFIX "acl\0" PREFIX "shape";

/* The value of user.zk.NAME into B; an errno when there is none. */
static int put_value(struct call *call, const char *name, struct buf *b)
{
    const struct zk_stat *stat = &call->found.stat;

#define X(field_name, put, field)         \
    if (strcmp(name, #field_name) == 0) { \
        put(b, stat->field);              \
        return 0;                         \
    }
    STAT_FIELDS(X)
#undef X
    if (strcmp(name, "stat") == 0) {
        put_all(b, stat);
    } else if (strcmp(name, "shape") == 0) {
        buf_printf(b, "%s", call->found.shape == SHAPE_DIR ? "dir" : "file");
    } else if (strcmp(name, "acl") == 0) {
        struct arena arena = {0};
        struct zk_vec_acl acl;

        if (call->found.acl == NULL)
            return EACCES;
        acl = decode_acl(call->found.acl, &arena);
        acl_text_put(b, &acl);
        arena_done(&arena);
    } else {
        return ENODATA;
    }
    return 0;
}

static void reply_value(struct call *call, const void *value, size_t len)
{
    if (call->size == 0)
        (void)fuse_reply_xattr(call->req, len);
    else if (len > call->size)
        (void)fuse_reply_err(call->req, ERANGE);
    else
        (void)fuse_reply_buf(call->req, value, len);
    call_free(call);
}

static void on_resolved(struct call *call, int error)
{
    struct buf value = {0};

    if (error == 0)
        error = put_value(call, buf_cstr(&call->text) + strlen(PREFIX), &value);
    if (error != 0)
        call_error(call, error);
    else
        reply_value(call, value.data, value.len);
    buf_done(&value);
}

/* Nothing but user.zk.* costs a look at the server: the kernel asks for security.capability before
 * each write, and ls -l for two more names of each file. */
static bool is_ours(const char *name)
{
    return strncmp(name, PREFIX, strlen(PREFIX)) == 0;
}

void op_getxattr(ops_req req, uint64_t nodeid, const char *name, size_t size)
{
    struct call *call;

    if (!is_ours(name)) {
        (void)fuse_reply_err(req, ENODATA);
        return;
    }
    call = ops_begin(req, nodeid);
    if (inode_is_pending(call->inode)) {
        call_error(call, ENODATA);
        return;
    }
    buf_append(&call->text, name, strlen(name));
    call->size = size;
    call->want_acl = strcmp(name, PREFIX "acl") == 0;
    call_set_path(call, call->inode, NULL);
    resolve(call, on_resolved);
}

void op_listxattr(ops_req req, uint64_t nodeid, size_t size)
{
    struct call *call = ops_begin(req, nodeid);

    call->size = size;
    reply_value(call, names, sizeof names);
}

/* ------------------------------------------------------------------ user.zk.acl */

static void on_acl_set(struct call *call, const struct client_reply *reply)
{
    /* To set the same ACL twice does no harm but to aversion. */
    if (outcome_is_open(reply))
        call_send(call, CALL_WRITES, call->send, on_acl_set);
    else
        call_error(call, call_errno(reply));
}

static void send_set_acl(struct call *call)
{
    struct arena arena = {0};
    struct zk_vec_acl acl = decode_acl(call->found.acl, &arena);

    call->request = client_set_acl(call->mount->client, call_path(call), &acl, ANY_VERSION,
                                   call_on_reply, call);
    arena_done(&arena);
}

static void set_acl(struct call *call, const char *text, size_t len)
{
    struct arena arena = {0};
    struct buf encoded = {0};
    struct zk_vec_acl acl;
    struct errtext why;
    int error = 0;

    if (acl_text_parse(text, len, &arena, &acl, &why) < 0) {
        log_warn("mount: %s: ACL refused: %s", PREFIX "acl", why.text);
        error = EINVAL;
    } else if (acl_is_masked(&acl)) {
        error = EPERM; /* the "x" that a server shows for a digest, written back */
    } else {
        put_vec_acl(&encoded, &acl);
        call->found.acl = blob_copy(encoded.data, encoded.len);
    }
    arena_done(&arena);
    buf_done(&encoded);
    if (error != 0) {
        call_error(call, error);
        return;
    }
    call_set_path(call, call->inode, NULL);
    call_send(call, CALL_WRITES, send_set_acl, on_acl_set);
}

void op_setxattr(ops_req req, uint64_t nodeid, const char *name, const char *value, size_t size,
                 int flags)
{
    struct call *call = ops_begin(req, nodeid);

    (void)flags;
    if (!is_ours(name))
        call_error(call, EOPNOTSUPP);
    else if (strcmp(name, PREFIX "acl") == 0 && !inode_is_pending(call->inode))
        set_acl(call, value, size);
    else
        call_error(call, EPERM);
}

void op_removexattr(ops_req req, uint64_t nodeid, const char *name)
{
    (void)nodeid;
    (void)fuse_reply_err(req, is_ours(name) ? EPERM : ENODATA);
}
