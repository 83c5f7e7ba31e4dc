/* mem_checkpoint: see mem_checkpoint.h. The file: the state, then each row as
 * row_put writes it, followed by its CRC. */
#include "tests/support/mem_checkpoint.h"

#include "proto/base/assert.h"
#include "proto/base/bytes.h"
#include "proto/base/mem.h"
#include "store/checkpoint_format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct mem_row {
    uint8_t key[CHECKPOINT_KEY_BYTES];
    uint8_t *value;
    size_t len;
};

struct mem_checkpoint {
    struct checkpoint base;
    struct disk *disk;
    char *dir;
    struct mem_row *rows; /* sorted */
    size_t count, cap;
    struct checkpoint_state state;
};

static struct mem_checkpoint *mem_of(struct checkpoint *checkpoint)
{
    return (struct mem_checkpoint *)checkpoint;
}

static char *path_of(const struct mem_checkpoint *c, const char *name)
{
    return xasprintf("%s/%s", c->dir, name);
}

/* The place of KEY, or where it belongs. */
static size_t row_find(const struct mem_checkpoint *c, const uint8_t *key, bool *ret_found)
{
    size_t low = 0, high = c->count;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (memcmp(c->rows[mid].key, key, CHECKPOINT_KEY_BYTES) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *ret_found = low < c->count && memcmp(c->rows[low].key, key, CHECKPOINT_KEY_BYTES) == 0;
    return low;
}

static uint32_t crc_of(const struct mem_row *row)
{
    return checkpoint_row_crc(row->key, row->value, row->len);
}

static void row_set(struct mem_checkpoint *c, const struct row *row)
{
    uint8_t key[CHECKPOINT_KEY_BYTES];
    bool found;
    size_t i;

    checkpoint_key(key, row);
    i = row_find(c, key, &found);
    if (found) {
        checkpoint_row_removed(&c->state, crc_of(&c->rows[i]));
        free(c->rows[i].value);
        c->count--;
        memmove(c->rows + i, c->rows + i + 1, (c->count - i) * sizeof *c->rows);
    }
    if (row->value.len < 0)
        return;
    if (c->count == c->cap) {
        c->cap = c->cap == 0 ? 64 : 2 * c->cap;
        c->rows = xrealloc(c->rows, c->cap * sizeof *c->rows);
    }
    memmove(c->rows + i + 1, c->rows + i, (c->count - i) * sizeof *c->rows);
    c->count++;
    memcpy(c->rows[i].key, key, sizeof key);
    c->rows[i].len = jute_size(row->value);
    c->rows[i].value = xmalloc(c->rows[i].len + 1);
    memcpy(c->rows[i].value, row->value.data, c->rows[i].len);
    checkpoint_row_added(&c->state, crc_of(&c->rows[i]));
}

static void rows_done(struct mem_checkpoint *c)
{
    while (c->count > 0)
        free(c->rows[--c->count].value);
    c->state = (struct checkpoint_state){0};
}

static void put_stored(struct buf *b, const struct mem_row *row, bool with_crc)
{
    buf_append(b, row->key, sizeof row->key);
    store_be32(buf_extend(b, 4), (uint32_t)row->len);
    buf_append(b, row->value, row->len);
    if (with_crc)
        store_be32(buf_extend(b, 4), crc_of(row));
}

/* ---- the file ---- */

static int read_file(struct mem_checkpoint *c, struct buf *ret)
{
    char *path = path_of(c, "rows");
    struct disk_file *file;
    uint64_t size = 0;
    ssize_t got = 0;
    int rc = disk_open(c->disk, path, DISK_OPEN_READ, &file);

    free(path);
    if (rc < 0)
        return rc;
    rc = disk_size(file, &size);
    if (rc == 0) {
        got = disk_pread(file, buf_extend(ret, size + 1), size, 0);
        rc = got < 0 ? (int)got : 0;
    }
    ret->len = rc == 0 ? (size_t)got : 0;
    disk_close(file);
    return rc;
}

static bool parse_rows(struct mem_checkpoint *c, struct jute_reader *r)
{
    while (jute_left(r) > 0) {
        const uint8_t *key = r->p, *crc;
        struct row row;

        if (!row_get(r, &row) || (crc = jute_take(r, 4)) == NULL ||
            load_be32(crc) != checkpoint_row_crc(key, row.value.data, jute_size(row.value)))
            return false;
        row_set(c, &row);
    }
    return true;
}

static int parse_file(struct mem_checkpoint *c, const struct buf *file)
{
    struct jute_reader r = jute_reader(file->data, file->len, NULL);
    const uint8_t *bytes = jute_take(&r, CHECKPOINT_STATE_BYTES);
    struct checkpoint_state state;

    if (bytes == NULL || checkpoint_state_decode(bytes, CHECKPOINT_STATE_BYTES, &state) < 0)
        return -EBADMSG;
    rows_done(c);
    if (!parse_rows(c, &r) || !checkpoint_rows_complete(&c->state, &state))
        return -EBADMSG;
    c->state = state;
    return 0;
}

static int write_file(struct mem_checkpoint *c, uint64_t *ret_bytes)
{
    char *tmp = path_of(c, "rows.tmp"), *path = path_of(c, "rows");
    struct buf b = {0};
    struct disk_file *file = NULL;
    int rc;

    checkpoint_state_encode(buf_extend(&b, CHECKPOINT_STATE_BYTES), &c->state);
    for (size_t i = 0; i < c->count; i++)
        put_stored(&b, &c->rows[i], true);
    (void)disk_unlink(c->disk, tmp); /* a leftover may be longer */
    rc = disk_open(c->disk, tmp, DISK_OPEN_CREATE, &file);
    if (rc == 0)
        rc = disk_pwrite(file, b.data, b.len, 0);
    if (rc == 0)
        rc = disk_sync(file);
    if (rc == 0)
        rc = disk_rename(c->disk, tmp, path);
    if (rc == 0)
        rc = disk_sync_dir(c->disk, c->dir);
    disk_close(file);
    *ret_bytes = b.len;
    buf_done(&b);
    free(path);
    free(tmp);
    return rc;
}

/* ---- the interface ---- */

static int mem_open(struct disk *disk, const char *dir, struct checkpoint **ret,
                    struct errtext *why)
{
    struct mem_checkpoint *c;
    int rc = disk_mkdir_path(disk, dir);

    if (rc < 0)
        return errtext_set(why, rc, "cannot make %s: %s", dir, strerror(-rc));
    c = xcalloc(1, sizeof *c);
    c->base.ops = &mem_checkpoint;
    c->disk = disk;
    c->dir = xstrdup(dir);
    *ret = &c->base;
    return 0;
}

static void mem_close(struct checkpoint *checkpoint)
{
    struct mem_checkpoint *c = mem_of(checkpoint);

    rows_done(c);
    free(c->rows);
    free(c->dir);
    free(c);
}

/* The map as of the last commit. */
static int reload(struct mem_checkpoint *c, uint64_t *ret_bytes)
{
    struct buf file = {0};
    int rc = read_file(c, &file);

    *ret_bytes = file.len;
    if (rc == 0)
        rc = parse_file(c, &file);
    else
        rows_done(c);
    buf_done(&file);
    return rc;
}

static int mem_load(struct checkpoint *checkpoint, checkpoint_rows_cb rows, void *arg,
                    struct checkpoint_state *ret, struct errtext *why)
{
    struct mem_checkpoint *c = mem_of(checkpoint);
    struct buf b = {0};
    uint64_t bytes;
    int rc = reload(c, &bytes);

    if (rc < 0)
        return errtext_set(why, rc, "%s/rows: %s", c->dir, strerror(-rc));
    for (size_t i = 0; i < c->count; i++)
        put_stored(&b, &c->rows[i], false);
    rc = rows(arg, b.data, b.len, why);
    buf_done(&b);
    *ret = c->state;
    ret->disk_bytes = bytes;
    return rc;
}

static int mem_begin(struct checkpoint *checkpoint, struct errtext *why)
{
    uint64_t bytes;
    int rc = reload(mem_of(checkpoint), &bytes);

    if (rc == -ENOENT)
        return 0;
    return rc < 0 ? errtext_set(why, rc, "%s", strerror(-rc)) : 0;
}

static int mem_put(struct checkpoint *checkpoint, const uint8_t *rows, size_t len,
                   struct errtext *why)
{
    struct jute_reader r = jute_reader(rows, len, NULL);

    (void)why;
    while (jute_left(&r) > 0) {
        struct row row;
        bool is_row = row_get(&r, &row);

        ASSERT(is_row);
        row_set(mem_of(checkpoint), &row);
    }
    return 0;
}

static int mem_commit(struct checkpoint *checkpoint, zk_zxid zxid, uint64_t digest,
                      uint64_t *ret_bytes, struct errtext *why)
{
    struct mem_checkpoint *c = mem_of(checkpoint);
    int rc;

    c->state.zxid = zxid;
    c->state.digest = digest;
    rc = write_file(c, ret_bytes);
    return rc < 0 ? errtext_set(why, rc, "%s: %s", c->dir, strerror(-rc)) : 0;
}

static void mem_abort(struct checkpoint *checkpoint)
{
    (void)checkpoint; /* begin reads the map again */
}

static int mem_remove(struct disk *disk, const char *dir, struct errtext *why)
{
    char *path = xasprintf("%s/rows", dir);
    int rc;

    (void)disk_unlink(disk, path); /* rmdir tells */
    free(path);
    rc = disk_rmdir(disk, dir);
    return rc < 0 ? errtext_set(why, rc, "%s: %s", dir, strerror(-rc)) : 0;
}

const struct checkpoint_ops mem_checkpoint = {
    .open = mem_open,
    .close = mem_close,
    .load = mem_load,
    .begin = mem_begin,
    .put = mem_put,
    .commit = mem_commit,
    .abort = mem_abort,
    .remove = mem_remove,
};
