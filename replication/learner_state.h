/* learner_state: what learner.c (connecting, broadcast, requests) and learner_sync.c
 * (from LEADERINFO to UPTODATE) share. For these alone.
 *
 *   DIAL ──► HELLO ──► PROMISE ──► CHOICE ──► HISTORY ──► PERSIST ──► EPOCH ──► READY ──► BROADCAST
 *       connected  LEADERINFO  accepted    DIFF,TRUNC  NEWLEADER  all of   current  UPTODATE
 *                              durable     or SNAP                it durable durable
 *            >FOLLOWERINFO  >ACKEPOCH                                     >ACK     >ACK, acks
 */
#ifndef ZKFS_REPLICATION_LEARNER_STATE_H
#define ZKFS_REPLICATION_LEARNER_STATE_H

#include "proto/base/list.h"
#include "replication/zab_state.h"

/* A leader sends one each half tick: an app that leaves so many open is stuck. */
#define LEARNER_PINGS_MAX 16

enum learner_phase {
    LEARNER_DIAL,    /* no connection yet */
    LEARNER_HELLO,   /* FOLLOWERINFO is sent */
    LEARNER_PROMISE, /* the new epoch is being written as accepted */
    LEARNER_CHOICE,  /* ACKEPOCH is sent: what is our history to the leader? */
    LEARNER_HISTORY, /* it becomes the leader's */
    LEARNER_PERSIST, /* NEWLEADER came: everything before it must be durable */
    LEARNER_EPOCH,   /* it is: the epoch is being written as current */
    LEARNER_READY,   /* and acknowledged; the leader waits for its quorum */
    LEARNER_BROADCAST,
};

struct learner {
    struct zab *zab;
    enum learner_phase phase;
    bool is_observer; /* has no say: OBSERVERINFO, INFORM, no acks of proposals */
    int64_t leader_sid;
    uint64_t dial_ticket; /* 0: no dial is under way */
    int64_t dial_at;      /* when to try again; INT64_MAX: not waiting for that */
    int dial_count;
    uint64_t conn;
    int64_t deadline; /* silence until then ends the role */

    zk_epoch epoch;
    size_t sync_bytes; /* of the txns that came before UPTODATE */
    zk_zxid origin;    /* our history and the leader's are the same up to here */
    zk_zxid marked;    /* the leader said COMMIT, before UPTODATE, up to here */
    zk_zxid target;    /* PERSIST: what must be durable */
    zk_zxid acked;     /* BROADCAST: the last proposal acknowledged */
    struct blob *config;

    zk_zxid pings[LEARNER_PINGS_MAX]; /* PINGs that wait for the app's touched sessions */
    size_t ping_count;

    struct list syncs; /* of struct pending_sync, as they were sent */
    size_t sync_count;
};

/* learner_sync.c: a packet before BROADCAST. */
void learner_sync_packet(struct learner *l, const struct peer_msg *msg, struct zab_actions *out);
/* learner_sync.c: the disk has got on; may end in the ack of NEWLEADER. */
void learner_sync_persist(struct learner *l, struct zab_actions *out);
void learner_sync_meta(struct learner *l, struct zab_actions *out);

/* learner.c: a txn that the leader logged becomes the end of our history. */
void learner_take(struct learner *l, struct blob *txn, struct zab_actions *out);
void learner_reconfigured(struct learner *l, struct zab_actions *out);
void learner_ack_proposals(struct learner *l, struct zab_actions *out);
void learner_send(struct learner *l, const struct peer_msg *msg, struct zab_actions *out);

/* The history that PROPOSALs continue: the staged one while a snapshot comes. */
struct window *learner_history(struct learner *l);

#endif
