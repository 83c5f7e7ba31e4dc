/* mount: one mounted file system: the kernel on one side, a session on the other, and what is
 * between. Everything happens on one loop, in one thread. */
#ifndef ZKFS_FS_MOUNT_H
#define ZKFS_FS_MOUNT_H

#include "fs/client.h"
#include "fs/inode.h"
#include "fs/mount_options.h"
#include "fs/timeouts.h"

struct fuse_session;

/* What data may weigh with the rest of its request around it, when the servers have the usual
 * jute.maxbuffer: more could never be sent. Header, lengths, versions and an ACL fit in this. */
#define MOUNT_REQUEST_OVERHEAD 1024

/* How long a call whose caller got a signal still waits for a server that is connected. Most
 * signals (SIGCHLD, SIGWINCH, ...) mean no harm, and a stat(2) that fails with EINTR does. */
#define MOUNT_INTERRUPT_MS 1000

struct mount {
    struct mount_options options;
    uv_loop_t *loop;
    struct fuse_session *fuse; /* NULL until mounted */

    struct client *client; /* the current session; a lost one is replaced at once */
    struct client *lost;   /* and ended when the next one is there; else NULL */
    enum client_state client_state;
    zk_zxid zxid_seen; /* in earlier sessions */
    void (*on_connected)(struct mount *mount);
    void (*on_closed)(void *arg); /* all sessions are, after mount_session_close() */
    void *on_closed_arg;

    struct inode_table inodes;
    struct list listings;                 /* open directories: ops_dir.c */
    struct list calls;                    /* all that are not finished: ops_call.h */
    struct list held;                     /* of these, those that the client has no room for */
    void (*on_idle)(struct mount *mount); /* no call is left; NULL: nobody wants to know */
    struct timeout_queue interrupts;      /* calls whose caller got a signal */
    struct timeout_queue aborts;          /* calls that end for it now */
    struct timeout_queue grace;           /* handles whose znode is to be made */
    struct timeout_queue quiet;           /* handles with collected bytes */
};

/* Sets up everything but the session and the kernel. Takes over OPTIONS. */
void mount_init(struct mount *mount, uv_loop_t *loop, const struct mount_options *options);
/* After the session: ends the calls that wait for something else, and closes the timers. The loop
 * must run once more before mount_done(), which ends the files that are still open. */
void mount_close(struct mount *mount);
void mount_done(struct mount *mount);

/* Starts a session, and whenever it is lost another one. ON_CONNECTED is told of each connection.
 * Errors: -EINVAL the source is not a connect string, WHY says where. */
int mount_session_open(struct mount *mount, void (*on_connected)(struct mount *mount),
                       struct errtext *why);
/* Ends the session on the server; DONE is called when it has said so, or did not in time. */
void mount_session_close(struct mount *mount, void (*done)(void *arg), void *arg);

/* The highest zxid that this mount has seen. */
zk_zxid mount_zxid(const struct mount *mount);

#endif
