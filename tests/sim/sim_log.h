/* sim_log: txns in order, after BASE: what a log is. */
#ifndef ZKFS_TESTS_SIM_SIM_LOG_H
#define ZKFS_TESTS_SIM_SIM_LOG_H

#include "proto/base/blob.h"
#include "proto/types.h"

#include <stddef.h>

struct sim_log {
    struct blob **entries; /* references of its own */
    size_t count, cap;
    zk_zxid base;
};

zk_zxid sim_log_end(const struct sim_log *log);
zk_zxid sim_log_zxid(const struct sim_log *log, size_t i);
/* The index of the entry of ZXID, or of the first one after it. */
size_t sim_log_index(const struct sim_log *log, zk_zxid zxid);
/* NULL: not there. */
struct blob *sim_log_find(const struct sim_log *log, zk_zxid zxid);
void sim_log_append(struct sim_log *log, struct blob *txn); /* shares */
void sim_log_cut(struct sim_log *log, size_t count);        /* keeps the first COUNT */
void sim_log_raise(struct sim_log *log, zk_zxid base);      /* forgets those up to BASE */
void sim_log_done(struct sim_log *log);

#endif
