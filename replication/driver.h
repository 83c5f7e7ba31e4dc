/* driver: performs what the pure zab decides, on a real log. It stands between
 * the request pipeline above (struct zab_app) and the store below, and knows
 * neither requests nor files. Thread: the loop. */
#ifndef ZKFS_REPLICATION_DRIVER_H
#define ZKFS_REPLICATION_DRIVER_H

#include "proto/base/blob.h"
#include "proto/types.h"

#include <stddef.h>

struct driver;
struct store;

/* What stands above. Callbacks are never called from inside a driver call that
 * proposes; from inside commit, proposing is allowed. */
struct zab_app {
    void *arg;
    /* TXN is decided, and durable here: apply it, answer its client. In zxid
     * order, each once. TXN is borrowed. */
    void (*commit)(void *arg, zk_zxid zxid, struct blob *txn);
};

/* STORE is open and has applied everything in its log up to its end (borrowed
 * until driver_free, as APP's arg is). Gives a driver. */
struct driver *driver_new(struct store *store, const struct zab_app *app);
void driver_free(struct driver *driver);

/* The zxid that the next proposal must carry in its header. */
zk_zxid driver_next_zxid(const struct driver *driver);

/* Proposes TXN: logs it, and commits it once a quorum has it on disk. Takes the
 * caller's reference. Never fails and never commits before it returns. */
void driver_propose(struct driver *driver, struct blob *txn);

/* From the store: everything up to ZXID is on disk here. Commits what that
 * decides. */
void driver_durable(struct driver *driver, zk_zxid zxid);

/* Proposals not committed yet; 0 when all is decided (as at a clean stop). */
size_t driver_outstanding(const struct driver *driver);

#endif
