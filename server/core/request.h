/* request: a frame of a connection whose session is ready, from its header to its
 * place in the queue or its reply; and what is done when a turn comes. */
#ifndef ZKFS_SERVER_CORE_REQUEST_H
#define ZKFS_SERVER_CORE_REQUEST_H

#include "server/core/client.h"
#include "server/core/pending.h"

struct live_session;

/* Takes a request that came in: answers it, proposes it, or queues a copy. IS_LATE: see
 * core_frame_late(). */
void request_take(struct core_client *client, const uint8_t *payload, size_t len, bool is_late,
                  const struct core_time *now);

/* Queues a copy of a request that cannot be taken yet; HEAD says as what, and what is known of
 * it besides the LEN bytes at PAYLOAD. */
void request_keep(struct core_client *client, const struct pending *head, const uint8_t *payload,
                  size_t len);

/* All that is queued, which is of KIND, is taken as if it came now. */
void request_take_kept(struct core_client *client, enum pending_kind kind,
                       const struct core_time *now);

/* LEN, if a request of that length is a large one, or 0. */
size_t request_large_size(const struct core *core, size_t len);

/* A request of CLIENT that came in at START_MS has been answered: for the figures. */
struct answered {
    bool is_update;
    int32_t op, xid;
    zk_zxid zxid;
    int64_t start_ms;
};
void request_answered(struct core_client *client, const struct answered *answered,
                      const struct core_time *now);

/* Something CLIENT waited for has been answered: answers what came behind it, up to
 * the next write. */
void request_continue(struct core_client *client, const struct core_time *now);

/* What CLIENT asks for from now on is answered when everything is that anybody has
 * proposed before. */
void request_wait_for_all(struct core_client *client);

/* CLIENT, whose turn it is not before the tree has come to ZXID, takes its place among
 * those who wait. */
void request_await(struct core_client *client, zk_zxid zxid);

/* The tree has come to ZXID: those who waited for it go on. */
void request_wake(struct core *core, zk_zxid zxid, const struct core_time *now);

/* Proposes the end of SESSION, asked for as XID or come by itself. */
zk_zxid request_close_session(struct core *core, struct live_session *session, int32_t xid,
                              const struct core_time *now, size_t *ret_bytes);

/* Whether a txn may be proposed now. */
bool request_may_propose(const struct core *core);

#endif
