/* pending: what a connection is owed, in the order of its requests. A write waits
 * for its commit; whatever comes behind it waits for its turn, as the bytes that
 * came in. */
#ifndef ZKFS_SERVER_CORE_PENDING_H
#define ZKFS_SERVER_CORE_PENDING_H

#include "proto/base/list.h"
#include "proto/errors.h"
#include "proto/types.h"

#include <stddef.h>
#include <stdint.h>

struct core_client;

enum pending_kind {
    PENDING_WRITE, /* proposed as ZXID, or forwarded (0): answered by its commit */
    PENDING_SYNC,  /* as FRAME, once core_synced() has come with COOKIE */
    PENDING_FRAME, /* FRAME is looked at when its turn comes */
    PENDING_HELD,  /* FRAME came behind a sync: it is taken once that is answered */
    PENDING_REPLY, /* decided: ERR is told when its turn comes */
    PENDING_WAIT,  /* what is behind it waits until the tree has come to ZXID */
};

struct pending {
    struct list link;
    enum pending_kind kind;
    int32_t xid;
    int32_t op; /* as it was asked for: there may be none of this code */
    enum zk_err err;
    union {
        zk_zxid zxid;
        uint64_t cookie;
    };
    int64_t start_ms; /* when the request came in */
    uint8_t *frame;   /* owned */
    size_t bytes;     /* what it counts for; the length of FRAME */
    size_t large;     /* the length of the request, if that counts as large; see core_config */
};

/* Used entries, kept for the next request: the hot path does not allocate. */
struct pending_pool {
    struct list free;
    size_t count;
};

void pending_pool_init(struct pending_pool *pool);
void pending_pool_done(struct pending_pool *pool);

/* Appends a copy of ENTRY (its frame is taken over) to what CLIENT is owed. */
void pending_push(struct core_client *client, const struct pending *entry);

/* The entry whose turn it is; NULL: nothing is owed. */
struct pending *pending_front(const struct core_client *client);

/* Takes the front entry off and gives it; its frame is now the caller's. */
struct pending pending_pop(struct core_client *client);

/* Moves all that CLIENT is owed to LIST (initialised here), for it to be taken from there
 * one by one, as pending_pop() does. */
void pending_move(struct core_client *client, struct list *list);
struct pending pending_take(struct core_client *client, struct list *list);

/* Forgets all that CLIENT is owed. */
void pending_drop(struct core_client *client);

#endif
