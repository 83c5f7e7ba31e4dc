/* connections: see connections.h.
 *
 *     readable ─► shared read buffer ─► frames ─► core_frame()
 *                     │ the rest                     │ output()
 *                     ▼                              ▼
 *               connection.in                 list `dirty` ─► flush: send(2)
 *
 * A connection at rest holds no read buffer and hardly any write buffer. `in`
 * keeps the beginning of a frame, or what was read and may not be worked off yet;
 * `sending` holds what the socket would not take. */
#include "server/connections.h"

#include "proto/base/assert.h"
#include "proto/base/bytes.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "server/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The most that one client may have unanswered, and unread by it, before it is
 * not read any more. A single answer may be larger. */
#define REQUESTS_MAX 4096
#define REQUEST_BYTES_MAX (4u << 20)
#define UNSENT_BYTES_MAX (1u << 20)
#define WALKS_MAX 4

/* How many znodes the requests of one client may have the core look at in a turn of
 * the loop, but for the last of them: about a millisecond's work. */
#define WALKED_MAX 16384

/* How many get their events between two looks at what others want. */
#define TOLD_AT_ONCE 64

/* A write buffer of more is not kept by a client at rest. */
#define KEEP_BYTES 512

#define HEAD_BYTES 4 /* the length in front of a frame */

/* ---- polling and timing */

static void on_poll(uv_poll_t *poll, int status, int events);

/* The loop is here again at once, and reads in between. */
static void on_sleepless(uv_idle_t *idle)
{
    (void)idle;
}

static void poll_what_is_due(struct connection *c)
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

static void mark_dirty(struct connection *c)
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

/* C has until then to send its first frame, or to take the last answer. */
static void set_deadline(struct connection *c)
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

    buf_done(&c->in);
    buf_done(&c->sending);
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

static void end(struct connection *c)
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

/* No more frames; the end once everything is sent. */
static void finish(struct connection *c, const char *why)
{
    char address[CLIENT_ADDRESS_TEXT];

    if (c->finishing)
        return;
    client_address_text(c->address, address);
    log_debug("connection: closing: address=%s cause=\"%s\"", address, why);
    c->finishing = true;
    set_deadline(c);
    mark_dirty(c);
}

void connection_finish(struct core_client *client, const char *why)
{
    finish(core_client_owner(client), why);
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
        end(c);
    }
    arm_timer(all);
}

/* ---- reading */

static bool too_much_unsent(const struct connection *c)
{
    return c->sending.len - c->sent + core_client_out(c->client)->len >= UNSENT_BYTES_MAX;
}

/* Whether C has so much in work that its next frames must wait. What it waits for
 * makes it dirty again: an answer, or room in the socket. */
static bool over_limits(struct connection *c)
{
    const struct connections *all = c->all;
    struct core_outstanding wants = core_client_outstanding(c->client);

    if (wants.requests > 0 &&
        (wants.requests >= REQUESTS_MAX || wants.bytes >= REQUEST_BYTES_MAX ||
         wants.walks >= WALKS_MAX ||
         core_stats(all->core).outstanding >= (size_t)all->config.outstanding_max ||
         all->host.busy(all->host.arg)))
        return true;
    return too_much_unsent(c);
}

void connections_vouch(struct connections *all)
{
    LIST_FOR(it, &all->open)
    {
        struct connection *c = CONTAINER_OF(it, struct connection, link);

        if (c->paused && !too_much_unsent(c))
            core_client_heard(c->client, all->host.now(all->host.arg));
    }
}

/* Whether C began with a four-letter word, or with the first bytes of what may be one.
 * DATA is all that came so far. */
static bool take_word(struct connection *c, const uint8_t *data, size_t len)
{
    const struct connections_host *host = &c->all->host;

    switch (host->word(host->arg, data, len, &c->sending, &c->answer)) {
    case WORD_NONE:
        return false;
    case WORD_CUT_SHORT:
        return true;
    case WORD_ANSWERED:
        break;
    }
    core_client_word(c->client);
    finish(c, "four-letter word");
    return true;
}

