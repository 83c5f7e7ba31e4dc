/* sim_client: clients as they are promised to be treated. Each is connected to one server at a
 * time, sends without waiting, and gets its answers in order. It checks that time never goes back
 * for it, that it reads its own writes, and that after a sync it sees what anybody had committed.
 * A write is never repeated: when its connection is lost, its outcome is not known. */
#include "tests/sim/sim.h"

#include <inttypes.h>

static struct sim_op *op_at(struct sim_client *client, size_t i)
{
    return &client->ops[i % SIM_OPS_MAX];
}

static void drop(struct sim *sim, struct sim_client *client)
{
    if (client->state == CLIENT_OFF)
        return;
    client->state = CLIENT_OFF;
    client->gen++;
    client->asked = client->arrived = client->answered = client->replied = 0;
    sim_say(sim, 0, "client is disconnected", client->id, client->gen);
}

void sim_client_drop_all(struct sim *sim, int s)
{
    for (int i = 0; i < sim->client_count; i++)
        if (sim->clients[i].server == s)
            drop(sim, &sim->clients[i]);
}

static bool serves(struct sim *sim, const struct sim_client *client)
{
    const struct sim_server *server = &sim->servers[client->server];

    return server->alive && server->serving && !server->paused;
}

/* FIFO in one direction. */
static void travel(struct sim *sim, struct sim_client *client, int64_t *last,
                   enum sim_event_kind kind)
{
    int64_t at = sim->now + sim_between(sim, 50, 3 * SIM_MS);

    *last = at = at < *last ? *last : at;
    sim_at(sim, at, kind, 0, client->id, client->gen);
}

static void dial(struct sim *sim, struct sim_client *client)
{
    client->server = (int)sim_between(sim, 1, sim->count);
    client->state = CLIENT_OPENING;
    client->asked_at = sim->now;
    travel(sim, client, &client->to_at, EV_CLIENT_OPEN);
}

/* The server refuses who has seen more than it has, or time would go back. */
static void on_open(struct sim *sim, struct sim_client *client)
{
    const struct sim_server *server = &sim->servers[client->server];

    if (client->state != CLIENT_OPENING)
        return;
    if (!serves(sim, client) || sim_applied(sim, client->server) < client->seen) {
        drop(sim, client);
        return;
    }
    if (server->role == ROLE_LEADING)
        client->state = CLIENT_ON;
    else if (!sim_server_revalidate(sim, client->server, client->id))
        drop(sim, client);
}

void sim_client_revalidated(struct sim *sim, int s, int64_t session_id)
{
    struct sim_client *client = &sim->clients[session_id - 1];

    /* The answer may be to an earlier attempt; it is as good. */
    if (client->server == s && client->state == CLIENT_OPENING)
        client->state = CLIENT_ON;
}

static void ask(struct sim *sim, struct sim_client *client)
{
    struct sim_op *op = op_at(client, client->asked);
    unsigned dice = (unsigned)rng_below(&sim->rng, 10);

    if (client->asked - client->replied == SIM_OPS_MAX)
        return;
    if (client->reader)
        dice = dice < 5 ? 8 : 9;
    *op = (struct sim_op){.kind = dice < 6 ? SIM_OP_WRITE : dice < 9 ? SIM_OP_READ : SIM_OP_SYNC};
    if (op->kind == SIM_OP_WRITE)
        op->seq = ++client->seq;
    op->at_least = sim_ghost_end(&sim->ghost);
    if (client->asked == client->replied)
        client->asked_at = sim->now;
    client->asked++;
    travel(sim, client, &client->to_at, EV_CLIENT_ASKS);
}

static void on_idea(struct sim *sim, struct sim_client *client)
{
    int64_t patience = 20 * (int64_t)sim->config.tick_ms * SIM_MS;

    sim_after(sim, sim_between(sim, 1 * SIM_MS, 2 * client->pace), EV_CLIENT, 0, client->id, 0);
    if (client->state != CLIENT_OFF && client->asked_at + patience < sim->now &&
        client->asked != client->replied)
        drop(sim, client);
    if (client->state == CLIENT_OPENING && client->asked_at + patience < sim->now)
        drop(sim, client);
    if (sim->over)
        return;
    if (client->state == CLIENT_OFF)
        dial(sim, client);
    else if (client->state == CLIENT_ON && sim_chance(sim, 100))
        drop(sim, client); /* it moves */
    else if (client->state == CLIENT_ON)
        for (int64_t burst = sim_chance(sim, 10) ? 10 : 1; burst > 0; burst--)
            ask(sim, client);
}

