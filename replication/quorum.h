/* quorum: who must agree. One configuration says which servers vote and which sets
 * of them are enough; a `struct quorums` is what is in force at a moment: the
 * committed configuration and, while a reconfiguration is under way, the one last
 * seen as well, and then a set must be enough in both [Shraer et al., Dynamic
 * Reconfiguration]. Votes and acks are counted as bits of a voter_bits, so asking
 * costs no search.
 *
 * Majorities today. Weights and groups [QuorumHierarchical] are another way to
 * answer quorum_is_enough() over the same members; nobody outside quorum.c looks
 * into a configuration to count. Immutable once made. Thread: the loop. */
#ifndef ZKFS_REPLICATION_QUORUM_H
#define ZKFS_REPLICATION_QUORUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Voters of all configurations in force together, at most. */
#define QUORUM_VOTERS_MAX 64

/* Bit i: voter i of the struct quorums that gave the bit. */
typedef uint64_t voter_bits;

struct quorums;

/* Gives what is in force while only one configuration is: COUNT voters, in any
 * order, each once, at most QUORUM_VOTERS_MAX; one reference. */
struct quorums *quorums_new(const int64_t *voters, size_t count);

/* Gives the same while a second configuration is proposed: a set is enough only if
 * it is in both. */
struct quorums *quorums_new_joint(const int64_t *committed, size_t committed_count,
                                  const int64_t *last_seen, size_t last_seen_count);

/* One more holder; returns QUORUMS. */
struct quorums *quorums_ref(struct quorums *quorums);
/* One holder less; the last one frees it. NULL is accepted. */
void quorums_unref(struct quorums *quorums);

/* The bit of a voter; 0 for a server that has no vote. */
voter_bits quorums_bit(const struct quorums *quorums, int64_t sid);

/* Voters of every configuration in force, ascending. */
size_t quorums_voter_count(const struct quorums *quorums);
int64_t quorums_voter(const struct quorums *quorums, size_t i);

/* Is this set of voters a quorum in every configuration in force? */
bool quorums_have(const struct quorums *quorums, voter_bits voters);

#endif
