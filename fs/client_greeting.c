/* client_greeting: what a new connection is told before anything else [ClientCnxn,
 * primeConnection]: the credentials, as they belong to the connection, then the watches,
 * which the old connection took with it. Replies to setWatches come after the events that
 * catch up, so the last one makes the client CONNECTED. */
#include "fs/client_impl.h"

#include "proto/base/assert.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- credentials */

static void credential_free(struct credential *credential)
{
    list_remove(&credential->link);
    free(credential->memory);
    free(credential);
}

static struct credential *credential_new(struct client *client, struct jute_bytes scheme,
                                         struct jute_bytes secret)
{
    struct credential *credential = xcalloc(1, sizeof *credential);
    struct buf memory = {0};

    buf_reserve(&memory, jute_size(scheme) + jute_size(secret));
    buf_append(&memory, scheme.data, jute_size(scheme));
    buf_append(&memory, secret.data, jute_size(secret));
    *credential = (struct credential){
        .client = client,
        .scheme = {.data = memory.data, .len = (int32_t)jute_size(scheme)},
        .secret = {.data = memory.data + jute_size(scheme), .len = (int32_t)jute_size(secret)},
        .memory = memory.data,
    };
    list_push_back(&client->credentials, &credential->link);
    return credential;
}

static void on_auth(void *arg, const struct client_reply *reply)
{
    struct credential *credential = arg;
    client_reply_cb cb = credential->cb;
    void *cb_arg = credential->arg;

    credential->cb = NULL;
    if (reply->err != ZOK) {
        /* Kept, it would end every later connection as well. */
        log_warn("session: credential refused: session=0x%" PRIx64
                 " scheme=%.*s err=%s; going on without it",
                 credential->client->session_id, (int)credential->scheme.len,
                 (const char *)credential->scheme.data, zk_err_name(reply->err));
        credential_free(credential);
    }
    if (cb != NULL)
        cb(cb_arg, reply);
}

static struct client_request *request_auth(struct client *client, struct credential *credential)
{
    struct client_request *request = request_new(client, OP_AUTH, on_auth, credential);
    struct zk_auth_packet record = {
        .type = 0, .scheme = credential->scheme, .auth = credential->secret};

    request->xid = XID_AUTH;
    request->is_internal = true;
    put_auth_packet(&request->frame, &record);
    return request;
}

void client_add_auth(struct client *client, struct jute_bytes scheme, struct jute_bytes secret,
                     client_reply_cb cb, void *arg)
{
    struct credential *credential;

    if (client->closing || client->state == CLIENT_LOST) {
        queue_end(client, request_new(client, OP_AUTH, cb, arg),
                  client->closing ? -ECANCELED : -ESTALE);
        return;
    }
    credential = credential_new(client, scheme, secret);
    credential->cb = cb;
    credential->arg = arg;
    if (client->phase == LINK_UP)
        (void)queue_submit(client, request_auth(client, credential)); /* no handle is given */
}

void credentials_end(struct client *client, int rc)
{
    LIST_FOR_SAFE(it, &client->credentials)
    {
        struct credential *credential = CONTAINER_OF(it, struct credential, link);

        if (credential->cb != NULL)
            queue_end(client, request_new(client, OP_AUTH, credential->cb, credential->arg), rc);
        credential_free(credential);
    }
}

/* ---- watches */

static void on_set_watches(void *arg, const struct client_reply *reply)
{
    struct client *client = arg;

    ASSERT(client->catching_up > 0);
    client->catching_up--;
    if (reply->err != ZOK)
        link_fail(client, "the server refuses to set watches again");
    else if (client->catching_up == 0)
        client_set_state(client, CLIENT_CONNECTED);
}

static void submit_set_watches(void *arg, const struct zk_set_watches2 *watches,
                               bool has_persistent)
{
    struct client *client = arg;
    struct client_request *request = request_new(
        client, has_persistent ? OP_SET_WATCHES2 : OP_SET_WATCHES, on_set_watches, client);
    struct zk_set_watches one_shots = {.relative_zxid = watches->relative_zxid,
                                       .data = watches->data,
                                       .exist = watches->exist,
                                       .child = watches->child};

    request->xid = XID_SET_WATCHES;
    request->is_internal = true;
    if (has_persistent)
        put_set_watches2(&request->frame, watches);
    else /* known to every server */
        put_set_watches(&request->frame, &one_shots);
    queue_submit_first(client, request);
    client->catching_up++;
}

void greeting_submit(struct client *client)
{
    client->catching_up = 0;
    watch_table_emit(&client->watches, client->last_zxid, submit_set_watches, client);
    /* Each goes in front of those before, so the last one first. */
    for (struct list *it = client->credentials.prev; it != &client->credentials; it = it->prev) {
        struct credential *credential = CONTAINER_OF(it, struct credential, link);

        queue_submit_first(client, request_auth(client, credential));
    }
}
