/* session_tracker: the sessions that are alive, and when each one's time is up. Deadlines
 * are rounded up to ticks, and what shares a deadline shares a bucket
 * [SessionTrackerImpl, ExpiryQueue]: a session ends between its timeout and a
 * tick more after it was last heard of, never earlier; hearing of it again in the
 * same tick costs nothing. Pure: time is an argument. */
#ifndef ZKFS_SERVER_CORE_SESSION_TRACKER_H
#define ZKFS_SERVER_CORE_SESSION_TRACKER_H

#include "proto/base/hmap.h"
#include "proto/base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct core_client;

struct live_session {
    int64_t id;
    int32_t timeout_ms;
    bool closing;               /* a closeSession is on its way: no bucket, no requests */
    struct core_client *client; /* the connection that speaks for it here, or NULL */
    struct list planned;        /* ephemerals created by writes in flight (plan.h) */
    uint64_t planned_bytes;     /* the lengths of their paths together */
    /* the tracker's own */
    struct hmap_node by_id;
    struct list in_bucket;
    int64_t deadline_ms;
};

struct session_tracker {
    struct hmap by_id;
    struct hmap buckets;
    int64_t tick_ms;
    int64_t checked_ms; /* no bucket is due at or before this */
};

void tracker_init(struct session_tracker *tracker, int32_t tick_ms, int64_t now_ms);

/* Ends and frees what is left. */
void tracker_done(struct session_tracker *tracker);

/* A new session with its full timeout from now; ID is not in the tracker. Gives an
 * object that the tracker owns until tracker_remove(). */
struct live_session *tracker_add(struct session_tracker *tracker, int64_t id, int32_t timeout_ms,
                                 int64_t now_ms);

/* NULL: no such session. */
struct live_session *tracker_find(const struct session_tracker *tracker, int64_t id);

/* Heard of: full timeout from now. Nothing, when it is closing. */
void tracker_touch(struct session_tracker *tracker, struct live_session *session, int64_t now_ms);

/* Its closeSession is on its way: it does not expire any more. */
void tracker_close(struct session_tracker *tracker, struct live_session *session);

void tracker_remove(struct session_tracker *tracker, struct live_session *session);

/* A session whose time is up at NOW_MS, or NULL. The caller closes it and asks again. */
struct live_session *tracker_expired(struct session_tracker *tracker, int64_t now_ms);

/* The deadline for a timeout of TIMEOUT_MS that begins at NOW_MS. */
int64_t tracker_deadline(int64_t now_ms, int32_t timeout_ms, int64_t tick_ms);

#endif
