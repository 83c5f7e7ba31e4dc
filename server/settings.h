/* settings: what the configuration means to each part of a server. What is borrowed from CONFIG
 * stays so; keys and seeds are drawn anew by each call. */
#ifndef ZKFS_SERVER_SETTINGS_H
#define ZKFS_SERVER_SETTINGS_H

#include "server/config.h"
#include "server/connections.h"
#include "server/core/core.h"
#include "store/store.h"

struct store_config settings_store(const struct config *config);

/* TXN_BYTES_MAX is what the store can take; session ids begin at WALL_MS. */
struct core_config settings_core(const struct config *config, size_t txn_bytes_max,
                                 int64_t wall_ms);

struct connections_config settings_connections(const struct config *config);

#endif
