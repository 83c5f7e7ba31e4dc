/* sim_log: see sim_log.h. */
#include "tests/sim/sim_log.h"

#include "proto/base/mem.h"
#include "proto/txn.h"

#include <stdlib.h>
#include <string.h>

zk_zxid sim_log_zxid(const struct sim_log *log, size_t i)
{
    return txn_zxid(log->entries[i]->data);
}

zk_zxid sim_log_end(const struct sim_log *log)
{
    return log->count == 0 ? log->base : sim_log_zxid(log, log->count - 1);
}

size_t sim_log_index(const struct sim_log *log, zk_zxid zxid)
{
    size_t low = 0, high = log->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (sim_log_zxid(log, middle) < zxid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct blob *sim_log_find(const struct sim_log *log, zk_zxid zxid)
{
    size_t i = sim_log_index(log, zxid);

    return i < log->count && sim_log_zxid(log, i) == zxid ? log->entries[i] : NULL;
}

void sim_log_append(struct sim_log *log, struct blob *txn)
{
    if (log->count == log->cap) {
        log->cap = log->cap == 0 ? 8 : log->cap * 2;
        log->entries = xrealloc(log->entries, log->cap * sizeof(struct blob *));
    }
    log->entries[log->count++] = blob_ref(txn);
}

void sim_log_cut(struct sim_log *log, size_t count)
{
    while (log->count > count)
        blob_unref(log->entries[--log->count]);
}

void sim_log_raise(struct sim_log *log, zk_zxid base)
{
    size_t below = sim_log_index(log, base + 1);

    if (base <= log->base)
        return;
    for (size_t i = 0; i < below; i++)
        blob_unref(log->entries[i]);
    log->count -= below;
    if (log->count > 0)
        memmove(log->entries, log->entries + below, log->count * sizeof(struct blob *));
    log->base = base;
}

void sim_log_done(struct sim_log *log)
{
    sim_log_cut(log, 0);
    free(log->entries);
    *log = (struct sim_log){0};
}
