/* client_link: the way to a server.
 *
 *            due              found           up             answered
 *   DOWN ─────────► RESOLVE ────────► DIAL ────────► HANDSHAKE ────────► UP
 *     ▲                │               │  ▲ next address │                │
 *     └────────────────┴───────────────┴─────────────────┴────────────────┘ failed: back off
 *
 * Every address of a host is tried, then the next host. Times as in ClientCnxn: an attempt may
 * take the session timeout divided by the number of hosts, but here never more than a third of it:
 * else a server that accepts and says nothing (an Apache between its bind and its start-up) would
 * hold its only client until the session is over. A ping after a third of the timeout
 * without a request; after two thirds without a byte the server is dead. Unlike its newest
 * version we never declare the session expired ourselves: only a server knows. */
#include "fs/client_impl.h"

#include "proto/base/assert.h"
#include "proto/base/bytes.h"
#include "proto/base/log.h"

#include <inttypes.h>

#define HANDSHAKE_FRAME_MAX 1024
#define ATTEMPT_MIN_MS 500
#define ATTEMPT_MAX_MS 10000
/* Attempts that fit in a session timeout, whatever the number of hosts. */
#define ATTEMPTS_MIN 3
#define BACKOFF_FIRST_MS 50
#define BACKOFF_MAX_MS 500

static void dial_host(struct client *client);

static uint64_t now_ms(const struct client *client)
{
    return uv_now(client->loop);
}

static uint64_t session_timeout_ms(const struct client *client)
{
    return (uint64_t)(client->timeout_ms > 0 ? client->timeout_ms
                                             : client->config.session_timeout_ms);
}

static void start_attempt(struct client *client, enum link_phase phase)
{
    uint64_t attempts = client->hosts.count > ATTEMPTS_MIN ? client->hosts.count : ATTEMPTS_MIN;
    uint64_t ms = session_timeout_ms(client) / attempts;

    client->phase = phase;
    client->link_deadline_ms =
        now_ms(client) +
        (ms < ATTEMPT_MIN_MS ? ATTEMPT_MIN_MS : (ms > ATTEMPT_MAX_MS ? ATTEMPT_MAX_MS : ms));
    link_schedule(client);
}

/* ---- failure */

static void drop_addresses(struct client *client)
{
    if (client->addresses != NULL)
        uv_freeaddrinfo(client->addresses);
    client->addresses = client->next_address = NULL;
}

static void drop_connection(struct client *client)
{
    if (client->resolve != NULL)
        resolve_abandon(client->resolve);
    client->resolve = NULL;
    if (client->conn != NULL)
        conn_close(client->conn);
    client->conn = NULL;
    client->catching_up = 0;
}

/* Once round the hosts without delay, but for a little jitter that keeps the clients of a dead
 * server from coming all at once; then longer, twice as long each round. */
static uint64_t backoff_ms(struct client *client)
{
    uint64_t rounds = client->failures / client->hosts.count;
    uint64_t max = session_timeout_ms(client) / 4, ms;

    if (max > BACKOFF_MAX_MS)
        max = BACKOFF_MAX_MS;
    if (client->failures <= client->hosts.count)
        return rng_below(&client->rng, BACKOFF_FIRST_MS);
    ms = rounds > 8 ? max : (uint64_t)BACKOFF_FIRST_MS << rounds;
    if (ms > max)
        ms = max;
    return ms / 2 + rng_below(&client->rng, ms / 2 + 1);
}

void link_fail(struct client *client, const char *cause)
{
    bool was_up = client->phase == LINK_UP;

    ASSERT(client->phase != LINK_NONE);
    client->trouble = cause;
    if (was_up)
        log_warn("session: connection lost: session=0x%" PRIx64 " server=%s cause=\"%s\"; dialling",
                 client->session_id, client->server, cause);
    else
        log_line(client->failures == 0 ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG,
                 "session: no connection: server=%s cause=\"%s\"; trying on", client->server,
                 cause);
    drop_connection(client);
    client->phase = LINK_DOWN;
    if (was_up)
        queue_disconnected(client);
    if (client->closing && client->session_id == 0) {
        client_finish(client);
        return;
    }
    client->link_deadline_ms = now_ms(client);
    if (client->next_address == NULL) {
        drop_addresses(client);
        client->failures++;
        client->link_deadline_ms += backoff_ms(client);
    }
    link_schedule(client);
    client_set_state(client, CLIENT_CONNECTING);
}

void link_stop(struct client *client)
{
    drop_connection(client);
    drop_addresses(client);
    client->phase = LINK_NONE;
}

