/* znode: what can be asked of an element of the tree. A pointer to a znode is
 * valid until a txn deletes it: hold it within one callback, not longer. Only
 * apply.h changes znodes. Thread: the loop. */
#ifndef ZKFS_STORE_ZNODE_H
#define ZKFS_STORE_ZNODE_H

#include "proto/base/buf.h"
#include "proto/records.h"

#include <stdbool.h>
#include <stdint.h>

struct tree;
struct znode;

/* The Stat that a client sees: cversion is 2 * stored - children, and the owner
 * of a container or TTL znode is 0. */
void znode_stat(const struct tree *tree, const struct znode *znode, struct zk_stat *ret);

/* The Stat as stored: cversion counts the children ever created (the next
 * sequence number), the owner is the stored form (EphemeralType). */
void znode_stat_persisted(const struct tree *tree, const struct znode *znode,
                          struct zk_stat_persisted *ret);

/* Parts of the latter. */
int32_t znode_version(const struct znode *znode);
int32_t znode_cversion(const struct znode *znode); /* stored form */
int32_t znode_aversion(const struct znode *znode);
int64_t znode_pzxid(const struct znode *znode);
/* 0 persistent, OWNER_CONTAINER, a TTL value, or the session that it ends with. */
int64_t znode_owner(const struct tree *tree, const struct znode *znode);

/* Borrowed until the znode changes; null (len -1) is not empty (len 0). */
struct jute_bytes znode_data(const struct znode *znode);

/* Its ACL, to be read with tree_acl(). */
uint32_t znode_acl_id(const struct znode *znode);

/* Children are in no particular order, and a deletion moves the last one into
 * the gap. INDEX < count. */
uint32_t znode_child_count(const struct znode *znode);
const struct znode *znode_child(const struct tree *tree, const struct znode *znode, uint32_t index);

/* The last component of the path; empty for the root. Borrowed. */
struct jute_bytes znode_name(const struct znode *znode);

/* NULL for the root. */
const struct znode *znode_parent(const struct tree *tree, const struct znode *znode);

/* Appends the path to PATH: "/" for the root. */
void znode_path(const struct tree *tree, const struct znode *znode, struct buf *path);

/* Its part in the tree digest (digest.h): 0 for what the digest leaves out. */
uint32_t znode_digest(const struct tree *tree, const struct znode *znode);

/* The part of that which does not change with the Stat: digest_prefix() of path
 * and data. */
uint32_t znode_digest_prefix(const struct znode *znode);

/* Whether the digest leaves it out: it is below /zookeeper. */
bool znode_undigested(const struct znode *znode);

#endif
