/* sessions: see sessions.h. */
#include "store/sessions.h"

#include "proto/base/assert.h"
#include "proto/base/hash.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"
#include "proto/types.h"

#include <stdlib.h>

/* Bits above the 40 of the time to live: the mark, and two bytes that are 0. */
#define TTL_SHIFT 40

static struct session *session_of(struct hmap_node *node)
{
    return CONTAINER_OF(node, struct session, by_id);
}

void sessions_init(struct sessions *sessions)
{
    *sessions = (struct sessions){0};
    slots_init(&sessions->owned, sizeof(struct owned));
}

void sessions_done(struct sessions *sessions)
{
    struct hmap_node *node;
    size_t cursor = 0;

    while ((node = hmap_any(&sessions->by_id, &cursor)) != NULL) {
        hmap_remove(&sessions->by_id, node);
        free(session_of(node));
    }
    hmap_done(&sessions->by_id);
    slots_done(&sessions->owned);
    buf_done(&sessions->changed);
}

struct session *sessions_find(const struct sessions *sessions, int64_t id)
{
    struct hmap_node *node = hmap_first(&sessions->by_id, hash_u64((uint64_t)id));

    /* hash_u64 is a bijection: equal hashes are equal ids. */
    return node == NULL ? NULL : session_of(node);
}

static struct session *find_or_add(struct sessions *sessions, int64_t id)
{
    struct session *session = sessions_find(sessions, id);

    if (session != NULL)
        return session;
    session = xmalloc(sizeof *session);
    *session = (struct session){.id = id};
    hmap_insert(&sessions->by_id, &session->by_id, hash_u64((uint64_t)id));
    return session;
}

static void mark_changed(struct sessions *sessions, struct session *session)
{
    if (!session->changed)
        buf_append(&sessions->changed, &session->id, sizeof session->id);
    session->changed = true;
}

static void free_if_unused(struct sessions *sessions, struct session *session)
{
    if (session->open || session->ephemerals.first != 0)
        return;
    hmap_remove(&sessions->by_id, &session->by_id);
    free(session);
}

void sessions_open(struct sessions *sessions, int64_t id, int32_t timeout_ms)
{
    struct session *session = find_or_add(sessions, id);

    sessions->open_count += !session->open;
    session->open = true;
    session->timeout_ms = timeout_ms;
    mark_changed(sessions, session);
}

void sessions_close(struct sessions *sessions, int64_t id)
{
    struct session *session = sessions_find(sessions, id);

    if (session == NULL || !session->open)
        return;
    mark_changed(sessions, session);
    session->open = false;
    sessions->open_count--;
    free_if_unused(sessions, session);
}

static bool is_ttl(int64_t owner)
{
    return (uint64_t)owner >> TTL_SHIFT == OWNER_TTL_MARK >> TTL_SHIFT;
}

static bool is_ephemeral(int64_t owner)
{
    return owner != OWNER_CONTAINER && !is_ttl(owner);
}

int64_t sessions_visible_owner(int64_t owner)
{
    return is_ephemeral(owner) ? owner : 0;
}

/* The ephemerals of a session are a list, oldest first. */
static void link_ephemeral(struct sessions *sessions, uint32_t record, struct owned *owned,
                           size_t path_len)
{
    struct session *session = find_or_add(sessions, owned->owner);
    struct owned_list *list = &session->ephemerals;

    session->path_bytes += path_len;
    owned->prev = list->last;
    if (list->last != 0)
        sessions_owned(sessions, list->last)->next = record;
    else
        list->first = record;
    list->last = record;
    sessions->ephemeral_count++;
}

static void unlink_ephemeral(struct sessions *sessions, const struct owned *owned, size_t path_len)
{
    struct session *session = sessions_find(sessions, owned->owner);

    ASSERT(session->path_bytes >= path_len);
    session->path_bytes -= path_len;
    if (owned->prev != 0)
        sessions_owned(sessions, owned->prev)->next = owned->next;
    else
        session->ephemerals.first = owned->next;
    if (owned->next != 0)
        sessions_owned(sessions, owned->next)->prev = owned->prev;
    else
        session->ephemerals.last = owned->prev;
    sessions->ephemeral_count--;
    free_if_unused(sessions, session);
}

uint32_t sessions_own(struct sessions *sessions, int64_t owner, uint32_t znode, size_t path_len)
{
    uint32_t record = slots_alloc(&sessions->owned);
    struct owned *owned = sessions_owned(sessions, record);

    *owned = (struct owned){.owner = owner, .znode = znode};
    if (is_ephemeral(owner))
        link_ephemeral(sessions, record, owned, path_len);
    return record;
}

void sessions_disown(struct sessions *sessions, uint32_t record, size_t path_len)
{
    struct owned *owned = sessions_owned(sessions, record);

    if (is_ephemeral(owned->owner))
        unlink_ephemeral(sessions, owned, path_len);
    owned->znode = 0;
    slots_free(&sessions->owned, record);
}

void sessions_changed_take(struct sessions *sessions, struct buf *ret_ids)
{
    const int64_t *ids;

    *ret_ids = sessions->changed;
    sessions->changed = (struct buf){0};
    ids = (const int64_t *)(const void *)ret_ids->data;
    for (size_t i = 0; i < ret_ids->len / sizeof *ids; i++) {
        struct session *session = sessions_find(sessions, ids[i]);

        if (session != NULL)
            session->changed = false;
    }
}

void sessions_changed_again(struct sessions *sessions, const struct buf *ids_buf)
{
    const int64_t *ids = (const int64_t *)(const void *)ids_buf->data;

    for (size_t i = 0; i < ids_buf->len / sizeof *ids; i++) {
        struct session *session = sessions_find(sessions, ids[i]);

        if (session == NULL)
            buf_append(&sessions->changed, &ids[i], sizeof ids[i]);
        else
            mark_changed(sessions, session);
    }
}
