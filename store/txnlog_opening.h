/* txnlog_opening: what the parts of opening a transaction log share: txnlog_find.c (which
 * segments there are), txnlog_read.c (what is in them) and txnlog_open.c (what is changed
 * then). For these alone; others include txnlog.h. */
#ifndef ZKFS_STORE_TXNLOG_OPENING_H
#define ZKFS_STORE_TXNLOG_OPENING_H

#include "store/txnlog_state.h"

#define OPENING_REMEDY "restore the directory from a copy"

struct opening {
    struct txnlog *log;
    const struct txnlog_config *config;
    zk_zxid after;
    txnlog_replay_cb replay;
    void *arg;
    struct errtext *why;

    struct segment_list names;  /* what the directory lists */
    struct segment_list others; /* to be deleted: of another run, or before a gap */
    char *path;                 /* of the segment at hand */
    uint64_t seq;               /* of the batch that is due */
    zk_zxid last;               /* zxid before it */
    uint64_t last_batch;        /* of the segment at hand begins here and ends at log->offset */
    uint64_t dirty_end;         /* torn bytes: from log->offset to here */
};

/* The texts of what is wrong with the segment at hand. */
int opening_damaged(struct opening *o, uint64_t offset, const char *what);
int opening_unreadable(struct opening *o, int rc);

/* The segment at hand is the one that begins with FIRST. */
void opening_set_path(struct opening *o, zk_zxid first);

/* That, and reads its header. */
int opening_read_header(struct opening *o, zk_zxid first, struct segment_header *ret);

/* txnlog_find.c: lists the segments of the run, and those of others. *RET_START is the one
 * from which on they are to be read; nothing that is wanted is missing before it. */
int opening_find_segments(struct opening *o, size_t *ret_start);

/* txnlog_read.c: checks the segments from START on, replays their txns, and leaves the last
 * one open, at the end of what is good in it. */
int opening_read_segments(struct opening *o, size_t start);

#endif
