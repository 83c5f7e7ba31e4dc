/* checkpoint_lmdb: the real checkpoint, one LMDB environment. An update is one
 * LMDB transaction: LMDB writes to free pages, syncs, and then switches its root.
 *
 * The environment is open only for the time of an update. Closing it drops the
 * map and all of LMDB's memory, and the pages of a whole checkpoint are not
 * counted as ours between two of them. WRITEMAP is not used: a stray pointer
 * would write into the file. */
#include "store/checkpoint_lmdb.h"

#include "proto/base/assert.h"
#include "proto/base/bytes.h"
#include "proto/base/mem.h"
#include "store/checkpoint_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Space is reserved ahead of the end of the file: an eighth of it, within these
 * limits. On a full disk, an update or two still find room there. */
#define GROW_BYTES_MAX ((off_t)16 * 1024 * 1024)
#define GROW_BYTES_MIN ((off_t)256 * 1024)

/* More than LMDB's table of readers takes. */
#define LOCK_FILE_BYTES ((off_t)16 * 1024)

/* With fewer free blocks a disk is full. */
#define FULL_DISK_BLOCKS 64

struct lmdb_checkpoint {
    struct checkpoint base;
    struct disk *disk; /* for names alone */
    char *dir;
    MDB_env *env; /* from begin to commit or abort, as are the rest */
    MDB_txn *txn;
    MDB_dbi dbi;
    struct checkpoint_state state;
    uint8_t last_key[CHECKPOINT_KEY_BYTES]; /* rows above it are appended */
};

static struct lmdb_checkpoint *lmdb_of(struct checkpoint *checkpoint)
{
    return (struct lmdb_checkpoint *)checkpoint;
}

int checkpoint_lmdb_rc(int lmdb_rc)
{
    if (lmdb_rc >= 0)
        return -lmdb_rc;
    if (lmdb_rc == MDB_MAP_FULL)
        return -ENOSPC;
    return lmdb_rc == MDB_VERSION_MISMATCH ? -EPROTO : -EBADMSG;
}

bool checkpoint_lmdb_unborn(off_t bytes)
{
    return bytes <= (off_t)(2 * sysconf(_SC_PAGESIZE));
}

/* A write(2) that the disk had room for only in part is EIO to LMDB (mdb_page_flush). It has taken
 * the last blocks: but for what others free or take right now, nothing is left. */
static bool is_short_write(struct lmdb_checkpoint *c, int lmdb_rc)
{
    struct statvfs fs;
    int fd;

    return lmdb_rc == EIO && c->env != NULL && mdb_env_get_fd(c->env, &fd) == 0 &&
           fstatvfs(fd, &fs) == 0 && fs.f_bavail < FULL_DISK_BLOCKS;
}

static int failed(struct lmdb_checkpoint *c, int lmdb_rc, const char *what, struct errtext *why)
{
    if (lmdb_rc == 0)
        return 0;
    if (is_short_write(c, lmdb_rc))
        lmdb_rc = ENOSPC;
    return errtext_set(why, checkpoint_lmdb_rc(lmdb_rc), "%s/data.mdb: cannot %s: %s", c->dir, what,
                       mdb_strerror(lmdb_rc));
}

static int lmdb_open(struct disk *disk, const char *dir, struct checkpoint **ret,
                     struct errtext *why)
{
    struct lmdb_checkpoint *c;
    int rc = disk_mkdir_path(disk, dir);

    if (rc < 0)
        return errtext_set(why, rc, "cannot make %s: %s", dir, strerror(-rc));
    c = xcalloc(1, sizeof *c);
    c->base.ops = &checkpoint_lmdb;
    c->disk = disk;
    c->dir = xstrdup(dir);
    *ret = &c->base;
    return 0;
}

static void lmdb_abort(struct checkpoint *checkpoint)
{
    struct lmdb_checkpoint *c = lmdb_of(checkpoint);

    mdb_txn_abort(c->txn);
    mdb_env_close(c->env);
    c->txn = NULL;
    c->env = NULL;
}

static void lmdb_close(struct checkpoint *checkpoint)
{
    struct lmdb_checkpoint *c = lmdb_of(checkpoint);

    lmdb_abort(checkpoint);
    free(c->dir);
    free(c);
}

static int lmdb_load(struct checkpoint *checkpoint, checkpoint_rows_cb rows, void *arg,
                     struct checkpoint_state *ret, struct errtext *why)
{
    return checkpoint_lmdb_load(lmdb_of(checkpoint)->dir, rows, arg, ret, why);
}

/* ---- an update ---- */

/* Reserves space behind the end of the file without changing its length. Where
 * that fails, what was reserved before may do; if not, the commit will tell. */
