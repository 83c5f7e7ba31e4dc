/* ops_dir: finding and listing: lookup, attributes, directories, and the hidden control directory
 * of each one. Nothing is remembered by the kernel here: every timeout is 0. */
#define FUSE_USE_VERSION 314
#include "fs/ops.h"

#include "fs/errno_map.h"
#include "proto/base/assert.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/path.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdlib.h>
#include <unistd.h>

/* The kernel takes no longer name out of a directory, but fails the whole listing. */
#define NAME_BYTES_MAX 1024

/* d_ino where the number is not known without asking for each child (as libfuse has it). */
#define UNKNOWN_INO 0xffffffffu

/* ------------------------------------------------------------------ lookup */

static void on_looked_up(struct call *call, int error)
{
    if (error != 0)
        call_error(call, error);
    else
        reply_entry(call, resolved_inode(call, call->found.shape));
}

static void on_control_dir(struct call *call, int error)
{
    if (error == 0 && call->found.shape != SHAPE_DIR)
        error = ENOENT;
    if (error != 0)
        call_error(call, error);
    else
        reply_entry(call, resolved_inode(call, SHAPE_CONTROL_DIR));
}

static void on_control_data(struct call *call, int error)
{
    if (error != 0)
        call_error(call, error);
    else
        reply_entry(call, resolved_inode(call, SHAPE_CONTROL_DATA));
}

/* A file that somebody here is making is shown when it is made, so that nobody sees it empty
 * before its first data; unless that takes longer than the grace (`unmade` is still there). */
static void lookup_settled(struct call *call)
{
    struct inode *pending =
        inode_find(&call->mount->inodes, call_path(call), CZXID_PENDING, SHAPE_FILE);

    if (pending != NULL && pending->unmade > 0) {
        reply_entry(call, inode_ref(pending));
        return;
    }
    resolve(call, on_looked_up);
}

static void lookup_znode(struct call *call, const char *name)
{
    struct inode *pending;

    if (!path_name_valid(jute_str(name), NULL)) {
        call_error(call, ENOENT);
        return;
    }
    call_set_path(call, call->inode, name);
    pending = inode_find(&call->mount->inodes, call_path(call), CZXID_PENDING, SHAPE_FILE);
    if (pending != NULL && handles_settling(pending))
        call_enqueue(call, &pending->waiting, lookup_settled);
    else
        lookup_settled(call);
}

void op_lookup(ops_req req, uint64_t parent, const char *name)
{
    struct call *call = ops_begin(req, parent);

    if (call->inode->shape == SHAPE_CONTROL_DIR) {
        if (strcmp(name, "data") != 0) {
            call_error(call, ENOENT);
            return;
        }
        call_set_path(call, call->inode, NULL);
        resolve(call, on_control_data);
    } else if (strcmp(name, call->mount->options.control_name) == 0) {
        call_set_path(call, call->inode, NULL);
        resolve(call, on_control_dir);
    } else {
        lookup_znode(call, name);
    }
}

void op_forget(ops_req req, uint64_t nodeid, uint64_t count)
{
    struct mount *mount = fuse_req_userdata(req);
    struct inode *inode = inode_by_id(&mount->inodes, nodeid);

    if (inode != NULL && nodeid != INODE_ROOT)
        inode_forget(&mount->inodes, inode, count);
    fuse_reply_none(req);
}

/* ------------------------------------------------------------------ access */

/* From memory: the path walk that came before has just asked the server. */
void op_access(ops_req req, uint64_t nodeid, int mask)
{
    struct mount *mount = fuse_req_userdata(req);
    const struct inode *inode = inode_by_id(&mount->inodes, nodeid);
    struct stat attr = {.st_mode = S_IFDIR | 0777};
    mode_t wanted = (mask & R_OK ? 0444 : 0) | (mask & W_OK ? 0222 : 0) | (mask & X_OK ? 0111 : 0);

    if (inode != NULL)
        inode_attr(inode, &(struct mount_options){.umask = 0}, &attr);
    (void)fuse_reply_err(req, (attr.st_mode & wanted) == wanted ? 0 : EACCES);
}

/* ------------------------------------------------------------------ listings */

/* An open directory: the names as of the last READDIR at offset 0. Entry 0 is ".", 1 is "..". */
struct listing {
    struct list link;  /* of the mount's */
    struct buf names;  /* each with a NUL behind it */
    struct buf starts; /* size_t: where each begins in names */
    uint32_t refs;     /* the open file, and a call that fills it */
};

static void listing_unref(struct listing *listing)
{
    if (--listing->refs > 0)
        return;
    list_remove(&listing->link);
    buf_done(&listing->names);
    buf_done(&listing->starts);
    free(listing);
}

