/* core: what a server does for its clients. Frames of clients and decided txns
 * go in; replies, notifications and proposals come out. Sessions, prepare, reads,
 * watches and ACLs live behind this header.
 *
 * Pure: no socket, clock, random source or file. Time is an argument, bytes come
 * from and go to the connection layer, everything else is asked of the host. Many
 * cores may live in one process. Thread: the loop.
 *
 * What clients rely on, and is kept here:
 *   - replies leave a connection in the order of its requests (auth apart); a read
 *     waits for the same connection's earlier writes;
 *   - the events of a change are in the out buffers before any reply that shows it;
 *   - a write is answered once it is committed, never before.
 *
 * In an ensemble a core plays one of the roles below [FollowerRequestProcessor,
 * PrepRequestProcessor, LearnerSessionTracker, LeaderSessionTracker]. Its host is where
 * server and replication meet: what the core asks for goes to zab (zab.h; the names are
 * alike), what zab asks for (actions.h) comes here. A server alone leads from the
 * beginning to the end. */
#ifndef ZKFS_SERVER_CORE_CORE_H
#define ZKFS_SERVER_CORE_CORE_H

#include "proto/base/blob.h"
#include "proto/base/buf.h"
#include "proto/base/hash.h"
#include "proto/base/summary.h"
#include "proto/jute.h"
#include "proto/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct core;
struct core_client; /* one connection */
struct tree;

/* The two clocks, as the caller read them. */
struct core_time {
    int64_t mono_ms; /* for timeouts and latencies; never goes back */
    int64_t wall_ms; /* since 1970: what is stored as ctime and mtime */
};

/* What a server is to its clients. */
enum core_role {
    CORE_OUT,    /* nothing: it has no clients. What is committed is applied all the same */
    CORE_LEADS,  /* prepares writes, of its own clients and of those of learners; knows which
                    sessions live, and ends those whose time is up; reaps containers */
    CORE_LEARNS, /* hands the writes of its clients to the leader, and knows their outcome
                    again when it is committed; asks the leader for what it must not judge */
};

struct core_config {
    /* One of an ensemble: it begins in CORE_OUT, and the host has all callbacks. Otherwise
     * it leads, and those for ensembles are not used. */
    bool is_member;
    int32_t tick_ms;                /* tickTime; > 0 */
    int32_t min_session_timeout_ms; /* > 0 */
    int32_t max_session_timeout_ms; /* >= min */
    int64_t first_session_id;       /* from session_id_first() of session_id.h */
    /* A connection that leaves more than this unread gets nothing further but is
     * closed: nothing else bounds what persistent watches send it, or many large
     * answers that waited for one write. 0: 64 MiB. */
    size_t client_output_bytes_max;
    /* The memory that the watches of a connection may take; a request for one more is
     * refused (ZSYSTEMERROR). 0: 64 MiB, some 500,000 watches. */
    size_t client_watch_bytes_max;
    /* A longer request is a large one: see core_large_bytes(). 0: none is. */
    size_t large_request_bytes;
    /* The longest txn that the log takes. A request whose txn would be longer is
     * refused (ZBADARGUMENTS), a session's end goes without its list. 0: no limit. */
    size_t txn_bytes_max;
    /* The lengths of the paths of a session's ephemerals together; for one more it has no
     * quota (ZQUOTAEXCEEDED). Its end has to look at all of these paths at once, and where
     * names are long they are a thousand times as much as the tree keeps. 0: 64 MiB. */
    size_t session_path_bytes_max;
    /* How often containers and TTL znodes are looked through for those that have had
     * their time, 0: never; how many are deleted in a minute at most (then > 0); and the
     * age at which a container that never had a child goes, 0: never. */
    int32_t container_check_interval_ms;
    int32_t container_max_per_minute;
    int32_t container_never_used_ms;
    bool skip_acl;                /* skipACL=yes */
    bool extended_types;          /* extendedTypesEnabled: TTL znodes */
    bool enforce_quota;           /* enforceQuota */
    bool reconfig_enabled;        /* reconfigEnabled */
    const char *auth_schemes;     /* enforce.auth.schemes: a client needs one; NULL: none; copied */
    const char *ensemble_names;   /* ensembleAuthName, or NULL; copied */
    bool digest_off;              /* DigestAuthenticationProvider.enabled=false: no such scheme */
    const char *digest_algorithm; /* .digestAlg, one that acl_digest_known(); NULL: SHA1; copied */
    const char *super_digest;     /* .superDigest, or NULL; copied */
    struct hash_key hash_key;     /* for tables whose keys clients choose */
};

