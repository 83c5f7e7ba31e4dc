/* fs_fake: a ZooKeeper server played by a test, frame by frame, on the loop of the client
 * that it tests. Each function that waits runs the loop until what it waits for has happened, or
 * fails the test after FAKE_WAIT_MS. */
#ifndef ZKFS_TESTS_SUPPORT_FS_FAKE_H
#define ZKFS_TESTS_SUPPORT_FS_FAKE_H

#include "proto/opcodes.h"
#include "proto/records.h"
#include "proto/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define FAKE_WAIT_MS 60000

struct fake;      /* a listening port on 127.0.0.1 */
struct fake_conn; /* a connection that was made to it */

/* Runs the loop until COND(ARG) holds. */
void fake_wait(uv_loop_t *loop, bool (*cond)(void *arg), void *arg, const char *what);

/* To be ended with fake_free(), which closes its connections too. */
struct fake *fake_new(uv_loop_t *loop);
void fake_free(struct fake *fake);
uint16_t fake_port(const struct fake *fake);
/* No more connections: refused from now on. */
void fake_stop_listening(struct fake *fake);
/* Connections so far. */
size_t fake_accepted(const struct fake *fake);

/* Waits for the next connection. */
struct fake_conn *fake_accept(struct fake *fake);

/* Waits for the next frame and gives a reader of its payload, valid until the next frame. */
struct jute_reader fake_frame(struct fake_conn *conn);
/* Whether bytes have come that no fake_frame() took. */
bool fake_has_bytes(const struct fake_conn *conn);
/* Waits until the client has closed the connection. */
void fake_wait_eof(struct fake_conn *conn);

void fake_send(struct fake_conn *conn, const void *bytes, size_t len);
void fake_send_frame(struct fake_conn *conn, const struct buf *payload);
/* Reads nothing more, so that the client's bytes pile up. */
void fake_stop_reading(struct fake_conn *conn);
void fake_close(struct fake_conn *conn);

/* ---- the usual exchanges */

#define FAKE_SESSION 0x1122334455667788
#define FAKE_SESSION_TEXT "0x1122334455667788"

/* Reads the ConnectRequest and answers it with a session. */
struct zk_connect_request fake_welcome(struct fake_conn *conn, int64_t session_id,
                                       int32_t timeout_ms);
/* Reads the header of the next request and expects OP. *RET_READER, unless NULL, is at its body.
 * Returns the xid. */
int32_t fake_request(struct fake_conn *conn, enum zk_op op, struct jute_reader *ret_reader);
/* Sends a reply; BODY may be NULL. */
void fake_reply(struct fake_conn *conn, int32_t xid, zk_zxid zxid, int err, const struct buf *body);
void fake_event(struct fake_conn *conn, enum event_type type, const char *path, zk_zxid zxid);
/* Reads closeSession and answers it. */
void fake_goodbye(struct fake_conn *conn);

#endif