static void take_frame(struct connection *c, const uint8_t *payload, size_t size)
{
    if (!c->connected) {
        c->connected = true;
        list_remove(&c->timed);
    }
    core_frame(c->all->core, c->client, payload, size, c->all->host.now(c->all->host.arg));
}

/* Tells the core of the next complete frames of the LEN bytes at DATA. Gives how many
 * bytes they are. */
static size_t announce_frames(const struct connections *all, const uint8_t *data, size_t len)
{
    struct jute_bytes frames[CORE_AHEAD_MAX];
    size_t count = 0, used = 0;

    while (count < CORE_AHEAD_MAX && len - used >= HEAD_BYTES) {
        uint32_t size = load_be32(data + used);

        if (size > (uint32_t)all->config.frame_bytes_max || len - used - HEAD_BYTES < size)
            break;
        frames[count++] = (struct jute_bytes){data + used + HEAD_BYTES, (int32_t)size};
        used += HEAD_BYTES + size;
    }
    if (count > 1) /* one alone gains nothing */
        core_ahead(all->core, frames, count);
    return used;
}

/* C has had its share of this turn of the loop. */
static void rest(struct connection *c)
{
    c->paused = true;
    list_push_back(&c->all->resting, &c->rest);
    (void)uv_idle_start(&c->all->sleepless, on_sleepless);
}

/* Hands over the complete frames of the LEN bytes at DATA. Gives how many bytes are
 * done with. */
static size_t take_frames(struct connection *c, const uint8_t *data, size_t len)
{
    const struct connections *all = c->all;
    uint64_t walked = core_walked(all->core);
    size_t used = 0, announced = 0;

    while (!c->finishing && len - used >= HEAD_BYTES) {
        uint32_t size = load_be32(data + used);

        if (used == announced && c->connected)
            announced += announce_frames(all, data + used, len - used);
        if (!c->connected && take_word(c, data + used, len - used))
            break;
        if (size > (uint32_t)all->config.frame_bytes_max) {
            finish(c, "frame longer than jute.maxbuffer");
            break;
        }
        if (len - used - HEAD_BYTES < size)
            break;
        if (over_limits(c)) {
            c->paused = true;
            break;
        }
        if (core_walked(all->core) - walked >= WALKED_MAX) {
            rest(c);
            break;
        }
        take_frame(c, data + used + HEAD_BYTES, size);
        used += HEAD_BYTES + size;
    }
    return c->finishing ? len : used;
}

/* Works off the LEN bytes at DATA, which may lie in C's own buffer. */
static void take_bytes(struct connection *c, const uint8_t *data, size_t len)
{
    size_t used = take_frames(c, data, len);

    if (used == len) {
        buf_done(&c->in);
    } else if (data == c->in.data) {
        memmove(c->in.data, data + used, len - used);
        c->in.len = len - used;
    } else {
        c->in.len = 0;
        buf_append(&c->in, data + used, len - used);
    }
}

/* What there is to read, behind what C carries over. A long frame comes together
 * in C's own buffer, or it would be copied with every piece. */
static void read_burst(struct connection *c)
{
    struct connections *all = c->all;
    uint8_t *data = all->read_buffer;
    size_t carried = c->in.len;
    ssize_t got;

    if (carried > CARRY_BYTES) {
        buf_reserve(&c->in, READ_BYTES);
        data = c->in.data;
    } else if (carried > 0) {
        memcpy(data, c->in.data, carried);
    }
    got = recv(c->fd, data + carried, READ_BYTES, 0);
    if (got > 0) {
        all->stats.bytes_received += (uint64_t)got;
        take_bytes(c, data, carried + (size_t)got);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        end(c);
        return;
    }
    poll_what_is_due(c);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct connection *c = poll->data;

    if (status < 0) {
        end(c); /* reset, or the network is gone */
        return;
    }
    if (events & UV_WRITABLE) {
        c->blocked = false;
        mark_dirty(c);
    }
    if (events & UV_READABLE)
        read_burst(c);
}

/* ---- writing */

void connection_output(struct core_client *client)
{
    mark_dirty(core_client_owner(client));
}

void connection_told(struct core_client *client)
{
    struct connection *c = core_client_owner(client);

    if (list_empty(&c->dirty))
        list_push_back(&c->all->told, &c->dirty);
}

