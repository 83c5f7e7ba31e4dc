/* ops_call: one request of the kernel while it waits: for the server, for another call on the
 * same handle, or for a file that is being made. A request is answered exactly once, and then
 * its call is gone. Thread: the loop. */
#ifndef ZKFS_FS_OPS_CALL_H
#define ZKFS_FS_OPS_CALL_H

#include "fs/handle.h"
#include "fs/mount.h"

struct fuse_req;

/* Whether a request that the server may have seen can be made again. */
enum call_effect {
    CALL_READS,
    CALL_WRITES,
};

/* What became of a write that was sent before its connection died. */
enum outcome {
    OUTCOME_DONE,     /* `bytes_stat` is the znode as it is now */
    OUTCOME_NOT_DONE, /* certainly: it may be made again */
    OUTCOME_UNKNOWN,
};

/* What resolve() found out about a znode. */
struct resolved {
    struct zk_stat stat;
    int32_t perms;
    enum inode_shape shape;
    struct blob *acl; /* encoded, when asked for and readable; owned by the call */
};

struct listing; /* an open directory: ops_dir.c */

struct call {
    struct list link; /* of the mount's calls */
    struct mount *mount;
    struct fuse_req *req; /* NULL: nobody waits, as for a commit after a second of quiet */

    /* The request at the server, and how to make it again in a new session. */
    struct client_request *request;
    struct client *client; /* that has it */
    zk_zxid zxid_before;   /* of the mount when the request was made */
    void (*send)(struct call *call);
    void (*done)(struct call *call, const struct client_reply *reply);
    enum call_effect effect;
    bool outcome_unknown; /* of a write whose connection died; being found out */

    /* What the operations say of themselves. */
    bool want_acl;    /* resolve() keeps the ACL */
    bool opens;       /* what is made is opened, with `flags` by `opener` */
    bool was_pending; /* of a name that goes: there was a file here, not made yet */
    bool resizes;     /* a SETATTR of size, to `offset` */
    bool bytes_null;  /* `bytes` are null, not empty */

    /* The connection is lost, and the call can do without: answers it. NULL: it waits. */
    void (*on_offline)(struct call *call);
    /* A signal for the caller: the call is given up. NULL: it ends with the error. */
    void (*on_abort)(struct call *call, int error);
    struct timeout interrupt;

    /* In the queue of a handle or an inode, or held back by call_send(). */
    struct list queue;
    void (*resume)(struct call *call);

    struct inode *inode;     /* a reference */
    struct handle *handle;   /* borrowed: RELEASE comes last; NULL where none is meant */
    struct listing *listing; /* a reference, of a READDIR */
    struct buf path;         /* of the znode at work */
    struct buf text;         /* a name, or a value that is being made */
    uint64_t offset;
    size_t size;
    mode_t mode; /* of what is to be made: S_IFDIR or S_IFREG */
    int flags;
    int32_t opener;
    struct blob *payload; /* of a WRITE */

    /* resolve() */
    void (*resolved)(struct call *call, int error);
    struct resolved found;

    /* fetch() */
    void (*fetched)(struct call *call, int error);
    struct blob *bytes;
    struct zk_stat bytes_stat;

    /* commit(), and other writes of a value */
    void (*committed)(struct call *call, int error);
    struct jute_bytes value; /* that is sent, borrowed from its owner */
    int32_t version;         /* that it goes over */

    /* ops_outcome.c: the write whose outcome is looked for */
    void (*judged)(struct call *call, enum outcome outcome);
    void (*look_send)(struct call *call);
    void (*look_done)(struct call *call, const struct client_reply *reply);
    zk_zxid suspect_zxid;
    const struct jute_bytes *suspect_data;
};

/* REQ may be NULL; else a signal for its caller ends the call: at once without a connection,
 * with one when the server does not answer within MOUNT_INTERRUPT_MS. Gives a call that ends in
 * call_error(), or by an answer and call_free(). INODE is shared. */
struct call *call_new(struct mount *mount, struct fuse_req *req, struct inode *inode);
void call_free(struct call *call);

/* Answers with an errno (0: done) and frees. Without a caller only frees. */
void call_error(struct call *call, int error);

/* Calls SEND, which makes one request of the client with call_on_reply and CALL, stored in
 * `request`; later, when the client has no room for it: requests without an answer take memory, and
 * a call waits for a server that is away. DONE gets its end; not one that was never sent because
 * the session was lost, nor a read that was: they are sent again in the next session. */
void call_send(struct call *call, enum call_effect effect, void (*send)(struct call *call),
               void (*done)(struct call *call, const struct client_reply *reply));
void call_on_reply(void *arg, const struct client_reply *reply);

/* The errno of REPLY; 0 when it is good. */
int call_errno(const struct client_reply *reply);

/* Part of mount_init(). */
void call_queues_init(struct mount *mount);

/* The connection is lost: interrupted calls need not wait for it any more, some need not at all. */
void call_connection_lost(struct mount *mount);

/* Puts CALL into QUEUE, to go on by RESUME, which call_resume_first() calls. */
void call_enqueue(struct call *call, struct list *queue, void (*resume)(struct call *call));
/* False: the queue is empty. */
bool call_resume_first(struct list *queue);

/* `path` becomes that of NAME in DIR, or DIR's own with NULL. */
void call_set_path(struct call *call, const struct inode *dir, const char *name);
static inline struct jute_bytes call_path(const struct call *call)
{
    return (struct jute_bytes){.data = call->path.data, .len = (int32_t)call->path.len};
}

#endif
