/* sim_perform: does what a core asks for, action by action, unless the server is to crash
 * before one of them. Nothing here calls the core: what comes of an action is an event. */
#include "tests/sim/sim.h"

static void submit(struct sim *sim, int s, struct sim_disk_op op)
{
    sim_disk_submit(&sim->servers[s].disk, op);
    sim_server_disk(sim, s);
}

static void do_append(struct sim *sim, int s, const struct zab_action *action)
{
    struct sim_disk_op op = {.kind = DISK_APPEND, .zxid = action->zxid};

    sim_log_append(&op.log, action->data);
    submit(sim, s, op);
}

static void do_snap_open(struct sim *sim, int s, const struct zab_action *action)
{
    struct sim_server *server = &sim->servers[s];
    const struct sim_app *state = &server->app;
    bool failed = sim_chance(sim, 40);

    SIM_REQUIRE(sim, server->app.zxid >= action->zxid,
                "s%d: SNAP_OPEN wants a state that is not applied", s);
    SIM_REQUIRE(sim, server->opened_count < SIM_OPENED_MAX, "s%d: snapshots are never shut", s);
    if (server->disk.checkpoint.zxid >= action->zxid && sim_chance(sim, 2) &&
        server->disk.checkpoint.zxid <= server->app.zxid)
        state = &server->disk.checkpoint;
    if (!failed) {
        server->opened[server->opened_count].ticket = action->ticket;
        server->opened[server->opened_count++].state = *state;
    }
    sim_server_todo(sim, s,
                    (struct sim_local){.kind = LOCAL_OPENED,
                                       .ticket = action->ticket,
                                       .zxid = failed ? 0 : state->zxid,
                                       .failed = failed});
}

/* The opened snapshot of TICKET leaves the table. False: there is none. */
static bool take_opened(struct sim_server *server, uint64_t ticket, struct sim_app *ret)
{
    for (size_t i = 0; i < server->opened_count; i++)
        if (server->opened[i].ticket == ticket) {
            *ret = server->opened[i].state;
            server->opened[i] = server->opened[--server->opened_count];
            return true;
        }
    return false;
}

static void do_snap_begin(struct sim *sim, int s, const struct zab_action *action)
{
    struct sim_server *server = &sim->servers[s];

    sim_log_done(&server->staged.log);
    server->staged.whole = false;
    server->staged.ticket = action->ticket;
    server->incoming.active = true;
    server->incoming.conn = action->conn;
    server->incoming.ticket = action->ticket;
    server->incoming.zxid = action->zxid;
    if (server->full || sim_chance(sim, 40))
        sim_server_todo(sim, s,
                        (struct sim_local){.kind = LOCAL_SNAP_FAILED, .ticket = action->ticket});
}

static void do_snap_install(struct sim *sim, int s, const struct zab_action *action)
{
    struct sim_server *server = &sim->servers[s];

    SIM_REQUIRE(sim, server->staged.whole, "s%d installs a snapshot that is not whole", s);
    submit(sim, s,
           (struct sim_disk_op){.kind = DISK_INSTALL,
                                .zxid = action->zxid,
                                .ticket = action->ticket,
                                .accepted = action->accepted,
                                .current = action->current,
                                .log = server->staged.log,
                                .state = server->staged.state});
    server->staged.log = (struct sim_log){0};
    server->staged.whole = false;
    server->staged.ticket = 0;
}

void sim_server_drop_staged(struct sim_server *server)
{
    server->incoming.active = server->staged.whole = false;
    server->staged.ticket = 0;
    sim_log_done(&server->staged.log);
}

static void do_apply(struct sim *sim, int s, const struct zab_action *action)
{
    struct sim_server *server = &sim->servers[s];
    struct sim_txn txn;
    size_t before = sim_ghost_index(&sim->ghost, server->app.zxid);

    SIM_REQUIRE(sim, sim_txn_decode(action->data, &txn) && txn.zxid == action->zxid,
                "s%d applies something that is no txn of that zxid", s);
    SIM_REQUIRE(sim, action->zxid > server->app.zxid, "s%d applies a txn twice, or out of order",
                s);
    SIM_REQUIRE(sim, sim_disk_has(&server->disk, action->zxid, action->data),
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
    SIM_REQUIRE(sim, sim_app_apply(&server->app, &txn),
                "s%d: the leader expected another state before this txn", s);
    sim_client_applied(sim, s, &txn);
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
        server->planned = false;
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
    struct sim_app state;

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
        SIM_REQUIRE(sim, take_opened(&sim->servers[s], action->ticket, &state),
                    "s%d streams a snapshot that is not open", s);
        sim_net_stream(sim, s, action->conn, &state);
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
    struct sim_app unused;

    switch (action->kind) {
    case ZAB_APPEND:
        do_append(sim, s, action);
        break;
    case ZAB_TRUNCATE:
        submit(sim, s,
               (struct sim_disk_op){
                   .kind = DISK_TRUNCATE, .zxid = action->zxid, .ticket = action->ticket});
        break;
    case ZAB_META:
        submit(sim, s,
               (struct sim_disk_op){.kind = DISK_META,
                                    .ticket = action->ticket,
                                    .accepted = action->accepted,
                                    .current = action->current});
        break;
    case ZAB_SNAP_OPEN:
        do_snap_open(sim, s, action);
        break;
    case ZAB_SNAP_SHUT:
        (void)take_opened(&sim->servers[s], action->ticket, &unused); /* one that failed is none */
        break;
    case ZAB_SNAP_BEGIN:
        do_snap_begin(sim, s, action);
        break;
    case ZAB_SNAP_STAGE:
        sim_log_append(&sim->servers[s].staged.log, action->data);
        break;
    case ZAB_SNAP_INSTALL:
        do_snap_install(sim, s, action);
        break;
    default:
        sim_server_drop_staged(&sim->servers[s]);
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
        sim_server_crash(sim, s, false);
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
}
