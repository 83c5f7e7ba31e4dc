/* ops: the file operations and the steps that they share. A step takes a call and goes on with
 * a function; whatever it needs to know and gives back lies in the call. Thread: the loop. */
#ifndef ZKFS_FS_OPS_H
#define ZKFS_FS_OPS_H

#include "fs/ops_call.h"

struct fuse_file_info;
struct fuse_lowlevel_ops;

/* The table for libfuse; its user data is a struct mount. */
extern const struct fuse_lowlevel_ops mount_ops;

/* --- ops_resolve.c: what is at a path --- */

/* Finds out what the znode at `path` is, into `found`: with one request, or two where the session
 * may not see the ACL or only the data tells a file from a directory. NEXT gets an errno or 0. */
void resolve(struct call *call, void (*next)(struct call *call, int error));

/* The inode for `found` at `path`, or the control file of that directory; a reference. */
struct inode *resolved_inode(struct call *call, enum inode_shape shape);

/* Answers with the entry of INODE, which it takes over; ends the call. */
void reply_entry(struct call *call, struct inode *inode);
/* Answers with the attributes of the call's inode, as the handle of the caller sees them (FH may
 * be NULL); ends the call. */
void reply_attr(struct call *call, const struct handle *fh);

/* --- ops_commit.c, ops_handle.c: what was written goes to the server --- */

/* Brings the content of the call's handle, which must be busy for this call, to the server. NEXT
 * gets an errno or 0; on an error the content is dropped. */
void commit(struct call *call, void (*next)(struct call *call, int error));

/* Reads the newest version into `bytes`, `bytes_stat`. */
void fetch(struct call *call, void (*next)(struct call *call, int error));

/* CONTENT as a value: an empty file is stored as null, a directory's own empty data as empty. */
struct jute_bytes file_value(const struct inode *inode, const struct buf *content);

/* The most that may be written to a file at INODE's path. */
size_t data_max(const struct inode *inode);

/* A call may go on with its handle (true), or waits for others and begins again by RESUME. */
bool handle_enter(struct call *call, void (*resume)(struct call *call));
/* Lets the next one go on. */
void handle_leave(struct handle *handle);

/* A handle is not going to make its znode any more, or has made it: who waited may look. */
void handle_settled(struct mount *mount, struct handle *handle);
/* Ends a handle that nobody has: what it was to do is not done. */
void handle_abandon(struct mount *mount, struct handle *handle);
/* Files that are opened but not made yet are made now, if nothing is written to them. */
void handles_settle(struct mount *mount, struct inode *inode);
/* What is written to a file that is not made yet loses its name: it is not going to be made. False:
 * it is just being made, by a request on its way. */
bool handles_unlink(struct mount *mount, struct inode *inode);
void handles_on_grace(void *arg, struct timeout *timeout);
void handles_on_quiet(void *arg, struct timeout *timeout);

/* Makes the znode at `path` with DATA and the encoded ACL (NULL: open to all). */
struct client_request *create_znode(struct call *call, struct jute_bytes data,
                                    const struct blob *acl);

/* An encoded ACL back as a list, in ARENA and in ENCODED. */
struct zk_vec_acl decode_acl(const struct blob *encoded, struct arena *arena);

/* Whether a digest in ACL is not ours to see: a server shows it as "x", and a copy of that would
 * lock everybody out. */
bool acl_is_masked(const struct zk_vec_acl *acl);

/* --- ops_outcome.c: writes whose connection died --- */

/* Whether the server may have done what this REPLY, to a write, is the end of. */
bool outcome_is_open(const struct client_reply *reply);

/* Finds out, after such an end, what became of the write at `path`; NEXT is told. Only certainty
 * counts: OUTCOME_UNKNOWN is logged here, and the caller gets EIO.
 *
 * create: with DATA, borrowed until NEXT; NULL: one that counts only if this session made it, which
 *   nobody can tell, so that it is never OUTCOME_DONE.
 * setData: of DATA over VERSION, or over any. */
void outcome_of_create(struct call *call, const struct jute_bytes *data,
                       void (*next)(struct call *call, enum outcome outcome));
void outcome_of_set(struct call *call, const struct jute_bytes *data, int32_t version,
                    void (*next)(struct call *call, enum outcome outcome));
void outcome_of_delete(struct call *call, void (*next)(struct call *call, enum outcome outcome));

/* Frees the directories that are still open (ops_dir.c). */
void listings_free(struct mount *mount);

/* --- the operations, as libfuse calls them --- */
typedef struct fuse_req *ops_req;

void op_lookup(ops_req req, uint64_t parent, const char *name);
void op_forget(ops_req req, uint64_t nodeid, uint64_t count);
void op_getattr(ops_req req, uint64_t nodeid, struct fuse_file_info *fi);
void op_access(ops_req req, uint64_t nodeid, int mask);
void op_opendir(ops_req req, uint64_t nodeid, struct fuse_file_info *fi);
void op_readdir(ops_req req, uint64_t nodeid, size_t size, off_t offset, struct fuse_file_info *fi);
void op_releasedir(ops_req req, uint64_t nodeid, struct fuse_file_info *fi);
void op_mkdir(ops_req req, uint64_t parent, const char *name, mode_t mode);
void op_mknod(ops_req req, uint64_t parent, const char *name, mode_t mode, dev_t rdev);
void op_create(ops_req req, uint64_t parent, const char *name, mode_t mode,
               struct fuse_file_info *fi);
void op_unlink(ops_req req, uint64_t parent, const char *name);
void op_rmdir(ops_req req, uint64_t parent, const char *name);
void op_open(ops_req req, uint64_t nodeid, struct fuse_file_info *fi);
void op_read(ops_req req, uint64_t nodeid, size_t size, off_t offset, struct fuse_file_info *fi);
void op_write(ops_req req, uint64_t nodeid, const char *data, size_t size, off_t offset,
              struct fuse_file_info *fi);
void op_flush(ops_req req, uint64_t nodeid, struct fuse_file_info *fi);
void op_fsync(ops_req req, uint64_t nodeid, int datasync, struct fuse_file_info *fi);
void op_fsyncdir(ops_req req, uint64_t nodeid, int datasync, struct fuse_file_info *fi);
void op_release(ops_req req, uint64_t nodeid, struct fuse_file_info *fi);
void op_setattr(ops_req req, uint64_t nodeid, struct stat *attr, int to_set,
                struct fuse_file_info *fi);
void op_getxattr(ops_req req, uint64_t nodeid, const char *name, size_t size);
void op_setxattr(ops_req req, uint64_t nodeid, const char *name, const char *value, size_t size,
                 int flags);
void op_listxattr(ops_req req, uint64_t nodeid, size_t size);
void op_removexattr(ops_req req, uint64_t nodeid, const char *name);

/* A call for a request about NODEID. */
struct call *ops_begin(ops_req req, uint64_t nodeid);

#endif
