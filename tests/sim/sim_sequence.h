/* sim_sequence: names that their parent completes. All clients create in /s: client N asks for
 * /s/N-SEQ-, its write SEQ, and is given /s/N-SEQ-NUMBER, persistent or ephemeral; it deletes most
 * of them later. It checks that
 *   - the numbers of one parent rise in the order of zxids, for ever: none is given twice, whoever
 *     leads, whatever was deleted
 *   - the name that is answered is that of the znode which the txn has made
 *   - what was asked for once is made once at most, its answer lost or not
 *   - what was acknowledged and not deleted stays there */
#ifndef ZKFS_TESTS_SIM_SIM_SEQUENCE_H
#define ZKFS_TESTS_SIM_SIM_SEQUENCE_H

#include "tests/sim/sim_client.h"

/* What was committed. */
struct sim_sequence {
    uint64_t next; /* no number below it may come */
    uint32_t last_seq[SIM_CLIENTS_MAX];
};

/* One of the kinds that are its own. */
enum sim_op_kind sim_sequence_choose(struct sim *sim);
void sim_sequence_ask(struct sim *sim, struct buf *b, struct sim_client *client, struct sim_op *op);
void sim_sequence_reply(struct sim *sim, const struct sim_reply *reply);
/* Its session has ended, and all ephemerals with it. */
void sim_sequence_session_ended(struct sim_client *client);
/* TXN was committed. Gives what is wrong with it, or NULL. */
const char *sim_sequence_note(struct sim_sequence *sequence, const struct sim_txn *txn);
void sim_sequence_check_end(struct sim *sim, const struct sim_client *client);

#endif
