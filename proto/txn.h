/* txn: a decided change, as it is logged and proposed: TxnHeader, a record by
 * type, and the digest of the tree after it [SerializeUtils.deserializeTxn]. The
 * same bytes travel in a PROPOSAL and lie in the log. Any thread. */
#ifndef ZKFS_PROTO_TXN_H
#define ZKFS_PROTO_TXN_H

#include "proto/opcodes.h"
#include "proto/records.h"
#include "proto/types.h"

/* One txn, decoded. HDR.type says which member of the union holds: create and
 * create2 -> create; delete and deleteContainer -> del; setData and reconfig ->
 * set_data. */
struct txn {
    struct zk_txn_header hdr;
    union {
        struct zk_create_txn create;
        struct zk_create_container_txn create_container;
        struct zk_create_ttl_txn create_ttl;
        struct zk_delete_txn del;
        struct zk_set_data_txn set_data;
        struct zk_set_acl_txn set_acl;
        struct zk_check_version_txn check;
        struct zk_multi_txn multi;
        struct zk_create_session_txn create_session;
        struct zk_close_session_txn close_session;
        struct zk_error_txn error;
    };
    bool has_paths;  /* closeSession: it lists its paths (since 3.6) */
    bool has_digest; /* DIGEST holds */
    struct zk_txn_digest digest;
};

/* The version of the digest that we compute and write. */
#define DIGEST_VERSION 2

/* Decodes the LEN bytes at DATA, which stay borrowed by *RET, as do vectors in
 * ARENA. False: not a txn (short, unknown type, bytes left over). */
bool txn_decode(const void *data, size_t len, struct arena *arena, struct txn *ret);

/* Decodes the record of a sub-txn of a multi into RET's union; RET->hdr is HDR
 * with the sub-txn's type. False: as above. */
bool txn_decode_sub(const struct zk_txn_header *hdr, const struct zk_sub_txn *sub,
                    struct arena *arena, struct txn *ret);

/* Appends header, record and, where has_digest, digest. */
void txn_encode(struct buf *b, const struct txn *txn);

/* Appends the record alone, as it stands in a sub-txn. */
void txn_encode_body(struct buf *b, const struct txn *txn);

/* The zxid in the header of encoded txn bytes (at least 32 of them). */
zk_zxid txn_zxid(const void *data);

/* Appends the txn as text for a person: no znode data. */
void txn_print(struct buf *b, const struct txn *txn);

#endif
