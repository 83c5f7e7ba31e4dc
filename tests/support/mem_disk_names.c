/* mem_disk_names: the names of the files on the disk in memory, and how a change in a directory
 * changes them. */
#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "tests/support/mem_disk_state.h"

#include <stdlib.h>
#include <string.h>

struct name *names_find(struct names *names, const char *path)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i].path, path) == 0)
            return &names->items[i];
    return NULL;
}

static void names_remove(struct names *names, const char *path)
{
    struct name *name = names_find(names, path);

    if (name == NULL)
        return;
    free(name->path);
    *name = names->items[--names->count];
}

void names_put(struct names *names, const char *path, struct inode *inode)
{
    names_remove(names, path);
    ASSERT(names->count < NAMES_MAX);
    names->items[names->count++] = (struct name){.path = xstrdup(path), .inode = inode};
}

void names_done(struct names *names)
{
    while (names->count > 0)
        free(names->items[--names->count].path);
}

/* What is below directory FROM is below TO now. */
static void names_move_below(struct names *names, const char *from, const char *to)
{
    size_t len = strlen(from);

    for (size_t i = 0; i < names->count; i++) {
        char *path = names->items[i].path;

        if (strncmp(path, from, len) != 0 || path[len] != '/')
            continue;
        names->items[i].path = xasprintf("%s%s", to, path + len);
        free(path);
    }
}

/* A directory is only deleted when it is empty; on the platter the deletions in it may be
 * missing all the same, and do not matter any more. */
static void names_remove_below(struct names *names, const char *dir)
{
    size_t len = strlen(dir);

    for (size_t i = names->count; i-- > 0;)
        if (strncmp(names->items[i].path, dir, len) == 0 && names->items[i].path[len] == '/')
            names_remove(names, names->items[i].path);
}

void names_remove_orphans(struct names *names)
{
    for (size_t i = names->count; i-- > 0;) {
        char *dir = xstrdup(names->items[i].path);

        *strrchr(dir, '/') = '\0';
        if (dir[0] != '\0' && names_find(names, dir) == NULL) {
            names_remove(names, names->items[i].path);
            i = names->count; /* it may have been a directory: from the beginning */
        }
        free(dir);
    }
}

void change_apply(struct names *names, const struct change *change)
{
    if (change->from != NULL)
        names_remove(names, change->from);
    if (change->from != NULL && change->to == NULL)
        names_remove_below(names, change->from);
    if (change->to != NULL)
        names_put(names, change->to, change->inode);
    if (change->from != NULL && change->to != NULL && change->inode->is_dir)
        names_move_below(names, change->from, change->to);
}

void change_done(struct change *change)
{
    free(change->from);
    free(change->to);
}

bool path_is_in(const char *path, const char *dir)
{
    size_t len = strcmp(dir, "/") == 0 ? 0 : strlen(dir);

    return strncmp(path, dir, len) == 0 && path[len] == '/' && path[len + 1] != '\0' &&
           strchr(path + len + 1, '/') == NULL;
}

bool change_is_in(const struct change *change, const char *dir)
{
    return path_is_in(change->to != NULL ? change->to : change->from, dir);
}
