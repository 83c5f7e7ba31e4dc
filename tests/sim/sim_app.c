/* sim_app: see sim_app.h. The requests are those of the real protocol only where the core
 * looks at them: a forwarded_request in front. */
#include "tests/sim/sim_app.h"

#include "proto/base/bytes.h"
#include "proto/base/mem.h"
#include "proto/txn.h"
#include "store/apply.h"
#include "store/tree.h"
#include "tests/support/txn_make.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_BYTES 20
#define CHILDREN 8
#define PATH_MAX_BYTES 24

/* The data: "GEN SEQ LAST xxx...", LAST being the highest SEQ of the client so far. */
uint32_t sim_app_seen(const struct tree *tree, uint32_t client)
{
    char path[PATH_MAX_BYTES], text[64] = "";
    const struct znode *znode;
    struct jute_bytes data;
    unsigned gen, seq, last = 0;

    (void)snprintf(path, sizeof path, "/c%u", client);
    znode = tree_lookup(tree, jute_str(path));
    if (znode == NULL)
        return 0;
    data = znode_data(znode);
    memcpy(text, data.data, jute_size(data) < sizeof text - 1 ? jute_size(data) : sizeof text - 1);
    return sscanf(text, "%u %u %u", &gen, &seq, &last) == 3 ? last : 0;
}

/* ---- preparing ---- */

void sim_plan_begin(struct sim_plan *plan, const struct tree *tree)
{
    plan->active = true;
    plan_init(&plan->plan, tree);
    for (uint32_t i = 0; i < SIM_CLIENTS_MAX; i++)
        plan->last_seq[i] = sim_app_seen(tree, i);
}

void sim_plan_end(struct sim_plan *plan)
{
    if (plan->active)
        plan_done(&plan->plan);
    plan->active = false;
}

static char *make_data(struct sim_plan *plan, struct rng *rng, const struct sim_write *write)
{
    size_t filler = rng_below(rng, rng_below(rng, 20) == 0 ? 5000 : 60);
    uint32_t *last = &plan->last_seq[write->client];
    char *data = xmalloc(64 + filler);
    int len;

    if (*last < write->seq)
        *last = write->seq;
    len = snprintf(data, 64, "%u %u %u ", write->gen, write->seq, *last);
    memset(data + len, 'x', filler);
    data[(size_t)len + filler] = '\0';
    return data;
}

/* Its own znode is made, or its data set. */
static struct txn write_znode(struct sim_plan *plan, struct txn_maker *maker, const char *path,
                              const char *data, int64_t time)
{
    struct planned_znode room;
    const struct planned_znode *znode = plan_find(&plan->plan, jute_str(path), &room);
    int32_t version;

    if (znode == NULL) {
        plan_create(&plan->plan, &(struct plan_create){.path = jute_str(path),
                                                       .data = jute_str(data),
                                                       .acl = &txn_acl_open,
                                                       .time_ms = time});
        return txn_create(maker, path, data);
    }
    version = znode->stat.version + 1;
    plan_set_data(&plan->plan, jute_str(path), jute_str(data), version, time);
    return txn_set_data(maker, path, data, version);
}

/* A child is made, or goes. */
static struct txn turn_child(struct sim_plan *plan, struct txn_maker *maker, const char *path,
                             int64_t time)
{
    struct planned_znode room;

    if (plan_find(&plan->plan, jute_str(path), &room) == NULL) {
        plan_create(&plan->plan, &(struct plan_create){.path = jute_str(path),
                                                       .data = jute_str("child"),
                                                       .acl = &txn_acl_read,
                                                       .time_ms = time});
        struct txn txn = txn_create(maker, path, "child");

        txn.create.acl = txn_acl_read;
        return txn;
    }
    plan_delete(&plan->plan, jute_str(path));
    return txn_delete(maker, path);
}

struct blob *sim_plan_write(struct sim_plan *plan, struct rng *rng, zk_zxid zxid,
                            const struct sim_write *write)
{
    struct txn_maker maker = {.zxid = zxid};
    char path[PATH_MAX_BYTES], child[PATH_MAX_BYTES];
    char *data = make_data(plan, rng, write);
    int64_t time = zxid_counter(zxid);
    struct buf b = {0};
    struct txn parts[2], txn;
    struct blob *blob;

    (void)snprintf(path, sizeof path, "/c%u", write->client);
    plan_begin(&plan->plan, zxid);
    txn = parts[0] = write_znode(plan, &maker, path, data, time);
    if (rng_below(rng, 3) == 0) {
        (void)snprintf(child, sizeof child, "/c%u/%u", write->client,
                       (unsigned)rng_below(rng, CHILDREN));
        parts[1] = turn_child(plan, &maker, child, time);
        txn = txn_multi(&maker, parts, 2);
    }
    txn.hdr = (struct zk_txn_header){.client_id = (int64_t)write->gen << 8 | (write->client + 1),
                                     .cxid = (int32_t)write->seq,
                                     .zxid = zxid,
                                     .time = time,
                                     .type = txn.hdr.type};
    txn.has_digest = true;
    txn.digest = (struct zk_txn_digest){DIGEST_VERSION, (int64_t)plan->plan.digest};
    plan_accept(&plan->plan);
    txn_encode(&b, &txn);
    blob = blob_copy(b.data, b.len);
    buf_done(&b);
    free(data);
    txn_make_done(&maker);
    return blob;
}

/* ---- txns ---- */

#define TXN_HEADER 32

bool sim_txn_write(const struct blob *txn, struct sim_write *ret)
{
    uint64_t session;

    if (txn->len < TXN_HEADER)
        return false;
    session = load_be64(txn->data);
    *ret = (struct sim_write){.client = (uint32_t)(session & 0xff) - 1,
                              .gen = (uint32_t)(session >> 8),
                              .seq = load_be32(txn->data + 8)};
    return ret->client < SIM_CLIENTS_MAX;
}

bool sim_txn_apply(struct tree *tree, const struct blob *blob)
{
    struct arena arena = {0};
    struct txn txn;
    bool ok = txn_decode(blob->data, blob->len, &arena, &txn) && txn.has_digest;

    if (ok) {
        (void)tree_apply(tree, &txn, NULL);
        ok = tree_digest(tree) == (uint64_t)txn.digest.tree_digest;
    }
    arena_done(&arena);
    return ok;
}

/* ---- requests ---- */

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
