/* vote: whom a server would follow, and why [FastLeaderElection, Vote]. Header
 * only; plain values. */
#ifndef ZKFS_REPLICATION_VOTE_H
#define ZKFS_REPLICATION_VOTE_H

#include "proto/quorum_types.h"
#include "proto/types.h"

#include <stdbool.h>

/* Sids are signed on the wire; the smallest number stands for "nobody". */
#define VOTE_NOBODY INT64_MIN

struct vote {
    int64_t leader; /* sid; VOTE_NOBODY: who votes so is no participant */
    zk_zxid zxid;   /* the last one in the leader's log */
    int64_t epoch;  /* the leader's currentEpoch */
};

/* A vote as its sender told it: a notification without the configuration. */
struct ballot {
    struct vote vote;
    int64_t round; /* the sender's logical clock */
    enum peer_state state;
    int32_t version; /* of the notification's form; 0: the old ones */
};

#define VOTE_NONE ((struct vote){.leader = VOTE_NOBODY, .zxid = INT64_MIN, .epoch = INT64_MIN})

/* Epoch first, then zxid, then sid: the newest history wins, and where histories
 * are equal the larger sid does, so that all agree. */
static inline bool vote_is_better(const struct vote *a, const struct vote *b)
{
    if (a->epoch != b->epoch)
        return a->epoch > b->epoch;
    if (a->zxid != b->zxid)
        return a->zxid > b->zxid;
    return a->leader > b->leader;
}

static inline bool vote_equal(const struct vote *a, const struct vote *b)
{
    return a->leader == b->leader && a->zxid == b->zxid && a->epoch == b->epoch;
}

#endif