static void grow_ahead(MDB_env *env)
{
    struct stat st;
    off_t more;
    int fd;

    if (mdb_env_get_fd(env, &fd) != 0 || fstat(fd, &st) < 0)
        return;
    more = st.st_size / 8;
    if (more < GROW_BYTES_MIN)
        more = GROW_BYTES_MIN;
    if (more > GROW_BYTES_MAX)
        more = GROW_BYTES_MAX;
    (void)!fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, st.st_size + more);
}

/* LMDB maps its lock file and would make it with a hole in it: on a full disk,
 * touching that kills the process (SIGBUS). So it gets its blocks here. */
static int reserve_lock_file(const struct lmdb_checkpoint *c)
{
    char *path = xasprintf("%s/lock.mdb", c->dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    int rc = fd < 0 ? errno : posix_fallocate(fd, 0, LOCK_FILE_BYTES);

    if (fd >= 0)
        (void)close(fd); /* nothing in it matters after a crash */
    free(path);
    return rc;
}

/* What an interrupted or failed creation left is in LMDB's way: away with it. */
static int discard_unborn(const struct lmdb_checkpoint *c, bool *ret_is_new)
{
    char *path = xasprintf("%s/data.mdb", c->dir);
    struct stat st;
    int rc = 0;

    *ret_is_new = stat(path, &st) < 0 || checkpoint_lmdb_unborn(st.st_size);
    if (*ret_is_new && unlink(path) < 0 && errno != ENOENT)
        rc = errno;
    free(path);
    return rc;
}

/* LMDB does not sync the roots of a new file, nor its name; the first update must
 * not be the first to need them. */
static int settle_new(const struct lmdb_checkpoint *c)
{
    int rc = mdb_env_sync(c->env, 1);

    return rc != 0 ? rc : -disk_sync_dir(c->disk, c->dir);
}

static int open_env(struct lmdb_checkpoint *c)
{
    bool is_new = false;
    int rc = discard_unborn(c, &is_new);

    if (rc == 0)
        rc = reserve_lock_file(c);
    if (rc == 0)
        rc = mdb_env_create(&c->env);
    if (rc == 0)
        rc = mdb_env_set_mapsize(c->env, CHECKPOINT_MAP_BYTES);
    if (rc == 0)
        rc = mdb_env_open(c->env, c->dir, 0, 0640);
    if (rc == 0 && is_new)
        rc = settle_new(c);
    if (rc != 0)
        return rc;
    grow_ahead(c->env);
    rc = mdb_txn_begin(c->env, NULL, 0, &c->txn);
    if (rc == 0)
        rc = mdb_dbi_open(c->txn, NULL, 0, &c->dbi);
    return rc;
}

/* What the update starts from; an empty environment has zeros. */
static int read_state(struct lmdb_checkpoint *c)
{
    uint8_t bytes[CHECKPOINT_KEY_BYTES];
    MDB_val key = {.mv_size = sizeof bytes, .mv_data = bytes}, value;
    int rc;

    checkpoint_state_key(bytes);
    rc = mdb_get(c->txn, c->dbi, &key, &value);
    c->state = (struct checkpoint_state){0};
    if (rc == MDB_NOTFOUND)
        return 0;
    if (rc == 0 && checkpoint_state_decode(value.mv_data, value.mv_size, &c->state) < 0)
        rc = MDB_CORRUPTED;
    return rc;
}

static int read_last_key(struct lmdb_checkpoint *c)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    int rc = mdb_cursor_open(c->txn, c->dbi, &cursor);

    if (rc != 0)
        return rc;
    memset(c->last_key, 0, sizeof c->last_key);
    rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    if (rc == 0 && key.mv_size == sizeof c->last_key)
        memcpy(c->last_key, key.mv_data, sizeof c->last_key);
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int lmdb_begin(struct checkpoint *checkpoint, struct errtext *why)
{
    struct lmdb_checkpoint *c = lmdb_of(checkpoint);
    int rc;

    ASSERT(c->env == NULL);
    rc = open_env(c);
    if (rc == 0)
        rc = read_state(c);
    if (rc == 0)
        rc = read_last_key(c);
    return failed(c, rc, "begin an update", why);
}

/* Takes the row's present value, if there is one, out of count and XOR. */
static int forget_old(struct lmdb_checkpoint *c, MDB_val *key, bool *ret_was_there)
{
    MDB_val old;
    int rc;

    *ret_was_there = false;
    if (memcmp(key->mv_data, c->last_key, CHECKPOINT_KEY_BYTES) > 0)
        return 0;
    rc = mdb_get(c->txn, c->dbi, key, &old);
    if (rc == MDB_NOTFOUND)
        return 0;
    if (rc != 0)
        return rc;
    if (old.mv_size < CHECKPOINT_CRC_BYTES)
        return MDB_CORRUPTED;
    checkpoint_row_removed(
        &c->state, load_be32((const uint8_t *)old.mv_data + old.mv_size - CHECKPOINT_CRC_BYTES));
    *ret_was_there = true;
    return 0;
}

static int put_new(struct lmdb_checkpoint *c, MDB_val *key, struct jute_bytes value)
{
    size_t len = jute_size(value);
    MDB_val room = {.mv_size = len + CHECKPOINT_CRC_BYTES};
    uint32_t crc = checkpoint_row_crc(key->mv_data, value.data, len);
    bool is_last = memcmp(key->mv_data, c->last_key, CHECKPOINT_KEY_BYTES) > 0;
    /* Appending fills pages to the end instead of splitting them in halves. */
    int rc = mdb_put(c->txn, c->dbi, key, &room, MDB_RESERVE | (is_last ? MDB_APPEND : 0));

    if (rc != 0)
        return rc;
    memcpy(room.mv_data, value.data, len);
    store_be32((uint8_t *)room.mv_data + len, crc);
    checkpoint_row_added(&c->state, crc);
    if (is_last)
        memcpy(c->last_key, key->mv_data, CHECKPOINT_KEY_BYTES);
    return 0;
}

static int put_row(struct lmdb_checkpoint *c, const struct row *row)
{
    uint8_t bytes[CHECKPOINT_KEY_BYTES];
    MDB_val key = {.mv_size = sizeof bytes, .mv_data = bytes};
    bool was_there;
    int rc;

    checkpoint_key(bytes, row);
    rc = forget_old(c, &key, &was_there);
    if (rc != 0)
        return rc;
    if (row->value.len >= 0)
        return put_new(c, &key, row->value);
    return was_there ? mdb_del(c->txn, c->dbi, &key, NULL) : 0;
}

static int lmdb_put(struct checkpoint *checkpoint, const uint8_t *rows, size_t len,
                    struct errtext *why)
{
    struct lmdb_checkpoint *c = lmdb_of(checkpoint);
    struct jute_reader r = jute_reader(rows, len, NULL);

    while (jute_left(&r) > 0) {
        struct row row;
        bool is_row = row_get(&r, &row);
        int rc;

        ASSERT(is_row);
        rc = put_row(c, &row);
        if (rc != 0)
            return failed(c, rc, "put a row", why);
    }
    return 0;
}

static int put_state(struct lmdb_checkpoint *c)
{
    uint8_t bytes[CHECKPOINT_KEY_BYTES], state[CHECKPOINT_STATE_BYTES];
    MDB_val key = {.mv_size = sizeof bytes, .mv_data = bytes};
    MDB_val value = {.mv_size = sizeof state, .mv_data = state};

    checkpoint_state_key(bytes);
    checkpoint_state_encode(state, &c->state);
    return mdb_put(c->txn, c->dbi, &key, &value, 0);
}

static uint64_t disk_bytes(struct lmdb_checkpoint *c)
{
    struct stat st;
    int fd;

    if (mdb_env_get_fd(c->env, &fd) != 0 || fstat(fd, &st) < 0)
        return 0;
    return (uint64_t)st.st_blocks * 512;
}

static int lmdb_commit(struct checkpoint *checkpoint, zk_zxid zxid, uint64_t digest,
                       uint64_t *ret_bytes, struct errtext *why)
{
    struct lmdb_checkpoint *c = lmdb_of(checkpoint);
    MDB_txn *txn = c->txn;
    int rc;

    c->state.zxid = zxid;
    c->state.digest = digest;
    rc = put_state(c);
    if (rc == 0) {
        c->txn = NULL; /* ended by commit, whatever it says */
        rc = mdb_txn_commit(txn);
    }
    if (rc != 0)
        return failed(c, rc, "commit", why);
    *ret_bytes = disk_bytes(c);
    lmdb_abort(checkpoint); /* nothing is left to abort: closes */
    return 0;
}

static int lmdb_remove(struct disk *disk, const char *dir, struct errtext *why)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    int rc = 0;

    for (size_t i = 0; i < sizeof names / sizeof names[0] && (rc == 0 || rc == -ENOENT); i++) {
        char *path = xasprintf("%s/%s", dir, names[i]);

        rc = disk_unlink(disk, path);
        free(path);
    }
    if (rc == 0 || rc == -ENOENT)
        rc = disk_rmdir(disk, dir);
    return rc < 0 ? errtext_set(why, rc, "cannot remove %s: %s", dir, strerror(-rc)) : 0;
}

const struct checkpoint_ops checkpoint_lmdb = {
    .open = lmdb_open,
    .close = lmdb_close,
    .load = lmdb_load,
    .begin = lmdb_begin,
    .put = lmdb_put,
    .commit = lmdb_commit,
    .abort = lmdb_abort,
    .remove = lmdb_remove,
};
