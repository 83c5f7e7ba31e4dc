/* zab: one server's part in the agreement of an ensemble [Zab: Junqueira, Reed,
 * Serafini; FastLeaderElection, Leader, Learner of Apache ZooKeeper, whose peers it
 * understands]. Election, discovery, synchronisation, broadcast. Pure: an event goes
 * in, actions (actions.h) come out; no I/O, no clock, no random source but a seed.
 *
 * How to drive it. Call zab_tick() first, then whatever happens, each event with a
 * list of actions that is performed, in its order, before the next event. Performing
 * an action may bring its completion at once; that is an event of its own, after
 * the list. Throw the object away at any moment (a crash) and make a new one of what
 * is on disk: nothing else is remembered.
 *
 * What is on disk (struct zab_disk; store.h keeps it):
 *   accepted, current    the epochs
 *   applied              the state has everything up to here, and nothing later
 *   the log's end        as blobs: every txn after APPLIED, and before it as many as
 *                        there is room for (they make a DIFF possible)
 *   no_vote              the history here was damaged: it is no witness any more
 *
 * What the disk must be able to do for that:
 *   - open: apply the log up to its commit mark only, and give the rest as ENTRIES,
 *     with some of what was applied;
 *   - APPEND, and a durable mark that never names more than the log as it is now;
 *   - TRUNCATE after a zxid that is in the log: durable before it is reported;
 *   - SNAP_OPEN, STREAM: the state at one zxid, sliced, while later txns are applied;
 *   - SNAP_BEGIN, SNAP_STAGE, SNAP_INSTALL: a second checkpoint and a second run of the
 *     log, which replace the first ones with one write of meta. Until then the first
 *     ones are the truth: what they hold may be all that is left of a commit.
 *
 * What is committed but was not yet known to be when the power went off lies in the
 * log and is applied when a leader says what became of it (ZOOKEEPER-1549).
 *
 * Thread: the loop. Many instances may live in one process. */
#ifndef ZKFS_REPLICATION_ZAB_H
#define ZKFS_REPLICATION_ZAB_H

#include "replication/actions.h"
#include "replication/quorum.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zab;

/* Zero means the default, where one is named. */
struct zab_config {
    int64_t sid;
    struct quorums *quorums;  /* shared */
    struct blob *config_text; /* what notifications and NEWLEADER say; shared; NULL: nothing */
    int64_t config_version;
    int32_t tick_ms;          /* tickTime; > 0 */
    int32_t init_limit;       /* in ticks; > 0: the longest silence until a learner serves */
    int32_t sync_limit;       /* in ticks; > 0: and from then on */
    uint64_t seed;            /* of what observers wait before they search for a leader again */
    size_t window_count_min;  /* applied txns kept for a DIFF, at least; 500 */
    size_t window_bytes_max;  /* beyond which the oldest of them go; 64 MiB. (The txns not
                                 applied yet are kept in any case.) */
    size_t tail_bytes_max;    /* txns not applied yet, beyond which a leader takes no more
                                 proposals; 256 MiB. A learner keeps this and two windows: no
                                 leader has more to send it. Sent more it leaves, and comes
                                 again with the longer log. */
    size_t learner_queue_max; /* bytes not sent yet to a learner, beyond those of its
                                 synchronisation: it is dropped; 64 MiB */
    uint32_t counter_limit;   /* the last counter proposed in an epoch; 0xfffffff0, which is
                                 the highest allowed */
    size_t learner_max;       /* connections of learners; 1000 */
    int32_t finalize_wait_ms; /* silence that ends an election; 200 */
    int32_t notify_min_ms;    /* first repetition of a vote; 200 */
    int32_t notify_max_ms;    /* it doubles up to this; 2 ticks */
};

struct zab_disk {
    zk_epoch accepted, current;
    zk_zxid applied;
    zk_zxid base;          /* the zxid that the first of ENTRIES follows; <= applied */
    struct blob **entries; /* the log after BASE, encoded txns in order; shared */
    size_t entry_count;
    bool no_vote;
};

/* Gives an object to be ended with zab_free(). It begins with the first tick. CONFIG
 * and DISK are copied. */
struct zab *zab_new(const struct zab_config *config, const struct zab_disk *disk);
void zab_free(struct zab *zab);

/* ---------------------------------------------------------------- time */

/* NOW_MS never goes back. Before each event, and when zab_deadline() has come. */
void zab_tick(struct zab *zab, int64_t now_ms, struct zab_actions *out);

/* When the next tick is wanted. */
int64_t zab_deadline(const struct zab *zab);

/* ---------------------------------------------------------------- election connections */

/* What is known of a voter's election port. */
enum peer_reach {
    REACH_UNKNOWN, /* nothing yet, or silence: it may live */
    REACH_UP,      /* there is a connection; our vote is repeated on it */
    REACH_DOWN,    /* the dial was refused: no process is there */
};
void zab_peer(struct zab *zab, int64_t sid, enum peer_reach reach, struct zab_actions *out);

/* A notification of SID, as proto/notification.h decodes it. */
void zab_notification(struct zab *zab, int64_t sid, const struct ballot *ballot,
                      struct zab_actions *out);

/* ---------------------------------------------------------------- quorum connections
 * The driver names a connection with a number that it never uses again, not 0. One
 * that we closed, or that never was, is ignored. */

/* The answer to DIAL. */
void zab_dialled(struct zab *zab, uint64_t ticket, uint64_t conn, struct zab_actions *out);
void zab_dial_failed(struct zab *zab, uint64_t ticket, struct zab_actions *out);

/* Somebody connected to our quorum port (open while the role is LEADING). */
void zab_accepted(struct zab *zab, uint64_t conn, struct zab_actions *out);