/* Everything in SENDING has gone. The core gets its buffer back, unless it is too
 * large for a client that may now be silent for an hour. */
static void recycle(struct connection *c, struct buf *out)
{
    c->sending.len = c->sent = 0;
    if (c->sending.cap > KEEP_BYTES) {
        buf_done(&c->sending);
    } else if (out->cap == 0) {
        *out = c->sending;
        c->sending = (struct buf){0};
    }
}

/* Sends until all is sent or the socket is full. Gives -errno when it is broken. */
static int send_all(struct connection *c)
{
    struct buf *out = core_client_out(c->client);

    while (!c->blocked) {
        ssize_t sent;

        if (c->sending.len == 0) {
            struct buf empty = c->sending;

            if (out->len == 0)
                return 0;
            c->sending = *out;
            *out = empty;
        }
        sent = send(c->fd, c->sending.data + c->sent, c->sending.len - c->sent, MSG_NOSIGNAL);
        if (sent >= 0) {
            c->all->stats.bytes_sent += (uint64_t)sent;
            c->sent += (size_t)sent;
            if (c->paused) /* its pings may be among what waits */
                core_client_heard(c->client, c->all->host.now(c->all->host.arg));
            if (c->sent == c->sending.len)
                recycle(c, out);
        } else if (errno == EAGAIN) {
            c->blocked = true;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

/* The next slice of an answer, once the last one is sent. Polling says when to go on: the
 * other clients are served in between. A client that reads gets time for each slice. */
static void continue_answer(struct connection *c)
{
    const struct connections_host *host = &c->all->host;

    if (!host->more(host->arg, c->answer, &c->sending)) {
        host->end_answer(host->arg, c->answer);
        c->answer = NULL;
    }
    c->blocked = true;
    set_deadline(c);
}

static void flush(struct connection *c)
{
    int rc = send_all(c);

    if (rc == 0 && !c->blocked && c->answer != NULL)
        continue_answer(c);
    if (rc < 0 || (c->finishing && !c->blocked)) {
        end(c);
        return;
    }
    if (c->paused && list_empty(&c->rest) && !c->all->holding && !over_limits(c)) {
        c->paused = false;
        take_bytes(c, c->in.data, c->in.len);
    }
    poll_what_is_due(c);
}

static void flush_list(struct list *list, size_t most)
{
    struct list *it;

    for (; most > 0 && (it = list_pop_front(list)) != NULL; most--)
        flush(CONTAINER_OF(it, struct connection, dirty));
}

/* One at a time, or many of them would hold up the others together. */
static void flush_rested(struct connections *all)
{
    struct list *it = list_pop_front(&all->resting);

    if (it != NULL)
        flush(CONTAINER_OF(it, struct connection, rest));
}

/* To tell thousands of an event takes as many system calls: whoever made the change
 * has its answer first, and nobody waits for all of them. */
void connections_flush(struct connections *all)
{
    flush_list(&all->dirty, SIZE_MAX);
    flush_list(&all->told, TOLD_AT_ONCE);
    flush_rested(all);
    flush_list(&all->dirty, SIZE_MAX); /* frames that had been held up may have been taken */
    if (list_empty(&all->told) && list_empty(&all->resting))
        (void)uv_idle_stop(&all->sleepless);
    else
        (void)uv_idle_start(&all->sleepless, on_sleepless);
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
    set_deadline(c);
    poll_what_is_due(c);
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
    poll_what_is_due(CONTAINER_OF(it, struct connection, link));
}

void connections_close(struct connections *all)
{
    connections_hold(all);
    do
        connections_flush(all);
    while (!list_empty(&all->told));
    LIST_FOR_SAFE(it, &all->open)
    end(CONTAINER_OF(it, struct connection, link));
    uv_close((uv_handle_t *)&all->timer, NULL);
    uv_close((uv_handle_t *)&all->sleepless, NULL);
}

void connections_free(struct connections *all)
{
    if (all == NULL)
        return;
    ASSERT(list_empty(&all->open));
    client_addresses_done(&all->addresses);
    free(all);
}

struct connections_stats connections_stats(const struct connections *all)
{
    return all->stats;
}
