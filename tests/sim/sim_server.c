/* sim_server: one server: its core, fed with events and tick, and its end and beginning. What
 * the core asks for is in sim_perform.c. */
#include "proto/base/mem.h"
#include "store/stream.h"
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

/* A deadline that never comes. */
#define LATEST_MS (INT64_MAX / 4000)

static int64_t now_ms(const struct sim *sim, const struct sim_server *server)
{
    return sim->now / 1000 + server->skew_ms;
}

/* After each event: what it asked for, what must hold, when to look again. */
static void after(struct sim *sim, int s, struct zab_actions *actions)
{
    struct sim_server *server = &sim->servers[s];
    uint32_t life = server->life;
    int64_t deadline;

    sim_perform(sim, s, actions);
    zab_actions_done(actions);
    if (!server->alive || server->life != life)
        return;
    sim_lines_flush(sim, s);
    sim_check_step(sim, s);
    deadline = zab_deadline(server->zab);
    deadline = deadline > LATEST_MS ? LATEST_MS * 1000 : (deadline - server->skew_ms) * 1000;
    if (deadline <= sim->now)
        deadline = sim->now + SIM_MS;
    if (deadline < server->tick_at || server->tick_at <= sim->now) {
        server->tick_at = deadline;
        sim_at(sim, deadline, EV_TICK, s, 0, 0);
    }
}

/* Time first. False: the server crashed of it. */
static bool tick(struct sim *sim, int s)
{
    struct sim_server *server = &sim->servers[s];
    struct zab_actions actions = {0};
    uint32_t life = server->life;

    zab_tick(server->zab, now_ms(sim, server), &actions);
    if (actions.count == 0) {
        zab_actions_done(&actions);
        return true;
    }
    after(sim, s, &actions);
    return server->alive && server->life == life;
}

#define WITH_EVENT(sim, s, call)                   \
    do {                                           \
        struct zab_actions out_ = {0};             \
        struct zab_actions *out = &out_;           \
        struct zab *zab = (sim)->servers[(s)].zab; \
        if (tick((sim), (s))) {                    \
            call;                                  \
            after((sim), (s), out);                \
        }                                          \
    } while (0)

/* The like, where it is the core for clients that is given an event: it may ask zab for something.
 */
#define WITH_CORE(sim, s, call)                           \
    do {                                                  \
        struct zab_actions out_ = {0};                    \
        struct core *core = (sim)->servers[(s)].core;     \
        if (tick((sim), (s))) {                           \
            struct core_time now = sim_core_time(sim, s); \
            (sim)->servers[(s)].out = &out_;              \
            call;                                         \
            (sim)->servers[(s)].out = NULL;               \
            after((sim), (s), &out_);                     \
        }                                                 \
    } while (0)

/* ---------------------------------------------------------------- beginning and end */

static void plan_core_tick(struct sim *sim, int s)
{
    struct sim_server *server = &sim->servers[s];
    struct core_time now = sim_core_time(sim, s);

    sim_at(sim, (core_next_tick(server->core, &now) - server->skew_ms) * SIM_MS, EV_CORE_TICK, s, 0,
           0);
}

void sim_server_start(struct sim *sim, int s)
{
    struct sim_server *server = &sim->servers[s];
    struct zab_config config = sim->config;
    struct zab_disk disk;

    if (sim_store_open(sim, s, &disk) < 0) {
        sim_after(sim, sim_between(sim, 10 * SIM_MS, 2 * SIM_S), EV_RESTART, s, 0, 0);
        return;
    }
    sim_say(sim, s, "starts with state, log end", disk.applied,
            sim_platter_end(&server->keep.platter));
    sim_say(sim, s, "  and epochs accepted, current", disk.accepted, disk.current);
    server->alive = true;
    server->crash_kind = server->crash_next - 1;
    server->crash_next = 0;
    server->gone_host = server->paused = server->stopping = false;
    server->role = ROLE_LOOKING;
    server->serving = false;
    server->skew_ms = sim_between(sim, 0, 100000);
    server->wall_skew_ms = sim_between(sim, -1000, 1000);
    server->tick_at = 0;
    config.sid = s;
    config.seed = rng_next(&sim->rng);
    server->zab = zab_new(&config, &disk);
    store_forget_entries(server->keep.store);
    sim_core_start(sim, s);
    plan_core_tick(sim, s);
    sim_net_changed(sim, s);
    server->told_full = store_full(server->keep.store);
    WITH_EVENT(sim, s, zab_disk_full(zab, server->told_full, out));
}

