/* connect: see connect.h. */
#include "server/core/connect.h"

#include "proto/base/assert.h"
#include "server/core/core_state.h"
#include "server/core/doubt.h"
#include "server/core/forward.h"
#include "server/core/ops.h"
#include "server/core/prepare.h"
#include "server/core/reply.h"
#include "server/core/request.h"
#include "server/core/session_id.h"

/* A session id of 0 says "expired", for good. The flag readOnly tells what this server
 * is, and is left out to clients who left it out (before 3.4). */
static void send_response(struct core_client *client, const struct live_session *session)
{
    uint8_t password[SESSION_PASSWORD_BYTES] = {0};
    struct zk_connect_response response = {
        .passwd = {.data = password, .len = sizeof password},
        .read_only = client->connect_flag < 0 ? -1 : 0,
    };

    if (session != NULL) {
        response.timeout = session->timeout_ms;
        response.session_id = session->id;
        session_password(session->id, password);
    }
    put_connect_response(frame_begin(client), &response);
    frame_end(client);
}

static int32_t negotiated(const struct core_config *config, int32_t timeout_ms)
{
    if (timeout_ms < config->min_session_timeout_ms)
        return config->min_session_timeout_ms;
    if (timeout_ms > config->max_session_timeout_ms)
        return config->max_session_timeout_ms;
    return timeout_ms;
}

static int64_t unused_session_id(struct core *core)
{
    int64_t id = core->next_session_id;

    while (tracker_find(&core->sessions, id) != NULL)
        id = session_id_next(id);
    core->next_session_id = session_id_next(id);
    return id;
}

static void propose_session(struct core_client *client, const struct core_time *now)
{
    struct core *core = client->core;
    struct write_request write = {.session = client->session,
                                  .who = &client->who,
                                  .handler = op_create_session(),
                                  .body = jute_reader("", 0, &core->request_arena)};
    struct pending entry = {
        .kind = PENDING_WRITE, .op = OP_CREATE_SESSION, .start_ms = now->mono_ms};

    entry.zxid = prepare_propose(core, &write, now, &entry.bytes);
    pending_push(client, &entry);
}

static void create_session(struct core_client *client, int32_t timeout_ms,
                           const struct core_time *now)
{
    struct core *core = client->core;

    if (core->role == CORE_LEADS && !request_may_propose(core)) {
        client_close(client, "no sessions are made now");
        return;
    }
    client_attach(client,
                  tracker_add(&core->sessions, unused_session_id(core), timeout_ms, now->mono_ms));
    client->state = CLIENT_CONNECTING;
    if (core->role == CORE_LEADS)
        propose_session(client, now);
    else
        forward_create_session(client, now);
}

static void send_expired(struct core_client *client)
{
    send_response(client, NULL);
    client_close(client, "session expired, or wrong password");
}

/* The leader knows whether the session lives. Who spoke for it here so far must not go on
 * doing so: what he has asked for comes before the leader's answer, and nothing after. */
static void ask_leader(struct core_client *client, int64_t session_id, int32_t timeout_ms)
{
    struct core *core = client->core;
    struct live_session *session = tracker_find(&core->sessions, session_id);

    if (session != NULL && session->client != NULL)
        client_close(session->client, "its session moved to another connection");
    client->state = CLIENT_RETURNING;
    client->stats.session_id = session_id;
    client->stats.timeout_ms = timeout_ms;
    list_push_back(&core->returning, &client->waiting);
    if (!core->host.revalidate(core->host.arg, session_id, timeout_ms))
        client_close(client, "there is no leader");
}

