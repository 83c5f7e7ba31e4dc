/* txnlog_open: beginning with a log, a new one or one that is found. First everything is
 * read and judged (txnlog_find.c, txnlog_read.c); only then is anything changed: the torn
 * tail zeroed and synced, leftovers deleted. Then the log goes on at the end that was
 * found. */
#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "store/txnlog_opening.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Writes the last batch again, with zeros where torn bytes lie behind it, and syncs: the
 * process before may have left it in the kernel's memory alone, and what we are about to
 * show must not vanish with a power cut. A sync is not enough: where that one's sync has
 * failed, Linux calls the pages clean, and writes them no more. The same for names; those
 * it keeps. (The batches before it were synced, or it would not be there.) */
static int settle_tail(struct opening *o)
{
    uint64_t start = o->last_batch, kept = o->log->offset - start;
    uint8_t *bytes = xcalloc(1, o->dirty_end - start + 1);
    ssize_t got = disk_pread(o->log->file, bytes, kept, start);
    int rc = got < 0 ? (int)got : 0;

    if (rc == 0 && (uint64_t)got < kept)
        rc = -EIO; /* it was all there a moment ago */
    if (rc == 0 && o->dirty_end > start)
        rc = disk_pwrite(o->log->file, bytes, o->dirty_end - start, start);
    if (rc == 0)
        rc = disk_sync(o->log->file);
    if (rc == 0)
        rc = disk_sync_dir(o->log->disk, o->log->dir);
    free(bytes);
    if (rc < 0)
        errtext_set(o->why, rc, "cannot settle the end of %s: %s", o->path, strerror(-rc));
    return rc;
}

static int delete_others(struct opening *o)
{
    for (size_t i = 0; i < o->others.count; i++) {
        int rc;

        opening_set_path(o, o->others.items[i].first);
        rc = disk_unlink(o->log->disk, o->path);
        if (rc < 0)
            return errtext_set(o->why, rc, "cannot delete %s: %s", o->path, strerror(-rc));
    }
    return 0;
}

/* A spare or ballast of another size is of an earlier configuration. */
static int check_reserve(struct opening *o, const char *name, bool *ret_usable)
{
    struct disk_file *file;
    uint64_t size = 0;
    int rc;

    free(o->path);
    o->path = txnlog_path(o->log->dir, name);
    *ret_usable = false;
    rc = disk_open(o->log->disk, o->path, DISK_OPEN_READ, &file);
    if (rc == -ENOENT)
        return 0;
    if (rc == 0) {
        rc = disk_size(file, &size);
        disk_close(file);
    }
    if (rc == 0 && size != o->log->segment_bytes)
        rc = disk_unlink(o->log->disk, o->path);
    *ret_usable = rc == 0 && size == o->log->segment_bytes;
    return rc < 0 ? opening_unreadable(o, rc) : 0;
}

static int open_log(struct opening *o)
{
    bool spare_is_there; /* its bytes are old: it is zeroed as a new one would be */
    size_t start;
    int rc = opening_find_segments(o, &start);

    if (rc == 0)
        rc = opening_read_segments(o, start);
    if (rc == 0)
        rc = settle_tail(o);
    if (rc == 0)
        rc = delete_others(o);
    if (rc == 0)
        rc = check_reserve(o, "spare", &spare_is_there);
    if (rc == 0)
        rc = check_reserve(o, "ballast", &o->log->has_ballast);
    return rc;
}

static void opening_done(struct opening *o)
{
    free(o->names.items);
    free(o->others.items);
    free(o->path);
}

static struct txnlog *log_new(struct disk *disk, struct worker *worker,
                              const struct txnlog_config *config,
                              const struct txnlog_events *events)
{
    struct txnlog *log = xcalloc(1, sizeof *log);

    ASSERT(config->segment_bytes % DISK_PAGE == 0 && config->segment_bytes >= 4 * DISK_PAGE);
    log->disk = disk;
    log->worker = worker;
    log->events = *events;
    log->dir = xstrdup(config->dir);
    log->segment_bytes = config->segment_bytes;
    log->run = config->run;
    log->run_base = config->first - 1;
    txnlog_batch_init(log);
    txnlog_cut_init(log);
    txnlog_spare_init(log);
    return log;
}

struct txnlog *txnlog_start(struct disk *disk, struct worker *worker,
                            const struct txnlog_config *config, const struct txnlog_events *events,
                            struct disk_file *file)
{
    struct txnlog *log = log_new(disk, worker, config, events);

    segment_list_push(&log->segments,
                      &(struct segment){.first = config->first, .bytes = config->segment_bytes});
    log->file = file;
    log->offset = DISK_PAGE;
    log->next_seq = 1;
    log->base = log->end = log->durable = log->run_base;
    txnlog_prepare(log);
    return log;
}

int txnlog_reaches(struct disk *disk, const struct txnlog_config *config, zk_zxid after,
                   struct errtext *why)
{
    struct txnlog_events no_events = {0};
    struct txnlog *log = log_new(disk, NULL, config, &no_events);
    struct opening opening = {.log = log, .config = config, .after = after, .why = why};
    size_t start;
    int rc = opening_find_segments(&opening, &start);

    opening_done(&opening);
    txnlog_free(log);
    return rc;
}

int txnlog_open(struct disk *disk, struct worker *worker, const struct txnlog_config *config,
                const struct txnlog_events *events, zk_zxid after, txnlog_replay_cb replay,
                void *arg, struct txnlog **ret_log, struct errtext *why)
{
    struct txnlog *log = log_new(disk, worker, config, events);
    struct opening opening = {
        .log = log,
        .config = config,
        .after = after,
        .replay = replay,
        .arg = arg,
        .why = why,
    };
    int rc;

    rc = open_log(&opening);
    opening_done(&opening);
    if (rc < 0) {
        txnlog_free(log);
        return rc;
    }
    log->next_seq = opening.seq;
    log->end = log->durable = opening.last;
    log->committed = log->committed_found;
    txnlog_prepare(log);
    *ret_log = log;
    return 0;
}
