/* client: the life of a session on this side; see client.h for the promises and
 * client_impl.h for the parts. */
#include "fs/client_impl.h"

#include "proto/base/assert.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SESSION_TIMEOUT_MS 10000
#define REPLY_BYTES_MAX ((size_t)64 << 20)
#define QUEUE_BYTES_MAX ((size_t)64 << 20)
#define CLOSE_TIMEOUT_MS 2000

static void on_idle(uv_idle_t *idle)
{
    struct client *client = CONTAINER_OF(idle, struct client, idle);

    (void)uv_idle_stop(idle); /* never fails */
    queue_run_ended(client);
    queue_flush(client);
}

void queue_wake(struct client *client)
{
    if (!client->finished)
        (void)uv_idle_start(&client->idle, on_idle); /* has a callback, cannot fail */
}

static struct client_config with_defaults(const struct client_config *config)
{
    struct client_config full = *config;

    full.hosts = NULL;
    if (full.session_timeout_ms <= 0)
        full.session_timeout_ms = SESSION_TIMEOUT_MS;
    if (full.reply_bytes_max == 0)
        full.reply_bytes_max = REPLY_BYTES_MAX;
    if (full.request_bytes_max == 0)
        full.request_bytes_max = JUTE_MAXBUFFER_DEFAULT;
    if (full.queue_bytes_max == 0)
        full.queue_bytes_max = QUEUE_BYTES_MAX;
    if (full.close_timeout_ms <= 0)
        full.close_timeout_ms = CLOSE_TIMEOUT_MS;
    return full;
}

static void init_random(struct client *client)
{
    uint64_t bits[3] = {0};

    /* Without a random source the order of the servers is less random: no harm. */
    (void)uv_random(NULL, NULL, bits, sizeof bits, 0, NULL);
    client->rng = rng_seeded(client->config.seed != 0 ? client->config.seed : bits[0]);
    client->watches.key = (struct hash_key){.k0 = bits[1], .k1 = bits[2]};
}

static void init_handles(struct client *client)
{
    int rc = uv_idle_init(client->loop, &client->idle);

    ASSERT(rc == 0); /* both only fill in a struct */
    rc = uv_timer_init(client->loop, &client->timer);
    ASSERT(rc == 0);
    client->open_handles = 2;
}

int client_new(uv_loop_t *loop, const struct client_config *config,
               const struct client_callbacks *callbacks, struct client **ret_client,
               struct errtext *why)
{
    struct hosts hosts;
    struct client *client;
    int rc = hosts_parse(config->hosts, &hosts, why);

    if (rc < 0)
        return rc;
    client = xcalloc(1, sizeof *client);
    client->loop = loop;
    client->config = with_defaults(config);
    client->callbacks = *callbacks;
    client->hosts = hosts;
    client->state = CLIENT_CONNECTING;
    client->trouble = "";
    list_init(&client->credentials);
    list_init(&client->unsent);
    list_init(&client->sent);
    list_init(&client->auths);
    list_init(&client->ended);
    init_random(client);
    hosts_shuffle(&client->hosts, &client->rng);
    init_handles(client);
    link_start(client);
    *ret_client = client;
    return 0;
}

void client_set_state(struct client *client, enum client_state state)
{
    if (client->state == state)
        return;
    client->state = state;
    if (!client->closing)
        client->callbacks.state(client->callbacks.arg, state);
}

void client_session_over(struct client *client)
{
    link_stop(client);
    if (client->closing) {
        client_finish(client);
        return;
    }
    log_warn("session: lost: session=0x%" PRIx64 "; its ephemerals go with it", client->session_id);
    watch_table_clear(&client->watches);
    client_set_state(client, CLIENT_LOST);
    if (!client->finished)
        queue_end_all(client, -ESTALE);
}

void client_give_up(struct client *client)
{
    ASSERT(!client->closing);
    if (client->state != CLIENT_LOST)
        client_session_over(client);
}

/* ---- the end */

static void on_handle_closed(uv_handle_t *handle)
{
    client_handle_closed(handle->data);
}

void client_finish(struct client *client)
{
    if (client->finished)
        return;
    ASSERT(client->closing);
    link_stop(client);
    client->finished = true;
    queue_end_all(client, -ECANCELED);
    client->idle.data = client;
    client->timer.data = client;
    uv_close((uv_handle_t *)&client->idle, on_handle_closed);
    uv_close((uv_handle_t *)&client->timer, on_handle_closed);
}

static void client_free(struct client *client)
{
    ASSERT(client->pending == 0);
    watch_table_clear(&client->watches);
    hosts_done(&client->hosts);
    buf_done(&client->path_text);
    arena_done(&client->arena);
    free(client);
}

void client_handle_closed(struct client *client)
{
    void (*done)(void *arg) = client->close_done;
    void *arg = client->close_arg;

    client->open_handles--;
    if (client->open_handles > 0)
        return;
    ASSERT(client->finished);
    while (!list_empty(&client->ended)) /* a callback may have made another request */
        queue_run_ended(client);
    client_free(client);
    if (done != NULL)
        done(arg);
}

static void on_session_closed(void *arg, const struct client_reply *reply)
{
    (void)reply; /* whatever it says, the session is no more */
    client_finish(arg);
}

void client_close(struct client *client, void (*done)(void *arg), void *arg)
{
    bool may_have_session = client->session_id != 0 || client->phase == LINK_HANDSHAKE;

    ASSERT(!client->closing);
    client->close_done = done;
    client->close_arg = arg;
    client->close_deadline_ms = uv_now(client->loop) + (uint64_t)client->config.close_timeout_ms;
    if (client->state != CLIENT_LOST && may_have_session) {
        if (client->phase != LINK_UP)
            queue_end_unsent(client, -ECANCELED);
        (void)queue_submit(client, /* no handle is needed */
                           request_new(client, OP_CLOSE_SESSION, on_session_closed, client));
        client->closing = true;
        link_schedule(client);
        return;
    }
    client->closing = true;
    client_finish(client);
}

void client_info(const struct client *client, struct client_info *ret_info)
{
    *ret_info = (struct client_info){
        .state = client->state,
        .session_id = client->session_id,
        .session_timeout_ms = client->timeout_ms,
        .trouble = client->trouble,
        .last_zxid = client->last_zxid,
        .pending = client->pending,
        .queued_bytes = client->unsent_bytes,
        .watches = client->watches.map.count,
        .connects = client->connects,
        .requests = client->requests,
        .replies = client->replies,
        .events = client->events,
        .latency_us = client->latency_us,
    };
    ret_info->read_only = client->phase == LINK_UP && client->is_read_only;
    if (client->phase == LINK_UP)
        (void)snprintf(ret_info->server, sizeof ret_info->server, "%s", client->server);
}