static void drop_locals(struct sim_server *server)
{
    for (; server->local_count > 0; server->local_count--) {
        blob_unref(server->locals[server->local_first].data);
        blob_unref(server->locals[server->local_first].auth);
        server->local_first = (server->local_first + 1) % SIM_LOCALS_MAX;
    }
}

static void drop_opened(struct sim_server *server)
{
    while (server->opened_count > 0)
        tree_stream_close(server->opened[--server->opened_count].stream);
}

/* What lives in the process goes with it. */
static void end_process(struct sim *sim, int s, bool host)
{
    struct sim_server *server = &sim->servers[s];

    server->alive = false;
    server->gone_host = host;
    server->life++;
    server->crash_in = server->crash_reports = 0;
    server->crash_kind = -1;
    zab_free(server->zab);
    server->zab = NULL;
    sim_lines_crash(sim, s);
    core_free(server->core);
    server->core = NULL;
    server->out = NULL;
    drop_locals(server);
    drop_opened(server);
    server->incoming.active = false;
    server->deferred_count = 0;
    server->role = ROLE_LOOKING;
    server->serving = server->fsync_fails = false;
    sim_net_crash(sim, s, host);
}

void sim_server_crash(struct sim *sim, int s, bool host)
{
    if (!sim->servers[s].alive)
        return;
    sim_say(sim, s, "CRASHES: power cut, role", host, sim->servers[s].role);
    end_process(sim, s, host);
    sim_store_crash(sim, s, host);
}

void sim_server_exit(struct sim *sim, int s)
{
    sim_say(sim, s, "ends in order", 0, 0);
    end_process(sim, s, false);
    sim_store_close(sim, s);
}

void sim_server_stop(struct sim *sim, int s)
{
    sim->servers[s].stopping = true;
    WITH_EVENT(sim, s, zab_stop(zab, out));
}

/* ---------------------------------------------------------------- to do */

void sim_server_todo(struct sim *sim, int s, struct sim_local local)
{
    struct sim_server *server = &sim->servers[s];

    SIM_REQUIRE(sim, server->local_count < SIM_LOCALS_MAX, "s%d: the to-do list is full", s);
    server->locals[(server->local_first + server->local_count++) % SIM_LOCALS_MAX] = local;
    sim_after(sim, sim_chance(sim, 8) ? sim_between(sim, 0, 2000) : 0, EV_LOCAL, s, 0, 0);
}

/* A learner's request has come to the leader, which may have to refuse everything. */
static void on_request(struct sim *sim, int s, const struct sim_local *local)
{
    bool ok = true;

    WITH_CORE(sim, s, ok = core_request(core, local->conn, local->data, local->auth, &now));
    if (!ok)
        sim_net_break(sim, s, local->conn);
}

static void on_revalidate(struct sim *sim, int s, const struct sim_local *local)
{
    bool ok = true;

    WITH_CORE(sim, s,
              ok = core_revalidate(core, local->conn, local->session_id, local->timeout_ms, &now));
    SIM_REQUIRE(sim, ok, "s%d: a revalidation makes no sense to it", s);
}

static void on_local(struct sim *sim, int s)
{
    struct sim_server *server = &sim->servers[s];
    struct sim_local local;

    if (server->local_count == 0)
        return;
    local = server->locals[server->local_first];
    server->local_first = (server->local_first + 1) % SIM_LOCALS_MAX;
    server->local_count--;
    switch (local.kind) {
    case LOCAL_SNAP_FAILED:
        if (!sim_store_snap_bad(sim, s, local.ticket))
            break; /* too late: it is being installed, or given up */
        server->incoming.active = false;
        WITH_EVENT(sim, s, zab_snap_failed(zab, local.ticket, out));
        break;
    case LOCAL_REQUEST:
        on_request(sim, s, &local);
        break;
    case LOCAL_REVALIDATE:
        on_revalidate(sim, s, &local);
        break;
    case LOCAL_TOUCHED:
        local.data = core_take_touched(server->core);
        WITH_EVENT(sim, s, zab_touched(zab, local.data, out));
        break;
    case LOCAL_LISTEN_FAILED:
        WITH_EVENT(sim, s, zab_listen_failed(zab, out));
        break;
    }
    blob_unref(local.data);
    blob_unref(local.auth);
}

static void on_opened(struct sim *sim, int s, uint64_t ticket, bool failed)
{
    zk_zxid zxid = failed ? 0 : sim_applied(sim, s);

    sim_perform_opened(sim, s, ticket, failed);
    WITH_EVENT(sim, s, zab_snap_opened(zab, ticket, zxid, failed, out));
}

/* ---------------------------------------------------------------- the disk */

