/* checkpoint: the whole committed state as of exactly one zxid, in a directory.
 * Made row by row (store/row.h) inside one atomic update; read once, at start.
 * Two kinds: LMDB, and a plain file on a struct disk for tests of power cuts
 * (tests/support/mem_checkpoint.h).
 *
 * Each row carries a CRC32C of its key and value; the state holds their number
 * and XOR, so that a lost, stale or doubled row is noticed. Threads: load on the
 * caller's, at start; begin, put, commit and abort on one worker. */
#ifndef ZKFS_STORE_CHECKPOINT_H
#define ZKFS_STORE_CHECKPOINT_H

#include "proto/base/errtext.h"
#include "proto/types.h"
#include "store/disk.h"

struct checkpoint;

/* What a checkpoint says about itself; written in the same atomic update. */
struct checkpoint_state {
    zk_zxid zxid;    /* everything up to here is in it, nothing later */
    uint64_t digest; /* tree digest at ZXID */
    uint64_t row_count;
    uint32_t row_xor;    /* XOR of the rows' CRCs */
    uint64_t disk_bytes; /* as load found it; not written */
};

/* LEN bytes holding whole rows as row_put wrote them (store/row.h); borrowed.
 * 0, or a -errno (with its text) that ends the loading. */
typedef int (*checkpoint_rows_cb)(void *arg, const uint8_t *rows, size_t len, struct errtext *why);

struct checkpoint_ops {
    int (*open)(struct disk *disk, const char *dir, struct checkpoint **ret, struct errtext *why);
    void (*close)(struct checkpoint *checkpoint);
    int (*load)(struct checkpoint *checkpoint, checkpoint_rows_cb rows, void *arg,
                struct checkpoint_state *ret, struct errtext *why);
    int (*begin)(struct checkpoint *checkpoint, struct errtext *why);
    int (*put)(struct checkpoint *checkpoint, const uint8_t *rows, size_t len, struct errtext *why);
    int (*commit)(struct checkpoint *checkpoint, zk_zxid zxid, uint64_t digest, uint64_t *ret_bytes,
                  struct errtext *why);
    void (*abort)(struct checkpoint *checkpoint);
    int (*remove)(struct disk *disk, const char *dir, struct errtext *why);
};

/* Every implementation begins with this. */
struct checkpoint {
    const struct checkpoint_ops *ops;
};

/* open    makes DIR when absent (its parent exists); reads nothing yet. Gives
 *         *RET, to be ended with close.
 * load    calls ROWS for all rows, parents before children, then fills *RET.
 *         -ENOENT: nothing was ever committed. -EBADMSG: damaged; WHY names the
 *         file and what to do; what ROWS was given is worth nothing.
 * begin   starts an update. Then any number of put (a row of length -1 deletes)
 *         and one commit (durable when it returns 0; *RET_BYTES: the size on
 *         disk) or abort. After an error abort; the old state is untouched.
 *         -ENOSPC is an error like that.
 * remove  deletes DIR and what a checkpoint has in it. */

/* The real one: an LMDB environment, which keeps its own files. */
extern const struct checkpoint_ops checkpoint_lmdb;

#endif