/* The connection broke, or its bytes made no packet. */
void zab_conn_down(struct zab *zab, uint64_t conn, struct zab_actions *out);

/* MSG is borrowed. Nothing of CONN is delivered while a snapshot is coming in on it. */
void zab_packet(struct zab *zab, uint64_t conn, const struct peer_msg *msg,
                struct zab_actions *out);

/* Messages of BYTES (sum of peer_msg_bytes) have left towards CONN. */
void zab_sent(struct zab *zab, uint64_t conn, size_t bytes, struct zab_actions *out);

/* Life on CONN without a packet: a part of a snapshot went out, or came in. */
void zab_progress(struct zab *zab, uint64_t conn);

/* The quorum port cannot be opened or failed. */
void zab_listen_failed(struct zab *zab, struct zab_actions *out);

/* ---------------------------------------------------------------- the disk
 * Completions come in the order of the actions. */

/* The log is durable up to ZXID, in the log as it is after every TRUNCATE and
 * SNAP_INSTALL reported so far. */
void zab_log_durable(struct zab *zab, zk_zxid zxid, struct zab_actions *out);
void zab_log_truncated(struct zab *zab, uint64_t ticket, struct zab_actions *out);
void zab_meta_durable(struct zab *zab, uint64_t ticket, struct zab_actions *out);
/* ZXID: what it is the state of. 0 with FAILED. */
void zab_snap_opened(struct zab *zab, uint64_t ticket, zk_zxid zxid, bool failed,
                     struct zab_actions *out);
/* Whole, its signature seen; not durable yet. */
void zab_snap_received(struct zab *zab, uint64_t ticket, struct zab_actions *out);
/* Not a snapshot, or no space for one: at any time before it is installed. */
void zab_snap_failed(struct zab *zab, uint64_t ticket, struct zab_actions *out);
void zab_snap_installed(struct zab *zab, uint64_t ticket, struct zab_actions *out);

/* The disk has no room for another segment of the log (store_full), or has it again. What is
 * asked for is still done, as long as the reserve lasts. A leader stands down, if there is
 * somebody to follow it, and leaves the next election to the others for two ticks. Is it
 * elected all the same, it leads: the app refuses what makes the state grow.
 * (A log that does not get on at all, here or on any disk, ends every role by itself.) */
void zab_disk_full(struct zab *zab, bool full, struct zab_actions *out);

/* ---------------------------------------------------------------- requests of the app */

/* May the app propose? Only while we lead, serve, and are not about to stop. */
bool zab_can_propose(const struct zab *zab);
/* The zxid that the next proposal must carry. */
zk_zxid zab_next_zxid(const struct zab *zab);
/* A prepared TXN; zab_can_propose(). Takes the caller's reference. Never applies before
 * it returns: that waits for the disk. */
void zab_propose(struct zab *zab, struct blob *txn, struct zab_actions *out);

/* A write, or a sync, of a client of ours while we follow or observe: DATA is
 * forwarded_request and body, AUTH the encoded ids or NULL; both shared. False: there
 * is no leader: the client must be told. */
bool zab_forward(struct zab *zab, struct blob *data, struct blob *auth, struct zab_actions *out);

/* On the leader: a sync came in its turn, from the learner on CONN, or (0) from a client
 * of ours. Answered (SYNC to the learner, SYNCED to us) when everything proposed so
 * far is committed and a quorum has echoed a PING sent after this call: no other
 * leader can have committed anything before it that we lack. 65536 may wait of our own
 * clients, and of each learner: a learner with more is dropped; for our own we step down. */
void zab_sync(struct zab *zab, uint64_t conn, uint64_t cookie, struct zab_actions *out);

/* On a learner: DATA is the sync as a forwarded request. SYNCED follows once the
 * leader has answered and everything that came before its answer is applied here.
 * False: as zab_forward. */
bool zab_forward_sync(struct zab *zab, struct blob *data, struct blob *auth, uint64_t cookie,
                      struct zab_actions *out);

/* On a learner: a client came with this session; REVALIDATED follows. False: as above. */
bool zab_revalidate(struct zab *zab, int64_t session_id, int32_t timeout_ms,
                    struct zab_actions *out);
/* On the leader: the answer to REVALIDATE. */
void zab_revalidate_answer(struct zab *zab, uint64_t conn, int64_t session_id, bool valid,
                           struct zab_actions *out);
/* The answer to ASK_TOUCHED: session_timeout records, or NULL; shared. */
void zab_touched(struct zab *zab, struct blob *sessions, struct zab_actions *out);

/* Ends: a leader takes no more proposals, commits what is outstanding, waits at most a
 * tick until its synced followers have it, and closes, so that they elect at once.
 * STOPPED follows. */
void zab_stop(struct zab *zab, struct zab_actions *out);

/* ---------------------------------------------------------------- looking in
 * For metrics, four-letter words, and the simulator's invariants. */
struct zab_view {
    enum zab_role role;
    const char *phase; /* election, discovery, sync, broadcast, draining, ... */
    bool serving;
    bool no_vote;
    int64_t leader;             /* sid; VOTE_NOBODY: unknown */
    zk_epoch accepted, current; /* as asked to be written; durable when their META was reported */
    zk_epoch epoch;             /* that we lead or follow in; 0: none yet */
    zk_zxid log_base, log_end, durable, committed, applied;
    zk_zxid proposed; /* leader: last proposed */
    int64_t round;    /* of the election */
    struct vote vote; /* current, or the last one */
    size_t learners, synced_followers, outstanding;
    size_t window_bytes;
};
struct zab_view zab_view(const struct zab *zab);

/* The txn of ZXID, if it is in the window; borrowed. */
struct blob *zab_entry(const struct zab *zab, zk_zxid zxid);

#endif
