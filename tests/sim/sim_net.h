/* sim_net: the network between the servers. A connection is a FIFO of items each way, each
 * with its own delay. It may be cut at any moment: what is under way is lost, from some item
 * on. Where a direction between two servers is blocked, items wait (TCP repeats them) until
 * it heals or the connection is given up. */
#ifndef ZKFS_TESTS_SIM_SIM_NET_H
#define ZKFS_TESTS_SIM_SIM_NET_H

#include "replication/zab.h"
#include "tests/sim/sim_app.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim;
struct sim_event;

enum sim_item_kind { ITEM_MSG, ITEM_STREAM_PART, ITEM_STREAM, ITEM_DOWN };
struct sim_item {
    enum sim_item_kind kind;
    struct peer_msg msg;
    struct sim_app state; /* of STREAM, which is its end */
};

struct sim_end {
    int server;
    uint32_t life;
    bool open; /* as far as that end knows */
    /* items on their way from here */
    struct sim_item *items;
    size_t first, count, cap;
    size_t due; /* arrivals that came while the direction was blocked */
    int64_t last_at;
    /* what the peer should have had when it acks NEWLEADER: see sim_check.c */
    bool told; /* NEWLEADER */
    zk_zxid history_end;
    zk_epoch promised;
    size_t sent_bytes; /* arrived, and the sender was not told so far */
};

struct sim_conn {
    uint64_t id;
    struct sim_end ends[2]; /* [0] dialled, [1] accepted */
};

#define SIM_BALLOTS_MAX 64

/* What one server sends another on their election connection. */
struct sim_way {
    struct ballot ballots[SIM_BALLOTS_MAX]; /* ring of those under way */
    size_t first, count, due;
    int64_t last_at;
    bool waiting; /* one that was not sent, as there was no connection */
    struct ballot unsent;
};

struct sim_net {
    struct sim_conn **conns; /* by id; NULL: long gone */
    size_t conn_count, conn_cap;
    bool blocked[8][8]; /* from, to */
    struct sim_way ways[8][8];
    bool linked[8][8]; /* smaller, larger */
    int64_t delay_min, delay_max;
};

void sim_net_done(struct sim *sim);
/* Something changed for S: its links are looked at again. */
void sim_net_changed(struct sim *sim, int s);
/* S is gone with everything that it had. */
void sim_net_crash(struct sim *sim, int s, bool host);
void sim_net_block(struct sim *sim, int from, int to, bool blocked);
/* Cuts one connection of S, if it has one. False: none. */
bool sim_net_cut(struct sim *sim, int s);
/* Who follows S hears that its connection is broken; S does not. */
void sim_net_cut_unheard(struct sim *sim, int s);
void sim_net_cut_link(struct sim *sim, int a, int b);

void sim_net_notify(struct sim *sim, int from, int to, const struct ballot *ballot);
void sim_net_dial(struct sim *sim, int from, int to, uint64_t ticket);
void sim_net_send(struct sim *sim, int s, uint64_t id, const struct peer_msg *msg);
void sim_net_stream(struct sim *sim, int s, uint64_t id, const struct sim_app *state);
void sim_net_close(struct sim *sim, int s, uint64_t id);

/* S runs again after a pause. */
void sim_net_resume(struct sim *sim, int s);
/* The truth about the election connection of a pair may have changed. */
void sim_links_look(struct sim *sim, int a, int b);
void sim_links_crash(struct sim *sim, int s);

/* DIAL events. */
void sim_net_event(struct sim *sim, const struct sim_event *event);
/* The next item for this end has come. False: nothing, after all. The item: with
 * peer_msg_done. RET_FROM is the other end's server. */
bool sim_net_arrive(struct sim *sim, uint64_t conn, int from_end, struct sim_item *ret,
                    int *ret_to);
bool sim_net_ballot(struct sim *sim, int from, int to, struct ballot *ret);
/* Of CONN, the end of S, and the end of its peer; NULL: S has no such connection (any more). */
struct sim_end *sim_net_other_end(struct sim *sim, int s, uint64_t conn);
struct sim_end *sim_net_end(struct sim *sim, int s, uint64_t conn);

#endif
