/* session_id: ids and passwords of sessions, as every Apache server makes them,
 * so that sessions move between its servers and ours. Pure functions. */
#ifndef ZKFS_SERVER_CORE_SESSION_ID_H
#define ZKFS_SERVER_CORE_SESSION_ID_H

#include "proto/jute.h"
#include "proto/types.h"

#include <stdbool.h>
#include <stdint.h>

/* Where server SID (its myid; 1 when standalone) begins to count at a start at
 * CLOCK_MS. Apache takes its monotonic clock; any clock does that is later at
 * the next start, and wall time survives a reboot [SessionTrackerImpl]. But it can be set
 * back: SALT, other at each start, keeps two starts in one millisecond apart. */
int64_t session_id_first(int64_t clock_ms, uint16_t salt, uint8_t sid);

/* The id after ID: never 0, which means none, nor what marks a container. */
int64_t session_id_next(int64_t id);

/* The password that belongs to ID. It is no secret: whoever knows the id knows it
 * [SessionTrackerImpl, ZooKeeperServer.generatePasswd]. */
void session_password(int64_t id, uint8_t ret[SESSION_PASSWORD_BYTES]);

/* Whether GIVEN, as it came in, is the password of ID. */
bool session_password_ok(int64_t id, struct jute_bytes given);

#endif
