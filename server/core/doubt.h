/* doubt: sessions that this leader is asked about and does not know. "Expired" is for good; and
 * a leader that was deposed, and has not heard of it, does not know the sessions that the next
 * one makes. So a quorum has to confirm first that it leads, as it does for a sync. One sync
 * at a time does for all that were asked about before it. Pure. */
#ifndef ZKFS_SERVER_CORE_DOUBT_H
#define ZKFS_SERVER_CORE_DOUBT_H

#include "server/core/core.h"
#include "server/core/verdicts.h"

/* A zeroed one is empty. Own clients that wait are in core->returning, by AWAITED. */
struct doubts {
    bool asking;            /* a sync is under way */
    uint64_t asked;         /* the number of the last one */
    struct verdicts remote; /* of learners; in place of a zxid that number; with the verdicts
                               that wait for a zxid at most VERDICTS_MAX */
};

/* CLIENT has come with a session that is not known. */
void doubt_client(struct core_client *client, int64_t session_id);

/* The learner on CONN asks about one. There is room for it (core_revalidate). */
void doubt_remote(struct core *core, uint64_t conn, int64_t session_id);

/* The sync is done. */
void doubt_settle(struct core *core, const struct core_time *now);

#endif
