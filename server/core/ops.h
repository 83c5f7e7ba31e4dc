/* ops: the operations that clients may ask for, one table by op code: how the body is
 * decoded, how a write is prepared, how a read is answered. */
#ifndef ZKFS_SERVER_CORE_OPS_H
#define ZKFS_SERVER_CORE_OPS_H

#include "proto/errors.h"
#include "proto/txn.h"

#include <stddef.h>

struct prepare;
struct reading;
struct sub_request;

/* A multi or multiRead, decoded: its parts in order. */
struct multi_request {
    int32_t count;
    struct sub_request *items;
};

/* The body of a request, decoded. */
union request_body {
    struct zk_create_ttl_request create; /* all of the create family; ttl -1 if it has none */
    struct zk_path_version_request path_version;
    struct zk_path_watch_request path_watch;
    struct zk_path_request path;
    struct zk_set_data_request set_data;
    struct zk_set_acl_request set_acl;
    struct zk_set_watches2 set_watches; /* of setWatches the last two are empty */
    struct zk_watch_type_request watch_type;
    struct zk_add_watch_request add_watch;
    struct zk_reconfig_request reconfig;
    struct multi_request multi;
};

/* The path of a body that may be a part of a multi: they all begin with it. */
static inline struct jute_bytes request_body_path(const union request_body *body)
{
    _Static_assert(offsetof(struct zk_create_ttl_request, path) == 0, "first");
    _Static_assert(offsetof(struct zk_path_version_request, path) == 0, "first");
    _Static_assert(offsetof(struct zk_set_data_request, path) == 0, "first");
    return body->path.path;
}

enum op_kind {
    KIND_READ,  /* answered from the tree when its turn comes */
    KIND_WRITE, /* prepared on arrival, answered by its commit */
    KIND_AUTH,  /* answered on arrival, past everything that waits */
};

enum op_flags {
    OP_NEEDS_SPACE = 1,   /* refused while the disk is full */
    OP_IN_MULTI = 2,      /* may be a part of a multi */
    OP_IN_MULTI_READ = 4, /* may be a part of a multiRead */
    /* ... and is no operation by itself: 3.8.0 takes a check outside a multi, and writes a
     * log that it cannot read (ZOOKEEPER-2623). */
    OP_PART_ONLY = 8,
    OP_WALKS = 16, /* a short request, a short answer, and much to look at in between */
};

struct op_handler {
    int32_t op;
    enum op_kind kind;
    unsigned flags;
    /* Reads the body; what does not fit makes R bad. NULL: the body does not matter. */
    void (*decode)(struct jute_reader *r, union request_body *ret);
    /* KIND_WRITE: refuses, or plans and tells in RET_TXN (header set) what happens. */
    enum zk_err (*prepare)(struct prepare *p, const union request_body *body, struct txn *ret_txn);
    /* KIND_READ: appends the body of the reply. On an error, what it appended is dropped. */
    enum zk_err (*read)(struct reading *reading, const union request_body *body, struct buf *out);
    /* KIND_READ, optional: called before the reply begins. */
    void (*before)(struct reading *reading, const union request_body *body);
};

/* NULL: no such operation for clients. */
const struct op_handler *op_find(int32_t op);

/* createSession comes with a connection; no client asks for it by its code. */
const struct op_handler *op_create_session(void);

/* The reaper's deleteContainer; from a client the op of that code is refused. */
const struct op_handler *op_delete_container(void);

struct sub_request {
    const struct op_handler *handler;
    union request_body body;
};

#endif
