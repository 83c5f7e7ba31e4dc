/* election: fast leader election [FastLeaderElection]: who should lead, by the
 * newest history. It only proposes: safety rests on discovery and on the check of
 * histories that follows. Pure; see election.c for its rules. Thread: the loop. */
#ifndef ZKFS_REPLICATION_ELECTION_H
#define ZKFS_REPLICATION_ELECTION_H

#include "replication/zab.h"

struct election;

/* CONFIG (borrowed until election_free) tells sid, quorums, waits. */
struct election *election_new(const struct zab_config *config);
void election_free(struct election *election);

/* LOOKING begins. OWN: our log end and currentEpoch, with our sid; or VOTE_NONE of a
 * server that does not vote (observer, no-vote): it only finds out who leads. */
void election_start(struct election *election, const struct vote *own, int64_t now_ms,
                    struct zab_actions *out);

/* A ballot of SID, in any state. While we are not looking a searching server gets the
 * vote that we left with. Ballots that come between election_pause() and
 * election_start() are kept, the last of each server. */
void election_ballot(struct election *election, int64_t sid, const struct ballot *ballot,
                     int64_t now_ms, struct zab_actions *out);

void election_peer(struct election *election, int64_t sid, enum peer_reach reach, int64_t now_ms,
                   struct zab_actions *out);
void election_tick(struct election *election, int64_t now_ms, struct zab_actions *out);
int64_t election_deadline(const struct election *election);

/* Is it decided? Then *RET_LEADER is whom to follow, or ourselves. */
bool election_decided(const struct election *election, int64_t *ret_leader);

/* We took the role that was decided, or our leader's epoch is now EPOCH: what
 * latecomers are told from now on (ZOOKEEPER-1805). */
void election_settle(struct election *election, enum peer_state state);
void election_synced(struct election *election, zk_epoch epoch);

/* The role ended and LOOKING has not begun yet (the disk has to finish). */
void election_pause(struct election *election);

/* For zab_view. */
int64_t election_round(const struct election *election);
struct vote election_vote(const struct election *election);

#endif
