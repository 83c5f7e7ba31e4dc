/* types: the plain values that every room talks about. Header only. */
#ifndef ZKFS_PROTO_TYPES_H
#define ZKFS_PROTO_TYPES_H

#include <stdint.h>

/* The id of a txn: epoch in the upper 32 bits, counter in the lower. Counter 0
 * names the start of an epoch and no txn. Split and merged only here: wider
 * counters are under discussion upstream (ZOOKEEPER-2789). */
typedef int64_t zk_zxid;
typedef uint32_t zk_epoch;

#define ZXID_COUNTER_MAX UINT32_MAX

static inline zk_zxid zxid_make(zk_epoch epoch, uint32_t counter)
{
    return (zk_zxid)((uint64_t)epoch << 32 | counter);
}

static inline zk_epoch zxid_epoch(zk_zxid zxid)
{
    return (zk_epoch)((uint64_t)zxid >> 32);
}

static inline uint32_t zxid_counter(zk_zxid zxid)
{
    return (uint32_t)zxid;
}

/* "Any version" in a request; so no stored version is ever -1 (ZOOKEEPER-4743). */
#define ANY_VERSION (-1)

/* Permissions of an ACL entry; a mask. */
enum {
    PERM_READ = 1,
    PERM_WRITE = 2,
    PERM_CREATE = 4,
    PERM_DELETE = 8,
    PERM_ADMIN = 16,
    PERM_ALL = 31,
};

/* Create flags of a request: the mode of the new znode. */
enum create_mode {
    CREATE_PERSISTENT = 0,
    CREATE_EPHEMERAL = 1,
    CREATE_PERSISTENT_SEQUENTIAL = 2,
    CREATE_EPHEMERAL_SEQUENTIAL = 3,
    CREATE_CONTAINER = 4,
    CREATE_PERSISTENT_TTL = 5,
    CREATE_PERSISTENT_SEQUENTIAL_TTL = 6,
};

/* ephemeralOwner as stored (EphemeralType): what kind of znode it is.
 * Clients are shown 0 for containers and TTL znodes. */
#define OWNER_CONTAINER INT64_MIN
#define OWNER_TTL_MARK 0xff00000000000000u
#define OWNER_TTL_MAX_MS 0xffffffffffu

/* xids with a meaning of their own. */
enum {
    XID_WATCH_EVENT = -1,
    XID_PING = -2,
    XID_AUTH = -4,
    XID_SET_WATCHES = -8,
};

/* Types and states of a WatcherEvent. */
enum event_type {
    EVENT_NONE = -1,
    EVENT_NODE_CREATED = 1,
    EVENT_NODE_DELETED = 2,
    EVENT_NODE_DATA_CHANGED = 3,
    EVENT_NODE_CHILDREN_CHANGED = 4,
};
#define EVENT_STATE_CONNECTED 3

/* addWatch modes. */
enum add_watch_mode {
    ADD_WATCH_PERSISTENT = 0,
    ADD_WATCH_PERSISTENT_RECURSIVE = 1,
};

/* The frame limit, jute.maxbuffer, when nothing else is configured. */
#define JUTE_MAXBUFFER_DEFAULT 0xfffff

#define SESSION_PASSWORD_BYTES 16

#endif
