/* sim_ghost: what no server knows: everything that any leader ever proposed, and the one
 * history that was committed, by whoever noticed first. */
#ifndef ZKFS_TESTS_SIM_SIM_GHOST_H
#define ZKFS_TESTS_SIM_SIM_GHOST_H

#include "tests/sim/sim_app.h"
#include "tests/sim/sim_history.h"
#include "tests/sim/sim_reap.h"
#include "tests/sim/sim_sequence.h"
#include "tests/sim/sim_watch.h"

#include <stddef.h>
#include <stdint.h>

struct sim_committed {
    zk_zxid zxid;
    uint64_t digest; /* of the state after it */
    struct blob *txn;
};

/* The proposals of one epoch, in order of their counter. */
struct sim_epoch {
    zk_epoch epoch;
    int leader;     /* sid; 0: none yet */
    uint32_t first; /* counter of the first */
    struct blob **txns;
    size_t count, cap;
};

struct sim_session {
    int64_t id;
    zk_zxid opened, closed; /* 0: not (yet) */
    bool asked;             /* to be closed, by its client */
};

struct sim_ghost {
    struct tree *tree;      /* the state after all that was committed */
    uint64_t fresh_digest;  /* before the first txn */
    uint32_t counter_limit; /* of an epoch */
    struct sim_epoch *epochs;
    size_t epoch_count, epoch_cap;
    struct sim_committed *committed;
    size_t count, cap;
    struct sim_history clients[SIM_CLIENTS_MAX]; /* of /cN, and */
    struct sim_history groups[SIM_CLIENTS_MAX];  /* of the group of /mN-K */
    struct sim_sequence sequence;
    struct sim_reap reap;
    struct sim_watched watched;
    struct sim_session *sessions;
    size_t session_count, session_cap;
    struct sim_txn last; /* what was committed last */
    const char *complaint;
};

void sim_ghost_init(struct sim_ghost *ghost);
void sim_ghost_done(struct sim_ghost *ghost);

/* Each gives false, and COMPLAINT, when it cannot be. */
bool sim_ghost_lead(struct sim_ghost *ghost, zk_epoch epoch, int leader);
bool sim_ghost_propose(struct sim_ghost *ghost, int leader, zk_zxid zxid, struct blob *txn);
/* The next committed txn is TXN. */
bool sim_ghost_commit(struct sim_ghost *ghost, zk_zxid zxid, struct blob *txn);

/* The proposal of ZXID; NULL: nobody made one. */
struct blob *sim_ghost_proposed(const struct sim_ghost *ghost, zk_zxid zxid);
/* What /cN had at ZXID; all 0: it was not there. */
struct sim_value sim_ghost_value(const struct sim_ghost *ghost, uint32_t client, zk_zxid zxid);
/* NULL: none of this id was ever opened. */
struct sim_session *sim_ghost_session(const struct sim_ghost *ghost, int64_t id);
/* The committed txn of exactly ZXID, or NULL. */
const struct blob *sim_ghost_committed(const struct sim_ghost *ghost, zk_zxid zxid);

/* How many committed txns there are up to ZXID. */
size_t sim_ghost_index(const struct sim_ghost *ghost, zk_zxid zxid);
zk_zxid sim_ghost_end(const struct sim_ghost *ghost);
uint64_t sim_ghost_digest(const struct sim_ghost *ghost, size_t count);

#endif
