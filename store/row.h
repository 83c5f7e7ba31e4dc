/* row: a piece of the committed state as checkpoints keep it: a key and a value.
 * A checkpoint is a map from (kind, key) to value; who keeps it adds checksums.
 * All rows sorted by kind and then key (unsigned) can be loaded (tree_load.h):
 * the kinds are numbered in the order in which loading needs them, and a znode's
 * id is above its parent's, as there is no rename. Any thread.
 *
 *   kind     key                 value
 *   GLOBAL   0                   zxid, next znode id, znode count, tree digest
 *   ACL      id                  the list, as on the wire
 *   SESSION  session id          timeout
 *   ZNODE    id, never reused    parent id, name, Stat as stored, ACL id, data; what is as
 *                                in most znodes is left out (row.c)
 */
#ifndef ZKFS_STORE_ROW_H
#define ZKFS_STORE_ROW_H

#include "proto/jute.h"
#include "proto/records.h"

enum row_kind {
    ROW_GLOBAL = 1,
    ROW_ACL = 2,
    ROW_SESSION = 3,
    ROW_ZNODE = 4,
};

struct row {
    enum row_kind kind;
    uint64_t key;
    struct jute_bytes value; /* len -1: the row is deleted */
};

/* Appends ROW: kind (1 byte), key (8), value with its length (4). */
void row_put(struct buf *rows, const struct row *row);

/* The row at the cursor; its value stays borrowed. False (and R is bad): not a row. */
bool row_get(struct jute_reader *r, struct row *ret);

/* The values, by kind (that of an ACL is a zk_vec_acl). All integers are
 * big-endian, as in jute. */
struct row_global {
    int64_t zxid;
    uint64_t next_id; /* above every id of a znode so far */
    uint64_t znode_count;
    uint64_t digest;
};

struct row_session {
    int32_t timeout_ms;
};

struct row_znode {
    uint64_t parent_id; /* 0 for the root */
    struct jute_bytes name;
    struct zk_stat_persisted stat;
    uint32_t acl_id; /* TREE_ACL_OPEN has no row of its own */
    struct jute_bytes data;
};

/* Append a whole row with that value. */
void row_put_global(struct buf *rows, const struct row_global *value);
void row_put_acl(struct buf *rows, uint32_t id, const struct zk_vec_acl *value);
void row_put_session(struct buf *rows, int64_t id, const struct row_session *value);
void row_put_znode(struct buf *rows, uint64_t id, const struct row_znode *value);
void row_put_deleted(struct buf *rows, enum row_kind kind, uint64_t key);

/* Decode a value; false when it is not one. Strings stay borrowed, ACLs come from
 * the arena. */
bool row_get_global(struct jute_bytes value, struct row_global *ret);
bool row_get_acl(struct jute_bytes value, struct arena *arena, struct zk_vec_acl *ret);
bool row_get_session(struct jute_bytes value, struct row_session *ret);
bool row_get_znode(struct jute_bytes value, struct row_znode *ret);

#endif
