/* disk_posix: see disk_posix.h. Each call is one system call, or a loop where the
 * kernel may do less than it was asked for. */
#include "store/disk_posix.h"

#include "proto/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct posix_file {
    struct disk_file base;
    int fd;
};

static int fd_of(struct disk_file *file)
{
    return ((struct posix_file *)file)->fd;
}

static int posix_open(struct disk *disk, const char *path, enum disk_open_mode mode,
                      struct disk_file **ret_file)
{
    static const int flags[] = {
        [DISK_OPEN_READ] = O_RDONLY,
        [DISK_OPEN_WRITE] = O_RDWR,
        [DISK_OPEN_CREATE] = O_RDWR | O_CREAT,
    };
    int fd = open(path, flags[mode] | O_CLOEXEC, 0640);

    if (fd < 0)
        return -errno;

    struct posix_file *file = xmalloc(sizeof *file);

    *file = (struct posix_file){.base = {.disk = disk}, .fd = fd};
    *ret_file = &file->base;
    return 0;
}

static void posix_close(struct disk_file *file)
{
    (void)close(fd_of(file)); /* everything that matters was synced */
    free(file);
}

static int posix_size(struct disk_file *file, uint64_t *ret_bytes)
{
    struct stat st;

    if (fstat(fd_of(file), &st) < 0)
        return -errno;
    *ret_bytes = (uint64_t)st.st_size;
    return 0;
}

static ssize_t posix_pread(struct disk_file *file, void *data, size_t len, uint64_t offset)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pread(fd_of(file), (char *)data + done, len - done, (off_t)(offset + done));

        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            done += (size_t)n;
    }
    return (ssize_t)done;
}

static int posix_pwrite(struct disk_file *file, const void *data, size_t len, uint64_t offset)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n =
            pwrite(fd_of(file), (const char *)data + done, len - done, (off_t)(offset + done));

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            done += (size_t)n;
    }
    return 0;
}

static int posix_sync(struct disk_file *file)
{
    return fdatasync(fd_of(file)) < 0 ? -errno : 0;
}

static int posix_allocate(struct disk_file *file, uint64_t bytes)
{
    /* Where the file system cannot, glibc writes to every block instead. */
    return -posix_fallocate(fd_of(file), 0, (off_t)bytes);
}

static int posix_rename(struct disk *disk, const char *from, const char *to)
{
    (void)disk;
    return rename(from, to) < 0 ? -errno : 0;
}

static int posix_unlink(struct disk *disk, const char *path)
{
    (void)disk;
    return unlink(path) < 0 ? -errno : 0;
}

static int posix_mkdir(struct disk *disk, const char *path)
{
    (void)disk;
    return mkdir(path, 0750) < 0 ? -errno : 0;
}

static int posix_rmdir(struct disk *disk, const char *path)
{
    (void)disk;
    return rmdir(path) < 0 ? -errno : 0;
}

static int posix_list(struct disk *disk, const char *path, disk_name_cb name, void *arg)
{
    DIR *dir = opendir(path);
    int rc;

    (void)disk;
    if (dir == NULL)
        return -errno;
    for (;;) {
        struct dirent *entry;

        errno = 0;
        entry = readdir(dir);
        if (entry == NULL)
            break;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            name(arg, entry->d_name);
    }
    rc = -errno;
    (void)closedir(dir); /* only read */
    return rc;
}

static int posix_sync_dir(struct disk *disk, const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = 0;

    (void)disk;
    if (fd < 0)
        return -errno;
    if (fsync(fd) < 0)
        rc = -errno;
    (void)close(fd); /* only read */
    return rc;
}

/* A record lock: children do not inherit it (one of them reads the checkpoint),
 * and the kernel tells who holds it. The pid in the file is for people. */
static int posix_lock(struct disk *disk, const char *path, struct disk_file **ret_lock,
                      long *ret_pid)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct disk_file *file;
    int rc = posix_open(disk, path, DISK_OPEN_CREATE, &file);
    char pid[32];

    if (rc < 0)
        return rc;
    if (fcntl(fd_of(file), F_SETLK, &whole) < 0) {
        rc = errno == EACCES || errno == EAGAIN ? -EWOULDBLOCK : -errno;
        *ret_pid = 0;
        if (rc == -EWOULDBLOCK && fcntl(fd_of(file), F_GETLK, &whole) == 0 &&
            whole.l_type != F_UNLCK)
            *ret_pid = whole.l_pid;
        posix_close(file);
        return rc;
    }
    /* Failing here means nothing: the lock is held all the same. */
    (void)!ftruncate(fd_of(file), 0);
    (void)posix_pwrite(file, pid, (size_t)snprintf(pid, sizeof pid, "%ld\n", (long)getpid()), 0);
    *ret_lock = file;
    return 0;
}

static int64_t posix_now_us(struct disk *disk)
{
    struct timespec now;

    (void)disk;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* this clock exists */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct disk *disk_posix_new(void)
{
    static const struct disk_ops ops = {
        .open = posix_open,
        .close = posix_close,
        .size = posix_size,
        .pread = posix_pread,
        .pwrite = posix_pwrite,
        .sync = posix_sync,
        .allocate = posix_allocate,
        .rename = posix_rename,
        .unlink = posix_unlink,
        .mkdir = posix_mkdir,
        .rmdir = posix_rmdir,
        .list = posix_list,
        .sync_dir = posix_sync_dir,
        .lock = posix_lock,
        .now_us = posix_now_us,
    };
    struct disk *disk = xmalloc(sizeof *disk);

    disk->ops = &ops;
    return disk;
}

void disk_posix_free(struct disk *disk)
{
    free(disk);
}
