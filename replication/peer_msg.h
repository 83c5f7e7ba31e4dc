/* peer_msg: a quorum packet as the core sees it, its data taken apart. packet.h
 * makes it of bytes and bytes of it. Which fields count depends on the type:
 *
 *   PROPOSAL, INFORM              zxid, data (the txn's bytes)
 *   COMMIT, ACK, DIFF, TRUNC,
 *   SNAP, UPTODATE, SYNC          zxid
 *   PING                          zxid, data (session_timeout records, or NULL)
 *   FOLLOWERINFO, OBSERVERINFO    zxid, sid, protocol, config_version
 *   LEADERINFO                    zxid, protocol
 *   ACKEPOCH                      zxid, epoch (-1: do not count me)
 *   NEWLEADER                     zxid, data (text of a configuration, or NULL)
 *   REQUEST                       data (forwarded_request and body), auth
 *   REVALIDATE                    session_id; to the leader timeout_ms, from it (is_answer) valid
 *   COMMITANDACTIVATE             zxid, sid (the designated leader)
 *   INFORMANDACTIVATE             zxid, sid, data (the txn's bytes)
 *
 * Plain value; the holder of a message holds its references. */
#ifndef ZKFS_REPLICATION_PEER_MSG_H
#define ZKFS_REPLICATION_PEER_MSG_H

#include "proto/base/blob.h"
#include "proto/quorum_types.h"
#include "proto/types.h"

#include <stdbool.h>

struct peer_msg {
    int type; /* enum quorum_type, or a number that is none */
    zk_zxid zxid;
    struct blob *data; /* NULL: null on the wire */
    struct blob *auth; /* of REQUEST: the vector of ids as encoded; NULL: null */
    int64_t sid;
    int64_t config_version;
    int64_t session_id;
    int32_t protocol;
    int32_t epoch;
    int32_t timeout_ms;
    bool is_answer;
    bool valid;
};

/* Drops the references. */
static inline void peer_msg_done(struct peer_msg *msg)
{
    blob_unref(msg->data);
    blob_unref(msg->auth);
    msg->data = msg->auth = NULL;
}

/* What a message costs a queue, its overhead included. */
static inline size_t peer_msg_bytes(const struct peer_msg *msg)
{
    return 64 + (msg->data == NULL ? 0 : msg->data->len) + (msg->auth == NULL ? 0 : msg->auth->len);
}

#endif
