/* mount_daemon: the process around a mount: the background, the mount point before it. */
#ifndef ZKFS_FS_MOUNT_DAEMON_H
#define ZKFS_FS_MOUNT_DAEMON_H

#include "proto/base/errtext.h"

#include <stdbool.h>

/* What mount(8) expects of a helper. */
enum {
    MOUNT_EXIT_USAGE = 1,
    MOUNT_EXIT_FAILURE = 32,
};

/* The absolute path of the directory DIR, without touching what is mounted on it. A dead mount of
 * ours there, whose daemon was killed, is detached. Gives *RET_PATH, to be ended with free().
 * Errors: -errno; WHY names DIR and the cause. */
int mount_point_prepare(const char *dir, char **ret_path, struct errtext *why);

/* Goes on in a child in the background and returns in it, with *RET_READY_FD for
 * daemon_ready(). The parent stays until then and exits with 0, or with what the child exits with
 * before. Errors: -errno. */
int daemon_start(int *ret_ready_fd, struct errtext *why);

/* Lets the parent go, and with it the terminal: from here on the log goes to the system's. False:
 * the parent is not there any more; it was killed, so nobody wants the mount. */
bool daemon_ready(int ready_fd);

#endif
