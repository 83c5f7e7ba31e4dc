/* segment: see segment.h, which draws the format. */
#include "store/segment.h"

#include "proto/base/assert.h"
#include "proto/base/bytes.h"
#include "proto/base/crc32c.h"
#include "proto/base/hash.h"
#include "proto/base/mem.h"
#include "store/meta.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT_MAGIC "ZKFSLOG\n"
#define SEGMENT_MAGIC_BYTES 8
#define BATCH_MAGIC 0x5a4b4254u
#define HEADER_BYTES 64
#define WINDOW_BYTES (256 * 1024)

uint64_t segment_id(uint64_t run, uint64_t number)
{
    return hash_u64(run + hash_u64(number + 1));
}

/* ---- names ---- */

void segment_name(char name[SEGMENT_NAME_BYTES], zk_zxid first)
{
    (void)snprintf(name, SEGMENT_NAME_BYTES, "%016" PRIx64 ".log", (uint64_t)first);
}

bool segment_parse_name(const char *name, zk_zxid *ret_first)
{
    char again[SEGMENT_NAME_BYTES];
    uint64_t first;

    if (strlen(name) != SEGMENT_NAME_BYTES - 1)
        return false;
    /* What strtoull accepts beyond our form shows when it is printed again. */
    first = strtoull(name, NULL, 16);
    segment_name(again, (zk_zxid)first);
    if (strcmp(name, again) != 0 || first == 0 || first > INT64_MAX)
        return false;
    *ret_first = (zk_zxid)first;
    return true;
}

/* ---- headers ---- */

void segment_header_encode(uint8_t page[DISK_PAGE], const struct segment_header *header)
{
    memset(page, 0, DISK_PAGE);
    memcpy(page, SEGMENT_MAGIC, SEGMENT_MAGIC_BYTES);
    store_be32(page + 8, META_FORMAT);
    store_be64(page + 16, header->run);
    store_be64(page + 24, header->number);
    store_be64(page + 32, header->first_seq);
    store_be64(page + 40, (uint64_t)header->first);
    store_be64(page + 48, header->bytes);
    store_be32(page + 12, crc32c(0, page + 16, HEADER_BYTES - 16));
}

int segment_header_decode(const uint8_t page[DISK_PAGE], struct segment_header *ret)
{
    if (memcmp(page, SEGMENT_MAGIC, SEGMENT_MAGIC_BYTES) != 0)
        return -EBADMSG;
    if (load_be32(page + 8) != META_FORMAT)
        return -EPROTO;
    if (load_be32(page + 12) != crc32c(0, page + 16, HEADER_BYTES - 16))
        return -EBADMSG;
    *ret = (struct segment_header){
        .run = load_be64(page + 16),
        .number = load_be64(page + 24),
        .first_seq = load_be64(page + 32),
        .first = (zk_zxid)load_be64(page + 40),
        .bytes = load_be64(page + 48),
    };
    return 0;
}

static uint32_t batch_crc(const uint8_t *batch, size_t len)
{
    return crc32c(0, batch + 8, BATCH_HEADER_BYTES - 8 + len);
}

void batch_seal(uint8_t *batch, uint64_t id, const struct batch_header *header)
{
    ASSERT(header->count > 0);
    ASSERT(header->first <= header->last);
    store_be32(batch, BATCH_MAGIC);
    store_be64(batch + 8, id);
    store_be64(batch + 16, header->seq);
    store_be32(batch + 24, header->len);
    store_be32(batch + 28, header->count);
    store_be64(batch + 32, (uint64_t)header->first);
    store_be64(batch + 40, (uint64_t)header->last);
    store_be64(batch + 48, (uint64_t)header->committed);
    store_be64(batch + 56, 0);
    store_be32(batch + 4, batch_crc(batch, header->len));
}

bool batch_peek(const uint8_t *batch, uint64_t id, size_t max, struct batch_header *ret)
{
    uint32_t len = load_be32(batch + 24);

    if (load_be32(batch) != BATCH_MAGIC || load_be64(batch + 8) != id || batch_bytes(len) > max)
        return false;
    *ret = (struct batch_header){
        .seq = load_be64(batch + 16),
        .len = len,
        .count = load_be32(batch + 28),
        .first = (zk_zxid)load_be64(batch + 32),
        .last = (zk_zxid)load_be64(batch + 40),
        .committed = (zk_zxid)load_be64(batch + 48),
    };
    return true;
}

bool batch_verify(const uint8_t *batch, const struct batch_header *header)
{
    return load_be32(batch + 4) == batch_crc(batch, header->len);
}

bool segment_page_used(const uint8_t page[DISK_PAGE])
{
    return page[0] != 0 || memcmp(page, page + 1, DISK_PAGE - 1) != 0;
}

/* ---- reader ---- */

void segment_reader_init(struct segment_reader *reader, struct disk_file *file, uint64_t bytes)
{
    *reader = (struct segment_reader){.file = file, .bytes = bytes};
}

void segment_reader_done(struct segment_reader *reader)
{
    free(reader->window);
}

int segment_reader_at(struct segment_reader *reader, uint64_t offset, size_t len,
                      const uint8_t **ret_data)
{
    size_t want = len > WINDOW_BYTES ? len : WINDOW_BYTES;
    ssize_t got;

    ASSERT(offset <= reader->bytes && len <= reader->bytes - offset);
    if (offset >= reader->start && offset + len <= reader->start + reader->len) {
        *ret_data = reader->window + (offset - reader->start);
        return 0;
    }
    if (want > reader->bytes - offset)
        want = reader->bytes - offset;
    if (want > reader->cap) {
        free(reader->window);
        reader->window = xmalloc(want);
        reader->cap = want;
    }
    reader->len = 0;
    got = disk_pread(reader->file, reader->window, want, offset);
    if (got < 0)
        return (int)got;
    reader->start = offset;
    reader->len = (size_t)got;
    if (reader->len < len)
        return -EIO;
    *ret_data = reader->window;
    return 0;
}
