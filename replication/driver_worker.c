/* driver_worker: see driver_worker.h.
 *
 *   loop:    submit -> `todo` -> signal        uv_async -> take `ended` -> job->done
 *   thread:  wait -> take all of `todo` -> job->work each -> `ended` -> uv_async_send
 *
 * A job's end is announced at once, not at the end of the batch taken: the loop
 * may have work to do while the next job waits for its disk. */
#include "replication/driver_worker.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct driver_worker {
    struct worker base;
    uv_async_t async;
    uv_thread_t thread;
    char name[16];
    uv_mutex_t mutex; /* over todo, ended and stopping */
    uv_cond_t more;
    struct list todo, ended; /* of struct job */
    bool stopping;
};

static struct job *next_job(struct driver_worker *w)
{
    struct list *link;

    uv_mutex_lock(&w->mutex);
    while (list_empty(&w->todo) && !w->stopping)
        uv_cond_wait(&w->more, &w->mutex);
    link = list_pop_front(&w->todo);
    uv_mutex_unlock(&w->mutex);
    return link == NULL ? NULL : CONTAINER_OF(link, struct job, link);
}

static void thread_main(void *arg)
{
    struct driver_worker *w = arg;
    struct job *job;

    (void)pthread_setname_np(pthread_self(), w->name); /* a help for top(1), no more */
    while ((job = next_job(w)) != NULL) {
        job->work(job);
        uv_mutex_lock(&w->mutex);
        list_push_back(&w->ended, &job->link);
        uv_mutex_unlock(&w->mutex);
        (void)uv_async_send(&w->async); /* fails only for a closed handle, and it is open */
    }
}

/* The next job to be told of; none once stopped, which a job's end may do. */
static struct job *ended_job(struct driver_worker *w)
{
    struct list *link;

    uv_mutex_lock(&w->mutex);
    link = w->stopping ? NULL : list_pop_front(&w->ended);
    uv_mutex_unlock(&w->mutex);
    return link == NULL ? NULL : CONTAINER_OF(link, struct job, link);
}

static void on_ended(uv_async_t *async)
{
    struct job *job;

    while ((job = ended_job(async->data)) != NULL)
        job->done(job);
}

static void submit(struct worker *base, struct job *job)
{
    struct driver_worker *w = CONTAINER_OF(base, struct driver_worker, base);

    uv_mutex_lock(&w->mutex);
    list_push_back(&w->todo, &job->link);
    uv_mutex_unlock(&w->mutex);
    uv_cond_signal(&w->more); /* unlocked, or the thread wakes only to wait for the mutex */
}

static void must(int rc, const char *what)
{
    if (rc != 0)
        die("cannot start a worker thread: %s: %s", what, uv_strerror(rc));
}

struct driver_worker *driver_worker_start(uv_loop_t *loop, const char *name)
{
    struct driver_worker *w = xcalloc(1, sizeof *w);

    ASSERT(strlen(name) < sizeof w->name);
    memcpy(w->name, name, strlen(name));
    w->base.submit = submit;
    list_init(&w->todo);
    list_init(&w->ended);
    must(uv_async_init(loop, &w->async, on_ended), "uv_async_init");
    w->async.data = w;
    must(uv_mutex_init(&w->mutex), "uv_mutex_init");
    must(uv_cond_init(&w->more), "uv_cond_init");
    must(uv_thread_create(&w->thread, thread_main, w), "uv_thread_create");
    return w;
}

struct worker *driver_worker_base(struct driver_worker *worker)
{
    return &worker->base;
}

static void on_closed(uv_handle_t *handle)
{
    struct driver_worker *w = handle->data;

    uv_cond_destroy(&w->more);
    uv_mutex_destroy(&w->mutex);
    free(w);
}

void driver_worker_stop(struct driver_worker *worker)
{
    if (worker == NULL)
        return;
    uv_mutex_lock(&worker->mutex);
    worker->stopping = true;
    uv_cond_signal(&worker->more);
    uv_mutex_unlock(&worker->mutex);
    (void)uv_thread_join(&worker->thread); /* cannot fail: it is ours and not joined yet */
    uv_close((uv_handle_t *)&worker->async, on_closed);
}
