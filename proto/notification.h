/* notification: votes as they travel on an election connection, in all the forms that servers
 * since 3.3 have sent [FastLeaderElection.WorkerReceiver]. A payload is what the 4-byte length in
 * front of it counts. Any thread. */
#ifndef ZKFS_PROTO_NOTIFICATION_H
#define ZKFS_PROTO_NOTIFICATION_H

#include "proto/records.h"

/* The form that we send. */
#define NOTIFICATION_VERSION 2

/* Longest payload; more is a corrupt length. */
#define NOTIFICATION_BYTES_MAX 524288

/* Decodes the LEN bytes of a payload; *RET borrows them. By length: 28 (3.3: no peer epoch, that
 * of the zxid counts), 36 or 40 (3.4: version 0, no configuration), else the present form. False:
 * malformed, or a state that does not exist; drop the message and nothing else (ZOOKEEPER-3769). */
bool notification_decode(const void *data, size_t len, struct zk_notification *ret);

/* The longest hello and its address. */
#define ELECTION_ADDRESS_MAX 2048

#endif
