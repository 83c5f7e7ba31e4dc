/* txn: see txn.h. */
#include "proto/txn.h"

#include "proto/base/assert.h"

/*     type                 member of the union, record */
#define TXN_BODIES(X)                                              \
    X(OP_CREATE, create, create_txn)                               \
    X(OP_CREATE2, create, create_txn)                              \
    X(OP_CREATE_CONTAINER, create_container, create_container_txn) \
    X(OP_CREATE_TTL, create_ttl, create_ttl_txn)                   \
    X(OP_DELETE, del, delete_txn)                                  \
    X(OP_DELETE_CONTAINER, del, delete_txn)                        \
    X(OP_SET_DATA, set_data, set_data_txn)                         \
    X(OP_RECONFIG, set_data, set_data_txn)                         \
    X(OP_SET_ACL, set_acl, set_acl_txn)                            \
    X(OP_CHECK, check, check_version_txn)                          \
    X(OP_MULTI, multi, multi_txn)                                  \
    X(OP_CREATE_SESSION, create_session, create_session_txn)       \
    X(OP_ERROR, error, error_txn)

#define DIGEST_BYTES 12

/* Before 3.6, or with closeSessionTxn.enabled off, a closeSession has no body,
 * and a digest may still follow its header. So try: a list of paths must leave
 * nothing or exactly a digest, else there is none. */
static void get_close_session(struct jute_reader *r, struct txn *ret)
{
    struct jute_reader attempt = *r;

    get_close_session_txn(&attempt, &ret->close_session);
    ret->has_paths =
        !attempt.bad && (jute_left(&attempt) == 0 || jute_left(&attempt) == DIGEST_BYTES);
    if (ret->has_paths)
        *r = attempt;
    else
        ret->close_session.paths = (struct zk_vec_ustring){.count = -1};
}

static void get_body(struct jute_reader *r, struct txn *ret)
{
    switch (ret->hdr.type) {
#define X(op, member, record)          \
    case op:                           \
        get_##record(r, &ret->member); \
        break;
        TXN_BODIES(X)
#undef X
    case OP_CLOSE_SESSION:
        get_close_session(r, ret);
        break;
    default:
        r->bad = true;
    }
}

bool txn_decode(const void *data, size_t len, struct arena *arena, struct txn *ret)
{
    struct jute_reader r = jute_reader(data, len, arena);

    ret->has_paths = false;
    get_txn_header(&r, &ret->hdr);
    if (!r.bad)
        get_body(&r, ret);
    ret->has_digest = !r.bad && jute_left(&r) == DIGEST_BYTES;
    if (ret->has_digest)
        get_txn_digest(&r, &ret->digest);
    return !r.bad && jute_left(&r) == 0;
}

bool txn_decode_sub(const struct zk_txn_header *hdr, const struct zk_sub_txn *sub,
                    struct arena *arena, struct txn *ret)
{
    struct jute_reader r = jute_reader(sub->data.data, jute_size(sub->data), arena);

    ret->hdr = *hdr;
    ret->hdr.type = sub->type;
    ret->has_paths = ret->has_digest = false;
    get_body(&r, ret);
    return !r.bad && jute_left(&r) == 0;
}

void txn_encode_body(struct buf *b, const struct txn *txn)
{
    switch (txn->hdr.type) {
#define X(op, member, record)          \
    case op:                           \
        put_##record(b, &txn->member); \
        break;
        TXN_BODIES(X)
#undef X
    case OP_CLOSE_SESSION:
        if (txn->has_paths)
            put_close_session_txn(b, &txn->close_session);
        break;
    default:
        ASSERT(!"a txn of a known type");
    }
}

void txn_encode(struct buf *b, const struct txn *txn)
{
    put_txn_header(b, &txn->hdr);
    txn_encode_body(b, txn);
    if (txn->has_digest)
        put_txn_digest(b, &txn->digest);
}

zk_zxid txn_zxid(const void *data)
{
    return (zk_zxid)load_be64((const uint8_t *)data + 12);
}

void txn_print(struct buf *b, const struct txn *txn)
{
    buf_printf(b, "%s ", zk_op_name(txn->hdr.type));
    print_txn_header(b, &txn->hdr);
    buf_append(b, " ", 1);
    switch (txn->hdr.type) {
#define X(op, member, record)            \
    case op:                             \
        print_##record(b, &txn->member); \
        break;
        TXN_BODIES(X)
#undef X
    case OP_CLOSE_SESSION:
        print_close_session_txn(b, &txn->close_session);
        break;
    default:
        break;
    }
}
