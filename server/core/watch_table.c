/* watch_table: see watch_table.h. */
#include "server/core/watch_table.h"

#include "proto/base/assert.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"
#include "proto/path.h"

#include <stdlib.h>

/* A watch, as seen from its path. */
struct watch_entry {
    struct watcher *watcher;
    uint32_t ref; /* its place in watcher->refs */
    uint32_t modes;
};

/* A watch, as seen from its watcher. */
struct watch_ref {
    struct watched *watched;
    uint32_t entry; /* its place in watched->entries */
};

/* A path that somebody watches. Most have one watcher, who has room inside. */
struct watched {
    struct hmap_node node;
    struct watch_entry *entries;
    struct watch_entry only;
    uint32_t count, cap;
    int32_t path_len;
    uint8_t path[];
};

void watch_table_init(struct watch_table *table, const struct hash_key *key,
                      size_t watcher_bytes_max)
{
    *table = (struct watch_table){.key = *key, .watcher_bytes_max = watcher_bytes_max};
}

void watch_table_done(struct watch_table *table)
{
    ASSERT(table->watches == 0);
    hmap_done(&table->paths);
}

static struct jute_bytes watched_path(const struct watched *watched)
{
    return (struct jute_bytes){.data = watched->path, .len = watched->path_len};
}

/* What one watch of a path of so many bytes takes, if nobody else watches it. */
static size_t cost(size_t path_bytes)
{
    return sizeof(struct watched) + path_bytes + sizeof(struct watch_ref);
}

/* Apache keeps watches of data and of children apart; what is persistent is in both. */
static size_t counted(unsigned modes)
{
    return ((modes & WATCHES_OF_DATA) != 0) + ((modes & ~(unsigned)WATCH_DATA) != 0);
}

/* The only way in which the modes of an entry change. */
static void set_modes(struct watch_table *table, struct watch_entry *entry, unsigned modes)
{
    table->counted += counted(modes) - counted(entry->modes);
    table->recursive += (modes & WATCH_RECURSIVE) != 0;
    table->recursive -= (entry->modes & WATCH_RECURSIVE) != 0;
    entry->modes = modes;
}

static struct watched *find(const struct watch_table *table, struct jute_bytes path, uint64_t hash)
{
    struct hmap_node *node = hmap_first(&table->paths, hash);

    for (; node != NULL; node = hmap_next(node)) {
        struct watched *watched = CONTAINER_OF(node, struct watched, node);

        if (jute_equal(watched_path(watched), path))
            return watched;
    }
    return NULL;
}

static struct watched *find_path(const struct watch_table *table, struct jute_bytes path)
{
    if (table->paths.count == 0)
        return NULL;
    return find(table, path, hash_bytes(&table->key, path.data, jute_size(path)));
}

static struct watched *find_or_add(struct watch_table *table, struct jute_bytes path)
{
    uint64_t hash = hash_bytes(&table->key, path.data, jute_size(path));
    struct watched *watched = find(table, path, hash);

    if (watched != NULL)
        return watched;
    watched = xmalloc(sizeof *watched + jute_size(path));
    watched->entries = &watched->only;
    watched->count = 0;
    watched->cap = 1;
    watched->path_len = path.len;
    if (path.len > 0)
        memcpy(watched->path, path.data, (size_t)path.len);
    hmap_insert(&table->paths, &watched->node, hash);
    return watched;
}

/* The entry of WATCHER at WATCHED, or NULL: the shorter of the two lists tells. */
static struct watch_entry *find_entry(const struct watched *watched, const struct watcher *watcher)
{
    if (watcher->count < watched->count) {
        for (uint32_t i = 0; i < watcher->count; i++)
            if (watcher->refs[i].watched == watched)
                return &watched->entries[watcher->refs[i].entry];
    } else {
        for (uint32_t i = 0; i < watched->count; i++)
            if (watched->entries[i].watcher == watcher)
                return &watched->entries[i];
    }
    return NULL;
}

