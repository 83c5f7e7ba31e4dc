/* sim_app: what clients of the simulator write and what of it can be told from a txn. To client N
 * belong the znodes below, and nobody else writes to them:
 *   /cN     its data begins with the number of its last write
 *   /eN-K   ephemerals
 *   /mN-K   the same write in all of them, by multi (sim_multi.h)
 *   /s/N-SEQ-NUMBER, of its write SEQ (sim_sequence.h)
 *   /kN, /tN  a container and a TTL znode, and a member /x in each (sim_reap.h) */
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
#define SIM_GROUP_SIZE 2
#define SIM_TICKET_PARENT "/s"
#define SIM_MORTAL_TTL 1 /* 0 is the container */
#define SIM_MORTALS_MAX 2
#define SIM_PATH_MAX 32

enum sim_place {
    SIM_PLACE_OTHER,
    SIM_PLACE_OWN,
    SIM_PLACE_EPHEMERAL,
    SIM_PLACE_GROUP,
    SIM_PLACE_TICKET, /* k: SEQ */
    SIM_PLACE_MORTAL, /* k: which of the two; so */
    SIM_PLACE_MEMBER, /* here, of its parent */
};

/* What a path says. */
struct sim_name {
    enum sim_place place;
    uint32_t client, k, number;
};

void sim_path_own(char path[SIM_PATH_MAX], uint32_t client);
void sim_path_ephemeral(char path[SIM_PATH_MAX], uint32_t client, uint32_t k);
void sim_path_group(char path[SIM_PATH_MAX], uint32_t client, uint32_t k);
void sim_path_ticket(char path[SIM_PATH_MAX], uint32_t client, uint32_t seq, uint32_t number);
void sim_path_mortal(char path[SIM_PATH_MAX], uint32_t client, uint32_t k, bool member);
struct sim_name sim_name(struct jute_bytes path);

/* The number that data begins with. */
uint32_t sim_data_seq(struct jute_bytes data);

/* What a txn does, as far as the simulator wants to know it: what it creates, sets and deletes. */
struct sim_change {
    int32_t type; /* OP_CREATE, ..., OP_DELETE_CONTAINER */
    struct sim_name name;
    uint32_t seq; /* of a creation, or new data */
    int64_t ttl_ms;
};
#define SIM_CHANGES_MAX 8

struct sim_txn {
    int64_t session;
    int32_t cxid, type;
    zk_zxid zxid;
    int64_t time; /* ms since 1970, by its leader's clock */
    struct sim_change changes[SIM_CHANGES_MAX];
    size_t change_count; /* with those that there is no room for */
};

/* Applies it to TREE, and tells what it was. False: it does not decode, or TREE is not as it
 * says afterwards. */
bool sim_txn_apply(struct tree *tree, const struct blob *txn, struct sim_txn *ret);

/* To compare the bytes of two txns by. */
uint64_t sim_blob_hash(const struct blob *blob);

#endif
