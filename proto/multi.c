/* multi: see multi.h. */
#include "proto/multi.h"

#include "proto/base/assert.h"
#include "proto/errors.h"
#include "proto/opcodes.h"

/*     type             member, record */
#define MULTI_OPS(X)                                 \
    X(OP_CREATE, create, create_request)             \
    X(OP_CREATE2, create, create_request)            \
    X(OP_CREATE_CONTAINER, create, create_request)   \
    X(OP_CREATE_TTL, create_ttl, create_ttl_request) \
    X(OP_DELETE, path_version, path_version_request) \
    X(OP_CHECK, path_version, path_version_request)  \
    X(OP_SET_DATA, set_data, set_data_request)       \
    X(OP_GET_DATA, path_watch, path_watch_request)   \
    X(OP_GET_CHILDREN, path_watch, path_watch_request)

#define MULTI_RESULTS(X)                                  \
    X(OP_CREATE, path, path_response)                     \
    X(OP_CREATE2, path_stat, path_stat_response)          \
    X(OP_CREATE_CONTAINER, path_stat, path_stat_response) \
    X(OP_CREATE_TTL, path_stat, path_stat_response)       \
    X(OP_SET_DATA, stat, stat_response)                   \
    X(OP_GET_DATA, get_data, get_data_response)           \
    X(OP_GET_CHILDREN, get_children, get_children_response)

bool multi_get_op(struct jute_reader *r, struct multi_op *ret)
{
    struct zk_multi_header hdr;

    get_multi_header(r, &hdr);
    if (r->bad || hdr.done)
        return false;
    ret->type = hdr.type;
    switch (hdr.type) {
#define X(op, member, record)          \
    case op:                           \
        get_##record(r, &ret->member); \
        break;
        MULTI_OPS(X)
#undef X
    default:
        r->bad = true;
    }
    return !r->bad;
}

void multi_put_op(struct buf *b, const struct multi_op *op)
{
    put_multi_header(b, &(struct zk_multi_header){.type = op->type, .err = -1});
    switch (op->type) {
#define X(op_type, member, record)    \
    case op_type:                     \
        put_##record(b, &op->member); \
        break;
        MULTI_OPS(X)
#undef X
    default:
        ASSERT(!"an operation that has a place in a multi");
    }
}

bool multi_get_result(struct jute_reader *r, struct multi_result *ret)
{
    struct zk_multi_header hdr;

    get_multi_header(r, &hdr);
    if (r->bad || hdr.done)
        return false;
    ret->type = hdr.type;
    ret->err = hdr.err;
    switch (hdr.type) {
#define X(op, member, record)          \
    case op:                           \
        get_##record(r, &ret->member); \
        break;
        MULTI_RESULTS(X)
#undef X
    case OP_DELETE:
    case OP_CHECK:
        break;
    case OP_ERROR:
        get_i32(r, &ret->err); /* the same as in the header */
        break;
    default:
        r->bad = true;
    }
    return !r->bad;
}

void multi_put_result(struct buf *b, const struct multi_result *result)
{
    put_multi_header(b, &(struct zk_multi_header){.type = result->type, .err = result->err});
    switch (result->type) {
#define X(op, member, record)             \
    case op:                              \
        put_##record(b, &result->member); \
        break;
        MULTI_RESULTS(X)
#undef X
    case OP_DELETE:
    case OP_CHECK:
        break;
    case OP_ERROR:
        put_i32(b, result->err);
        break;
    default:
        ASSERT(!"a result that has a place in a multi");
    }
}

void multi_put_end(struct buf *b)
{
    put_multi_header(b, &(struct zk_multi_header){.type = OP_ERROR, .done = true, .err = -1});
}
