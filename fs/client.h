/* client: the session library, one ZooKeeper session on a libuv loop.
 * It dials the servers of a connect string until one takes it, keeps the session
 * alive with pings, moves it to another server when a connection dies, sets its
 * watches again there, and matches replies to requests. Thread: the loop. No
 * call blocks and no callback fires before the call that caused it has
 * returned.
 *
 * What is promised:
 * - Requests leave in the order in which they were made, and their replies and the
 *   events are told in the order in which the server sent them.
 * - Every request's callback is called exactly once, unless the request is
 *   cancelled.
 * - Requests made without a connection wait for the next one. When a
 *   connection dies, requests without effect (exists, get*, whoAmI, sync, addWatch,
 *   checkWatches, removeWatches) are sent again on the next one, before younger ones; any
 *   other one that was sent ends with -ECONNRESET: its outcome is unknown.
 * - Only a server says that the session has expired (a client that is cut off
 *   cannot know it), or the user gives it up. Then the state is CLIENT_LOST for good.
 *
 * Paths here are those of the session: a chroot in the connect string is put in
 * front of requests and taken off replies and events by this library. Paths are
 * not validated (path.h does that): the server answers for what is sent. */
#ifndef ZKFS_FS_CLIENT_H
#define ZKFS_FS_CLIENT_H

#include "proto/base/errtext.h"
#include "proto/errors.h"
#include "proto/opcodes.h"
#include "proto/records.h"
#include "proto/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct client;

/* One request in flight, a handle for client_cancel(); valid until its callback
 * returns or it is cancelled. */
struct client_request;

enum client_state {
    /* No server; the first state, and again after every lost connection. */
    CLIENT_CONNECTING,
    /* A server has the session; after a reconnect also: all watches are set
     * again and the events of what they missed have been told. Told before
     * any reply of this connection. */
    CLIENT_CONNECTED,
    /* The session has expired, its ephemerals and watches are gone. Final; what
     * was in flight ends with -ESTALE after this was told. */
    CLIENT_LOST,
};

/* Something changed below a watch. PATH is borrowed. ZXID is that of the change, or
 * 0: servers before 3.9 and the events after a reconnect do not say. */
struct client_event {
    enum event_type type;
    struct jute_bytes path;
    zk_zxid zxid;
};

struct client_callbacks {
    /* The state has changed; never the same twice in a row. */
    void (*state)(void *arg, enum client_state state);
    /* May be NULL for a session without watches. */
    void (*event)(void *arg, const struct client_event *event);
    void *arg;
};

/* A zero takes the default. */
struct client_config {
    const char *hosts;          /* HOST[:PORT],[V6]:PORT,...[/CHROOT]; port 2181; borrowed */
    int32_t session_timeout_ms; /* wanted, the server may change it; 10,000 */
    size_t reply_bytes_max;     /* a longer reply ends its request with -EMSGSIZE; 64 MiB */
    size_t request_bytes_max;   /* the servers' jute.maxbuffer, as they drop connections
                                   over it; a longer request ends with -E2BIG; 0xfffff */
    size_t
        queue_bytes_max; /* memory of all requests without an answer; beyond it -EAGAIN; 64 MiB */
    int32_t close_timeout_ms; /* how long client_close() waits for a server; 2,000 */
    uint64_t seed;            /* of shuffle and jitter, for tests; 0: from the system */
    bool read_only; /* a server in read-only mode will do, see client_info; it refuses writes
                       (ZNOTREADONLY) and drops the connection when it is a member again */
};

/* The result of one operation of a multi. */
struct client_result {
    struct jute_bytes path; /* create: the name given */
    struct zk_stat stat;    /* setData, create */
    enum zk_err err;        /* ZOK also for those undone by the failure of another one;
                               ZRUNTIMEINCONSISTENCY for those not attempted */
    bool has_stat;          /* create on a server before 3.10 gives none */
};

/* The end of a request. All that it points to is borrowed for the time of the callback. */
struct client_reply {
    /* 0: the server has answered, see err. Else nothing below is set:
     *   -ECONNRESET  sent, then the connection died: outcome unknown
     *   -ESTALE      the session is lost; the outcome of what was sent is unknown
     *   -ECANCELED   client_close() came first; the outcome of what was sent is unknown
     *   -EAGAIN      queue_bytes_max reached; not sent
     *   -E2BIG       longer than request_bytes_max; not sent
     *   -EMSGSIZE    done, but the answer was longer than reply_bytes_max
     *   -EBADMSG     done, but the answer could not be decoded */
    int rc;
    enum zk_err err; /* the server's answer; the fields of its operation are set when ZOK */
    zk_zxid zxid;    /* of the reply's header: for a write its own */
    bool was_sent;   /* whether a server may have seen it; for rc != 0 */

