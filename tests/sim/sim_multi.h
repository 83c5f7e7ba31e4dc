/* sim_multi: what is written together. Client N has a group of znodes /mN-K that only multis
 * change: each puts the number of one write into all of them, the first by setData, the others by
 * delete and create, so that a part of it would be seen whatever it is. It checks that
 *   - nothing but a whole multi is ever committed of a group
 *   - one with a part that must fail has no effect, and each part the result it must have
 *   - a reader finds the same write in the whole group, or no group
 *   - what was acknowledged is there at the end */
#ifndef ZKFS_TESTS_SIM_SIM_MULTI_H
#define ZKFS_TESTS_SIM_SIM_MULTI_H

#include "tests/sim/sim_client.h"

struct sim_history;

/* One of the kinds that are its own. */
enum sim_op_kind sim_multi_choose(struct sim *sim);
void sim_multi_ask(struct sim *sim, struct buf *b, struct sim_client *client, struct sim_op *op);
void sim_multi_reply(struct sim *sim, const struct sim_reply *reply);
/* OP will not be answered, whatever its kind. */
void sim_multi_forget(struct sim_client *client, const struct sim_op *op);
/* TXN was committed; GROUPS are of all clients. Gives what is wrong with it, or NULL. */
const char *sim_multi_note(struct sim_history *groups, const struct sim_txn *txn);
void sim_multi_check_end(struct sim *sim, const struct sim_client *client);

#endif
