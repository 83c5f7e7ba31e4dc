/* sim_app: see sim_app.h. The bytes are those of the real protocol where the core looks at
 * them: a TxnHeader in front of a txn, a forwarded_request in front of a request. */
#include "tests/sim/sim_app.h"

#include "proto/base/bytes.h"
#include "proto/base/hash.h"

#include <string.h>

#define TXN_HEADER 32
#define TXN_BYTES (TXN_HEADER + 12)
#define REQUEST_BYTES 20
#define TXN_TYPE 5 /* setData */

uint64_t sim_digest(uint64_t before, zk_zxid zxid, const struct sim_write *write)
{
    uint64_t id = (uint64_t)write->client << 56 ^ (uint64_t)write->gen << 32 ^ write->seq;

    return hash_u64(hash_u64(before + 1) ^ hash_u64((uint64_t)zxid) ^ id);
}

struct blob *sim_txn_encode(const struct sim_txn *txn, size_t filler)
{
    struct blob *blob = blob_new(TXN_BYTES + filler);
    uint8_t *p = blob->data;

    store_be64(p, txn->write.client + 1);
    store_be32(p + 8, txn->write.seq);
    store_be64(p + 12, (uint64_t)txn->zxid);
    store_be64(p + 20, 0);
    store_be32(p + 28, TXN_TYPE);
    store_be32(p + 32, txn->write.gen);
    store_be64(p + 36, txn->digest);
    memset(p + TXN_BYTES, 'x', filler);
    return blob;
}

bool sim_txn_decode(const struct blob *blob, struct sim_txn *ret)
{
    const uint8_t *p = blob->data;

    if (blob->len < TXN_BYTES || load_be32(p + 28) != TXN_TYPE)
        return false;
    ret->write.client = (uint32_t)load_be64(p) - 1;
    ret->write.seq = load_be32(p + 8);
    ret->zxid = (zk_zxid)load_be64(p + 12);
    ret->write.gen = load_be32(p + 32);
    ret->digest = load_be64(p + 36);
    return ret->write.client < SIM_CLIENTS_MAX;
}

struct blob *sim_request_encode(enum sim_request kind, const struct sim_write *write)
{
    struct blob *blob = blob_new(REQUEST_BYTES);

    store_be64(blob->data, write->client + 1);
    store_be32(blob->data + 8, write->seq);
    store_be32(blob->data + 12, kind);
    store_be32(blob->data + 16, write->gen);
    return blob;
}

bool sim_request_decode(const struct blob *blob, enum sim_request *ret_kind,
                        struct sim_write *ret_write)
{
    const uint8_t *p = blob->data;

    if (blob->len != REQUEST_BYTES)
        return false;
    ret_write->client = (uint32_t)load_be64(p) - 1;
    ret_write->seq = load_be32(p + 8);
    *ret_kind = load_be32(p + 12) == SIM_SYNC ? SIM_SYNC : SIM_WRITE;
    ret_write->gen = load_be32(p + 16);
    return ret_write->client < SIM_CLIENTS_MAX;
}

bool sim_app_apply(struct sim_app *app, const struct sim_txn *txn)
{
    app->digest = sim_digest(app->digest, txn->zxid, &txn->write);
    app->zxid = txn->zxid;
    app->count++;
    if (app->last_seq[txn->write.client] < txn->write.seq)
        app->last_seq[txn->write.client] = txn->write.seq;
    return app->digest == txn->digest;
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