    struct zk_stat stat;            /* create, exists, get*, set* */
    struct jute_bytes path;         /* create: the name given; sync */
    struct jute_bytes data;         /* getData, reconfig; null (len -1) and empty differ */
    struct zk_vec_ustring children; /* getChildren: names; getEphemerals: paths; in no order */
    struct zk_vec_acl acl;          /* getACL */
    struct zk_vec_client_info identities; /* whoAmI */
    int32_t number;                       /* getAllChildrenNumber */
    /* multi: one per operation, in order. When one failed, err is its error and nothing was
     * done; the results then tell which one it was. */
    struct client_result *results;
    int32_t result_count;
};

typedef void (*client_reply_cb)(void *arg, const struct client_reply *reply);

/* Parses CONFIG and starts to dial; the first news come from the loop. Gives
 * *RET_CLIENT, to be ended with client_close().
 * Errors: -EINVAL the connect string is not one, WHY says where. */
int client_new(uv_loop_t *loop, const struct client_config *config,
               const struct client_callbacks *callbacks, struct client **ret_client,
               struct errtext *why);

/* Ends the session (its ephemerals go at once) and the client. Requests that wait for a
 * connection end with -ECANCELED; those sent before are still answered, while
 * closeSession, behind them, waits close_timeout_ms for its answer; without a
 * connection as long for a server to say it to. Then the rest ends with
 * -ECANCELED, DONE is called, and CLIENT is freed: it must not be used from DONE on. The
 * state callback is not called any more. Call once; allowed in any callback and
 * in any state. A name look-up that hangs may outlive DONE, harmlessly. */
void client_close(struct client *client, void (*done)(void *arg), void *arg);

/* The session counts as lost from now on: the state is CLIENT_LOST, all requests end with -ESTALE,
 * no server is looked for. Nobody is told, so a server that has the session lets it expire. Nothing
 * happens when it is lost already. Not after client_close(). */
void client_give_up(struct client *client);

/* Forgets REQUEST: its callback will not be called. Whether it was never sent: then
 * it never will be; otherwise its effect, if any, may still come. */
bool client_cancel(struct client *client, struct client_request *request);

/* Whether less than half of queue_bytes_max is in use: then a request, which is never longer than
 * request_bytes_max, does not end with -EAGAIN. Always true when no request is without an answer.
 */
bool client_has_room(const struct client *client);

/* Requests. PATH, DATA and ACL are borrowed for the call. Each returns a handle, never
 * NULL; failure comes through CB too. CB may be NULL: then the handle is of no use. A watch is set
 * when the server sets it: exists always (a missing znode is ZNONODE and watched), getData and
 * getChildren when they succeed. */

/* ACL NULL is world:anyone:cdrwa. TTL_MS counts for the two TTL modes only. */
struct client_request *client_create(struct client *client, struct jute_bytes path,
                                     struct jute_bytes data, const struct zk_vec_acl *acl,
                                     enum create_mode mode, int64_t ttl_ms, client_reply_cb cb,
                                     void *arg);
struct client_request *client_delete(struct client *client, struct jute_bytes path, int32_t version,
                                     client_reply_cb cb, void *arg);
struct client_request *client_exists(struct client *client, struct jute_bytes path, bool watch,
                                     client_reply_cb cb, void *arg);
struct client_request *client_get_data(struct client *client, struct jute_bytes path, bool watch,
                                       client_reply_cb cb, void *arg);
struct client_request *client_set_data(struct client *client, struct jute_bytes path,
                                       struct jute_bytes data, int32_t version, client_reply_cb cb,
                                       void *arg);
/* getChildren2: names and Stat. */
struct client_request *client_get_children(struct client *client, struct jute_bytes path,
                                           bool watch, client_reply_cb cb, void *arg);
struct client_request *client_get_acl(struct client *client, struct jute_bytes path,
                                      client_reply_cb cb, void *arg);
/* VERSION is compared with the aversion. */
struct client_request *client_set_acl(struct client *client, struct jute_bytes path,
                                      const struct zk_vec_acl *acl, int32_t version,
                                      client_reply_cb cb, void *arg);
