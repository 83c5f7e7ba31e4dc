/* sim_net: the quorum connections. See sim_net.h. */
#include "tests/sim/sim_net.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "replication/packet.h"
#include "tests/sim/sim.h"

#include <stdlib.h>

static int64_t delay(struct sim *sim)
{
    return sim_between(sim, sim->net.delay_min, sim->net.delay_max);
}

static bool is_alive(const struct sim *sim, const struct sim_end *end)
{
    const struct sim_server *server = &sim->servers[end->server];

    return server->alive && server->life == end->life;
}

static void item_done(struct sim_item *item)
{
    peer_msg_done(&item->msg);
    blob_unref(item->bytes);
}

static struct sim_item *item_at(const struct sim_end *end, size_t i)
{
    return &end->items[(end->first + i) % end->cap];
}

static void end_clear(struct sim_end *end, size_t keep)
{
    while (end->count > keep)
        item_done(item_at(end, --end->count));
}

/* Of the bytes under way, the first few arrive: whole items, and then, mostly, part of one. */
static void end_cut(struct sim *sim, struct sim_end *end)
{
    size_t keep = rng_below(&sim->rng, end->count + 1);
    struct sim_item *item;
    struct buf b = {0};

    for (size_t i = keep; i < end->count; i++)
        sim->cover.snap_cut += item_at(end, i)->kind == ITEM_STREAM;
    if (keep == end->count)
        return;
    item = item_at(end, keep);
    if (item->kind == ITEM_DOWN) {
        end_clear(end, keep);
        return;
    }
    if (item->kind == ITEM_MSG)
        packet_encode(&b, &item->msg);
    else
        buf_append(&b, item->bytes->data, item->bytes->len);
    end_clear(end, keep + 1);
    item_done(item);
    *item =
        (struct sim_item){.kind = item->kind == ITEM_MSG ? ITEM_TORN : item->kind,
                          .bytes = blob_copy(b.data, b.len == 0 ? 0 : rng_below(&sim->rng, b.len))};
    sim->cover.torn_items++;
    buf_done(&b);
}

static struct sim_conn *conn_find(struct sim *sim, uint64_t id)
{
    return id == 0 || id > sim->net.conn_count ? NULL : sim->net.conns[id - 1];
}

static void conn_free(struct sim *sim, struct sim_conn *conn)
{
    sim->net.conns[conn->id - 1] = NULL;
    for (int e = 0; e < 2; e++) {
        end_clear(&conn->ends[e], 0);
        sim_stream_done(&conn->ends[e]);
        free(conn->ends[e].items);
    }
    free(conn);
}

static void conn_free_if_over(struct sim *sim, struct sim_conn *conn)
{
    if (!conn->ends[0].open && !conn->ends[1].open)
        conn_free(sim, conn);
}

void sim_net_done(struct sim *sim)
{
    for (size_t i = 0; i < sim->net.conn_count; i++)
        if (sim->net.conns[i] != NULL)
            conn_free(sim, sim->net.conns[i]);
    free(sim->net.conns);
}

static void schedule(struct sim *sim, struct sim_conn *conn, int e, int64_t wait)
{
    struct sim_end *end = &conn->ends[e];
    int64_t at = sim->now + wait;

    if (at < end->last_at)
        at = end->last_at;
    end->last_at = at;
    /* For the world: whose end it is, and whether it lives, is looked up then. */
    sim_at(sim, at, EV_ITEM, 0, conn->id, (uint64_t)e);
}

void sim_net_put(struct sim *sim, struct sim_conn *conn, int e, struct sim_item item)
{
    struct sim_end *end = &conn->ends[e];

    if (end->count == end->cap) {
        size_t cap = end->cap == 0 ? 8 : end->cap * 2;
        struct sim_item *items = xmalloc(cap * sizeof *items);

        for (size_t i = 0; i < end->count; i++)
            items[i] = end->items[(end->first + i) % end->cap];
        free(end->items);
        end->items = items;
        end->first = 0;
        end->cap = cap;
    }
    end->items[(end->first + end->count++) % end->cap] = item;
    schedule(sim, conn, e, delay(sim));
}

