/* sim_store: see sim_store.h. Here: actions, reports and faults; opening and crashing are in
 * sim_restart.c. */
#include "proto/base/mem.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_process.h"
#include "tests/support/mem_disk.h"

#include <errno.h>
#include <string.h>

static struct sim_store *store_of(struct sim *sim, int s)
{
    return &sim->servers[s].keep;
}

/* ---------------------------------------------------------------- reports */

static void report(struct sim_server *server, enum sim_report_kind kind, uint64_t ticket,
                   zk_zxid zxid)
{
    struct sim_store *keep = &server->keep;

    SIM_REQUIRE(server->sim, keep->report_count < SIM_REPORTS_MAX, "s%d: too many reports",
                server->sid);
    keep->reports[keep->report_count++] =
        (struct sim_report){.kind = kind, .ticket = ticket, .zxid = zxid};
}

void sim_store_on_durable(void *arg, zk_zxid zxid)
{
    struct sim_server *server = arg;

    sim_platter_durable(&server->keep.platter, zxid);
    report(server, REPORT_DURABLE, 0, zxid);
}

static void on_truncated(void *arg)
{
    struct sim_server *server = arg;

    sim_check_undone(server->sim, server->keep.truncate_zxid);
    report(server, REPORT_TRUNCATED, server->keep.truncate_ticket, 0);
}

static void on_meta(void *arg, int rc)
{
    struct sim_server *server = arg;
    struct sim_store *keep = &server->keep;

    if (rc == -ENOSPC) {
        sim_after(server->sim, 100 * SIM_MS, EV_META_AGAIN, server->sid, 0, 0);
        return;
    }
    SIM_REQUIRE(server->sim, rc == 0, "s%d: writing meta gives %d", server->sid, rc);
    sim_rot_meta_replaced(server);
    sim_platter_meta(&keep->platter, keep->accepted, keep->current);
    report(server, REPORT_META, keep->meta_ticket, 0);
}

static void on_snap_failed(void *arg)
{
    struct sim_server *server = arg;

    report(server, REPORT_SNAP_FAILED, server->keep.snap_ticket, 0);
}

static void on_installed(void *arg)
{
    struct sim_server *server = arg;
    struct sim_store *keep = &server->keep;
    zk_zxid zxid = keep->platter.staged.base;

    sim_platter_installed(&keep->platter);
    keep->rotten = false;
    keep->meta_bit = 0;
    sim_check_undone(server->sim, zxid);
    report(server, REPORT_INSTALLED, keep->snap_ticket, zxid);
}

bool sim_store_next_report(struct sim *sim, int s, struct sim_report *ret)
{
    struct sim_store *keep = store_of(sim, s);

    if (keep->report_count == 0)
        return false;
    *ret = keep->reports[0];
    keep->report_count--;
    memmove(keep->reports, keep->reports + 1, keep->report_count * sizeof *keep->reports);
    return true;
}

/* ---------------------------------------------------------------- actions */

static void write_meta(struct sim *sim, int s)
{
    struct sim_store *keep = store_of(sim, s);

    store_set_epochs(keep->store, keep->accepted, keep->current, on_meta, &sim->servers[s]);
}

static void do_truncate(struct sim *sim, int s, const struct zab_action *action)
{
    struct sim_store *keep = store_of(sim, s);
    int rc;

    keep->truncate_zxid = action->zxid;
    keep->truncate_ticket = action->ticket;
    sim_platter_truncate(&keep->platter, action->zxid);
    rc = store_truncate(keep->store, action->zxid, on_truncated, &sim->servers[s]);
    SIM_REQUIRE(sim, rc == 0, "s%d: TRUNCATE to 0x%llx, which its log does not have", s,
                (unsigned long long)action->zxid);
}

static void do_meta(struct sim *sim, int s, const struct zab_action *action)
{
    struct sim_store *keep = store_of(sim, s);

    SIM_REQUIRE(
        sim, action->accepted >= keep->platter.accepted && action->current >= keep->platter.current,
        "s%d: META takes an epoch back", s);
    keep->meta_ticket = action->ticket;
    keep->accepted = action->accepted;
    keep->current = action->current;
    write_meta(sim, s);
}

static void do_snap_begin(struct sim *sim, int s, const struct zab_action *action)
{
    struct sim_server *server = &sim->servers[s];
    struct sim_store *keep = &server->keep;

    keep->snap_ticket = action->ticket;
    sim_platter_stage_begin(&keep->platter, action->zxid);
    store_snap_begin(keep->store, action->zxid, on_snap_failed, server);
}

static void snap_drop(struct sim_store *keep)
{
    sim_platter_drop(&keep->platter);
    store_snap_drop(keep->store);
}

