/* sim_multi: see sim_multi.h. */
#include "tests/sim/sim_multi.h"

#include "proto/multi.h"
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdio.h>

/* The number of a write that must have no effect. */
#define SPOILED_SEQ 0

/* A version that no znode here comes to. */
#define WRONG_VERSION 1000000

enum sim_op_kind sim_multi_choose(struct sim *sim)
{
    unsigned dice = (unsigned)rng_below(&sim->rng, 10);

    return dice < 5 ? SIM_OP_GROUP_WRITE : dice < 7 ? SIM_OP_GROUP_SPOILED : SIM_OP_GROUP_READ;
}

/* ---------------------------------------------------------------- requests */

/* The parts of a multi that is being made. */
struct parts {
    struct buf *b;
    struct sim_op *op;
    uint32_t client, seq;
};

static void begin_part(const struct parts *parts, int32_t type)
{
    parts->op->multi.types[parts->op->multi.count++] = type;
    multi_put_op(parts->b, type);
}

static void put_create(const struct parts *parts, const char *path)
{
    char data[16];

    (void)snprintf(data, sizeof data, "%u ", parts->seq);
    begin_part(parts, OP_CREATE2);
    put_create_request(parts->b, &(struct zk_create_request){.path = jute_str(path),
                                                             .data = jute_str(data),
                                                             .acl = sim_client_acl()});
}

static void put_set(const struct parts *parts, const char *path)
{
    char data[16];

    (void)snprintf(data, sizeof data, "%u ", parts->seq);
    begin_part(parts, OP_SET_DATA);
    put_set_data_request(parts->b, &(struct zk_set_data_request){.path = jute_str(path),
                                                                 .data = jute_str(data),
                                                                 .version = ANY_VERSION});
}

/* `check` or `delete`. */
static void put_versioned(const struct parts *parts, int32_t type, const char *path,
                          int32_t version)
{
    begin_part(parts, type);
    put_path_version_request(
        parts->b, &(struct zk_path_version_request){.path = jute_str(path), .version = version});
}

/* A part that must fail, whatever the parts beside it do. */
static void put_spoiler(struct sim *sim, const struct parts *parts)
{
    char path[SIM_PATH_MAX], below[SIM_PATH_MAX + 8];

    sim_path_group(path, parts->client, 0);
    (void)snprintf(below, sizeof below, "%s/a/b", path);
    parts->op->multi.failed = parts->op->multi.count;
    switch (rng_below(&sim->rng, 4)) {
    case 0:
        put_versioned(parts, OP_CHECK, path, WRONG_VERSION);
        parts->op->multi.err = ZBADVERSION;
        break;
    case 1:
        put_create(parts, path);
        parts->op->multi.err = ZNODEEXISTS;
        break;
    case 2:
        put_create(parts, below);
        parts->op->multi.err = ZNONODE;
        break;
    default:
        put_versioned(parts, OP_DELETE, below, ANY_VERSION);
        parts->op->multi.err = ZNONODE;
        break;
    }
}

/* The next part of a write of the whole group. */
static void put_part(const struct sim_client *client, const struct parts *parts, int i)
{
    bool is_known = client->group.waiting == 0 && parts->op->multi.failed < 0;
    char first[SIM_PATH_MAX], other[SIM_PATH_MAX];

    _Static_assert(SIM_GROUP_SIZE == 2, "a first one and another");
    sim_path_group(first, client->id, 0);
    sim_path_group(other, client->id, 1);
    switch (i) {
    case 0:
        put_versioned(parts, OP_CHECK, first, is_known ? client->group.version : ANY_VERSION);
        break;
    case 1:
        put_set(parts, first);
        break;
    case 2:
        put_versioned(parts, OP_DELETE, other, ANY_VERSION);
        break;
    default:
        put_create(parts, other);
        break;
    }
}

static void put_write(struct sim *sim, struct buf *b, struct sim_client *client, struct sim_op *op)
{
    struct parts parts = {.b = b, .op = op, .client = client->id};
    int spoiled_at = -1;
    char path[SIM_PATH_MAX];

    if (!client->group.made)
        op->kind = SIM_OP_GROUP_WRITE;
    if (op->kind == SIM_OP_GROUP_SPOILED)
        spoiled_at = (int)sim_between(sim, 0, 4);
    parts.seq = op->kind == SIM_OP_GROUP_SPOILED ? SPOILED_SEQ : ++client->seq;
    op->seq = parts.seq;
    op->multi.failed = -1;
    sim_client_header(b, client, op, OP_MULTI);
    for (uint32_t k = 0; k < SIM_GROUP_SIZE && !client->group.made; k++) {
        sim_path_group(path, client->id, k);
        put_create(&parts, path);
    }
    for (int i = 0; i <= 4 && client->group.made; i++) {
        if (i == spoiled_at)
            put_spoiler(sim, &parts);
        if (i < 4)
            put_part(client, &parts, i);
    }
    multi_put_end(b);
    client->group.waiting++;
}

