/* acl_digest: scheme digest: what "user:password" is in an ACL: "user:" and the
 * base64 of its SHA-1 [DigestAuthenticationProvider.generateDigest]. Pure. */
#ifndef ZKFS_SERVER_CORE_ACL_DIGEST_H
#define ZKFS_SERVER_CORE_ACL_DIGEST_H

#include "proto/base/buf.h"
#include "proto/jute.h"

/* Appends the id. Without a colon all of it is the user: any password is accepted
 * as a credential; the secret is in matching the hash that an ACL holds. */
void acl_digest_id(struct jute_bytes user_password, struct buf *ret_id);

#endif
