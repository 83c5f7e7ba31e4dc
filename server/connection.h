/* connection: one connection and what all share; for connections*.c alone. */
#ifndef ZKFS_SERVER_CONNECTION_H
#define ZKFS_SERVER_CONNECTION_H

#include "proto/base/list.h"
#include "server/client_addresses.h"
#include "server/connections.h"

/* One read of one client; what it carries over from the last one goes in front. */
#define READ_BYTES 65536u
#define CARRY_BYTES 4096u

struct connection {
    uv_poll_t poll;
    struct connections *all;
    struct core_client *client;
    struct client_address *address;
    struct list link;  /* in all->open */
    struct list dirty; /* in all->dirty: look at it before the loop sleeps; or in all->told */
    struct list timed; /* in all->timed: must get on by DEADLINE_MS */
    struct list rest;  /* in all->resting: paused until its turn comes */
    int64_t deadline_ms;
    struct buf in;
    struct buf sending;
    void *answer; /* to a word: the rest of it, the host's; NULL: none */
    size_t sent;  /* of SENDING */
    int fd;
    int events;     /* that are polled */
    bool connected; /* the first frame is there */
    bool paused;    /* frames are waiting in IN; flush goes on with them */
    bool blocked;   /* the socket takes no more */
    bool finishing; /* nothing is read; closed when all is sent */
};

struct connections {
    uv_loop_t *loop;
    struct connections_config config;
    struct connections_host host;
    struct core *core;
    struct list open;
    struct list dirty;
    struct list told;    /* have events to send, nothing else, and come after all others */
    struct list resting; /* have made the server walk a lot: go on one by one, a turn each */
    uv_idle_t sleepless; /* runs while TOLD or RESTING is not empty */
    struct list walks;   /* connections_walk.c */
    struct list timed;   /* one timeout for all, so this is the order of deadlines */
    uv_timer_t timer;
    struct client_addresses addresses;
    struct connections_stats stats;
    bool holding;
    bool complained; /* the log has a line about maxCnxns */
    uint8_t read_buffer[CARRY_BYTES + READ_BYTES];
};

/* Whether there is no place for one more from ADDRESS, where it is counted already. */
bool connections_full(struct connections *all, struct client_address *address);

/* C is about to leave the list of open connections. */
void connections_walk_leave(struct connections *all, struct connection *c);

#endif
