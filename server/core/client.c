/* client: see client.h. */
#include "server/core/client.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "server/core/core_state.h"

#include <stdlib.h>

struct core_client *core_client_new(struct core *core, void *owner, const char *ip_text,
                                    const struct core_time *now)
{
    struct core_client *client = xcalloc(1, sizeof *client);

    client->core = core;
    client->owner = owner;
    client->state = CLIENT_NEW;
    client->stats.established_wall_ms = now->wall_ms;
    client->stats.last_cxid = -1;
    client->stats.last_zxid = -1;
    list_init(&client->pending);
    list_init(&client->waiting);
    list_push_back(&core->clients, &client->in_core);
    (void)client_add_credential(client, jute_str("ip"), jute_str(ip_text)); /* the first fits */
    core->stats.clients++;
    return client;
}

static void detach(struct core_client *client)
{
    if (client->session == NULL)
        return;
    ASSERT(client->session->client == client);
    client->session->client = NULL;
    client->session = NULL;
}

void core_client_gone(struct core *core, struct core_client *client)
{
    ASSERT(client->core == core);
    pending_drop(client);
    detach(client);
    watch_table_forget(&core->watches, &client->watcher);
    for (int32_t i = 0; i < client->who.count; i++)
        free((void *)(uintptr_t)client->who.items[i].scheme.data);
    free(client->who.items);
    blob_unref(client->who_blob);
    list_remove(&client->in_core);
    buf_done(&client->out);
    core->stats.clients--;
    free(client);
}

void core_client_heard(struct core_client *client, const struct core_time *now)
{
    if (client->session != NULL)
        tracker_touch(&client->core->sessions, client->session, now->mono_ms);
}

void *core_client_owner(const struct core_client *client)
{
    return client->owner;
}

struct buf *core_client_out(struct core_client *client)
{
    return &client->out;
}

struct core_outstanding core_client_outstanding(const struct core_client *client)
{
    return client->owed;
}

/* Its watches stay until it is gone: this may be called while they fire. */
void client_close(struct core_client *client, const char *why)
{
    if (client->state == CLIENT_CLOSED)
        return;
    client->state = CLIENT_CLOSED;
    pending_drop(client);
    detach(client);
    client->core->host.close(client->core->host.arg, client, why);
}

void client_attach(struct core_client *client, struct live_session *session)
{
    if (session->client != NULL)
        client_close(session->client, "its session moved to another connection");
    session->client = client;
    session->owner = SESSION_HERE;
    client->session = session;
    client->stats.session_id = session->id;
    client->stats.timeout_ms = session->timeout_ms;
}

static bool holds(const struct core_client *client, struct jute_bytes scheme, struct jute_bytes id)
{
    for (int32_t i = 0; i < client->who.count; i++)
        if (jute_equal(client->who.items[i].scheme, scheme) &&
            jute_equal(client->who.items[i].id, id))
            return true;
    return false;
}

/* Scheme and id lie in one piece of memory, which the scheme begins. */
bool client_add_credential(struct core_client *client, struct jute_bytes scheme,
                           struct jute_bytes id)
{
    struct zk_vec_id *who = &client->who;
    uint8_t *text;

    if (holds(client, scheme, id))
        return true;
    if (who->count == CREDENTIALS_MAX)
        return false;
    text = xmalloc(jute_size(scheme) + jute_size(id));
    memcpy(text, scheme.data, jute_size(scheme));
    if (id.len > 0)
        memcpy(text + scheme.len, id.data, (size_t)id.len);
    who->items = xrealloc(who->items, (size_t)(who->count + 1) * sizeof *who->items);
    who->items[who->count++] = (struct zk_id){.scheme = {.data = text, .len = scheme.len},
                                              .id = {.data = text + scheme.len, .len = id.len}};
    blob_unref(client->who_blob);
    client->who_blob = NULL;
    return true;
}

struct core_client_stats core_client_stats(const struct core_client *client)
{
    struct core_client_stats stats = client->stats;

    if (client->session != NULL)
        stats.expires_mono_ms = client->session->deadline_ms;
    return stats;
}

/* What only an answered request can tell is forgotten as well [ServerCnxn.resetStats]. */
void core_client_stats_reset(struct core_client *client)
{
    struct core_client_stats *stats = &client->stats;

    stats->packets_received = stats->packets_sent = 0;
    stats->latency = (struct summary){0};
    stats->last_op = 0;
    stats->last_cxid = -1;
    stats->last_zxid = -1;
    stats->last_response_mono_ms = stats->last_latency_ms = 0;
}

void core_client_word(struct core_client *client)
{
    client->stats.packets_received++;
    client->core->stats.packets_received++;
    client->core->stats.packets_sent++;
}
