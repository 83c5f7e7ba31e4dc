/* watch_table: who watches which path, and how. Paths are compared as given and
 * interned once, however many watch them; a watch is an entry in the array of its
 * path and one in the array of its watcher, each knowing the place of the other
 * (32 bytes together), so that firing, removing and a watcher's end are linear in
 * what they touch. Pure. */
#ifndef ZKFS_SERVER_CORE_WATCH_TABLE_H
#define ZKFS_SERVER_CORE_WATCH_TABLE_H

#include "proto/base/hash.h"
#include "proto/base/hmap.h"
#include "proto/jute.h"
#include "proto/types.h"

#include <stdbool.h>
#include <stddef.h>

/* A mask: they coexist on one path, as they do since 3.9 (ZOOKEEPER-4466). */
enum watch_mode {
    WATCH_DATA = 1,       /* one-shot: created, deleted, data changed */
    WATCH_CHILD = 2,      /* one-shot: children changed, deleted */
    WATCH_PERSISTENT = 4, /* all four events, until removed */
    WATCH_RECURSIVE = 8,  /* created, deleted, data changed, here and below */
};

struct watch_ref;

/* Embedded in what watches (a connection). A zeroed one watches nothing. */
struct watcher {
    struct watch_ref *refs;
    uint32_t count, cap;
    size_t bytes;  /* of memory, about, that its watches take */
    uint64_t told; /* the last firing that it heard of */
};

struct watch_table {
    struct hmap paths;
    struct hash_key key;
    size_t watches;   /* (watcher, path) pairs */
    size_t counted;   /* as Apache counts: who watches data and children of a path counts twice */
    size_t recursive; /* of these with WATCH_RECURSIVE; 0 spares the walk up */
    size_t watcher_bytes_max;
    uint64_t firings;
};

/* A watcher's watches may take about WATCHER_BYTES_MAX bytes of memory. */
void watch_table_init(struct watch_table *table, const struct hash_key *key,
                      size_t watcher_bytes_max);

/* All watchers must be done. */
void watch_table_done(struct watch_table *table);

/* WATCHER watches PATH in MODES as well; what it does already makes no difference.
 * False: nothing was changed, its watches take too much memory. */
bool watch_table_add(struct watch_table *table, struct watcher *watcher, struct jute_bytes path,
                     unsigned modes);

/* The modes in which WATCHER watches exactly PATH. */
unsigned watch_table_modes(const struct watch_table *table, const struct watcher *watcher,
                           struct jute_bytes path);

/* Takes these of its modes away; gives those it had. */
unsigned watch_table_remove(struct watch_table *table, struct watcher *watcher,
                            struct jute_bytes path, unsigned modes);

/* WATCHER watches nothing any more, and holds no memory. */
void watch_table_forget(struct watch_table *table, struct watcher *watcher);

/* TYPE happened at PATH: calls TELL once for each watcher whom it concerns, however
 * many of its watches match, and uses up their one-shot watches. TELL must not
 * change the table. */
void watch_table_fire(struct watch_table *table, struct jute_bytes path, enum event_type type,
                      void (*tell)(void *arg, struct watcher *watcher), void *arg);

/* What watches the data of a znode, in the sense of the four-letter words: all but
 * WATCH_CHILD. */
#define WATCHES_OF_DATA (WATCH_DATA | WATCH_PERSISTENT | WATCH_RECURSIVE)

/* The watch number INDEX (below watcher->count) of WATCHER. A removal moves the last one
 * into the gap: who walks from the last to the first misses none. */
unsigned watch_table_nth(const struct watcher *watcher, uint32_t index,
                         struct jute_bytes *ret_path);

/* The next few paths in a walk in parts (hmap.h): calls VISIT for all watchers of a path
 * in turn (IS_FIRST: the path is a new one), then for those of the next. False: all were visited.
 */
bool watch_table_walk_part(const struct watch_table *table, struct hmap_cursor *cursor,
                           void (*visit)(void *arg, struct jute_bytes path, struct watcher *watcher,
                                         unsigned modes, bool is_first),
                           void *arg);

#endif
