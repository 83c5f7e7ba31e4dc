/* client_conn: one TCP connection to one server: bytes out, frames in. The only
 * file that reads and writes a client's sockets. Thread: the loop. */
#ifndef ZKFS_FS_CLIENT_CONN_H
#define ZKFS_FS_CLIENT_CONN_H

#include "proto/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct conn;

/* Of a frame longer than allowed only so much is kept, enough for a reply header. */
#define CONN_CUT_BYTES 16

struct conn_frame {
    const uint8_t *data; /* the payload, borrowed for the callback */
    size_t len;
    size_t total; /* what the peer sent: more than LEN for one that is cut */
};

/* All come from the loop, never from inside a call of this file. */
struct conn_callbacks {
    void (*up)(void *arg);
    void (*frame)(void *arg, const struct conn_frame *frame);
    /* All that was flushed is in the kernel's hands. */
    void (*drained)(void *arg);
    /* Could not be made, or broke; CAUSE is a constant. conn_close() is still due. */
    void (*down)(void *arg, const char *cause);
    /* The last one: after conn_close(), memory and handle are gone. */
    void (*closed)(void *arg);
};

/* Dials ADDRESS. CALLBACKS must outlive the connection. Gives *RET_CONN, to be ended with
 * conn_close(). Errors: libuv's code; `closed` comes later all the same. */
int conn_open(uv_loop_t *loop, const struct sockaddr *address, size_t frame_max,
              const struct conn_callbacks *callbacks, void *arg, struct conn **ret_conn);

/* From now on longer frames are cut; the current one included. */
void conn_set_frame_max(struct conn *conn, size_t frame_max);

/* Where bytes for the peer are appended, to be sent by conn_flush(). */
struct buf *conn_out(struct conn *conn);

/* Starts to write what was appended, unless an earlier flush is still going on: then it
 * follows that one. */
void conn_flush(struct conn *conn);
bool conn_is_flushing(const struct conn *conn);

/* When bytes last came in, by the loop's clock; at first when it was dialled. A long frame on a
 * slow line is a sign of life before it is complete. */
uint64_t conn_heard_ms(const struct conn *conn);

/* Ends it; no callback but `closed` follows. */
void conn_close(struct conn *conn);

#endif
