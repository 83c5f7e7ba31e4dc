/* session_tracker: the sessions that are alive, and when each one's time is up. Deadlines
 * are rounded up to ticks, and what shares a deadline shares a bucket
 * [SessionTrackerImpl, ExpiryQueue]: a session ends between its timeout and a
 * tick more after it was last heard of, never earlier; hearing of it again in the
 * same tick costs nothing. A server that learns lets none expire, but collects those that
 * were heard of, for its leader. Pure: time is an argument. */
#ifndef ZKFS_SERVER_CORE_SESSION_TRACKER_H
#define ZKFS_SERVER_CORE_SESSION_TRACKER_H

#include "proto/base/hmap.h"
#include "proto/base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct core_client;

/* Who may ask in the name of a session: the connection of a learner, or one of these. */
#define SESSION_HERE UINT64_C(0)
#define SESSION_ANYWHERE UINT64_MAX /* whoever comes first */

struct live_session {
    int64_t id;
    int32_t timeout_ms;
    bool closing;               /* a closeSession is on its way: no bucket, no requests */
    uint64_t owner;             /* of a leader: where it was last attached */
    struct core_client *client; /* the connection that speaks for it here, or NULL */
    struct list planned;        /* ephemerals created by writes in flight (plan.h) */
    uint64_t planned_bytes;     /* the lengths of their paths together */
    /* the tracker's own */
    struct hmap_node by_id;
    struct list in_bucket;
    struct list in_touched;
    int64_t deadline_ms;
};

struct session_tracker {
    struct hmap by_id;
    struct hmap buckets;
    int64_t tick_ms;
    int64_t checked_ms; /* no bucket is due at or before this */
    bool collects;      /* what is heard of goes into TOUCHED */
    struct list touched;
};

void tracker_init(struct session_tracker *tracker, int32_t tick_ms, int64_t now_ms);

/* All of them, those that were closing as well, have their full timeout from now, and
 * are of nobody; none counts as heard of, and the tracker collects from now on, or not. */
void tracker_restart(struct session_tracker *tracker, bool collects, int64_t now_ms);

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

/* Removes those of which WANTED says false. */
void tracker_sift(struct session_tracker *tracker, bool (*wanted)(const void *arg, int64_t id),
                  const void *arg);

/* Takes one that was heard of since it was last taken; NULL: there is none left. */
struct live_session *tracker_take_touched(struct session_tracker *tracker);

/* The deadline for a timeout of TIMEOUT_MS that begins at NOW_MS. */
int64_t tracker_deadline(int64_t now_ms, int32_t timeout_ms, int64_t tick_ms);

#endif
