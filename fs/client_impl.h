/* client_impl: what the files of the session library share; nobody else includes it.
 *
 *   client.c          its life: new, close, state, info
 *   client_link.c     the way to a server: backoff, look-up, dial, handshake, pings, silence
 *   client_queue.c    requests: unsent, sent, ended; their replies and what becomes of them
 *   client_ops.c      one function for each operation: encodes a request
 *   client_reply.c    decodes replies
 *   client_greeting.c what a new connection is told first: credentials, then watches
 *   client_watch.[ch], client_resolve.[ch], client_conn.[ch], hosts.[ch]   parts without a session
 *
 * A request's way: made -> unsent -> (connection up) sent -> reply -> callback. When the
 * connection dies, sent ones go back to unsent or to `ended`, whose callbacks the idle handle
 * runs, so that none fires inside a call of the user's. */
#ifndef ZKFS_FS_CLIENT_IMPL_H
#define ZKFS_FS_CLIENT_IMPL_H

#include "fs/client.h"
#include "fs/client_conn.h"
#include "fs/client_resolve.h"
#include "fs/client_watch.h"
#include "fs/hosts.h"
#include "proto/base/list.h"

/* Where the link stands. LINK_NONE and LINK_DOWN have no connection and no look-up. */
enum link_phase {
    LINK_NONE,      /* the session is over: never dial again */
    LINK_DOWN,      /* dials at link_deadline_ms */
    LINK_RESOLVE,   /* asks for addresses */
    LINK_DIAL,      /* TCP */
    LINK_HANDSHAKE, /* ConnectRequest is sent */
    LINK_UP,        /* the server has the session */
};

enum request_place {
    REQUEST_UNSENT,
    REQUEST_SENT,
    REQUEST_ENDED,   /* rc is known, the callback is due */
    REQUEST_RUNNING, /* in its callback */
};

struct client_request {
    struct list link; /* in the list of its place */
    client_reply_cb cb;
    void *arg;
    struct buf frame; /* with the length; kept after sending for requests that are sent again
                         and for the path of their watch */
    uint64_t sent_ns;
    int32_t xid; /* for OP_AUTH and OP_SET_WATCHES* their own, for others given at sending */
    int32_t op;
    int rc;        /* REQUEST_ENDED */
    uint8_t place; /* enum request_place */
    uint8_t watch; /* enum watch_kind that it sets or, removeWatches, takes away */
    bool was_sent; /* on any connection */
    bool is_cancelled;
    bool is_internal; /* made by the library for one connection: not sent again */
    size_t charge;    /* what it counts for queue_bytes_max */
};

/* Sent on every connection. */
struct credential {
    struct list link;
    struct client *client;
    struct jute_bytes scheme, secret; /* owned, by MEMORY */
    uint8_t *memory;
    client_reply_cb cb; /* NULL once told */
    void *arg;
};

struct client {
    uv_loop_t *loop;
    struct client_config config; /* defaults filled in; hosts NULL */
    struct client_callbacks callbacks;
    struct hosts hosts;
    struct rng rng;
    enum client_state state;

    /* Handles. The client is freed when all are closed. */
    uv_idle_t idle;   /* runs while callbacks are due or bytes are to be written */
    uv_timer_t timer; /* the next deadline of link or close */
    int open_handles; /* these two and the connections */

    /* Link. */
    enum link_phase phase;
    uint64_t link_deadline_ms; /* end of the phase before LINK_UP */
    unsigned failures;         /* attempts since a server last answered a request */
    struct resolve *resolve;
    struct addrinfo *addresses, *next_address;
    struct conn *conn;
    char server[64];     /* who CONN is */
    const char *trouble; /* why the last one failed */
    uint64_t wrote_ms;
    int catching_up; /* setWatches without an answer */

    /* Session. */
    int64_t session_id;
    bool is_read_only; /* the server */
    bool is_global;    /* a server that is not read-only has given or taken the session */
    uint8_t password[SESSION_PASSWORD_BYTES];
    int32_t timeout_ms; /* negotiated, 0 at first */
    zk_zxid last_zxid;
    struct watch_table watches;
    struct list credentials;

    /* Requests. */
    struct list unsent, sent, auths, ended; /* auths: sent OP_AUTH, answered out of order */
    size_t pending, charged, unsent_bytes;
    int32_t last_xid;
    struct arena arena;   /* of the reply that is being told */
    struct buf path_text; /* scratch of client_server_path */

    /* Closing. */
    bool closing, finished; /* finished: only handles are left */
    uint64_t close_deadline_ms;
    void (*close_done)(void *arg);
    void *close_arg;

    uint64_t connects, requests, replies, events;
    int64_t latency_us;
};

/* client.c */

/* Tells the user, unless it is the same state or the client is closing. */
void client_set_state(struct client *client, enum client_state state);
/* The session is over: expired (LOST), or closed when closing. */
void client_session_over(struct client *client);
/* Closes the handles; the rest follows from the loop. */
void client_finish(struct client *client);
/* One of the handles is closed. */
void client_handle_closed(struct client *client);

/* client_link.c */

void link_start(struct client *client);
/* The end of the connection, whatever it was doing: another attempt follows. */
void link_fail(struct client *client, const char *cause);
/* No connection and no attempt any more. */
void link_stop(struct client *client);
/* Sets the timer to the next deadline, the one of client_close() included. */
void link_schedule(struct client *client);

/* client_queue.c */

/* A request of OP whose frame has its header; the caller appends the record and submits. */
struct client_request *request_new(struct client *client, int32_t op, client_reply_cb cb,
                                   void *arg);
/* Takes over REQUEST: behind all others, or it ends with an error. Returns it. */
struct client_request *queue_submit(struct client *client, struct client_request *request);
/* In front of all others, for the library's own. */
void queue_submit_first(struct client *client, struct client_request *request);
/* Writes what may be written, if the link is up. */
void queue_flush(struct client *client);
/* The connection is gone. */
void queue_disconnected(struct client *client);
/* Every request that waits or was sent ends with RC. */
void queue_end_all(struct client *client, int rc);
/* REQUEST, which is in no list, ends with RC. */
void queue_end(struct client *client, struct client_request *request, int rc);
/* Those that were never sent end with RC. */
void queue_end_unsent(struct client *client, int rc);
/* Calls the callbacks that are due. */
void queue_run_ended(struct client *client);
/* A frame that is no event and no ping. False, with CAUSE: it is not what was due. */
bool queue_on_reply(struct client *client, const struct conn_frame *frame,
                    const struct zk_reply_header *header, const char **ret_cause);
/* Asks for a call of the idle handle. */
void queue_wake(struct client *client);

/* client_ops.c */

/* PATH as the server knows it; borrowed until the next call. */
struct jute_bytes client_server_path(struct client *client, struct jute_bytes path);
/* And back. */
struct jute_bytes client_user_path(const struct client *client, struct jute_bytes path);

/* client_greeting.c */

/* Credentials and watches of this session, in front of all requests; counts catching_up. */
void greeting_submit(struct client *client);
/* Frees the credentials; callbacks that are due end with RC. */
void credentials_end(struct client *client, int rc);

/* client_reply.c */

/* Decodes the body behind a header without an error. False: it cannot be. */
bool reply_decode(struct client *client, int32_t op, struct jute_reader *reader,
                  struct client_reply *ret_reply);

#endif
