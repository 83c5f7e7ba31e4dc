/* timeouts: see timeouts.h. A stopped timeout may leave the timer running early; then it fires
 * for nobody and is set again. */
#include "fs/timeouts.h"

static void on_timer(uv_timer_t *timer);

static void set_timer(struct timeout_queue *queue)
{
    uint64_t now = uv_now(queue->timer.loop);
    const struct timeout *first;

    if (list_empty(&queue->waiting) || uv_is_active((uv_handle_t *)&queue->timer) ||
        uv_is_closing((uv_handle_t *)&queue->timer))
        return;
    first = CONTAINER_OF(queue->waiting.next, struct timeout, link);
    uv_timer_start(&queue->timer, on_timer, first->due_ms > now ? first->due_ms - now : 0, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct timeout_queue *queue = CONTAINER_OF(timer, struct timeout_queue, timer);
    uint64_t now = uv_now(timer->loop);

    while (!list_empty(&queue->waiting)) {
        struct timeout *timeout = CONTAINER_OF(queue->waiting.next, struct timeout, link);

        if (timeout->due_ms > now)
            break;
        list_remove(&timeout->link);
        queue->fire(queue->arg, timeout);
    }
    set_timer(queue);
}

void timeout_queue_init(struct timeout_queue *queue, uv_loop_t *loop, uint64_t delay_ms,
                        void (*fire)(void *arg, struct timeout *timeout), void *arg)
{
    uv_timer_init(loop, &queue->timer);
    list_init(&queue->waiting);
    queue->delay_ms = delay_ms;
    queue->fire = fire;
    queue->arg = arg;
}

void timeout_queue_close(struct timeout_queue *queue)
{
    uv_close((uv_handle_t *)&queue->timer, NULL);
}

void timeout_init(struct timeout *timeout)
{
    list_init(&timeout->link);
}

void timeout_start(struct timeout_queue *queue, struct timeout *timeout)
{
    list_remove(&timeout->link);
    timeout->due_ms = uv_now(queue->timer.loop) + queue->delay_ms;
    list_push_back(&queue->waiting, &timeout->link);
    set_timer(queue);
}

void timeout_stop(struct timeout *timeout)
{
    list_remove(&timeout->link);
}