void listings_free(struct mount *mount)
{
    while (!list_empty(&mount->listings)) {
        struct listing *listing = CONTAINER_OF(mount->listings.next, struct listing, link);

        ASSERT(listing->refs == 1);
        listing_unref(listing);
    }
}

static void listing_add(struct listing *listing, const void *name, size_t len)
{
    size_t start = listing->names.len;

    buf_append(&listing->starts, &start, sizeof start);
    buf_append(&listing->names, name, len);
    buf_append(&listing->names, "", 1);
}

static void listing_begin(struct listing *listing)
{
    listing->names.len = listing->starts.len = 0;
    listing_add(listing, ".", 1);
    listing_add(listing, "..", 2);
}

static size_t listing_count(const struct listing *listing)
{
    return listing->starts.len / sizeof(size_t);
}

static const char *listing_name(const struct listing *listing, size_t index)
{
    size_t start;

    memcpy(&start, listing->starts.data + index * sizeof start, sizeof start);
    return (const char *)listing->names.data + start;
}

void op_opendir(ops_req req, uint64_t nodeid, struct fuse_file_info *fi)
{
    struct mount *mount = fuse_req_userdata(req);
    struct listing *listing = xcalloc(1, sizeof *listing);

    (void)nodeid;
    listing->refs = 1;
    list_push_back(&mount->listings, &listing->link);
    fi->fh = (uintptr_t)listing;
    if (fuse_reply_open(req, fi) != 0)
        listing_unref(listing); /* the caller is gone: no RELEASEDIR comes */
}

void op_releasedir(ops_req req, uint64_t nodeid, struct fuse_file_info *fi)
{
    (void)nodeid;
    listing_unref((struct listing *)(uintptr_t)fi->fh);
    (void)fuse_reply_err(req, 0);
}

static void reply_listing(ops_req req, const struct listing *listing, uint64_t index, size_t size)
{
    char *out = xmalloc(size);
    size_t used = 0;

    for (; index < listing_count(listing); index++) {
        /* Mode 0 is DT_UNKNOWN: to know each type would cost a request per child. */
        struct stat attr = {.st_ino = UNKNOWN_INO, .st_mode = index < 2 ? S_IFDIR : 0};
        size_t need = fuse_add_direntry(req, out + used, size - used, listing_name(listing, index),
                                        &attr, (off_t)index + 1);

        if (need > size - used)
            break;
        used += need;
    }
    (void)fuse_reply_buf(req, out, used);
    free(out);
}

static void readdir_aborted(struct call *call, int error)
{
    listing_unref(call->listing);
    call_error(call, error);
}

static void on_children(struct call *call, const struct client_reply *reply)
{
    struct listing *listing = call->listing;
    struct jute_bytes hidden = jute_str(call->mount->options.control_name);
    int error = call_errno(reply);

    if (error != 0) {
        readdir_aborted(call, error);
        return;
    }
    listing_begin(listing);
    for (int32_t i = 0; i < reply->children.count; i++) {
        struct jute_bytes name = reply->children.items[i];

        if (name.len > NAME_BYTES_MAX)
            log_warn("mount: a name of %d bytes in \"%s\" is not listed: the kernel takes %d",
                     name.len, buf_cstr(&call->path), NAME_BYTES_MAX);
        else if (name.len > 0 && !jute_equal(name, hidden))
            listing_add(listing, name.data, (size_t)name.len);
    }
    reply_listing(call->req, listing, 0, call->size);
    listing_unref(listing);
    call_free(call);
}

static void send_get_children(struct call *call)
{
    call->request =
        client_get_children(call->mount->client, call_path(call), false, call_on_reply, call);
}

void op_readdir(ops_req req, uint64_t nodeid, size_t size, off_t offset, struct fuse_file_info *fi)
{
    struct mount *mount = fuse_req_userdata(req);
    struct listing *listing = (struct listing *)(uintptr_t)fi->fh;
    struct inode *inode = inode_by_id(&mount->inodes, nodeid);
    struct call *call;

    if (offset == 0 && inode->shape == SHAPE_CONTROL_DIR) {
        listing_begin(listing);
        listing_add(listing, "data", 4);
    } else if (offset == 0) {
        call = ops_begin(req, nodeid);
        listing->refs++;
        call->listing = listing;
        call->size = size;
        call->on_abort = readdir_aborted;
        call_set_path(call, inode, NULL);
        call_send(call, CALL_READS, send_get_children, on_children);
        return;
    }
    reply_listing(req, listing, (uint64_t)offset, size);
}
