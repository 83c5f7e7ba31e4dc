/* sim_trace: what happened, as numbers: cheap enough to keep always. The last ones are
 * printed as text for a person when a seed fails, all of them with TRACE=1; the hash of
 * all tells whether two runs were the same. */
#ifndef ZKFS_TESTS_SIM_SIM_TRACE_H
#define ZKFS_TESTS_SIM_SIM_TRACE_H

#include "replication/actions.h"

#include <stdbool.h>
#include <stdint.h>

#define SIM_TRACE_KEPT 400
#define SIM_TRACE_TEXT 104

struct sim_trace_item {
    int64_t at;
    int server;
    char text[SIM_TRACE_TEXT]; /* filled when PRINTED lines are wanted */
    const char *what;          /* a constant */
    int64_t a, b;
};

struct sim_trace {
    struct sim_trace_item items[SIM_TRACE_KEPT];
    uint64_t count;
    uint64_t hash;
    bool loud;   /* every line as it comes */
    bool worded; /* actions as text, not only as numbers: a second run of a seed that failed */
};

/* WHAT is a constant. A and B are printed in hex. */
void sim_trace(struct sim_trace *trace, int64_t at, int server, const char *what, int64_t a,
               int64_t b);
void sim_trace_action(struct sim_trace *trace, int64_t at, int server,
                      const struct zab_action *action);
void sim_trace_packet(struct sim_trace *trace, int64_t at, int server, uint64_t conn,
                      const struct peer_msg *msg);

/* The last COUNT items, on stdout. */
void sim_trace_print(const struct sim_trace *trace, uint64_t count);

#endif
