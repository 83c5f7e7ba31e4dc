/* sim_restart: a store's process begins and ends. A crash falls into the middle of a job as
 * often as between two; after a power cut any of the pages that were not synced may be there,
 * gone or torn; and what is found at the next start is held against what was promised. */
#include "tests/sim/sim.h"
#include "tests/sim/sim_process.h"
#include "tests/support/mem_checkpoint.h"
#include "tests/support/mem_disk.h"

#include <errno.h>

void sim_store_init(struct sim *sim, int s)
{
    struct sim_store *keep = &sim->servers[s].keep;

    keep->disk = mem_disk_new();
    sim_worker_init(&keep->log_worker, sim, s, 0);
    sim_worker_init(&keep->checkpoint_worker, sim, s, 1);
}

void sim_store_done(struct sim *sim, int s)
{
    struct sim_store *keep = &sim->servers[s].keep;

    sim_platter_done(&keep->platter);
    mem_disk_free(keep->disk);
}

/* ---------------------------------------------------------------- power */

static struct disk *cut_power(struct sim *sim, struct disk *disk)
{
    struct mem_crash crash = {
        .pages = rng_next(&sim->rng),
        .seed = rng_next(&sim->rng),
        .torn = sim_chance(sim, 2),
        .names = sim_chance(sim, 2),
    };

    if (sim_chance(sim, 4))
        crash.pages = 0;
    sim->cover.power_cuts++;
    sim->cover.unsynced_pages += mem_disk_unsynced_pages(disk);
    return mem_disk_crash(disk, &crash);
}

/* At one of the calls to come the power goes (and what is done after it is not seen on the disk
 * that is found), or the process is killed. */
struct doom {
    struct sim *sim;
    struct disk *disk, *found;
    int calls_left;
    bool power;
};

static void on_call(void *arg)
{
    struct doom *doom = arg;

    if (--doom->calls_left != 0)
        return;
    mem_disk_on_call(doom->disk, NULL, NULL);
    if (!doom->power)
        sim_process_kill();
    doom->found = cut_power(doom->sim, doom->disk);
}

/* ---------------------------------------------------------------- crash */

/* One that has a job under way, or NULL. */
static struct sim_worker *busy_worker(struct sim *sim, struct sim_store *keep)
{
    bool log = sim_worker_busy(&keep->log_worker),
         checkpoint = sim_worker_busy(&keep->checkpoint_worker);

    if (log && checkpoint)
        return sim_chance(sim, 2) ? &keep->log_worker : &keep->checkpoint_worker;
    return log ? &keep->log_worker : checkpoint ? &keep->checkpoint_worker : NULL;
}

/* The disk that is found after it; NULL: as it is. */
static struct disk *crash_in_job(struct sim *sim, struct sim_store *keep, bool power)
{
    struct sim_worker *worker = busy_worker(sim, keep);
    struct doom doom = {
        .sim = sim, .disk = keep->disk, .calls_left = (int)sim_between(sim, 1, 4), .power = power};

    if (worker == NULL || sim_chance(sim, 5))
        return NULL;
    sim->cover.crashed_in_job++;
    mem_disk_on_call(keep->disk, on_call, &doom);
    sim_worker_work_at_crash(worker);
    mem_disk_on_call(keep->disk, NULL, NULL);
    return doom.found;
}

static void forget_process(struct sim *sim, int s)
{
    struct sim_store *keep = &sim->servers[s].keep;

    store_free(keep->store);
    keep->store = NULL;
    sim->servers[s].life++; /* what its workers were about to do */
    sim_worker_init(&keep->log_worker, sim, s, 0);
    sim_worker_init(&keep->checkpoint_worker, sim, s, 1);
    keep->report_count = 0;
    keep->applied = 0;
    keep->checkpoints_seen = 0;
}

void sim_store_crash(struct sim *sim, int s, bool power)
{
    struct sim_store *keep = &sim->servers[s].keep;
    struct mem_faults none = {0};
    struct disk *found = crash_in_job(sim, keep, power);

    mem_disk_set_faults(keep->disk, &none);
    forget_process(sim, s);
    if (power && found == NULL)
        found = cut_power(sim, keep->disk);
    if (found == NULL) {
        mem_disk_process_died(keep->disk);
        return;
    }
    mem_disk_free(keep->disk);
    keep->disk = found;
}

static void on_closed(void *arg)
{
    *(bool *)arg = true;
}

