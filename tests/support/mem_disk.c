/* mem_disk: see mem_disk.h; how it is kept is told in mem_disk_state.h. */
#include "tests/support/mem_disk.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "tests/support/mem_disk_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mem_file {
    struct disk_file base;
    struct inode *inode;
    bool is_lock;
};

static struct inode *inode_of(struct disk_file *file)
{
    return ((struct mem_file *)file)->inode;
}

static void called(struct mem_disk *d)
{
    d->calls++;
    if (d->hook != NULL)
        d->hook(d->hook_arg);
}

/* ---- names and inodes ---- */

static void change_names(struct mem_disk *d, const char *from, const char *to, struct inode *inode)
{
    struct change *change = &d->changes[d->change_count++];

    ASSERT(d->change_count <= CHANGES_MAX);
    *change = (struct change){
        .from = from == NULL ? NULL : xstrdup(from),
        .to = to == NULL ? NULL : xstrdup(to),
        .inode = inode,
    };
    change_apply(&d->now, change);
    called(d);
}

struct inode *inode_new(struct mem_disk *d, bool is_dir)
{
    struct inode *inode = xcalloc(1, sizeof *inode);

    inode->is_dir = is_dir;
    inode->next = d->inodes;
    d->inodes = inode;
    return inode;
}

void inode_grow(struct inode *inode, size_t size)
{
    size_t cap = (size + DISK_PAGE - 1) / DISK_PAGE * DISK_PAGE;

    if (cap <= inode->cap)
        return;
    inode->now = xrealloc(inode->now, cap);
    inode->synced = xrealloc(inode->synced, cap);
    inode->dirty = xrealloc(inode->dirty, cap / DISK_PAGE);
    memset(inode->now + inode->cap, 0, cap - inode->cap);
    memset(inode->synced + inode->cap, 0, cap - inode->cap);
    memset(inode->dirty + inode->cap / DISK_PAGE, 0, (cap - inode->cap) / DISK_PAGE);
    inode->cap = cap;
}

static bool is_named(const struct names *names, const struct inode *inode)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->items[i].inode == inode)
            return true;
    return false;
}

static void inode_free(struct inode *inode)
{
    free(inode->now);
    free(inode->synced);
    free(inode->dirty);
    free(inode);
}

static bool is_kept(const struct mem_disk *d, const struct inode *inode)
{
    if (inode->opened > 0 || is_named(&d->now, inode) || is_named(&d->synced, inode))
        return true;
    for (size_t i = 0; i < d->change_count; i++)
        if (d->changes[i].inode == inode)
            return true;
    return false;
}

/* A file that has no name in any state that can still be found is gone. */
static void forget_unnamed(struct mem_disk *d)
{
    struct inode **link = &d->inodes;

    while (*link != NULL) {
        struct inode *inode = *link;

        if (is_kept(d, inode)) {
            link = &inode->next;
            continue;
        }
        *link = inode->next;
        inode_free(inode);
    }
}

uint64_t mem_disk_used(const struct disk *disk)
{
    struct mem_disk *d = mem_of(disk);
    uint64_t used = 0;

    for (struct inode *inode = d->inodes; inode != NULL; inode = inode->next)
        if (is_named(&d->now, inode))
            used += inode->cap;
    return used;
}

static int grow(struct mem_disk *d, struct inode *inode, uint64_t size)
{
    uint64_t more = size > inode->cap ? size - inode->cap : 0;

    if (more > 0 && d->capacity != UINT64_MAX && mem_disk_used(&d->base) + more > d->capacity)
        return -ENOSPC;
    inode_grow(inode, size);
    return 0;
}

/* ---- files ---- */

static struct disk_file *file_new(struct mem_disk *d, struct inode *inode)
{
    struct mem_file *file = xcalloc(1, sizeof *file);

    file->base.disk = &d->base;
    file->inode = inode;
    inode->opened++;
    return &file->base;
}

