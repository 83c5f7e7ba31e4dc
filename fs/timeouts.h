/* timeouts: many equal delays on one libuv timer: a queue in order of time. Thread: the loop. */
#ifndef ZKFS_FS_TIMEOUTS_H
#define ZKFS_FS_TIMEOUTS_H

#include "proto/base/list.h"

#include <stdint.h>
#include <uv.h>

/* Lies in an object; is in one queue, or in none. */
struct timeout {
    struct list link;
    uint64_t due_ms;
};

struct timeout_queue {
    uv_timer_t timer;
    struct list waiting; /* the first one is due first, as all wait equally long */
    uint64_t delay_ms;
    void (*fire)(void *arg, struct timeout *timeout);
    void *arg;
};

/* FIRE is called once for each timeout whose time has come; it is in no queue then. */
void timeout_queue_init(struct timeout_queue *queue, uv_loop_t *loop, uint64_t delay_ms,
                        void (*fire)(void *arg, struct timeout *timeout), void *arg);
/* The timer's memory is QUEUE's: keep it until the loop has run the close. */
void timeout_queue_close(struct timeout_queue *queue);

void timeout_init(struct timeout *timeout);
/* Begins, or begins again, to wait. */
void timeout_start(struct timeout_queue *queue, struct timeout *timeout);
static inline bool timeout_waits(const struct timeout *timeout)
{
    return timeout->link.next != &timeout->link;
}
/* Harmless when it does not wait. */
void timeout_stop(struct timeout *timeout);

#endif
