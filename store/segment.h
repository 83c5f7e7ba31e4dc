/* segment: the byte format of one file of the transaction log. Pure but for the
 * reader, which reads. All integers big-endian.
 *
 *     page 0    the header, the rest of the page is zero
 *         0  "ZKFSLOG\n"      8  u32 format (META_FORMAT)
 *        12  u32 CRC32C of bytes 16..63
 *        16  u64 run          24  u64 number (0, 1, 2 ... within the run)
 *        32  u64 sequence of the first batch
 *        40  i64 first zxid (the file's name)    48  u64 bytes of the file
 *        56  u64 0
 *     page 1..  batches without a gap, each from a page boundary on
 *         0  u32 "ZKBT"        4  u32 CRC32C of bytes 8..63 and the payload
 *         8  u64 segment id   16  u64 sequence (1, 2, 3 ... within the run)
 *        24  u32 payload bytes 28 u32 number of txns
 *        32  i64 first zxid   40  i64 last zxid
 *        48  i64 highest zxid known committed         56  u64 0
 *        64  payload: per txn u32 length, then the bytes that travel in a
 *            PROPOSAL; then zeros to the end of the page
 *     then zeros to the end of the file, which was written in full beforehand
 *
 * Why batches are padded to pages: a page that holds an acknowledged batch is
 * never written again (but at a start, with the same bytes: txnlog_open.c). Kernels and devices
 * write (and remap, and lose) whole pages; appending within one would bet every acknowledged txn in
 * it on the device's keeping the old half of a torn write. The price is space for lone small txns,
 * which grouping lowers under load; a whole page is also the fastest thing to write, as nothing has
 * to be read first.
 *
 * The segment id is a hash of run and number, and the run is random: so bytes of
 * another segment or run, or znode data that looks like a batch, never count. */
#ifndef ZKFS_STORE_SEGMENT_H
#define ZKFS_STORE_SEGMENT_H

#include "proto/base/errtext.h"
#include "proto/types.h"
#include "store/disk.h"

#include <stdbool.h>

#define SEGMENT_NAME_BYTES 21 /* "0123456789abcdef.log" */
#define BATCH_HEADER_BYTES 64
#define BATCH_TXN_OVERHEAD 4

struct segment_header {
    uint64_t run, number, first_seq;
    zk_zxid first;
    uint64_t bytes;
};

struct batch_header {
    uint64_t seq;
    uint32_t len, count; /* payload bytes; txns */
    zk_zxid first, last, committed;
};

uint64_t segment_id(uint64_t run, uint64_t number);

/* The name of a segment whose first zxid is FIRST. */
void segment_name(char name[SEGMENT_NAME_BYTES], zk_zxid first);

/* False: NAME is not a segment's. */
bool segment_parse_name(const char *name, zk_zxid *ret_first);

/* Fills a page. */
void segment_header_encode(uint8_t page[DISK_PAGE], const struct segment_header *header);

/* 0; -EBADMSG: damaged; -EPROTO: of another format. */
int segment_header_decode(const uint8_t page[DISK_PAGE], struct segment_header *ret);

/* What a batch with LEN bytes of payload takes on disk. */
static inline size_t batch_bytes(size_t len)
{
    return (BATCH_HEADER_BYTES + len + DISK_PAGE - 1) / DISK_PAGE * DISK_PAGE;
}

/* Writes the header in front of the payload that is in place at BATCH +
 * BATCH_HEADER_BYTES. The padding is the caller's. */
void batch_seal(uint8_t *batch, uint64_t id, const struct batch_header *header);

/* Could the page at BATCH begin a batch of segment ID that is at most MAX bytes
 * long? Fills *RET; nothing is verified yet. */
bool batch_peek(const uint8_t *batch, uint64_t id, size_t max, struct batch_header *ret);

/* Is the whole batch (as peeked, batch_bytes long) as it was sealed? */
bool batch_verify(const uint8_t *batch, const struct batch_header *header);

/* Is any byte of the page not zero? */
bool segment_page_used(const uint8_t page[DISK_PAGE]);

/* May SECOND directly follow FIRST in a log? A later epoch starts at counter 1. */
static inline bool zxid_follows(zk_zxid first, zk_zxid second)
{
    if (second <= 0) /* epochs stay below 2^31 */
        return false;
    return second - 1 == first ||
           (zxid_epoch(second) > zxid_epoch(first) && zxid_counter(second) == 1);
}

/* Reads a file from front to back, with a window that grows to what is asked. */
struct segment_reader {
    struct disk_file *file;
    uint64_t bytes; /* of the file */
    uint8_t *window;
    size_t cap, len;
    uint64_t start;
};

void segment_reader_init(struct segment_reader *reader, struct disk_file *file, uint64_t bytes);
void segment_reader_done(struct segment_reader *reader);

/* Borrows LEN bytes at OFFSET (within the file) until the next call. Negative:
 * the -errno of reading; -EIO as well when the file is shorter than it was. */
int segment_reader_at(struct segment_reader *reader, uint64_t offset, size_t len,
                      const uint8_t **ret_data);

#endif
