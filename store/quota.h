/* quota: subtrees with a quota, and what each uses. Clients make one for /a/b of
 * two plain znodes:
 *
 *     /zookeeper/quota/a/b/zookeeper_limits   there is a quota as long as it is there
 *     /zookeeper/quota/a/b/zookeeper_stats    what is used: "count=N,bytes=B"
 *
 * N counts /a/b and all below it, B the bytes of their data. Every server writes the
 * stats itself while it applies, without a trace in Stat, digest, events or log: all
 * in one when they are created, then by what each change adds [DataTree.createNode,
 * updateQuotaStat]. A change counts for the longest prefix of its path with a quota,
 * and for no other. What is used is kept in that text alone: it goes into
 * checkpoints as any data, so that a restart finds it as it was. (Apache counts anew
 * then; the two can differ only for one quota below another, and for stats that a
 * client has overwritten.) Thread: the loop. */
#ifndef ZKFS_STORE_QUOTA_H
#define ZKFS_STORE_QUOTA_H

#include "store/tree.h"

/* What the text of limits or stats says; -1 for what it does not [StatsTrack]. */
struct quota_figures {
    int64_t count, bytes;           /* used; in limits the soft ones */
    int64_t count_hard, bytes_hard; /* countHardLimit, byteHardLimit */
};

/* Pairs of key=number with "," or ";" between them; what follows a second "=" and
 * pairs that are none are passed over. */
struct quota_figures quota_parse(struct jute_bytes text);

struct quota {
    struct jute_bytes path; /* of the subtree: the beginning of the path asked for */
    struct quota_figures limits;
    bool has_used; /* there are stats */
    struct quota_figures used;
};

/* The quota that counts for PATH, which need not exist. False: none. */
bool quota_find(const struct tree *tree, struct jute_bytes path, struct quota *ret);

#endif
