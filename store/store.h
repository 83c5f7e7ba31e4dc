/* store: the state of one server and its durability; the face of the room.
 * Opening locks the directories, loads the checkpoint, replays the log and gives
 * the tree. From then on txns are appended (durable when the callback says so),
 * the caller applies them to the tree and reports that, and the store makes a
 * checkpoint when enough log has come together.
 *
 * On disk: data_dir/zkfs/{meta,lock,checkpoint-GEN/} and log_dir/zkfs/txnlog/ZXID.log,
 * or txnlog-GEN from the second generation on, each of which began with a SNAP. What else lies
 * there is never touched.
 *
 * A disk that fails ends the process with a message: what was acknowledged is
 * safe, and nothing more can be promised. A full disk does not: see store_full.
 *
 * Thread: the loop. Many stores may live in one process. The store reads no
 * clock: store_tick brings it. */
#ifndef ZKFS_STORE_STORE_H
#define ZKFS_STORE_STORE_H

#include "proto/base/blob.h"
#include "proto/base/buf.h"
#include "proto/base/errtext.h"
#include "proto/base/hash.h"
#include "proto/base/summary.h"
#include "proto/types.h"
#include "store/disk.h"
#include "store/worker.h"

#include <stdbool.h>

struct checkpoint_ops;
struct store;
struct tree;

/* Zero means the default, where one is named. */
struct store_config {
    const char *data_dir;            /* borrowed while opening */
    const char *log_dir;             /* the same; NULL: data_dir */
    struct hash_key key;             /* random, anew for each process */
    uint64_t segment_bytes;          /* of the log; 16 MiB. A multiple of DISK_PAGE */
    uint64_t log_retain_bytes;       /* log kept behind a checkpoint; 64 MiB, a member's (for
                                        learners that come back) 256 MiB */
    uint64_t checkpoint_after_bytes; /* least log between two checkpoints; 64 MiB */
    uint64_t snap_count;             /* as well after so many txns; 0: only by size */
    const struct checkpoint_ops *checkpoints; /* NULL: checkpoint_lmdb */
    bool member; /* of an ensemble: what is not known to be committed is not applied */
    bool forget; /* a member whose history is damaged (-EBADMSG) begins with an empty one and
                    no-vote, until it is given a SNAP. What is there is kept until then:
                    it may help a person. Meta itself must be whole */
    uint64_t window_bytes; /* a member's: applied txns that are given as entries; 64 MiB */
};

struct store_events {
    void *arg;
    /* Everything up to ZXID is on disk. Never from inside a store call. */
    void (*durable)(void *arg, zk_zxid zxid);
};

/* What the store stands on; all borrowed until store_free. A worker is a thread
 * of its own: the log's must never wait for a checkpoint. */
struct store_base {
    struct disk *disk;
    struct worker *log_worker;
    struct worker *checkpoint_worker;
};

/* Blocks; before the loop runs. It forks (to read the checkpoint), so call it
 * before there are threads that hold locks. Gives *RET_STORE, to be ended with
 * store_close() and store_free().
 * Errors (*RET_STORE is untouched; WHY names file, cause and remedy in a line):
 *   -EACCES, -EROFS, -ENOSPC, ...  from the system call that failed
 *   -EWOULDBLOCK  another process holds the directory (its pid is in the text)
 *   -EBADMSG      meta, checkpoint or log is damaged
 *   -EPROTO       written by a program of another format */
int store_open(const struct store_config *config, const struct store_base *base,
               const struct store_events *events, struct store **ret_store, struct errtext *why);

/* The state. At first it has everything in the log applied (a member's: up to the
 * commit mark); from then on the caller applies (tree_apply) what is decided. Owned
 * by the store. */
struct tree *store_tree(struct store *store);

/* A member: what lay in the log when it was opened, after *RET_BASE (which is applied):
 * encoded txns without a hole, first some that are applied, then all that are not.
 * Borrowed until store_forget_entries, which the caller calls once it has shared what
 * it wants. */
struct blob **store_entries(const struct store *store, zk_zxid *ret_base, size_t *ret_count);
void store_forget_entries(struct store *store);

/* Queues TXN (encoded; the zxid of its header follows store_log_end) for the next
 * group sync. Shares it until durable. Never blocks, never fails. At most
 * store_txn_max() bytes. */
void store_append(struct store *store, struct blob *txn);

/* Removes every txn after ZXID from the log; appends that follow go behind it. DONE comes
 * when that is durable, never from inside the call; one at a time. Only what is not
 * applied may go. -ENOENT: ZXID is neither a txn of the log nor what the log begins
 * after: nothing was changed, DONE will not come, and only a SNAP can help. */
int store_truncate(struct store *store, zk_zxid zxid, void (*done)(void *arg), void *arg);