/* The open end of S, or NULL: it knows no such connection (any more). */
static int end_of(struct sim *sim, const struct sim_conn *conn, int s)
{
    for (int e = 0; e < 2; e++)
        if (conn->ends[e].server == s && conn->ends[e].open && is_alive(sim, &conn->ends[e]))
            return e;
    return -1;
}

struct sim_end *sim_net_end(struct sim *sim, int s, uint64_t conn)
{
    struct sim_conn *c = conn_find(sim, conn);
    int e = c == NULL ? -1 : end_of(sim, c, s);

    return e < 0 ? NULL : &c->ends[e];
}

struct sim_end *sim_net_other_end(struct sim *sim, int s, uint64_t conn)
{
    struct sim_conn *c = conn_find(sim, conn);
    int e = c == NULL ? -1 : end_of(sim, c, s);

    return e < 0 ? NULL : &c->ends[1 - e];
}

void sim_net_send(struct sim *sim, int s, uint64_t id, const struct peer_msg *msg)
{
    struct sim_conn *conn = conn_find(sim, id);
    int e = conn == NULL ? -1 : end_of(sim, conn, s);
    struct sim_item item = {.kind = ITEM_MSG, .msg = *msg};

    if (e < 0)
        return;
    if (item.msg.data != NULL)
        blob_ref(item.msg.data);
    if (item.msg.auth != NULL)
        blob_ref(item.msg.auth);
    if (conn->ends[e].stream != NULL)
        sim_stream_hold(&conn->ends[e], &item);
    else
        sim_net_put(sim, conn, e, item);
}

struct sim_conn *sim_net_conn(struct sim *sim, int s, uint64_t id, int *ret_end)
{
    struct sim_conn *conn = conn_find(sim, id);

    *ret_end = conn == NULL ? -1 : end_of(sim, conn, s);
    return *ret_end < 0 ? NULL : conn;
}

/* This end is over; of what it sent all still arrives, or (LOSE) the first few bytes. */
static void hang_up(struct sim *sim, struct sim_conn *conn, int e, bool lose, bool tell)
{
    struct sim_end *end = &conn->ends[e];

    end->open = false;
    sim->cover.snap_cut += end->stream != NULL;
    sim_stream_done(end);
    if (lose)
        end_cut(sim, end);
    if (tell)
        sim_net_put(sim, conn, e, (struct sim_item){.kind = ITEM_DOWN});
    conn_free_if_over(sim, conn);
}

void sim_net_close(struct sim *sim, int s, uint64_t id)
{
    int e;
    struct sim_conn *conn = sim_net_conn(sim, s, id, &e);

    /* With unread input the kernel resets, and what was sent may be lost. */
    if (conn != NULL)
        hang_up(sim, conn, e, conn->ends[1 - e].count > 0, true);
}

void sim_net_break(struct sim *sim, int s, uint64_t id)
{
    int e;
    struct sim_conn *conn = sim_net_conn(sim, s, id, &e);

    if (conn == NULL)
        return;
    hang_up(sim, conn, e, true, true);
    sim_after(sim, 0, EV_DOWN, s, id, 0);
}

void sim_net_crash(struct sim *sim, int s, bool host)
{
    for (size_t i = 0; i < sim->net.conn_count; i++) {
        struct sim_conn *conn = sim->net.conns[i];

        for (int e = 0; conn != NULL && e < 2; e++) {
            if (conn->ends[e].server != s || !conn->ends[e].open)
                continue;
            /* A machine that is off says nothing; the other end has to find out. */
            hang_up(sim, conn, e, true, !host);
            break;
        }
    }
    sim_links_crash(sim, s);
    sim_net_changed(sim, s);
}

