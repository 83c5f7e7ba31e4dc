/* connect: the handshake: a new session, or one that comes back
 * [ZooKeeperServer.processConnectRequest]. No error exists at this stage but
 * "expired"; everything else is a silent close, which means: try another server. */
#ifndef ZKFS_SERVER_CORE_CONNECT_H
#define ZKFS_SERVER_CORE_CONNECT_H

#include "server/core/client.h"

/* The first frame of a connection. */
void connect_request(struct core_client *client, const uint8_t *payload, size_t len,
                     const struct core_time *now);

/* The session that CLIENT asked for has been created: answers, then takes the
 * requests that came in meanwhile. */
void connect_ready(struct core_client *client, const struct core_time *now);

/* The session that CLIENT came back with belongs to this server, and the tree has come to
 * where it was when the leader said so: the same. */
void connect_returned(struct core_client *client, const struct core_time *now);

/* This server leads, and did so when it did not know the session that CLIENT came with. */
void connect_confirmed(struct core_client *client);

#endif
