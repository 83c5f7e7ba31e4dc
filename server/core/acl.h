/* acl: may this connection do that to this znode? And which ACLs may be stored
 * [PrepRequestProcessor.checkACL, fixupACL]. Schemes: world, auth, digest, ip,
 * x509; the credential "super" passes everything. Pure. */
#ifndef ZKFS_SERVER_CORE_ACL_H
#define ZKFS_SERVER_CORE_ACL_H

#include "proto/errors.h"
#include "proto/records.h"
#include "proto/types.h"

#include <stdbool.h>

/* Whether ACL gives one of the permissions PERMS to who holds the credentials WHO.
 * An empty or null ACL gives everything. */
bool acl_allows(const struct zk_vec_acl *acl, const struct zk_vec_id *who, int32_t perms);

/* Whether ACL gives one of PERMS to anybody, whatever his credentials. */
bool acl_is_open(const struct zk_vec_acl *acl, int32_t perms);

/* What is to be stored when a client that holds WHO asks for GIVEN: duplicates
 * dropped, `auth` replaced by the client's own identities. DIGEST_OFF: there is no scheme
 * digest. *RET_ACL lies in ARENA and borrows the strings. Errors: ZINVALIDACL (more than
 * 1000 entries are, too); ZMARSHALLINGERROR for a null id. */
enum zk_err acl_fixup(const struct zk_vec_acl *given, const struct zk_vec_id *who, bool digest_off,
                      struct arena *arena, struct zk_vec_acl *ret_acl);

/* ACL as those see it who may not administer it: the hashes of digest ids are
 * masked. *RET_ACL lies in ARENA and borrows. */
void acl_masked(const struct zk_vec_acl *acl, struct arena *arena, struct zk_vec_acl *ret_acl);

#endif
