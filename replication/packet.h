/* packet: quorum packets between bytes and struct peer_msg. Packets stand back to
 * back on the connection with no length in front, so a reader finds the end of one
 * by its fields; every length is checked against its limit before anything is kept.
 * Thread: the loop. */
#ifndef ZKFS_REPLICATION_PACKET_H
#define ZKFS_REPLICATION_PACKET_H

#include "proto/base/buf.h"
#include "replication/peer_msg.h"

#include <stddef.h>

/* Data of one packet: jute.maxbuffer and the MiB extra that peers are given. */
#define PACKET_DATA_MAX (2 * 1024 * 1024)
/* Identities of a forwarded request, and their bytes. */
#define PACKET_IDS_MAX 1024
#define PACKET_AUTH_BYTES_MAX (256 * 1024)

/* Decodes the packet at the start of LEN bytes. Returns how many bytes it takes and
 * fills *RET (ended with peer_msg_done); 0: it is not all there yet, *RET is
 * untouched; -EBADMSG: this can never become a packet that we know what to do with
 * (a length out of bounds, data that is not what the type says): close.
 * A type that does not exist comes out as itself, without data: receivers ignore it. */
int packet_decode(const void *bytes, size_t len, struct peer_msg *ret);

/* Appends the bytes of MSG. */
void packet_encode(struct buf *b, const struct peer_msg *msg);

/* Appends MSG for a person: "PROPOSAL 0x100000001 32 bytes". */
void packet_print(struct buf *b, const struct peer_msg *msg);

#endif