void sim_store_close(struct sim *sim, int s)
{
    struct sim_store *keep = &sim->servers[s].keep;
    struct mem_faults none = {0};
    bool closed = false;

    mem_disk_set_faults(keep->disk, &none);
    store_close(keep->store, on_closed, &closed);
    while (sim_worker_busy(&keep->log_worker) || sim_worker_busy(&keep->checkpoint_worker) ||
           !list_empty(&keep->log_worker.finished) ||
           !list_empty(&keep->checkpoint_worker.finished)) {
        sim_worker_drain(&keep->log_worker);
        sim_worker_drain(&keep->checkpoint_worker);
    }
    SIM_REQUIRE(sim, closed, "s%d: its store never closes", s);
    forget_process(sim, s);
}

/* ---------------------------------------------------------------- start */

static int open_store(struct sim *sim, int s, bool forget)
{
    struct sim_server *server = &sim->servers[s];
    struct sim_store *keep = &server->keep;
    struct store_config config = sim->store_config;
    struct store_base base = {.disk = keep->disk,
                              .log_worker = &keep->log_worker.base,
                              .checkpoint_worker = &keep->checkpoint_worker.base};
    struct store_events events = {.arg = server, .durable = sim_store_on_durable};
    struct errtext why = {0};
    int rc;

    config.data_dir = "/data";
    config.member = true;
    config.forget = forget;
    config.checkpoints = &mem_checkpoint;
    config.key = (struct hash_key){.k0 = rng_next(&sim->rng), .k1 = rng_next(&sim->rng)};
    rc = store_open(&config, &base, &events, &keep->store, &why);
    SIM_REQUIRE(sim, rc == 0 || rc == -ENOSPC || keep->rotten, "s%d cannot start: %s", s, why.text);
    if (rc != 0) {
        sim_say(sim, s, "cannot start", rc, 0);
        forget_process(sim, s);
    }
    return rc;
}

/* What was damaged is given up: a server without a history, and without a vote. */
static int open_or_forget(struct sim *sim, int s)
{
    struct sim_store *keep = &sim->servers[s].keep;
    int rc = open_store(sim, s, false);

    if (rc == 0)
        sim_rot_meta_replaced(&sim->servers[s]);
    if (rc != -EBADMSG && rc != -EPROTO)
        return rc;
    if (keep->meta_bit != 0) {
        sim_rot_meta_refused(sim, s);
        return rc;
    }
    sim->cover.rot_noticed++;
    rc = open_store(sim, s, true);
    if (rc == 0) {
        keep->rotten = false;
        sim_platter_forget(&keep->platter);
    }
    return rc;
}

static void compare(struct sim *sim, int s)
{
    struct sim_store *keep = &sim->servers[s].keep;
    struct sim_found found = {
        .applied = tree_zxid(store_tree(keep->store)),
        .accepted = store_accepted_epoch(keep->store),
        .current = store_current_epoch(keep->store),
        .no_vote = store_no_vote(keep->store),
    };
    const char *wrong;

    found.entries = store_entries(keep->store, &found.base, &found.count);
    wrong = sim_platter_found(&keep->platter, &found);
    SIM_REQUIRE(sim, wrong == NULL, "s%d starts with applied 0x%llx, end 0x%llx: %s (7, 8)", s,
                (unsigned long long)found.applied, (unsigned long long)store_log_end(keep->store),
                wrong);
}

/* The power goes while it starts. */
static bool crash_in_start(struct sim *sim, int s)
{
    struct sim_store *keep = &sim->servers[s].keep;
    struct doom doom = {
        .sim = sim, .disk = keep->disk, .calls_left = (int)sim_between(sim, 1, 6), .power = true};

    mem_disk_on_call(keep->disk, on_call, &doom);
    (void)open_or_forget(sim, s);
    forget_process(sim, s);
    mem_disk_on_call(keep->disk, NULL, NULL);
    if (doom.found == NULL) {
        mem_disk_process_died(keep->disk);
        return false;
    }
    sim_say(sim, s, "power cut while it starts", 0, 0);
    sim->cover.crashed_in_start++;
    mem_disk_free(keep->disk);
    keep->disk = doom.found;
    return true;
}

int sim_store_open(struct sim *sim, int s, struct zab_disk *ret)
{
    struct sim_store *keep = &sim->servers[s].keep;
    int rc;

    if (sim->healed_at == 0 && !keep->rotten && sim_chance(sim, 10) && crash_in_start(sim, s))
        return -EIO;
    rc = open_or_forget(sim, s);
    if (rc < 0)
        return rc;
    compare(sim, s);
    *ret = (struct zab_disk){
        .accepted = keep->platter.accepted,
        .current = keep->platter.current,
        .applied = tree_zxid(store_tree(keep->store)),
        .no_vote = keep->platter.no_vote,
    };
    ret->entries = store_entries(keep->store, &ret->base, &ret->entry_count);
    sim_after(sim, 1 * SIM_S, EV_STORE_TICK, s, 0, 0);
    return 0;
}
