/* client_addresses: how many connections each address has [maxClientCnxns]. An
 * IPv4 address is the same whether it came over an IPv4 or an IPv6 socket.
 * Thread: the loop. */
#ifndef ZKFS_SERVER_CLIENT_ADDRESSES_H
#define ZKFS_SERVER_CLIENT_ADDRESSES_H

#include "proto/base/hash.h"
#include "proto/base/hmap.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct client_address {
    struct hmap_node node;
    struct in6_addr ip; /* an IPv4 one as ::ffff:a.b.c.d */
    int32_t connections;
    bool complained; /* the log has a line about its surplus connections */
};

struct client_addresses {
    struct hmap map;
    struct hash_key key;
};

#define CLIENT_ADDRESS_TEXT 46

/* One more connection from PEER: the entry of its address, owned by the table until
 * the last client_address_remove(). */
struct client_address *client_address_add(struct client_addresses *all,
                                          const struct sockaddr_storage *peer);
void client_address_remove(struct client_addresses *all, struct client_address *address);

/* "127.0.0.1", "::1". */
void client_address_text(const struct client_address *address, char text[CLIENT_ADDRESS_TEXT]);

/* All must have been removed. */
void client_addresses_done(struct client_addresses *all);

#endif
