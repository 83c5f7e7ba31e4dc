/* acl_digest: scheme digest: what "user:password" is in an ACL: "user:" and the base64
 * of its hash [DigestAuthenticationProvider.generateDigest]. Pure. */
#ifndef ZKFS_SERVER_CORE_ACL_DIGEST_H
#define ZKFS_SERVER_CORE_ACL_DIGEST_H

#include "proto/base/buf.h"
#include "proto/jute.h"

#include <stdbool.h>

#define ACL_DIGEST_STANDARD "SHA1"

/* Whether there is a hash ALGORITHM; the names are those of java.security.MessageDigest
 * ("SHA1", "SHA-256", "SHA3-512"), in any case. */
bool acl_digest_known(const char *algorithm);

/* Appends the id, by an ALGORITHM that is known. Without a colon all of it is the user: any
 * password is accepted as a credential; the secret is in matching the hash that an ACL
 * holds. */
void acl_digest_id(const char *algorithm, struct jute_bytes user_password, struct buf *ret_id);

#endif
