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

#include "proto/quota_text.h"
#include "store/tree.h"

struct quota {
    struct jute_bytes path; /* of the subtree: the beginning of the path asked for */
    struct quota_limits limits;
    bool has_used; /* there are stats */
    struct quota_limits used;
};

/* The quota that counts for PATH, which need not exist. False: none. */
bool quota_find(const struct tree *tree, struct jute_bytes path, struct quota *ret);

#endif
