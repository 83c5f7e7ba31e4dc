/* hosts: the connect string, HOST[:PORT],[V6]:PORT,...[/CHROOT], and whose turn
 * it is. Plain value, one owner. */
#ifndef ZKFS_FS_HOSTS_H
#define ZKFS_FS_HOSTS_H

#include "proto/base/errtext.h"
#include "proto/base/rng.h"

#include <stddef.h>
#include <stdint.h>

#define HOSTS_PORT_DEFAULT 2181
#define HOSTS_MAX 256

struct host {
    char *name; /* a name or an address, without brackets; resolved at every dial */
    uint16_t port;
};

struct hosts {
    struct host *items;
    size_t count; /* at least 1 */
    size_t next;  /* whose turn it is */
    char *chroot; /* "" for none; otherwise a valid path, never "/" */
};

/* Gives *RET_HOSTS, to be ended with hosts_done(). Errors: -EINVAL with WHY. */
int hosts_parse(const char *text, struct hosts *ret_hosts, struct errtext *why);

/* Accepts a zeroed one. */
void hosts_done(struct hosts *hosts);

/* Puts them into a random order, so that the clients of an ensemble spread over it. */
void hosts_shuffle(struct hosts *hosts, struct rng *rng);

/* The next one, round and round. */
const struct host *hosts_next(struct hosts *hosts);

#endif
