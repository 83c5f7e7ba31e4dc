/* core_state: what one core consists of; for the files of this folder alone. */
#ifndef ZKFS_SERVER_CORE_CORE_STATE_H
#define ZKFS_SERVER_CORE_CORE_STATE_H

#include "proto/base/arena.h"
#include "server/core/core.h"
#include "server/core/doubt.h"
#include "server/core/pending.h"
#include "server/core/plan.h"
#include "server/core/quota_check.h"
#include "server/core/reaper.h"
#include "server/core/session_tracker.h"
#include "server/core/sync_table.h"
#include "server/core/watch_table.h"

#define DIGEST_LOG_INTERVAL 128
#define DIGEST_LOG_MAX 1024

/* The last digests of the tree [DataTree.logZxidDigest]; a ring. */
struct digest_log {
    struct {
        zk_zxid zxid;
        uint64_t digest;
    } entries[DIGEST_LOG_MAX];
    size_t added;
};

struct core {
    struct core_config config;
    struct core_host host;
    struct tree *tree;
    struct session_tracker sessions;
    struct plan plan;
    struct watch_table watches;
    struct pending_pool pool;
    enum core_role role;
    struct list clients;   /* all there are, in the order in which they came */
    struct list waiting;   /* clients that wait for a zxid, in its order */
    zk_zxid last_proposed; /* 0: nothing yet in this role */
    struct list returning; /* clients about whose session the leader, or its quorum, was asked */
    struct sync_table syncs;
    struct verdicts verdicts;
    struct doubts doubts;
    struct quota_notes quota_notes;
    struct reaper reaper;
    int64_t next_session_id;
    struct arena request_arena; /* of the request in hand */
    struct arena commit_arena;  /* of the txn that is being applied */
    uint64_t walked;            /* see core_walked() */
    struct buf scratch;         /* a txn or a notification while it is being encoded */
    struct core_stats stats;
    struct core_figures figures;
    struct digest_log digests;
};

#endif
