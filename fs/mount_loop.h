/* mount_loop: the life of a mount: a session, the mount itself, requests in and answers out, and
 * the end of all by umount(8), a signal or a failure. Thread: the loop is this one. */
#ifndef ZKFS_FS_MOUNT_LOOP_H
#define ZKFS_FS_MOUNT_LOOP_H

#include "fs/mount_options.h"

struct mount;

/* Runs from before the first connection until nothing is left. Takes over OPTIONS. SERVING is
 * called once, when the mount answers; it returns false when nobody wants it any more.
 * Returns the exit status; what went wrong has been told on stderr. */
int mount_loop_run(const struct mount_options *options, bool (*serving)(void *arg), void *arg);

/* From the INIT request: the kernel is there. */
void mount_loop_serving(struct mount *mount);

#endif
