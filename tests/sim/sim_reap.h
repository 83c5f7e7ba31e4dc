/* sim_reap: what the leader deletes of itself. Client N has a container /kN and a TTL znode /tN,
 * each with a member /x now and then, which the client creates, sets, and deletes; the container
 * and the TTL znode go by the leader alone. It checks that
 *   - it deletes nothing but these, none that has a member, no container that has not had one (or
 * is young), no TTL znode before its time has passed since its last change, by leaders' clocks
 *   - when all is well, they are gone some time after they are due */
#ifndef ZKFS_TESTS_SIM_SIM_REAP_H
#define ZKFS_TESTS_SIM_SIM_REAP_H

#include "tests/sim/sim_client.h"

/* One container or TTL znode, as committed. Times are in ms, by the clock of whoever led. */
struct sim_mortal {
    bool exists, has_member, had_member;
    int64_t mtime, ttl_ms; /* 0: a container */
    int64_t left_at;       /* its member was deleted */
};

struct sim_reap {
    int32_t interval_ms, per_minute, never_used_ms; /* as configured */
    struct sim_mortal mortals[SIM_CLIENTS_MAX][SIM_MORTALS_MAX];
    uint64_t containers, ttls; /* deleted by the leader */
};

/* The configuration, as part of the seed. */
void sim_reap_choose_world(struct sim *sim);
/* One of the kinds that are its own. */
enum sim_op_kind sim_reap_choose(struct sim *sim);
void sim_reap_ask(struct sim *sim, struct buf *b, struct sim_client *client, struct sim_op *op);
void sim_reap_reply(struct sim *sim, const struct sim_reply *reply);
/* OP will not be answered, whatever its kind. */
void sim_reap_forget(struct sim_client *client, const struct sim_op *op);
/* TXN was committed. Gives what is wrong with it, or NULL. */
const char *sim_reap_note(struct sim_reap *reap, const struct sim_txn *txn);
/* Is something there that should long be gone? */
void sim_reap_check(struct sim *sim);
void sim_reap_check_end(struct sim *sim, const struct sim_client *client);

#endif
