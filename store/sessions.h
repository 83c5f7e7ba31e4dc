/* sessions: the open sessions, and who owns which znode: the ephemerals of each
 * session; containers and TTL znodes. A znode with an owner holds the number
 * of its ownership record; removal takes constant time. Part of the tree: others
 * ask by tree.h. Plain value; a zeroed one must be given to sessions_init.
 * Thread: the loop. */
#ifndef ZKFS_STORE_SESSIONS_H
#define ZKFS_STORE_SESSIONS_H

#include "proto/base/buf.h"
#include "proto/base/hmap.h"
#include "store/slots.h"

#include <stdbool.h>
#include <stdint.h>

/* One owner's znodes: the first and last of their ownership records, 0 for none. */
struct owned_list {
    uint32_t first, last;
};

/* A session, or one that is not open (any more) and still has ephemerals: txns
 * of an imported log may come in such an order. */
struct session {
    struct hmap_node by_id;
    int64_t id;
    struct owned_list ephemerals;
    uint64_t path_bytes; /* of the ephemerals: the lengths of their paths */
    int32_t timeout_ms;
    bool open;
    bool changed; /* its id is in sessions.changed */
};

/* An ownership record. */
struct owned {
    int64_t owner;       /* ephemeralOwner as stored */
    uint32_t znode;      /* slot of the znode; 0: the record is free */
    uint32_t prev, next; /* in the list of the session */
};

struct sessions {
    struct hmap by_id;
    struct slots owned; /* of struct owned */
    uint64_t ephemeral_count;
    uint32_t open_count;
    struct buf changed; /* int64_t ids opened, changed or closed since the last freeze */
};

void sessions_init(struct sessions *sessions);
void sessions_done(struct sessions *sessions);

/* NULL when nothing is known of it. */
struct session *sessions_find(const struct sessions *sessions, int64_t id);

/* Opens session ID, or gives the open one a new timeout. */
void sessions_open(struct sessions *sessions, int64_t id, int32_t timeout_ms);

/* Closes it; its ephemerals, if any are left, remain listed. */
void sessions_close(struct sessions *sessions, int64_t id);

/* An owner as clients see it: 0 for a container or TTL znode. */
int64_t sessions_visible_owner(int64_t owner);

/* Records that OWNER (not 0) owns the znode in slot ZNODE, with a path of PATH_LEN bytes;
 * gives the number of the record, never 0. To disown, PATH_LEN is the same. */
uint32_t sessions_own(struct sessions *sessions, int64_t owner, uint32_t znode, size_t path_len);
void sessions_disown(struct sessions *sessions, uint32_t record, size_t path_len);

/* For freeze: gives the ids of sessions opened, changed or closed (int64_t, to be
 * ended with buf_done; an id may occur twice) and starts a new list; or puts such
 * ids back. */
void sessions_changed_take(struct sessions *sessions, struct buf *ret_ids);
void sessions_changed_again(struct sessions *sessions, const struct buf *ids);

static inline struct owned *sessions_owned(const struct sessions *sessions, uint32_t record)
{
    return slots_at(&sessions->owned, record);
}

#endif
