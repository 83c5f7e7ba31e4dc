/* acl_table: each ACL that znodes have, once, with an id and a count of its
 * users. Ids are reused when the last user has gone, so they stay below the most
 * ACLs that were ever in use together. Part of the tree: others read ACLs by
 * tree_acl(). Plain value; a zeroed table must be given to acl_table_init.
 * Thread: the loop. */
#ifndef ZKFS_STORE_ACL_TABLE_H
#define ZKFS_STORE_ACL_TABLE_H

#include "proto/base/buf.h"
#include "proto/base/hash.h"
#include "proto/base/hmap.h"
#include "proto/records.h"
#include "proto/types.h"

#include <stdbool.h>

/* world:anyone with all permissions; always there, not counted. */
#define TREE_ACL_OPEN 0

struct acl_entry;

struct acl_table {
    struct hash_key key;
    struct hmap by_bytes;
    struct acl_entry **entries; /* by id; NULL: free */
    uint32_t entry_count;       /* entries[] in use, free ones included */
    uint32_t entry_cap;
    uint32_t *free_ids;
    uint32_t free_count, free_cap;
    uint32_t used_count; /* ACLs, the open one included */
    struct buf changed;  /* uint32_t ids that came or went since the last freeze */
    struct buf scratch;
};

void acl_table_init(struct acl_table *table, const struct hash_key *key);
void acl_table_done(struct acl_table *table);

/* The id of ACL (copied), with one user more. A null list is the open ACL, as
 * Apache has it; an empty one grants nothing. */
uint32_t acl_table_use(struct acl_table *table, const struct zk_vec_acl *acl);

/* One user more, or less, of the ACL with this id. */
void acl_table_ref(struct acl_table *table, uint32_t id);
void acl_table_unref(struct acl_table *table, uint32_t id);

/* NULL when no ACL has this id. */
const struct zk_vec_acl *acl_table_get(const struct acl_table *table, uint32_t id);

/* Loading: puts ACL at ID without a user yet. False when the id is taken or is that
 * of the open ACL, or the list is there already. acl_table_loaded() then drops
 * those that nobody uses, and makes the free ids known; false if there were any. */
bool acl_table_load(struct acl_table *table, uint32_t id, const struct zk_vec_acl *acl);
bool acl_table_loaded(struct acl_table *table);

/* For freeze: gives the ids that came or went (uint32_t, to be ended with buf_done;
 * an id may occur twice) and starts a new list; or puts such ids back. */
void acl_table_changed_take(struct acl_table *table, struct buf *ret_ids);
void acl_table_changed_again(struct acl_table *table, const struct buf *ids);

#endif
