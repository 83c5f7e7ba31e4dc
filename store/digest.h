/* digest: the tree digest, version 2, as Apache computes it [DigestCalculator]:
 * the sum modulo 2^64 of a CRC-32 of every znode, over path, data and Stat. So
 * servers notice that their trees differ. Plain functions; any thread. */
#ifndef ZKFS_STORE_DIGEST_H
#define ZKFS_STORE_DIGEST_H

#include "proto/records.h"

#include <stdbool.h>

/* Whether the digest counts the znode of PATH: not below /zookeeper (itself it does). */
bool digest_counts(struct jute_bytes path);

/* The CRC of path and data: what a change of the Stat leaves as it is. The root
 * counts as "" (here PATH may be "/"). */
uint32_t digest_prefix(struct jute_bytes path, struct jute_bytes data);

/* The digest of a znode (that counts) from its prefix and Stat. */
uint32_t digest_znode(uint32_t prefix, const struct zk_stat_persisted *stat);

#endif