/* What the core asks of its surroundings. No callback may call back into the
 * core; each only takes a note, or acts on what is its own. */
struct core_host {
    void *arg;
    /* The zxid that the next proposal must carry. Nothing comes between it and the
     * propose that follows. */
    zk_zxid (*next_zxid)(void *arg);
    /* Takes over the caller's reference of TXN. core_commit() follows, later. */
    void (*propose)(void *arg, struct blob *txn);
    /* Whether create, setData, setACL and multi are refused for want of disk space. */
    bool (*storage_full)(void *arg);
    /* The out buffer of CLIENT was empty and now is not. */
    void (*output)(void *arg, struct core_client *client);
    /* The same, and what it has is events alone: they may leave after what others wait
     * for. A reply behind them is announced by output(). NULL: output() is called. */
    void (*told)(void *arg, struct core_client *client);
    /* CLIENT's out buffer is about to get MORE bytes, very many: it may be changed for a larger
     * one that holds the same. NULL: it grows. */
    void (*room)(void *arg, struct core_client *client, size_t more);
    /* Close the connection once what is in its out buffer was sent. WHY is a constant
     * for the log. Told once; no frame of CLIENT is looked at any more; the host
     * calls core_client_gone() when it is done, or when it likes. */
    void (*close)(void *arg, struct core_client *client, const char *why);
    /* A sentence for the operator's log (warning): we do not log here. Borrowed. */
    void (*note)(void *arg, const char *text);

    /* ---- in an ensemble; zab's functions of the same names say more */

    /* CORE_LEADS: whether next_zxid() and propose() may be called now. While they may not,
     * own clients that write are closed, and requests of learners refused: the host had
     * better hold both back when it is only a matter of waiting. */
    bool (*can_propose)(void *arg);
    /* CORE_LEADS: a sync came, from the learner on CONN, or (0) from a client here, or this
     * server must know whether it still leads; then core_synced() follows with COOKIE. */
    void (*sync)(void *arg, uint64_t conn, uint64_t cookie);
    /* CORE_LEADS: tells the learner on CONN, if it is still there, whether the session lives. */
    void (*revalidate_answer)(void *arg, uint64_t conn, int64_t session_id, bool valid);
    /* CORE_LEARNS: sends a REQUEST to the leader: DATA is a forwarded_request and the body,
     * AUTH the encoded ids of the client, or NULL; both borrowed (to be shared). False:
     * there is no leader; core_role() will say so, and the client is closed. */
    bool (*forward)(void *arg, struct blob *data, struct blob *auth);
    /* The same for a sync; core_synced() follows with COOKIE. */
    bool (*forward_sync)(void *arg, struct blob *data, struct blob *auth, uint64_t cookie);
    /* CORE_LEARNS: asks the leader whether the session lives and makes it ours;
     * core_revalidated() follows, in the order of asking for each session. False: as above. */
    bool (*revalidate)(void *arg, int64_t session_id, int32_t timeout_ms);
};

/* A core for clients of TREE, which holds what is committed so far (borrowed until
 * core_free; core_commit alone changes it from now on). Sessions found in it
 * get their full timeout from NOW. CONFIG and HOST are copied. To be ended with
 * core_free(). */
struct core *core_new(const struct core_config *config, const struct core_host *host,
                      struct tree *tree, const struct core_time *now);

/* All clients must be gone. Proposals that were not committed are forgotten. */
void core_free(struct core *core);

/* A connection was accepted from address IP_TEXT ("127.0.0.1", "::1"; copied): the
 * credential of scheme ip. OWNER is the host's own. Ended by core_client_gone(). */
struct core_client *core_client_new(struct core *core, void *owner, const char *ip_text,
                                    const struct core_time *now);

/* The connection is gone, or the host does not want it any more; frees CLIENT. Its
 * session lives on. At any time but from inside a callback. */
void core_client_gone(struct core *core, struct core_client *client);

void *core_client_owner(const struct core_client *client);

/* Encoded frames, length prefixes included, for the connection layer to send. It
 * may take bytes from the front, or swap the whole buffer for an empty one; once
 * it is empty (len 0), the next bytes are announced by output() again. */
struct buf *core_client_out(struct core_client *client);

