/* sim_perform: does what a core asks for, action by action, unless the server is to crash
 * before one of them. Nothing here calls the core: what comes of an action is an event. */
#include "proto/txn.h"
#include "store/stream.h"
#include "tests/sim/sim.h"

static void do_snap_open(struct sim *sim, int s, const struct zab_action *action)
{
    struct sim_server *server = &sim->servers[s];
    bool failed = sim_chance(sim, 40);

    SIM_REQUIRE(sim, sim_applied(sim, s) >= action->zxid,
                "s%d: SNAP_OPEN wants a state that is not applied", s);
    SIM_REQUIRE(sim, server->opened_count < SIM_OPENED_MAX, "s%d: snapshots are never shut", s);
    if (!failed) {
        server->opened[server->opened_count].ticket = action->ticket;
        server->opened[server->opened_count++].stream = tree_stream_open(sim_tree(sim, s));
    }
    sim_server_todo(sim, s,
                    (struct sim_local){.kind = LOCAL_OPENED,
                                       .ticket = action->ticket,
                                       .zxid = failed ? 0 : sim_applied(sim, s),
                                       .failed = failed});
}

/* The opened snapshot of TICKET leaves the table. NULL: there is none. */
static struct tree_stream *take_opened(struct sim_server *server, uint64_t ticket)
{
    for (size_t i = 0; i < server->opened_count; i++)
        if (server->opened[i].ticket == ticket) {
            struct tree_stream *stream = server->opened[i].stream;

            server->opened[i] = server->opened[--server->opened_count];
            return stream;
        }
    return NULL;
}

static void do_snap_begin(struct sim *sim, int s, const struct zab_action *action)
{
    struct sim_server *server = &sim->servers[s];

    sim_store_do(sim, s, action);
    server->incoming.active = true;
    server->incoming.conn = action->conn;
    server->incoming.ticket = action->ticket;
    if (sim_chance(sim, 40))
        sim_server_todo(sim, s,
                        (struct sim_local){.kind = LOCAL_SNAP_FAILED, .ticket = action->ticket});
}

static void do_apply(struct sim *sim, int s, const struct zab_action *action)
{
    struct sim_server *server = &sim->servers[s];
    struct tree *tree = sim_tree(sim, s);
    size_t before = sim_ghost_index(&sim->ghost, tree_zxid(tree));
    struct sim_write write;

    SIM_REQUIRE(sim,
                sim_txn_write(action->data, &write) && txn_zxid(action->data->data) == action->zxid,
                "s%d applies something that is no txn of that zxid", s);
    SIM_REQUIRE(sim, action->zxid > tree_zxid(tree), "s%d applies a txn twice, or out of order", s);
    SIM_REQUIRE(sim, sim_platter_has(&server->keep.platter, action->zxid, action->data),
                "s%d applies what is not on its disk", s);
    if (before == sim->ghost.count)
        sim_check_commit(sim, s, action->zxid, action->data);
    SIM_REQUIRE(
        sim,
        sim->ghost.committed[before].zxid == action->zxid &&
            (sim->ghost.committed[before].txn == action->data ||
             sim_blob_hash(sim->ghost.committed[before].txn) == sim_blob_hash(action->data)),
        "s%d applies 0x%llx where 0x%llx was committed: histories differ", s,
        (unsigned long long)action->zxid, (unsigned long long)sim->ghost.committed[before].zxid);
    SIM_REQUIRE(sim,
                sim_txn_apply(tree, action->data) &&
                    tree_digest(tree) == sim->ghost.committed[before].digest,
                "s%d: its tree after 0x%llx is not everybody's (15)", s,
                (unsigned long long)action->zxid);
    if (server->plan.active)
        plan_committed(&server->plan.plan, action->zxid);
    server->keep.applied = action->zxid;
    sim_client_applied(sim, s, action->zxid, &write);
}

static void do_role(struct sim *sim, int s, const struct zab_action *action)
{
    struct sim_server *server = &sim->servers[s];
    bool was_serving = server->serving, changed = server->role != action->role;

    if (action->role == ROLE_LOOKING && changed)
        sim->cover.elections++;
    sim->cover.roles[action->role] += changed;
    sim->cover.served[action->role] += action->serving && !was_serving;
    server->role = action->role;
    server->serving = action->serving;
    if (changed || !action->serving) {
        sim_plan_end(&server->plan);
        sim_client_drop_all(sim, s);
    }
    if (changed && action->role == ROLE_LEADING && server->listen_fails) {
        server->listen_fails = false;
        sim_server_todo(sim, s, (struct sim_local){.kind = LOCAL_LISTEN_FAILED});
    }
    if (action->role == ROLE_LEADING && action->serving && !was_serving)
        sim_check_established(sim, s);
}

