/* listener: the socket that clients connect to. Accepts, and knows how to live
 * through having no file descriptors left. Thread: the loop. */
#ifndef ZKFS_SERVER_LISTENER_H
#define ZKFS_SERVER_LISTENER_H

#include "proto/base/errtext.h"

#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

struct listener;

struct listener_config {
    const char *address; /* an address or a host name; NULL: all addresses, IPv4 and IPv6 */
    int32_t port;        /* 0: any free one */
    int32_t backlog;     /* -1: what the system allows */
};

/* Takes FD: connected, non-blocking. PEER is borrowed. */
typedef void (*listener_accept_cb)(void *arg, int fd, const struct sockaddr_storage *peer);

/* Binds the port, so that nobody else has it; nothing is accepted yet. Blocks
 * when a host name must be resolved. Gives *RET, to be ended with listener_close().
 * Errors (WHY names address, port and cause): -EADDRINUSE, -EACCES, ... */
int listener_open(uv_loop_t *loop, const struct listener_config *config,
                  listener_accept_cb accepted, void *arg, struct listener **ret,
                  struct errtext *why);

/* From now on connections are accepted. Errors as above. */
int listener_start(struct listener *listener, struct errtext *why);

/* The port that was bound. */
int listener_port(const struct listener *listener);

/* Closes the port at once and frees LISTENER later, on the loop. NULL is fine. */
void listener_close(struct listener *listener);

#endif
