/* client_addresses: see client_addresses.h. */
#include "server/client_addresses.h"

#include "proto/base/assert.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static struct in6_addr ip_of(const struct sockaddr_storage *peer)
{
    struct in6_addr ip = {0};

    if (peer->ss_family == AF_INET6)
        return ((const struct sockaddr_in6 *)peer)->sin6_addr;
    ip.s6_addr[10] = ip.s6_addr[11] = 0xff;
    memcpy(&ip.s6_addr[12], &((const struct sockaddr_in *)peer)->sin_addr, 4);
    return ip;
}

struct client_address *client_address_add(struct client_addresses *all,
                                          const struct sockaddr_storage *peer)
{
    struct in6_addr ip = ip_of(peer);
    uint64_t hash = hash_bytes(&all->key, &ip, sizeof ip);
    struct client_address *address;

    for (struct hmap_node *n = hmap_first(&all->map, hash); n != NULL; n = hmap_next(n)) {
        address = CONTAINER_OF(n, struct client_address, node);
        if (memcmp(&address->ip, &ip, sizeof ip) == 0) {
            address->connections++;
            return address;
        }
    }
    address = xcalloc(1, sizeof *address);
    address->ip = ip;
    address->connections = 1;
    hmap_insert(&all->map, &address->node, hash);
    return address;
}

void client_address_remove(struct client_addresses *all, struct client_address *address)
{
    ASSERT(address->connections > 0);
    if (--address->connections > 0)
        return;
    hmap_remove(&all->map, &address->node);
    free(address);
}

void client_address_text(const struct client_address *address, char text[CLIENT_ADDRESS_TEXT])
{
    if (IN6_IS_ADDR_V4MAPPED(&address->ip))
        (void)inet_ntop(AF_INET, &address->ip.s6_addr[12], text, CLIENT_ADDRESS_TEXT);
    else
        (void)inet_ntop(AF_INET6, &address->ip, text, CLIENT_ADDRESS_TEXT);
}

void client_addresses_done(struct client_addresses *all)
{
    ASSERT(all->map.count == 0);
    hmap_done(&all->map);
}
