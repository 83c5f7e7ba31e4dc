/* meta: the one root of a server's files. It names the checkpoint and the log
 * that are in force; whatever it does not name is a leftover. One small file,
 * replaced as a whole: after a power cut either the old or the new one is there.
 * The byte format is at the head of meta.c. Thread: any, one at a time. */
#ifndef ZKFS_STORE_META_H
#define ZKFS_STORE_META_H

#include "proto/base/buf.h"
#include "proto/base/errtext.h"
#include "proto/types.h"
#include "store/disk.h"

#include <stdbool.h>

/* The format of all that lies below zkfs/. */
#define META_FORMAT 1

/* Longest text of a configuration. */
#define META_CONFIG_MAX (256 * 1024)

struct meta {
    zk_epoch accepted_epoch;
    zk_epoch current_epoch;
    uint64_t generation;         /* of the checkpoint: checkpoint-GENERATION */
    uint64_t log_run;            /* id of the log: segments of another run are leftovers */
    zk_zxid log_first;           /* the run begins with this zxid or a later one */
    bool no_vote;                /* was damaged, and has not been given a SNAP since */
    bool provisional;            /* the checkpoint may have effects of later txns (tree.h) */
    struct buf committed_config; /* text of the ensemble's configuration; may be empty */
    struct buf last_seen_config;
};

void meta_done(struct meta *meta);

/* Appends the bytes of the file. The configurations are within META_CONFIG_MAX. */
void meta_encode(struct buf *b, const struct meta *meta);

/* Fills *RET (zeroed by the caller; ended with meta_done) from the LEN bytes of
 * a file; PATH is for the text. Errors, and then *RET is untouched:
 *   -EBADMSG  damaged
 *   -EPROTO   of a format that this program does not know */
int meta_decode(const void *data, size_t len, const char *path, struct meta *ret,
                struct errtext *why);

/* Reads DIR/meta. -ENOENT when there is none, else as meta_decode, or what
 * reading said. */
int meta_read(struct disk *disk, const char *dir, struct meta *ret, struct errtext *why);

/* Puts LEN encoded bytes in place as DIR/meta, durable when it returns 0. */
int meta_replace(struct disk *disk, const char *dir, const void *data, size_t len,
                 struct errtext *why);

#endif