static void do_network(struct sim *sim, int s, const struct zab_action *action)
{
    struct tree_stream *stream;

    switch (action->kind) {
    case ZAB_NOTIFY:
        sim_net_notify(sim, s, (int)action->sid, &action->ballot);
        break;
    case ZAB_DIAL:
        sim_net_dial(sim, s, (int)action->sid, action->ticket);
        break;
    case ZAB_SEND:
        sim_net_send(sim, s, action->conn, &action->msg);
        break;
    case ZAB_STREAM:
        stream = take_opened(&sim->servers[s], action->ticket);
        SIM_REQUIRE(sim, stream != NULL, "s%d streams a snapshot that is not open", s);
        sim_net_stream(sim, s, action->conn, stream);
        break;
    default:
        if (sim->servers[s].incoming.conn == action->conn)
            sim->servers[s].incoming.active = false;
        sim_net_close(sim, s, action->conn);
        break;
    }
}

static void do_disk(struct sim *sim, int s, const struct zab_action *action)
{
    switch (action->kind) {
    case ZAB_SNAP_OPEN:
        do_snap_open(sim, s, action);
        break;
    case ZAB_SNAP_SHUT:
        tree_stream_close(
            take_opened(&sim->servers[s], action->ticket)); /* one that failed is none */
        break;
    case ZAB_SNAP_BEGIN:
        do_snap_begin(sim, s, action);
        break;
    case ZAB_SNAP_DROP:
        sim->servers[s].incoming.active = false;
        sim_store_do(sim, s, action);
        break;
    default:
        sim_store_do(sim, s, action);
        break;
    }
}

/* The sessions that lived here since the last ping, in the form that the leader gets them. */
static struct blob *touched(struct sim *sim)
{
    static const uint8_t one[12] = {[7] = 1, [10] = 0x27, [11] = 0x10};

    return sim_chance(sim, 2) ? NULL : blob_copy(one, sizeof one);
}

static void do_app(struct sim *sim, int s, const struct zab_action *action)
{
    switch (action->kind) {
    case ZAB_APPLY:
        do_apply(sim, s, action);
        break;
    case ZAB_ROLE:
        do_role(sim, s, action);
        break;
    case ZAB_REQUEST:
        sim_server_todo(sim, s,
                        (struct sim_local){.kind = LOCAL_REQUEST,
                                           .conn = action->conn,
                                           .data = blob_ref(action->data)});
        break;
    case ZAB_REVALIDATE:
        sim_server_todo(sim, s,
                        (struct sim_local){.kind = LOCAL_REVALIDATE,
                                           .conn = action->conn,
                                           .session_id = action->session_id});
        break;
    case ZAB_REVALIDATED:
        SIM_REQUIRE(sim, action->valid, "s%d: a living session was called dead", s);
        sim_client_revalidated(sim, s, action->session_id);
        break;
    case ZAB_ASK_TOUCHED:
        sim_server_todo(sim, s, (struct sim_local){.kind = LOCAL_TOUCHED, .data = touched(sim)});
        break;
    case ZAB_SYNCED:
        sim_client_synced(sim, s, action->cookie);
        break;
    case ZAB_STOPPED:
        sim_server_exit(sim, s);
        sim_after(sim, sim_between(sim, 10 * SIM_MS, 3 * SIM_S), EV_RESTART, s, 0, 0);
        break;
    default:
        break; /* TOUCHED, CONFIG, NOTE, ALARM: the trace has them */
    }
}

void sim_perform(struct sim *sim, int s, struct zab_actions *actions)
{
    struct sim_server *server = &sim->servers[s];

    for (size_t i = 0; i < actions->count && server->alive; i++) {
        const struct zab_action *action = &actions->items[i];

        if ((server->crash_in > 0 && --server->crash_in == 0) ||
            server->crash_kind == (int)action->kind) {
            sim->cover.crash_at[action->kind]++;
            sim_fault_crash_now(sim, s);
            return;
        }
        sim_trace_action(&sim->trace, sim->now, s, action);
        sim->cover.actions[action->kind]++;
        sim_check_action(sim, s, action);
        if (action->kind <= ZAB_STREAM)
            do_network(sim, s, action);
        else if (action->kind <= ZAB_SNAP_DROP)
            do_disk(sim, s, action);
        else
            do_app(sim, s, action);
    }
    if (server->alive)
        sim_store_applied(sim, s);
}
