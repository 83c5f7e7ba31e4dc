/* connections_pressure: when a client is not read: while it has too much unanswered or
 * unread, or after it has had its share of a turn of the loop. Nothing of it is refused
 * or dropped; it goes on when what it waits for has come about. */
#include "server/connection.h"

/* The most that one client may have unanswered, and unread by it, before it is
 * not read any more. A single answer may be larger. */
#define REQUESTS_MAX 4096
#define REQUEST_BYTES_MAX (4u << 20)
#define UNSENT_BYTES_MAX (1u << 20)
#define WALKS_MAX 4

static bool too_much_unsent(const struct connection *c)
{
    return c->sending.len - c->sent + core_client_out(c->client)->len >= UNSENT_BYTES_MAX;
}

bool connection_over_limits(struct connection *c)
{
    const struct connections *all = c->all;
    struct core_outstanding wants = core_client_outstanding(c->client);

    if (wants.requests > 0 && (wants.requests >= REQUESTS_MAX || wants.bytes >= REQUEST_BYTES_MAX ||
                               wants.walks >= WALKS_MAX ||
                               core_unanswered(all->core) >= (size_t)all->config.outstanding_max ||
                               all->host.busy(all->host.arg)))
        return true;
    return too_much_unsent(c);
}

bool connection_held_up(struct connection *c)
{
    struct connections *all = c->all;

    if (all->config.throttle_max == 0 ||
        core_unanswered(all->core) < (size_t)all->config.throttle_max)
        return false;
    if (!c->held)
        c->held_ms = all->host.now(all->host.arg)->mono_ms;
    c->held = c->paused = true;
    list_remove(&c->timed); /* if this is its first frame, it has done its part */
    list_push_back(&all->held, &c->rest);
    all->stats.held_up++;
    return true;
}

bool connection_ends_stale(struct connection *c)
{
    struct connections *all = c->all;
    int32_t timeout_ms;

    if (!c->held || !all->config.closes_stale)
        return false;
    timeout_ms = core_client_stats(c->client).timeout_ms;
    if (timeout_ms == 0 || all->host.now(all->host.arg)->mono_ms - c->held_ms <= timeout_ms)
        return false;
    all->stats.stale++;
    connection_end_when_sent(c, "its requests waited for longer than its session lasts");
    return true;
}

void connections_release(struct connections *all)
{
    struct list *it;

    while (core_unanswered(all->core) < (size_t)all->config.throttle_max &&
           (it = list_pop_front(&all->held)) != NULL)
        connection_flush(CONTAINER_OF(it, struct connection, rest));
}

void connections_vouch(struct connections *all)
{
    spare_buffers_trim(&all->spares); /* at each tick of the core: often enough */
    LIST_FOR(it, &all->open)
    {
        struct connection *c = CONTAINER_OF(it, struct connection, link);

        if (!connection_ends_stale(c) && c->paused && !too_much_unsent(c))
            core_client_heard(c->client, all->host.now(all->host.arg));
    }
}

/* The loop is here again at once, and reads in between. */
static void on_sleepless(uv_idle_t *idle)
{
    (void)idle;
}

void connection_rest(struct connection *c)
{
    c->paused = true;
    list_push_back(&c->all->resting, &c->rest);
    (void)uv_idle_start(&c->all->sleepless, on_sleepless);
}

void connections_sleep(struct connections *all)
{
    if (list_empty(&all->told) && list_empty(&all->resting))
        (void)uv_idle_stop(&all->sleepless);
    else
        (void)uv_idle_start(&all->sleepless, on_sleepless);
}
