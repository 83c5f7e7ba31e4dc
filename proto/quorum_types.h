/* quorum_types: the types of quorum packets, by their numbers on the wire [Leader.java], and the
 * states of election notifications [QuorumPeer.ServerState]. */
#ifndef ZKFS_PROTO_QUORUM_TYPES_H
#define ZKFS_PROTO_QUORUM_TYPES_H

#define QUORUM_TYPES(X)     \
    X(REQUEST, 1)           \
    X(PROPOSAL, 2)          \
    X(ACK, 3)               \
    X(COMMIT, 4)            \
    X(PING, 5)              \
    X(REVALIDATE, 6)        \
    X(SYNC, 7)              \
    X(INFORM, 8)            \
    X(COMMITANDACTIVATE, 9) \
    X(NEWLEADER, 10)        \
    X(FOLLOWERINFO, 11)     \
    X(UPTODATE, 12)         \
    X(DIFF, 13)             \
    X(TRUNC, 14)            \
    X(SNAP, 15)             \
    X(OBSERVERINFO, 16)     \
    X(LEADERINFO, 17)       \
    X(ACKEPOCH, 18)         \
    X(INFORMANDACTIVATE, 19)

enum quorum_type {
#define X(name, number) name = number,
    QUORUM_TYPES(X)
#undef X
};

/* "PROPOSAL"; "unknown" for a number that is none. A constant. */
const char *quorum_type_name(int type);

/* LEADERINFO of another version speaks of zxids that we cannot split (ZOOKEEPER-2789). */
#define QUORUM_PROTOCOL_VERSION 0x10000

/* The first field of an election_hello; an older form begins with a sid, which is >= 0. */
#define ELECTION_PROTOCOL_V1 (-65536)
#define ELECTION_PROTOCOL_V2 (-65535)

enum peer_state {
    PEER_LOOKING = 0,
    PEER_FOLLOWING = 1,
    PEER_LEADING = 2,
    PEER_OBSERVING = 3,
};

/* What ends the stream of a SNAP, as a ustring. */
#define SNAPSHOT_SIGNATURE "BenWasHere"

#endif
