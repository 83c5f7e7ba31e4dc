/* sim_history: see sim_history.h. */
#include "tests/sim/sim_history.h"

#include "proto/base/mem.h"

#include <stdlib.h>

void sim_history_done(struct sim_history *history)
{
    free(history->values);
    *history = (struct sim_history){0};
}

void sim_history_add(struct sim_history *history, zk_zxid zxid, uint32_t seq)
{
    if (history->count == history->cap) {
        history->cap = history->cap == 0 ? 64 : history->cap * 2;
        history->values = xrealloc(history->values, history->cap * sizeof *history->values);
    }
    history->values[history->count++] = (struct sim_value){.zxid = zxid, .seq = seq};
}

struct sim_value sim_history_at(const struct sim_history *history, zk_zxid zxid)
{
    /* Questions are about late ones. */
    for (size_t i = history->count; i > 0; i--)
        if (history->values[i - 1].zxid <= zxid)
            return history->values[i - 1];
    return (struct sim_value){0};
}
