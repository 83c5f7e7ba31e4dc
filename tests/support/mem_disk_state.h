/* mem_disk_state: what the parts of the disk in memory share: mem_disk.c (calls),
 * mem_disk_names.c and mem_disk_crash.c (power cuts). For these alone; others include mem_disk.h.
 *
 * A file keeps its bytes twice, as cached and as synced, and a flag per page
 * that differs. Names are kept as one list for now, and one as synced, with the
 * changes that lie between the two in order. Lists are short: all is linear. */
#ifndef ZKFS_TESTS_SUPPORT_MEM_DISK_STATE_H
#define ZKFS_TESTS_SUPPORT_MEM_DISK_STATE_H

#include "tests/support/mem_disk.h"

enum { NAMES_MAX = 256, CHANGES_MAX = 4096 };

struct inode {
    bool is_dir;
    bool locked;
    size_t opened;         /* files that are open */
    uint8_t *now, *synced; /* both `cap` long, zeros behind their size */
    size_t now_size, synced_size, cap;
    uint8_t *dirty;     /* a byte per page */
    struct inode *next; /* of all that somebody may still see */
};

struct name {
    char *path;
    struct inode *inode;
};

struct names {
    struct name items[NAMES_MAX];
    size_t count;
};

/* A change of names in one directory: FROM goes, TO comes. */
struct change {
    char *from, *to; /* either may be NULL */
    struct inode *inode;
};

struct mem_disk {
    struct disk base;
    struct inode *inodes;
    struct names now, synced;
    struct change changes[CHANGES_MAX];
    size_t change_count;
    struct mem_faults faults;
    bool ignore_sync;
    uint64_t capacity, calls;
    void (*hook)(void *arg);
    void *hook_arg;
};

static inline struct mem_disk *mem_of(const struct disk *disk)
{
    return (struct mem_disk *)(uintptr_t)disk;
}

struct name *names_find(struct names *names, const char *path); /* NULL: there is none */
void names_put(struct names *names, const char *path, struct inode *inode);
void names_done(struct names *names);
/* What lies in directories that are not there is nowhere. */
void names_remove_orphans(struct names *names);
void change_apply(struct names *names, const struct change *change);
void change_done(struct change *change);
/* Directly, not further below. */
bool path_is_in(const char *path, const char *dir);
bool change_is_in(const struct change *change, const char *dir);
struct inode *inode_new(struct mem_disk *d, bool is_dir);
void inode_grow(struct inode *inode, size_t size);

#endif
