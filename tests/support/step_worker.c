/* step_worker: see step_worker.h. */
#include "tests/support/step_worker.h"

static void submit(struct worker *worker, struct job *job)
{
    list_push_back(&((struct step_worker *)worker)->jobs, &job->link);
}

void step_worker_init(struct step_worker *worker)
{
    worker->base.submit = submit;
    list_init(&worker->jobs);
}

bool step_worker_run(struct step_worker *worker)
{
    struct list *first = list_pop_front(&worker->jobs);
    struct job *job;

    if (first == NULL)
        return false;
    job = CONTAINER_OF(first, struct job, link);
    job->work(job);
    job->done(job);
    return true;
}

void step_worker_run_all(struct step_worker *worker)
{
    while (step_worker_run(worker))
        ;
}
