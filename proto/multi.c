/* multi: see multi.h. */
#include "proto/multi.h"

#include "proto/errors.h"
#include "proto/opcodes.h"

bool multi_next(struct jute_reader *r, int32_t *ret_type)
{
    struct zk_multi_header header;

    get_multi_header(r, &header);
    if (r->bad || header.done)
        return false;
    *ret_type = header.type;
    return true;
}

void multi_put_op(struct buf *b, int32_t type)
{
    put_multi_header(b, &(struct zk_multi_header){.type = type, .err = -1});
}

void multi_put_result(struct buf *b, int32_t type)
{
    put_multi_header(b, &(struct zk_multi_header){.type = type, .err = ZOK});
}

void multi_put_error(struct buf *b, int32_t err)
{
    put_multi_header(b, &(struct zk_multi_header){.type = OP_ERROR, .err = err});
    put_error_response(b, &(struct zk_error_response){.err = err});
}

void multi_put_end(struct buf *b)
{
    put_multi_header(b, &(struct zk_multi_header){.type = OP_ERROR, .done = true, .err = -1});
}
