/* zkcli_walk: the paths of a subtree, with many requests in flight. */
#ifndef ZKFS_FS_ZKCLI_WALK_H
#define ZKFS_FS_ZKCLI_WALK_H

#include "fs/zkcli.h"

/* Requests in flight of a command that works on many znodes. */
#define CLI_PIPELINE 1000

struct walk {
    char **paths; /* the root, then siblings together, by name, and a parent before its children */
    size_t count, cap;
};

/* Finds ROOT and all below it; waits. A znode that goes away meanwhile is left out. Gives what it
 * found in *RET_WALK, to be ended with walk_done(). EXIT_FAILURE: something could not be listed,
 * which was said. */
int walk_subtree(struct cli *cli, const char *root, struct walk *ret_walk);
/* ROOT alone, without asking. */
void walk_single(const char *root, struct walk *ret_walk);
void walk_done(struct walk *walk);

#endif
