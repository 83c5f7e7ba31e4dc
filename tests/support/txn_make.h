/* txn_make: txns for tests, by hand and at random. Decoded txns point into the
 * arena of the maker, until txn_make_done. */
#ifndef ZKFS_TESTS_SUPPORT_TXN_MAKE_H
#define ZKFS_TESTS_SUPPORT_TXN_MAKE_H

#include "proto/base/rng.h"
#include "proto/txn.h"

struct txn_maker {
    struct rng rng;
    struct arena arena;
    zk_zxid zxid; /* of the last txn made */
    int64_t client_id, time;
};

void txn_make_done(struct txn_maker *maker);

extern const struct zk_vec_acl txn_acl_open, txn_acl_read, txn_acl_null;

/* Each takes the next zxid, session client_id and time. */
struct txn txn_create(struct txn_maker *m, const char *path, const char *data);
struct txn txn_create_ephemeral(struct txn_maker *m, const char *path);
struct txn txn_delete(struct txn_maker *m, const char *path);
struct txn txn_set_data(struct txn_maker *m, const char *path, const char *data, int32_t version);
struct txn txn_set_acl(struct txn_maker *m, const char *path, const struct zk_vec_acl *acl,
                       int32_t version);
struct txn txn_create_session(struct txn_maker *m, int32_t timeout_ms);
struct txn txn_error(struct txn_maker *m, int32_t err);
struct txn txn_of_type(struct txn_maker *m, int32_t type);

/* A multi with the bodies of these. */
struct txn txn_multi(struct txn_maker *m, const struct txn *parts, int count);

/* Anything: all types, few names so that they meet, some that make no sense. */
struct txn txn_random(struct txn_maker *m);

#endif
