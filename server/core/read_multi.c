/* read_multi: several reads in one request. They are independent: an error is told in
 * the place of its result, and the rest goes on. */
#include "server/core/read.h"

#include "proto/multi.h"
#include "server/core/ops.h"
#include "server/core/reply.h"

static void put_part(struct reading *r, const struct sub_request *part, struct buf *out)
{
    size_t start = out->len;
    enum zk_err err;

    multi_put_result(out, part->handler->op);
    err = part->handler->read(r, &part->body, out);
    if (err == ZOK)
        return;
    out->len = start;
    multi_put_error(out, err);
}

enum zk_err read_multi(struct reading *r, const union request_body *body, struct buf *out)
{
    for (int32_t i = 0; i < body->multi.count; i++) {
        put_part(r, &body->multi.items[i], out);
        /* A short request can name a large znode a thousand times. */
        if (output_is_full(r->client))
            return ZBADARGUMENTS;
    }
    multi_put_end(out);
    return ZOK;
}
