/* Memory and time of the znode tree: a million znodes (or the number given) with 100 bytes of data
 * and paths of 30 bytes, made by tree_apply, then found by their paths. Resident anonymous memory
 * is what the kernel says of this process, less what it was before.
 *
 *     store_tree [ZNODES [PARENTS]] */
#include "proto/base/rng.h"
#include "store/apply.h"
#include "store/freeze.h"
#include "store/row.h"
#include "store/tree_load.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { DATA_BYTES = 100, PATH_BYTES = 30, PATH_ROOM = 64, LOOKUPS = 2000000, HOT = 1000 };

static const struct hash_key key = {.k0 = 1, .k1 = 2};

static double cpu_s(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double anonymous_bytes(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    double kib = 0;

    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "Anonymous:", strlen("Anonymous:")) == 0)
            kib = strtod(line + strlen("Anonymous:"), NULL);
    if (file != NULL)
        (void)fclose(file);
    return kib * 1024;
}

/* Half of the path for the parent, half for the name; with one parent all for the name. */
static void path_of(char path[PATH_ROOM], long i, long parents)
{
    if (parents <= 1)
        (void)snprintf(path, PATH_ROOM, "/n%028ld", i);
    else
        (void)snprintf(path, PATH_ROOM, "/parent-%06ld/n%014ld", i % parents, i);
}

static void create(struct tree *tree, const char *path, int32_t cversion)
{
    static const uint8_t data[DATA_BYTES] = "some data";
    zk_zxid zxid = tree_zxid(tree) + 1;
    struct txn txn = {.hdr = {.client_id = 1, .zxid = zxid, .time = zxid, .type = OP_CREATE},
                      .create = {.path = jute_str(path),
                                 .data = {.data = data, .len = DATA_BYTES},
                                 .acl = {.count = -1},
                                 .parent_cversion = cversion}};

    if (tree_apply(tree, &txn, NULL).err != ZOK)
        abort();
}

static void fill(struct tree *tree, long znodes, long parents)
{
    char path[PATH_ROOM];

    for (long i = 0; parents > 1 && i < parents; i++) {
        (void)snprintf(path, sizeof path, "/parent-%06ld", i);
        create(tree, path, -1);
    }
    for (long i = 0; i < znodes; i++) {
        path_of(path, i, parents);
        create(tree, path, -1);
    }
}

/* Nanoseconds of a look-up among COUNT of the znodes, the making of the path not counted. */
static double time_lookups(const struct tree *tree, long znodes, long parents, long count)
{
    char(*paths)[PATH_ROOM] = malloc((size_t)count * sizeof *paths);
    struct rng rng = rng_seeded(1);
    int64_t found = 0;
    double start;

    if (paths == NULL)
        abort();
    for (long i = 0; i < count; i++)
        path_of(paths[i], (long)rng_below(&rng, (uint64_t)znodes), parents);
    start = cpu_s();
    for (long i = 0; i < LOOKUPS; i++)
        found += znode_version(
            tree_lookup(tree, (struct jute_bytes){.data = (const uint8_t *)paths[i % count],
                                                  .len = PATH_BYTES}));
    start = cpu_s() - start;
    if (found != 0)
        abort();
    free(paths);
    return start / LOOKUPS * 1e9;
}

/* A whole checkpoint in memory, its longest slice, and loading from it. The slots of a tree
 * without deletions are in the order of ids, so the rows come sorted. */
static void bench_freeze(struct tree *tree, long znodes)
{
    struct buf rows = {0};
    double start = cpu_s(), longest = 0, total;
    struct tree_load *load;
    struct tree *loaded;
    struct jute_reader r;
    struct row row;
    bool more = true;

    tree_freeze_begin(tree, FREEZE_ALL);
    while (more) {
        double slice = cpu_s();

        more = tree_freeze_next(tree, 256 << 10, &rows);
        slice = cpu_s() - slice;
        longest = slice > longest ? slice : longest;
    }
    tree_freeze_end(tree, true);
    total = cpu_s() - start;
    printf(
        "freeze of all      %7.0f ns a znode, %.0f bytes a row, longest slice of 256 KiB %.1f ms\n",
        total / (double)znodes * 1e9, (double)rows.len / (double)znodes, longest * 1e3);
    start = cpu_s();
    load = tree_load_new(&key);
    r = jute_reader(rows.data, rows.len, NULL);
    while (jute_left(&r) > 0)
        if (!row_get(&r, &row) || tree_load_row(load, &row, NULL) < 0)
            abort();
    if (tree_load_done(load, &loaded, NULL) < 0)
        abort();
    printf("load               %7.0f ns a znode\n", (cpu_s() - start) / (double)znodes * 1e9);
    tree_free(loaded);
    buf_done(&rows);
}

int main(int argc, char **argv)
{
    long znodes = argc > 1 ? strtol(argv[1], NULL, 10) : 1000000;
    long parents = argc > 2 ? strtol(argv[2], NULL, 10) : 1000;
    double before = anonymous_bytes(), start = cpu_s(), created, bytes;
    struct tree *tree = tree_new(&key);

    fill(tree, znodes, parents);
    created = cpu_s() - start;
    bytes = anonymous_bytes() - before;
    printf("%ld znodes of %d bytes, paths of %d bytes, %ld parents\n", znodes, DATA_BYTES,
           PATH_BYTES, parents);
    printf("memory             %7.1f bytes a znode (resident anonymous); in use by malloc %.1f\n",
           bytes / (double)znodes,
           (double)(mallinfo2().uordblks + mallinfo2().hblkhd) / (double)znodes);
    printf("create by txn      %7.0f ns\n", created / (double)znodes * 1e9);
    printf("look-up, anywhere  %7.0f ns\n", time_lookups(tree, znodes, parents, znodes));
    printf("look-up, %d hot  %7.0f ns\n", HOT, time_lookups(tree, znodes, parents, HOT));
    bench_freeze(tree, znodes);
    tree_free(tree);
    return 0;
}
