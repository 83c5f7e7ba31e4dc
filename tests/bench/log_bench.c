/* Durable appends of a txn of 100 bytes: through the log, its thread and the loop, beside a bare
 * loop of pwrite and fdatasync on a file that was written before, in the same directory and turn
 * by turn, as the machine is noisy. Then megabytes per second in full batches.
 *
 *     log_bench [DIRECTORY]     default: build */
#include "proto/base/bytes.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "replication/driver_worker.h"
#include "store/disk_posix.h"
#include "store/txnlog.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    ROUNDS = 5,
    APPENDS = 400, /* in a round */
    TXN_BYTES = 100,
    BULK_BYTES = 4096,
    BULK_TXNS = 50 * 1000,
    ZXID_AT = 12,
};

#define SEGMENT_BYTES ((uint64_t)16 * 1024 * 1024)

struct bench {
    uv_loop_t loop;
    struct disk *disk;
    struct driver_worker *worker;
    struct txnlog *log;
    char *dir;
    zk_zxid durable;
    bool idle;
};

static double now_us(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    exit(EXIT_FAILURE);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

/* ---- the log ---- */

static void on_durable(void *arg, zk_zxid zxid)
{
    ((struct bench *)arg)->durable = zxid;
}

static void on_full(void *arg, bool full)
{
    (void)arg;
    check(!full, "no space for the log");
}

static void on_idle(void *arg)
{
    ((struct bench *)arg)->idle = true;
}

static int on_replay(void *arg, zk_zxid zxid, const uint8_t *txn, size_t len, struct errtext *why)
{
    (void)arg;
    (void)zxid;
    (void)txn;
    (void)len;
    (void)why;
    return 0;
}

static void append(struct bench *b, size_t bytes)
{
    zk_zxid zxid = txnlog_end(b->log) + 1;
    struct blob *txn = blob_new(bytes);

    memset(txn->data, 'x', bytes);
    store_be64(txn->data + ZXID_AT, (uint64_t)zxid);
    txnlog_append(b->log, zxid, txn);
    blob_unref(txn);
}

static void wait_durable(struct bench *b)
{
    while (b->durable < txnlog_end(b->log))
        (void)uv_run(&b->loop, UV_RUN_ONCE);
}

static void open_log(struct bench *b)
{
    struct txnlog_config config = {
        .dir = b->dir, .segment_bytes = SEGMENT_BYTES, .run = 1, .first = 1};
    struct txnlog_events events = {
        .arg = b, .durable = on_durable, .full = on_full, .idle = on_idle};
    struct errtext why;

    check(txnlog_create(b->disk, &config, &why) == 0 &&
              txnlog_open(b->disk, driver_worker_base(b->worker), &config, &events, 0, on_replay,
                          NULL, &b->log, &why) == 0,
          "cannot make a log");
    txnlog_trim(b->log, INT64_MAX - 1, 0);
    /* Spare and ballast: not what is measured. */
    while (txnlog_disk_bytes(b->log) < 3 * SEGMENT_BYTES)
        (void)uv_run(&b->loop, UV_RUN_ONCE);
}

static void close_log(struct bench *b)
{
    txnlog_stop(b->log);
    while (!b->idle && !txnlog_idle(b->log))
        (void)uv_run(&b->loop, UV_RUN_ONCE);
    txnlog_free(b->log);
}

static double log_round(struct bench *b)
{
    double us[APPENDS];

    for (int i = 0; i < APPENDS; i++) {
        double start = now_us();

        append(b, TXN_BYTES);
        wait_durable(b);
        us[i] = now_us() - start;
    }
    return median(us, APPENDS);
}

/* ---- the bare file ---- */

static int open_bare(const char *dir)
{
    char *path = xasprintf("%s/bare", dir), *zeros = xcalloc(1, SEGMENT_BYTES);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    check(fd >= 0 && pwrite(fd, zeros, SEGMENT_BYTES, 0) == (ssize_t)SEGMENT_BYTES &&
              fsync(fd) == 0 && unlink(path) == 0,
          path);
    free(zeros);
    free(path);
    return fd;
}

static double bare_round(int fd, int round)
{
    char page[4096];
    double us[APPENDS];

    memset(page, 'x', sizeof page);
    for (int i = 0; i < APPENDS; i++) {
        double start = now_us();

        check(pwrite(fd, page, sizeof page, (off_t)(round * APPENDS + i) * (off_t)sizeof page) ==
                      (ssize_t)sizeof page &&
                  fdatasync(fd) == 0,
              "bare");
        us[i] = now_us() - start;
    }
    return median(us, APPENDS);
}

/* ---- all of it ---- */

static void latency(struct bench *b)
{
    double ours[ROUNDS], bare[ROUNDS];
    int fd = open_bare(b->dir);

    for (int i = 0; i < ROUNDS; i++) {
        bare[i] = bare_round(fd, i);
        ours[i] = log_round(b);
    }
    (void)close(fd);
    (void)printf("durable append of %d bytes: log %.0f us, bare pwrite+fdatasync %.0f us, "
                 "ratio %.2f\n",
                 TXN_BYTES, median(ours, ROUNDS), median(bare, ROUNDS),
                 median(ours, ROUNDS) / median(bare, ROUNDS));
}

static void bulk(struct bench *b, size_t bytes)
{
    double start = now_us(), seconds;

    for (int i = 0; i < BULK_TXNS; i++) {
        append(b, bytes);
        while (txnlog_queued(b->log) > (size_t)8 * 1024 * 1024)
            (void)uv_run(&b->loop, UV_RUN_ONCE);
    }
    wait_durable(b);
    seconds = (now_us() - start) / 1e6;
    (void)printf("queued txns of %zu bytes: %.0f per second, %.0f MB/s\n", bytes,
                 BULK_TXNS / seconds, (double)(BULK_TXNS * bytes) / 1e6 / seconds);
}

static void remove_name(void *arg, const char *name)
{
    char *path = xasprintf("%s/%s", (const char *)arg, name);

    (void)unlink(path);
    free(path);
}

int main(int argc, char **argv)
{
    struct bench b = {.dir = xasprintf("%s/log-bench-XXXXXX", argc > 1 ? argv[1] : "build")};

    check(mkdtemp(b.dir) != NULL, b.dir);
    check(uv_loop_init(&b.loop) == 0, "uv_loop_init");
    b.disk = disk_posix_new();
    b.worker = driver_worker_start(&b.loop, "log");
    open_log(&b);
    latency(&b);
    bulk(&b, TXN_BYTES);
    bulk(&b, BULK_BYTES);
    close_log(&b);
    driver_worker_stop(b.worker);
    (void)uv_run(&b.loop, UV_RUN_DEFAULT);
    check(uv_loop_close(&b.loop) == 0, "uv_loop_close");
    /* The list changes under the walk: once more for what it skipped. */
    for (int i = 0; i < 3; i++)
        (void)disk_list(b.disk, b.dir, remove_name, b.dir);
    check(rmdir(b.dir) == 0, b.dir);
    disk_posix_free(b.disk);
    free(b.dir);
    return EXIT_SUCCESS;
}
