/* tree: the state of one server in memory: znodes, their ACLs, sessions with
 * their ephemerals, the last zxid applied and the digest of it all. Nothing but
 * tree_apply() (apply.h) changes it; checkpoints leave by freeze.h and come back
 * by tree_load.h. Reads no clock, no file, no random source.
 *
 * A znode is found by a keyed hash of its full path and verified by the names up
 * its parents, so no path is stored; how that is laid out is told in
 * tree_private.h. Thread: the loop. */
#ifndef ZKFS_STORE_TREE_H
#define ZKFS_STORE_TREE_H

#include "proto/base/hash.h"
#include "proto/types.h"
#include "store/acl_table.h"
#include "store/sessions.h"
#include "store/znode.h"

/* Gives the tree of a fresh database, as Apache makes it: "/", /zookeeper,
 * /zookeeper/quota, /zookeeper/config, all of zxid 0. KEY is for the hash of the
 * index: random, per process. To be ended with tree_free (which accepts NULL). */
struct tree *tree_new(const struct hash_key *key);
void tree_free(struct tree *tree);

/* The longest name of a znode, in bytes. A create of a longer one does nothing
 * (ZBADARGUMENTS), on every server alike; so prepare refuses it before that. */
#define TREE_NAME_MAX 0xffffff

/* The znode of PATH, or NULL. "" is the root as "/" is. Any bytes may be asked
 * for: what is not a path finds nothing. */
const struct znode *tree_lookup(const struct tree *tree, struct jute_bytes path);

/* The same where the hash of the path is at hand, as for those who keep a table of paths
 * beside the tree. */
uint64_t tree_hash(const struct tree *tree, struct jute_bytes path);
const struct znode *tree_lookup_hashed(const struct tree *tree, struct jute_bytes path,
                                       uint64_t hash);

/* Look-ups in a large tree are spent waiting for memory, one place after the other.
 * This has the processor fetch what the look-ups of these paths will want, side by
 * side. A hint: it changes nothing, and any bytes will do. COUNT is at most
 * TREE_PREFETCH_MAX. */
#define TREE_PREFETCH_MAX 32
void tree_prefetch(const struct tree *tree, const struct jute_bytes *paths, size_t count);

/* The same for the names of the children of ZNODE from FIRST on, TREE_PREFETCH_MAX of them
 * or what there is. */
void tree_prefetch_children(const struct tree *tree, const struct znode *znode, uint32_t first);

/* The last txn that was wholly applied. */
zk_zxid tree_zxid(const struct tree *tree);

/* The state came from another server and may have effects of txns that are still to be
 * applied: a txn's digest that is not the tree's is no alarm. Ends with the first digest
 * that is, or when the caller knows that the last such txn was applied. */
bool tree_provisional(const struct tree *tree);
void tree_set_provisional(struct tree *tree, bool provisional);

/* Sum of the digests of all znodes (digest.h). */
uint64_t tree_digest(const struct tree *tree);

/* Txns whose digest was not that of this tree after them; since the start. */
uint64_t tree_digest_mismatches(const struct tree *tree);

/* The ACL with this id, which some znode has; id TREE_ACL_OPEN is world:anyone with
 * all permissions. Borrowed while a znode has it. */
const struct zk_vec_acl *tree_acl(const struct tree *tree, uint32_t id);

/* How many there are. Apache's figures: zk_znode_count is tree_znode_count() + 1,
 * as it has the root twice; its approximate data size is tree_data_bytes(): the
 * lengths of all paths ("/" for the root) and data. */
uint64_t tree_znode_count(const struct tree *tree);
uint64_t tree_data_bytes(const struct tree *tree);
uint64_t tree_ephemeral_count(const struct tree *tree);
uint32_t tree_acl_count(const struct tree *tree);
uint32_t tree_session_count(const struct tree *tree);

/* Sessions. True, with the timeout, when session ID is open. */
bool tree_session(const struct tree *tree, int64_t id, int32_t *ret_timeout_ms);

/* Calls VISIT for every open session, in no order; it must not change the tree. */
void tree_sessions_walk(const struct tree *tree,
                        void (*visit)(void *arg, int64_t id, int32_t timeout_ms), void *arg);

/* The ephemerals of session ID, open or not, oldest first: for (z = first; z != NULL;
 * z = tree_ephemeral_next(tree, z)). */
const struct znode *tree_ephemeral_first(const struct tree *tree, int64_t id);
const struct znode *tree_ephemeral_next(const struct tree *tree, const struct znode *znode);

/* The containers and TTL znodes, for the search for those that have had their time. A
 * walk over all owned znodes that may be left off and gone on with at will, whatever
 * txns come between (what is created meanwhile may be missed): *CURSOR is 0 at the
 * beginning, and again after the last. Each call takes one step; it gives NULL when that
 * led to neither. */
const struct znode *tree_owned_next(const struct tree *tree, uint32_t *cursor);

/* The lengths of their paths together. */
uint64_t tree_ephemeral_path_bytes(const struct tree *tree, int64_t id);

/* The sessions that have ephemerals, in no order (the `dump` word). */
void tree_owners_walk(const struct tree *tree, void (*visit)(void *arg, int64_t id), void *arg);

#endif
