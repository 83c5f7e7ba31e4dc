/* multi_part: see multi_part.h. */
#include "tests/support/multi_part.h"

#include "proto/base/assert.h"
#include "proto/opcodes.h"

/*    member, record */
#define SHAPES(X)                         \
    X(create, create_request)             \
    X(create_ttl, create_ttl_request)     \
    X(path_version, path_version_request) \
    X(set_data, set_data_request)         \
    X(path_watch, path_watch_request)     \
    X(path, path_response)                \
    X(path_stat, path_stat_response)      \
    X(stat, stat_response)                \
    X(get_data, get_data_response)        \
    X(get_children, get_children_response)

enum shape {
    SHAPE_none, /* it has no place on this side */
    SHAPE_empty,
    SHAPE_error, /* the error stands in the header as well */
#define X(member, record) SHAPE_##member,
    SHAPES(X)
#undef X
};

static enum shape shape_of(int32_t type, enum multi_side side)
{
    static const struct {
        int32_t type;
        enum shape shapes[2]; /* of the request, of the reply */
    } rows[] = {
        {OP_CREATE, {SHAPE_create, SHAPE_path}},
        {OP_CREATE2, {SHAPE_create, SHAPE_path_stat}},
        {OP_CREATE_CONTAINER, {SHAPE_create, SHAPE_path_stat}},
        {OP_CREATE_TTL, {SHAPE_create_ttl, SHAPE_path_stat}},
        {OP_DELETE, {SHAPE_path_version, SHAPE_empty}},
        {OP_CHECK, {SHAPE_path_version, SHAPE_empty}},
        {OP_SET_DATA, {SHAPE_set_data, SHAPE_stat}},
        {OP_GET_DATA, {SHAPE_path_watch, SHAPE_get_data}},
        {OP_GET_CHILDREN, {SHAPE_path_watch, SHAPE_get_children}},
        {OP_ERROR, {SHAPE_none, SHAPE_error}},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].type == type)
            return rows[i].shapes[side];
    return SHAPE_none;
}

bool multi_part_get(struct jute_reader *r, enum multi_side side, struct multi_part *ret)
{
    if (!multi_next(r, &ret->type))
        return false;
    switch (shape_of(ret->type, side)) {
#define X(member, record)              \
    case SHAPE_##member:               \
        get_##record(r, &ret->member); \
        break;
        SHAPES(X)
#undef X
    case SHAPE_error:
        get_error_response(r, &ret->error);
        break;
    case SHAPE_empty:
        break;
    case SHAPE_none:
        r->bad = true;
    }
    return !r->bad;
}

void multi_part_put(struct buf *b, enum multi_side side, const struct multi_part *part)
{
    enum shape shape = shape_of(part->type, side);

    if (shape == SHAPE_error) {
        multi_put_error(b, part->error.err);
        return;
    }
    if (side == MULTI_REQUEST)
        multi_put_op(b, part->type);
    else
        multi_put_result(b, part->type);
    switch (shape) {
#define X(member, record)               \
    case SHAPE_##member:                \
        put_##record(b, &part->member); \
        break;
        SHAPES(X)
#undef X
    case SHAPE_empty:
        break;
    default:
        ASSERT(!"a part that has a place in a multi");
    }
}
