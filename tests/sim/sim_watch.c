/* sim_watch: see sim_watch.h. */
#include "tests/sim/sim_watch.h"

#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdio.h>

/* What can be watched, in one row: values, ephemerals, children. */
#define FIRST_EPHEMERAL SIM_CLIENTS_MAX
#define CHILDREN (SIM_TARGETS - 1)
_Static_assert(SIM_TARGETS <= 64, "a bit for each");

static const struct sim_history *history_of(const struct sim *sim, int target)
{
    if (target < FIRST_EPHEMERAL)
        return &sim->ghost.clients[target];
    return target < CHILDREN ? &sim->ghost.watched.ephemerals[target - FIRST_EPHEMERAL]
                             : &sim->ghost.watched.children;
}

static void path_of(char path[SIM_PATH_MAX], int target)
{
    int ephemeral = target - FIRST_EPHEMERAL;

    if (target < FIRST_EPHEMERAL)
        sim_path_own(path, (uint32_t)target);
    else if (target < CHILDREN)
        sim_path_ephemeral(path, (uint32_t)(ephemeral / SIM_EPHEMERALS_MAX),
                           (uint32_t)(ephemeral % SIM_EPHEMERALS_MAX));
    else
        (void)snprintf(path, SIM_PATH_MAX, SIM_TICKET_PARENT);
}

/* -1: nothing that anybody watches. */
static int target_of(struct jute_bytes path)
{
    struct sim_name name = sim_name(path);

    if (name.place == SIM_PLACE_OWN && name.client < SIM_CLIENTS_MAX)
        return (int)name.client;
    if (name.place == SIM_PLACE_EPHEMERAL && name.client < SIM_CLIENTS_MAX &&
        name.k < SIM_EPHEMERALS_MAX)
        return (int)(FIRST_EPHEMERAL + name.client * SIM_EPHEMERALS_MAX + name.k);
    return jute_equal(path, jute_str(SIM_TICKET_PARENT)) ? CHILDREN : -1;
}

/* Does it wait for the creation of what is not there? */
static bool awaits_creation(const struct sim_client *client, int target)
{
    return target >= FIRST_EPHEMERAL && target < CHILDREN && !client->watches[target].there;
}

static void set(struct sim_client *client, int target, zk_zxid since, bool there)
{
    client->watching |= UINT64_C(1) << target;
    client->watches[target].since = since;
    client->watches[target].there = there;
}

/* ---------------------------------------------------------------- requests */

enum sim_op_kind sim_watch_choose(struct sim *sim)
{
    return sim_chance(sim, 3) ? SIM_OP_LIST : SIM_OP_LOOK;
}

static int collect(const struct sim_client *client, bool of_data, bool of_absent,
                   char (*paths)[SIM_PATH_MAX], struct jute_bytes *items)
{
    int count = 0;

    for (int target = 0; target < SIM_TARGETS; target++) {
        if ((client->watching >> target & 1) == 0 || (target != CHILDREN) != of_data ||
            awaits_creation(client, target) != of_absent)
            continue;
        path_of(paths[target], target);
        items[count++] = jute_str(paths[target]);
    }
    return count;
}

/* All that it watched on its last connection. */
static void put_set_again(struct sim *sim, struct buf *b, struct sim_client *client,
                          struct sim_op *op)
{
    bool is_2 = sim_chance(sim, 2);
    char paths[SIM_TARGETS][SIM_PATH_MAX];
    struct jute_bytes data[SIM_TARGETS], exist[SIM_TARGETS], child[1];
    struct zk_set_watches2 req = {.relative_zxid = client->seen,
                                  .data = {.items = data},
                                  .exist = {.items = exist},
                                  .child = {.items = child}};

    req.data.count = collect(client, true, false, paths, data);
    req.exist.count = collect(client, true, true, paths, exist);
    req.child.count = collect(client, false, false, paths, child);
    op->xid = XID_SET_WATCHES;
    put_request_header(b, &(struct zk_request_header){
                              .xid = op->xid, .type = is_2 ? OP_SET_WATCHES2 : OP_SET_WATCHES});
    if (is_2)
        put_set_watches2(b, &req);
    else
        put_set_watches(b, &(struct zk_set_watches){.relative_zxid = req.relative_zxid,
                                                    .data = req.data,
                                                    .exist = req.exist,
                                                    .child = req.child});
}

