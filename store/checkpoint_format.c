/* checkpoint_format: see checkpoint_format.h. The state, big-endian: u32 format,
 * i64 zxid, u64 digest, u64 row count, u32 XOR of row CRCs, u32 CRC of these. */
#include "store/checkpoint_format.h"

#include "proto/base/bytes.h"
#include "proto/base/crc32c.h"

#include <errno.h>
#include <string.h>

#define STATE_CRC_AT (CHECKPOINT_STATE_BYTES - 4)

void checkpoint_key(uint8_t key[CHECKPOINT_KEY_BYTES], const struct row *row)
{
    key[0] = (uint8_t)row->kind;
    store_be64(key + 1, row->key);
}

void checkpoint_state_key(uint8_t key[CHECKPOINT_KEY_BYTES])
{
    memset(key, 0, CHECKPOINT_KEY_BYTES);
}

uint32_t checkpoint_row_crc(const uint8_t key[CHECKPOINT_KEY_BYTES], const void *value, size_t len)
{
    return crc32c(crc32c(0, key, CHECKPOINT_KEY_BYTES), value, len);
}

void checkpoint_row_added(struct checkpoint_state *state, uint32_t crc)
{
    state->row_count++;
    state->row_xor ^= crc;
}

void checkpoint_row_removed(struct checkpoint_state *state, uint32_t crc)
{
    state->row_count--;
    state->row_xor ^= crc;
}

bool checkpoint_rows_complete(const struct checkpoint_state *found,
                              const struct checkpoint_state *written)
{
    return found->row_count == written->row_count && found->row_xor == written->row_xor;
}

void checkpoint_state_encode(uint8_t bytes[CHECKPOINT_STATE_BYTES],
                             const struct checkpoint_state *state)
{
    store_be32(bytes, CHECKPOINT_FORMAT);
    store_be64(bytes + 4, (uint64_t)state->zxid);
    store_be64(bytes + 12, state->digest);
    store_be64(bytes + 20, state->row_count);
    store_be32(bytes + 28, state->row_xor);
    store_be32(bytes + STATE_CRC_AT, crc32c(0, bytes, STATE_CRC_AT));
}

int checkpoint_state_decode(const void *bytes, size_t len, struct checkpoint_state *ret)
{
    const uint8_t *p = bytes;

    if (len != CHECKPOINT_STATE_BYTES || load_be32(p + STATE_CRC_AT) != crc32c(0, p, STATE_CRC_AT))
        return -EBADMSG;
    if (load_be32(p) != CHECKPOINT_FORMAT)
        return -EPROTO;
    *ret = (struct checkpoint_state){
        .zxid = (zk_zxid)load_be64(p + 4),
        .digest = load_be64(p + 12),
        .row_count = load_be64(p + 20),
        .row_xor = load_be32(p + 28),
    };
    return 0;
}
