/* sim_app: the smallest application that can tell what happened to it. Its state is a
 * digest of everything applied, in order, and the last write of each client. Its txns carry
 * the digest that the leader expects after them (as a TxnDigest does), so a leader that
 * prepares against anything but the state before a txn is found out. Plain values. */
#ifndef ZKFS_TESTS_SIM_SIM_APP_H
#define ZKFS_TESTS_SIM_SIM_APP_H

#include "proto/base/blob.h"
#include "proto/types.h"

#include <stdbool.h>

#define SIM_CLIENTS_MAX 8

struct sim_app {
    zk_zxid zxid;
    uint64_t count;
    uint64_t digest;
    uint32_t last_seq[SIM_CLIENTS_MAX]; /* highest one applied; 0: none */
};

/* Write SEQ of CLIENT, made over its connection number GEN. */
struct sim_write {
    uint32_t client, gen, seq;
};

struct sim_txn {
    zk_zxid zxid;
    struct sim_write write;
    uint64_t digest;
};

/* The digest after a txn on top of one of BEFORE. */
uint64_t sim_digest(uint64_t before, zk_zxid zxid, const struct sim_write *write);

/* A txn as it is logged and proposed, with FILLER more bytes; one reference. */
struct blob *sim_txn_encode(const struct sim_txn *txn, size_t filler);
bool sim_txn_decode(const struct blob *blob, struct sim_txn *ret);

/* A request as a learner forwards it. */
enum sim_request { SIM_WRITE = 5, SIM_SYNC = 9 }; /* setData, sync */
struct blob *sim_request_encode(enum sim_request kind, const struct sim_write *write);
bool sim_request_decode(const struct blob *blob, enum sim_request *ret_kind,
                        struct sim_write *ret_write);

/* False: the txn expects another state. */
bool sim_app_apply(struct sim_app *app, const struct sim_txn *txn);

/* To compare the bytes of two txns by. */
uint64_t sim_blob_hash(const struct blob *blob);

#endif
