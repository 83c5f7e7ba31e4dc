/* sim_watch: what clients watch: the value of a /cN, whether an ephemeral is there, the children of
 * the parent of sequences. It checks that
 *   - nothing newer is shown before a change of what is watched was told
 *   - what is told did happen, and was watched
 *   - who comes back on another connection and sets its watches again (setWatches) is told of what
 *     it has missed, before anything else, and has those that had not been triggered
 *   - what a reply shows of these is what was there at its zxid
 * A watch is triggered once. That a znode was created and deleted while its watcher was away is
 * not told to one who waited for its creation. */
#ifndef ZKFS_TESTS_SIM_SIM_WATCH_H
#define ZKFS_TESTS_SIM_SIM_WATCH_H

#include "tests/sim/sim_client.h"
#include "tests/sim/sim_history.h"

struct sim_ghost;

/* How often what is watched has changed, as committed: the values of /cN are kept elsewhere. */
struct sim_watched {
    struct sim_history ephemerals[SIM_CLIENTS_MAX * SIM_EPHEMERALS_MAX]; /* 1: there, 0: not */
    int64_t owners[SIM_CLIENTS_MAX * SIM_EPHEMERALS_MAX];                /* sessions */
    struct sim_history children; /* how many the parent has */
};

/* One of the kinds that are its own. */
enum sim_op_kind sim_watch_choose(struct sim *sim);
void sim_watch_ask(struct sim *sim, struct buf *b, struct sim_client *client, struct sim_op *op);
void sim_watch_reply(struct sim *sim, const struct sim_reply *reply);
/* It has read /cWHOSE, with a watch, when ZXID was the last txn. */
void sim_watch_value(struct sim_client *client, uint32_t whose, zk_zxid zxid);
void sim_watch_event(struct sim *sim, struct sim_client *client, zk_zxid zxid,
                     const struct zk_watcher_event *event);
/* It is shown ZXID. */
void sim_watch_check(struct sim *sim, struct sim_client *client, zk_zxid zxid);
void sim_watched_done(struct sim_watched *watched);
/* TXN was committed, and is in the ghost's tree. */
void sim_watch_note(struct sim_ghost *ghost, const struct sim_txn *txn);

#endif
