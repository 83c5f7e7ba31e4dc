/* The real disk syncs: what the tests of power cuts take for granted. This program's
 * fdatasync and fsync come before libc's, note what they are called for, and fail when told.
 * And disk.c, what both kinds of disk share. */
#include "proto/base/mem.h"
#include "store/disk_posix.h"
#include "tests/support/mem_disk.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What was synced last, and how; libc's callers have nowhere else to keep it. */
static char synced[256];
static int fails_with;

static int note_sync(const char *how, int fd)
{
    char link[64], path[200];
    ssize_t len;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    len = readlink(link, path, sizeof path - 1);
    EXPECT(len > 0);
    path[len] = '\0';
    (void)snprintf(synced, sizeof synced, "%s %s", how, path);
    errno = fails_with;
    return fails_with == 0 ? 0 : -1;
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): as libc's, by its names */
int fdatasync(int fd)
{
    return note_sync("fdatasync", fd);
}

int fsync(int fd)
{
    return note_sync("fsync", fd);
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

static void expect_synced(const char *how, const char *path)
{
    char *expected = xasprintf("%s %s", how, path);

    EXPECT_STR(synced, expected);
    synced[0] = '\0';
    free(expected);
}

TEST(a_sync_of_the_real_disk_reaches_the_kernel_and_its_failure_the_caller)
{
    char dir[] = "/tmp/zkfs-disk-XXXXXX";
    struct disk *disk = disk_posix_new();
    struct disk_file *file;
    char *path;

    EXPECT(mkdtemp(dir) != NULL);
    path = xasprintf("%s/file", dir);
    EXPECT_EQ(disk_open(disk, path, DISK_OPEN_CREATE, &file), 0);
    EXPECT_EQ(disk_pwrite(file, "x", 1, 0), 0);
    EXPECT_STR(synced, "");
    EXPECT_EQ(disk_sync(file), 0);
    expect_synced("fdatasync", path);
    EXPECT_EQ(disk_sync_dir(disk, dir), 0);
    expect_synced("fsync", dir);
    fails_with = EIO;
    EXPECT_EQ(disk_sync(file), -EIO);
    EXPECT_EQ(disk_sync_dir(disk, dir), -EIO);
    disk_close(file);
    EXPECT_EQ(disk_unlink(disk, path), 0);
    EXPECT_EQ(disk_rmdir(disk, dir), 0);
    disk_posix_free(disk);
    free(path);
}

TEST(a_directory_is_durable_even_if_a_killed_process_has_made_it)
{
    struct mem_crash all_lost = {0};

    for (int killed = 0; killed < 2; killed++) {
        struct disk *disk = mem_disk_new(), *image;

        if (killed) {
            mem_disk_ignore_sync(disk, true);
            EXPECT_EQ(disk_mkdir(disk, "/a"), 0);
            EXPECT_EQ(disk_mkdir(disk, "/a/b"), 0);
            mem_disk_ignore_sync(disk, false);
            EXPECT_EQ(disk_mkdir_path(disk, "/a"), 0);
        }
        EXPECT_EQ(disk_mkdir_path(disk, "/a/b"), 0);
        image = mem_disk_crash(disk, &all_lost);
        EXPECT_EQ(disk_mkdir(image, "/a/b"), -EEXIST);
        mem_disk_free(image);
        mem_disk_free(disk);
    }
}

static void count_name(void *arg, const char *name)
{
    (void)name;
    (*(int *)arg)++;
}

/* What was in a deleted directory does not come back in a new one of its name, not even when the
 * power went off before the deletions in it were durable. */
TEST(the_disk_in_memory_forgets_what_a_deleted_directory_had)
{
    struct disk *disk = mem_disk_new(), *found;
    struct disk_file *file;
    int names = 0;

    EXPECT_EQ(disk_mkdir(disk, "/a"), 0);
    EXPECT_EQ(disk_open(disk, "/a/f", DISK_OPEN_CREATE, &file), 0);
    disk_close(file);
    EXPECT_EQ(disk_sync_dir(disk, "/a"), 0);
    EXPECT_EQ(disk_sync_dir(disk, "/"), 0);
    EXPECT_EQ(disk_unlink(disk, "/a/f"), 0);
    EXPECT_EQ(disk_rmdir(disk, "/a"), 0);
    EXPECT_EQ(disk_sync_dir(disk, "/"), 0);
    found = mem_disk_crash(disk, &(struct mem_crash){0});
    EXPECT_EQ(disk_mkdir(found, "/a"), 0);
    EXPECT_EQ(disk_list(found, "/a", count_name, &names), 0);
    EXPECT_EQ(names, 0);
    mem_disk_free(found);
    mem_disk_free(disk);
}
