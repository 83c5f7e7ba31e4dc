/* server: one standalone server on a loop: store, replication, core and the
 * connections of its clients, tied together. Thread: the loop. */
#ifndef ZKFS_SERVER_SERVER_H
#define ZKFS_SERVER_SERVER_H

#include "proto/base/errtext.h"
#include "server/config.h"

#include <uv.h>

struct server;

/* Opens the store of CONFIG (borrowed until server_free), which takes as long as
 * there is log to replay, and accepts clients from then on. Gives *RET, to be
 * ended with server_stop(), running LOOP until it has no handles any more, and
 * server_free(). On an error there is nothing to stop, but LOOP has to run out.
 * WHY has the one line that an operator needs; -errno as the part that failed. */
int server_start(uv_loop_t *loop, const struct config *config, struct server **ret,
                 struct errtext *why);

/* The port that clients connect to. */
int server_port(const struct server *server);

/* Accepts and reads nothing any more, lets what is in work be decided and answered,
 * and closes everything, on the loop. Calling it again does nothing. */
void server_stop(struct server *server);

void server_free(struct server *server);

#endif