void sim_watch_ask(struct sim *sim, struct buf *b, struct sim_client *client, struct sim_op *op)
{
    char path[SIM_PATH_MAX];

    if (op->kind == SIM_OP_SET_WATCHES) {
        put_set_again(sim, b, client, op);
        return;
    }
    op->seq = CHILDREN;
    if (op->kind == SIM_OP_LOOK)
        op->seq = FIRST_EPHEMERAL +
                  (uint32_t)rng_below(&sim->rng, (uint64_t)sim->client_count * SIM_EPHEMERALS_MAX);
    path_of(path, (int)op->seq);
    sim_client_header(b, client, op, op->kind == SIM_OP_LOOK ? OP_EXISTS : OP_GET_CHILDREN2);
    put_path_watch_request(b,
                           &(struct zk_path_watch_request){.path = jute_str(path), .watch = true});
}

/* ---------------------------------------------------------------- answers */

static void on_look(struct sim *sim, const struct sim_reply *reply)
{
    int target = (int)reply->op->seq;
    struct sim_value value = sim_history_at(history_of(sim, target), reply->zxid);
    struct zk_stat_response response;

    SIM_REQUIRE(sim, reply->err == (value.seq == 0 ? ZNONODE : ZOK),
                "client %u: at 0x%" PRIx64 " somebody's ephemeral %d is looked at: error %d (14)",
                reply->client->id, reply->zxid, target - FIRST_EPHEMERAL, reply->err);
    if (reply->err == ZOK) {
        get_stat_response(reply->body, &response);
        SIM_REQUIRE(sim, !reply->body->bad && response.stat.czxid == value.zxid,
                    "client %u: an ephemeral of 0x%" PRIx64 " is shown as of 0x%" PRIx64,
                    reply->client->id, value.zxid, response.stat.czxid);
    }
    set(reply->client, target, reply->zxid, reply->err == ZOK);
}

static void on_list(struct sim *sim, const struct sim_reply *reply)
{
    struct sim_value value = sim_history_at(history_of(sim, CHILDREN), reply->zxid);
    struct arena arena = {0};
    struct zk_get_children2_response response = {0};

    if (reply->err == ZNONODE) {
        SIM_REQUIRE(sim, value.zxid == 0, "client %u: it lists children of nothing",
                    reply->client->id);
        return;
    }
    reply->body->arena = &arena;
    get_get_children2_response(reply->body, &response);
    reply->body->arena = NULL;
    SIM_REQUIRE(sim,
                !reply->body->bad && (uint32_t)response.children.count == value.seq &&
                    (value.zxid == 0 || response.stat.pzxid == value.zxid),
                "client %u: at 0x%" PRIx64 " it is shown %d children as of 0x%" PRIx64
                ", there were %u as of 0x%" PRIx64 " (13)",
                reply->client->id, reply->zxid, response.children.count, response.stat.pzxid,
                value.seq, value.zxid);
    arena_done(&arena);
    set(reply->client, CHILDREN, reply->zxid, true);
}

void sim_watch_reply(struct sim *sim, const struct sim_reply *reply)
{
    switch (reply->op->kind) {
    case SIM_OP_LOOK:
        on_look(sim, reply);
        break;
    case SIM_OP_LIST:
        on_list(sim, reply);
        break;
    default:
        SIM_REQUIRE(sim, reply->err == ZOK, "client %u: setWatches gives error %d",
                    reply->client->id, reply->err);
        sim->cover.watches_again++;
        break;
    }
    sim->cover.looks += reply->op->kind != SIM_OP_SET_WATCHES;
}

void sim_watch_value(struct sim_client *client, uint32_t whose, zk_zxid zxid)
{
    set(client, (int)whose, zxid, true);
}

/* Is it the oldest thing that it waits for, to have its watches again? */
static bool catches_up(const struct sim_client *client)
{
    return client->replied < client->asked &&
           client->ops[client->replied % SIM_OPS_MAX].kind == SIM_OP_SET_WATCHES;
}

static bool is_type_right(const struct sim_client *client, int target, int32_t type, bool missed)
{
    if (target == CHILDREN)
        return type == EVENT_NODE_CHILDREN_CHANGED;
    if (target < FIRST_EPHEMERAL)
        return type == EVENT_NODE_DATA_CHANGED;
    if (!client->watches[target].there)
        return type == EVENT_NODE_CREATED;
    /* Made again while nobody looked, it has other data, as far as the server can tell. */
    return type == EVENT_NODE_DELETED || (missed && type == EVENT_NODE_DATA_CHANGED);
}