void sim_store_do(struct sim *sim, int s, const struct zab_action *action)
{
    struct sim_server *server = &sim->servers[s];
    struct sim_store *keep = &server->keep;

    switch (action->kind) {
    case ZAB_APPEND:
        sim_platter_append(&keep->platter, action->data);
        store_append(keep->store, action->data);
        break;
    case ZAB_TRUNCATE:
        do_truncate(sim, s, action);
        break;
    case ZAB_META:
        do_meta(sim, s, action);
        break;
    case ZAB_SNAP_BEGIN:
        do_snap_begin(sim, s, action);
        break;
    case ZAB_SNAP_STAGE:
        sim_platter_stage(&keep->platter, action->data);
        store_snap_stage(keep->store, action->data);
        break;
    case ZAB_SNAP_INSTALL:
        sim_platter_install(&keep->platter, action->accepted, action->current);
        store_snap_install(keep->store, action->accepted, action->current, on_installed, server);
        break;
    default:
        snap_drop(keep);
        break;
    }
}

void sim_store_applied(struct sim *sim, int s)
{
    struct sim_store *keep = store_of(sim, s);

    if (keep->applied == 0)
        return;
    store_committed(keep->store, keep->applied);
    store_applied(keep->store, keep->applied);
    keep->applied = 0;
}

bool sim_store_feed(struct sim *sim, int s, const struct blob *bytes)
{
    struct errtext why;
    size_t used = 0;
    int rc = store_snap_feed(store_of(sim, s)->store, bytes->data, bytes->len, &used, &why);

    SIM_REQUIRE(sim, rc >= 0, "s%d: its leader's snapshot is none: %s", s, why.text);
    SIM_REQUIRE(sim, rc == 0 || used == bytes->len, "s%d: a snapshot ends before its end", s);
    return rc == 1;
}

void sim_store_snap_failed(struct sim *sim, int s)
{
    snap_drop(store_of(sim, s));
}

bool sim_store_snap_bad(struct sim *sim, int s, uint64_t ticket)
{
    struct sim_store *keep = store_of(sim, s);

    if (keep->snap_ticket != ticket || keep->platter.installing || !keep->platter.staging)
        return false;
    snap_drop(keep);
    return true;
}

/* ---------------------------------------------------------------- time */

static void tick(struct sim *sim, int s)
{
    struct sim_store *keep = store_of(sim, s);
    struct store_stats stats;

    store_tick(keep->store);
    store_stats(keep->store, &stats);
    if (stats.checkpoint_count > keep->checkpoints_seen)
        sim->cover.checkpoints += stats.checkpoint_count - keep->checkpoints_seen;
    keep->checkpoints_seen = stats.checkpoint_count;
    sim_platter_checkpoint(&keep->platter, stats.checkpoint_zxid);
    sim_after(sim, 1 * SIM_S, EV_STORE_TICK, s, 0, 0);
}

static void work(struct sim *sim, int s, struct sim_worker *worker)
{
    struct sim_server *server = &sim->servers[s];

    if (server->crash_job > 0 && --server->crash_job == 0) {
        sim_fault_crash_now(sim, s);
        return;
    }
    if (sim_worker_work(worker, server->fsync_fails || server->keep.rotten))
        return;
    SIM_REQUIRE(sim, server->fsync_fails || server->keep.rotten, "s%d ends: %s", s,
                sim_process_last_words());
    sim_say(sim, s, "can promise nothing any more", 0, 0);
    sim->cover.died++;
    sim_server_crash(sim, s, false);
    sim_after(sim, sim_between(sim, 1 * SIM_MS, 4 * SIM_S), EV_RESTART, s, 0, 0);
}

void sim_store_event(struct sim *sim, const struct sim_event *event)
{
    struct sim_store *keep = store_of(sim, event->server);
    struct sim_worker *worker = event->a == 0 ? &keep->log_worker : &keep->checkpoint_worker;

    switch ((enum sim_event_kind)event->kind) {
    case EV_WORK:
        work(sim, event->server, worker);
        break;
    case EV_WORK_DONE:
        sim_worker_done(worker);
        break;
    case EV_META_AGAIN:
        write_meta(sim, event->server);
        break;
    default:
        tick(sim, event->server);
        break;
    }
}

/* ---------------------------------------------------------------- faults */

void sim_store_fill(struct sim *sim, int s, bool full)
{
    struct disk *disk = store_of(sim, s)->disk;
    uint64_t room = (uint64_t)sim_between(sim, 0, 3) * sim->store_config.segment_bytes;

    mem_disk_set_capacity(disk, full ? mem_disk_used(disk) + room : UINT64_MAX);
}

void sim_store_break(struct sim *sim, int s, bool loses)
{
    struct mem_faults faults = {.sync_loses = loses};

    if (!loses && sim_chance(sim, 3))
        faults.write = -EIO;
    else
        faults.sync = -EIO;
    mem_disk_set_faults(store_of(sim, s)->disk, &faults);
}

void sim_store_mend(struct sim *sim, int s)
{
    mem_disk_set_faults(store_of(sim, s)->disk, &(struct mem_faults){0});
}
