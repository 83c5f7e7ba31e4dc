/* digest: see digest.h. */
#include "store/digest.h"

#include "proto/base/bytes.h"

#include <string.h>
#include <zlib.h>

#define STAT_BYTES 60
#define TOGETHER_MAX 256

bool digest_counts(struct jute_bytes path)
{
    static const char uncounted[] = "/zookeeper/";
    const size_t len = sizeof uncounted - 1;

    return jute_size(path) < len || memcmp(path.data, uncounted, len) != 0;
}

static uint32_t crc_more(uint32_t crc, struct jute_bytes bytes)
{
    /* zlib takes a NULL pointer for a question. */
    return bytes.len <= 0 ? crc : (uint32_t)crc32(crc, bytes.data, (uInt)bytes.len);
}

/* zlib takes about as long for 60 bytes as for 200, so what is short goes in one
 * call. */
static uint32_t crc_of_both(struct jute_bytes a, struct jute_bytes b)
{
    uint8_t bytes[TOGETHER_MAX];
    size_t a_size = jute_size(a), b_size = jute_size(b);

    if (a_size + b_size > sizeof bytes)
        return crc_more(crc_more(0, a), b);
    if (a_size > 0)
        memcpy(bytes, a.data, a_size);
    if (b_size > 0)
        memcpy(bytes + a_size, b.data, b_size);
    return (uint32_t)crc32(0, bytes, (uInt)(a_size + b_size));
}

uint32_t digest_prefix(struct jute_bytes path, struct jute_bytes data)
{
    bool is_root = path.len == 1 && path.data[0] == '/';

    return is_root ? crc_more(0, data) : crc_of_both(path, data);
}

/* The order is not that of StatPersisted: pzxid comes third. */
uint32_t digest_znode(uint32_t prefix, const struct zk_stat_persisted *stat)
{
    uint8_t bytes[STAT_BYTES];

    store_be64(bytes, (uint64_t)stat->czxid);
    store_be64(bytes + 8, (uint64_t)stat->mzxid);
    store_be64(bytes + 16, (uint64_t)stat->pzxid);
    store_be64(bytes + 24, (uint64_t)stat->ctime);
    store_be64(bytes + 32, (uint64_t)stat->mtime);
    store_be32(bytes + 40, (uint32_t)stat->version);
    store_be32(bytes + 44, (uint32_t)stat->cversion);
    store_be32(bytes + 48, (uint32_t)stat->aversion);
    store_be64(bytes + 52, (uint64_t)stat->ephemeral_owner);
    return (uint32_t)crc32(prefix, bytes, STAT_BYTES);
}