/* A case for each kind. NOLINTNEXTLINE(readability-function-size) */
static void on_report(struct sim *sim, int s, const struct sim_report *report)
{
    struct sim_server *server = &sim->servers[s];
    struct core_time now;

    sim_say(sim, s, "on disk: kind, zxid", report->kind, report->zxid);
    switch (report->kind) {
    case REPORT_DURABLE:
        WITH_EVENT(sim, s, zab_log_durable(zab, report->zxid, out));
        break;
    case REPORT_TRUNCATED:
        WITH_EVENT(sim, s, zab_log_truncated(zab, report->ticket, out));
        break;
    case REPORT_META:
        WITH_EVENT(sim, s, zab_meta_durable(zab, report->ticket, out));
        break;
    case REPORT_INSTALLED:
        now = sim_core_time(sim, s);
        core_tree_replaced(server->core, sim_tree(sim, s), &now);
        WITH_EVENT(sim, s, zab_snap_installed(zab, report->ticket, out));
        break;
    case REPORT_SNAP_FAILED:
        server->incoming.active = false;
        sim_store_snap_failed(sim, s);
        WITH_EVENT(sim, s, zab_snap_failed(zab, report->ticket, out));
        break;
    }
}

/* It was to crash with this one: what is on disk then is there, and what follows is not. */
static bool is_last_report(struct sim *sim, int s, const struct sim_report *report)
{
    struct sim_server *server = &sim->servers[s];

    if (server->crash_reports == 0 || server->crash_report != report->kind ||
        --server->crash_reports > 0)
        return false;
    sim->cover.crashed_at_report++;
    sim_fault_crash_now(sim, s);
    return true;
}

static void on_store(struct sim *sim, const struct sim_event *event)
{
    int s = event->server;
    struct sim_server *server = &sim->servers[s];
    struct sim_report report;

    sim_store_event(sim, event);
    /* A report may end the server. */
    while (server->alive && server->life == event->life && sim_store_next_report(sim, s, &report))
        if (!is_last_report(sim, s, &report))
            on_report(sim, s, &report);
    if (!server->alive || server->life != event->life)
        return;
    if (store_full(server->keep.store) != server->told_full) {
        server->told_full = !server->told_full;
        WITH_EVENT(sim, s, zab_disk_full(zab, server->told_full, out));
    }
}

/* ---------------------------------------------------------------- the network */

static void on_stream(struct sim *sim, int s, uint64_t conn, const struct sim_item *item)
{
    struct sim_server *server = &sim->servers[s];
    uint64_t ticket = server->incoming.ticket;

    SIM_REQUIRE(sim, server->incoming.active && server->incoming.conn == conn,
                "s%d: a snapshot comes in that nobody expects", s);
    zab_progress(server->zab, conn);
    if (!sim_store_feed(sim, s, item->bytes))
        return;
    server->incoming.active = false;
    WITH_EVENT(sim, s, zab_snap_received(zab, ticket, out));
}

static void tell_sent(struct sim *sim, uint64_t conn, struct sim_end *from)
{
    size_t bytes = from->sent_bytes;
    int s = from->server; /* the connection may end with the event */
    struct sim_server *server = &sim->servers[s];

    if (!from->open || !server->alive || server->life != from->life || server->paused || bytes == 0)
        return;
    from->sent_bytes = 0;
    WITH_EVENT(sim, s, zab_sent(zab, conn, bytes, out));
}

void sim_server_item(struct sim *sim, uint64_t conn, int from_end)
{
    struct sim_item item;
    int s;

    if (!sim_net_arrive(sim, conn, from_end, &item, &s))
        return;
    switch (item.kind) {
    case ITEM_MSG:
        sim_trace_packet(&sim->trace, sim->now, s, conn, &item.msg);
        SIM_REQUIRE(sim,
                    !(sim->servers[s].incoming.active && sim->servers[s].incoming.conn == conn),
                    "s%d: a packet in the middle of a snapshot", s);
        sim->net.conns[conn - 1]->ends[from_end].sent_bytes += peer_msg_bytes(&item.msg);
        WITH_EVENT(sim, s, zab_packet(zab, conn, &item.msg, out));
        peer_msg_done(&item.msg);
        if (sim->net.conns[conn - 1] != NULL)
            tell_sent(sim, conn, &sim->net.conns[conn - 1]->ends[from_end]);
        break;
    case ITEM_STREAM:
        on_stream(sim, s, conn, &item);
        blob_unref(item.bytes);
        break;
    case ITEM_TORN:
        break; /* has been looked at */
    case ITEM_DOWN:
        sim_say(sim, s, "connection down", (int64_t)conn, 0);
        WITH_EVENT(sim, s, zab_conn_down(zab, conn, out));
        break;
    }
}

