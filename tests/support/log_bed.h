/* log_bed: a transaction log with what stands around it in a test: a disk in memory, a
 * worker that runs when told, and txns whose length and bytes follow from their zxid, so
 * that each one found is known to be right. */
#ifndef ZKFS_TESTS_SUPPORT_LOG_BED_H
#define ZKFS_TESTS_SUPPORT_LOG_BED_H

#include "store/txnlog.h"
#include "tests/support/step_worker.h"

#define LOG_BED_DIR "/log"
#define LOG_BED_RUN 0x1234
#define LOG_BED_SEGMENT (8 * DISK_PAGE)

struct log_bed {
    struct disk *disk;
    struct step_worker worker;
    struct txnlog *log;
    zk_zxid durable;  /* as the callback said */
    zk_zxid replayed; /* last one found at open */
    uint64_t replay_count;
    bool bad_replay; /* one was not next, or had other bytes */
    bool is_full, is_idle;
    struct errtext why;
};

extern const struct txnlog_config log_bed_config;

size_t log_bed_txn_len(zk_zxid zxid);
struct blob *log_bed_txn(zk_zxid zxid);

/* The zxid whose txn makes a batch of PAGES pages when it is alone in it; the one that
 * follows takes a page more. All others take little, but for some that take two or three. */
zk_zxid log_bed_paged(size_t pages);

/* Gives a disk with an empty log on it. */
struct disk *log_bed_disk(const struct txnlog_config *config);

/* Opens the log, after a checkpoint at AFTER (0: before the first txn). As txnlog_open; the log is
 * the caller's. */
int log_bed_open(struct log_bed *bed, struct disk *disk, const struct txnlog_config *config,
                 zk_zxid after);

/* Appends the COUNT txns that come next; durably: and runs all jobs. */
void log_bed_append(struct log_bed *bed, size_t count);
void log_bed_append_durably(struct log_bed *bed, size_t count);

/* Appends until there are COUNT segments; FIRSTS: the first zxid of each. */
void log_bed_fill(struct log_bed *bed, size_t count, zk_zxid *firsts);

/* Gives the path of the segment that begins with FIRST. */
char *log_bed_path(zk_zxid first);

#endif
