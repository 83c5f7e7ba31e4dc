/* read: requests answered from the tree as it is, without a txn: reads, and what
 * concerns the connection alone (watches, who am I). [FinalRequestProcessor] */
#ifndef ZKFS_SERVER_CORE_READ_H
#define ZKFS_SERVER_CORE_READ_H

#include "server/core/client.h"
#include "server/core/ops.h"
#include "store/tree.h"

/* A request while it is being answered. */
struct reading {
    struct core *core;
    struct core_client *client;
    const struct tree *tree;
    struct arena *arena;
};

/* Finds the znode, if CLIENT may do to it what one of PERMS allows: ZNONODE, ZNOAUTH. */
enum zk_err read_find(const struct reading *r, struct jute_bytes path, int32_t perms,
                      const struct znode **ret_znode);

/* The handlers of the table. */
enum zk_err read_exists(struct reading *r, const union request_body *body, struct buf *out);
enum zk_err read_get_data(struct reading *r, const union request_body *body, struct buf *out);
enum zk_err read_get_children(struct reading *r, const union request_body *body, struct buf *out);
enum zk_err read_get_children2(struct reading *r, const union request_body *body, struct buf *out);
enum zk_err read_get_acl(struct reading *r, const union request_body *body, struct buf *out);
enum zk_err read_sync(struct reading *r, const union request_body *body, struct buf *out);
/* ping, setWatches: the header is the answer. */
enum zk_err read_nothing(struct reading *r, const union request_body *body, struct buf *out);
enum zk_err read_get_ephemerals(struct reading *r, const union request_body *body, struct buf *out);
enum zk_err read_all_children_number(struct reading *r, const union request_body *body,
                                     struct buf *out);
enum zk_err read_who_am_i(struct reading *r, const union request_body *body, struct buf *out);
enum zk_err read_multi(struct reading *r, const union request_body *body, struct buf *out);
enum zk_err read_add_watch(struct reading *r, const union request_body *body, struct buf *out);
enum zk_err read_check_watches(struct reading *r, const union request_body *body, struct buf *out);
enum zk_err read_remove_watches(struct reading *r, const union request_body *body, struct buf *out);

/* setWatches: what the client missed is told before its reply. */
void catch_up_watches(struct reading *r, const union request_body *body);

#endif
