/* worker: a thread that does what must not wait on the loop. Jobs run one at a
 * time, in the order of submission, each wholly before the next. Header only:
 * the thread is whoever implements it (replication/driver_worker.h; in tests
 * tests/support/step_worker.h). */
#ifndef ZKFS_STORE_WORKER_H
#define ZKFS_STORE_WORKER_H

#include "proto/base/list.h"

/* Embedded in the caller's object, which must live until `done`. The worker
 * keeps its link; while submitted the loop leaves alone what `work` touches. */
struct job {
    struct list link;
    void (*work)(struct job *job); /* on the worker: touches the object and the disk */
    void (*done)(struct job *job); /* on the loop, in the order of submission, never
                                      from inside submit; may free or resubmit JOB */
};

struct worker {
    void (*submit)(struct worker *worker, struct job *job);
};

/* From the loop. Never fails and never blocks. */
static inline void worker_submit(struct worker *worker, struct job *job)
{
    worker->submit(worker, job);
}

#endif
