/* driver_worker: the store's worker (store/worker.h) as a thread. Jobs go to it
 * by a queue; their ends come back to the loop by a uv_async. The loop owns the
 * worker; only the two queues are shared, under a mutex. */
#ifndef ZKFS_REPLICATION_DRIVER_WORKER_H
#define ZKFS_REPLICATION_DRIVER_WORKER_H

#include "store/worker.h"

#include <uv.h>

struct driver_worker;

/* Starts a thread called NAME (at most 15 bytes) whose jobs end on LOOP. Gives a
 * worker, to be ended with driver_worker_stop(). It keeps LOOP alive. */
struct driver_worker *driver_worker_start(uv_loop_t *loop, const char *name);

/* The store's view of it; lives as long as the worker. */
struct worker *driver_worker_base(struct driver_worker *worker);

/* Lets the jobs that were submitted run, without their `done`, ends the thread
 * and frees the worker with its last handle on the loop. Blocks for the jobs:
 * stop the store first. May be called from a job's end. NULL is accepted. */
void driver_worker_stop(struct driver_worker *worker);

#endif
