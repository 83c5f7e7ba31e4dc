/* sim_reap: see sim_reap.h. */
#include "tests/sim/sim_reap.h"

#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdio.h>

/* What a deletion may take from its proposal on, and two leaders' clocks may differ by. */
#define SLACK_MS 3000

void sim_reap_choose_world(struct sim *sim)
{
    sim->ghost.reap.interval_ms = (int32_t)sim_between(sim, 200, 1500);
    sim->ghost.reap.per_minute = sim_chance(sim, 2) ? 600 : 60000;
    sim->ghost.reap.never_used_ms = sim_chance(sim, 2) ? 0 : (int32_t)sim_between(sim, 500, 5000);
}

enum sim_op_kind sim_reap_choose(struct sim *sim)
{
    unsigned dice = (unsigned)rng_below(&sim->rng, 10);

    return dice < 3   ? SIM_OP_MORTAL
           : dice < 4 ? SIM_OP_MORTAL_SET
           : dice < 7 ? SIM_OP_MEMBER
                      : SIM_OP_MEMBER_DELETE;
}

/* ---------------------------------------------------------------- requests */

static void put_creation(struct buf *b, struct sim_client *client, struct sim_op *op,
                         const char *path, int64_t ttl_ms)
{
    struct zk_create_ttl_request req = {.path = jute_str(path),
                                        .data = jute_str(""),
                                        .acl = sim_client_acl(),
                                        .flags = CREATE_PERSISTENT_TTL,
                                        .ttl = ttl_ms};

    if (op->seq == SIM_MORTAL_TTL) {
        sim_client_header(b, client, op, OP_CREATE_TTL);
        put_create_ttl_request(b, &req);
        return;
    }
    sim_client_header(b, client, op, OP_CREATE_CONTAINER);
    put_create_request(
        b, &(struct zk_create_request){
               .path = req.path, .data = req.data, .acl = req.acl, .flags = CREATE_CONTAINER});
}

void sim_reap_ask(struct sim *sim, struct buf *b, struct sim_client *client, struct sim_op *op)
{
    char path[SIM_PATH_MAX];

    op->seq = (uint32_t)rng_below(&sim->rng, SIM_MORTALS_MAX);
    sim_path_mortal(path, client->id, op->seq,
                    op->kind == SIM_OP_MEMBER || op->kind == SIM_OP_MEMBER_DELETE);
    switch (op->kind) {
    case SIM_OP_MORTAL:
        put_creation(b, client, op, path, sim_between(sim, 1, sim_chance(sim, 2) ? 300 : 6000));
        break;
    case SIM_OP_MORTAL_SET:
        sim_client_header(b, client, op, OP_SET_DATA);
        put_set_data_request(b, &(struct zk_set_data_request){.path = jute_str(path),
                                                              .data = jute_str("x"),
                                                              .version = ANY_VERSION});
        break;
    case SIM_OP_MEMBER:
        sim_client_header(b, client, op, OP_CREATE);
        put_create_request(b, &(struct zk_create_request){.path = jute_str(path),
                                                          .data = jute_str(""),
                                                          .acl = sim_client_acl()});
        break;
    default:
        sim_client_header(b, client, op, OP_DELETE);
        put_path_version_request(
            b, &(struct zk_path_version_request){.path = jute_str(path), .version = ANY_VERSION});
        break;
    }
}

/* ---------------------------------------------------------------- answers */

/* What may be told, as far as its owner knows: nobody else touches a member, and what has one
 * stays. */
static bool is_possible(enum sim_op_kind kind, enum sim_presence member, enum zk_err err)
{
    switch (kind) {
    case SIM_OP_MORTAL:
        return err == ZNODEEXISTS || (err == ZOK && member != SIM_PRESENT);
    case SIM_OP_MORTAL_SET:
        return err == ZOK || (err == ZNONODE && member != SIM_PRESENT);
    case SIM_OP_MEMBER:
        return member == SIM_PRESENT
                   ? err == ZNODEEXISTS
                   : err == ZOK || err == ZNONODE || (err == ZNODEEXISTS && member == SIM_UNKNOWN);
    default:
        return (err == ZOK && member != SIM_ABSENT) || (err == ZNONODE && member != SIM_PRESENT);
    }
}

void sim_reap_reply(struct sim *sim, const struct sim_reply *reply)
{
    struct sim_client *client = reply->client;
    enum sim_presence *member = &client->members[reply->op->seq];

    sim_reply_outcome(sim, reply);
    if (sim_reply_refused(reply->err))
        return;
    SIM_REQUIRE(sim, is_possible(reply->op->kind, *member, reply->err),
                "client %u: xid %d, of a container or TTL znode, gives error %d", client->id,
                reply->op->xid, reply->err);
    if (reply->op->kind == SIM_OP_MEMBER)
        *member = reply->err == ZNONODE ? SIM_ABSENT : SIM_PRESENT;
    if (reply->op->kind == SIM_OP_MEMBER_DELETE)
        *member = SIM_ABSENT;
    sim->cover.mortals++;
}

void sim_reap_forget(struct sim_client *client, const struct sim_op *op)
{
    if (op->kind == SIM_OP_MEMBER || op->kind == SIM_OP_MEMBER_DELETE)
        client->members[op->seq] = SIM_UNKNOWN;
}