/* ---- handshake */

static void put_frame(struct buf *b, size_t at)
{
    store_be32(b->data + at, (uint32_t)(b->len - at - 4));
}

/* A session that only read-only servers have seen is local to the one that gave it: another server
 * is asked for a new one [ClientCnxn, seenRwServerBefore]. */
static int64_t session_id_to_show(const struct client *client)
{
    return client->is_global ? client->session_id : 0;
}

static void on_up(void *arg)
{
    struct client *client = arg;
    struct buf *out = conn_out(client->conn);
    struct zk_connect_request request = {
        .last_zxid_seen = client->last_zxid,
        .timeout = client->config.session_timeout_ms,
        .session_id = session_id_to_show(client),
        .passwd = {.data = client->password, .len = sizeof client->password},
        .read_only = client->config.read_only,
    };

    (void)buf_extend(out, 4);
    put_connect_request(out, &request);
    put_frame(out, 0);
    conn_flush(client->conn);
    client->phase = LINK_HANDSHAKE; /* within the time that the dial was given */
}

static void session_attached(struct client *client, const struct zk_connect_response *response)
{
    client->session_id = response->session_id;
    client->is_read_only = response->read_only == 1;
    client->is_global = client->is_global || !client->is_read_only;
    client->timeout_ms = response->timeout;
    memcpy(client->password, response->passwd.data, sizeof client->password);
    client->phase = LINK_UP;
    client->wrote_ms = now_ms(client);
    client->connects++;
    drop_addresses(client);
    conn_set_frame_max(client->conn, client->config.reply_bytes_max);
    log_info("session: connected: session=0x%" PRIx64 " server=%s timeout_ms=%" PRId32,
             client->session_id, client->server, client->timeout_ms);
    link_schedule(client);
    if (!client->closing)
        greeting_submit(client);
    if (client->catching_up == 0)
        client_set_state(client, CLIENT_CONNECTED);
    queue_wake(client);
}

static void on_connect_response(struct client *client, const struct conn_frame *frame)
{
    struct jute_reader r = jute_reader(frame->data, frame->len, NULL);
    struct zk_connect_response response;

    get_connect_response(&r, &response);
    if (frame->len < frame->total || r.bad ||
        (response.timeout > 0 && response.passwd.len != SESSION_PASSWORD_BYTES)) {
        link_fail(client, "answer to the connect request cannot be decoded");
    } else if (response.timeout <= 0) {
        if (session_id_to_show(client) == 0)
            link_fail(client, "no session is given");
        else
            client_session_over(client);
    } else if (client->is_global && response.session_id != client->session_id) {
        link_fail(client, "answer to the connect request names another session");
    } else {
        session_attached(client, &response);
    }
}

/* ---- a connection */

static void on_event(struct client *client, struct jute_reader *r,
                     const struct zk_reply_header *header)
{
    struct zk_watcher_event record;
    struct client_event event;

    get_watcher_event(r, &record);
    if (r->bad) {
        link_fail(client, "event that cannot be decoded");
        return;
    }
    if (record.type < EVENT_NODE_CREATED || record.type > EVENT_NODE_CHILDREN_CHANGED)
        return; /* nothing that a server is known to send */
    event = (struct client_event){.type = (enum event_type)record.type,
                                  .path = client_user_path(client, record.path),
                                  .zxid = header->zxid > 0 ? header->zxid : 0};
    watch_table_fired(&client->watches, record.path, event.type);
    client->events++;
    /* The zxid does not count as seen: other events of the same txn may be on their way, and a
     * setWatches relative to it would not bring them back. */
    if (client->callbacks.event != NULL && !client->closing)
        client->callbacks.event(client->callbacks.arg, &event);
}

static void on_frame(void *arg, const struct conn_frame *frame)
{
    struct client *client = arg;
    struct jute_reader r = jute_reader(frame->data, frame->len, &client->arena);
    struct zk_reply_header header;
    const char *cause;

    if (client->phase == LINK_HANDSHAKE) {
        on_connect_response(client, frame);
        return;
    }
    ASSERT(client->phase == LINK_UP);
    get_reply_header(&r, &header);
    if (r.bad)
        link_fail(client, "frame without a reply header");
    else if (header.xid == XID_WATCH_EVENT)
        on_event(client, &r, &header);
    else if (header.xid == XID_PING)
        client->failures = 0;
    else if (!queue_on_reply(client, frame, &header, &cause))
        link_fail(client, cause);
}

