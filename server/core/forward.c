/* forward: see forward.h. */
#include "server/core/forward.h"

#include "proto/base/assert.h"
#include "proto/base/blob.h"
#include "proto/opcodes.h"
#include "server/core/core_state.h"
#include "server/core/request.h"

#include <string.h>

/* In one answer to a ping; the others wait for the next one. */
#define TOUCHED_MAX 65536

static struct blob *encode(struct core *core, const struct zk_forwarded_request *head,
                           const struct jute_reader *body)
{
    struct buf *scratch = &core->scratch;
    struct blob *blob;

    scratch->len = 0;
    put_forwarded_request(scratch, head);
    blob = blob_new(scratch->len + jute_left(body));
    memcpy(blob->data, scratch->data, scratch->len);
    if (jute_left(body) > 0)
        memcpy(blob->data + scratch->len, body->p, jute_left(body));
    return blob;
}

/* Who asks, as the leader wants to know it; most clients never say anything new. */
static struct blob *credentials(struct core_client *client)
{
    struct buf *scratch = &client->core->scratch;

    if (client->who_blob == NULL) {
        scratch->len = 0;
        put_vec_id(scratch, &client->who);
        client->who_blob = blob_copy(scratch->data, scratch->len);
    }
    return client->who_blob;
}

/* Owed first, then sent: a refusal closes the client, with all that it is owed. */
static void push_and_send(struct core_client *client, const struct pending *entry,
                          struct blob *data, struct blob *auth)
{
    struct core_host *host = &client->core->host;

    pending_push(client, entry);
    if (!host->forward(host->arg, data, auth))
        client_close(client, "there is no leader");
}

void forward_write(struct core_client *client, const struct zk_request_header *header,
                   const struct jute_reader *body, size_t len, const struct core_time *now)
{
    struct zk_forwarded_request head = {
        .session_id = client->session->id, .cxid = header->xid, .op = header->type};
    struct blob *data = encode(client->core, &head, body);

    ASSERT(client->core->role == CORE_LEARNS);
    if (header->type == OP_CLOSE_SESSION)
        client->state = CLIENT_DEAF; /* what is sent behind it gets no answer */
    push_and_send(client,
                  &(struct pending){.kind = PENDING_WRITE,
                                    .xid = header->xid,
                                    .op = header->type,
                                    .start_ms = now->mono_ms,
                                    .bytes = data->len,
                                    .large = request_large_size(client->core, len)},
                  data, credentials(client));
    blob_unref(data);
}

void forward_create_session(struct core_client *client, const struct core_time *now)
{
    struct zk_forwarded_request head = {.session_id = client->session->id, .op = OP_CREATE_SESSION};
    uint8_t timeout[4];
    struct jute_reader body = jute_reader(timeout, sizeof timeout, NULL);
    struct blob *data;

    store_be32(timeout, (uint32_t)client->session->timeout_ms);
    data = encode(client->core, &head, &body);
    push_and_send(client,
                  &(struct pending){.kind = PENDING_WRITE,
                                    .op = OP_CREATE_SESSION,
                                    .start_ms = now->mono_ms,
                                    .bytes = data->len},
                  data, NULL);
    blob_unref(data);
}

void forward_sync(struct core_client *client, int32_t xid, const struct jute_reader *body,
                  uint64_t cookie)
{
    struct core_host *host = &client->core->host;
    struct zk_forwarded_request head = {
        .session_id = client->session->id, .cxid = xid, .op = OP_SYNC};
    struct blob *data = encode(client->core, &head, body);

    if (!host->forward_sync(host->arg, data, credentials(client), cookie))
        client_close(client, "there is no leader");
    blob_unref(data);
}

bool forward_is_outcome(const struct pending *entry, const struct zk_txn_header *hdr)
{
    return hdr->cxid == entry->xid && (hdr->type == entry->op || hdr->type == OP_ERROR);
}

struct blob *core_take_touched(struct core *core)
{
    struct buf *scratch = &core->scratch;
    struct live_session *session;
    int count = 0;

    scratch->len = 0;
    while (count++ < TOUCHED_MAX && (session = tracker_take_touched(&core->sessions)) != NULL)
        put_session_timeout(scratch, &(struct zk_session_timeout){.session_id = session->id,
                                                                  .timeout = session->timeout_ms});
    return scratch->len == 0 ? NULL : blob_copy(scratch->data, scratch->len);
}
