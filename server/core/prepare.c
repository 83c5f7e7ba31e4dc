/* prepare: see prepare.h. What all writes have in common. */
#include "server/core/prepare.h"

#include "proto/base/assert.h"
#include "server/core/acl.h"
#include "server/core/core_state.h"

enum zk_err prepare_find(const struct prepare *p, struct jute_bytes path, int32_t perms,
                         struct planned_znode *room, const struct planned_znode **ret_znode)
{
    const struct planned_znode *znode = plan_find(p->plan, path, room);

    if (znode == NULL)
        return ZNONODE;
    if (!p->config->skip_acl && !acl_allows(znode->acl, p->who, perms))
        return ZNOAUTH;
    *ret_znode = znode;
    return ZOK;
}

enum zk_err prepare_next_version(int32_t current, int32_t expected, int32_t *ret_next)
{
    int32_t next = (int32_t)((uint32_t)current + 1);

    if (expected != ANY_VERSION && expected != current)
        return ZBADVERSION;
    *ret_next = next == ANY_VERSION ? 0 : next;
    return ZOK;
}

bool prepare_fits(const struct core_config *config, size_t bytes)
{
    return config->txn_bytes_max == 0 || bytes <= config->txn_bytes_max;
}

/* Decodes and judges; on ZOK the plan is changed and TXN is complete. */
static enum zk_err judge(struct prepare *p, struct write_request *req, struct txn *txn)
{
    union request_body body;

    if (req->handler->decode != NULL) {
        req->handler->decode(&req->body, &body);
        if (req->body.bad)
            return ZMARSHALLINGERROR;
    }
    return req->handler->prepare(p, &body, txn);
}

/* A refusal has a zxid as well: all servers see the same sequence [ErrorTxn]. */
static void refuse(struct plan *plan, struct txn *txn, enum zk_err err)
{
    zk_zxid zxid = plan->zxid;

    plan_abort(plan);
    plan_begin(plan, zxid);
    txn->hdr.type = OP_ERROR;
    txn->error = (struct zk_error_txn){.err = err};
    txn->has_paths = false;
}

static void encode(struct core *core, struct txn *txn)
{
    txn->has_digest = true;
    txn->digest = (struct zk_txn_digest){.version = DIGEST_VERSION,
                                         .tree_digest = (int64_t)core->plan.digest};
    core->scratch.len = 0;
    txn_encode(&core->scratch, txn);
}

/* Encodes TXN, or what takes its place when it is too long. A session must end
 * all the same, and what it leaves is found without the list. */
static void encode_what_fits(struct core *core, struct txn *txn)
{
    encode(core, txn);
    if (prepare_fits(&core->config, core->scratch.len))
        return;
    if (txn->hdr.type == OP_CLOSE_SESSION)
        txn->has_paths = false;
    else
        refuse(&core->plan, txn, ZBADARGUMENTS);
    encode(core, txn);
}

zk_zxid prepare_propose(struct core *core, struct write_request *req, const struct core_time *now,
                        size_t *ret_bytes)
{
    zk_zxid zxid = core->host.next_zxid(core->host.arg);
    struct prepare p = {
        .core = core,
        .config = &core->config,
        .plan = &core->plan,
        .session = req->session,
        .who = req->who,
        .arena = req->body.arena,
        .op = req->handler->op,
        .time_ms = now->wall_ms,
        .mono_ms = now->mono_ms,
    };
    struct txn txn = {
        .hdr = {.client_id = req->session->id,
                .cxid = req->xid,
                .zxid = zxid,
                .time = now->wall_ms,
                .type = req->handler->op},
    };
    enum zk_err err;

    plan_begin(&core->plan, zxid);
    err = req->refusal != ZOK ? req->refusal : judge(&p, req, &txn);
    if (err != ZOK)
        refuse(&core->plan, &txn, err);
    encode_what_fits(core, &txn);
    plan_accept(&core->plan);
    core->last_proposed = zxid;
    *ret_bytes = core->scratch.len;
    core->host.propose(core->host.arg, blob_copy(core->scratch.data, core->scratch.len));
    return zxid;
}
