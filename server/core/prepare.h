/* prepare: judges a write against the plan, and says in a txn what will happen. The
 * order of the checks is visible to clients: it is Apache's [PrepRequestProcessor].
 * Nothing here knows a connection: what is asked for may come from another server,
 * with session, credentials and cxid. */
#ifndef ZKFS_SERVER_CORE_PREPARE_H
#define ZKFS_SERVER_CORE_PREPARE_H

#include "server/core/core.h"
#include "server/core/ops.h"
#include "server/core/plan.h"

struct live_session;

/* A request while it is being prepared. */
struct prepare {
    struct core *core; /* for its quotas */
    const struct core_config *config;
    struct plan *plan;
    struct live_session *session;
    const struct zk_vec_id *who; /* its credentials */
    struct arena *arena;
    int32_t op; /* of a multi, that of the part in hand */
    bool in_multi;
    int64_t time_ms;
    int64_t mono_ms;
};

/* A request to be written down: who asks, and what. */
struct write_request {
    struct live_session *session;
    const struct zk_vec_id *who;
    int32_t xid;
    const struct op_handler *handler;
    struct jute_reader body; /* its arena holds what is decoded */
    enum zk_err refusal;     /* not ZOK: it is refused, and BODY not looked at */
};

/* Prepares REQ and proposes the txn, an error txn if it was refused. Gives its
 * zxid; *RET_BYTES is the size of the txn. */
zk_zxid prepare_propose(struct core *core, struct write_request *req, const struct core_time *now,
                        size_t *ret_bytes);

/* Finds the znode as planned, if the client may do to it what one of PERMS allows: ZNONODE,
 * ZNOAUTH. *ROOM may be used to hold it. */
enum zk_err prepare_find(const struct prepare *p, struct jute_bytes path, int32_t perms,
                         struct planned_znode *room, const struct planned_znode **ret_znode);

/* ZBADVERSION unless EXPECTED is CURRENT or ANY_VERSION; else the version after it,
 * which is never ANY_VERSION (ZOOKEEPER-4743). */
enum zk_err prepare_next_version(int32_t current, int32_t expected, int32_t *ret_next);

/* Whether the log takes a txn of so many bytes. */
bool prepare_fits(const struct core_config *config, size_t bytes);

/* The handlers of the table. */
enum zk_err prepare_create(struct prepare *p, const union request_body *body, struct txn *ret_txn);
enum zk_err prepare_delete(struct prepare *p, const union request_body *body, struct txn *ret_txn);
enum zk_err prepare_set_data(struct prepare *p, const union request_body *body,
                             struct txn *ret_txn);
enum zk_err prepare_set_acl(struct prepare *p, const union request_body *body, struct txn *ret_txn);
enum zk_err prepare_check(struct prepare *p, const union request_body *body, struct txn *ret_txn);
enum zk_err prepare_delete_container(struct prepare *p, const union request_body *body,
                                     struct txn *ret_txn);
enum zk_err prepare_client_delete_container(struct prepare *p, const union request_body *body,
                                            struct txn *ret_txn);
enum zk_err prepare_reconfig(struct prepare *p, const union request_body *body,
                             struct txn *ret_txn);
enum zk_err prepare_multi(struct prepare *p, const union request_body *body, struct txn *ret_txn);
enum zk_err prepare_create_session(struct prepare *p, const union request_body *body,
                                   struct txn *ret_txn);
enum zk_err prepare_close_session(struct prepare *p, const union request_body *body,
                                  struct txn *ret_txn);

#endif
