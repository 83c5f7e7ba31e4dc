/* forward: the requests that a learner does not judge itself: they go to the leader, with
 * the credentials of who asks, and what becomes of them comes back as a committed txn
 * [FollowerRequestProcessor, CommitProcessor].
 *
 * Which txn is whose. The leader prepares what a learner sends in the order in which it was
 * sent, and a txn says for which session and with which cxid; so the outcome of what a
 * session is owed first is the next txn of that session and cxid. But the cxid is the
 * client's choice, and many count from 1 on each connection. Hence a client that brings a
 * session takes its first turn when all is applied that was proposed before the leader gave
 * it the session: what was asked for on earlier connections, here or elsewhere. What still
 * comes from another server after that is refused (ZSESSIONMOVED): where a client meets
 * such a txn it is closed, whether the refusal was meant for it or not; nobody gets a wrong
 * answer. Only a connection that the client has given up may be told what became of a
 * request made on the next one; nobody listens there. (For the same reason a client must not
 * write before it is told that it is connected: it might have given up by then.) */
#ifndef ZKFS_SERVER_CORE_FORWARD_H
#define ZKFS_SERVER_CORE_FORWARD_H

#include "server/core/client.h"
#include "server/core/pending.h"

/* Sends a write to the leader; it is owed from now on. The whole request is LEN bytes long.
 * Without a leader CLIENT is closed. */
void forward_write(struct core_client *client, const struct zk_request_header *header,
                   const struct jute_reader *body, size_t len, const struct core_time *now);

/* The same for the session that CLIENT has been attached to, and does not exist yet. */
void forward_create_session(struct core_client *client, const struct core_time *now);

/* Sends a sync, owed already. */
void forward_sync(struct core_client *client, int32_t xid, const struct jute_reader *body,
                  uint64_t cookie);

/* Whether the txn of HDR, of the session that ENTRY is a forwarded write of, is what became
 * of it. */
bool forward_is_outcome(const struct pending *entry, const struct zk_txn_header *hdr);

#endif
