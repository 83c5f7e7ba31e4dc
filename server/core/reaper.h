/* reaper: deletes containers that have lost their last child and TTL znodes whose time
 * is over [ContainerManager]. A check goes over all of them at regular intervals, some
 * at a time, so that it never holds up the loop; each that is due is deleted by a txn
 * of nobody's session, judged by the plan: one that gets a child, or new data, by a
 * write in flight is left alone. Pure: time is an argument. */
#ifndef ZKFS_SERVER_CORE_REAPER_H
#define ZKFS_SERVER_CORE_REAPER_H

#include "server/core/core.h"

struct reaper {
    int64_t due_ms;   /* when the next piece is due; INT64_MAX: never */
    int64_t check_ms; /* when the next check begins, at regular intervals */
    uint32_t cursor;  /* where the check under way has come to; 0: none is */
};

/* The first check is an interval from NOW_MS. */
void reaper_init(struct reaper *reaper, const struct core_config *config, int64_t now_ms);

/* Does the next piece, if it is due. */
void reaper_run(struct core *core, const struct core_time *now);

#endif
