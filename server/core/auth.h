/* auth: what a connection proves about itself. Answered on arrival, past everything
 * that waits, as Apache does it: a credential holds for what is read after it. */
#ifndef ZKFS_SERVER_CORE_AUTH_H
#define ZKFS_SERVER_CORE_AUTH_H

#include "server/core/client.h"

/* An auth packet: BODY is what follows the header. Answers; closes on failure, without an
 * answer when it cannot be read. */
void auth_request(struct core_client *client, int32_t xid, struct jute_reader *body);

/* A sasl packet, on a server without a SASL login: OK with a null token. The like. */
void auth_sasl(struct core_client *client, int32_t xid, struct jute_reader *body);

/* Whether CLIENT may ask for anything else. If not, the request XID is refused, and CLIENT
 * closed [enforce.auth.enabled]. */
bool auth_suffices(struct core_client *client, int32_t xid);

#endif
