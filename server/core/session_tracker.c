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
    list_init(&tracker->touched);
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

struct restart {
    struct session_tracker *tracker;
    int64_t now_ms;
};

static void restart_session(void *arg, struct hmap_node *node)
{
    const struct restart *restart = arg;
    struct session_tracker *tracker = restart->tracker;
    struct live_session *session = CONTAINER_OF(node, struct live_session, by_id);

    if (!session->closing)
        bucket_leave(tracker, session);
    session->closing = false;
    session->owner = SESSION_ANYWHERE;
    list_remove(&session->in_touched);
    bucket_enter(tracker, session,
                 tracker_deadline(restart->now_ms, session->timeout_ms, tracker->tick_ms));
}

void tracker_restart(struct session_tracker *tracker, bool collects, int64_t now_ms)
{
    tracker->checked_ms = now_ms / tracker->tick_ms * tracker->tick_ms;
    tracker->collects = collects;
    hmap_walk(&tracker->by_id, restart_session,
              &(struct restart){.tracker = tracker, .now_ms = now_ms});
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
    *session = (struct live_session){.id = id, .timeout_ms = timeout_ms, .owner = SESSION_ANYWHERE};
    list_init(&session->planned);
    list_init(&session->in_bucket);
    list_init(&session->in_touched);
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

    if (tracker->collects && list_empty(&session->in_touched))
        list_push_back(&tracker->touched, &session->in_touched);
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
    list_remove(&session->in_touched);
    hmap_remove(&tracker->by_id, &session->by_id);
    free(session);
}

struct sift {
    bool (*wanted)(const void *arg, int64_t id);
    const void *arg;
    struct list unwanted; /* by in_touched */
};

static void sift_session(void *arg, struct hmap_node *node)
{
    struct sift *sift = arg;
    struct live_session *session = CONTAINER_OF(node, struct live_session, by_id);

    if (sift->wanted(sift->arg, session->id))
        return;
    list_remove(&session->in_touched);
    list_push_back(&sift->unwanted, &session->in_touched);
}

void tracker_sift(struct session_tracker *tracker, bool (*wanted)(const void *arg, int64_t id),
                  const void *arg)
{
    struct sift sift = {.wanted = wanted, .arg = arg};

    list_init(&sift.unwanted);
    hmap_walk(&tracker->by_id, sift_session, &sift);
    LIST_FOR_SAFE(link, &sift.unwanted)
    tracker_remove(tracker, CONTAINER_OF(link, struct live_session, in_touched));
}

struct live_session *tracker_take_touched(struct session_tracker *tracker)
{
    struct list *link = list_pop_front(&tracker->touched);

    return link == NULL ? NULL : CONTAINER_OF(link, struct live_session, in_touched);
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
