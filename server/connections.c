/* connections: see connections.h. Here how a connection comes, is polled, and goes.
 *
 *     readable ─► shared read buffer ─► frames ─► core_frame()      connections_read.c
 *                     │ the rest                     │ output()
 *                     ▼                              ▼
 *               connection.in                 list `dirty` ─► flush: send(2)
 *                                                                   connections_write.c
 *
 * A connection at rest holds no read buffer and hardly any write buffer. `in`
 * keeps the beginning of a frame, or what was read and may not be worked off yet
 * (connections_pressure.c); `sending` holds what the socket would not take. */
#include "server/connections.h"

#include "proto/base/assert.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "server/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- polling and timing */

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct connection *c = poll->data;

    if (status < 0) {
        connection_end(c); /* reset, or the network is gone */
        return;
    }
    if (events & UV_WRITABLE) {
        c->blocked = false;
        connection_mark_dirty(c);
    }
    if (events & UV_READABLE)
        connection_read(c);
}

void connection_poll(struct connection *c)
{
    bool read = !c->paused && !c->finishing && !c->all->holding;
    int events = (read ? UV_READABLE : 0) | (c->blocked ? UV_WRITABLE : 0);
    int rc;

    if (events == c->events)
        return;
    c->events = events;
    rc = events == 0 ? uv_poll_stop(&c->poll) : uv_poll_start(&c->poll, events, on_poll);
    ASSERT(rc == 0); /* only a closing handle is refused */
}

void connection_mark_dirty(struct connection *c)
{
    list_remove(&c->dirty);
    list_push_back(&c->all->dirty, &c->dirty);
}

static void on_timer(uv_timer_t *timer);

