/* sim_client: clients as they are promised to be treated. Each has a session, one connection at
 * a time, sends without waiting and gets its answers in order. It checks that
 *   - time never goes back for it, and what it reads is what was there at that time
 *   - it reads its own writes, and after a sync whatever anybody had committed
 *   - what it watches is told before anything newer is shown
 *   - its ephemerals are there as long as its session, and it is told the truth about that
 * A write is never repeated: when its connection is lost, its outcome is not known. */
#ifndef ZKFS_TESTS_SIM_SIM_CLIENT_H
#define ZKFS_TESTS_SIM_SIM_CLIENT_H

#include "tests/sim/sim_app.h"

#include <stddef.h>

enum sim_op_kind {
    SIM_OP_WRITE,     /* its own znode */
    SIM_OP_READ,      /* the like */
    SIM_OP_WATCH,     /* another's znode, to be told of its next change */
    SIM_OP_EPHEMERAL, /* is created */
    SIM_OP_DELETE,    /* the like */
    SIM_OP_EXISTS,    /* the like */
    SIM_OP_SYNC,
    SIM_OP_CLOSE,
};

struct sim_op {
    enum sim_op_kind kind;
    int32_t xid;
    uint32_t seq;     /* WRITE; of EPHEMERAL, DELETE, EXISTS: which; of WATCH: whose */
    zk_zxid at_least; /* SYNC: committed before it was asked for */
};
#define SIM_OPS_MAX 16

enum sim_presence { SIM_ABSENT, SIM_PRESENT, SIM_UNKNOWN };

struct sim_client {
    uint32_t id, seq;
    enum { CLIENT_OFF, CLIENT_OPENING, CLIENT_ON } state;
    uint64_t line;
    int64_t session; /* 0: none */
    uint8_t password[SESSION_PASSWORD_BYTES];
    int32_t timeout_ms;
    bool made;   /* its znode was */
    bool reader; /* never writes: so that nothing of its own can hold up its syncs */
    struct sim_op ops[SIM_OPS_MAX];
    size_t asked, replied; /* counts since the connection began; ring by % */
    int32_t xid;
    enum sim_presence ephemerals[SIM_EPHEMERALS_MAX];
    struct {
        bool set;
        zk_zxid mzxid;
    } watches[SIM_CLIENTS_MAX];
    int64_t asked_at, heard_at, on_since;
    uint32_t acked; /* seq */
    zk_zxid seen;
    int64_t pace; /* microseconds between ideas, on average */
};

struct sim;
struct sim_event;

void sim_client_idea(struct sim *sim, const struct sim_event *event);
/* On connection LINE: a frame came; it is over. */
void sim_client_hears(struct sim *sim, uint32_t id, uint64_t line, const struct blob *frame);
void sim_client_lost(struct sim *sim, uint32_t id, uint64_t line);
/* A closeSession was committed. */
void sim_client_session_closed(struct sim *sim, const struct sim_txn *txn);

#endif
