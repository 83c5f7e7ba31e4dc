/* A database of a million znodes (100 bytes each, paths of 30) as the store alone sees it:
 * filling it, what it takes on disk and in memory, and opening it again, in a new process, after
 * the old one was killed. bench.py measures the same through a server, and Apache beside it.
 *
 *     store_bench [ZNODES [DIRECTORY]]     default: 1000000 build */
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/txn.h"
#include "store/apply.h"
#include "store/checkpoint.h"
#include "store/disk_posix.h"
#include "store/store.h"
#include "store/tree.h"
#include "tests/support/step_worker.h"

#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BURST 64 /* txns that come together */

struct bench {
    struct step_worker log_worker, checkpoint_worker;
    struct store *store;
    zk_zxid applied;
    struct blob *queue[BURST]; /* by zxid modulo */
    struct arena arena;
    double checkpoint_s;
};

static double now_s(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Processor time of this process and its children that have ended: what the machine's other
 * load does not change. */
static double cpu_s(void)
{
    struct rusage self, children;

    (void)getrusage(RUSAGE_SELF, &self);
    (void)getrusage(RUSAGE_CHILDREN, &children);
    return (double)(self.ru_utime.tv_sec + self.ru_stime.tv_sec + children.ru_utime.tv_sec +
                    children.ru_stime.tv_sec) +
           (double)(self.ru_utime.tv_usec + self.ru_stime.tv_usec + children.ru_utime.tv_usec +
                    children.ru_stime.tv_usec) /
               1e6;
}

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "store_bench: %s\n", what);
    exit(EXIT_FAILURE);
}

static void on_durable(void *arg, zk_zxid zxid)
{
    struct bench *b = arg;

    for (; b->applied < zxid; b->applied++) {
        struct blob *blob = b->queue[(b->applied + 1) % BURST];
        struct txn txn;

        arena_reset(&b->arena);
        check(txn_decode(blob->data, blob->len, &b->arena, &txn), "txn_decode");
        (void)tree_apply(store_tree(b->store), &txn, NULL);
        blob_unref(blob);
    }
    store_committed(b->store, zxid);
    store_applied(b->store, zxid);
}

static void open_store(struct bench *b, const char *dir)
{
    struct store_config config = {.data_dir = dir, .key = {.k0 = 1, .k1 = 2}};
    struct store_base base = {
        .disk = disk_posix_new(),
        .log_worker = &b->log_worker.base,
        .checkpoint_worker = &b->checkpoint_worker.base,
    };
    struct store_events events = {.arg = b, .durable = on_durable};
    struct errtext why;

    step_worker_init(&b->log_worker);
    step_worker_init(&b->checkpoint_worker);
    check(store_open(&config, &base, &events, &b->store, &why) == 0, why.text);
    b->applied = store_durable(b->store);
}

static void run_checkpoint(struct bench *b)
{
    double start = now_s();

    if (!list_empty(&b->checkpoint_worker.jobs))
        step_worker_run_all(&b->checkpoint_worker);
    b->checkpoint_s += now_s() - start;
}

static void append(struct bench *b, uint64_t number)
{
    static const char data[101] = "0123456789012345678901234567890123456789012345678901234567890123"
                                  "456789012345678901234567890123456789";
    zk_zxid zxid = store_log_end(b->store) + 1;
    char path[64];
    struct zk_acl open_acl = {
        .perms = PERM_ALL, .scheme = jute_str("world"), .id = jute_str("anyone")};
    struct txn txn = {
        .hdr = {.zxid = zxid, .time = 1700000000000, .type = OP_CREATE},
        .create = {.data = jute_str(data), .acl = {.items = &open_acl, .count = 1}},
    };
    struct buf bytes = {0};

    /* A thousand directories of a thousand. */
    (void)snprintf(path, sizeof path,
                   number % 1000 == 0 ? "/bench-dir-%04" PRIu64
                                      : "/bench-dir-%04" PRIu64 "/znode-%08" PRIu64,
                   number / 1000, number);
    txn.create.path = jute_str(path);
    txn.create.parent_cversion = -1;
    txn_encode(&bytes, &txn);
    b->queue[zxid % BURST] = blob_copy(bytes.data, bytes.len);
    store_append(b->store, b->queue[zxid % BURST]);
    buf_done(&bytes);
}

static void fill(const char *dir, uint64_t znodes)
{
    struct bench b = {0};
    struct store_stats stats;
    double start = now_s();

    open_store(&b, dir);
    for (uint64_t i = 0; i < znodes; i++) {
        append(&b, i);
        if ((i + 1) % BURST == 0 || i + 1 == znodes)
            step_worker_run_all(&b.log_worker);
        run_checkpoint(&b);
    }
    store_stats(b.store, &stats);
    (void)printf("fill: %.0f txns per second; %" PRIu64 " checkpoints took %.2f s; log %.0f MB, "
                 "checkpoint %.0f MB\n",
                 (double)znodes / (now_s() - start), stats.checkpoint_count, b.checkpoint_s,
                 (double)stats.log_disk_bytes / 1e6, (double)stats.checkpoint_disk_bytes / 1e6);
    (void)fflush(stdout);
    _exit(EXIT_SUCCESS); /* as if killed */
}

static long anonymous_kib(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kib = 0;

    check(file != NULL, "/proc/self/status");
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "RssAnon:", 8) == 0)
            kib = strtol(line + 8, NULL, 10);
    (void)fclose(file);
    return kib;
}

static void reopen(const char *dir)
{
    struct bench b = {0};
    double start = now_s();

    open_store(&b, dir);
    (void)printf("open after a kill: %.3f s (%.3f s of processor time); %" PRIu64
                 " znodes, %.0f bytes of memory each\n",
                 now_s() - start, cpu_s(), tree_znode_count(store_tree(b.store)),
                 (double)anonymous_kib() * 1024 / (double)tree_znode_count(store_tree(b.store)));
    (void)fflush(stdout);
    _exit(EXIT_SUCCESS);
}

static void in_a_process(void (*run)(const char *dir, uint64_t znodes), const char *dir,
                         uint64_t znodes)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        run(dir, znodes);
    check(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
              WEXITSTATUS(status) == EXIT_SUCCESS,
          "a process failed");
}

static void run_reopen(const char *dir, uint64_t znodes)
{
    (void)znodes;
    reopen(dir);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

int main(int argc, char **argv)
{
    uint64_t znodes = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000 * 1000;
    char *dir = xasprintf("%s/store-bench-XXXXXX", argc > 2 ? argv[2] : "build");

    check(mkdtemp(dir) != NULL, "mkdtemp");
    log_set_level(LOG_LEVEL_WARN);
    in_a_process(fill, dir, znodes);
    for (int i = 0; i < 3; i++)
        in_a_process(run_reopen, dir, znodes);
    check(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0, dir);
    free(dir);
    return EXIT_SUCCESS;
}
