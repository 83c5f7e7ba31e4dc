/* sim_net: the network between the servers. A connection is a FIFO of items each way, each
 * with its own delay. It may be cut at any moment: what is under way is lost, from some item
 * on. Where a direction between two servers is blocked, items wait (TCP repeats them) until
 * it heals or the connection is given up. */
#ifndef ZKFS_TESTS_SIM_SIM_NET_H
#define ZKFS_TESTS_SIM_SIM_NET_H

#include "replication/zab.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim;
struct sim_event;
struct tree_stream;

enum sim_item_kind {
    ITEM_MSG,
    ITEM_TORN,   /* the first BYTES of a message: the connection was cut in the middle */
    ITEM_STREAM, /* BYTES of a snapshot */
    ITEM_DOWN,
};
struct sim_item {
    enum sim_item_kind kind;
    struct peer_msg msg;
    struct blob *bytes; /* a reference of its own */
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
    /* a snapshot that goes out, and what is to follow it */
    struct tree_stream *stream;
    struct sim_item *held;
    size_t held_count, held_cap;
    /* what the peer should have had when it acks NEWLEADER: see sim_check.c */
    bool told; /* NEWLEADER */
    zk_zxid history_end;
    zk_zxid proposed_first, proposed, committed; /* what it was sent so far; 0: none */
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
void sim_net_cut_conn(struct sim *sim, uint64_t id);
/* Who follows S hears that its connection is broken; S does not. */
void sim_net_cut_unheard(struct sim *sim, int s);
void sim_net_cut_link(struct sim *sim, int a, int b);

void sim_net_notify(struct sim *sim, int from, int to, const struct ballot *ballot);
void sim_net_dial(struct sim *sim, int from, int to, uint64_t ticket);
void sim_net_send(struct sim *sim, int s, uint64_t id, const struct peer_msg *msg);
/* Takes STREAM. */
void sim_net_stream(struct sim *sim, int s, uint64_t id, struct tree_stream *stream);
void sim_net_close(struct sim *sim, int s, uint64_t id);

/* EV_STREAM: the next part of the snapshot that S sends. */
void sim_stream_part(struct sim *sim, int s, uint64_t id);
/* It ends here. */
void sim_stream_done(struct sim_end *end);
/* MSG waits until the snapshot in front of it has left. */
void sim_stream_hold(struct sim_end *end, const struct sim_item *item);

/* For sim_stream.c: ITEM is on its way from end E. */
void sim_net_put(struct sim *sim, struct sim_conn *conn, int e, struct sim_item item);
struct sim_conn *sim_net_conn(struct sim *sim, int s, uint64_t id, int *ret_end);
/* The end of S breaks by itself: it is told. */
void sim_net_break(struct sim *sim, int s, uint64_t id);

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
