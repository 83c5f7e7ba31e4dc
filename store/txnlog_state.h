/* txnlog_state: what the parts of the transaction log share: txnlog_open.c and its parts (what
 * is found at start), txnlog.c (appending), txnlog_cut.c (truncating) and
 * txnlog_spare.c (segments to come and segments to go). For these alone; others
 * include txnlog.h. */
#ifndef ZKFS_STORE_TXNLOG_STATE_H
#define ZKFS_STORE_TXNLOG_STATE_H

#include "proto/base/buf.h"
#include "store/segment.h"
#include "store/txnlog.h"

/* A group is at most this long, unless a single txn is longer. */
#define BATCH_BYTES_MAX ((size_t)1024 * 1024)

/* A segment on disk. */
struct segment {
    uint64_t number;
    zk_zxid first;
    uint64_t bytes;
};

struct segment_list {
    struct segment *items; /* oldest first; the last one is appended to */
    size_t count, cap;
};

struct queued {
    zk_zxid zxid;
    struct blob *txn;
};

/* The group that is being written. The job owns its fields while BUSY, but for
 * the counts of TXNS, which are the loop's. */
struct batch_job {
    struct job job;
    struct txnlog *log;
    bool busy;
    struct queued *txns;
    size_t count, cap;
    struct batch_header header;
    struct disk_file *file;
    uint64_t id, offset;
    bool rolls; /* FILE is the spare: it becomes segment NEW_SEGMENT with this batch */
    struct segment_header new_segment;
    struct buf bytes; /* a page for a segment header, then the batch; kept for the next */
    int64_t sync_us;  /* what the sync took */
};

/* A segment in the making: a file of zeros. Plain value. */
struct spare_maker {
    struct disk *disk;
    const char *dir;
    uint64_t bytes;
    bool from_ballast; /* begin with the ballast file */
    struct disk_file *file;
    uint64_t zeroed;
    uint8_t *zeros;
};

enum spare_state { SPARE_NONE, SPARE_MAKING, SPARE_READY };

struct spare_job {
    struct job job;
    struct txnlog *log;
    enum spare_state state;
    struct spare_maker maker;
    int rc;
};

struct ballast_job {
    struct job job;
    struct txnlog *log;
    bool busy;
    int rc;
};

struct trim_job {
    struct job job;
    struct txnlog *log;
    bool busy;
    char *path;
    int rc;
};

/* Zxids that are in the log without a gap: those of one epoch. */
struct zxid_range {
    zk_zxid first, last;
};

struct zxid_ranges {
    struct zxid_range *items; /* ascending */
    size_t count, cap;
};

/* A truncation. The job owns its fields while BUSY. */
struct cut_job {
    struct job job;
    struct txnlog *log;
    bool active; /* asked for, and not done */
    bool busy;
    zk_zxid zxid;
    void (*done)(void *arg);
    void *arg;

    bool rewrites;          /* there is something on disk to remove */
    struct segment segment; /* it stays, with nothing after ZXID in it */
    zk_zxid *later;         /* the segments after it, which go: their first zxids */
    size_t later_count;
    struct disk_file *file; /* the spare, that takes the place of SEGMENT */
    uint64_t offset;        /* found: where the next batch belongs */
    uint64_t next_seq;      /* found: its number */
};

struct txnlog {
    struct disk *disk;
    struct worker *worker;
    struct txnlog_events events;
    char *dir;
    uint64_t segment_bytes, run;

    struct segment_list segments;
    struct disk_file *file; /* of the last segment */
    uint64_t offset;        /* in it, of the next batch */
    uint64_t next_seq;

    zk_zxid end, durable, committed, committed_found;
    zk_zxid run_base, base; /* what the run follows; what was replayed follows */
    struct zxid_ranges ranges;
    uint64_t written;
    struct summary sync_ms, group_txns; /* of the batches written since open */

    struct queued *queue; /* from queue_head on */
    size_t queue_head, queue_count, queue_cap;
    size_t queued_bytes; /* those in the batch under way too */

    struct batch_job batch;
    struct cut_job cut;
    struct spare_job spare;
    struct ballast_job ballast;
    struct trim_job trim;
    bool has_ballast;
    bool full;
    bool stopping;

    zk_zxid keep_after;
    uint64_t retain_bytes;
    bool may_trim;
};

void segment_list_push(struct segment_list *list, const struct segment *segment);

/* Gives DIR/NAME. */
char *txnlog_path(const char *dir, const char *name);
/* Gives the path of the segment that begins with FIRST. */
char *txnlog_segment_path(const char *dir, zk_zxid first);

void txnlog_batch_init(struct txnlog *log);
/* txnlog.c: writes what is queued, if it can. */
void txnlog_pump(struct txnlog *log);
/* txnlog.c: a job has ended; tells who waits for the last one. */
void txnlog_check_idle(struct txnlog *log);
/* txnlog.c: does the oldest txn that is queued, or a truncation, wait for a segment? */
bool txnlog_blocked(const struct txnlog *log);

/* txnlog_cut.c: ZXID is in the log. */
void zxid_ranges_add(struct zxid_ranges *ranges, zk_zxid zxid);
void txnlog_cut_init(struct txnlog *log);
/* txnlog_cut.c: goes on with the truncation that is asked for, if it can. */
void txnlog_cut_pump(struct txnlog *log);
/* txnlog_cut.c: does it wait for a spare segment? */
bool txnlog_cut_blocked(const struct txnlog *log);

/* txnlog_spare.c: a step of making a spare segment; 1: there is more to do, 0:
 * ready (maker->file is open and all of it is zero, durably), or a -errno. */
int spare_maker_step(struct spare_maker *maker);
void spare_maker_done(struct spare_maker *maker);
void txnlog_spare_init(struct txnlog *log);
/* Sees to it that there is a spare, and a ballast, or that they are being made. */
void txnlog_prepare(struct txnlog *log);
/* A segment was added: deletes old ones that may go. */
void txnlog_trim_step(struct txnlog *log);

#endif
