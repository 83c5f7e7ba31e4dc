/* sim_client: clients as they are promised to be treated. Each has a session, one connection at
 * a time, sends without waiting and gets its answers in order. It checks that
 *   - time never goes back for it, and what it reads is what was there at that time
 *   - it reads its own writes, and after a sync whatever anybody had committed
 *   - what it watches is told before anything newer is shown, over connections too (sim_watch)
 *   - of a multi nobody sees a part (sim_multi)
 *   - the names of sequential creates are unique for ever (sim_sequence)
 *   - containers and TTL znodes go when they are due, and not before (sim_reap)
 *   - its ephemerals are there as long as its session, and it is told the truth about that
 * A write is never repeated: when its connection is lost, its outcome is not known. */
#ifndef ZKFS_TESTS_SIM_SIM_CLIENT_H
#define ZKFS_TESTS_SIM_SIM_CLIENT_H

#include "proto/base/buf.h"
#include "proto/errors.h"
#include "proto/records.h"
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
    SIM_OP_GROUP_WRITE,   /* by multi: all of its own group */
    SIM_OP_GROUP_SPOILED, /* the like, with a part that must fail */
    SIM_OP_GROUP_READ,    /* somebody's, by multiRead */
    SIM_OP_TICKET_PARENT, /* is created, once by somebody */
    SIM_OP_TICKET,        /* a sequential create */
    SIM_OP_TICKET_DELETE,
    SIM_OP_TICKET_LOOK,
    SIM_OP_MORTAL, /* its container or TTL znode is created */
    SIM_OP_MORTAL_SET,
    SIM_OP_MEMBER, /* the like, in it */
    SIM_OP_MEMBER_DELETE,
    SIM_OP_LOOK, /* at somebody's ephemeral, to be told of its creation or end */
    SIM_OP_LIST, /* of the parent's sequential children, to be told of the next change */
    SIM_OP_SET_WATCHES,
};

#define SIM_MULTI_PARTS_MAX 5

/* What a sequential create has made. */
struct sim_ticket {
    uint32_t seq, number;
    zk_zxid czxid;
    bool ephemeral;
};
#define SIM_TICKETS_MAX 4

struct sim_op {
    enum sim_op_kind kind;
    int32_t xid;
    uint32_t seq;     /* WRITE; of EPHEMERAL, DELETE, EXISTS: which; of WATCH and
                         GROUP_READ: whose; of LOOK and LIST: the target */
    zk_zxid at_least; /* SYNC: committed before it was asked for */
    struct sim_ticket ticket;
    struct {
        int32_t types[SIM_MULTI_PARTS_MAX];
        int32_t count, failed; /* FAILED is the part that must fail; -1: none */
        enum zk_err err;       /* with this */
    } multi;
};

#define SIM_OPS_MAX 16

#define SIM_TARGETS (SIM_CLIENTS_MAX * (1 + SIM_EPHEMERALS_MAX) + 1)

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
    /* By target (sim_watch.c). These are set, and outlive a connection: a bit for each. */
    uint64_t watching;
    struct {
        zk_zxid since; /* of which nothing newer was shown */
        bool there;    /* an ephemeral was, at that time */
    } watches[SIM_TARGETS];
    struct {
        bool made;
        uint32_t acked;  /* seq */
        int32_t version; /* of its first znode; -1: not known */
        int waiting;     /* multis asked for and not answered */
    } group;
    struct {
        bool has_parent;
        struct sim_ticket kept[SIM_TICKETS_MAX];
        size_t count;
    } tickets;
    enum sim_presence members[SIM_MORTALS_MAX];
    int64_t asked_at, heard_at, on_since;
    uint32_t acked; /* seq */
    zk_zxid seen;
    int64_t pace; /* microseconds between ideas, on average */
};

struct sim;
struct sim_event;

/* What came in answer to OP, its header read. */
struct sim_reply {
    struct sim_client *client;
    const struct sim_op *op;
    zk_zxid zxid;
    enum zk_err err;
    struct jute_reader *body;
};

void sim_client_ask(struct sim *sim, struct sim_client *client, enum sim_op_kind kind);
/* Appends the header of the request OP. */
void sim_client_header(struct buf *b, struct sim_client *client, struct sim_op *op, int32_t type);
/* The ACL of all that clients create. */
struct zk_vec_acl sim_client_acl(void);
/* Why a write may be refused. */
bool sim_reply_refused(enum zk_err err);
/* The answer to a write is the fate of this txn, and of no other. */
void sim_reply_outcome(struct sim *sim, const struct sim_reply *reply);

void sim_client_idea(struct sim *sim, const struct sim_event *event);
/* On connection LINE: a frame came; it is over. */
void sim_client_hears(struct sim *sim, uint32_t id, uint64_t line, const struct blob *frame);
void sim_client_lost(struct sim *sim, uint32_t id, uint64_t line);
/* A closeSession was committed. */
void sim_client_session_closed(struct sim *sim, const struct sim_txn *txn);

#endif