/* What is read after the reply is at least as new as what was committed before the request. */
struct client_request *client_sync(struct client *client, struct jute_bytes path,
                                   client_reply_cb cb, void *arg);

/* The paths of the ephemerals of this session that begin with PREFIX. */
struct client_request *client_get_ephemerals(struct client *client, struct jute_bytes prefix,
                                             client_reply_cb cb, void *arg);
/* How many znodes there are below PATH. */
struct client_request *client_get_all_children_number(struct client *client, struct jute_bytes path,
                                                      client_reply_cb cb, void *arg);
/* Who the server takes this connection for. */
struct client_request *client_who_am_i(struct client *client, client_reply_cb cb, void *arg);

/* The configuration of the ensemble, at its own path whatever the chroot (so are events). */
struct client_request *client_get_config(struct client *client, bool watch, client_reply_cb cb,
                                         void *arg);
/* Either JOINING ("server.5=...,...") and LEAVING ("3,4"), or all MEMBERS; the rest is JUTE_NULL.
 * FROM_CONFIG is the version that it changes, ANY_VERSION for whichever is there. */
struct client_request *client_reconfig(struct client *client, struct jute_bytes joining,
                                       struct jute_bytes leaving, struct jute_bytes members,
                                       int64_t from_config, client_reply_cb cb, void *arg);

/* One operation of a multi; the fields that its kind has, as in the calls above. */
struct client_op {
    enum zk_op op; /* OP_CREATE2 (any MODE), OP_DELETE, OP_SET_DATA, OP_CHECK */
    enum create_mode mode;
    struct jute_bytes path;
    struct jute_bytes data;
    const struct zk_vec_acl *acl;
    int64_t ttl_ms;
    int32_t version;
};

/* All or nothing, in order, at one zxid. */
struct client_request *client_multi(struct client *client, const struct client_op *ops,
                                    size_t count, client_reply_cb cb, void *arg);

/* Persistent watches (servers from 3.6 on; older ones drop the connection). Set again after a
 * reconnect, but then the server does not tell what they missed. */
struct client_request *client_add_watch(struct client *client, struct jute_bytes path,
                                        enum add_watch_mode mode, client_reply_cb cb, void *arg);

/* Those a server knows; the last two only since 3.10 (before: ZMARSHALLINGERROR). */
enum client_watch_type {
    CLIENT_WATCH_CHILDREN = 1,
    CLIENT_WATCH_DATA = 2,
    CLIENT_WATCH_ANY = 3,
    CLIENT_WATCH_PERSISTENT = 4,
    CLIENT_WATCH_RECURSIVE = 5,
};
struct client_request *client_remove_watches(struct client *client, struct jute_bytes path,
                                             enum client_watch_type type, client_reply_cb cb,
                                             void *arg);

/* ZNOWATCHER when the server has none of that type for this connection on PATH. */
struct client_request *client_check_watches(struct client *client, struct jute_bytes path,
                                            enum client_watch_type type, client_reply_cb cb,
                                            void *arg);

/* The watches on PATH itself that would be set again on the next connection. */
struct client_watched {
    bool children, data, persistent, recursive;
};
struct client_watched client_watched(struct client *client, struct jute_bytes path);
/* Does not set those of TYPE again. A server that has them keeps them. */
void client_forget_watches(struct client *client, struct jute_bytes path,
                           enum client_watch_type type);

/* Adds a credential for requests made from now on, and on every later connection. A server
 * that refuses it (ZAUTHFAILED) also drops the connection: the credential is forgotten and
 * the session goes on without it. Cannot be cancelled. */
void client_add_auth(struct client *client, struct jute_bytes scheme, struct jute_bytes secret,
                     client_reply_cb cb, void *arg);

/* How it stands, for .zk/status and logs. */
struct client_info {
    enum client_state state;
    int64_t session_id;         /* 0 before the first connection */
    int32_t session_timeout_ms; /* negotiated; 0 before the first connection */
    char server[64];            /* address and port, "" without a connection */
    bool read_only;             /* that server is in read-only mode */
    const char *trouble; /* why the last connection or attempt failed, a constant; "" at first */
    zk_zxid last_zxid;   /* highest one seen in a reply */
    size_t pending;      /* requests without an answer */
    size_t queued_bytes; /* not yet handed to the kernel */
    size_t watches;      /* watched paths */
    uint64_t connects;   /* connections with a handshake so far */
    uint64_t requests, replies, events;
    int64_t latency_us; /* of the last reply; 0 before the first */
};
void client_info(const struct client *client, struct client_info *ret_info);

#endif