/* ---------------------------------------------------------------- what is committed */

/* When it may be deleted; INT64_MAX: not now. */
static int64_t due_at(const struct sim_reap *reap, const struct sim_mortal *mortal)
{
    if (!mortal->exists || mortal->has_member)
        return INT64_MAX;
    if (mortal->ttl_ms > 0)
        return mortal->mtime + mortal->ttl_ms;
    if (mortal->had_member)
        return 0;
    return reap->never_used_ms > 0 ? mortal->mtime + reap->never_used_ms : INT64_MAX;
}

static const char *note_member(struct sim_mortal *mortal, const struct sim_change *change,
                               int64_t time)
{
    bool is_creation = change->type == OP_CREATE;

    if (!mortal->exists || mortal->has_member == is_creation)
        return "a member comes or goes that cannot";
    mortal->has_member = is_creation;
    mortal->had_member = true;
    mortal->left_at = time;
    return NULL;
}

static const char *note_mortal(struct sim_reap *reap, struct sim_mortal *mortal,
                               const struct sim_change *change, const struct sim_txn *txn)
{
    switch (change->type) {
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        if (mortal->exists)
            return "a container or TTL znode is created twice";
        *mortal = (struct sim_mortal){
            .exists = true, .mtime = txn->time, .ttl_ms = change->ttl_ms, .left_at = txn->time};
        return NULL;
    case OP_SET_DATA:
        mortal->mtime = txn->time;
        return mortal->exists ? NULL : "a container or TTL znode is set that is gone";
    case OP_DELETE_CONTAINER:
        if (txn->time <= due_at(reap, mortal) && due_at(reap, mortal) > 0)
            return "a container or TTL znode is deleted before its time";
        reap->containers += mortal->ttl_ms == 0;
        reap->ttls += mortal->ttl_ms > 0;
        *mortal = (struct sim_mortal){0};
        return NULL;
    default:
        return "a container or TTL znode is changed as nobody asked for";
    }
}

const char *sim_reap_note(struct sim_reap *reap, const struct sim_txn *txn)
{
    for (size_t i = 0; i < txn->change_count; i++) {
        const struct sim_change *change = &txn->changes[i];
        struct sim_mortal *mortals = reap->mortals[change->name.client % SIM_CLIENTS_MAX];
        const char *complaint = NULL;

        if (change->name.place == SIM_PLACE_MORTAL)
            complaint = note_mortal(reap, &mortals[change->name.k], change, txn);
        else if (change->name.place == SIM_PLACE_MEMBER)
            complaint = note_member(&mortals[change->name.k], change, txn->time);
        if (change->type == OP_DELETE_CONTAINER &&
            (change->name.place != SIM_PLACE_MORTAL || txn->session != 0))
            complaint = "the leader deletes of itself what it must not";
        if (complaint != NULL)
            return complaint;
    }
    return NULL;
}

/* Two checks, and what all that may be due at once take. */
static int64_t patience_ms(const struct sim_reap *reap)
{
    int64_t pause_ms = 60000 / reap->per_minute + 5;

    return 2 * (int64_t)reap->interval_ms + pause_ms * SIM_CLIENTS_MAX * SIM_MORTALS_MAX + SLACK_MS;
}

void sim_reap_check(struct sim *sim)
{
    const struct sim_reap *reap = &sim->ghost.reap;
    int64_t patience = patience_ms(reap), now_ms;
    int leader = 0;

    for (int s = 1; s <= sim->count; s++)
        if (sim->servers[s].alive && sim->servers[s].serving &&
            sim->servers[s].role == ROLE_LEADING)
            leader = s;
    if (sim->well_since == 0 || sim->now - sim->well_since < patience * SIM_MS || leader == 0)
        return;
    now_ms = sim_core_time(sim, leader).wall_ms;
    for (int n = 0; n < SIM_CLIENTS_MAX * SIM_MORTALS_MAX; n++) {
        const struct sim_mortal *mortal = &reap->mortals[n / SIM_MORTALS_MAX][n % SIM_MORTALS_MAX];
        int64_t due = due_at(reap, mortal);
        bool is_in_time;

        due = due < mortal->left_at ? mortal->left_at : due;
        is_in_time = due == INT64_MAX || now_ms - due < patience;
        SIM_REQUIRE(sim, is_in_time,
                    "client %d: its %s is due since %" PRId64 " ms and still there (liveness)",
                    n / SIM_MORTALS_MAX, mortal->ttl_ms > 0 ? "TTL znode" : "container",
                    now_ms - due);
    }
}

void sim_reap_check_end(struct sim *sim, const struct sim_client *client)
{
    for (uint32_t k = 0; k < SIM_MORTALS_MAX; k++) {
        const struct sim_mortal *mortal = &sim->ghost.reap.mortals[client->id][k];
        const struct znode *znode;
        char path[SIM_PATH_MAX];

        sim_path_mortal(path, client->id, k, false);
        znode = tree_lookup(sim->ghost.tree, jute_str(path));
        SIM_REQUIRE(
            sim,
            (znode != NULL) == mortal->exists &&
                (znode == NULL || znode_child_count(znode) == (mortal->has_member ? 1u : 0u)),
            "client %u: %s is not at the end what was committed of it", client->id, path);
    }
}