/* Both ends will hear of it, after what is not lost. */
static void cut(struct sim *sim, struct sim_conn *conn)
{
    for (int e = 0; e < 2; e++) {
        end_cut(sim, &conn->ends[e]);
        sim_net_put(sim, conn, e, (struct sim_item){.kind = ITEM_DOWN});
    }
}

void sim_net_cut_conn(struct sim *sim, uint64_t id)
{
    struct sim_conn *conn = conn_find(sim, id);

    if (conn != NULL)
        cut(sim, conn);
}

bool sim_net_cut(struct sim *sim, int s)
{
    uint64_t found = 0, seen = 0;
    struct sim_conn *conn;

    for (size_t i = 0; i < sim->net.conn_count; i++)
        if (sim->net.conns[i] != NULL && end_of(sim, sim->net.conns[i], s) >= 0 &&
            rng_below(&sim->rng, ++seen) == 0)
            found = i + 1;
    conn = conn_find(sim, found);
    if (conn == NULL)
        return false;
    cut(sim, conn);
    return true;
}

void sim_net_cut_unheard(struct sim *sim, int s)
{
    for (size_t i = 0; i < sim->net.conn_count; i++) {
        struct sim_conn *conn = sim->net.conns[i];

        if (conn == NULL || end_of(sim, conn, s) != 1 || !conn->ends[0].open)
            continue;
        conn->ends[0].open = false;
        sim_after(sim, 0, EV_DOWN, conn->ends[0].server, conn->id, 0);
    }
}

void sim_net_dial(struct sim *sim, int from, int to, uint64_t ticket)
{
    sim_after(sim, delay(sim), EV_DIAL, from, ticket, (uint64_t)to);
}

static uint64_t conn_new(struct sim *sim, int from, int to)
{
    struct sim_net *net = &sim->net;
    struct sim_conn *conn = xcalloc(1, sizeof *conn);

    if (net->conn_count == net->conn_cap) {
        net->conn_cap = net->conn_cap == 0 ? 64 : net->conn_cap * 2;
        net->conns = xrealloc(net->conns, net->conn_cap * sizeof *net->conns);
    }
    net->conns[net->conn_count++] = conn;
    conn->id = net->conn_count;
    conn->ends[0] = (struct sim_end){.server = from, .life = sim->servers[from].life, .open = true};
    conn->ends[1] = (struct sim_end){.server = to, .life = sim->servers[to].life, .open = true};
    return conn->id;
}

/* The SYN of FROM arrives at TO. The port is open while TO leads. */
static void on_dial(struct sim *sim, int from, int to, uint64_t ticket)
{
    struct sim_server *target = &sim->servers[to];
    bool silent = sim->net.blocked[from][to] || sim->net.blocked[to][from] ||
                  (!target->alive && target->gone_host) || target->paused;
    uint64_t conn = 0;

    if (silent) {
        sim_after(sim, sim_between(sim, 200 * SIM_MS, 2 * SIM_S), EV_DIALLED, from, ticket, 0);
        return;
    }
    if (target->alive && target->role == ROLE_LEADING) {
        conn = conn_new(sim, from, to);
        sim_after(sim, 0, EV_DIALLED, to, 0, conn);
    }
    sim_after(sim, delay(sim), EV_DIALLED, from, ticket, conn);
}

void sim_net_event(struct sim *sim, const struct sim_event *event)
{
    if (event->kind == EV_DIAL)
        on_dial(sim, event->server, (int)event->b, event->a);
}

/* Some messages go through the codec, so that it is right as well. */
static void recode(struct sim *sim, struct peer_msg *msg)
{
    struct buf b = {0};
    struct peer_msg copy;
    int used;

    packet_encode(&b, msg);
    used = packet_decode(b.data, b.len, &copy);
    SIM_REQUIRE(sim, used > 0 && (size_t)used == b.len, "packet of type %d does not decode: %d",
                msg->type, used);
    buf_done(&b);
    peer_msg_done(msg);
    *msg = copy;
}

