/* txnlog: the transaction log, a server's promises on disk. Append-only
 * segments of batches in zxid order, without a hole. A txn is durable once the
 * callback has named its zxid or a later one; until then nobody may be told of
 * it. The byte format is at the head of segment.h, what happens when a disk is
 * full at the head of txnlog.c. Thread: the loop; the disk is touched by jobs on
 * the worker, and by txnlog_create and txnlog_open themselves. */
#ifndef ZKFS_STORE_TXNLOG_H
#define ZKFS_STORE_TXNLOG_H

#include "proto/base/blob.h"
#include "proto/base/errtext.h"
#include "proto/base/summary.h"
#include "proto/types.h"
#include "store/disk.h"
#include "store/worker.h"

#include <stdbool.h>

struct txnlog;

struct txnlog_config {
    const char *dir;        /* copied; exists */
    uint64_t segment_bytes; /* a multiple of DISK_PAGE, at least 4 of them */
    uint64_t run;           /* id of the log, random: stale bytes of another never count */
    zk_zxid first;          /* no txn of the run is before this */
    uint64_t window_bytes;  /* so much log is replayed on opening, AFTER and what is before
                               it too, as far as it is there; 0: only what is after it */
};

struct txnlog_events {
    void *arg;
    /* Everything up to ZXID is on disk. From a job's end, never from inside a
     * txnlog call. */
    void (*durable)(void *arg, zk_zxid zxid);
    /* There is no space for a new segment (true), or there is again (false). */
    void (*full)(void *arg, bool full);
    /* After txnlog_stop: txnlog_idle has come true. */
    void (*idle)(void *arg);
    /* While opening, before the txns of the batch that says so are replayed:
     * everything up to ZXID is committed. Optional. */
    void (*committed_found)(void *arg, zk_zxid zxid);
};

/* A txn found by txnlog_open; borrowed. 0, or a -errno (with its text) that ends
 * the opening. */
typedef int (*txnlog_replay_cb)(void *arg, zk_zxid zxid, const uint8_t *txn, size_t len,
                                struct errtext *why);

/* Makes an empty log in a directory without segments: the first segment, zeroed
 * and durable. Errors: of the system call that failed. */
int txnlog_create(struct disk *disk, const struct txnlog_config *config, struct errtext *why);

/* The same, and gives the open file for txnlog_start. */
int txnlog_create_open(struct disk *disk, const struct txnlog_config *config,
                       struct disk_file **ret_file, struct errtext *why);

/* Goes on with the log that txnlog_create_open has just made; takes FILE. Does not
 * block. Gives a log as txnlog_open does. */
struct txnlog *txnlog_start(struct disk *disk, struct worker *worker,
                            const struct txnlog_config *config, const struct txnlog_events *events,
                            struct disk_file *file);

/* Deletes directory DIR and what a log has in it. */
int txnlog_remove(struct disk *disk, const char *dir, struct errtext *why);

/* From now on EVENTS hear of it. */
void txnlog_redirect(struct txnlog *log, const struct txnlog_events *events);

/* Is there no log in directory DIR? (One that txnlog_create made and nobody used
 * is none: it is made again.) */
int txnlog_vacant(struct disk *disk, const char *dir, bool *ret, struct errtext *why);

/* Does the log hold all txns after AFTER, as far as the names and headers of its segments
 * tell? Reads, and changes nothing. 0, or an error as txnlog_open's. */
int txnlog_reaches(struct disk *disk, const struct txnlog_config *config, zk_zxid after,
                   struct errtext *why);

/* Opens the log: checks it from the first segment that holds a txn after AFTER,
 * calls REPLAY for each of those, cuts off a torn tail, deletes the segments of
 * other runs, and starts to make the spare segment. Gives *RET_LOG, to be ended
 * with txnlog_free(). DISK, WORKER and EVENTS' arg are borrowed until then.
 * Errors (WHY names the file, the cause and what to do):
 *   -EACCES, -EIO, ...  from the system call that failed
 *   -ENOENT             no segment of this run is there
 *   -EBADMSG            a bad batch has a good one after it, a segment is missing
 *                       or bad: corruption, not a torn tail. Nothing was changed.
 *   what REPLAY gave */
int txnlog_open(struct disk *disk, struct worker *worker, const struct txnlog_config *config,
                const struct txnlog_events *events, zk_zxid after, txnlog_replay_cb replay,
                void *arg, struct txnlog **ret_log, struct errtext *why);

/* Only when txnlog_idle, or when the worker is gone. NULL is accepted. */
void txnlog_free(struct txnlog *log);

/* Queues TXN for the next group sync; never blocks, never fails: a disk that
 * refuses ends the process. Shares TXN until it is durable. ZXID follows the
 * last one; TXN is at most txnlog_txn_max() bytes. */
void txnlog_append(struct txnlog *log, zk_zxid zxid, struct blob *txn);

/* Removes every txn after ZXID, which is one of the log or its base (txnlog_has) and not
 * before what was said to be committed. What is appended from now on follows ZXID and
 * is written after that. DONE comes when it is durable, never from inside the call; a
 * txn that is removed is named by no durable mark any more. One at a time. How a power
 * cut is survived is told at the head of txnlog_cut.c. */
void txnlog_truncate(struct txnlog *log, zk_zxid zxid, void (*done)(void *arg), void *arg);

/* May the log be truncated after ZXID: is it a txn that was replayed or appended, or
 * the zxid that the run begins after? (False also for txns before the window.) */
bool txnlog_has(const struct txnlog *log, zk_zxid zxid);

/* What txnlog_open replayed is everything after this zxid. */
zk_zxid txnlog_base(const struct txnlog *log);

/* The longest txn that fits a segment. */
size_t txnlog_txn_max(const struct txnlog *log);

/* The next batch says that everything up to ZXID is committed. */
void txnlog_set_committed(struct txnlog *log, zk_zxid zxid);

/* The highest such mark on disk when the log was opened; 0 if none. */
zk_zxid txnlog_committed_found(const struct txnlog *log);

/* Segments that hold no txn after KEEP_AFTER may go; the newest RETAIN bytes of
 * log stay anyway. Deletes now and at each new segment. */
void txnlog_trim(struct txnlog *log, zk_zxid keep_after, uint64_t retain_bytes);

/* Tries again to make the spare segment, if its last attempt found the disk
 * full. Call it from a timer, about once a second. */
void txnlog_tick(struct txnlog *log);

bool txnlog_full(const struct txnlog *log);

zk_zxid txnlog_end(const struct txnlog *log);         /* last appended, durable or not */
zk_zxid txnlog_durable(const struct txnlog *log);     /* last durable */
size_t txnlog_queued(const struct txnlog *log);       /* bytes of txns not durable yet */
uint64_t txnlog_written(const struct txnlog *log);    /* bytes of batches since open, padding too,
                                                         and those that were replayed */
uint64_t txnlog_disk_bytes(const struct txnlog *log); /* of all segments, spare and ballast */
struct summary txnlog_sync_ms(const struct txnlog *log);    /* what each group's sync took */
struct summary txnlog_group_txns(const struct txnlog *log); /* and the txns in each */

/* No job is under way and no txn is queued (one may be queued for ever, when the
 * disk is full). */
bool txnlog_idle(const struct txnlog *log);

/* Makes no spare segment any more; txnlog_idle comes true once what is queued
 * is durable and the jobs have ended. */
void txnlog_stop(struct txnlog *log);

#endif
