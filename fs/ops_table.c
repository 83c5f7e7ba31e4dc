/* ops_table: which function answers which request, and the requests that have one answer. */
#define FUSE_USE_VERSION 314
#include "fs/ops.h"

#include "fs/mount_loop.h"

#include <errno.h>
#include <fuse_lowlevel.h>

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
    /* O_TRUNC comes with the open: else it would be a change of its own before the data. */
    conn->want |= conn->capable & FUSE_CAP_ATOMIC_O_TRUNC;
    conn->want |= conn->capable & FUSE_CAP_PARALLEL_DIROPS;
    /* Values are small, and their pages are never in the kernel's cache. */
    conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
                              FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_WRITEBACK_CACHE);
    conn->time_gran = 1;
    mount_loop_serving(userdata);
}

/* The protocol tells no sizes. Large round numbers, so that no tool finds the disk full. */
static void op_statfs(ops_req req, uint64_t nodeid)
{
    struct mount *mount = fuse_req_userdata(req);
    const struct statvfs figures = {
        .f_bsize = 1 << 20,
        .f_frsize = 4096,
        .f_blocks = 1 << 20,
        .f_bfree = 1 << 20,
        .f_bavail = mount->options.read_only ? 0 : 1 << 20,
        .f_files = 1 << 20,
        .f_ffree = 1 << 20,
        .f_favail = 1 << 20,
        .f_namemax = 255,
    };

    (void)nodeid;
    (void)fuse_reply_statfs(req, &figures);
}

/* There is no such operation in the protocol; a tool gets a message that says so. */
static void op_rename(ops_req req, uint64_t parent, const char *name, uint64_t new_parent,
                      const char *new_name, unsigned flags)
{
    (void)parent, (void)name, (void)new_parent, (void)new_name, (void)flags;
    (void)fuse_reply_err(req, EOPNOTSUPP);
}

static void op_link(ops_req req, uint64_t nodeid, uint64_t new_parent, const char *new_name)
{
    (void)nodeid, (void)new_parent, (void)new_name;
    (void)fuse_reply_err(req, EOPNOTSUPP);
}

static void op_symlink(ops_req req, const char *target, uint64_t parent, const char *name)
{
    (void)target, (void)parent, (void)name;
    (void)fuse_reply_err(req, EOPNOTSUPP);
}

const struct fuse_lowlevel_ops mount_ops = {
    .init = op_init,
    .lookup = op_lookup,
    .forget = op_forget,
    .getattr = op_getattr,
    .setattr = op_setattr,
    .access = op_access,
    .opendir = op_opendir,
    .readdir = op_readdir,
    .releasedir = op_releasedir,
    .fsyncdir = op_fsyncdir,
    .mkdir = op_mkdir,
    .mknod = op_mknod,
    .create = op_create,
    .unlink = op_unlink,
    .rmdir = op_rmdir,
    .rename = op_rename,
    .link = op_link,
    .symlink = op_symlink,
    .open = op_open,
    .read = op_read,
    .write = op_write,
    .flush = op_flush,
    .fsync = op_fsync,
    .release = op_release,
    .getxattr = op_getxattr,
    .setxattr = op_setxattr,
    .listxattr = op_listxattr,
    .removexattr = op_removexattr,
    .statfs = op_statfs,
};
