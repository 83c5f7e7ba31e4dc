/* sync_table: syncs that this server has asked for in an ensemble and that are not done
 * yet. A cookie names each; it is never used again, so an answer that comes too late, in
 * another role or after the connection has gone, finds nothing. Pure. */
#ifndef ZKFS_SERVER_CORE_SYNC_TABLE_H
#define ZKFS_SERVER_CORE_SYNC_TABLE_H

#include "proto/base/hmap.h"

#include <stdbool.h>
#include <stdint.h>

struct core_client;

/* A zeroed one is empty. */
struct sync_table {
    struct hmap by_cookie;
    uint64_t last_cookie;
};

/* Forgets all syncs, and gives the memory back; no cookie is used again. */
void sync_table_clear(struct sync_table *table);

/* CLIENT asks for a sync, or (NULL) the server for itself: gives its cookie, never 0. */
uint64_t sync_table_add(struct sync_table *table, struct core_client *client);

/* Takes the sync of COOKIE off; false: nobody waits for it. */
bool sync_table_take(struct sync_table *table, uint64_t cookie, struct core_client **ret_client);

/* COOKIE is in the table, and is not waited for any more. */
void sync_table_forget(struct sync_table *table, uint64_t cookie);

#endif
