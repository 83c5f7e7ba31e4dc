/* prepare_session: createSession and closeSession. A session lives in the tree of
 * every server; its end takes its ephemerals along, in one txn that lists them. */
#include "server/core/prepare.h"
#include "server/core/session_tracker.h"

enum zk_err prepare_create_session(struct prepare *p, const union request_body *body,
                                   struct txn *ret_txn)
{
    (void)body;
    ret_txn->create_session = (struct zk_create_session_txn){.timeout = p->session->timeout_ms};
    return ZOK;
}

enum zk_err prepare_close_session(struct prepare *p, const union request_body *body,
                                  struct txn *ret_txn)
{
    struct zk_vec_ustring *paths = &ret_txn->close_session.paths;

    (void)body;
    plan_ephemerals(p->plan, p->session, p->arena, paths);
    for (int32_t i = 0; i < paths->count; i++)
        plan_delete(p->plan, paths->items[i]);
    ret_txn->has_paths = true;
    return ZOK;
}