static bool parent_exists(struct mem_disk *d, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *parent = xstrdup(path);
    struct name *name;

    parent[slash == path ? 1 : slash - path] = '\0';
    name = names_find(&d->now, parent);
    free(parent);
    return name != NULL && name->inode->is_dir;
}

static int mem_open(struct disk *disk, const char *path, enum disk_open_mode mode,
                    struct disk_file **ret_file)
{
    struct mem_disk *d = mem_of(disk);
    struct name *name = names_find(&d->now, path);

    if (name == NULL && mode != DISK_OPEN_CREATE)
        return -ENOENT;
    if (mode != DISK_OPEN_READ && d->faults.change < 0)
        return d->faults.change;
    if (name == NULL) {
        if (!parent_exists(d, path))
            return -ENOENT;
        change_names(d, NULL, path, inode_new(d, false));
        name = names_find(&d->now, path);
    }
    if (name->inode->is_dir)
        return -EISDIR;
    *ret_file = file_new(d, name->inode);
    return 0;
}

static void mem_close(struct disk_file *file)
{
    if (((struct mem_file *)file)->is_lock)
        inode_of(file)->locked = false;
    inode_of(file)->opened--;
    free(file);
}

static int mem_size(struct disk_file *file, uint64_t *ret_bytes)
{
    *ret_bytes = inode_of(file)->now_size;
    return 0;
}

static ssize_t mem_pread(struct disk_file *file, void *data, size_t len, uint64_t offset)
{
    struct inode *inode = inode_of(file);

    if (mem_of(file->disk)->faults.read < 0)
        return mem_of(file->disk)->faults.read;
    if (offset >= inode->now_size)
        return 0;
    if (len > inode->now_size - offset)
        len = inode->now_size - offset;
    memcpy(data, inode->now + offset, len);
    return (ssize_t)len;
}

static int mem_pwrite(struct disk_file *file, const void *data, size_t len, uint64_t offset)
{
    struct mem_disk *d = mem_of(file->disk);
    struct inode *inode = inode_of(file);
    int rc = d->faults.write;

    if (rc == 0)
        rc = grow(d, inode, offset + len);
    if (rc < 0 || len == 0)
        return rc;
    memcpy(inode->now + offset, data, len);
    memset(inode->dirty + offset / DISK_PAGE, 1,
           (offset + len - 1) / DISK_PAGE - offset / DISK_PAGE + 1);
    if (offset + len > inode->now_size)
        inode->now_size = offset + len;
    called(d);
    return 0;
}

static void lose_dirty(struct inode *inode)
{
    if (inode->cap > 0)
        memset(inode->dirty, 0, inode->cap / DISK_PAGE);
}

static int mem_sync(struct disk_file *file)
{
    struct mem_disk *d = mem_of(file->disk);
    struct inode *inode = inode_of(file);

    called(d);
    if (d->faults.sync < 0 && d->faults.sync_loses)
        lose_dirty(inode);
    if (d->faults.sync < 0)
        return d->faults.sync;
    if (d->ignore_sync)
        return 0;
    for (size_t i = 0; i < inode->cap / DISK_PAGE; i++) {
        if (!inode->dirty[i])
            continue;
        memcpy(inode->synced + i * DISK_PAGE, inode->now + i * DISK_PAGE, DISK_PAGE);
        inode->dirty[i] = 0;
    }
    inode->synced_size = inode->now_size;
    return 0;
}

static int mem_allocate(struct disk_file *file, uint64_t bytes)
{
    struct mem_disk *d = mem_of(file->disk);
    struct inode *inode = inode_of(file);
    int rc = d->faults.write;

    if (rc == 0)
        rc = grow(d, inode, bytes);
    if (rc < 0)
        return rc;
    if (bytes > inode->now_size)
        inode->now_size = bytes;
    called(d);
    return 0;
}

/* ---- directories ---- */

