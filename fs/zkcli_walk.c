/* zkcli_walk: see zkcli_walk.h. Breadth first, as the listings of one level do not wait for each
 * other; put in zkCli.sh's order at the end. */
#include "fs/zkcli_walk.h"

#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

struct walker {
    struct cli *cli;
    struct walk *walk;
    int status;
};

/* One listing. */
struct visit {
    struct walker *walker;
    size_t index; /* of its path */
};

static void add(struct walk *walk, char *path)
{
    if (walk->count == walk->cap) {
        walk->cap = walk->cap == 0 ? 64 : walk->cap * 2;
        walk->paths = xrealloc(walk->paths, walk->cap * sizeof *walk->paths);
    }
    walk->paths[walk->count++] = path;
}

static void on_listed(void *arg, const struct client_reply *reply)
{
    struct visit *visit = arg;
    struct walker *walker = visit->walker;
    struct walk *walk = walker->walk;
    const char *parent = walk->paths[visit->index];
    bool is_gone = reply->rc == 0 && reply->err == ZNONODE && visit->index > 0;

    walker->cli->due--;
    if (reply->rc != 0 || reply->err != ZOK) {
        if (is_gone) {
            walk->paths[visit->index][0] = '\0'; /* taken out at the end */
        } else {
            cli_say_failure(reply, parent);
            walker->status = EXIT_FAILURE;
        }
    } else {
        const char *slash = strcmp(parent, "/") == 0 ? "" : "/";

        for (int32_t i = 0; i < reply->children.count; i++) {
            struct jute_bytes name = reply->children.items[i];

            add(walk, xasprintf("%s%s%.*s", parent, slash, (int)name.len, (const char *)name.data));
            parent = walk->paths[visit->index];
        }
    }
    free(visit);
}

/* By name within each level: '/' comes before any other character. */
static int compare_in_depth(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t i = 0;

    while (i < a_len && i < b_len && a[i] == b[i])
        i++;
    if (i == a_len || i == b_len)
        return (a_len > b_len) - (a_len < b_len);
    if (a[i] == '/' || b[i] == '/')
        return a[i] == '/' ? -1 : 1;
    return (unsigned char)a[i] < (unsigned char)b[i] ? -1 : 1;
}

/* zkCli.sh's order [ZKUtil.visitSubTreeDFS]: all children of a znode, then what is below each of
 * them. So the parents decide first. "/" is a child of itself here, and before all others. */
static int compare_paths(const void *a, const void *b)
{
    const char *p = *(const char *const *)a, *q = *(const char *const *)b;
    size_t p_parent = (size_t)(strrchr(p, '/') - p), q_parent = (size_t)(strrchr(q, '/') - q);
    int order = compare_in_depth(p, p_parent, q, q_parent);

    return order != 0 ? order : strcmp(p, q);
}

/* Takes out those that were gone. */
static void drop_empty(struct walk *walk)
{
    size_t kept = 0;

    for (size_t i = 0; i < walk->count; i++) {
        if (walk->paths[i][0] != '\0')
            walk->paths[kept++] = walk->paths[i];
        else
            free(walk->paths[i]);
    }
    walk->count = kept;
}

int walk_subtree(struct cli *cli, const char *root, struct walk *ret_walk)
{
    struct walk walk = {0};
    struct walker walker = {.cli = cli, .walk = &walk, .status = EXIT_SUCCESS};

    add(&walk, xstrdup(root));
    for (size_t next = 0; next < walk.count || cli->due > 0;) {
        if (next == walk.count || cli->due >= CLI_PIPELINE) {
            cli_wait_below(cli, cli->due - 1);
            continue;
        }
        struct visit *visit = xmalloc(sizeof *visit);

        *visit = (struct visit){.walker = &walker, .index = next};
        cli->due++;
        (void)client_get_children(cli->client, jute_str(walk.paths[next]), false, on_listed, visit);
        next++;
    }
    drop_empty(&walk);
    if (walk.count > 1) /* the root stays first */
        qsort(walk.paths + 1, walk.count - 1, sizeof *walk.paths, compare_paths);
    *ret_walk = walk;
    return walker.status;
}

void walk_single(const char *root, struct walk *ret_walk)
{
    *ret_walk = (struct walk){0};
    add(ret_walk, xstrdup(root));
}

void walk_done(struct walk *walk)
{
    for (size_t i = 0; i < walk->count; i++)
        free(walk->paths[i]);
    free(walk->paths);
    *walk = (struct walk){0};
}
