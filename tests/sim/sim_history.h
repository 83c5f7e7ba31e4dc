/* sim_history: what a znode had, and since when. */
#ifndef ZKFS_TESTS_SIM_SIM_HISTORY_H
#define ZKFS_TESTS_SIM_SIM_HISTORY_H

#include "proto/types.h"

#include <stddef.h>
#include <stdint.h>

/* From ZXID on it had the data of write SEQ. */
struct sim_value {
    zk_zxid zxid;
    uint32_t seq;
};

/* All 0: empty. */
struct sim_history {
    struct sim_value *values; /* ascending */
    size_t count, cap;
};

void sim_history_done(struct sim_history *history);

/* SEQ was written at ZXID, which is later than all in it. */
void sim_history_add(struct sim_history *history, zk_zxid zxid, uint32_t seq);
/* What was there at ZXID; all 0: nothing. */
struct sim_value sim_history_at(const struct sim_history *history, zk_zxid zxid);
static inline struct sim_value sim_history_last(const struct sim_history *history)
{
    return history->count == 0 ? (struct sim_value){0} : history->values[history->count - 1];
}

#endif