/* Part of a packet is no packet: a reader waits for the rest, which never comes. */
static void check_torn(struct sim *sim, struct sim_item *item)
{
    struct peer_msg unused;
    int rc = packet_decode(item->bytes->data, item->bytes->len, &unused);

    SIM_REQUIRE(sim, rc == 0, "the first %u bytes of a packet are taken for one: %d",
                item->bytes->len, rc);
    item_done(item);
}

/* What E sent came to where nobody listens: the kernel there says so, if it can. */
static void reset(struct sim *sim, struct sim_conn *conn, int e)
{
    struct sim_end *end = &conn->ends[e], *other = &conn->ends[1 - e];
    struct sim_server *server = &sim->servers[other->server];

    if (!end->open || (!server->alive && server->gone_host))
        return;
    if (other->count == 0 ||
        other->items[(other->first + other->count - 1) % other->cap].kind != ITEM_DOWN)
        sim_net_put(sim, conn, 1 - e, (struct sim_item){.kind = ITEM_DOWN});
}

bool sim_net_arrive(struct sim *sim, uint64_t id, int from_end, struct sim_item *ret, int *ret_to)
{
    struct sim_conn *conn = conn_find(sim, id);
    struct sim_end *from, *to;

    if (conn == NULL)
        return false;
    from = &conn->ends[from_end];
    to = &conn->ends[1 - from_end];
    if (from->count == 0)
        return false;
    if (sim->net.blocked[from->server][to->server] ||
        (is_alive(sim, to) && sim->servers[to->server].paused)) {
        from->due++;
        return false;
    }
    *ret = from->items[from->first];
    from->first = (from->first + 1) % from->cap;
    from->count--;
    *ret_to = to->server;
    if (ret->kind == ITEM_TORN) {
        check_torn(sim, ret);
        return false;
    }
    if (!to->open || !is_alive(sim, to)) {
        item_done(ret);
        reset(sim, conn, from_end);
        return false;
    }
    if (ret->kind == ITEM_MSG && (sim->seed & 3) == 0)
        recode(sim, &ret->msg);
    if (ret->kind == ITEM_DOWN) {
        to->open = false;
        conn_free_if_over(sim, conn);
    }
    return true;
}

static void schedule_due(struct sim *sim, struct sim_conn *conn, int e)
{
    for (struct sim_end *end = &conn->ends[e]; end->due > 0; end->due--)
        schedule(sim, conn, e, delay(sim));
}

void sim_net_resume(struct sim *sim, int s)
{
    for (size_t i = 0; i < sim->net.conn_count; i++)
        for (int e = 0; sim->net.conns[i] != NULL && e < 2; e++)
            if (sim->net.conns[i]->ends[1 - e].server == s)
                schedule_due(sim, sim->net.conns[i], e);
}

void sim_net_block(struct sim *sim, int from, int to, bool blocked)
{
    if (sim->net.blocked[from][to] == blocked)
        return;
    sim->net.blocked[from][to] = blocked;
    if (blocked)
        return;
    for (size_t i = 0; i < sim->net.conn_count; i++) {
        struct sim_conn *conn = sim->net.conns[i];

        for (int e = 0; conn != NULL && e < 2; e++) {
            struct sim_end *end = &conn->ends[e];

            if (end->server != from || conn->ends[1 - e].server != to)
                continue;
            schedule_due(sim, conn, e);
        }
    }
    for (struct sim_way *way = &sim->net.ways[from][to]; way->due > 0; way->due--) {
        way->last_at = way->last_at > sim->now ? way->last_at : sim->now + delay(sim);
        sim_at(sim, way->last_at, EV_BALLOT, to, (uint64_t)from, 0);
    }
    sim_net_changed(sim, from);
}
