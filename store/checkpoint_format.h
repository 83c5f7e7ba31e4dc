/* checkpoint_format: how rows and the state lie in a checkpoint of either kind. A
 * row's key is its kind (1 byte) and key (8, big-endian), so that the order of
 * bytes is the order of loading; its value is followed by a CRC32C of key and
 * value. The state lies under a key before all others. Any thread. */
#ifndef ZKFS_STORE_CHECKPOINT_FORMAT_H
#define ZKFS_STORE_CHECKPOINT_FORMAT_H

#include "store/checkpoint.h"
#include "store/row.h"

#include <stdbool.h>

/* Of checkpoints; 2: rows of znodes leave out what most of them do not have. */
#define CHECKPOINT_FORMAT 2

#define CHECKPOINT_KEY_BYTES 9
#define CHECKPOINT_CRC_BYTES 4
#define CHECKPOINT_STATE_BYTES 36

void checkpoint_key(uint8_t key[CHECKPOINT_KEY_BYTES], const struct row *row);
void checkpoint_state_key(uint8_t key[CHECKPOINT_KEY_BYTES]);

uint32_t checkpoint_row_crc(const uint8_t key[CHECKPOINT_KEY_BYTES], const void *value, size_t len);

/* The sums of a checkpoint's rows, kept in its state. CRC is that of the row that comes; of
 * the one that goes. */
void checkpoint_row_added(struct checkpoint_state *state, uint32_t crc);
void checkpoint_row_removed(struct checkpoint_state *state, uint32_t crc);

/* Are the rows that were found, summed up in FOUND, those that were written? */
bool checkpoint_rows_complete(const struct checkpoint_state *found,
                              const struct checkpoint_state *written);

void checkpoint_state_encode(uint8_t bytes[CHECKPOINT_STATE_BYTES],
                             const struct checkpoint_state *state);

/* 0; -EBADMSG: damaged; -EPROTO: of another format. */
int checkpoint_state_decode(const void *bytes, size_t len, struct checkpoint_state *ret);

#endif
