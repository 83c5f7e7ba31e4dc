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
    int32_t outstanding_max; /* requests of all clients, > 0 */
    bool tcp_keep_alive;
    struct hash_key hash_key;
};

/* What it asks of the server. */
struct connections_host {
    void *arg;
    /* The time of this iteration of the loop. Borrowed until the next call. */
    const struct core_time *(*now)(void *arg);
    /* WORD is what a connection began with. False when that is not a four-letter word
     * but the length of a frame; else the answer is appended, and all that
     * is still to do is to send it and close. */
    bool (*word)(void *arg, uint32_t word, struct buf *answer);
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
void connection_finish(struct core_client *client, const char *why);

/* Before the core looks whose time is up: a client whose frames wait because we are slow
 * with its requests counts as heard of, as its pings may be among them. */
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
    uint64_t bytes_received, bytes_sent;
};
struct connections_stats connections_stats(const struct connections *all);

#endif
