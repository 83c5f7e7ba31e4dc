/* acl_text: an ACL as text, one form for all our tools, that of zkCli.sh:
 * SCHEME:ID:PERMS[,SCHEME:ID:PERMS...], PERMS out of the letters c d r w a. An id
 * may hold colons (digest:bob:HASH:rw): the first colon ends the scheme, the last
 * one begins the permissions. A comma or a backslash in an id is written with a
 * backslash before it. */
#ifndef ZKFS_PROTO_ACL_TEXT_H
#define ZKFS_PROTO_ACL_TEXT_H

#include "proto/base/errtext.h"
#include "proto/records.h"

/* Appends the text. */
void acl_text_put(struct buf *b, const struct zk_vec_acl *acl);

/* Appends the letters of PERMS alone, "cdrwa". */
void acl_text_put_perms(struct buf *b, int32_t perms);

/* Reads TEXT of LEN bytes. *RET_ACL lies in ARENA, its strings too.
 * Errors: -EINVAL, WHY says which entry and what is wrong with it. */
int acl_text_parse(const char *text, size_t len, struct arena *arena, struct zk_vec_acl *ret_acl,
                   struct errtext *why);

#endif