static void arm_timer(struct connections *all)
{
    const struct connection *first;
    int64_t wait_ms;

    if (list_empty(&all->timed)) {
        (void)uv_timer_stop(&all->timer);
        return;
    }
    first = CONTAINER_OF(all->timed.next, struct connection, timed);
    wait_ms = first->deadline_ms - all->host.now(all->host.arg)->mono_ms;
    (void)uv_timer_start(&all->timer, on_timer, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

void connection_set_deadline(struct connection *c)
{
    struct connections *all = c->all;
    bool first;

    list_remove(&c->timed);
    first = list_empty(&all->timed);
    list_push_back(&all->timed, &c->timed);
    c->deadline_ms = all->host.now(all->host.arg)->mono_ms + all->config.handshake_timeout_ms;
    if (first)
        arm_timer(all);
}

/* ---- the end of a connection */

static void on_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;

    spare_buffers_give(&c->all->spares, &c->in);
    spare_buffers_give(&c->all->spares, &c->sending);
    free(c);
}

/* What the client sent in vain is read away first: a close with unread bytes is a
 * reset, which may overtake the last answer. */
static void close_socket(struct connection *c)
{
    (void)shutdown(c->fd, SHUT_WR); /* fails when the client is gone: as well */
    for (int i = 0; i < 16; i++) {
        if (recv(c->fd, c->all->read_buffer, sizeof c->all->read_buffer, 0) <= 0)
            break;
    }
    (void)close(c->fd);
}

void connection_end(struct connection *c)
{
    struct connections *all = c->all;

    connections_walk_leave(all, c);
    list_remove(&c->link);
    list_remove(&c->dirty);
    list_remove(&c->timed);
    list_remove(&c->rest);
    if (c->answer != NULL)
        all->host.end_answer(all->host.arg, c->answer);
    core_client_gone(all->core, c->client);
    client_address_remove(&all->addresses, c->address);
    uv_close((uv_handle_t *)&c->poll, on_closed);
    close_socket(c);
    all->stats.open--;
}

void connection_end_when_sent(struct connection *c, const char *why)
{
    char address[CLIENT_ADDRESS_TEXT];

    if (c->finishing)
        return;
    client_address_text(c->address, address);
    log_debug("connection: closing: address=%s cause=\"%s\"", address, why);
    c->finishing = true;
    connection_set_deadline(c);
    connection_mark_dirty(c);
}

void connection_finish(struct core_client *client, const char *why)
{
    connection_end_when_sent(core_client_owner(client), why);
}

static void on_timer(uv_timer_t *timer)
{
    struct connections *all = timer->data;
    int64_t now_ms = all->host.now(all->host.arg)->mono_ms;

    LIST_FOR_SAFE(it, &all->timed)
    {
        struct connection *c = CONTAINER_OF(it, struct connection, timed);

        if (c->deadline_ms > now_ms)
            break;
        if (!c->finishing)
            all->stats.handshakes_expired++;
        connection_end(c);
    }
    arm_timer(all);
}

/* ---- coming and going */

static void set_socket_options(const struct connections *all, int fd)
{
    int on = 1;

    /* Advice only: a connection without works, but slower. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (all->config.tcp_keep_alive)
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

/* False when the system refuses to watch one more descriptor. */
static bool open_connection(struct connections *all, int fd, struct client_address *address)
{
    struct connection *c = xcalloc(1, sizeof *c);
    char text[CLIENT_ADDRESS_TEXT];
    int rc = uv_poll_init(all->loop, &c->poll, fd);

    if (rc < 0) {
        log_error("connection: refused: cause=\"cannot poll: %s\"", uv_strerror(rc));
        free(c);
        return false;
    }
    client_address_text(address, text);
    c->poll.data = c;
    c->all = all;
    c->fd = fd;
    c->address = address;
    c->client = core_client_new(all->core, c, text, all->host.now(all->host.arg));
    list_push_back(&all->open, &c->link);
    list_init(&c->dirty);
    list_init(&c->timed);
    list_init(&c->rest);
    all->stats.open++;
    connection_set_deadline(c);
    connection_poll(c);
    return true;
}

void connections_accept(struct connections *all, int fd, const struct sockaddr_storage *peer)
{
    struct client_address *address = client_address_add(&all->addresses, peer);

    if (all->holding || connections_full(all, address) || !open_connection(all, fd, address)) {
        all->stats.rejected++;
        client_address_remove(&all->addresses, address);
        (void)close(fd);
        return;
    }
    all->stats.accepted++;
    set_socket_options(all, fd);
}

struct connections *connections_new(uv_loop_t *loop, const struct connections_config *config,
                                    const struct connections_host *host)
{
    struct connections *all = xcalloc(1, sizeof *all);

    all->loop = loop;
    all->config = *config;
    all->host = *host;
    all->addresses.key = config->hash_key;
    list_init(&all->open);
    list_init(&all->dirty);
    list_init(&all->told);
    list_init(&all->timed);
    list_init(&all->resting);
    list_init(&all->held);
    session_throttle_init(&all->session_throttle, &config->session_throttle, config->random_seed,
                          host->now(host->arg)->mono_ms);
    (void)uv_idle_init(loop, &all->sleepless);
    list_init(&all->walks);
    (void)uv_timer_init(loop, &all->timer);
    all->timer.data = all;
    return all;
}

void connections_serve(struct connections *all, struct core *core)
{
    all->core = core;
}

void connections_hold(struct connections *all)
{
    all->holding = true;
    LIST_FOR(it, &all->open)
    connection_poll(CONTAINER_OF(it, struct connection, link));
}

void connections_close(struct connections *all)
{
    connections_hold(all);
    do
        connections_flush(all);
    while (!list_empty(&all->told));
    LIST_FOR_SAFE(it, &all->open)
    connection_end(CONTAINER_OF(it, struct connection, link));
    uv_close((uv_handle_t *)&all->timer, NULL);
    uv_close((uv_handle_t *)&all->sleepless, NULL);
}

void connections_free(struct connections *all)
{
    if (all == NULL)
        return;
    ASSERT(list_empty(&all->open));
    client_addresses_done(&all->addresses);
    spare_buffers_done(&all->spares);
    free(all);
}

struct connections_stats connections_stats(const struct connections *all)
{
    return all->stats;
}

void connections_stats_reset(struct connections *all)
{
    all->stats = (struct connections_stats){.open = all->stats.open,
                                            .drop_probability = all->stats.drop_probability};
}
