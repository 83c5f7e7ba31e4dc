/* remote: see remote.h. */
#include "server/core/remote.h"

#include "server/core/core_state.h"
#include "server/core/doubt.h"
#include "server/core/ops.h"
#include "server/core/prepare.h"
#include "server/core/request.h"
#include "store/tree.h"

#define SESSION_TIMEOUT_BYTES 12

/* A request of a learner, its head read and its body not. */
struct remote_request {
    uint64_t conn;
    struct zk_forwarded_request head;
    struct zk_vec_id who;
    struct jute_reader body;
};

static bool parse(struct core *core, const struct blob *data, const struct blob *auth,
                  struct remote_request *ret)
{
    arena_reset(&core->request_arena);
    ret->body = jute_reader(data->data, data->len, &core->request_arena);
    get_forwarded_request(&ret->body, &ret->head);
    if (auth != NULL) {
        struct jute_reader r = jute_reader(auth->data, auth->len, &core->request_arena);

        get_vec_id(&r, &ret->who);
        if (r.bad || jute_left(&r) > 0)
            return false;
    }
    return !ret->body.bad;
}

/* Proposes what REQ asks for in the name of SESSION, or its refusal. */
static void propose(struct core *core, const struct remote_request *req,
                    struct live_session *session, const struct op_handler *handler,
                    enum zk_err refusal, const struct core_time *now)
{
    static const struct op_handler none = {.op = OP_ERROR, .kind = KIND_WRITE};
    struct write_request write = {.session = session,
                                  .who = &req->who,
                                  .xid = req->head.cxid,
                                  .handler = refusal == ZOK ? handler : &none,
                                  .body = req->body,
                                  .refusal = refusal};
    size_t bytes;

    (void)prepare_propose(core, &write, now, &bytes);
}

static void refuse(struct core *core, const struct remote_request *req, enum zk_err err,
                   const struct core_time *now)
{
    struct live_session stranger = {.id = req->head.session_id};

    propose(core, req, &stranger, NULL, err, now);
}

/* An owner of these ids would make an ephemeral something else. */
static bool is_session_id(int64_t id)
{
    return id != 0 && id != OWNER_CONTAINER && (uint64_t)id >> 56 != OWNER_TTL_MARK >> 56;
}

/* From now on the session is planned: it may expire, and must not be made again. */
static void create_session(struct core *core, struct remote_request *req,
                           const struct core_time *now)
{
    struct live_session *session;
    int32_t timeout_ms;

    get_i32(&req->body, &timeout_ms);
    if (req->body.bad || timeout_ms <= 0 || !is_session_id(req->head.session_id) ||
        tracker_find(&core->sessions, req->head.session_id) != NULL) {
        refuse(core, req, ZBADARGUMENTS, now);
        return;
    }
    session = tracker_add(&core->sessions, req->head.session_id, timeout_ms, now->mono_ms);
    session->owner = req->conn;
    propose(core, req, session, op_create_session(), ZOK, now);
}

/* Whoever asks: the session may have been brought to another server while this was on
 * its way, but its client has asked for the end [PrepRequestProcessor]. */
static void close_session(struct core *core, struct remote_request *req,
                          struct live_session *session, const struct core_time *now)
{
    size_t bytes;

    if (session == NULL || session->closing)
        refuse(core, req, ZSESSIONEXPIRED, now);
    else
        (void)request_close_session(core, session, req->head.cxid, now, &bytes);
}

static enum zk_err judge_session(struct live_session *session, uint64_t conn)
{
    if (session == NULL || session->closing)
        return ZSESSIONEXPIRED;
    if (session->owner == SESSION_ANYWHERE)
        session->owner = conn;
    return session->owner == conn ? ZOK : ZSESSIONMOVED;
}

static void write(struct core *core, struct remote_request *req, struct live_session *session,
                  const struct core_time *now)
{
    const struct op_handler *handler = op_find(req->head.op);
    enum zk_err err = judge_session(session, req->conn);

    if (err == ZOK)
        tracker_touch(&core->sessions, session, now->mono_ms);
    if (handler == NULL || handler->kind != KIND_WRITE || (handler->flags & OP_PART_ONLY))
        err = ZUNIMPLEMENTED;
    else if (err == ZOK && (handler->flags & OP_NEEDS_SPACE) &&
             core->host.storage_full(core->host.arg))
        err = ZSYSTEMERROR;
    if (err != ZOK)
        refuse(core, req, err, now);
    else
        propose(core, req, session, handler, ZOK, now);
}

bool core_request(struct core *core, uint64_t conn, const struct blob *data,
                  const struct blob *auth, const struct core_time *now)
{
    struct remote_request req = {.conn = conn};
    struct live_session *session;

    if (core->role != CORE_LEADS)
        return true;
    if (!parse(core, data, auth, &req))
        return false;
    if (req.head.op == OP_SYNC) {
        core->host.sync(core->host.arg, conn, 0);
        return true;
    }
    if (!request_may_propose(core))
        return false;
    session = tracker_find(&core->sessions, req.head.session_id);
    switch (req.head.op) {
    case OP_CREATE_SESSION:
        create_session(core, &req, now);
        break;
    case OP_CLOSE_SESSION:
        close_session(core, &req, session, now);
        break;
    default:
        write(core, &req, session, now);
    }
    return true;
}

static void touch(struct core *core, struct live_session *session, int32_t timeout_ms,
                  const struct core_time *now)
{
    if (timeout_ms > 0)
        session->timeout_ms = timeout_ms;
    tracker_touch(&core->sessions, session, now->mono_ms);
}

bool core_revalidate(struct core *core, uint64_t conn, int64_t session_id, int32_t timeout_ms,
                     const struct core_time *now)
{
    struct live_session *session;
    struct verdict verdict = {.conn = conn,
                              .session_id = session_id,
                              .zxid = core->last_proposed > tree_zxid(core->tree)
                                          ? core->last_proposed
                                          : tree_zxid(core->tree)};

    if (core->role != CORE_LEADS)
        return true;
    if (core->verdicts.count + core->doubts.remote.count == VERDICTS_MAX)
        return false;
    session = tracker_find(&core->sessions, session_id);
    if (session == NULL) {
        doubt_remote(core, conn, session_id);
        return true;
    }
    verdict.valid = !session->closing;
    verdicts_add(&core->verdicts, &verdict);
    if (verdict.valid) {
        touch(core, session, timeout_ms, now);
        session->owner = conn;
    }
    remote_settle(core, tree_zxid(core->tree));
    return true;
}

void remote_settle(struct core *core, zk_zxid zxid)
{
    struct verdict verdict;

    while (verdicts_take(&core->verdicts, zxid, &verdict))
        core->host.revalidate_answer(core->host.arg, verdict.conn, verdict.session_id,
                                     verdict.valid);
}

bool core_sessions_touched(struct core *core, const struct blob *sessions,
                           const struct core_time *now)
{
    struct jute_reader r = jute_reader(sessions->data, sessions->len, NULL);

    if (core->role != CORE_LEADS)
        return true;
    if (sessions->len % SESSION_TIMEOUT_BYTES != 0)
        return false;
    while (jute_left(&r) > 0) {
        struct zk_session_timeout record;
        struct live_session *session;

        get_session_timeout(&r, &record);
        session = tracker_find(&core->sessions, record.session_id);
        if (session != NULL)
            touch(core, session, record.timeout, now);
    }
    return true;
}
