/* ip_match: scheme ip of ACLs: an address, or a network as ADDRESS/BITS, in IPv4
 * or IPv6 [IPAuthenticationProvider]. Pure. */
#ifndef ZKFS_SERVER_CORE_IP_MATCH_H
#define ZKFS_SERVER_CORE_IP_MATCH_H

#include "proto/jute.h"

#include <stdbool.h>

/* Whether ID may stand in an ACL. */
bool ip_id_valid(struct jute_bytes id);

/* Whether the peer ADDRESS (as text) is in the network ID; no, if either is
 * malformed. */
bool ip_matches(struct jute_bytes address, struct jute_bytes id);

#endif