static void put_read(struct sim *sim, struct buf *b, struct sim_client *client, struct sim_op *op)
{
    char path[SIM_PATH_MAX];

    op->seq = (uint32_t)rng_below(&sim->rng, (uint64_t)sim->client_count);
    sim_client_header(b, client, op, OP_MULTI_READ);
    for (uint32_t k = 0; k < SIM_GROUP_SIZE; k++) {
        sim_path_group(path, op->seq, k);
        multi_put_op(b, OP_GET_DATA);
        put_path_watch_request(b, &(struct zk_path_watch_request){.path = jute_str(path)});
    }
    multi_put_end(b);
}

void sim_multi_ask(struct sim *sim, struct buf *b, struct sim_client *client, struct sim_op *op)
{
    if (op->kind == SIM_OP_GROUP_READ)
        put_read(sim, b, client, op);
    else
        put_write(sim, b, client, op);
}

/* ---------------------------------------------------------------- answers */

/* The result of part I, which is well; gives the version of what it set. */
static int32_t get_result(struct sim *sim, const struct sim_reply *reply, int32_t i)
{
    struct zk_path_stat_response created;
    struct zk_stat_response set;
    zk_zxid mzxid = reply->zxid;
    int32_t version = 0;

    switch (reply->op->multi.types[i]) {
    case OP_CREATE2:
        get_path_stat_response(reply->body, &created);
        mzxid = created.stat.czxid;
        break;
    case OP_SET_DATA:
        get_stat_response(reply->body, &set);
        mzxid = set.stat.mzxid;
        version = set.stat.version;
        break;
    default:
        break;
    }
    SIM_REQUIRE(sim, !reply->body->bad && mzxid == reply->zxid,
                "client %u: xid %d, part %d: a result of another txn", reply->client->id,
                reply->op->xid, i);
    return version;
}

/* All parts are well, or all are not, FAILED with the error ERR. */
static void check_results(struct sim *sim, const struct sim_reply *reply, int32_t failed,
                          enum zk_err err)
{
    const struct sim_op *op = reply->op;
    struct sim_client *client = reply->client;
    struct zk_error_response response;
    int32_t type;

    for (int32_t i = 0; i < op->multi.count; i++) {
        enum zk_err expected = i < failed ? ZOK : i == failed ? err : ZRUNTIMEINCONSISTENCY;
        bool is_there = multi_next(reply->body, &type);

        SIM_REQUIRE(sim, is_there && type == (failed >= 0 ? OP_ERROR : op->multi.types[i]),
                    "client %u: xid %d, part %d: a result of type %d", client->id, op->xid, i,
                    type);
        if (failed < 0) {
            int32_t version = get_result(sim, reply, i);

            if (op->multi.types[i] == OP_SET_DATA)
                client->group.version = version;
            continue;
        }
        get_error_response(reply->body, &response);
        SIM_REQUIRE(sim, !reply->body->bad && response.err == (int32_t)expected,
                    "client %u: xid %d, part %d: error %d instead of %d", client->id, op->xid, i,
                    response.err, (int)expected);
    }
    SIM_REQUIRE(sim, !multi_next(reply->body, &type) && !reply->body->bad,
                "client %u: xid %d: more results than parts", client->id, op->xid);
}

/* Whether its answer begins with the error that a first part gives, of a group that was there. */
static bool is_made_already(const struct sim_reply *reply)
{
    struct jute_reader body = *reply->body;
    int32_t type;

    return !reply->client->group.made && multi_next(&body, &type) && type == OP_ERROR;
}

static void on_write(struct sim *sim, const struct sim_reply *reply)
{
    struct sim_client *client = reply->client;
    const struct sim_op *op = reply->op;
    bool is_creation = op->multi.types[0] == OP_CREATE2;

    client->group.waiting--;
    sim_reply_outcome(sim, reply);
    if (sim_reply_refused(reply->err))
        return;
    SIM_REQUIRE(sim, reply->err == ZOK, "client %u: a multi gives error %d", client->id,
                reply->err);
    if (op->kind == SIM_OP_GROUP_SPOILED) {
        check_results(sim, reply, op->multi.failed, op->multi.err);
        sim->cover.multis_failed++;
    } else if (is_creation && (client->group.made || is_made_already(reply))) {
        check_results(sim, reply, 0, ZNODEEXISTS);
        client->group.made = true;
    } else {
        check_results(sim, reply, -1, ZOK);
        client->group.made = true;
        client->group.acked = op->seq;
    }
    sim->cover.multis++;
}

