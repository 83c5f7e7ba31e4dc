/* sim_client: what clients ask for. See sim_client.h; what they check is in sim_reply.c. */
#include "tests/sim/sim.h"

#include "proto/base/mem.h"
#include "proto/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sim_op *op_at(struct sim_client *client, size_t i)
{
    return &client->ops[i % SIM_OPS_MAX];
}

/* Of what was asked for and not answered nobody knows the outcome. */
static void forget_connection(struct sim *sim, struct sim_client *client)
{
    for (size_t i = client->replied; i < client->asked; i++) {
        const struct sim_op *op = op_at(client, i);

        sim_multi_forget(client, op);
        sim_reap_forget(client, op);
        if (op->kind == SIM_OP_EPHEMERAL || op->kind == SIM_OP_DELETE)
            client->ephemerals[op->seq] = SIM_UNKNOWN;
    }
    client->state = CLIENT_OFF;
    client->line = 0;
    client->asked = client->replied = 0;
    sim_say(sim, 0, "client is disconnected", client->id, client->session);
}

void sim_client_lost(struct sim *sim, uint32_t id, uint64_t line)
{
    if (sim->clients[id].line == line)
        forget_connection(sim, &sim->clients[id]);
}

static void hang_up(struct sim *sim, struct sim_client *client)
{
    uint64_t line = client->line;

    if (client->state == CLIENT_OFF)
        return;
    forget_connection(sim, client);
    sim_line_hang_up(sim, line);
}

static void send(struct sim *sim, struct sim_client *client, struct buf *b)
{
    sim_line_send(sim, client->line, blob_copy(b->data, b->len));
    buf_done(b);
}

static void dial(struct sim *sim, struct sim_client *client)
{
    struct buf b = {0};
    struct zk_connect_request req = {
        .last_zxid_seen = client->seen,
        .timeout = (int32_t)sim_between(sim, 4, 20) * sim->config.tick_ms,
        .session_id = client->session,
        .passwd = {.data = client->password, .len = SESSION_PASSWORD_BYTES},
    };

    client->state = CLIENT_OPENING;
    client->asked_at = client->heard_at = sim->now;
    client->xid = 0;
    client->line = sim_line_dial(sim, client->id, (int)sim_between(sim, 1, sim->count));
    put_connect_request(&b, &req);
    send(sim, client, &b);
}

/* ---------------------------------------------------------------- requests */

struct zk_vec_acl sim_client_acl(void)
{
    static struct zk_acl open = {.perms = PERM_ALL,
                                 .scheme = {.data = (const uint8_t *)"world", .len = 5},
                                 .id = {.data = (const uint8_t *)"anyone", .len = 6}};

    return (struct zk_vec_acl){.count = 1, .items = &open};
}

void sim_client_header(struct buf *b, struct sim_client *client, struct sim_op *op, int32_t type)
{
    op->xid = ++client->xid;
    put_request_header(b, &(struct zk_request_header){.xid = op->xid, .type = type});
}

static void put_write(struct sim *sim, struct buf *b, struct sim_client *client, struct sim_op *op)
{
    size_t filler = rng_below(&sim->rng, sim_chance(sim, 20) ? 5000 : 60);
    char path[SIM_PATH_MAX];
    uint8_t *data = xmalloc(16 + filler);
    int len;

    op->seq = ++client->seq;
    len = snprintf((char *)data, 16, "%u ", op->seq);
    memset(data + len, 'x', filler);
    sim_path_own(path, client->id);
    if (client->made) {
        sim_client_header(b, client, op, OP_SET_DATA);
        put_set_data_request(b, &(struct zk_set_data_request){.path = jute_str(path),
                                                              .data = {data, len + (int32_t)filler},
                                                              .version = -1});
    } else {
        sim_client_header(b, client, op, OP_CREATE);
        put_create_request(b, &(struct zk_create_request){.path = jute_str(path),
                                                          .data = {data, len + (int32_t)filler},
                                                          .acl = sim_client_acl()});
    }
    free(data);
}

static void put_read(struct buf *b, struct sim_client *client, struct sim_op *op)
{
    bool watch = op->kind == SIM_OP_WATCH;
    char path[SIM_PATH_MAX];

    sim_path_own(path, watch ? op->seq : client->id);
    sim_client_header(b, client, op, OP_GET_DATA);
    put_path_watch_request(b,
                           &(struct zk_path_watch_request){.path = jute_str(path), .watch = watch});
}

static void put_ephemeral(struct buf *b, struct sim_client *client, struct sim_op *op)
{
    char path[SIM_PATH_MAX];

    sim_path_ephemeral(path, client->id, op->seq);
    switch (op->kind) {
    case SIM_OP_EPHEMERAL:
        sim_client_header(b, client, op, OP_CREATE);
        put_create_request(b, &(struct zk_create_request){.path = jute_str(path),
                                                          .data = jute_str(""),
                                                          .acl = sim_client_acl(),
                                                          .flags = CREATE_EPHEMERAL});
        break;
    case SIM_OP_DELETE:
        sim_client_header(b, client, op, OP_DELETE);
        put_path_version_request(
            b, &(struct zk_path_version_request){.path = jute_str(path), .version = -1});
        break;
    default:
        sim_client_header(b, client, op, OP_EXISTS);
        put_path_watch_request(b, &(struct zk_path_watch_request){.path = jute_str(path)});
        break;
    }
}

static enum sim_op_kind choose(struct sim *sim, const struct sim_client *client)
{
    unsigned dice = (unsigned)rng_below(&sim->rng, 100);

