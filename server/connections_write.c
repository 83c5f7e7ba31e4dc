/* connections_write: what the core has for the clients goes out, one write for all that came
 * together in a turn of the loop. */
#include "server/connection.h"

#include <errno.h>

/* How many get their events between two looks at what others want. */
#define TOLD_AT_ONCE 64

/* A write buffer of more is not kept by a client at rest. */
#define KEEP_BYTES 512

void connection_output(struct core_client *client)
{
    connection_mark_dirty(core_client_owner(client));
}

void connection_told(struct core_client *client)
{
    struct connection *c = core_client_owner(client);

    if (list_empty(&c->dirty))
        list_push_back(&c->all->told, &c->dirty);
}

/* What is large goes into a buffer that was large before. */
void connection_room(struct core_client *client, size_t more)
{
    struct connection *c = core_client_owner(client);
    struct buf *out = core_client_out(client);
    struct buf spare;

    if (out->cap - out->len >= more)
        return;
    spare = spare_buffers_take(&c->all->spares, out->len + more);
    if (spare.data == NULL)
        return;
    buf_append(&spare, out->data, out->len);
    spare_buffers_give(&c->all->spares, out);
    *out = spare;
}

/* Everything in SENDING has gone. The core gets its buffer back, unless it is too
 * large for a client that may now be silent for an hour. */
static void recycle(struct connection *c, struct buf *out)
{
    c->sending.len = c->sent = 0;
    if (c->sending.cap > KEEP_BYTES) {
        spare_buffers_give(&c->all->spares, &c->sending);
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
    connection_set_deadline(c);
}

void connection_flush(struct connection *c)
{
    int rc = send_all(c);

    if (rc == 0 && !c->blocked && c->answer != NULL)
        continue_answer(c);
    if (rc < 0 || (c->finishing && !c->blocked)) {
        connection_end(c);
        return;
    }
    if (c->paused && list_empty(&c->rest) && !c->all->holding && !connection_over_limits(c)) {
        c->paused = false;
        connection_take(c, c->in.data, c->in.len);
    }
    connection_poll(c);
}

static void flush_list(struct list *list, size_t most)
{
    struct list *it;

    for (; most > 0 && (it = list_pop_front(list)) != NULL; most--)
        connection_flush(CONTAINER_OF(it, struct connection, dirty));
}

/* One at a time, or many of them would hold up the others together. */
static void flush_rested(struct connections *all)
{
    struct list *it = list_pop_front(&all->resting);

    if (it != NULL)
        connection_flush(CONTAINER_OF(it, struct connection, rest));
}

/* To tell thousands of an event takes as many system calls: whoever made the change
 * has its answer first, and nobody waits for all of them. */
void connections_flush(struct connections *all)
{
    flush_list(&all->dirty, SIZE_MAX);
    flush_list(&all->told, TOLD_AT_ONCE);
    flush_rested(all);
    do { /* frames that had to wait may have been taken */
        flush_list(&all->dirty, SIZE_MAX);
        connections_release(all);
    } while (!list_empty(&all->dirty));
    connections_sleep(all);
}