/* The write that one znode of the group has; all 0: it is not there. */
static struct sim_value get_part(struct sim *sim, const struct sim_reply *reply)
{
    struct zk_get_data_response response;
    struct zk_error_response error;
    int32_t type = 0;
    bool is_there = multi_next(reply->body, &type);

    if (is_there && type == OP_ERROR) {
        get_error_response(reply->body, &error);
        SIM_REQUIRE(sim, !reply->body->bad && error.err == ZNONODE,
                    "client %u: xid %d: a part of a multiRead gives error %d", reply->client->id,
                    reply->op->xid, error.err);
        return (struct sim_value){0};
    }
    get_get_data_response(reply->body, &response);
    SIM_REQUIRE(sim, is_there && !reply->body->bad && type == OP_GET_DATA,
                "client %u: xid %d: a malformed multiRead", reply->client->id, reply->op->xid);
    return (struct sim_value){.zxid = response.stat.mzxid, .seq = sim_data_seq(response.data)};
}

static void on_read(struct sim *sim, const struct sim_reply *reply)
{
    uint32_t whose = reply->op->seq;
    struct sim_value value = sim_history_at(&sim->ghost.groups[whose], reply->zxid);

    SIM_REQUIRE(sim, reply->err == ZOK, "client %u: a multiRead gives error %d", reply->client->id,
                reply->err);
    for (uint32_t k = 0; k < SIM_GROUP_SIZE; k++) {
        struct sim_value part = get_part(sim, reply);

        SIM_REQUIRE(sim, part.seq == value.seq && part.zxid == value.zxid,
                    "client %u: at 0x%" PRIx64 " it reads in /m%u-%u write %u of 0x%" PRIx64
                    ", where the group had %u of 0x%" PRIx64 " (13)",
                    reply->client->id, reply->zxid, whose, k, part.seq, part.zxid, value.seq,
                    value.zxid);
    }
    SIM_REQUIRE(sim, whose != reply->client->id || value.seq >= reply->client->group.acked,
                "client %u does not read its multi (13)", reply->client->id);
    sim->cover.groups_read++;
}

void sim_multi_reply(struct sim *sim, const struct sim_reply *reply)
{
    if (reply->op->kind == SIM_OP_GROUP_READ)
        on_read(sim, reply);
    else
        on_write(sim, reply);
}

void sim_multi_forget(struct sim_client *client, const struct sim_op *op)
{
    if (op->kind != SIM_OP_GROUP_WRITE && op->kind != SIM_OP_GROUP_SPOILED)
        return;
    client->group.waiting--;
    client->group.version = ANY_VERSION;
}

/* ---------------------------------------------------------------- what is committed */

const char *sim_multi_note(struct sim_history *groups, const struct sim_txn *txn)
{
    uint32_t seqs[SIM_GROUP_SIZE] = {0}, client = 0;
    bool is_changed = false;

    for (size_t i = 0; i < txn->change_count; i++) {
        const struct sim_change *change = &txn->changes[i];

        if (change->name.place != SIM_PLACE_GROUP)
            continue;
        client = change->name.client % SIM_CLIENTS_MAX;
        seqs[change->name.k % SIM_GROUP_SIZE] = change->type == OP_DELETE ? 0 : change->seq;
        is_changed = true;
    }
    if (!is_changed)
        return NULL;
    for (int k = 0; k < SIM_GROUP_SIZE; k++)
        if (txn->type != OP_MULTI || seqs[k] == 0 || seqs[k] != seqs[0])
            return "a part of a multi is committed, or one that must fail";
    if (sim_history_last(&groups[client]).seq >= seqs[0])
        return "a multi is committed twice, or not in its order";
    sim_history_add(&groups[client], txn->zxid, seqs[0]);
    return NULL;
}

void sim_multi_check_end(struct sim *sim, const struct sim_client *client)
{
    struct sim_value value = sim_history_last(&sim->ghost.groups[client->id]);

    SIM_REQUIRE(sim, client->group.acked <= value.seq, "client %u: an acknowledged multi is lost",
                client->id);
    for (uint32_t k = 0; k < SIM_GROUP_SIZE && value.seq != 0; k++) {
        const struct znode *znode;
        char path[SIM_PATH_MAX];

        sim_path_group(path, client->id, k);
        znode = tree_lookup(sim->ghost.tree, jute_str(path));
        SIM_REQUIRE(sim, znode != NULL && sim_data_seq(znode_data(znode)) == value.seq,
                    "client %u: %s has not the last multi at the end", client->id, path);
    }
}
