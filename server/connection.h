/* connection: one connection and what all share; for connections*.c alone. */
#ifndef ZKFS_SERVER_CONNECTION_H
#define ZKFS_SERVER_CONNECTION_H

#include "proto/base/list.h"
#include "server/client_addresses.h"
#include "server/connections.h"
#include "server/spare_buffers.h"

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
    struct list rest;  /* in all->resting or all->held: paused until its turn comes */
    int64_t held_ms;   /* since when the frames in IN are held up, if they are */
    int64_t deadline_ms;
    struct buf in;
    struct buf sending;
    void *answer; /* to a word: the rest of it, the host's; NULL: none */
    size_t sent;  /* of SENDING */
    int fd;
    int events;     /* that are polled */
    bool connected; /* the first frame is there */
    bool paused;    /* frames are waiting in IN; flush goes on with them */
    bool held;      /* the first of them, or one before it, has been in all->held */
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
    struct list held;    /* wait for requests of others to be answered; first come, first served */
    uv_idle_t sleepless; /* runs while TOLD or RESTING is not empty */
    struct list walks;   /* connections_walk.c */
    struct list timed;   /* one timeout for all, so this is the order of deadlines */
    uv_timer_t timer;
    struct client_addresses addresses;
    struct spare_buffers spares;
    struct session_throttle session_throttle;
    struct connections_stats stats;
    bool holding;
    bool complained;          /* the log has a line about maxCnxns */
    int64_t frame_refused_ms; /* when it last had one about a frame; 0: never */
    bool throttle_complained; /* ... about connection_throttle_tokens */
    uint8_t read_buffer[CARRY_BYTES + READ_BYTES];
};

/* connections.c. What C waits for is polled: to be called when that may have changed. */
void connection_poll(struct connection *c);

/* connections_flush() looks at C before the loop sleeps. */
void connection_mark_dirty(struct connection *c);

/* C has until the deadline to send its first frame, or to take the last answer. */
void connection_set_deadline(struct connection *c);

/* No more frames; the end once everything is sent. WHY is a constant. */
void connection_end_when_sent(struct connection *c, const char *why);

/* At once. C is freed, later. */
void connection_end(struct connection *c);

/* connections_read.c. What there is to read, behind what C carries over. A long frame comes
 * together in C's own buffer, or it would be copied with every piece. C may end. */
void connection_read(struct connection *c);

/* Works off the LEN bytes at DATA, which may lie in C's own buffer. */
void connection_take(struct connection *c, const uint8_t *data, size_t len);

/* connections_write.c. Sends what there is to send; takes the frames of C that had to wait, if
 * they may be taken now. C may end. */
void connection_flush(struct connection *c);

/* connections_pressure.c. Whether C has so much in work that its next frames must wait. What
 * it waits for makes it dirty again: an answer, or room in the socket. */
bool connection_over_limits(struct connection *c);

/* C has had its share of this turn of the loop. */
void connection_rest(struct connection *c);

/* Whether C's next frame must wait until others' requests are answered; then it has its place
 * in the queue for that. */
bool connection_held_up(struct connection *c);

/* Whether the frames that C has waiting were held up for so long that it is closed; then it
 * is asked to end. */
bool connection_ends_stale(struct connection *c);

/* Those who are held up go on, as far as there is room. */
void connections_release(struct connections *all);

/* The loop may sleep, unless somebody's turn has yet to come. */
void connections_sleep(struct connections *all);

/* connections_full.c. Whether C may ask for a session, by its first frame. */
bool connection_may_begin(struct connection *c, const uint8_t *payload, size_t size);

/* Whether a request of SIZE bytes may be in work beside those that are. */
bool connections_have_room_for(struct connections *all, size_t size);

/* Whether there is no place for one more from ADDRESS, where it is counted
 * already. */
bool connections_full(struct connections *all, struct client_address *address);

/* connections_walk.c. C is about to leave the list of open connections. */
void connections_walk_leave(struct connections *all, struct connection *c);

#endif
