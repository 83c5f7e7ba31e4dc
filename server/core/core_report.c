/* core_report: see core_report.h. A report is a list of steps: each tells a little and
 * says whether it has more; it keeps its place as an id, a cursor or a copy, never as a
 * pointer into what may change. Ids are copied at the beginning: 8 or 16 bytes a session. */
#include "server/core/core_report.h"

#include "proto/base/mem.h"
#include "server/core/client.h"
#include "server/core/core_state.h"
#include "store/tree.h"

#include <stdlib.h>

typedef bool (*report_step)(struct core_report *report); /* false: the step is done */

#define STEPS_MAX 3

/* A session, and what the report lists sessions by. */
struct listed {
    int64_t id, deadline_ms;
};

struct session_list {
    struct listed *items;
    size_t count, cap;
    size_t next; /* to be told */
};

struct core_report {
    struct core *core;
    struct core_time begun;
    const report_step *steps; /* those still to be made; ended by NULL */
    size_t weight;            /* of the slice in hand */
    core_report_cb tell;
    void *tell_arg;
    bool totals_only; /* of watches: nothing but the sums is told */

    struct session_list sessions; /* those with watches, or all by expiry */
    struct session_list owners;   /* those with ephemerals */
    struct hmap_cursor cursor;    /* of the watched paths */
    bool group_told;              /* the session, or path, in hand */
    uint32_t watches_left;        /* of the session in hand; 0: it is new */
    size_t watchers, paths, watches;
    bool owners_told;
    struct buf ephemeral; /* the one to go on with; empty: the owner's first */
    int64_t ephemeral_czxid;
};

static void tell(struct core_report *r, enum core_report_item item, int64_t number, size_t count)
{
    r->weight += CORE_REPORT_ITEM_WEIGHT;
    r->tell(r->tell_arg, item, number, count, JUTE_NULL);
}

static void tell_path(struct core_report *r, struct jute_bytes path)
{
    r->weight += CORE_REPORT_ITEM_WEIGHT + jute_size(path);
    r->tell(r->tell_arg, REPORT_PATH, 0, 0, path);
}

static void list_session(struct session_list *list, int64_t id, int64_t deadline_ms)
{
    if (list->count == list->cap) {
        list->cap = list->cap == 0 ? 16 : list->cap * 2;
        list->items = xrealloc(list->items, list->cap * sizeof *list->items);
    }
    list->items[list->count++] = (struct listed){.id = id, .deadline_ms = deadline_ms};
}

/* ---- watches, by session */

static void list_watcher(void *arg, struct hmap_node *node)
{
    struct core_report *r = arg;
    const struct live_session *session = CONTAINER_OF(node, struct live_session, by_id);

    if (session->client != NULL && session->client->watcher.count > 0)
        list_session(&r->sessions, session->id, 0);
}

static const struct watcher *watcher_of(const struct core *core, int64_t session_id)
{
    const struct live_session *session = tracker_find(&core->sessions, session_id);

    return session == NULL || session->client == NULL ? NULL : &session->client->watcher;
}

static void session_watch(struct core_report *r, int64_t session_id, struct jute_bytes path)
{
    r->watches++;
    if (!r->group_told)
        r->watchers++;
    if (!r->group_told && !r->totals_only)
        tell(r, REPORT_SESSION, session_id, 0);
    r->group_told = true;
    if (!r->totals_only)
        tell_path(r, path);
}

/* One watch; a session's last is the first. */
static bool step_watches_by_session(struct core_report *r)
{
    const struct watcher *watcher;
    struct jute_bytes path;
    int64_t id;

    if (r->sessions.next == r->sessions.count)
        return false;
    id = r->sessions.items[r->sessions.next].id;
    watcher = watcher_of(r->core, id);
    if (watcher == NULL)
        r->watches_left = 0;
    else if (r->watches_left == 0 || r->watches_left > watcher->count)
        r->watches_left = watcher->count;
    if (r->watches_left > 0) {
        r->watches_left--;
        if (watch_table_nth(watcher, r->watches_left, &path) & WATCHES_OF_DATA)
            session_watch(r, id, path);
    }
    if (r->watches_left == 0) {
        r->sessions.next++;
        r->group_told = false;
    }
    return true;
}

/* ---- watches, by path */

static void path_watch(void *arg, struct jute_bytes path, struct watcher *watcher, unsigned modes,
                       bool is_first)
{
    struct core_report *r = arg;
    const struct core_client *client = CONTAINER_OF(watcher, struct core_client, watcher);

    if (is_first)
        r->group_told = false;
    if ((modes & WATCHES_OF_DATA) == 0 || client->session == NULL)
        return;
    if (!r->group_told)
        r->paths++;
    if (!r->group_told && !r->totals_only)
        tell_path(r, path);
    r->group_told = true;
    if (!r->totals_only)
        tell(r, REPORT_SESSION, client->session->id, 0);
}

/* A few paths, each with all who watch it: there are not more of these than connections. */
static bool step_watches_by_path(struct core_report *r)
{
    return watch_table_walk_part(&r->core->watches, &r->cursor, path_watch, r);
}

static bool step_watch_totals(struct core_report *r)
{
    tell(r, REPORT_WATCHERS, (int64_t)r->watchers, 0);
    tell(r, REPORT_WATCHED_PATHS, (int64_t)r->paths, 0);
    tell(r, REPORT_WATCHES, (int64_t)r->watches, 0);
    return false;
}

/* ---- sessions */

static void list_by_expiry(void *arg, struct hmap_node *node)
{
    struct core_report *r = arg;
    const struct live_session *session = CONTAINER_OF(node, struct live_session, by_id);

    if (!session->closing)
        list_session(&r->sessions, session->id, session->deadline_ms);
}

