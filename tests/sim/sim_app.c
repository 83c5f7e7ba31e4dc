/* sim_app: see sim_app.h. */
#include "tests/sim/sim_app.h"

#include "proto/base/hash.h"
#include "store/apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sim_path_own(char path[SIM_PATH_MAX], uint32_t client)
{
    (void)snprintf(path, SIM_PATH_MAX, "/c%u", client % SIM_CLIENTS_MAX);
}

void sim_path_ephemeral(char path[SIM_PATH_MAX], uint32_t client, uint32_t k)
{
    (void)snprintf(path, SIM_PATH_MAX, "/e%u-%u", client % SIM_CLIENTS_MAX, k % SIM_EPHEMERALS_MAX);
}

int sim_path_client(struct jute_bytes path)
{
    if (path.len != 3 || path.data[0] != '/' || path.data[1] != 'c')
        return -1;
    return path.data[2] - '0';
}

uint32_t sim_data_seq(struct jute_bytes data)
{
    char text[16] = "";

    memcpy(text, data.data, jute_size(data) < sizeof text - 1 ? jute_size(data) : sizeof text - 1);
    return (uint32_t)strtoul(text, NULL, 10);
}

static void note_op(struct sim_txn *ret, const struct txn *op)
{
    struct jute_bytes path = JUTE_NULL, data = JUTE_NULL;

    if (op->hdr.type == OP_SET_DATA) {
        path = op->set_data.path;
        data = op->set_data.data;
    } else if (op->hdr.type == OP_CREATE || op->hdr.type == OP_CREATE2) {
        path = op->create.path;
        data = op->create.data;
    }
    if (sim_path_client(path) < 0)
        return;
    ret->client = sim_path_client(path);
    ret->seq = sim_data_seq(data);
}

static void on_op(void *arg, const struct txn *op, enum zk_err err, const struct znode *znode)
{
    (void)znode;
    if (err == ZOK)
        note_op(arg, op);
}

bool sim_txn_apply(struct tree *tree, const struct blob *blob, struct sim_txn *ret)
{
    struct tree_observer observer = {.arg = ret, .on_op = on_op};
    struct arena arena = {0};
    struct txn txn;
    bool ok = txn_decode(blob->data, blob->len, &arena, &txn) && txn.has_digest;

    if (ok) {
        *ret = (struct sim_txn){.session = txn.hdr.client_id,
                                .cxid = txn.hdr.cxid,
                                .type = txn.hdr.type,
                                .zxid = txn.hdr.zxid,
                                .client = -1};
        (void)tree_apply(tree, &txn, &observer);
        ok = tree_digest(tree) == (uint64_t)txn.digest.tree_digest;
    }
    arena_done(&arena);
    return ok;
}

uint64_t sim_blob_hash(const struct blob *blob)
{
    uint64_t hash = blob->len;
    size_t i = 0;

    for (; i + 8 <= blob->len; i += 8) {
        uint64_t word;

        memcpy(&word, blob->data + i, sizeof word);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    for (; i < blob->len; i++)
        hash = (hash ^ blob->data[i]) * 0x9e3779b97f4a7c15u;
    return hash_u64(hash);
}
