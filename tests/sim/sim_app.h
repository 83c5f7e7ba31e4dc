/* sim_app: what clients of the simulator write, as real txns on a real tree. Client N has a
 * znode /cN whose data names the last of its writes, and a few children that come and go.
 * The leader prepares with server/core's plan, so that txns carry the digest that the tree
 * will have: a leader that prepares against anything but the state before a txn is found
 * out, and so is a server whose tree is not everybody's. */
#ifndef ZKFS_TESTS_SIM_SIM_APP_H
#define ZKFS_TESTS_SIM_SIM_APP_H

#include "proto/base/blob.h"
#include "proto/base/rng.h"
#include "proto/types.h"
#include "server/core/plan.h"

#include <stdbool.h>

#define SIM_CLIENTS_MAX 8

/* Write SEQ of CLIENT, made over its connection number GEN. */
struct sim_write {
    uint32_t client, gen, seq;
};

/* The highest write of CLIENT that TREE shows; 0: none. */
uint32_t sim_app_seen(const struct tree *tree, uint32_t client);

/* What the next txn is prepared against: the tree of a leader and what is in flight. */
struct sim_plan {
    bool active;
    struct plan plan;
    uint32_t last_seq[SIM_CLIENTS_MAX];
};

void sim_plan_begin(struct sim_plan *plan, const struct tree *tree);
void sim_plan_end(struct sim_plan *plan); /* at any time */

/* The txn of ZXID that does WRITE, encoded; one reference. */
struct blob *sim_plan_write(struct sim_plan *plan, struct rng *rng, zk_zxid zxid,
                            const struct sim_write *write);

/* Whose txn it is. False: it is none. */
bool sim_txn_write(const struct blob *txn, struct sim_write *ret);

/* Applies it. False: it does not decode, or the tree is not as it says. */
bool sim_txn_apply(struct tree *tree, const struct blob *txn);

/* A request as a learner forwards it. */
enum sim_request { SIM_WRITE = 5, SIM_SYNC = 9 }; /* setData, sync */
struct blob *sim_request_encode(enum sim_request kind, const struct sim_write *write);
bool sim_request_decode(const struct blob *blob, enum sim_request *ret_kind,
                        struct sim_write *ret_write);

/* To compare the bytes of two txns by. */
uint64_t sim_blob_hash(const struct blob *blob);

#endif
