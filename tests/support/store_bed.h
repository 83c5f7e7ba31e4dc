/* store_bed: a store with what stands around it in a test: workers that run when
 * told, random txns with the digest that they must have, and, for each zxid, what
 * the state after it looks like. */
#ifndef ZKFS_TESTS_SUPPORT_STORE_BED_H
#define ZKFS_TESTS_SUPPORT_STORE_BED_H

#include "store/checkpoint.h"
#include "store/store.h"
#include "store/tree.h"
#include "tests/support/step_worker.h"
#include "tests/support/txn_make.h"

/* The history: made once, shared by all servers that lived (parts of) it. */
struct history {
    struct txn_maker maker;
    struct tree *tree;  /* as after the last txn */
    struct blob **txns; /* by zxid, from 1 on */
    uint64_t *states;   /* a hash of the whole state after each, from 0 on */
    size_t cap;
};

void history_init(struct history *history, uint64_t seed);
void history_done(struct history *history);

/* The txn of ZXID, made when it is the next one. Borrowed. */
struct blob *history_txn(struct history *history, zk_zxid zxid);

/* A hash of all that tree_dump tells. */
uint64_t tree_state(const struct tree *tree);

struct store_bed {
    struct history *history;
    struct step_worker log_worker, checkpoint_worker;
    struct store *store;
    zk_zxid durable; /* acknowledged */
    bool member;     /* opened as one: nothing is applied but by store_bed_commit */
    bool closed;
    struct errtext why;
};

/* Opens a store; the zeros of CONFIG that matter are filled in: small segments,
 * frequent checkpoints. As store_open. */
int store_bed_open(struct store_bed *bed, struct history *history, struct disk *disk,
                   const struct store_config *config);

/* Appends the COUNT txns of history that come next. */
void store_bed_append(struct store_bed *bed, size_t count);

/* A member: everything up to ZXID (durable) is committed, and applied. */
void store_bed_commit(struct store_bed *bed, zk_zxid zxid);

/* Runs a job of either worker, if there is one. */
void store_bed_step(struct store_bed *bed, struct rng *rng);
void store_bed_run_all(struct store_bed *bed);

/* Closes (all becomes durable) and frees the store. */
void store_bed_close(struct store_bed *bed);

/* Is the tree what history had at the end of the log (a member: at its own zxid)? */
bool store_bed_is_right(const struct store_bed *bed);

#endif
