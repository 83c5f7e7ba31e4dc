/* client_watch: which watches the server holds for this session, so that they can be
 * set again on the next connection. Pure. Paths are the server's (with the chroot). */
#ifndef ZKFS_FS_CLIENT_WATCH_H
#define ZKFS_FS_CLIENT_WATCH_H

#include "proto/base/hash.h"
#include "proto/base/hmap.h"
#include "proto/records.h"
#include "proto/types.h"

/* Kinds of watches on one path; a mask. The order is that of the lists of setWatches2. */
enum watch_kind {
    WATCH_DATA = 1,
    WATCH_EXIST = 2, /* like data, set while the znode was missing */
    WATCH_CHILD = 4,
    WATCH_PERSISTENT = 8,
    WATCH_RECURSIVE = 16,
    WATCH_ALL = 31,
};

/* A request of setWatches holds paths of at most so many bytes [ZooKeeper.java,
 * SET_WATCHES_MAX_LENGTH], as all of them could exceed the server's frame limit. */
#define WATCH_PART_BYTES ((size_t)128 << 10)

struct watch_table {
    struct hash_key key;
    struct hmap map;
};

/* A table is zeroed and given a key. Ends it, and leaves it empty. */
void watch_table_clear(struct watch_table *table);

void watch_table_add(struct watch_table *table, struct jute_bytes path, int kinds);
void watch_table_remove(struct watch_table *table, struct jute_bytes path, int kinds);

/* Takes off the one-shot watches that an event has used up. */
void watch_table_fired(struct watch_table *table, struct jute_bytes path, enum event_type type);

/* The kinds on PATH; 0 for none. */
int watch_table_kinds(const struct watch_table *table, struct jute_bytes path);

/* Calls EMIT with each part of the table as a record: OP_SET_WATCHES, or OP_SET_WATCHES2
 * when there are persistent watches in it. Order of the paths: none. */
typedef void (*watch_emit_cb)(void *arg, const struct zk_set_watches2 *watches,
                              bool has_persistent);
void watch_table_emit(const struct watch_table *table, zk_zxid relative_zxid, watch_emit_cb emit,
                      void *arg);

#endif
