/* sim_platter: what a server's store has said to be durable, and so what a power cut must
 * leave. The invariants speak of it: whoever acks, votes or commits relies on nothing else.
 * When the server starts again, what is really found is held against it. */
#ifndef ZKFS_TESTS_SIM_SIM_PLATTER_H
#define ZKFS_TESTS_SIM_SIM_PLATTER_H

#include "tests/sim/sim_log.h"

#include <stdbool.h>

struct sim_platter {
    struct sim_log log; /* asked to be appended; up to BASE the state has it */
    zk_zxid durable;    /* the end of what is on disk of it */
    zk_epoch accepted, current;
    bool no_vote;
    zk_zxid voted; /* highest end of its history that it has told in a vote for itself */
    zk_epoch accepted_seen, current_seen; /* they never fall */
    /* Under way: may be found, or not. */
    struct sim_log staged;
    zk_epoch staged_accepted, staged_current;
    bool staging, installing;
};

/* What was found. ENTRIES after BASE, some of them are part of the state at APPLIED. */
struct sim_found {
    zk_zxid applied, base;
    struct blob **entries;
    size_t count;
    zk_epoch accepted, current;
    bool no_vote;
};

void sim_platter_done(struct sim_platter *platter);

void sim_platter_append(struct sim_platter *platter, struct blob *txn); /* shares */
void sim_platter_durable(struct sim_platter *platter, zk_zxid zxid);
/* From the moment it is asked for, what is after ZXID counts no more. */
void sim_platter_truncate(struct sim_platter *platter, zk_zxid zxid);
void sim_platter_meta(struct sim_platter *platter, zk_epoch accepted, zk_epoch current);
/* The state has everything up to ZXID, in a checkpoint. */
void sim_platter_checkpoint(struct sim_platter *platter, zk_zxid zxid);

void sim_platter_stage_begin(struct sim_platter *platter, zk_zxid zxid);
void sim_platter_stage(struct sim_platter *platter, struct blob *txn); /* shares */
void sim_platter_install(struct sim_platter *platter, zk_epoch accepted, zk_epoch current);
void sim_platter_installed(struct sim_platter *platter);
void sim_platter_drop(struct sim_platter *platter);

/* Is the txn of ZXID, with these bytes, in the log or below it? */
bool sim_platter_has(const struct sim_platter *platter, zk_zxid zxid, const struct blob *txn);
zk_zxid sim_platter_end(const struct sim_platter *platter);

/* Gives what is wrong with what was found; NULL: nothing, and from now on it is the truth. */
const char *sim_platter_found(struct sim_platter *platter, const struct sim_found *found);
/* All was damaged: nothing is promised any more. */
void sim_platter_forget(struct sim_platter *platter);

#endif
