/* sim_disk: what a server keeps, and what of it survives. A log of txns, the state at one
 * zxid (the checkpoint), the commit mark, the epochs, no-vote. Operations are done one
 * after the other, as one log thread would; until its end an operation may be lost, and
 * one that was under way at a crash may be done, not done, or (an append) done in part.
 *
 * Nothing here knows the time: the caller asks for the next operation to begin, and says
 * when it has ended. */
#ifndef ZKFS_TESTS_SIM_SIM_DISK_H
#define ZKFS_TESTS_SIM_SIM_DISK_H

#include "proto/base/rng.h"
#include "replication/zab.h"
#include "tests/sim/sim_app.h"

#include <stdbool.h>
#include <stddef.h>

/* Txns in order, after BASE. */
struct sim_log {
    struct blob **entries; /* references of its own */
    size_t count, cap;
    zk_zxid base;
};

zk_zxid sim_log_end(const struct sim_log *log);
zk_zxid sim_log_zxid(const struct sim_log *log, size_t i);
/* The index of the entry of ZXID, or of the first one after it. */
size_t sim_log_index(const struct sim_log *log, zk_zxid zxid);
/* NULL: not there. */
struct blob *sim_log_find(const struct sim_log *log, zk_zxid zxid);
void sim_log_append(struct sim_log *log, struct blob *txn); /* shares */
void sim_log_cut(struct sim_log *log, size_t count);        /* keeps the first COUNT */
void sim_log_done(struct sim_log *log);

enum sim_disk_kind { DISK_APPEND, DISK_TRUNCATE, DISK_META, DISK_INSTALL };

struct sim_disk_op {
    enum sim_disk_kind kind;
    zk_zxid zxid;
    uint64_t ticket;
    zk_epoch accepted, current;
    struct sim_log log;   /* APPEND: the batch; INSTALL: the staged log */
    struct sim_app state; /* INSTALL */
    bool failed;          /* INSTALL, once it has ended: nothing was changed */
    zk_zxid mark;         /* APPEND: known committed when it was written */
};

struct sim_disk {
    /* On the platter. */
    struct sim_log log;
    struct sim_app checkpoint;
    zk_zxid mark;
    zk_epoch accepted, current;
    bool no_vote;
    /* In memory: gone with a crash. */
    struct sim_disk_op *queue; /* the first one is under way when BUSY */
    size_t queued, cap;
    bool busy;
    const char *complaint; /* what was asked for cannot be; NULL: nothing yet */
};

void sim_disk_done(struct sim_disk *disk);

/* Queues OP, which is taken. */
void sim_disk_submit(struct sim_disk *disk, struct sim_disk_op op);

/* Starts what is first in the queue, if nothing is under way. Appends that stand behind
 * each other become one batch, with MARK. False: there is nothing to start. */
bool sim_disk_begin(struct sim_disk *disk, zk_zxid mark);

/* What was under way is on the platter; but an installation, if it is to FAIL, is not. Gives the
 * operation (its log: with sim_log_done). */
struct sim_disk_op sim_disk_end(struct sim_disk *disk, bool fail);

/* The power goes. Returns how many txns of a batch under way were lost. */
size_t sim_disk_crash(struct sim_disk *disk, struct rng *rng);

/* The checkpoint is STATE from now on, unless an installation is on its way. Keeps at least KEEP
 * txns of those before it. */
void sim_disk_checkpoint(struct sim_disk *disk, const struct sim_app *state, size_t keep);

/* Part of the log, or everything, cannot be read any more. */
void sim_disk_damage(struct sim_disk *disk, struct rng *rng);

/* What a starting server finds: the state after replay up to the mark, and RET for
 * zab_new(), whose entries are borrowed until the next change. */
struct sim_app sim_disk_open(struct sim_disk *disk, struct rng *rng, struct zab_disk *ret);

/* Is the txn of ZXID, with these bytes, on the platter (in the log or below the checkpoint)? */
bool sim_disk_has(const struct sim_disk *disk, zk_zxid zxid, const struct blob *txn);
zk_zxid sim_disk_log_end(const struct sim_disk *disk);

#endif
