/* sim_worker: see sim_worker.h. */
#include "tests/sim/sim_worker.h"

#include "tests/sim/sim.h"
#include "tests/sim/sim_process.h"

static struct job *first(const struct list *jobs)
{
    return CONTAINER_OF(jobs->next, struct job, link);
}

/* How long the disk is busy with what is first. */
static void begin(struct sim_worker *worker)
{
    struct sim *sim = worker->sim;
    bool slow = sim->now < sim->servers[worker->server].slow_until;
    int factor = sim->healed_at == 0 ? sim->disk_factor : 1;

    sim_after(sim,
              slow ? sim_between(sim, 50 * SIM_MS, 3 * SIM_S)
                   : factor * sim_between(sim, 50, sim_chance(sim, 20) ? 60 * SIM_MS : 3 * SIM_MS),
              EV_WORK, worker->server, (uint64_t)worker->which, 0);
}

static void submit(struct worker *base, struct job *job)
{
    struct sim_worker *worker = (struct sim_worker *)base;
    bool was_idle = list_empty(&worker->jobs);

    list_push_back(&worker->jobs, &job->link);
    if (was_idle)
        begin(worker);
}

void sim_worker_init(struct sim_worker *worker, struct sim *sim, int server, int which)
{
    *worker = (struct sim_worker){
        .base = {.submit = submit}, .sim = sim, .server = server, .which = which};
    list_init(&worker->jobs);
    list_init(&worker->finished);
}

bool sim_worker_busy(const struct sim_worker *worker)
{
    return !list_empty(&worker->jobs);
}

static void work(void *arg)
{
    struct job *job = arg;

    job->work(job);
}

bool sim_worker_work(struct sim_worker *worker, bool may_die)
{
    struct sim *sim = worker->sim;
    struct job *job = first(&worker->jobs);

    if (!sim_process_run(work, job, may_die))
        return false;
    list_remove(&job->link);
    list_push_back(&worker->finished, &job->link);
    sim_after(sim, sim_chance(sim, 10) ? sim_between(sim, 0, 30 * SIM_MS) : 0, EV_WORK_DONE,
              worker->server, (uint64_t)worker->which, 0);
    if (!list_empty(&worker->jobs))
        begin(worker);
    return true;
}

void sim_worker_work_at_crash(struct sim_worker *worker)
{
    (void)sim_process_run(work, first(&worker->jobs), true); /* it ends in any case */
}

void sim_worker_done(struct sim_worker *worker)
{
    struct list *link = list_pop_front(&worker->finished);
    struct job *job = CONTAINER_OF(link, struct job, link);

    job->done(job);
}

void sim_worker_drain(struct sim_worker *worker)
{
    while (!list_empty(&worker->finished))
        sim_worker_done(worker);
    while (!list_empty(&worker->jobs)) {
        struct list *link = list_pop_front(&worker->jobs);
        struct job *job = CONTAINER_OF(link, struct job, link);

        job->work(job);
        job->done(job);
    }
}
