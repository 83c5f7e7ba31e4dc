/* reply: frames written straight into a client's out buffer. Every reply and every
 * notification passes here, so here they are counted. */
#ifndef ZKFS_SERVER_CORE_REPLY_H
#define ZKFS_SERVER_CORE_REPLY_H

#include "proto/errors.h"
#include "server/core/client.h"

/* Begins a frame of its own kind (ConnectResponse); the caller appends its content to
 * the buffer it gives and ends it with frame_end(). */
struct buf *frame_begin(struct core_client *client);
void frame_end(struct core_client *client);

/* Begins a reply: its header, saying all is well. The caller appends the body, and ends
 * with reply_end(): with an ERR, the body is dropped and the header says so. */
struct buf *reply_begin(struct core_client *client, int32_t xid, zk_zxid zxid);
void reply_end(struct core_client *client, enum zk_err err);

/* The reply that was begun is about to get MORE bytes; worth saying where they may be many. */
void reply_room(struct core_client *client, size_t more);

/* A reply that is only a header. */
void reply_header(struct core_client *client, int32_t xid, zk_zxid zxid, enum zk_err err);

/* Appends a notification frame to B: TYPE at PATH by the change ZXID (-1: a catch-up). */
void event_encode(struct buf *b, enum event_type type, struct jute_bytes path, zk_zxid zxid);

/* Whether more is waiting for CLIENT to read than it may leave. */
bool output_is_full(const struct core_client *client);

/* Sends an encoded notification, unless CLIENT does not read what it is sent: then
 * it is closed. */
void event_send(struct core_client *client, const struct buf *event);

#endif
