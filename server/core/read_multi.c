/* read_multi: several reads in one request. They are independent: an error is told in
 * the place of its result, and the rest goes on. */
#include "server/core/read.h"

#include "server/core/ops.h"
#include "server/core/reply.h"

static void put_part(struct reading *r, const struct sub_request *part, struct buf *out)
{
    size_t start = out->len;
    enum zk_err err;

    put_multi_header(out, &(struct zk_multi_header){.type = part->handler->op, .err = ZOK});
    err = part->handler->read(r, &part->body, out);
    if (err == ZOK)
        return;
    out->len = start;
    put_multi_header(out, &(struct zk_multi_header){.type = OP_ERROR, .err = err});
    put_error_response(out, &(struct zk_error_response){.err = err});
}

enum zk_err read_multi(struct reading *r, const union request_body *body, struct buf *out)
{
    for (int32_t i = 0; i < body->multi.count; i++) {
        put_part(r, &body->multi.items[i], out);
        /* A short request can name a large znode a thousand times. */
        if (output_is_full(r->client))
            return ZBADARGUMENTS;
    }
    put_multi_header(out, &(struct zk_multi_header){.type = OP_ERROR, .done = true, .err = -1});
    return ZOK;
}
