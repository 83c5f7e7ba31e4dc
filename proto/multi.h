/* multi: the bodies of multi and multiRead, a sequence of (header, record) with
 * an end mark [MultiTransactionRecord, MultiResponse]. Not a record of
 * records_list.h: what follows a header depends on the header. Any thread. */
#ifndef ZKFS_PROTO_MULTI_H
#define ZKFS_PROTO_MULTI_H

#include "proto/records.h"

/* One operation of a request. TYPE says which member holds: create, create2 and
 * createContainer -> create; delete and check -> path_version; getData and
 * getChildren (multiRead) -> path_watch. */
struct multi_op {
    int32_t type;
    union {
        struct zk_create_request create;
        struct zk_create_ttl_request create_ttl;
        struct zk_path_version_request path_version;
        struct zk_set_data_request set_data;
        struct zk_path_watch_request path_watch;
    };
};

/* One result of a reply. TYPE: create -> path; create2, createContainer and
 * createTTL -> path_stat; setData -> stat; getData -> get_data; getChildren ->
 * get_children; delete and check: none; OP_ERROR -> ERR alone. */
struct multi_result {
    int32_t type;
    int32_t err;
    union {
        struct zk_path_response path;
        struct zk_path_stat_response path_stat;
        struct zk_stat_response stat;
        struct zk_get_data_response get_data;
        struct zk_get_children_response get_children;
    };
};

/* Reads the next operation (result): true with *RET filled; false at the end
 * mark, or when R has become bad: a type that has no place in a multi, or bytes
 * that do not fit. */
bool multi_get_op(struct jute_reader *r, struct multi_op *ret);
bool multi_get_result(struct jute_reader *r, struct multi_result *ret);

/* Appends one operation (result); then the end mark. */
void multi_put_op(struct buf *b, const struct multi_op *op);
void multi_put_result(struct buf *b, const struct multi_result *result);
void multi_put_end(struct buf *b);

#endif