static bool has_names(const struct mem_disk *d, const char *dir)
{
    for (size_t i = 0; i < d->now.count; i++)
        if (path_is_in(d->now.items[i].path, dir))
            return true;
    return false;
}

static int mem_rename(struct disk *disk, const char *from, const char *to)
{
    struct mem_disk *d = mem_of(disk);
    struct name *name = names_find(&d->now, from);

    if (d->faults.change < 0)
        return d->faults.change;
    if (name == NULL)
        return -ENOENT;
    if (name->inode->is_dir && has_names(d, to))
        return -ENOTEMPTY;
    change_names(d, from, to, name->inode);
    return 0;
}

static int mem_unlink(struct disk *disk, const char *path)
{
    struct mem_disk *d = mem_of(disk);

    if (d->faults.change < 0)
        return d->faults.change;
    if (names_find(&d->now, path) == NULL)
        return -ENOENT;
    change_names(d, path, NULL, NULL);
    return 0;
}

static int mem_mkdir(struct disk *disk, const char *path)
{
    struct mem_disk *d = mem_of(disk);

    if (names_find(&d->now, path) != NULL)
        return -EEXIST;
    if (d->faults.change < 0)
        return d->faults.change;
    if (!parent_exists(d, path))
        return -ENOENT;
    change_names(d, NULL, path, inode_new(d, true));
    return 0;
}

static int mem_rmdir(struct disk *disk, const char *path)
{
    struct mem_disk *d = mem_of(disk);

    return has_names(d, path) ? -ENOTEMPTY : mem_unlink(disk, path);
}

static int mem_list(struct disk *disk, const char *path, disk_name_cb cb, void *arg)
{
    struct mem_disk *d = mem_of(disk);

    if (names_find(&d->now, path) == NULL)
        return -ENOENT;
    for (size_t i = 0; i < d->now.count; i++)
        if (path_is_in(d->now.items[i].path, path))
            cb(arg, strrchr(d->now.items[i].path, '/') + 1);
    return 0;
}

static int mem_sync_dir(struct disk *disk, const char *path)
{
    struct mem_disk *d = mem_of(disk);
    size_t kept = 0;

    called(d);
    if (d->faults.sync < 0)
        return d->faults.sync;
    if (d->ignore_sync)
        return 0;
    for (size_t i = 0; i < d->change_count; i++) {
        if (!change_is_in(&d->changes[i], path)) {
            d->changes[kept++] = d->changes[i];
            continue;
        }
        change_apply(&d->synced, &d->changes[i]);
        change_done(&d->changes[i]);
    }
    d->change_count = kept;
    forget_unnamed(d);
    return 0;
}

static int mem_lock(struct disk *disk, const char *path, struct disk_file **ret_lock, long *ret_pid)
{
    struct disk_file *file;
    int rc = mem_open(disk, path, DISK_OPEN_CREATE, &file);

    if (rc < 0)
        return rc;
    *ret_pid = 4711;
    if (inode_of(file)->locked) {
        inode_of(file)->opened--;
        free(file);
        return -EWOULDBLOCK;
    }
    inode_of(file)->locked = ((struct mem_file *)file)->is_lock = true;
    *ret_lock = file;
    return 0;
}

/* ---- for the test ---- */

struct disk *mem_disk_new(void)
{
    static const struct disk_ops ops = {
        .open = mem_open,
        .close = mem_close,
        .size = mem_size,
        .pread = mem_pread,
        .pwrite = mem_pwrite,
        .sync = mem_sync,
        .allocate = mem_allocate,
        .rename = mem_rename,
        .unlink = mem_unlink,
        .mkdir = mem_mkdir,
        .rmdir = mem_rmdir,
        .list = mem_list,
        .sync_dir = mem_sync_dir,
        .lock = mem_lock,
    };
    struct mem_disk *d = xcalloc(1, sizeof *d);
    struct inode *root = inode_new(d, true);

    d->base.ops = &ops;
    d->capacity = UINT64_MAX;
    names_put(&d->now, "/", root);
    names_put(&d->synced, "/", root);
    return &d->base;
}