static void on_drained(void *arg)
{
    queue_flush(arg);
}

static void on_down(void *arg, const char *cause)
{
    link_fail(arg, cause);
}

static void on_closed(void *arg)
{
    client_handle_closed(arg);
}

static const struct conn_callbacks callbacks = {
    .up = on_up, .frame = on_frame, .drained = on_drained, .down = on_down, .closed = on_closed};

/* ---- dialling */

static void name_server(struct client *client, const struct sockaddr *address)
{
    char text[INET6_ADDRSTRLEN] = "?";
    bool is_v6 = address->sa_family == AF_INET6;
    /* The port lies at the same place in both. */
    uint16_t port = ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);

    if (is_v6)
        (void)uv_ip6_name((const struct sockaddr_in6 *)(const void *)address, text, sizeof text);
    else
        (void)uv_ip4_name((const struct sockaddr_in *)(const void *)address, text, sizeof text);
    (void)snprintf(client->server, sizeof client->server, is_v6 ? "[%s]:%u" : "%s:%u", text, port);
}

static void dial_address(struct client *client)
{
    const struct sockaddr *address = client->next_address->ai_addr;
    int rc;

    client->next_address = client->next_address->ai_next;
    name_server(client, address);
    start_attempt(client, LINK_DIAL);
    client->open_handles++;
    rc = conn_open(client->loop, address, HANDSHAKE_FRAME_MAX, &callbacks, client, &client->conn);
    if (rc < 0)
        link_fail(client, uv_strerror(rc));
}

static void on_resolved(void *arg, int rc, struct addrinfo *addresses)
{
    struct client *client = arg;

    client->resolve = NULL;
    if (rc < 0) {
        link_fail(client, uv_strerror(rc));
        return;
    }
    client->addresses = client->next_address = addresses;
    dial_address(client);
}

static void dial_host(struct client *client)
{
    const struct host *host = hosts_next(&client->hosts);
    int rc;

    (void)snprintf(client->server, sizeof client->server, "%.50s:%u", host->name, host->port);
    start_attempt(client, LINK_RESOLVE);
    rc = resolve_start(client->loop, host, on_resolved, client, &client->resolve);
    if (rc < 0)
        link_fail(client, uv_strerror(rc));
}

void link_start(struct client *client)
{
    client->phase = LINK_DOWN;
    client->link_deadline_ms = now_ms(client);
    link_schedule(client);
}

/* ---- time */

static void ping(struct client *client)
{
    struct buf *out = conn_out(client->conn);
    size_t at = out->len;

    (void)buf_extend(out, 4);
    put_request_header(out, &(struct zk_request_header){.xid = XID_PING, .type = OP_PING});
    put_frame(out, at);
    client->wrote_ms = now_ms(client);
    conn_flush(client->conn);
}

static uint64_t ping_due_ms(const struct client *client)
{
    return client->wrote_ms + session_timeout_ms(client) / 3;
}

static uint64_t dead_due_ms(const struct client *client)
{
    return conn_heard_ms(client->conn) + session_timeout_ms(client) * 2 / 3;
}

static void on_timer(uv_timer_t *timer)
{
    struct client *client = CONTAINER_OF(timer, struct client, timer);
    uint64_t now = now_ms(client);

    if (client->closing && now >= client->close_deadline_ms) {
        log_warn("session: not closed, no server in time: session=0x%" PRIx64
                 "; its ephemerals stay until it expires",
                 client->session_id);
        client_finish(client);
        return;
    }
    if (client->phase == LINK_UP) {
        if (now >= dead_due_ms(client))
            link_fail(client, "silent for two thirds of the session timeout");
        else if (now >= ping_due_ms(client))
            ping(client);
    } else if (client->phase != LINK_NONE && now >= client->link_deadline_ms) {
        if (client->phase != LINK_DOWN)
            link_fail(client, "timed out");
        else if (client->next_address != NULL)
            dial_address(client);
        else
            dial_host(client);
    }
    link_schedule(client);
}

void link_schedule(struct client *client)
{
    uint64_t now = now_ms(client), due = client->link_deadline_ms;

    if (client->finished || client->phase == LINK_NONE)
        return;
    if (client->phase == LINK_UP) {
        uint64_t dead = dead_due_ms(client);

        due = ping_due_ms(client);
        if (dead < due)
            due = dead;
    }
    if (client->closing && client->close_deadline_ms < due)
        due = client->close_deadline_ms;
    (void)uv_timer_start(&client->timer, on_timer, due > now ? due - now : 0,
                         0); /* has a callback */
}
