/* Fuzzer of meta, the one root of a server's files. The first byte says whether head and checksum
 * are put right, so that what lies behind them is reached; what is read, written and read again is
 * the same. */
#include "proto/base/assert.h"
#include "proto/base/bytes.h"
#include "proto/base/crc32c.h"
#include "store/meta.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* See the head of meta.c. */
enum { FORMAT_AT = 8, CRC_AT = 12, BODY_AT = 16 };

static void seal(uint8_t *file, size_t len)
{
    memcpy(file, "ZKFSMETA", FORMAT_AT);
    store_be32(file + FORMAT_AT, META_FORMAT);
    store_be32(file + CRC_AT, crc32c(0, file + BODY_AT, len - BODY_AT));
}

/* A boolean of 2 becomes 1, what is absent is written as false: after that nothing may change. */
static void encode_again(const struct meta *meta)
{
    struct buf first = {0}, second = {0};
    struct meta again = {0};
    struct errtext why;

    meta_encode(&first, meta);
    ASSERT(meta_decode(first.data, first.len, "meta", &again, &why) == 0);
    meta_encode(&second, &again);
    ASSERT(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    meta_done(&again);
    buf_done(&first);
    buf_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct errtext why = {.text = ""};
    struct meta meta = {0};
    struct buf file = {0};
    int rc;

    if (size == 0)
        return 0;
    buf_append(&file, data + 1, size - 1);
    if (data[0] % 2 != 0 && file.len >= BODY_AT)
        seal(file.data, file.len);
    rc = meta_decode(file.data, file.len, "meta", &meta, &why);
    ASSERT(rc == 0 || rc == -EBADMSG || rc == -EPROTO);
    if (rc == 0)
        encode_again(&meta);
    else
        ASSERT(strstr(why.text, "meta") != NULL);
    meta_done(&meta);
    buf_done(&file);
    return 0;
}