/* One frame of CLIENT, without its length; the first one is the ConnectRequest. The
 * bytes are borrowed until it returns. The caller has checked LEN against
 * jute.maxbuffer. Frames after a close() are ignored. */
void core_frame(struct core *core, struct core_client *client, const uint8_t *payload, size_t len,
                const struct core_time *now);

/* The same for a request that has waited too long in front of the core: it is answered
 * ZTHROTTLEDOP in its turn, and not carried out. What keeps a session going, or ends it, and
 * authentication are carried out all the same [Request.isThrottlable]. */
void core_frame_late(struct core *core, struct core_client *client, const uint8_t *payload,
                     size_t len, const struct core_time *now);

/* Whether this first frame of a connection asks for a session that is there already. */
bool core_connect_renews(const uint8_t *payload, size_t len);

/* The lengths of all large requests that are not answered yet. */
size_t core_large_bytes(const struct core *core);

/* CLIENT has taken some of what it is sent, while its frames wait because that is so
 * much: its session counts as heard of. */
void core_client_heard(struct core_client *client, const struct core_time *now);

/* These frames, COUNT of them, will come soon: a hint, so that the core may fetch from
 * memory what they ask for. COUNT is at most CORE_AHEAD_MAX. */
#define CORE_AHEAD_MAX 32
void core_ahead(const struct core *core, const struct jute_bytes *payloads, size_t count);

/* What CLIENT has asked for and not been answered yet. The host stops reading from
 * a connection while this, or its out buffer, is over its limits, and goes on at
 * the next output(): answering is the only way in which these shrink. */
struct core_outstanding {
    size_t requests;
    size_t bytes; /* of frames kept here until their turn, and of proposed txns */
    size_t walks; /* of these frames, those whose answer may take a walk of the tree */
};
struct core_outstanding core_client_outstanding(const struct core_client *client);

/* How many znodes the answers to short requests had to look at, so far: by how much
 * core_frame() raises it tells the host when it is the turn of other clients. */
uint64_t core_walked(const struct core *core);

/* The txn in BLOB, of ZXID, is decided: applies it, sends its events, answers its request, and
 * lets go on what waited for it. In zxid order, each once, proposed by this
 * core or not. BLOB is borrowed. */
void core_commit(struct core *core, zk_zxid zxid, const struct blob *blob,
                 const struct core_time *now);

/* CORE_LEADS: ends the sessions whose time is up: proposes their closeSession; deletes
 * containers and TTL znodes that have had theirs. To be called at core_next_tick() in any
 * role, so that a session ends at most a tick late. */
void core_tick(struct core *core, const struct core_time *now);

/* The mono_ms after NOW at which core_tick() is due. */
int64_t core_next_tick(const struct core *core, const struct core_time *now);

/* ---------------------------------------------------------------- in an ensemble
 * Bytes of other servers are checked as those of clients are. False, where it is given,
 * means that they make no sense, or are too much: the connection they came on had better
 * be closed. In a role that does not expect a call, the call does nothing. */

/* ZAB_ROLE: this server is ROLE from now on; serving only counts as CORE_LEADS or
 * CORE_LEARNS. Between any two of these it is CORE_OUT. SINCE is the zxid with which the
 * epoch begins, 0 for CORE_OUT.
 *   CORE_OUT     Every connection is closed: what was asked for and not answered is of
 *                unknown fate, and the clients must be told so. Sessions live on, watches end
 *                with their connections. What was planned is forgotten; it may be committed
 *                all the same, by whoever leads next.
 *   CORE_LEADS   The tree has all of the history, up to SINCE. Each session has its full timeout
 * from NOW. */
void core_role(struct core *core, enum core_role role, zk_zxid since, const struct core_time *now);

/* ZAB_SNAP_INSTALL is done: TREE is the state from now on (borrowed as in core_new). The
 * old one may be gone already. In CORE_OUT. */
void core_tree_replaced(struct core *core, struct tree *tree, const struct core_time *now);

/* ZAB_REQUEST, CORE_LEADS: the learner on CONN forwards a request: DATA is a
 * forwarded_request and the body, AUTH encoded ids or NULL; both borrowed. It is proposed, a
 * refusal as an error txn: that is how the learner hears of it. */
bool core_request(struct core *core, uint64_t conn, const struct blob *data,
                  const struct blob *auth, const struct core_time *now);

