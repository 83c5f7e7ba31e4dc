/* mem_disk_crash: the disk as it is found after a power cut. See mem_disk.h. */
#include "proto/base/mem.h"
#include "proto/base/rng.h"
#include "tests/support/mem_disk_state.h"

#include <stdlib.h>
#include <string.h>

#define SECTOR 512

/* The names after the cut: what is synced, and of each directory's changes a
 * first part. */
static void crash_names(struct mem_disk *d, const struct mem_crash *crash, struct names *ret)
{
    bool *over = xcalloc(d->change_count + 1, sizeof *over);
    struct rng rng = rng_seeded(crash->seed);

    for (size_t i = 0; i < d->synced.count; i++)
        names_put(ret, d->synced.items[i].path, d->synced.items[i].inode);
    for (size_t i = 0; crash->names && i < d->change_count; i++) {
        const struct change *change = &d->changes[i];
        char *dir = xstrdup(change->to != NULL ? change->to : change->from);

        *strrchr(dir, '/') = '\0';
        /* Once one change of a directory is lost, so are all that follow. */
        over[i] = over[i] || rng_below(&rng, 4) == 0;
        for (size_t j = i + 1; over[i] && j < d->change_count; j++)
            over[j] = over[j] || change_is_in(&d->changes[j], dir[0] == '\0' ? "/" : dir);
        if (!over[i])
            change_apply(ret, change);
        free(dir);
    }
    names_remove_orphans(ret);
    free(over);
}

static void crash_page(const struct inode *inode, size_t at, bool survives, bool torn,
                       struct rng *rng, uint8_t *page)
{
    for (size_t s = 0; s < DISK_PAGE; s += SECTOR) {
        bool written = torn ? rng_below(rng, 2) == 0 : survives;

        memcpy(page + s, (written ? inode->now : inode->synced) + at + s, SECTOR);
    }
}

static struct inode *crash_inode(struct mem_disk *copy, const struct inode *inode, size_t *page,
                                 const struct mem_crash *crash)
{
    struct inode *made = inode_new(copy, inode->is_dir);
    struct rng rng = rng_seeded(crash->seed + *page);

    inode_grow(made, inode->cap);
    if (inode->cap > 0)
        memcpy(made->synced, inode->synced, inode->cap);
    made->synced_size = inode->synced_size;
    for (size_t at = 0; at < inode->cap; at += DISK_PAGE) {
        bool survives;

        if (!inode->dirty[at / DISK_PAGE])
            continue;
        survives = crash->pages >> (*page % 64) & 1;
        crash_page(inode, at, survives, crash->torn && !survives, &rng, made->synced + at);
        (*page)++;
    }
    /* The size is metadata: the new one comes with the last page, or not. */
    if (crash->pages & 1 && inode->now_size > made->synced_size)
        made->synced_size = inode->now_size;
    if (inode->cap > 0)
        memcpy(made->now, made->synced, inode->cap);
    if (made->synced_size < made->cap) {
        memset(made->now + made->synced_size, 0, made->cap - made->synced_size);
        memset(made->synced + made->synced_size, 0, made->cap - made->synced_size);
    }
    made->now_size = made->synced_size;
    return made;
}

struct disk *mem_disk_crash(struct disk *disk, const struct mem_crash *crash)
{
    struct mem_disk *d = mem_of(disk);
    struct disk *made = mem_disk_new();
    struct mem_disk *copy = mem_of(made);
    struct names names = {0};
    size_t page = 0;

    crash_names(d, crash, &names);
    for (struct inode *inode = d->inodes; inode != NULL; inode = inode->next) {
        struct inode *moved = NULL;

        for (size_t i = 0; i < names.count; i++) {
            if (names.items[i].inode != inode || strcmp(names.items[i].path, "/") == 0)
                continue;
            if (moved == NULL)
                moved = crash_inode(copy, inode, &page, crash);
            names_put(&copy->now, names.items[i].path, moved);
            names_put(&copy->synced, names.items[i].path, moved);
        }
    }
    names_done(&names);
    copy->capacity = d->capacity;
    return made;
}

void mem_disk_cut(struct disk *disk, struct rng *rng, int count,
                  void (*check)(void *arg, struct disk *image), void *arg)
{
    for (int i = 0; i < count; i++) {
        struct mem_crash crash = {
            .pages = i == 0 ? 0 : rng_next(rng),
            .seed = rng_next(rng),
            .torn = i % 3 == 2,
            .names = i > 1,
        };
        struct disk *image = mem_disk_crash(disk, &crash);

        check(arg, image);
        mem_disk_free(image);
    }
}
