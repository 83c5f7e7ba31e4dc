/* connect: see connect.h. */
#include "server/core/connect.h"

#include "proto/base/assert.h"
#include "server/core/core_state.h"
#include "server/core/ops.h"
#include "server/core/prepare.h"
#include "server/core/reply.h"
#include "server/core/request.h"
#include "server/core/session_id.h"

#include <stdlib.h>

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

static void create_session(struct core_client *client, int32_t timeout_ms,
                           const struct core_time *now)
{
    struct core *core = client->core;
    struct live_session *session =
        tracker_add(&core->sessions, unused_session_id(core), timeout_ms, now->mono_ms);
    struct write_request write = {.session = session,
                                  .who = &client->who,
                                  .handler = op_create_session(),
                                  .body = jute_reader("", 0, &core->request_arena)};
    struct pending entry = {
        .kind = PENDING_WRITE, .op = OP_CREATE_SESSION, .start_ms = now->mono_ms};

    client_attach(client, session);
    client->state = CLIENT_CONNECTING;
    entry.zxid = prepare_propose(core, &write, now, &entry.bytes);
    pending_push(client, &entry);
}

/* The password comes first: Apache closes the rightful connection before it looks. */
static void reattach_session(struct core_client *client, const struct zk_connect_request *req,
                             int32_t timeout_ms, const struct core_time *now)
{
    struct core *core = client->core;
    struct live_session *session = tracker_find(&core->sessions, req->session_id);

    if (session == NULL || session->closing || !session_password_ok(req->session_id, req->passwd)) {
        send_response(client, NULL);
        client_close(client, "session expired, or wrong password");
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

void connect_request(struct core_client *client, const uint8_t *payload, size_t len,
                     const struct core_time *now)
{
    struct jute_reader r = jute_reader(payload, len, NULL);
    struct zk_connect_request req;
    int32_t timeout_ms;

    ASSERT(client->state == CLIENT_NEW);
    client->core->stats.connect_requests++;
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

/* What came in meanwhile was not looked at yet: it is taken as if it came now. */
void connect_ready(struct core_client *client, const struct core_time *now)
{
    struct list waiting;

    ASSERT(client->state == CLIENT_CONNECTING);
    client->state = CLIENT_OPEN;
    tracker_touch(&client->core->sessions, client->session, now->mono_ms);
    send_response(client, client->session);
    pending_move(client, &waiting);
    while (!list_empty(&waiting)) {
        struct pending entry = pending_take(client, &waiting);

        ASSERT(entry.kind == PENDING_FRAME);
        if (client->state == CLIENT_OPEN)
            request_take(client, entry.frame, entry.bytes, now);
        free(entry.frame);
    }
}
