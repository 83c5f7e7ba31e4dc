/* leader_state: what leader.c (discovery and its quorums), leader_sync.c (DIFF, TRUNC or SNAP),
 * leader_broadcast.c (proposals, acks, pings, syncs), leader_peers.c (connections) and
 * leader_time.c (limits) share. For these alone.
 *
 *   DISCOVERY ──► PROMISE ──► EPOCH_ACKS ──► CURRENT ──► HISTORY ──► BROADCAST
 *        quorum of     accepted    quorum of     current     quorum of
 *       FOLLOWERINFO   durable     ACKEPOCH      durable   NEWLEADER acks
 */
#ifndef ZKFS_REPLICATION_LEADER_STATE_H
#define ZKFS_REPLICATION_LEADER_STATE_H

#include "proto/base/list.h"
#include "replication/zab_state.h"

/* PINGs without an echo; no more are sent meanwhile. */
#define PEER_PINGS_MAX 64

enum leader_phase {
    LEADER_DISCOVERY,  /* which epochs were accepted? */
    LEADER_PROMISE,    /* ours, one higher, is being written as accepted */
    LEADER_EPOCH_ACKS, /* LEADERINFO is out: who else promises it, with which history? */
    LEADER_CURRENT,    /* a quorum does, and ours is the newest: written as current */
    LEADER_HISTORY,    /* ours becomes theirs */
    LEADER_BROADCAST,  /* a quorum has it: it is decided, and we serve */
};

enum peer_phase {
    PEER_HELLO,    /* connected: FOLLOWERINFO is to come */
    PEER_EPOCH,    /* it has told its accepted epoch; LEADERINFO may have to wait */
    PEER_PROMISE,  /* LEADERINFO is sent */
    PEER_WAITING,  /* ACKEPOCH came; for our epoch's quorum */
    PEER_SNAPSHOT, /* the state is being opened for it */
    PEER_HISTORY,  /* registered; everything up to NEWLEADER is sent */
    PEER_ACKED,    /* it has it all on disk; for the quorum of that */
    PEER_READY,    /* UPTODATE is sent */
};

/* A learner on its connection. */
struct peer {
    struct list link;
    uint64_t conn;
    enum peer_phase phase;
    int64_t sid;
    bool is_observer;
    int64_t heard_ms;
    size_t queued, burst; /* bytes not sent yet; those of its synchronisation, which may be */
    zk_zxid zxid;         /* of its ACKEPOCH */
    uint64_t ticket;      /* PEER_SNAPSHOT: of the one being opened */

    zk_zxid acked;                   /* the last proposal it has on disk */
    zk_zxid last_sent;               /* the last proposal sent */
    zk_zxid awaited;                 /* the ack that is watched; 0: none is due */
    int64_t awaited_ms;              /* since when */
    uint64_t rounds[PEER_PINGS_MAX]; /* of the pings without an echo, a ring */
    size_t ping_first, ping_count;
    uint64_t confirmed; /* the latest round of pings that it has echoed */
    size_t sync_count;  /* of its clients, not answered yet */
};

/* A txn of this epoch that is not decided. */
struct proposal {
    zk_zxid zxid;
    struct blob *txn;
    struct quorums *quorums; /* as in force when it was proposed */
    voter_bits acks;
    voter_bits early; /* acks by those that have not acknowledged NEWLEADER: they count then */
};

/* A sync that waits: for everything proposed, and for a quorum of echoes. */
struct leader_sync {
    struct list link;
    uint64_t conn; /* 0: ours */
    uint64_t cookie;
    zk_zxid zxid;
    uint64_t round;
};

struct leader {
    struct zab *zab;
    enum leader_phase phase;
    zk_epoch epoch;
    zk_epoch old_current; /* with initial_end: how new our history is */
    zk_zxid initial_end;  /* of the log that we came with */
    int64_t deadline;     /* of the phases before BROADCAST; a living snapshot puts it off */
    voter_bits self, infos, epoch_acks, newleader_acks;
    struct list peers; /* in the order in which they came */
    size_t peer_count;

    zk_zxid proposed;
    struct proposal *proposals; /* a ring, in zxid order: see proposal_at() */
    size_t proposal_first, proposal_count, proposal_cap;
    bool handing_over;
    int64_t hand_over_ms; /* until when */

    int64_t ping_at, check_at;
    uint64_t round;        /* of pings */
    uint64_t urgent;       /* a round that was begun for a sync; until a quorum has echoed it */
    struct list syncs;     /* in the order of asking */
    size_t own_sync_count; /* of our clients' among them */
};

/* leader_peers.c */
struct peer *peer_find(const struct leader *l, uint64_t conn); /* NULL: nobody */
voter_bits peer_bit(const struct leader *l, const struct peer *peer);
void peer_send(struct peer *peer, const struct peer_msg *msg, struct zab_actions *out);
void peer_drop(struct leader *l, struct peer *peer, const char *why, struct zab_actions *out);
/* The connections that the sid of PEER had before: leftovers. */
void peers_drop_older(struct leader *l, const struct peer *peer, struct zab_actions *out);
/* Who does not read; and who is not heard of, or does not acknowledge. */
void peers_drop_slow(struct leader *l, struct zab_actions *out);
void peers_drop_silent(struct leader *l, struct zab_actions *out);

/* leader.c */
int64_t leader_ticks(const struct leader *l, int32_t count); /* in ms */
/* A peer has acknowledged NEWLEADER: counts it, and lets it serve when a quorum has. */
void leader_newleader_acked(struct leader *l, struct peer *peer, struct zab_actions *out);

/* leader_time.c: the next ping is due half a tick from now. */
void leader_next_ping(struct leader *l);
/* A snapshot for PEER goes on, and the quorum is waited for as long as that. */
void leader_alive(struct leader *l, const struct peer *peer);

/* leader_sync.c: PEER's history becomes ours, beginning now. */
void leader_sync_peer(struct leader *l, struct peer *peer, struct zab_actions *out);
void leader_sync_snap(struct leader *l, struct peer *peer, zk_zxid zxid, struct zab_actions *out);
/* The end of what is decided: what learners may be told as committed. */
zk_zxid leader_limit(const struct leader *l);

/* leader_broadcast.c */
void broadcast_done(struct leader *l); /* forgets the proposals and syncs */
void broadcast_ack(struct leader *l, struct peer *peer, zk_zxid zxid, struct zab_actions *out);
/* The early acks of PEER count from now on. */
void broadcast_admit(struct leader *l, struct peer *peer);
void broadcast_commit(struct leader *l, struct zab_actions *out);
void broadcast_ping(struct leader *l, struct zab_actions *out);
void broadcast_echo(struct leader *l, struct peer *peer, struct zab_actions *out);
void broadcast_watch_ack(const struct leader *l, struct peer *peer, zk_zxid zxid);
void broadcast_settle_syncs(struct leader *l, struct zab_actions *out);
/* PEER is gone: nobody waits for its syncs any more. */
void broadcast_forget_syncs(const struct leader *l, struct peer *peer);
/* PEER's log ends at the limit now: what it had beyond, it must acknowledge anew. */
void broadcast_forget_acks(struct leader *l, const struct peer *peer);

#endif