/* What is done at the head of the queue is answered; a read is done when it gets there. */
static void advance(struct sim *sim, struct sim_client *client, size_t *head)
{
    const struct tree *tree = sim_tree(sim, client->server);

    for (; *head < client->arrived; (*head)++) {
        struct sim_op *op = op_at(client, *head);

        if (op->kind == SIM_OP_READ && !op->done) {
            op->seen = sim_app_seen(tree, client->id);
            op->done = true;
        }
        if (!op->done)
            return;
        op->zxid = tree_zxid(tree); /* as a reply's header does */
        travel(sim, client, &client->from_at, EV_CLIENT_HEARS);
    }
}

static void on_ask(struct sim *sim, struct sim_client *client)
{
    struct sim_op *op = op_at(client, client->arrived);
    uint32_t gen = client->gen;
    struct sim_write write = {.client = client->id, .gen = client->gen, .seq = op->seq};
    bool ok = true;

    if (client->state != CLIENT_ON || client->arrived == client->asked)
        return;
    client->arrived++;
    if (!serves(sim, client)) {
        drop(sim, client);
        return;
    }
    if (op->kind == SIM_OP_WRITE)
        ok = sim_server_ask(sim, client->server, SIM_WRITE, &write, 0);
    else if (op->kind == SIM_OP_SYNC)
        ok = sim_server_ask(sim, client->server, SIM_SYNC, &write,
                            (uint64_t)client->gen << 32 | client->id << 16 | (client->arrived - 1));
    if (client->gen != gen)
        return;
    if (!ok)
        drop(sim, client);
    else
        advance(sim, client, &client->answered);
}

void sim_client_applied(struct sim *sim, int s, zk_zxid zxid, const struct sim_write *write)
{
    struct sim_client *client = &sim->clients[write->client];

    if (client->server != s || client->state != CLIENT_ON || client->gen != write->gen)
        return;
    for (size_t i = client->answered; i < client->arrived; i++) {
        struct sim_op *op = op_at(client, i);

        if (op->kind != SIM_OP_WRITE || op->done)
            continue;
        if (op->seq != write->seq) {
            drop(sim, client); /* an earlier one was not taken by the leader */
            return;
        }
        op->done = true;
        op->txn = zxid;
        break;
    }
    advance(sim, client, &client->answered);
}

void sim_client_synced(struct sim *sim, int s, uint64_t cookie)
{
    struct sim_client *client = &sim->clients[cookie >> 16 & 0xffff];
    size_t i = cookie & 0xffff;

    if (client->server != s || client->state != CLIENT_ON || client->gen != cookie >> 32)
        return;
    SIM_REQUIRE(sim, i >= client->answered && i < client->arrived && !op_at(client, i)->done,
                "client %u: a sync is answered twice", client->id);
    op_at(client, i)->done = true;
    sim->cover.syncs++;
    advance(sim, client, &client->answered);
}

static void on_answer(struct sim *sim, struct sim_client *client)
{
    struct sim_op *op = op_at(client, client->replied);

    if (client->state != CLIENT_ON || client->replied == client->answered)
        return;
    client->replied++;
    client->asked_at = sim->now;
    SIM_REQUIRE(sim, op->zxid >= client->seen, "client %u: time went back (13)", client->id);
    client->seen = op->zxid;
    switch (op->kind) {
    case SIM_OP_WRITE:
        client->acked = op->seq;
        SIM_REQUIRE(sim, op->txn <= sim_ghost_end(&sim->ghost),
                    "client %u: a write is answered that is not committed", client->id);
        if (sim->now - sim->last_ack_at > sim->cover.longest_outage)
            sim->cover.longest_outage = sim->now - sim->last_ack_at;
        sim->last_ack_at = sim->now;
        sim->cover.acked++;
        break;
    case SIM_OP_READ:
        SIM_REQUIRE(sim, op->seen >= client->acked, "client %u does not read its write (13)",
                    client->id);
        sim->cover.reads++;
        break;
    case SIM_OP_SYNC:
        SIM_REQUIRE(sim, op->zxid >= op->at_least,
                    "client %u: after a sync it sees 0x%" PRIx64 ", but 0x%" PRIx64
                    " was committed before",
                    client->id, op->zxid, op->at_least);
        break;
    }
}

void sim_client_event(struct sim *sim, const struct sim_event *event)
{
    struct sim_client *client = &sim->clients[event->a];

    if (event->kind == EV_CLIENT) {
        on_idea(sim, client);
        return;
    }
    if (event->b != client->gen)
        return;
    if (event->kind == EV_CLIENT_OPEN)
        on_open(sim, client);
    else if (event->kind == EV_CLIENT_ASKS)
        on_ask(sim, client);
    else
        on_answer(sim, client);
}
