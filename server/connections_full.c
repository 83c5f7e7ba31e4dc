/* connections_full: how many connections there may be, from an address and in all. The
 * log says so once, not for each that is refused. */
#include "proto/base/log.h"
#include "server/connection.h"

bool connections_full(struct connections *all, struct client_address *address)
{
    const struct connections_config *limit = &all->config;
    char text[CLIENT_ADDRESS_TEXT];

    if (limit->per_address_max > 0 && address->connections > limit->per_address_max) {
        client_address_text(address, text);
        if (!address->complained)
            log_warn("connection: refused: address=%s cause=\"more than maxClientCnxns=%d\"", text,
                     limit->per_address_max);
        address->complained = true;
        return true;
    }
    if (limit->total_max == 0 || all->stats.open < (size_t)limit->total_max) {
        all->complained = false;
        return false;
    }
    if (!all->complained)
        log_warn("connection: refused: cause=\"more than maxCnxns=%d\"", limit->total_max);
    all->complained = true;
    return true;
}
