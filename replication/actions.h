/* actions: what the core asks for, as data, in the order in which it must be done.
 * Order is part of every promise: what must be on disk before it is said stands in
 * another event's list, as its completion brings it.
 *
 * Three sorts of performers:
 *   the network  NOTIFY on the election connections; DIAL, SEND, CLOSE on the
 *                quorum connections. Per connection everything is FIFO, a stream of
 *                a snapshot among the packets included.
 *   the disk     APPEND, TRUNCATE, META, SNAP_*: done, and reported, in the order
 *                asked (one log thread). What a full disk has no room for waits, and
 *                is done when there is room. A write that fails ends the process.
 *   the app      APPLY, ROLE and the questions of the session side.
 *
 * A TICKET names a request whose completion is reported; it is never used again.
 * The core ignores a completion whose ticket it no longer waits for, so a role that
 * has ended gets nothing from its successor and gives it nothing (ZOOKEEPER-4541).
 *
 * Plain value; a zeroed list is empty. Thread: the loop. */
#ifndef ZKFS_REPLICATION_ACTIONS_H
#define ZKFS_REPLICATION_ACTIONS_H

#include "proto/base/buf.h"
#include "replication/peer_msg.h"
#include "replication/vote.h"

#include <stddef.h>

/* What fields count stands behind each; the event that reports it in (). */
#define ZAB_ACTIONS(X)                                                                             \
    /* ---- the network */                                                                         \
    X(NOTIFY) /* sid, ballot: tell it our vote, on the election connection; a newer one            \
                 replaces an unsent older one. DATA: text of our configuration or NULL */          \
    X(DIAL)   /* sid, ticket: connect to its quorum port (zab_dialled, zab_dial_failed) */         \
    X(SEND)   /* conn, msg (zab_sent, once it has left) */                                         \
    X(CLOSE)  /* conn: close; nothing of it is reported any more. TEXT: why */                     \
    X(STREAM) /* conn, ticket: here, between the packets, goes the snapshot that                   \
                 SNAP_OPEN of this ticket opened */                                                \
    /* ---- the disk */                                                                            \
    X(APPEND)     /* zxid, data (the txn): to the log (zab_log_durable) */                         \
    X(TRUNCATE)   /* zxid, ticket: remove every record after ZXID (zab_log_truncated) */           \
    X(META)       /* accepted, current, ticket: the epochs (zab_meta_durable) */                   \
    X(SNAP_OPEN)  /* ticket, zxid: open the state as of any one zxid z >= ZXID that is             \
                     applied (zab_snap_opened) */                                                  \
    X(SNAP_SHUT)  /* ticket: it will not be streamed, whether it is open yet or not. (After STREAM \
                     it ends by itself, when  it has left or its connection is gone) */            \
    X(SNAP_BEGIN) /* conn, zxid, ticket: what now comes on CONN is the state as of ZXID; put       \
                    it beside the one in force (zab_snap_received, zab_snap_failed) */             \
    X(SNAP_STAGE) /* zxid, data (the txn), ticket: belongs to the log behind that snapshot */      \
    X(SNAP_INSTALL) /* zxid, accepted, current, ticket: make snapshot and staged log durable,      \
                    then, with one write of meta, put both and the epochs in the place of          \
                    the old ones and clear no-vote (zab_snap_installed). ZXID is the last          \
                    staged one. The app's state is the snapshot's from then on */                  \
    X(SNAP_DROP)    /* ticket: the snapshot being received is worth nothing */                     \
    /* ---- the app */                                                                             \
    X(APPLY)       /* zxid, data (the txn): decided, and durable here; in order, each once */      \
    X(ROLE)        /* role, serving, sid (of the leader, if known), zxid (start of its epoch) */   \
    X(REQUEST)     /* conn, sid, data, auth: a learner forwards a request: prepare it. A sync is   \
                      one of them: answer with zab_sync() in its turn */                           \
    X(REVALIDATE)  /* conn, sid, session_id, timeout_ms: does it live? It is SID's from now on.    \
                     (zab_revalidate_answer) */                                                    \
    X(REVALIDATED) /* session_id, valid: the leader's answer to zab_revalidate() */                \
    X(TOUCHED)     /* sid, data (session_timeout records): sessions that lived at a learner */     \
    X(ASK_TOUCHED) /* give the sessions touched since the last time (zab_touched) */               \
    X(SYNCED)      /* cookie: what zab_sync() waited for is applied here */                        \
    X(CONFIG)      /* data: text of the configuration that the leader says is in force */          \
    X(NOTE)        /* text: a sentence for the operator's log */                                   \
    X(ALARM)       /* text: the like, when somebody must act */                                    \
    X(STOPPED)     /* after zab_stop(): nothing more will come */

enum zab_action_kind {
#define X(name) ZAB_##name,
    ZAB_ACTIONS(X)
#undef X
};

enum zab_role {
    ROLE_LOOKING,
    ROLE_FOLLOWING,
    ROLE_LEADING,
    ROLE_OBSERVING, /* also a follower without a vote */
};

struct zab_action {
    enum zab_action_kind kind;
    enum zab_role role;
    bool serving; /* clients may be served in this role */
    bool valid;
    int32_t timeout_ms;
    int64_t sid;
    uint64_t conn;
    uint64_t ticket;
    uint64_t cookie;
    int64_t session_id;
    zk_zxid zxid;
    zk_epoch accepted, current;
    struct ballot ballot;
    struct peer_msg msg; /* of SEND */
    struct blob *data;   /* these are references of the action's own */
    struct blob *auth;
    char *text; /* the action's own */
};

struct zab_actions {
    struct zab_action *items;
    size_t count, cap;
};

/* Drops what the actions hold; clear keeps the memory for the next event. */
void zab_actions_clear(struct zab_actions *actions);
void zab_actions_done(struct zab_actions *actions);

/* Appends an action of KIND, otherwise zero, to be filled in. Borrowed until the
 * next one. */
struct zab_action *zab_action_add(struct zab_actions *out, enum zab_action_kind kind);

/* The usual ones. SEND takes the references in MSG. */
void zab_action_send(struct zab_actions *out, uint64_t conn, const struct peer_msg *msg);
void zab_action_close(struct zab_actions *out, uint64_t conn, const char *why);
void zab_action_note(struct zab_actions *out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void zab_action_alarm(struct zab_actions *out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

const char *zab_action_name(enum zab_action_kind kind); /* "SEND" */
const char *zab_role_name(enum zab_role role);          /* "LEADING" */

/* Appends the action as text for a person and for tests: "append 0x100000001". */
void zab_action_print(struct buf *b, const struct zab_action *action);

#endif
