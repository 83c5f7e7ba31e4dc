/* zab_state: what the parts of the core share: zab.c (events), zab_roles.c, zab_history.c,
 * leader*.c and learner*.c. For these alone; others include zab.h.
 *
 * A role never ends in the middle of an event: it calls zab_leave() and returns; the
 * end of the event does the rest. After zab_leave() nothing else may be asked for. */
#ifndef ZKFS_REPLICATION_ZAB_STATE_H
#define ZKFS_REPLICATION_ZAB_STATE_H

#include "proto/base/rng.h"
#include "replication/election.h"
#include "replication/window.h"
#include "replication/zab.h"

struct leader;
struct learner;

/* A snapshot on its way in, and the txns behind it. The history in force is not
 * touched before all of it is durable: what it holds may be all that is left of a
 * commit (ZOOKEEPER-3642). Outlives its role while the disk installs it. */
struct stage {
    bool active;
    bool received;   /* the stream is whole */
    bool installing; /* asked for; the history of what is installed ends at INSTALL_END */
    uint64_t ticket;
    zk_zxid install_end;
    zk_epoch install_epoch;
    struct window history;
};

struct zab {
    struct zab_config config;
    struct rng rng;
    int64_t now_ms;
    bool started; /* the first tick has come */
    bool is_voter;

    /* The disk. */
    zk_epoch accepted, current; /* as asked for last */
    zk_epoch epoch_seen;        /* somebody has accepted it; for the next leadership */
    uint64_t meta_ticket;       /* 0: no write of meta is under way */
    uint64_t truncate_ticket;   /* 0: the like */
    struct window history;
    struct stage stage;
    bool no_vote;
    bool want_snapshot; /* our history and the leader's do not fit: announce none */
    uint64_t last_ticket;
    int64_t progress_ms; /* when the log got on last, or began to wait for the disk */
    bool disk_full;
    bool stood_down; /* since it is: once is enough */

    /* The role. While LOOKING either the disk finishes (draining), or the election runs. */
    enum zab_role role;
    bool serving;
    bool draining;
    bool leaving; /* the role ends with this event */
    bool stopping, stopped;
    int64_t wait_until; /* no election before */
    int64_t leader_sid;
    struct election *election;
    struct leader *leader;   /* while LEADING */
    struct learner *learner; /* while FOLLOWING or OBSERVING */
};

/* zab_roles.c */
void zab_leave(struct zab *zab, struct zab_actions *out, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
uint64_t zab_ticket(struct zab *zab);
/* The next election is left to the others for so many ticks. */
void zab_wait(struct zab *zab, int32_t ticks);
/* Tells the app the role as it is now. */
void zab_tell_role(struct zab *zab, zk_epoch epoch, struct zab_actions *out);
/* The end of every event: what it has set off goes on until nothing more follows. */
void zab_finish(struct zab *zab, struct zab_actions *out);

/* What a learner keeps, and its leader holds for it, while nothing can be applied: all that a
 * leader may have in memory (window.h: two windows, or its tail), and what it proposes
 * meanwhile. */
static inline size_t zab_sync_bytes_max(const struct zab *zab)
{
    return 2 * zab->config.window_bytes_max + zab->config.tail_bytes_max;
}

/* zab_history.c */
/* Applies what is both committed and durable. */
void zab_apply(struct zab *zab, struct zab_actions *out);
/* TXN becomes the log's end. Shares it. */
void zab_log(struct zab *zab, struct blob *txn, struct zab_actions *out);
void zab_write_epochs(struct zab *zab, zk_epoch accepted, zk_epoch current,
                      struct zab_actions *out);
/* A role whose log does not get on ends; a leader that has no room for more is replaced. */
void zab_check_disk(struct zab *zab, struct zab_actions *out);
/* Has the disk done all that it was asked for? */
bool zab_is_drained(const struct zab *zab);
/* The snapshot on its way in is given up, unless it is being installed. */
void zab_drop_stage(struct zab *zab, struct zab_actions *out);

/* leader.c, for zab.c. Each of these may end in zab_leave(). */
struct leader *leader_new(struct zab *zab, struct zab_actions *out);
void leader_free(struct leader *leader, struct zab_actions *out);
void leader_tick(struct leader *leader, struct zab_actions *out);
int64_t leader_deadline(const struct leader *leader);
void leader_accepted(struct leader *leader, uint64_t conn, struct zab_actions *out);
void leader_conn_down(struct leader *leader, uint64_t conn, struct zab_actions *out);
void leader_packet(struct leader *leader, uint64_t conn, const struct peer_msg *msg,
                   struct zab_actions *out);
void leader_sent(struct leader *leader, uint64_t conn, size_t bytes);
void leader_progress(struct leader *leader, uint64_t conn);
void leader_log_durable(struct leader *leader, struct zab_actions *out);
void leader_meta_durable(struct leader *leader, struct zab_actions *out);
void leader_snap_opened(struct leader *leader, uint64_t ticket, zk_zxid zxid, bool failed,
                        struct zab_actions *out);
bool leader_can_propose(const struct leader *leader);
zk_zxid leader_next_zxid(const struct leader *leader);
void leader_propose(struct leader *leader, struct blob *txn, struct zab_actions *out);
void leader_sync_request(struct leader *leader, uint64_t conn, uint64_t cookie,
                         struct zab_actions *out);
void leader_revalidate_answer(struct leader *leader, uint64_t conn, int64_t session_id, bool valid,
                              struct zab_actions *out);
/* Takes no more proposals; leaves once those outstanding are with all who follow. */
void leader_hand_over(struct leader *leader);
bool leader_handed_over(const struct leader *leader);
/* Is there a synced follower, who might lead as well? */
bool leader_has_successor(const struct leader *leader);
void leader_view(const struct leader *leader, struct zab_view *ret);

/* learner.c, for zab.c. The like. */
struct learner *learner_new(struct zab *zab, int64_t leader_sid, struct zab_actions *out);
void learner_free(struct learner *learner, struct zab_actions *out);
void learner_tick(struct learner *learner, struct zab_actions *out);
int64_t learner_deadline(const struct learner *learner);
void learner_peer(struct learner *learner, int64_t sid, enum peer_reach reach,
                  struct zab_actions *out);
void learner_dialled(struct learner *learner, uint64_t ticket, uint64_t conn,
                     struct zab_actions *out);
void learner_dial_failed(struct learner *learner, uint64_t ticket, struct zab_actions *out);
void learner_conn_down(struct learner *learner, uint64_t conn, struct zab_actions *out);
void learner_packet(struct learner *learner, uint64_t conn, const struct peer_msg *msg,
                    struct zab_actions *out);
void learner_progress(struct learner *learner, uint64_t conn);
void learner_log_changed(struct learner *learner, struct zab_actions *out);
void learner_meta_durable(struct learner *learner, struct zab_actions *out);
void learner_applied(struct learner *learner, struct zab_actions *out);
void learner_snap_installed(struct learner *learner, struct zab_actions *out);
bool learner_forward(struct learner *learner, struct blob *data, struct blob *auth,
                     struct zab_actions *out);
bool learner_forward_sync(struct learner *learner, struct blob *data, struct blob *auth,
                          uint64_t cookie, struct zab_actions *out);
bool learner_revalidate(struct learner *learner, int64_t session_id, int32_t timeout_ms,
                        struct zab_actions *out);
void learner_touched(struct learner *learner, struct blob *sessions, struct zab_actions *out);
void learner_view(const struct learner *learner, struct zab_view *ret);

#endif