static void on_dialled(struct sim *sim, int s, uint64_t ticket, uint64_t conn)
{
    if (ticket == 0)
        WITH_EVENT(sim, s, zab_accepted(zab, conn, out));
    else if (conn == 0)
        WITH_EVENT(sim, s, zab_dial_failed(zab, ticket, out));
    else
        WITH_EVENT(sim, s, zab_dialled(zab, ticket, conn, out));
}

void sim_server_ballot(struct sim *sim, int s, int from, const struct ballot *ballot)
{
    sim_say(sim, s, "gets the vote of, for", from, ballot->vote.leader);
    WITH_EVENT(sim, s, zab_notification(zab, from, ballot, out));
}

static void on_ballot(struct sim *sim, int s, int from)
{
    struct ballot ballot;

    if (sim_net_ballot(sim, from, s, &ballot))
        sim_server_ballot(sim, s, from, &ballot);
}

/* ---------------------------------------------------------------- clients */

static void on_line(struct sim *sim, const struct sim_event *event)
{
    int s = event->server;
    struct sim_line *line;
    struct blob *frame = NULL;
    uint64_t id = event->a;

    if (!sim_line_arrive(sim, event, &line, &frame))
        return;
    if (frame == NULL) {
        struct core_time now = sim_core_time(sim, s);

        line->opening = false;
        line->core_client = core_client_new(sim->servers[s].core, line, "127.0.0.1", &now);
        return;
    }
    /* Time first: it may end the connection, or the server. */
    WITH_CORE(sim, s,
              if (line->id == id && line->core_client != NULL && !line->closing)
                  core_frame(core, line->core_client, frame->data, frame->len, &now));
    blob_unref(frame);
}

/* ---------------------------------------------------------------- events */

static bool defer(struct sim_server *server, const struct sim_event *event)
{
    if (!server->paused || event->kind == EV_WORK || event->kind == EV_RESUME)
        return false;
    if (server->deferred_count == server->deferred_cap) {
        server->deferred_cap = server->deferred_cap == 0 ? 64 : server->deferred_cap * 2;
        server->deferred =
            xrealloc(server->deferred, server->deferred_cap * sizeof *server->deferred);
    }
    server->deferred[server->deferred_count++] = *event;
    return true;
}

static void resume(struct sim *sim, int s)
{
    struct sim_server *server = &sim->servers[s];

    server->paused = false;
    for (size_t i = 0; i < server->deferred_count; i++) {
        const struct sim_event *event = &server->deferred[i];

        sim_after(sim, 0, event->kind, s, event->a, event->b);
    }
    server->deferred_count = 0;
    sim_net_resume(sim, s);
    sim_net_changed(sim, s);
}

void sim_server_event(struct sim *sim, const struct sim_event *event)
{
    int s = event->server;
    struct sim_server *server = &sim->servers[s];

    if (event->kind == EV_RESTART) {
        if (!server->alive)
            sim_server_start(sim, s);
        return;
    }
    if (!server->alive || event->life != server->life || defer(server, event))
        return;
    switch ((enum sim_event_kind)event->kind) {
    case EV_TICK:
        if (event->at == server->tick_at)
            server->tick_at = 0;
        WITH_EVENT(sim, s, (void)zab);
        break;
    case EV_LOCAL:
        on_local(sim, s);
        break;
    case EV_WORK:
    case EV_WORK_DONE:
    case EV_STORE_TICK:
    case EV_META_AGAIN:
        on_store(sim, event);
        break;
    case EV_LINE_OPEN:
    case EV_LINE_FRAME:
    case EV_LINE_GONE:
        on_line(sim, event);
        break;
    case EV_CORE_TICK:
        plan_core_tick(sim, s);
        WITH_CORE(sim, s, core_tick(core, &now));
        break;
    case EV_OPENED:
        on_opened(sim, s, event->a, event->b != 0);
        break;
    case EV_STREAM:
        sim_stream_part(sim, s, event->a);
        break;
    case EV_DIAL:
        sim_net_event(sim, event);
        break;
    case EV_DIALLED:
        on_dialled(sim, s, event->a, event->b);
        break;
    case EV_DOWN:
        sim_say(sim, s, "connection down", (int64_t)event->a, 0);
        WITH_EVENT(sim, s, zab_conn_down(zab, event->a, out));
        break;
    case EV_BALLOT:
        on_ballot(sim, s, (int)event->a);
        break;
    case EV_REACH:
        WITH_EVENT(sim, s, zab_peer(zab, (int64_t)event->a, (enum peer_reach)event->b, out));
        break;
    case EV_RESUME:
        resume(sim, s);
        break;
    default:
        break;
    }
}
