/* disk_posix: the real disk, through the operating system. Stateless. */
#ifndef ZKFS_STORE_DISK_POSIX_H
#define ZKFS_STORE_DISK_POSIX_H

#include "store/disk.h"

/* Gives a disk, to be ended with disk_posix_free() after all its files. */
struct disk *disk_posix_new(void);
void disk_posix_free(struct disk *disk);

#endif