static void grow_entries(struct watched *watched)
{
    uint32_t cap = watched->cap < 4 ? 4 : watched->cap * 2;
    struct watch_entry *old = watched->entries == &watched->only ? NULL : watched->entries;

    watched->entries = xrealloc(old, cap * sizeof *watched->entries);
    if (old == NULL)
        watched->entries[0] = watched->only;
    watched->cap = cap;
}

static void grow_refs(struct watcher *watcher)
{
    watcher->cap = watcher->cap == 0 ? 2 : watcher->cap * 2;
    watcher->refs = xrealloc(watcher->refs, watcher->cap * sizeof *watcher->refs);
}

static struct watch_entry *add_entry(struct watch_table *table, struct watched *watched,
                                     struct watcher *watcher)
{
    struct watch_entry *entry;

    if (watched->count == watched->cap)
        grow_entries(watched);
    if (watcher->count == watcher->cap)
        grow_refs(watcher);
    watcher->refs[watcher->count] = (struct watch_ref){.watched = watched, .entry = watched->count};
    entry = &watched->entries[watched->count++];
    *entry = (struct watch_entry){.watcher = watcher, .ref = watcher->count++};
    watcher->bytes += cost((size_t)watched->path_len);
    table->watches++;
    return entry;
}

static void free_watched(struct watch_table *table, struct watched *watched)
{
    hmap_remove(&table->paths, &watched->node);
    if (watched->entries != &watched->only)
        free(watched->entries);
    free(watched);
}

/* The last ref of WATCHER takes the place of ref I. */
static void remove_ref(struct watcher *watcher, uint32_t i)
{
    struct watch_ref *last;

    ASSERT(watcher->refs != NULL);
    ASSERT(i < watcher->count);
    last = &watcher->refs[--watcher->count];
    if (i != watcher->count) {
        watcher->refs[i] = *last;
        last->watched->entries[last->entry].ref = i;
    }
    if (watcher->count == 0) {
        free(watcher->refs);
        watcher->refs = NULL;
        watcher->cap = 0;
    }
}

/* The last entry of WATCHED takes the place of entry I. WATCHED stays, even empty. */
static void remove_entry(struct watch_table *table, struct watched *watched, uint32_t i)
{
    struct watch_entry *last;

    set_modes(table, &watched->entries[i], 0);
    table->watches--;
    watched->entries[i].watcher->bytes -= cost((size_t)watched->path_len);
    remove_ref(watched->entries[i].watcher, watched->entries[i].ref);
    last = &watched->entries[--watched->count];
    if (i != watched->count) {
        watched->entries[i] = *last;
        last->watcher->refs[last->ref].entry = i;
    }
}

bool watch_table_add(struct watch_table *table, struct watcher *watcher, struct jute_bytes path,
                     unsigned modes)
{
    struct watched *watched;
    struct watch_entry *entry;

    ASSERT(modes != 0);
    ASSERT(path.len >= 0);
    if (watcher->bytes + cost((size_t)path.len) > table->watcher_bytes_max)
        return false;
    watched = find_or_add(table, path);
    entry = find_entry(watched, watcher);
    if (entry == NULL)
        entry = add_entry(table, watched, watcher);
    set_modes(table, entry, entry->modes | modes);
    return true;
}

unsigned watch_table_modes(const struct watch_table *table, const struct watcher *watcher,
                           struct jute_bytes path)
{
    const struct watched *watched = find_path(table, path);
    const struct watch_entry *entry = watched == NULL ? NULL : find_entry(watched, watcher);

    return entry == NULL ? 0 : entry->modes;
}

unsigned watch_table_remove(struct watch_table *table, struct watcher *watcher,
                            struct jute_bytes path, unsigned modes)
{
    struct watched *watched = find_path(table, path);
    struct watch_entry *entry = watched == NULL ? NULL : find_entry(watched, watcher);
    unsigned had;

    if (entry == NULL)
        return 0;
    had = entry->modes & modes;
    if ((entry->modes & ~modes) == 0) {
        remove_entry(table, watched, (uint32_t)(entry - watched->entries));
        if (watched->count == 0)
            free_watched(table, watched);
        return had;
    }
    set_modes(table, entry, entry->modes & ~modes);
    return had;
}

