/* sim_app: what clients of the simulator write and what of it can be told from a txn. Client N
 * has a znode /cN, whose data begins with the number of its last write; and ephemerals
 * /eN-K. Nobody else writes to them. */
#ifndef ZKFS_TESTS_SIM_SIM_APP_H
#define ZKFS_TESTS_SIM_SIM_APP_H

#include "proto/base/blob.h"
#include "proto/jute.h"
#include "proto/txn.h"
#include "proto/types.h"
#include "store/tree.h"

#include <stdbool.h>

#define SIM_CLIENTS_MAX 8
#define SIM_EPHEMERALS_MAX 4
#define SIM_PATH_MAX 16

void sim_path_own(char path[SIM_PATH_MAX], uint32_t client);
void sim_path_ephemeral(char path[SIM_PATH_MAX], uint32_t client, uint32_t k);

/* The client whose znode this is; -1: none. */
int sim_path_client(struct jute_bytes path);

/* The number that data begins with. */
uint32_t sim_data_seq(struct jute_bytes data);

/* What a txn does, as far as the simulator wants to know it. */
struct sim_txn {
    int64_t session;
    int32_t cxid, type;
    zk_zxid zxid;
    int client; /* whose znode it writes; -1: nobody's */
    uint32_t seq;
};

/* Applies it to TREE, and tells what it was. False: it does not decode, or TREE is not as it
 * says afterwards. */
bool sim_txn_apply(struct tree *tree, const struct blob *txn, struct sim_txn *ret);

/* To compare the bytes of two txns by. */
uint64_t sim_blob_hash(const struct blob *blob);

#endif