void sim_watch_event(struct sim *sim, struct sim_client *client, zk_zxid zxid,
                     const struct zk_watcher_event *event)
{
    int target = target_of(event->path);
    bool missed = zxid == -1 && catches_up(client);
    zk_zxid since;

    SIM_REQUIRE(sim, target >= 0 && (client->watching >> target & 1) != 0,
                "client %u: an event that it has not asked for", client->id);
    since = client->watches[target].since;
    SIM_REQUIRE(sim, is_type_right(client, target, event->type, missed),
                "client %u: an event of type %d, of target %d", client->id, event->type, target);
    SIM_REQUIRE(sim,
                missed ? sim_history_last(history_of(sim, target)).zxid > since
                       : zxid > since && sim_history_at(history_of(sim, target), zxid).zxid == zxid,
                "client %u: an event of target %d, which did not change at 0x%" PRIx64, client->id,
                target, zxid);
    client->watching &= ~(UINT64_C(1) << target);
    sim->cover.events++;
    sim->cover.events_missed += missed;
}

void sim_watch_check(struct sim *sim, struct sim_client *client, zk_zxid zxid)
{
    bool again = catches_up(client);

    for (uint64_t left = client->watching; left != 0; left &= left - 1) {
        int target = __builtin_ctzll(left);
        struct sim_value value = sim_history_at(history_of(sim, target), zxid);

        if (again && awaits_creation(client, target) && value.seq == 0)
            client->watches[target].since = zxid;
        SIM_REQUIRE(sim, value.zxid <= client->watches[target].since,
                    "client %u: it is shown 0x%" PRIx64 " without having been told of 0x%" PRIx64
                    ", a change of target %d, which it "
                    "watches since 0x%" PRIx64 " (13)",
                    client->id, zxid, value.zxid, target, client->watches[target].since);
    }
}

/* ---------------------------------------------------------------- what is committed */

void sim_watched_done(struct sim_watched *watched)
{
    for (size_t i = 0; i < SIM_CLIENTS_MAX * SIM_EPHEMERALS_MAX; i++)
        sim_history_done(&watched->ephemerals[i]);
    sim_history_done(&watched->children);
}

static void note_ephemeral(struct sim_watched *watched, const struct sim_change *change,
                           const struct sim_txn *txn)
{
    size_t i = change->name.client * SIM_EPHEMERALS_MAX + change->name.k;
    bool is_creation = change->type == OP_CREATE;

    sim_history_add(&watched->ephemerals[i], txn->zxid, is_creation);
    watched->owners[i] = is_creation ? txn->session : 0;
}

static void note_end_of_session(struct sim_watched *watched, const struct sim_txn *txn)
{
    for (size_t i = 0; i < SIM_CLIENTS_MAX * SIM_EPHEMERALS_MAX; i++) {
        if (watched->owners[i] != txn->session)
            continue;
        sim_history_add(&watched->ephemerals[i], txn->zxid, 0);
        watched->owners[i] = 0;
    }
}

/* How many children there are, tells the tree; that their number is another, that they changed. */
static void note_children(struct sim_ghost *ghost, const struct sim_txn *txn)
{
    const struct znode *parent = tree_lookup(ghost->tree, jute_str(SIM_TICKET_PARENT));
    uint32_t count = parent == NULL ? 0 : znode_child_count(parent);

    if (count != sim_history_last(&ghost->watched.children).seq)
        sim_history_add(&ghost->watched.children, txn->zxid, count);
}

void sim_watch_note(struct sim_ghost *ghost, const struct sim_txn *txn)
{
    bool is_end = txn->type == OP_CLOSE_SESSION, is_of_parent = is_end;

    if (is_end)
        note_end_of_session(&ghost->watched, txn);
    for (size_t i = 0; i < txn->change_count; i++) {
        is_of_parent |= txn->changes[i].name.place == SIM_PLACE_TICKET;
        if (txn->changes[i].name.place == SIM_PLACE_EPHEMERAL)
            note_ephemeral(&ghost->watched, &txn->changes[i], txn);
    }
    if (is_of_parent)
        note_children(ghost, txn);
}
