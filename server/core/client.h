/* client: one connection, seen from inside the core: its session, what it is owed,
 * the bytes that wait to be sent, its watches and its credentials. */
#ifndef ZKFS_SERVER_CORE_CLIENT_H
#define ZKFS_SERVER_CORE_CLIENT_H

#include "proto/base/list.h"
#include "proto/records.h"
#include "server/core/core.h"
#include "server/core/watch_table.h"

struct live_session;

/*   NEW ──ConnectRequest──► CONNECTING ──session ready──► OPEN ──close, bad op──► DEAF
 *      └──►  RETURNING  ──the leader says that it lives──►─┘                        │
 *   any state ──client_close()──► CLOSED ◄──when what it is owed has been answered──┘ */
enum client_state {
    CLIENT_NEW,
    CLIENT_CONNECTING, /* frames wait until the session is ready */
    CLIENT_RETURNING,  /* the same, while the leader is asked about the session */
    CLIENT_OPEN,
    CLIENT_DEAF,   /* it is answered, but not listened to any more */
    CLIENT_CLOSED, /* the host knows; nothing happens here any more */
};

struct core_client {
    struct core *core;
    void *owner; /* the host's */
    enum client_state state;
    int8_t connect_flag;          /* readOnly of the ConnectRequest: -1 when it had none */
    struct live_session *session; /* session->client points back; NULL: none (any more) */
    struct buf out;
    size_t frame_start;  /* of the frame being written in OUT */
    bool only_told;      /* events alone were put into OUT since it was empty */
    struct list pending; /* in the order of the requests; pending.h */
    struct list waiting; /* in core->waiting until AWAITED, or in core->returning */
    zk_zxid awaited;
    bool syncing;        /* a sync is among PENDING, and what is behind it is held */
    struct list in_core; /* in core->clients */
    struct core_outstanding owed;
    struct watcher watcher;
    struct zk_vec_id who;  /* credentials; memory of our own */
    struct blob *who_blob; /* the same, encoded for the leader; NULL: not needed so far */
    struct core_client_stats stats;
};

/* Ends everything CLIENT has here, and asks the host to close the connection once
 * the out buffer is sent. WHY is a constant. Harmless when closed already. */
void client_close(struct core_client *client, const char *why);

/* CLIENT speaks for SESSION from now on; whoever did before is closed. */
void client_attach(struct core_client *client, struct live_session *session);

/* One more credential; what it holds already makes no difference. False: it holds
 * CREDENTIALS_MAX, the connection ought to be refused. */
bool client_add_credential(struct core_client *client, struct jute_bytes scheme,
                           struct jute_bytes id);

#define CREDENTIALS_MAX 64

#endif
