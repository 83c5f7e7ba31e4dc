/* disk: the seam between the store and what keeps its files. All calls block,
 * so all but those of the start run on a worker. There are two kinds: the real
 * one (disk_posix.h) and one in memory whose power can be cut at every call
 * (tests/support/mem_disk.h). LMDB keeps its own files, behind checkpoint.h.
 *
 * What a caller may rely on after a power cut, and nothing else: bytes of a file
 * that file_sync covered; names that sync_dir of their directory covered. What
 * was not synced may be there, be gone, or be torn, page by page.
 *
 * Every call gives 0 (or a count) or the -errno of the system call that failed,
 * and has then changed nothing that a caller may rely on. Threads: a disk may be
 * used from any, one file from one at a time. */
#ifndef ZKFS_STORE_DISK_H
#define ZKFS_STORE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What a device or a kernel may tear apart, and the unit that we align to. */
#define DISK_PAGE 4096

struct disk;
struct disk_file;

enum disk_open_mode {
    DISK_OPEN_READ,   /* -ENOENT when absent */
    DISK_OPEN_WRITE,  /* reading and writing; -ENOENT when absent */
    DISK_OPEN_CREATE, /* the same, and made (empty) when absent */
};

/* One name of a directory; borrowed for the call. */
typedef void (*disk_name_cb)(void *arg, const char *name);

struct disk_ops {
    int (*open)(struct disk *disk, const char *path, enum disk_open_mode mode,
                struct disk_file **ret_file);
    void (*close)(struct disk_file *file);
    int (*size)(struct disk_file *file, uint64_t *ret_bytes);
    ssize_t (*pread)(struct disk_file *file, void *data, size_t len, uint64_t offset);
    int (*pwrite)(struct disk_file *file, const void *data, size_t len, uint64_t offset);
    int (*sync)(struct disk_file *file);
    int (*allocate)(struct disk_file *file, uint64_t bytes);
    int (*rename)(struct disk *disk, const char *from, const char *to);
    int (*unlink)(struct disk *disk, const char *path);
    int (*mkdir)(struct disk *disk, const char *path);
    int (*rmdir)(struct disk *disk, const char *path);
    int (*list)(struct disk *disk, const char *path, disk_name_cb name, void *arg);
    int (*sync_dir)(struct disk *disk, const char *path);
    int (*lock)(struct disk *disk, const char *path, struct disk_file **ret_lock, long *ret_pid);
    int64_t (*now_us)(struct disk *disk); /* NULL: time stands still */
};

struct disk {
    const struct disk_ops *ops;
};

/* Every implementation's file begins with this. */
struct disk_file {
    struct disk *disk;
};

/* Gives *RET_FILE, to be ended with disk_close(). A name that was made is durable
 * only after sync_dir. */
static inline int disk_open(struct disk *disk, const char *path, enum disk_open_mode mode,
                            struct disk_file **ret_file)
{
    return disk->ops->open(disk, path, mode, ret_file);
}

/* NULL is accepted. Promises nothing about what was written. */
static inline void disk_close(struct disk_file *file)
{
    if (file != NULL)
        file->disk->ops->close(file);
}

static inline int disk_size(struct disk_file *file, uint64_t *ret_bytes)
{
    return file->disk->ops->size(file, ret_bytes);
}

/* As many bytes as there are, up to LEN: fewer only at the end of the file. */
static inline ssize_t disk_pread(struct disk_file *file, void *data, size_t len, uint64_t offset)
{
    return file->disk->ops->pread(file, data, len, offset);
}

/* All of LEN bytes, or an error and then any part of them. */
static inline int disk_pwrite(struct disk_file *file, const void *data, size_t len, uint64_t offset)
{
    return file->disk->ops->pwrite(file, data, len, offset);
}

/* Makes the bytes of FILE durable, and the size as far as reading them needs
 * it (fdatasync). After an error nobody knows what is on disk: never retry. */
static inline int disk_sync(struct disk_file *file)
{
    return file->disk->ops->sync(file);
}

/* Reserves space so that the first BYTES can be written without -ENOSPC; the
 * file is then at least that long and what was not written reads as zeros. */
static inline int disk_allocate(struct disk_file *file, uint64_t bytes)
{
    return file->disk->ops->allocate(file, bytes);
}

/* A clock that never goes back, for figures on how long a disk takes. */
static inline int64_t disk_now_us(struct disk *disk)
{
    return disk->ops->now_us == NULL ? 0 : disk->ops->now_us(disk);
}

/* Replaces TO; after a power cut either name may be found until sync_dir. */
static inline int disk_rename(struct disk *disk, const char *from, const char *to)
{
    return disk->ops->rename(disk, from, to);
}

static inline int disk_unlink(struct disk *disk, const char *path)
{
    return disk->ops->unlink(disk, path);
}

/* -EEXIST when there is one, -ENOENT when its parent is absent. */
static inline int disk_mkdir(struct disk *disk, const char *path)
{
    return disk->ops->mkdir(disk, path);
}

static inline int disk_rmdir(struct disk *disk, const char *path)
{
    return disk->ops->rmdir(disk, path);
}

/* Calls NAME for every entry but . and .., in no order. */
static inline int disk_list(struct disk *disk, const char *path, disk_name_cb name, void *arg)
{
    return disk->ops->list(disk, path, name, arg);
}

/* Makes the names of directory PATH durable. */
static inline int disk_sync_dir(struct disk *disk, const char *path)
{
    return disk->ops->sync_dir(disk, path);
}

/* Locks file PATH (made when absent) against every other process until it is
 * closed or this process ends. -EWOULDBLOCK: *RET_PID holds it (0: unknown). */
static inline int disk_lock(struct disk *disk, const char *path, struct disk_file **ret_lock,
                            long *ret_pid)
{
    return disk->ops->lock(disk, path, ret_lock, ret_pid);
}

/* Makes directory PATH and what is missing above it, durably. */
int disk_mkdir_path(struct disk *disk, const char *path);

#endif