/* A state that comes from another server (SNAP), beside the one in force, of which
 * nothing changes until it is installed. One at a time. FAILED tells, never from inside a
 * call, that it cannot become durable (the disk is full): then only dropping is left.
 *
 * begin     the state is that of ZXID
 * feed      bytes of the stream as they come in (store/stream.h). 1: it is whole, *RET_USED
 *           of these bytes were its end; 0: more must come; -EBADMSG: it is none, drop it
 * stage     TXN follows it in the log; at any time before install. Shared
 * install   once it is whole: makes it and what was staged durable and puts both, and the
 *           epochs, in the place of what is in force with one write of meta, which ends
 *           no-vote as well. DONE, never from inside the call: from now on store_tree is
 *           the tree of ZXID (provisional, tree.h), the staged txns are the log, all of it
 *           durable and none applied. Until then nothing is appended, truncated or staged
 *           and no meta is set
 * drop      none of it is wanted any more; not after install, but for FAILED */
typedef void (*store_snap_cb)(void *arg);
void store_snap_begin(struct store *store, zk_zxid zxid, store_snap_cb failed, void *arg);
int store_snap_feed(struct store *store, const void *data, size_t len, size_t *ret_used,
                    struct errtext *why);
void store_snap_stage(struct store *store, struct blob *txn);
void store_snap_install(struct store *store, zk_epoch accepted, zk_epoch current,
                        store_snap_cb done, void *arg);
void store_snap_drop(struct store *store);

/* The longest txn that the log takes: check requests against it. */
size_t store_txn_max(const struct store *store);

zk_zxid store_log_end(const struct store *store); /* last appended */
zk_zxid store_durable(const struct store *store); /* last on disk */

/* Everything up to ZXID (durable) is known to be committed; lazily durable. A member
 * that starts again applies up to there. */
void store_committed(struct store *store, zk_zxid zxid);

/* The tree has everything up to ZXID (durable) applied, and nothing later. May
 * begin a checkpoint. Call it after each burst. */
void store_applied(struct store *store, zk_zxid zxid);

/* About once a second: retries what a full disk made impossible. */
void store_tick(struct store *store);

/* There is no space for more log: refuse create, setData, setACL and multi before
 * they get a zxid; deletes and sessions go on from what is held in reserve. Ends
 * by itself once there is space. */
bool store_full(const struct store *store);

/* More than 64 MiB wait to be written: stop reading requests. */
bool store_backlogged(const struct store *store);

/* Durable facts of the ensemble. The new values count at once for the getters;
 * DONE comes once they are on disk (rc 0), or with -ENOSPC. Never from inside the
 * call. CURRENT may be set only when the log it speaks of is durable. */
typedef void (*store_meta_cb)(void *arg, int rc);
zk_epoch store_accepted_epoch(const struct store *store);
zk_epoch store_current_epoch(const struct store *store);
void store_set_epochs(struct store *store, zk_epoch accepted, zk_epoch current, store_meta_cb done,
                      void *arg);

/* The history here was damaged: this server is no witness until it has got a SNAP. */
bool store_no_vote(const struct store *store);
void store_set_no_vote(struct store *store, bool no_vote, store_meta_cb done, void *arg);

/* Texts of the ensemble's configuration, at most META_CONFIG_MAX (meta.h) bytes; empty:
 * none. Borrowed until they are set again. */
const struct buf *store_committed_config(const struct store *store);
const struct buf *store_last_seen_config(const struct store *store);
void store_set_configs(struct store *store, const struct buf *committed,
                       const struct buf *last_seen, store_meta_cb done, void *arg);

struct store_stats {
    uint64_t log_disk_bytes;        /* segments, spare and ballast */
    uint64_t log_queued_bytes;      /* not durable yet */
    uint64_t log_since_checkpoint;  /* bytes */
    uint64_t checkpoint_disk_bytes; /* as of the last one made or loaded; 0: none */
    zk_zxid checkpoint_zxid;        /* of the last one; 0: none */
    uint64_t checkpoint_count;      /* made since open */
    uint64_t checkpoint_failures;   /* the like, that a full disk prevented */
    struct summary checkpoint_ms;   /* what those took that were made */
    struct summary log_sync_ms;     /* what each sync of a group of txns took */
    struct summary log_group_txns;  /* and the txns in each */
    bool checkpoint_running;
    bool full;
};
void store_stats(const struct store *store, struct store_stats *ret);

/* Lets everything queued become durable and ends what is under way; then calls
 * DONE, never from inside the call. Nothing may be appended any more. On a full
 * disk a txn that cannot become durable (so nobody was told of it) is given up. */
void store_close(struct store *store, void (*done)(void *arg), void *arg);

/* After DONE (or in a test, after the power was cut and the workers are gone).
 * Frees the tree as well. NULL is accepted. */
void store_free(struct store *store);

#endif