/* ZAB_REVALIDATE, CORE_LEADS: a client has come with this session to the learner on CONN. If
 * it lives, it is heard of with TIMEOUT_MS and belongs there: what is asked for in its name
 * elsewhere is refused (ZSESSIONMOVED). host.revalidate_answer() follows, at once or when
 * all that was proposed before is committed: so the learner can tell what comes of
 * requests made on other connections from what comes of those made on the new one. That
 * there is no such session is said when a quorum has confirmed that this server leads. */
bool core_revalidate(struct core *core, uint64_t conn, int64_t session_id, int32_t timeout_ms,
                     const struct core_time *now);

/* ZAB_REVALIDATED, CORE_LEARNS. END is the zxid of the last txn that this server has logged,
 * or was sent, committed or not: the client is answered, and listened to, once it is applied.
 * So nothing up to it is taken for the outcome of what the client asks for now. */
void core_revalidated(struct core *core, int64_t session_id, bool valid, zk_zxid end,
                      const struct core_time *now);

/* ZAB_SYNCED: the sync of COOKIE is done. One of an earlier role, or of a connection that
 * is gone, is ignored. */
void core_synced(struct core *core, uint64_t cookie, const struct core_time *now);

/* ZAB_TOUCHED, CORE_LEADS: sessions that lived at a learner: session_timeout records. */
bool core_sessions_touched(struct core *core, const struct blob *sessions,
                           const struct core_time *now);

/* ZAB_ASK_TOUCHED, CORE_LEARNS: gives the sessions heard of here since the last time, as
 * such records, a reference of the caller's; or NULL when there are none. */
struct blob *core_take_touched(struct core *core);

/* For srvr, mntr, cons: plain values; core_stats_reset() resets what is counted, and not
 * what is there at the moment. */
struct core_sizes {
    int32_t last, min, max; /* bytes; -1: none yet */
};

struct core_stats {
    size_t outstanding; /* requests not answered yet, all clients */
    size_t large_bytes; /* of these, of the large ones */
    size_t clients;     /* connections */
    size_t sessions;
    size_t watches; /* as Apache counts: of data and of children apart */
    size_t watched_paths;
    uint64_t packets_received, packets_sent;
    struct summary latency;    /* ms from a request's coming to its answer */
    struct core_sizes replies; /* frames sent */
    uint64_t commits;
    uint64_t sessions_expired;
    uint64_t digest_mismatches; /* any is an alarm: apply and prepare disagree */
    uint64_t auth_failed;
    uint64_t connect_requests, revalidations; /* the latter ask for a session that there was */
    uint64_t event_bytes;                     /* of frames with events */
    struct {
        uint64_t right, none, wrong; /* of the names that clients gave */
    } ensemble_auth;
    uint64_t throttled; /* requests that came too late: core_frame_late() */
};
struct core_stats core_stats(const struct core *core);
size_t core_unanswered(const struct core *core); /* the first of these alone, at any frame */
void core_stats_reset(struct core *core);

/* What is kept of each of many; all reset by core_stats_reset(). */
struct core_figures {
    struct histogram reads, updates; /* ms, as in core_stats.latency */
    struct histogram propagation;    /* ms from a txn's making to its effect here */
    struct summary created, deleted, changed, children; /* watchers that an event had */
};

/* Borrowed: as of now, until the core is called again. */
const struct core_figures *core_figures(const struct core *core);

/* The digest of the tree as it was after every 128th zxid, the last 1024 of them since the
 * start (the word hash). False: there are not so many. INDEX 0 is the oldest. */
bool core_digest_logged(const struct core *core, size_t index, zk_zxid *ret_zxid,
                        uint64_t *ret_digest);

struct core_client_stats {
    int64_t session_id; /* 0: none yet */
    int32_t timeout_ms;
    int64_t expires_mono_ms; /* the session, if nothing more is heard of it */
    int64_t established_wall_ms;
    uint64_t packets_received, packets_sent;
    struct summary latency; /* ms */
    int32_t last_op;        /* an op code; 0: none yet */
    int32_t last_cxid;      /* xid of the last one of the client's own; -1: none yet */
    zk_zxid last_zxid;      /* of the last reply; -1: none yet */
    int64_t last_response_mono_ms;
    int64_t last_latency_ms;
};
/* CLIENT turned out to be an operator's connection: its word and our answer count as packets. */
void core_client_word(struct core_client *client);

struct core_client_stats core_client_stats(const struct core_client *client);
void core_client_stats_reset(struct core_client *client);

#endif
