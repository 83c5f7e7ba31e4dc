/* core_ensemble: three cores that make an ensemble, and in place of zab the smallest thing
 * that keeps its order: what a learner sends the leader stays in order, so does what the
 * leader sends a learner, and txns are decided in the order in which they were proposed.
 * Nothing moves by itself: a test says what is delivered when.
 *
 * Each server is a rig (core_host.h), held, so that its requests are made as usual; what is
 * said then is what that server says at once. Connections have names of their own in all
 * the ensemble. Zxids begin at 0x100000001, and with each election in a new epoch. */
#ifndef ZKFS_TESTS_SUPPORT_CORE_ENSEMBLE_H
#define ZKFS_TESTS_SUPPORT_CORE_ENSEMBLE_H

#include "tests/support/core_host.h"

#define TRIO 3
#define TRIO_SYNCS_MAX 512

struct trio;
struct trio_message;

struct trio_queue {
    struct trio_message *items;
    size_t count, cap;
};

struct trio_server {
    struct rig rig;
    struct trio *trio;
    uint64_t conn;                    /* its connection to the leader; 0: it leads */
    struct trio_queue in;             /* on the way to it from the leader */
    struct trio_queue out;            /* on the way from it to the leader */
    size_t logged;                    /* how many txns of the history it was sent ... */
    size_t applied;                   /* ... and how many it has applied */
    bool is_observer;                 /* it is sent txns when they are decided, not before */
    bool is_asked_in_vain;            /* it says that it has lost its leader */
    bool is_cut;                      /* of a leader: it may not propose */
    uint64_t cookies[TRIO_SYNCS_MAX]; /* of its syncs, in order */
    size_t cookie_count;
};

struct trio {
    struct trio_server servers[TRIO];
    int leader;
    zk_epoch epoch;
    uint64_t last_conn;
    struct blob **history; /* all txns proposed that may still be decided, or are */
    size_t proposed, decided, history_cap;
    bool dropped; /* the leader has found fault with what a learner sent */
    struct buf said;
};

/* Server 0 leads, the others learn; configuration of rig_config(), each with its sid. With
 * CONFIGURE (or NULL) the test may change it. */
void trio_init(struct trio *trio, void (*configure)(struct rig *rig));
/* Everything is delivered, then all trees must be the same. */
void trio_done(struct trio *trio);

struct rig *trio_rig(struct trio *trio, int server);

/* What has been said anywhere since the last time, in the order of the servers. */
const char *trio_said(struct trio *trio);

/* Delivers to the leader what SERVER has sent. */
const char *trio_up(struct trio *trio, int server);
/* Decides the oldest proposal: the leader applies it. */
const char *trio_decide(struct trio *trio);
/* Delivers to SERVER what the leader has sent. */
const char *trio_down(struct trio *trio, int server);
/* One message of these, or one decision, whichever WHICH says; false: there is none. */
enum trio_move { MOVE_UP, MOVE_DECIDE, MOVE_DOWN };
bool trio_move(struct trio *trio, enum trio_move which, int server);
/* All of this, until nothing moves any more. */
const char *trio_settle(struct trio *trio);

/* A session for a new connection of SERVER, whose answer is swallowed. */
void trio_join(struct trio *trio, int server, char name);

/* The leader asks learners which sessions were heard of, and they answer. */
void trio_ping(struct trio *trio);
/* Time passes everywhere, without pings. */
const char *trio_sleep(struct trio *trio, int64_t ms);

/* SERVER has lost its part, as when its connections to the others break. */
const char *trio_out(struct trio *trio, int server);
/* LEADER is elected, with the history that it was sent: what it was not sent is lost. All
 * servers leave their roles and take new ones. */
const char *trio_elect(struct trio *trio, int leader);

#endif
