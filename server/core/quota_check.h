/* quota_check: whether a create or setData keeps within the quota of its path. Usage
 * is that of the tree as committed, as Apache has it: writes in flight and earlier
 * parts of a multi do not count yet, so a quota can be overshot, and what a multi has
 * freed is not free for its later parts. Hard limits refuse when enforceQuota is set;
 * passing a soft one is a note for the operator. [ZooKeeperServer.checkQuota] */
#ifndef ZKFS_SERVER_CORE_QUOTA_CHECK_H
#define ZKFS_SERVER_CORE_QUOTA_CHECK_H

#include "proto/errors.h"
#include "proto/jute.h"
#include "server/core/core.h"

/* A zeroed one is ready: nothing has been noted yet. */
struct quota_notes {
    int64_t next_ms; /* on the monotonic clock: no note before it */
    uint64_t unsaid; /* times that a soft limit was passed since the last one */
};

/* COUNT znodes and BYTES of data more at PATH: ZOK or ZQUOTAEXCEEDED. */
enum zk_err quota_check(struct core *core, struct jute_bytes path, int count, int64_t bytes,
                        int64_t mono_ms);

#endif
