/* sim_worker: a worker whose jobs take simulated time. The disk's part of a job is done at the
 * end of that time, in one go; a crash may fall anywhere into it. Some time later the loop
 * hears of it. In order, one job at a time, as worker.h says. */
#ifndef ZKFS_TESTS_SIM_SIM_WORKER_H
#define ZKFS_TESTS_SIM_SIM_WORKER_H

#include "store/worker.h"

#include <stdbool.h>

struct sim;

struct sim_worker {
    struct worker base;
    struct sim *sim;
    int server;
    int which;            /* 0: the log's, 1: the checkpoints' */
    struct list jobs;     /* the first one is under way */
    struct list finished; /* the loop has not heard of these */
};

void sim_worker_init(struct sim_worker *worker, struct sim *sim, int server, int which);

bool sim_worker_busy(const struct sim_worker *worker);

/* What is under way has come to its end. False: the process died of it. */
bool sim_worker_work(struct sim_worker *worker, bool may_die);

/* Does the work of what is under way without telling anybody; see sim_process.h. */
void sim_worker_work_at_crash(struct sim_worker *worker);

/* The loop hears of the job that ended first. */
void sim_worker_done(struct sim_worker *worker);

/* At once: everything that is submitted, and what that submits. */
void sim_worker_drain(struct sim_worker *worker);

#endif