    if (client->reader)
        return dice < 25   ? SIM_OP_WATCH
               : dice < 35 ? sim_watch_choose(sim)
               : dice < 45 ? SIM_OP_GROUP_READ
               : dice < 60 ? SIM_OP_EXISTS
                           : SIM_OP_SYNC;
    return dice < 44   ? SIM_OP_WRITE
           : dice < 56 ? SIM_OP_READ
           : dice < 64 ? SIM_OP_WATCH
           : dice < 68 ? sim_watch_choose(sim)
           : dice < 73 ? SIM_OP_EPHEMERAL
           : dice < 76 ? SIM_OP_DELETE
           : dice < 80 ? SIM_OP_EXISTS
           : dice < 86 ? SIM_OP_SYNC
           : dice < 93 ? sim_multi_choose(sim)
           : dice < 97 ? sim_sequence_choose(sim)
                       : sim_reap_choose(sim);
}

void sim_client_ask(struct sim *sim, struct sim_client *client, enum sim_op_kind kind)
{
    struct sim_op *op = op_at(client, client->asked);
    struct buf b = {0};

    if (client->asked - client->replied == SIM_OPS_MAX)
        return;
    *op = (struct sim_op){.kind = kind, .at_least = sim_ghost_end(&sim->ghost)};
    switch (kind) {
    case SIM_OP_WRITE:
        put_write(sim, &b, client, op);
        break;
    case SIM_OP_READ:
        put_read(&b, client, op);
        break;
    case SIM_OP_WATCH:
        op->seq = (uint32_t)rng_below(&sim->rng, (uint64_t)sim->client_count);
        put_read(&b, client, op);
        break;
    case SIM_OP_SYNC:
        sim_client_header(&b, client, op, OP_SYNC);
        put_path_request(&b, &(struct zk_path_request){.path = jute_str("/")});
        break;
    case SIM_OP_CLOSE:
        sim_client_header(&b, client, op, OP_CLOSE_SESSION);
        break;
    case SIM_OP_GROUP_WRITE:
    case SIM_OP_GROUP_SPOILED:
    case SIM_OP_GROUP_READ:
        sim_multi_ask(sim, &b, client, op);
        break;
    case SIM_OP_TICKET_PARENT:
    case SIM_OP_TICKET:
    case SIM_OP_TICKET_DELETE:
    case SIM_OP_TICKET_LOOK:
        sim_sequence_ask(sim, &b, client, op);
        break;
    case SIM_OP_MORTAL:
    case SIM_OP_MORTAL_SET:
    case SIM_OP_MEMBER:
    case SIM_OP_MEMBER_DELETE:
        sim_reap_ask(sim, &b, client, op);
        break;
    case SIM_OP_LOOK:
    case SIM_OP_LIST:
    case SIM_OP_SET_WATCHES:
        sim_watch_ask(sim, &b, client, op);
        break;
    default:
        op->seq = (uint32_t)rng_below(&sim->rng, SIM_EPHEMERALS_MAX);
        put_ephemeral(&b, client, op);
        break;
    }
    if (client->asked == client->replied)
        client->asked_at = sim->now;
    client->asked++;
    sim_say(sim, 0, "client, xid asks", client->id, op->xid);
    client->heard_at = sim->now;
    send(sim, client, &b);
}

static void ping(struct sim *sim, struct sim_client *client)
{
    struct buf b = {0};

    if (sim->now - client->heard_at < client->timeout_ms * SIM_MS / 3)
        return;
    client->heard_at = sim->now;
    put_request_header(&b, &(struct zk_request_header){.xid = XID_PING, .type = OP_PING});
    send(sim, client, &b);
}

/* Its session is to end: what it still waits for comes first. */
static void close_session(struct sim *sim, struct sim_client *client)
{
    struct sim_session *session = sim_ghost_session(&sim->ghost, client->session);

    if (client->asked - client->replied == SIM_OPS_MAX)
        return;
    if (session != NULL)
        session->asked = true;
    sim_client_ask(sim, client, SIM_OP_CLOSE);
}

static bool is_closing(struct sim_client *client)
{
    return client->asked > client->replied &&
           op_at(client, client->asked - 1)->kind == SIM_OP_CLOSE;
}

void sim_client_idea(struct sim *sim, const struct sim_event *event)
{
    struct sim_client *client = &sim->clients[event->a];
    int64_t patience = 20 * (int64_t)sim->config.tick_ms * SIM_MS;

    sim_after(sim, sim_between(sim, 1 * SIM_MS, 2 * client->pace), EV_CLIENT, 0, client->id, 0);
    if (client->state != CLIENT_OFF && client->asked_at + patience < sim->now &&
        (client->asked != client->replied || client->state == CLIENT_OPENING))
        hang_up(sim, client);
    if (sim->over && client->state != CLIENT_ON)
        return;
    if (client->state == CLIENT_OFF)
        dial(sim, client);
    if (client->state != CLIENT_ON || is_closing(client))
        return;
    if (sim->over)
        ping(sim, client);
    else if (sim_chance(sim, 100))
        hang_up(sim, client); /* it moves */
    else if (sim_chance(sim, 300))
        close_session(sim, client);
    else if (sim_chance(sim, 8))
        ping(sim, client);
    else
        for (int64_t burst = sim_chance(sim, 10) ? 10 : 1; burst > 0; burst--)
            sim_client_ask(sim, client, choose(sim, client));
}
