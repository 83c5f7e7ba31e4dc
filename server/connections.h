/* connections: the TCP side of the clients. Bytes become frames for the core,
 * and what the core wrote goes out: one read and one write per burst of requests.
 * Knows neither requests nor sessions. Thread: the loop.
 *
 * A client is not read while it has too much unanswered or unread; nothing of
 * it is refused or dropped. */
#ifndef ZKFS_SERVER_CONNECTIONS_H
#define ZKFS_SERVER_CONNECTIONS_H

#include "proto/base/buf.h"
#include "proto/base/hash.h"
#include "server/core/core.h"
#include "server/session_throttle.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

struct connections;

struct connections_config {
    int32_t per_address_max; /* 0: no limit */
    int32_t total_max;       /* 0: no limit */
    int32_t handshake_timeout_ms;
    int32_t frame_bytes_max;
    int32_t outstanding_max;    /* requests of all clients, > 0 */
    int32_t throttle_max;       /* the same, for clients with none in work as well; 0: no limit */
    int32_t late_ms;            /* a request that THROTTLE_MAX held up for longer is not carried
                                 * out: core_frame_late(); 0: any is */
    bool closes_stale;          /* one that it holds up for its session's timeout is the end */
    size_t large_request_bytes; /* a longer request is a large one; 0: none is */
    size_t large_requests_max;  /* bytes of them that may be in work */
    struct session_throttle_config session_throttle;
    uint64_t random_seed;
    bool tcp_keep_alive;
    struct hash_key hash_key;
};

/* What the first bytes of a connection are. */
enum word_outcome {
    WORD_NONE,      /* no four-letter word, but the length of a frame */
    WORD_CUT_SHORT, /* a word that takes more bytes: ask again when there are more */
    WORD_ANSWERED,  /* a word: what is in the answer, and what follows, is sent; then we close */
};

/* What it asks of the server. */
struct connections_host {
    void *arg;
    /* The time of this iteration of the loop. Borrowed until the next call. */
    const struct core_time *(*now)(void *arg);
    /* DATA, of LEN >= 4 bytes, is what a connection began with. A long answer goes on: then
     * *RET_REST says with what, and is ended with end_answer(). */
    enum word_outcome (*word)(void *arg, const uint8_t *data, size_t len, struct buf *answer,
                              void **ret_rest);
    /* The next slice, some 64 KiB. False: it is the last one. */
    bool (*more)(void *arg, void *rest, struct buf *answer);
    void (*end_answer)(void *arg, void *rest);
    /* The server cannot take more requests for now. */
    bool (*busy)(void *arg);
};

/* CONFIG and HOST are copied. To be ended with connections_close() and, when the
 * loop has no handles any more, connections_free(). */
struct connections *connections_new(uv_loop_t *loop, const struct connections_config *config,
                                    const struct connections_host *host);

/* Before the first connection; CORE is borrowed until connections_close(). */
void connections_serve(struct connections *all, struct core *core);

/* Takes FD, a fresh connection from PEER; closes it when there are too many. */
void connections_accept(struct connections *all, int fd, const struct sockaddr_storage *peer);

/* From the core: see struct core_host. */
void connection_output(struct core_client *client);
void connection_told(struct core_client *client);
void connection_room(struct core_client *client, size_t more);
void connection_finish(struct core_client *client, const char *why);

/* Before the core looks whose time is up: a client whose frames wait because we are slow
 * with its requests counts as heard of, as its pings may be among them;
 * or it is closed, when they have waited for too long. */
void connections_vouch(struct connections *all);

/* Sends what came together and reads on where that was held up. At the end of
 * each iteration of the loop. */
void connections_flush(struct connections *all);

/* Nothing is read any more; answers still go out. */
void connections_hold(struct connections *all);

/* Sends what can be sent at once and closes everything. */
void connections_close(struct connections *all);
void connections_free(struct connections *all);

struct connections_stats {
    size_t open;
    uint64_t accepted, rejected;
    uint64_t handshakes_expired;
    uint64_t held_up, stale; /* requests that THROTTLE_MAX made wait; and too long */
    uint64_t large_rejected;
    double drop_probability; /* of the session throttle */
    uint64_t bytes_received, bytes_sent;
};
struct connections_stats connections_stats(const struct connections *all);

/* The word srst: the counts begin again; what is a state, not a count, stays. */
void connections_stats_reset(struct connections *all);

/* One connection, as operators see it. */
struct connection_facts {
    char peer[64];    /* as Java prints it: "127.0.0.1:53672", "[0:0:0:0:0:0:0:1]:53672" */
    int interest_ops; /* as Java's: 1 is waited for to be read, 4 to be written */
    size_t outstanding;
    int64_t deadline_mono_ms; /* it is closed then, if nothing more is heard of it */
    struct core_client_stats stats;
};

/* A walk over all connections, oldest first; they may come and go meanwhile. To be ended with
 * connections_walk_end(), which accepts NULL, before connections_free(). */
struct connections_walk *connections_walk_begin(struct connections *all);
bool connections_walk_next(struct connections_walk *walk, struct connection_facts *ret);
void connections_walk_end(struct connections_walk *walk);

/* The word crst: the figures of every connection begin again. */
void connections_reset_each(struct connections *all);

#endif