void watch_table_forget(struct watch_table *table, struct watcher *watcher)
{
    while (watcher->count > 0) {
        struct watch_ref *last = &watcher->refs[watcher->count - 1];
        struct watched *watched = last->watched;

        remove_entry(table, watched, last->entry);
        if (watched->count == 0)
            free_watched(table, watched);
    }
}

/* Which watches on the very path an event of TYPE concerns; those among them that
 * are one-shot are used up. */
static unsigned concerned(enum event_type type)
{
    switch (type) {
    case EVENT_NODE_CREATED:
    case EVENT_NODE_DATA_CHANGED:
        return WATCH_DATA | WATCH_PERSISTENT | WATCH_RECURSIVE;
    case EVENT_NODE_DELETED:
        return WATCH_DATA | WATCH_CHILD | WATCH_PERSISTENT | WATCH_RECURSIVE;
    case EVENT_NODE_CHILDREN_CHANGED:
        return WATCH_CHILD | WATCH_PERSISTENT;
    case EVENT_NONE:
        break;
    }
    ASSERT(!"an event of a znode");
    return 0;
}

/* From the last entry to the first: a removal moves the last one, which was done. */
static void fire_at(struct watch_table *table, struct watched *watched, unsigned modes,
                    void (*tell)(void *arg, struct watcher *watcher), void *arg)
{
    for (uint32_t i = watched->count; i-- > 0;) {
        struct watch_entry *entry = &watched->entries[i];
        struct watcher *watcher = entry->watcher;

        if ((entry->modes & modes) == 0)
            continue;
        set_modes(table, entry, entry->modes & ~(modes & (WATCH_DATA | WATCH_CHILD)));
        if (entry->modes == 0)
            remove_entry(table, watched, i);
        if (watcher->told == table->firings)
            continue;
        watcher->told = table->firings;
        tell(arg, watcher);
    }
    if (watched->count == 0)
        free_watched(table, watched);
}

void watch_table_fire(struct watch_table *table, struct jute_bytes path, enum event_type type,
                      void (*tell)(void *arg, struct watcher *watcher), void *arg)
{
    unsigned modes = concerned(type);
    struct watched *watched = find_path(table, path);

    table->firings++;
    if (watched != NULL)
        fire_at(table, watched, modes, tell, arg);
    if ((modes & WATCH_RECURSIVE) == 0)
        return;
    while (table->recursive > 0 && path.len > 1) {
        path = path_parent(path);
        watched = find_path(table, path);
        if (watched != NULL)
            fire_at(table, watched, WATCH_RECURSIVE, tell, arg);
    }
}

unsigned watch_table_nth(const struct watcher *watcher, uint32_t index, struct jute_bytes *ret_path)
{
    const struct watch_ref *ref = &watcher->refs[index];

    ASSERT(index < watcher->count);
    *ret_path = watched_path(ref->watched);
    return ref->watched->entries[ref->entry].modes;
}

struct path_walk {
    void (*visit)(void *arg, struct jute_bytes path, struct watcher *watcher, unsigned modes,
                  bool is_first);
    void *arg;
};

static void visit_watched(void *arg, struct hmap_node *node)
{
    const struct path_walk *walk = arg;
    const struct watched *watched = CONTAINER_OF(node, struct watched, node);

    for (uint32_t i = 0; i < watched->count; i++)
        walk->visit(walk->arg, watched_path(watched), watched->entries[i].watcher,
                    watched->entries[i].modes, i == 0);
}

bool watch_table_walk_part(const struct watch_table *table, struct hmap_cursor *cursor,
                           void (*visit)(void *arg, struct jute_bytes path, struct watcher *watcher,
                                         unsigned modes, bool is_first),
                           void *arg)
{
    return hmap_walk_part(&table->paths, cursor, visit_watched,
                          &(struct path_walk){.visit = visit, .arg = arg});
}
