/* multi: how the parts of a multi and of a multiRead stand in a row, in the request and in
 * the reply: a header and a record each, then an end mark [MultiTransactionRecord,
 * MultiResponse]. Which record follows a header its type tells, and those who know the
 * record read and write it. Any thread. */
#ifndef ZKFS_PROTO_MULTI_H
#define ZKFS_PROTO_MULTI_H

#include "proto/records.h"

/* Reads the header of the next part: true with its type in *RET_TYPE, the record follows;
 * false at the end mark, or when R has become bad. */
bool multi_next(struct jute_reader *r, int32_t *ret_type);

/* Appends the header of an operation of a request, of a result that is well; the caller
 * appends the record. */
void multi_put_op(struct buf *b, int32_t type);
void multi_put_result(struct buf *b, int32_t type);

/* Appends the result of an operation that failed, record and all; then the end mark. */
void multi_put_error(struct buf *b, int32_t err);
void multi_put_end(struct buf *b);

#endif
