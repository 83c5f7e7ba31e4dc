/* meta: see meta.h. The file, all integers big-endian:
 *
 *     0  "ZKFSMETA"
 *     8  u32 format, as META_FORMAT
 *    12  u32 CRC32C of everything from byte 16 to the end of the file
 *    16  u32 acceptedEpoch     20  u32 currentEpoch
 *    24  u64 generation        32  u64 log run
 *    40  i64 log first         48  u8  no-vote
 *    49  committed configuration, then last-seen: u32 length, text
 *     .  u8  provisional (absent: not) */
#include "store/meta.h"

#include "proto/base/assert.h"
#include "proto/base/bytes.h"
#include "proto/base/crc32c.h"
#include "proto/base/mem.h"
#include "proto/jute.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "ZKFSMETA"
#define MAGIC_BYTES 8
#define CRC_AT 12
#define BODY_AT 16

/* Longer is not ours: what is read into memory has a bound. */
#define FILE_MAX (BODY_AT + 64 + 2 * META_CONFIG_MAX)

void meta_done(struct meta *meta)
{
    buf_done(&meta->committed_config);
    buf_done(&meta->last_seen_config);
}

static void put_text(struct buf *b, const struct buf *text)
{
    ASSERT(text->len <= META_CONFIG_MAX);
    put_i32(b, (int32_t)text->len);
    buf_append(b, text->data, text->len);
}

void meta_encode(struct buf *b, const struct meta *meta)
{
    size_t start = b->len;

    buf_append(b, MAGIC, MAGIC_BYTES);
    put_i32(b, META_FORMAT);
    put_i32(b, 0);
    put_i32(b, (int32_t)meta->accepted_epoch);
    put_i32(b, (int32_t)meta->current_epoch);
    put_i64(b, (int64_t)meta->generation);
    put_i64(b, (int64_t)meta->log_run);
    put_i64(b, meta->log_first);
    put_boolean(b, meta->no_vote);
    put_text(b, &meta->committed_config);
    put_text(b, &meta->last_seen_config);
    put_boolean(b, meta->provisional);
    store_be32(b->data + start + CRC_AT,
               crc32c(0, b->data + start + BODY_AT, b->len - start - BODY_AT));
}

static int damaged(const char *path, struct errtext *why)
{
    return errtext_set(why, -EBADMSG,
                       "%s is damaged (its checksum does not match); restore the data directory "
                       "from a copy",
                       path);
}

int meta_decode(const void *data, size_t len, const char *path, struct meta *ret,
                struct errtext *why)
{
    const uint8_t *p = data;
    struct jute_reader r;
    struct jute_bytes committed, last_seen;
    struct meta meta = {0};
    int32_t i;
    int64_t l;

    if (len < BODY_AT || memcmp(p, MAGIC, MAGIC_BYTES) != 0)
        return damaged(path, why);
    if (load_be32(p + MAGIC_BYTES) != META_FORMAT)
        return errtext_set(why, -EPROTO,
                           "%s: format %u is not one that this zkfsd knows (it knows %d); run the "
                           "zkfsd that wrote it",
                           path, load_be32(p + MAGIC_BYTES), META_FORMAT);
    if (load_be32(p + CRC_AT) != crc32c(0, p + BODY_AT, len - BODY_AT))
        return damaged(path, why);

    r = jute_reader(p + BODY_AT, len - BODY_AT, NULL);
    get_i32(&r, &i);
    meta.accepted_epoch = (zk_epoch)i;
    get_i32(&r, &i);
    meta.current_epoch = (zk_epoch)i;
    get_i64(&r, &l);
    meta.generation = (uint64_t)l;
    get_i64(&r, &l);
    meta.log_run = (uint64_t)l;
    get_i64(&r, &meta.log_first);
    get_boolean(&r, &meta.no_vote);
    get_buffer(&r, &committed);
    get_buffer(&r, &last_seen);
    if (jute_left(&r) > 0)
        get_boolean(&r, &meta.provisional);
    if (r.bad || jute_left(&r) != 0 || meta.log_first <= 0 ||
        jute_size(committed) > META_CONFIG_MAX || jute_size(last_seen) > META_CONFIG_MAX)
        return damaged(path, why);
    buf_append(&meta.committed_config, committed.data, jute_size(committed));
    buf_append(&meta.last_seen_config, last_seen.data, jute_size(last_seen));
    *ret = meta;
    return 0;
}

int meta_read(struct disk *disk, const char *dir, struct meta *ret, struct errtext *why)
{
    char *path = xasprintf("%s/meta", dir);
    struct disk_file *file = NULL;
    uint8_t *data = NULL;
    uint64_t size = 0;
    ssize_t got = 0;
    int rc = disk_open(disk, path, DISK_OPEN_READ, &file);

    if (rc == 0)
        rc = disk_size(file, &size);
    if (rc == 0 && size > FILE_MAX) {
        rc = damaged(path, why);
        goto out;
    }
    if (rc == 0) {
        data = xmalloc(size + 1);
        got = disk_pread(file, data, size, 0);
        rc = got < 0 ? (int)got : 0;
    }
    if (rc < 0) {
        errtext_set(why, rc, "cannot read %s: %s", path, strerror(-rc));
        goto out;
    }
    rc = meta_decode(data, (size_t)got, path, ret, why);
out:
    disk_close(file);
    free(data);
    free(path);
    return rc;
}

int meta_replace(struct disk *disk, const char *dir, const void *data, size_t len,
                 struct errtext *why)
{
    char *path = xasprintf("%s/meta", dir);
    char *tmp = xasprintf("%s/meta.tmp", dir);
    struct disk_file *file = NULL;
    /* A leftover may be longer than what we write: make it anew. */
    int rc = disk_unlink(disk, tmp);

    if (rc == -ENOENT)
        rc = 0;
    if (rc == 0)
        rc = disk_open(disk, tmp, DISK_OPEN_CREATE, &file);
    if (rc == 0)
        rc = disk_pwrite(file, data, len, 0);
    if (rc == 0)
        rc = disk_sync(file);
    if (rc == 0)
        rc = disk_rename(disk, tmp, path);
    /* The rename alone is not durable. */
    if (rc == 0)
        rc = disk_sync_dir(disk, dir);
    if (rc < 0)
        errtext_set(why, rc, "cannot replace %s: %s", path, strerror(-rc));
    disk_close(file);
    free(tmp);
    free(path);
    return rc;
}