void mem_disk_free(struct disk *disk)
{
    struct mem_disk *d = mem_of(disk);

    while (d->inodes != NULL) {
        struct inode *inode = d->inodes;

        d->inodes = inode->next;
        inode_free(inode);
    }
    names_done(&d->now);
    names_done(&d->synced);
    for (size_t i = 0; i < d->change_count; i++)
        change_done(&d->changes[i]);
    free(d);
}

void mem_disk_process_died(struct disk *disk)
{
    for (struct inode *inode = mem_of(disk)->inodes; inode != NULL; inode = inode->next) {
        inode->locked = false;
        inode->opened = 0;
    }
}

size_t mem_disk_unsynced_pages(struct disk *disk)
{
    struct mem_disk *d = mem_of(disk);
    size_t pages = 0;

    for (struct inode *inode = d->inodes; inode != NULL; inode = inode->next)
        for (size_t i = 0; is_named(&d->now, inode) && i < inode->cap / DISK_PAGE; i++)
            pages += inode->dirty[i];
    return pages;
}

void mem_disk_on_call(struct disk *disk, void (*hook)(void *arg), void *arg)
{
    mem_of(disk)->hook = hook;
    mem_of(disk)->hook_arg = arg;
}

uint64_t mem_disk_calls(const struct disk *disk)
{
    return mem_of(disk)->calls;
}

void mem_disk_drop_locks(struct disk *disk)
{
    for (struct inode *inode = mem_of(disk)->inodes; inode != NULL; inode = inode->next)
        inode->locked = false;
}

void mem_disk_ignore_sync(struct disk *disk, bool ignore)
{
    mem_of(disk)->ignore_sync = ignore;
}

void mem_disk_set_capacity(struct disk *disk, uint64_t bytes)
{
    mem_of(disk)->capacity = bytes;
}

void mem_disk_set_faults(struct disk *disk, const struct mem_faults *faults)
{
    mem_of(disk)->faults = *faults;
}

void mem_disk_lose_dirty(struct disk *disk)
{
    for (struct inode *inode = mem_of(disk)->inodes; inode != NULL; inode = inode->next)
        lose_dirty(inode);
}

bool mem_disk_rot(struct disk *disk, const char *path, uint64_t offset, uint8_t value)
{
    struct name *name = names_find(&mem_of(disk)->now, path);

    if (name == NULL || offset >= name->inode->now_size)
        return false;
    name->inode->now[offset] = name->inode->synced[offset] = value;
    return true;
}

void mem_disk_write_through(struct disk_file *file, const void *data, size_t len, uint64_t offset)
{
    struct mem_disk *d = mem_of(file->disk);
    struct inode *inode = inode_of(file);
    int rc = mem_pwrite(file, data, len, offset);

    ASSERT(rc == 0);
    if (d->ignore_sync)
        return;
    memcpy(inode->synced + offset, data, len);
    if (inode->synced_size < offset + len)
        inode->synced_size = offset + len;
}

void mem_disk_put(struct disk *disk, const char *path, const uint8_t *bytes, size_t len)
{
    struct name *name = names_find(&mem_of(disk)->now, path);
    struct inode *inode;

    ASSERT(name != NULL);
    inode = name->inode;
    inode_grow(inode, len);
    if (inode->cap > 0) {
        memset(inode->now, 0, inode->cap);
        memcpy(inode->now, bytes, len);
        memcpy(inode->synced, inode->now, inode->cap);
        memset(inode->dirty, 0, inode->cap / DISK_PAGE);
    }
    inode->now_size = inode->synced_size = len;
}

const uint8_t *mem_disk_bytes(struct disk *disk, const char *path, size_t *ret_len)
{
    struct name *name = names_find(&mem_of(disk)->now, path);

    if (name == NULL)
        return NULL;
    *ret_len = name->inode->now_size;
    return name->inode->now;
}
