/* sim_queue: a binary heap. */
#include "tests/sim/sim_queue.h"

#include "proto/base/mem.h"

#include <stdlib.h>

void sim_queue_done(struct sim_queue *queue)
{
    free(queue->heap);
    *queue = (struct sim_queue){0};
}

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

void sim_queue_push(struct sim_queue *queue, struct sim_event event)
{
    size_t i = queue->count++;

    if (i == queue->cap) {
        queue->cap = queue->cap == 0 ? 256 : queue->cap * 2;
        queue->heap = xrealloc(queue->heap, queue->cap * sizeof *queue->heap);
    }
    event.seq = ++queue->seq;
    for (; i > 0 && is_before(&event, &queue->heap[(i - 1) / 2]); i = (i - 1) / 2)
        queue->heap[i] = queue->heap[(i - 1) / 2];
    queue->heap[i] = event;
}

bool sim_queue_pop(struct sim_queue *queue, struct sim_event *ret)
{
    struct sim_event last;
    size_t i = 0;

    if (queue->count == 0)
        return false;
    *ret = queue->heap[0];
    last = queue->heap[--queue->count];
    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= queue->count)
            break;
        if (child + 1 < queue->count && is_before(&queue->heap[child + 1], &queue->heap[child]))
            child++;
        if (!is_before(&queue->heap[child], &last))
            break;
        queue->heap[i] = queue->heap[child];
        i = child;
    }
    queue->heap[i] = last;
    return true;
}
