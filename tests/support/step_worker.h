/* step_worker: a worker for tests: a queue whose jobs run, on the test's own
 * thread, when the test says so. */
#ifndef ZKFS_TESTS_SUPPORT_STEP_WORKER_H
#define ZKFS_TESTS_SUPPORT_STEP_WORKER_H

#include "store/worker.h"

#include <stdbool.h>

struct step_worker {
    struct worker base;
    struct list jobs;
};

void step_worker_init(struct step_worker *worker);

/* Runs the oldest job, its work and its done. False: there was none. */
bool step_worker_run(struct step_worker *worker);

/* Runs jobs until there are none, those that they submit too. */
void step_worker_run_all(struct step_worker *worker);

#endif
