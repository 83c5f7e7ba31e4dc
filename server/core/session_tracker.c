/* session_tracker: see session_tracker.h. */
#include "server/core/session_tracker.h"

#include "proto/base/assert.h"
#include "proto/base/hash.h"
#include "proto/base/mem.h"

#include <stdlib.h>

/* All sessions of one deadline. */
struct bucket {
    struct hmap_node node;
    int64_t deadline_ms;
    struct list sessions;
};

void tracker_init(struct session_tracker *tracker, int32_t tick_ms, int64_t now_ms)
{
    ASSERT(tick_ms > 0);
    *tracker = (struct session_tracker){.tick_ms = tick_ms};
    tracker->checked_ms = now_ms / tick_ms * tick_ms;
}

static struct bucket *bucket_find(const struct session_tracker *tracker, int64_t deadline_ms)
{
    struct hmap_node *node = hmap_first(&tracker->buckets, hash_u64((uint64_t)deadline_ms));

    for (; node != NULL; node = hmap_next(node)) {
        struct bucket *bucket = CONTAINER_OF(node, struct bucket, node);

        if (bucket->deadline_ms == deadline_ms)
            return bucket;
    }
    return NULL;
}

static void bucket_enter(struct session_tracker *tracker, struct live_session *session,
                         int64_t deadline_ms)
{
    struct bucket *bucket = bucket_find(tracker, deadline_ms);

    ASSERT(deadline_ms > tracker->checked_ms);
    if (bucket == NULL) {
        bucket = xmalloc(sizeof *bucket);
        bucket->deadline_ms = deadline_ms;
        list_init(&bucket->sessions);
        hmap_insert(&tracker->buckets, &bucket->node, hash_u64((uint64_t)deadline_ms));
    }
    session->deadline_ms = deadline_ms;
    list_push_back(&bucket->sessions, &session->in_bucket);
}

static void bucket_leave(struct session_tracker *tracker, struct live_session *session)
{
    struct bucket *bucket = bucket_find(tracker, session->deadline_ms);

    ASSERT(bucket != NULL);
    list_remove(&session->in_bucket);
    if (list_empty(&bucket->sessions)) {
        hmap_remove(&tracker->buckets, &bucket->node);
        free(bucket);
    }
}

static void free_session(void *arg, struct hmap_node *node)
{
    (void)arg;
    free(CONTAINER_OF(node, struct live_session, by_id));
}

static void free_bucket(void *arg, struct hmap_node *node)
{
    (void)arg;
    free(CONTAINER_OF(node, struct bucket, node));
}

void tracker_done(struct session_tracker *tracker)
{
    hmap_walk(&tracker->by_id, free_session, NULL);
    hmap_walk(&tracker->buckets, free_bucket, NULL);
    hmap_done(&tracker->by_id);
    hmap_done(&tracker->buckets);
}

int64_t tracker_deadline(int64_t now_ms, int32_t timeout_ms, int64_t tick_ms)
{
    return ((now_ms + timeout_ms) / tick_ms + 1) * tick_ms;
}

struct live_session *tracker_add(struct session_tracker *tracker, int64_t id, int32_t timeout_ms,
                                 int64_t now_ms)
{
    struct live_session *session = xmalloc(sizeof *session);

    ASSERT(tracker_find(tracker, id) == NULL);
    *session = (struct live_session){.id = id, .timeout_ms = timeout_ms};
    list_init(&session->planned);
    list_init(&session->in_bucket);
    hmap_insert(&tracker->by_id, &session->by_id, hash_u64((uint64_t)id));
    bucket_enter(tracker, session, tracker_deadline(now_ms, timeout_ms, tracker->tick_ms));
    return session;
}

struct live_session *tracker_find(const struct session_tracker *tracker, int64_t id)
{
    struct hmap_node *node = hmap_first(&tracker->by_id, hash_u64((uint64_t)id));

    for (; node != NULL; node = hmap_next(node)) {
        struct live_session *session = CONTAINER_OF(node, struct live_session, by_id);

        if (session->id == id)
            return session;
    }
    return NULL;
}

void tracker_touch(struct session_tracker *tracker, struct live_session *session, int64_t now_ms)
{
    int64_t deadline_ms = tracker_deadline(now_ms, session->timeout_ms, tracker->tick_ms);

    if (session->closing || deadline_ms == session->deadline_ms)
        return;
    bucket_leave(tracker, session);
    bucket_enter(tracker, session, deadline_ms);
}

void tracker_close(struct session_tracker *tracker, struct live_session *session)
{
    ASSERT(!session->closing);
    bucket_leave(tracker, session);
    session->closing = true;
}

void tracker_remove(struct session_tracker *tracker, struct live_session *session)
{
    ASSERT(list_empty(&session->planned));
    if (!session->closing)
        bucket_leave(tracker, session);
    hmap_remove(&tracker->by_id, &session->by_id);
    free(session);
}

/* Deadlines are multiples of a tick, so these are all the buckets there can be. */
struct live_session *tracker_expired(struct session_tracker *tracker, int64_t now_ms)
{
    while (tracker->checked_ms + tracker->tick_ms <= now_ms) {
        struct bucket *bucket = bucket_find(tracker, tracker->checked_ms + tracker->tick_ms);

        if (bucket != NULL)
            return CONTAINER_OF(bucket->sessions.next, struct live_session, in_bucket);
        tracker->checked_ms += tracker->tick_ms;
    }
    return NULL;
}
