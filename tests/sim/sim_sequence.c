/* sim_sequence: see sim_sequence.h. */
#include "tests/sim/sim_sequence.h"

#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdio.h>

enum sim_op_kind sim_sequence_choose(struct sim *sim)
{
    unsigned dice = (unsigned)rng_below(&sim->rng, 10);

    return dice < 6 ? SIM_OP_TICKET : dice < 8 ? SIM_OP_TICKET_DELETE : SIM_OP_TICKET_LOOK;
}

/* ---------------------------------------------------------------- requests */

static void put_create(struct buf *b, struct sim_client *client, struct sim_op *op,
                       const char *path, int32_t flags)
{
    sim_client_header(b, client, op, OP_CREATE2);
    put_create_request(b, &(struct zk_create_request){.path = jute_str(path),
                                                      .data = jute_str(""),
                                                      .acl = sim_client_acl(),
                                                      .flags = flags});
}

static void put_ticket(struct sim *sim, struct buf *b, struct sim_client *client, struct sim_op *op)
{
    char path[SIM_PATH_MAX];

    op->seq = ++client->seq;
    op->ticket.ephemeral = sim_chance(sim, 2);
    (void)snprintf(path, sizeof path, SIM_TICKET_PARENT "/%u-%u-", client->id, op->seq);
    put_create(b, client, op, path,
               op->ticket.ephemeral ? CREATE_EPHEMERAL_SEQUENTIAL : CREATE_PERSISTENT_SEQUENTIAL);
}

/* One that it has. What is to be deleted it has no more. */
static void put_of_kept(struct sim *sim, struct buf *b, struct sim_client *client,
                        struct sim_op *op)
{
    size_t i = rng_below(&sim->rng, client->tickets.count);
    char path[SIM_PATH_MAX];

    op->ticket = client->tickets.kept[i];
    sim_path_ticket(path, client->id, op->ticket.seq, op->ticket.number);
    if (op->kind == SIM_OP_TICKET_LOOK) {
        sim_client_header(b, client, op, OP_EXISTS);
        put_path_watch_request(b, &(struct zk_path_watch_request){.path = jute_str(path)});
        return;
    }
    client->tickets.kept[i] = client->tickets.kept[--client->tickets.count];
    sim_client_header(b, client, op, OP_DELETE);
    put_path_version_request(
        b, &(struct zk_path_version_request){.path = jute_str(path), .version = ANY_VERSION});
}

void sim_sequence_ask(struct sim *sim, struct buf *b, struct sim_client *client, struct sim_op *op)
{
    if (client->tickets.count == 0)
        op->kind = SIM_OP_TICKET;
    if (op->kind == SIM_OP_TICKET && client->tickets.count == SIM_TICKETS_MAX)
        op->kind = SIM_OP_TICKET_DELETE;
    if (!client->tickets.has_parent)
        op->kind = SIM_OP_TICKET_PARENT;
    if (op->kind == SIM_OP_TICKET_PARENT)
        put_create(b, client, op, SIM_TICKET_PARENT, CREATE_PERSISTENT);
    else if (op->kind == SIM_OP_TICKET)
        put_ticket(sim, b, client, op);
    else
        put_of_kept(sim, b, client, op);
}

/* ---------------------------------------------------------------- answers */

/* Does the txn of the answer create PATH? */
static bool is_made(const struct sim *sim, zk_zxid zxid, struct jute_bytes path)
{
    const struct blob *blob = sim_ghost_committed(&sim->ghost, zxid);
    struct arena arena = {0};
    struct txn txn;
    bool is = blob != NULL && txn_decode(blob->data, blob->len, &arena, &txn) &&
              txn.hdr.type == OP_CREATE2 && jute_equal(txn.create.path, path);

    arena_done(&arena);
    return is;
}

