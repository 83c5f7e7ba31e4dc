/* prepare_multi: several writes that happen together or not at all. Each part sees
 * the ones before it; they share the zxid and the time. A multi that fails is a
 * multi as well, of errors: 0 before the part that failed, its own error there,
 * "not attempted" after it. */
#include "server/core/core_state.h"
#include "server/core/prepare.h"

/* The record of PART as it stands in a multi, in the arena. */
static struct zk_sub_txn sub_txn(struct prepare *p, const struct txn *part)
{
    struct buf *bytes = &p->core->scratch;
    uint8_t *data;

    bytes->len = 0;
    txn_encode_body(bytes, part);
    data = arena_alloc(p->arena, bytes->len);
    if (bytes->len > 0)
        memcpy(data, bytes->data, bytes->len);
    return (struct zk_sub_txn){.type = part->hdr.type,
                               .data = {.data = data, .len = (int32_t)bytes->len}};
}

/* In a multi the flags of a create say what becomes of it, whatever its op code
 * [MultiOperationRecord, Op.create]: so containers are made by flag alone. */
static int32_t op_of_part(const struct sub_request *request)
{
    int32_t op = request->handler->op;

    if (op != OP_CREATE && op != OP_CREATE2 && op != OP_CREATE_CONTAINER)
        return op;
    if (request->body.create.flags == CREATE_CONTAINER)
        return OP_CREATE_CONTAINER;
    return op == OP_CREATE_CONTAINER ? OP_CREATE : op;
}

static enum zk_err prepare_part(struct prepare *p, const struct sub_request *request,
                                const struct txn *multi, struct zk_sub_txn *ret)
{
    struct txn part = {.hdr = multi->hdr};
    enum zk_err err;

    p->op = op_of_part(request);
    part.hdr.type = p->op;
    err = request->handler->prepare(p, &request->body, &part);
    if (err == ZOK)
        *ret = sub_txn(p, &part);
    return err;
}

static void all_failed(struct prepare *p, int32_t failed, enum zk_err err,
                       struct zk_multi_txn *multi)
{
    for (int32_t i = 0; i < multi->txns.count; i++) {
        struct txn part = {.hdr = {.type = OP_ERROR}};

        part.error.err = i < failed ? ZOK : i == failed ? err : ZRUNTIMEINCONSISTENCY;
        multi->txns.items[i] = sub_txn(p, &part);
    }
}

/* The paths of the parts from FIRST on are wanted soon: see tree_prefetch. */
static void prefetch_parts(const struct prepare *p, const struct multi_request *req, int32_t first)
{
    struct jute_bytes paths[TREE_PREFETCH_MAX];
    int32_t left = req->count - first, count = left < TREE_PREFETCH_MAX ? left : TREE_PREFETCH_MAX;

    for (int32_t i = 0; i < count; i++)
        paths[i] = request_body_path(&req->items[first + i].body);
    tree_prefetch(p->plan->tree, paths, (size_t)count);
}

enum zk_err prepare_multi(struct prepare *p, const union request_body *body, struct txn *ret_txn)
{
    const struct multi_request *req = &body->multi;
    struct zk_vec_sub_txn *parts = &ret_txn->multi.txns;
    size_t bytes = 0;
    zk_zxid zxid = p->plan->zxid;

    p->in_multi = true;
    parts->count = req->count;
    parts->items = arena_alloc(p->arena, (size_t)req->count * sizeof *parts->items);
    for (int32_t i = 0; i < req->count; i++) {
        enum zk_err err;

        if (i % TREE_PREFETCH_MAX == 0)
            prefetch_parts(p, req, i);
        err = prepare_part(p, &req->items[i], ret_txn, &parts->items[i]);

        /* Before all of it is there: `auth` in an ACL makes much out of little. */
        if (err == ZOK) {
            bytes += jute_size(parts->items[i].data);
            if (prepare_fits(p->config, bytes))
                continue;
            err = ZBADARGUMENTS;
        }
        /* What cannot be understood is no answer to one part but to the request. */
        if (err == ZMARSHALLINGERROR)
            return err;
        plan_abort(p->plan);
        plan_begin(p->plan, zxid);
        all_failed(p, i, err, &ret_txn->multi);
        break;
    }
    return ZOK;
}
