/* connections_full: how many connections there may be, from an address and in all, how many
 * sessions may be asked for in a while, and how much large requests may take. The log says
 * so once, not for each that is refused. */
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

bool connection_may_begin(struct connection *c, const uint8_t *payload, size_t size)
{
    struct connections *all = c->all;
    bool admitted =
        session_throttle_admits(&all->session_throttle, core_connect_renews(payload, size),
                                all->host.now(all->host.arg)->mono_ms);

    all->stats.drop_probability = all->session_throttle.drop;
    if (!admitted) {
        all->stats.rejected++;
        if (!all->throttle_complained)
            log_warn("connection: sessions are refused: cause=\"more are asked for than "
                     "connection_throttle_tokens=%d allows\"",
                     all->config.session_throttle.tokens_max);
    }
    all->throttle_complained =
        !admitted || (all->throttle_complained &&
                      2 * all->session_throttle.tokens < all->session_throttle.tokens_max);
    return admitted;
}

bool connections_have_room_for(struct connections *all, size_t size)
{
    const struct connections_config *limit = &all->config;

    if (limit->large_request_bytes == 0 || size <= limit->large_request_bytes ||
        core_large_bytes(all->core) + size <= limit->large_requests_max)
        return true;
    all->stats.large_rejected++;
    return false;
}