static void on_ticket(struct sim *sim, const struct sim_reply *reply)
{
    struct sim_client *client = reply->client;
    struct zk_path_stat_response response;
    struct sim_ticket ticket = reply->op->ticket;
    struct sim_name name;

    SIM_REQUIRE(sim, reply->err == ZOK, "client %u: a sequential create gives error %d", client->id,
                reply->err);
    get_path_stat_response(reply->body, &response);
    SIM_REQUIRE(sim, !reply->body->bad, "client %u: a malformed answer", client->id);
    name = sim_name(response.path);
    SIM_REQUIRE(sim,
                name.place == SIM_PLACE_TICKET && name.client == client->id &&
                    name.k == reply->op->seq && is_made(sim, reply->zxid, response.path) &&
                    response.stat.czxid == reply->zxid &&
                    response.stat.ephemeral_owner == (ticket.ephemeral ? client->session : 0),
                "client %u: xid %d: it is given a name that is not that of its znode", client->id,
                reply->op->xid);
    sim->cover.tickets++;
    if (client->tickets.count == SIM_TICKETS_MAX)
        return;
    ticket.seq = name.k;
    ticket.number = name.number;
    ticket.czxid = reply->zxid;
    client->tickets.kept[client->tickets.count++] = ticket;
}

/* Nobody but its owner deletes it, or the end of its session. */
static void on_look(struct sim *sim, const struct sim_reply *reply)
{
    struct zk_stat_response response = {0};

    if (reply->err == ZOK)
        get_stat_response(reply->body, &response);
    SIM_REQUIRE(
        sim,
        reply->err == ZOK && !reply->body->bad && response.stat.czxid == reply->op->ticket.czxid,
        "client %u: at 0x%" PRIx64 " its /s/%u-%u-%010u is not there (14)", reply->client->id,
        reply->zxid, reply->client->id, reply->op->ticket.seq, reply->op->ticket.number);
    sim->cover.tickets_seen++;
}

void sim_sequence_reply(struct sim *sim, const struct sim_reply *reply)
{
    struct sim_client *client = reply->client;

    if (reply->op->kind == SIM_OP_TICKET_LOOK) {
        on_look(sim, reply);
        return;
    }
    sim_reply_outcome(sim, reply);
    if (sim_reply_refused(reply->err))
        return;
    if (reply->op->kind == SIM_OP_TICKET) {
        on_ticket(sim, reply);
        return;
    }
    SIM_REQUIRE(
        sim,
        reply->err == ZOK || (reply->op->kind == SIM_OP_TICKET_PARENT && reply->err == ZNODEEXISTS),
        "client %u: xid %d, of a sequence, gives error %d", client->id, reply->op->xid, reply->err);
    client->tickets.has_parent = true;
    sim->cover.tickets_deleted += reply->op->kind == SIM_OP_TICKET_DELETE;
}

void sim_sequence_session_ended(struct sim_client *client)
{
    size_t kept = 0;

    for (size_t i = 0; i < client->tickets.count; i++)
        if (!client->tickets.kept[i].ephemeral)
            client->tickets.kept[kept++] = client->tickets.kept[i];
    client->tickets.count = kept;
}

/* ---------------------------------------------------------------- what is committed */

const char *sim_sequence_note(struct sim_sequence *sequence, const struct sim_txn *txn)
{
    for (size_t i = 0; i < txn->change_count; i++) {
        const struct sim_name *name = &txn->changes[i].name;
        uint32_t *last_seq = &sequence->last_seq[name->client % SIM_CLIENTS_MAX];

        if (name->place != SIM_PLACE_TICKET || txn->changes[i].type != OP_CREATE)
            continue;
        if (name->number < sequence->next)
            return "the number of a name is given a second time, or steps back";
        if (name->k <= *last_seq)
            return "a sequential create is committed twice, or not in its order";
        sequence->next = (uint64_t)name->number + 1;
        *last_seq = name->k;
    }
    return NULL;
}

void sim_sequence_check_end(struct sim *sim, const struct sim_client *client)
{
    const struct sim_session *session = sim_ghost_session(&sim->ghost, client->session);
    bool is_open = session != NULL && session->closed == 0;

    for (size_t i = 0; i < client->tickets.count; i++) {
        const struct sim_ticket *ticket = &client->tickets.kept[i];
        const struct znode *znode;
        struct zk_stat stat = {0};
        char path[SIM_PATH_MAX];

        if (ticket->ephemeral && !is_open)
            continue;
        sim_path_ticket(path, client->id, ticket->seq, ticket->number);
        znode = tree_lookup(sim->ghost.tree, jute_str(path));
        if (znode != NULL)
            znode_stat(sim->ghost.tree, znode, &stat);
        SIM_REQUIRE(sim, znode != NULL && stat.czxid == ticket->czxid,
                    "client %u: %s, which was acknowledged, is lost", client->id, path);
    }
}
