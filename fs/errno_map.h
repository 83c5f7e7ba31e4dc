/* errno_map: what a system call answers for each answer of a server. One table, for all of fs/. */
#ifndef ZKFS_FS_ERRNO_MAP_H
#define ZKFS_FS_ERRNO_MAP_H

#include "proto/errors.h"

/* The errno for ERR, positive; 0 for ZOK, EIO for a number that is none of ours. Any thread. */
int errno_of_zk(enum zk_err err);

/* The errno for the end of a request that no server answered, the negative RC of client.h;
 * positive. Any thread. */
int errno_of_transport(int rc);

#endif
