/* zab_script: one server's core under a test's hand. Each step is an event; what it
 * gives is the whole list of actions as text, "append 0x100000001; send 12 ACK ...",
 * borrowed until the next step, so that a missing or surplus one fails the test. (Notes
 * for the log are left out, alarms are not.) Nobody else is there: peers, disk and app
 * are what the test says they are. */
#ifndef ZKFS_TESTS_SUPPORT_ZAB_SCRIPT_H
#define ZKFS_TESTS_SUPPORT_ZAB_SCRIPT_H

#include "replication/zab.h"

#define TICK_MS 1000
#define INIT_LIMIT 10
#define SYNC_LIMIT 5

/* Servers 1..VOTERS have a vote. The log is FIRST, FIRST+1, ... up to END, all in one
 * epoch (0: empty, as the base is). */
struct script_setup {
    int64_t sid;
    int voters; /* 0: 3 */
    zk_epoch accepted, current;
    zk_zxid base, first, end, applied;
    bool no_vote;
    size_t learner_queue_max, learner_max, window_bytes_max, tail_bytes_max;
    uint32_t counter_limit;
    uint64_t seed;
};

struct script {
    struct zab *zab;
    struct zab_actions out;
    struct buf text;
    int64_t now_ms;
    uint64_t dial, meta, truncate, open, snap; /* the last ticket of each */
};

/* Begins the election, so the votes of the first tick are gone. */
void script_init(struct script *s, const struct script_setup *setup);
void script_done(struct script *s);

struct blob *script_txn(zk_zxid zxid); /* gives */

/* An event that has no function here: call it on S->zab with &S->out, then this. */
const char *script_told(struct script *s);

const char *script_tick(struct script *s, int64_t ms); /* so much later */
const char *script_ballot(struct script *s, int64_t sid, enum peer_state state, int64_t round,
                          int64_t leader, zk_zxid zxid, int64_t epoch);
const char *script_peer(struct script *s, int64_t sid, enum peer_reach reach);
const char *script_dialled(struct script *s, uint64_t conn);
const char *script_dial_failed(struct script *s);
const char *script_accepted(struct script *s, uint64_t conn);
const char *script_down(struct script *s, uint64_t conn);

/* Packets: any, whose references are dropped; one of zxid alone, one with a txn, and those
 * with fields. */
const char *script_recv_msg(struct script *s, uint64_t conn, struct peer_msg *msg);
const char *script_recv(struct script *s, uint64_t conn, enum quorum_type type, zk_zxid zxid);
const char *script_recv_txn(struct script *s, uint64_t conn, enum quorum_type type, zk_zxid zxid);
const char *script_recv_info(struct script *s, uint64_t conn, enum quorum_type type, int64_t sid,
                             zk_epoch accepted);
const char *script_recv_leaderinfo(struct script *s, uint64_t conn, zk_epoch epoch);
const char *script_recv_ackepoch(struct script *s, uint64_t conn, zk_zxid zxid, int32_t epoch);

const char *script_durable(struct script *s, zk_zxid zxid);
const char *script_meta(struct script *s);
const char *script_truncated(struct script *s);
const char *script_opened(struct script *s, zk_zxid zxid);
const char *script_received(struct script *s);
const char *script_installed(struct script *s);
const char *script_propose(struct script *s); /* the next zxid */

/* Server 1 of three is elected, as server 3 is out of reach; nobody has connected yet. */
void script_elect(struct script *s, const struct script_setup *setup);

/* Server 1 of three with this log is elected, syncs server 2 on connection 12, which is
 * up to date, and leads EPOCH; nothing is outstanding. */
void script_lead(struct script *s, const struct script_setup *setup);
/* Server 3 comes to it, on connection 13, with an empty log of that epoch, and is sent all up to
 * NEWLEADER. */
void script_lead_join(struct script *s);
/* The setup's server follows server 3, whose epoch is one above the accepted one, on
 * connection 13; its log is up to date. */
void script_follow(struct script *s, const struct script_setup *setup);
/* The same up to ACKEPOCH sent. */
void script_join(struct script *s, const struct script_setup *setup);

#endif