static int by_deadline_and_id(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;

    if (x->deadline_ms != y->deadline_ms)
        return x->deadline_ms < y->deadline_ms ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static bool begins_set(const struct session_list *list, size_t i)
{
    return i == 0 || list->items[i].deadline_ms != list->items[i - 1].deadline_ms;
}

static bool step_session_sums(struct core_report *r)
{
    size_t sets = 0;

    for (size_t i = 0; i < r->sessions.count; i++)
        sets += begins_set(&r->sessions, i);
    tell(r, REPORT_SESSIONS, (int64_t)sets, r->sessions.count);
    return false;
}

static bool step_sessions(struct core_report *r)
{
    const struct session_list *list = &r->sessions;
    size_t i = r->sessions.next++, end = i + 1;

    if (i >= list->count)
        return false;
    if (begins_set(list, i)) {
        while (end < list->count && !begins_set(list, end))
            end++;
        tell(r, REPORT_EXPIRY, r->begun.wall_ms + (list->items[i].deadline_ms - r->begun.mono_ms),
             end - i);
    }
    tell(r, REPORT_SESSION, list->items[i].id, 0);
    return true;
}

/* ---- ephemerals */

static void list_owner(void *arg, int64_t id)
{
    struct core_report *r = arg;

    list_session(&r->owners, id, 0);
}

/* The ephemeral to tell next. The one that was to be it may have been deleted: then
 * what came after it goes on, as they are in the order of their creation. */
static const struct znode *next_ephemeral(const struct core_report *r, int64_t owner)
{
    const struct tree *tree = r->core->tree;
    struct jute_bytes path = {.data = r->ephemeral.data, .len = (int32_t)r->ephemeral.len};
    const struct znode *znode = tree_ephemeral_first(tree, owner);
    const struct znode *kept;
    struct zk_stat stat;

    if (path.len == 0)
        return znode;
    kept = tree_lookup(tree, path);
    if (kept != NULL && znode_owner(tree, kept) == owner)
        return kept;
    for (; znode != NULL; znode = tree_ephemeral_next(tree, znode)) {
        znode_stat(tree, znode, &stat);
        if (stat.czxid >= r->ephemeral_czxid)
            break;
    }
    return znode;
}

static void keep_place(struct core_report *r, const struct znode *znode)
{
    struct zk_stat stat;

    znode_stat(r->core->tree, znode, &stat);
    r->ephemeral_czxid = stat.czxid;
    r->ephemeral.len = 0;
    znode_path(r->core->tree, znode, &r->ephemeral);
}

static bool step_ephemerals(struct core_report *r)
{
    const struct tree *tree = r->core->tree;
    const struct znode *znode;
    int64_t owner;

    if (!r->owners_told) {
        tell(r, REPORT_OWNERS, (int64_t)r->owners.count, 0);
        r->owners_told = true;
    }
    if (r->owners.next == r->owners.count)
        return false;
    owner = r->owners.items[r->owners.next].id;
    znode = next_ephemeral(r, owner);
    if (r->ephemeral.len == 0 && znode != NULL)
        tell(r, REPORT_OWNER, owner, 0);
    if (znode != NULL) {
        keep_place(r, znode);
        tell_path(r,
                  (struct jute_bytes){.data = r->ephemeral.data, .len = (int32_t)r->ephemeral.len});
        znode = tree_ephemeral_next(tree, znode);
    }
    if (znode != NULL) {
        keep_place(r, znode);
    } else {
        r->ephemeral.len = 0;
        r->owners.next++;
    }
    return true;
}

/* ---- the report */

static void begin_sessions(struct core_report *r)
{
    struct session_list *list = &r->sessions;

    hmap_walk(&r->core->sessions.by_id, list_by_expiry, r);
    if (list->count > 0)
        qsort(list->items, list->count, sizeof *list->items, by_deadline_and_id);
    tree_owners_walk(r->core->tree, list_owner, r);
}

struct core_report *core_report_begin(struct core *core, enum core_report_kind kind,
                                      const struct core_time *now)
{
    static const report_step steps[][STEPS_MAX + 1] = {
        [CORE_REPORT_WATCHES_BY_SESSION] = {step_watches_by_session},
        [CORE_REPORT_WATCHES_BY_PATH] = {step_watches_by_path},
        [CORE_REPORT_WATCH_TOTALS] = {step_watches_by_session, step_watches_by_path,
                                      step_watch_totals},
        [CORE_REPORT_SESSIONS] = {step_session_sums, step_sessions, step_ephemerals},
    };
    struct core_report *r = xcalloc(1, sizeof *r);

    r->core = core;
    r->begun = *now;
    r->steps = steps[kind];
    r->totals_only = kind == CORE_REPORT_WATCH_TOTALS;
    if (kind == CORE_REPORT_SESSIONS)
        begin_sessions(r);
    else if (kind != CORE_REPORT_WATCHES_BY_PATH)
        hmap_walk(&core->sessions.by_id, list_watcher, r);
    return r;
}

bool core_report_next(struct core_report *r, size_t budget, core_report_cb tell_item, void *arg)
{
    r->tell = tell_item;
    r->tell_arg = arg;
    for (r->weight = 0; r->weight < budget && *r->steps != NULL;) {
        r->weight += CORE_REPORT_ITEM_WEIGHT; /* to find that there is nothing takes time too */
        if (!(*r->steps)(r))
            r->steps++;
    }
    return *r->steps != NULL;
}

void core_report_end(struct core_report *r)
{
    if (r == NULL)
        return;
    free(r->sessions.items);
    free(r->owners.items);
    buf_done(&r->ephemeral);
    free(r);
}
