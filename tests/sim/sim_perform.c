/* sim_perform: does what a core asks for, action by action, unless the server is to crash
 * before one of them. Nothing here calls the core: what comes of an action is an event. */
#include "proto/txn.h"
#include "store/stream.h"
#include "tests/sim/sim.h"

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

/* It takes its time: the checkpoint's thread may have something else to do. */
static int64_t opening_time(struct sim *sim)
{
    if (sim->healed_at != 0 || !sim_chance(sim, 4))
        return sim_between(sim, 0, 2 * SIM_MS);
    return sim_between(sim, 0, sim_chance(sim, 2) ? 100 * SIM_MS : 4 * SIM_S);
}

static void do_snap_open(struct sim *sim, int s, const struct zab_action *action)
{
    struct sim_server *server = &sim->servers[s];

    SIM_REQUIRE(sim, sim_applied(sim, s) >= action->zxid,
                "s%d: SNAP_OPEN wants a state that is not applied", s);
    SIM_REQUIRE(sim, server->opened_count < SIM_OPENED_MAX, "s%d: snapshots are never shut", s);
    server->opened[server->opened_count].ticket = action->ticket;
    server->opened[server->opened_count++].stream = NULL;
    sim_after(sim, opening_time(sim), EV_OPENED, s, action->ticket, sim_chance(sim, 40));
}

void sim_perform_opened(struct sim *sim, int s, uint64_t ticket, bool failed)
{
    struct sim_server *server = &sim->servers[s];

    if (failed)
        (void)take_opened(server, ticket); /* there was nothing yet */
    for (size_t i = 0; i < server->opened_count; i++)
        if (server->opened[i].ticket == ticket)
            server->opened[i].stream = tree_stream_open(sim_tree(sim, s));
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
    struct core_time now = sim_core_time(sim, s);

    SIM_REQUIRE(sim, txn_zxid(action->data->data) == action->zxid,
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
    core_commit(server->core, action->zxid, action->data, &now);
    SIM_REQUIRE(sim, tree_digest(tree) == sim->ghost.committed[before].digest,
                "s%d: its tree after 0x%llx is not everybody's (15)", s,
                (unsigned long long)action->zxid);
    server->keep.applied = action->zxid;
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
    sim_core_role(sim, s, action);
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
        tree_stream_close(take_opened(&sim->servers[s], action->ticket)); /* if it was open */
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

static void do_app(struct sim *sim, int s, const struct zab_action *action)
{
    struct core *core = sim->servers[s].core;
    struct core_time now = sim_core_time(sim, s);

    switch (action->kind) {
    case ZAB_APPLY:
        do_apply(sim, s, action);
        break;
    case ZAB_ROLE:
        do_role(sim, s, action);
        break;
    case ZAB_REQUEST:
        sim_server_todo(
            sim, s,
            (struct sim_local){.kind = LOCAL_REQUEST,
                               .conn = action->conn,
                               .data = blob_ref(action->data),
                               .auth = action->auth == NULL ? NULL : blob_ref(action->auth)});
        break;
    case ZAB_REVALIDATE:
        sim_server_todo(sim, s,
                        (struct sim_local){.kind = LOCAL_REVALIDATE,
                                           .conn = action->conn,
                                           .session_id = action->session_id,
                                           .timeout_ms = action->timeout_ms});
        break;
    case ZAB_REVALIDATED:
        core_revalidated(core, action->session_id, action->valid,
                         zab_view(sim->servers[s].zab).log_end, &now);
        break;
    case ZAB_TOUCHED:
        SIM_REQUIRE(sim, core_sessions_touched(core, action->data, &now),
                    "s%d: touched sessions make no sense to it", s);
        break;
    case ZAB_ASK_TOUCHED:
        sim_server_todo(sim, s, (struct sim_local){.kind = LOCAL_TOUCHED});
        break;
    case ZAB_SYNCED:
        core_synced(core, action->cookie, &now);
        break;
    case ZAB_STOPPED:
        sim_server_exit(sim, s);
        sim_after(sim, sim_between(sim, 10 * SIM_MS, 3 * SIM_S), EV_RESTART, s, 0, 0);
        break;
    default:
        break; /* CONFIG, NOTE, ALARM: the trace has them */
    }
}

static void perform_list(struct sim *sim, int s, const struct zab_actions *actions)
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
}

/* What the core for clients asks for meanwhile comes after the list, as an event of its own. */
void sim_perform(struct sim *sim, int s, struct zab_actions *actions)
{
    struct sim_server *server = &sim->servers[s];
    struct zab_actions more = {0};
    uint32_t life = server->life;

    server->out = &more;
    perform_list(sim, s, actions);
    while (more.count > 0 && server->alive && server->life == life) {
        struct zab_actions next = more;

        more = (struct zab_actions){0};
        perform_list(sim, s, &next);
        zab_actions_done(&next);
    }
    zab_actions_done(&more);
    if (!server->alive || server->life != life)
        return;
    server->out = NULL;
    sim_store_applied(sim, s);
}
