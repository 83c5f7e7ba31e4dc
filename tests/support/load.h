/* load: what the load generators of tests/bench share: blocking connections to a server on
 * loopback, the handshake, frames, and giving up with a message. Any mistake of the server ends
 * the program with status 1. */
#ifndef ZKFS_TESTS_SUPPORT_LOAD_H
#define ZKFS_TESTS_SUPPORT_LOAD_H

#include "proto/base/buf.h"

#include <stddef.h>
#include <stdint.h>

#define LOAD_FRAME_HEAD 4

/* Ends the program with the message on stderr and status 1. */
_Noreturn void load_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

uint64_t load_now_ns(void);

/* A connection to PORT, from 127.0.0.1 for SOURCE 0, else from 127.1.x.y with x.y = SOURCE, so
 * that more connections fit than one address has ports. */
int load_dial(int port, uint16_t source);

/* Asks for a session of 30 s and gives its id. */
int64_t load_handshake(int fd);

/* Frames in B: begin gives where the payload starts, for end. */
size_t load_frame_begin(struct buf *b);
void load_frame_end(struct buf *b, size_t start);

/* All of LEN bytes, waiting as long as it takes. */
void load_write(int fd, const void *data, size_t len);
void load_read(int fd, void *data, size_t len);

/* A ConnectRequest for a new session, as a frame at the end of B. */
void load_put_connect(struct buf *b);

/* The whole of the next frame, without its head, into B. */
void load_read_frame(int fd, struct buf *b);

#endif
