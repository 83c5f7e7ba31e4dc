/* remote: what learners ask of the leader for their clients: see core_request(),
 * core_revalidate() and core_sessions_touched() in core.h [LearnerHandler,
 * LeaderSessionTracker]. What they say is checked like anything that comes in. */
#ifndef ZKFS_SERVER_CORE_REMOTE_H
#define ZKFS_SERVER_CORE_REMOTE_H

#include "server/core/core.h"

/* The tree has come to ZXID: tells the verdicts that waited for it. */
void remote_settle(struct core *core, zk_zxid zxid);

#endif
