/* The worker thread: jobs run in order off the loop, and end in order on it. */
#include "replication/driver_worker.h"
#include "tests/unit/test.h"

#include <pthread.h>

#define JOB_COUNT 1000

struct numbered {
    struct job job;
    struct state *state;
    int number;
};

struct state {
    pthread_t loop_thread;
    int worked, ended; /* worked belongs to the worker, ended to the loop */
    struct driver_worker *worker;
    struct numbered jobs[JOB_COUNT];
};

static void work(struct job *job)
{
    struct numbered *n = CONTAINER_OF(job, struct numbered, job);

    EXPECT(!pthread_equal(pthread_self(), n->state->loop_thread));
    EXPECT_EQ(n->number, n->state->worked++);
}

static void done(struct job *job)
{
    struct numbered *n = CONTAINER_OF(job, struct numbered, job);
    struct state *state = n->state;

    EXPECT(pthread_equal(pthread_self(), state->loop_thread));
    EXPECT_EQ(n->number, state->ended++);
    /* The second half is submitted from the ends of the first. */
    if (state->ended <= JOB_COUNT / 2)
        worker_submit(driver_worker_base(state->worker),
                      &state->jobs[JOB_COUNT / 2 + n->number].job);
    if (state->ended == JOB_COUNT)
        driver_worker_stop(state->worker);
}

TEST(jobs_run_off_the_loop_and_end_on_it_in_order)
{
    static struct state state;
    uv_loop_t loop;

    EXPECT_EQ(uv_loop_init(&loop), 0);
    state.loop_thread = pthread_self();
    state.worker = driver_worker_start(&loop, "test-worker");
    for (int i = 0; i < JOB_COUNT; i++)
        state.jobs[i] =
            (struct numbered){.job = {.work = work, .done = done}, .state = &state, .number = i};
    for (int i = 0; i < JOB_COUNT / 2; i++)
        worker_submit(driver_worker_base(state.worker), &state.jobs[i].job);
    EXPECT_EQ(state.ended, 0);
    EXPECT_EQ(uv_run(&loop, UV_RUN_DEFAULT), 0);
    EXPECT_EQ(state.ended, JOB_COUNT);
    EXPECT_EQ(uv_loop_close(&loop), 0);
}
