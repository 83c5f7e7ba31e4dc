/* disk: see disk.h. What both kinds of disk share. */
#include "store/disk.h"

#include "proto/base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int sync_parent(struct disk *disk, char *path)
{
    char *slash = strrchr(path, '/');
    int rc;

    if (slash == NULL)
        return disk_sync_dir(disk, ".");
    if (slash == path)
        return disk_sync_dir(disk, "/");
    *slash = '\0';
    rc = disk_sync_dir(disk, path);
    *slash = '/';
    return rc;
}

/* Makes PATH, whose parent exists, and its name in the parent durable. */
static int make_one(struct disk *disk, char *path)
{
    int rc = disk_mkdir(disk, path);

    if (rc == 0)
        return sync_parent(disk, path);
    if (rc != -EEXIST)
        return rc;
    /* A process that was killed may have made it in the kernel's memory only. Where the
     * parent cannot even be opened, it was not us. */
    rc = sync_parent(disk, path);
    return rc == -EIO ? rc : 0;
}

int disk_mkdir_path(struct disk *disk, const char *path)
{
    char *copy = xstrdup(path);
    int rc = make_one(disk, copy);

    /* Mostly only the last part is missing; else from the top. */
    if (rc == -ENOENT) {
        rc = 0;
        for (char *p = strchr(copy + 1, '/'); rc == 0 && p != NULL; p = strchr(p + 1, '/')) {
            *p = '\0';
            rc = make_one(disk, copy);
            *p = '/';
        }
        if (rc == 0)
            rc = make_one(disk, copy);
    }
    free(copy);
    return rc;
}
