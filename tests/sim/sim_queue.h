/* sim_queue: what will happen in the simulated world, by time; what happens at the same
 * time, in the order in which it was put in. Plain numbers, no pointers. */
#ifndef ZKFS_TESTS_SIM_SIM_QUEUE_H
#define ZKFS_TESTS_SIM_SIM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_event {
    int64_t at; /* microseconds */
    uint64_t seq;
    uint8_t kind;
    uint8_t server; /* whom it is for; 0: the world */
    uint32_t life;  /* of that server: an event for an earlier one is dropped */
    uint64_t a, b;
};

struct sim_queue {
    struct sim_event *heap;
    size_t count, cap;
    uint64_t seq;
};

void sim_queue_done(struct sim_queue *queue);
void sim_queue_push(struct sim_queue *queue, struct sim_event event);
bool sim_queue_pop(struct sim_queue *queue, struct sim_event *ret);

#endif