/* The password comes first: Apache closes the rightful connection before it looks. */
static void reattach_session(struct core_client *client, const struct zk_connect_request *req,
                             int32_t timeout_ms, const struct core_time *now)
{
    struct core *core = client->core;
    struct live_session *session;

    core->stats.revalidations++;
    if (!session_password_ok(req->session_id, req->passwd)) {
        send_expired(client);
        return;
    }
    if (core->role == CORE_LEARNS) {
        ask_leader(client, req->session_id, timeout_ms);
        return;
    }
    session = tracker_find(&core->sessions, req->session_id);
    if (session == NULL) {
        if (core->config.is_member)
            doubt_client(client, req->session_id);
        else
            send_expired(client);
        return;
    }
    /* Its end is not committed yet, and if we are no leader any more it never will be: then it
     * is alive elsewhere. */
    if (session->closing) {
        client_close(client, "its session is being closed");
        return;
    }
    session->timeout_ms = timeout_ms;
    tracker_touch(&core->sessions, session, now->mono_ms);
    client_attach(client, session);
    client->state = CLIENT_OPEN;
    send_response(client, session);
    /* Its writes on another connection may be on their way, and reads come after them. */
    request_wait_for_all(client);
}

bool core_connect_renews(const uint8_t *payload, size_t len)
{
    struct jute_reader r = jute_reader(payload, len, NULL);
    struct zk_connect_request req;

    get_connect_request(&r, &req);
    return !r.bad && req.session_id != 0;
}

void connect_request(struct core_client *client, const uint8_t *payload, size_t len,
                     const struct core_time *now)
{
    struct jute_reader r = jute_reader(payload, len, NULL);
    struct zk_connect_request req;
    int32_t timeout_ms;

    ASSERT(client->state == CLIENT_NEW);
    client->core->stats.connect_requests++;
    if (client->core->role == CORE_OUT) {
        client_close(client, "this server is not in service");
        return;
    }
    get_connect_request(&r, &req);
    if (r.bad) {
        client_close(client, "malformed connect request");
        return;
    }
    /* We would show it an older state than it has seen. */
    if (req.last_zxid_seen > tree_zxid(client->core->tree)) {
        client_close(client, "client has seen a later state");
        return;
    }
    client->connect_flag = req.read_only;
    timeout_ms = negotiated(&client->core->config, req.timeout);
    if (req.session_id == 0)
        create_session(client, timeout_ms, now);
    else
        reattach_session(client, &req, timeout_ms, now);
}

/* What came in meanwhile was not looked at yet. */
static void begin(struct core_client *client, const struct core_time *now)
{
    client->state = CLIENT_OPEN;
    tracker_touch(&client->core->sessions, client->session, now->mono_ms);
    send_response(client, client->session);
    request_take_kept(client, PENDING_FRAME, now);
}

void connect_ready(struct core_client *client, const struct core_time *now)
{
    ASSERT(client->state == CLIENT_CONNECTING);
    begin(client, now);
}

/* It may have ended meanwhile, or an Apache leader may not wait with its answer until the
 * session is known here: the next attempt will tell. */
void connect_returned(struct core_client *client, const struct core_time *now)
{
    struct live_session *session = tracker_find(&client->core->sessions, client->stats.session_id);

    ASSERT(client->state == CLIENT_RETURNING);
    if (session == NULL) {
        client_close(client, "its session is not known here");
        return;
    }
    session->timeout_ms = client->stats.timeout_ms;
    client_attach(client, session);
    begin(client, now);
}

void connect_confirmed(struct core_client *client)
{
    ASSERT(client->state == CLIENT_RETURNING);
    if (tracker_find(&client->core->sessions, client->stats.session_id) == NULL)
        send_expired(client);
    else
        client_close(client, "its session is known again");
}

/* The first who asked is the one who is answered. */
static struct core_client *find_returning(const struct core *core, int64_t session_id)
{
    LIST_FOR(link, &core->returning)
    {
        struct core_client *client = CONTAINER_OF(link, struct core_client, waiting);

        if (client->stats.session_id == session_id)
            return client;
    }
    return NULL;
}

void core_revalidated(struct core *core, int64_t session_id, bool valid, zk_zxid end,
                      const struct core_time *now)
{
    struct core_client *client = find_returning(core, session_id);

    if (client == NULL)
        return;
    list_remove(&client->waiting);
    if (!valid) {
        send_expired(client);
        return;
    }
    if (end > tree_zxid(core->tree))
        request_await(client, end);
    else
        connect_returned(client, now);
}
