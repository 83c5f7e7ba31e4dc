/* checkpoint_load: reads an LMDB checkpoint in a process of its own. LMDB trusts
 * its pages, so a damaged one can make it crash or read beyond the map; in a child
 * that is an exit status, which the server can tell from a good end. The child
 * checks every row and streams it through a pipe; the rows reach the tree only as
 * bytes that the tree checks again.
 *
 *     child                                      parent
 *     open, walk ── FRAME_ROWS len rows ... ──>  the caller's callback
 *                ── FRAME_STATE len state ────>  done, if the child then exits with 0
 *                ── FRAME_ERROR len text ─────>  -EBADMSG, ...
 *     crash      ── end of file ──────────────>  -EBADMSG
 *
 * The child is forked, not executed, and calls malloc: glibc allows that after a
 * fork from a process with threads, and at start there are none that matter. */
#include "store/checkpoint_lmdb.h"

#include "proto/base/bytes.h"
#include "proto/base/mem.h"
#include "store/checkpoint_format.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIPE_BYTES (1024 * 1024)
#define FRAME_ROWS_BYTES (256 * 1024) /* a frame is sent once it is this long */
#define FRAME_BYTES_MAX (1u << 30)
#define FRAME_HEADER_BYTES 8

#define VERDICT "the checkpoint is damaged"

enum frame_kind { FRAME_ROWS = 1, FRAME_STATE, FRAME_ERROR };

/* ---- the child ---- */

struct sender {
    int fd;
    const char *dir;
    struct buf frame;              /* header and what comes in it */
    struct checkpoint_state found; /* the sums of its rows */
};

static void write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno != EINTR)
            _exit(EXIT_FAILURE); /* the parent is gone or does not want more */
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
}

static void frame_begin(struct sender *s)
{
    s->frame.len = 0;
    (void)buf_extend(&s->frame, FRAME_HEADER_BYTES);
}

static void frame_send(struct sender *s, enum frame_kind kind)
{
    store_be32(s->frame.data, kind);
    store_be32(s->frame.data + 4, (uint32_t)(s->frame.len - FRAME_HEADER_BYTES));
    write_all(s->fd, s->frame.data, s->frame.len);
    frame_begin(s);
}

static _Noreturn void child_fails(struct sender *s, int rc, const char *cause)
{
    frame_begin(s);
    store_be32(buf_extend(&s->frame, 4), (uint32_t)-rc);
    buf_append(&s->frame, cause, strlen(cause));
    frame_send(s, FRAME_ERROR);
    _exit(EXIT_SUCCESS);
}

/* The file could be opened and synced before, so LMDB's other errors (EBADF for one
 * that is cut short, say) are about what is in it. */
static void child_check(struct sender *s, int lmdb_rc)
{
    int rc = checkpoint_lmdb_rc(lmdb_rc);

    if (rc == 0)
        return;
    if (rc != -EIO && rc != -ENOMEM && rc != -EACCES && rc != -EPROTO && rc != -ENOENT)
        rc = -EBADMSG;
    child_fails(s, rc, mdb_strerror(lmdb_rc));
}

static void child_send_row(struct sender *s, const MDB_val *key, const MDB_val *value)
{
    size_t len = value->mv_size - CHECKPOINT_CRC_BYTES;
    const uint8_t *bytes = value->mv_data;
    uint32_t crc;
    uint8_t *p;

    if (key->mv_size != CHECKPOINT_KEY_BYTES || value->mv_size < CHECKPOINT_CRC_BYTES ||
        len > INT32_MAX)
        child_fails(s, -EBADMSG, "a row is malformed");
    crc = load_be32(bytes + len);
    if (crc != checkpoint_row_crc(key->mv_data, bytes, len))
        child_fails(s, -EBADMSG, "the checksum of a row does not match");
    checkpoint_row_added(&s->found, crc);
    /* As row_put has it; written here so that the value is copied just once. */
    p = buf_extend(&s->frame, CHECKPOINT_KEY_BYTES + 4 + len);
    memcpy(p, key->mv_data, CHECKPOINT_KEY_BYTES);
    store_be32(p + CHECKPOINT_KEY_BYTES, (uint32_t)len);
    memcpy(p + CHECKPOINT_KEY_BYTES + 4, bytes, len);
    if (s->frame.len >= FRAME_ROWS_BYTES)
        frame_send(s, FRAME_ROWS);
}

/* All rows behind the state; keys rise, so a loop of damaged pages ends. */
static void child_send_rows(struct sender *s, MDB_cursor *cursor)
{
    uint8_t last[CHECKPOINT_KEY_BYTES];
    MDB_val key, value;
    int rc;

    checkpoint_state_key(last);
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        if (key.mv_size == sizeof last && memcmp(key.mv_data, last, sizeof last) <= 0)
            child_fails(s, -EBADMSG, "rows are out of order");
        child_send_row(s, &key, &value);
        memcpy(last, key.mv_data, sizeof last);
    }
    if (rc != MDB_NOTFOUND)
        child_check(s, rc);
    if (s->frame.len > FRAME_HEADER_BYTES)
        frame_send(s, FRAME_ROWS);
}

/* LMDB's own list of free pages: the next update will trust it, so look at it
 * here, where a crash does no harm. */
static void child_walk_free_list(struct sender *s, MDB_txn *txn)
{
    MDB_val key, value;
    MDB_cursor *cursor;
    int rc;

    child_check(s, mdb_cursor_open(txn, 0, &cursor));
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        const size_t *ids = value.mv_data;

        if (key.mv_size != sizeof *ids || value.mv_size < sizeof *ids ||
            value.mv_size / sizeof *ids <= ids[0])
            child_fails(s, -EBADMSG, "the list of free pages is malformed");
    }
    if (rc != MDB_NOTFOUND)
        child_check(s, rc);
    mdb_cursor_close(cursor);
}

static void child_read(struct sender *s)
{
    uint8_t state_key[CHECKPOINT_KEY_BYTES];
    struct checkpoint_state state;
    MDB_val key, value;
    MDB_cursor *cursor;
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    int rc;

    child_check(s, mdb_env_create(&env));
    child_check(s, mdb_env_set_mapsize(env, CHECKPOINT_MAP_BYTES));
    child_check(s, mdb_env_open(env, s->dir, MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS, 0));
    child_check(s, mdb_txn_begin(env, NULL, MDB_RDONLY, &txn));
    child_check(s, mdb_dbi_open(txn, NULL, 0, &dbi));
    child_walk_free_list(s, txn);
    child_check(s, mdb_cursor_open(txn, dbi, &cursor));
    rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    if (rc == MDB_NOTFOUND)
        child_fails(s, -ENOENT, "empty");
    child_check(s, rc);
    checkpoint_state_key(state_key);
    if (key.mv_size != sizeof state_key || memcmp(key.mv_data, state_key, sizeof state_key) != 0)
        child_fails(s, -EBADMSG, "its state is missing");
    rc = checkpoint_state_decode(value.mv_data, value.mv_size, &state);
    if (rc < 0)
        child_fails(s, rc,
                    rc == -EPROTO
                        ? "of a format that this zkfsd does not know; run the one that wrote it"
                        : "its state is malformed");
    child_send_rows(s, cursor);
    if (!checkpoint_rows_complete(&s->found, &state))
        child_fails(s, -EBADMSG, "rows are missing or stale");
    checkpoint_state_encode(buf_extend(&s->frame, CHECKPOINT_STATE_BYTES), &state);
    frame_send(s, FRAME_STATE);
}

static _Noreturn void child(const char *dir, int fd, pid_t parent)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGPIPE, SIGTERM};
    struct sender sender = {.fd = fd, .dir = dir};

    /* A crash here is foreseen: no core, no handler, and no life of its own. */
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++)
        (void)signal(crashes[i], SIG_DFL);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    frame_begin(&sender);
    child_read(&sender);
    _exit(EXIT_SUCCESS);
}

/* ---- the parent ---- */

struct receiver {
    int fd;
    const char *dir;
    checkpoint_rows_cb rows;
    void *arg;
    struct checkpoint_state *ret;
    struct errtext *why;
    struct buf frame;
    bool has_state;
};

/* 1: LEN bytes came; 0: the end came first. */
static int read_all(int fd, uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = read(fd, data, len);

        if (n == 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    return 1;
}

static int on_error_frame(struct receiver *r)
{
    int rc = r->frame.len < 4 ? -EBADMSG : -(int)load_be32(r->frame.data);
    const char *cause = rc == -EBADMSG && r->frame.len < 4 ? "" : buf_cstr(&r->frame) + 4;

    if (rc == -EBADMSG)
        return errtext_set(r->why, rc, "%s/data.mdb: %s: " VERDICT, r->dir, cause);
    return errtext_set(r->why, rc, "%s/data.mdb: cannot be read: %s", r->dir, cause);
}

static int on_frame(struct receiver *r, uint32_t kind)
{
    switch (kind) {
    case FRAME_ROWS:
        return r->rows(r->arg, r->frame.data, r->frame.len, r->why);
    case FRAME_STATE:
        r->has_state = checkpoint_state_decode(r->frame.data, r->frame.len, r->ret) == 0;
        return 0;
    default:
        return on_error_frame(r);
    }
}

static int receive(struct receiver *r)
{
    uint8_t header[FRAME_HEADER_BYTES];
    int rc;

    while ((rc = read_all(r->fd, header, sizeof header)) > 0) {
        uint32_t len = load_be32(header + 4);

        if (len > FRAME_BYTES_MAX)
            return errtext_set(r->why, -EBADMSG, "%s/data.mdb: a row is too long: " VERDICT,
                               r->dir);
        r->frame.len = 0;
        rc = read_all(r->fd, buf_extend(&r->frame, len), len);
        if (rc > 0)
            rc = on_frame(r, load_be32(header));
        if (rc < 0)
            return rc;
    }
    if (rc < 0)
        return errtext_set(r->why, rc, "%s/data.mdb: reading it failed: %s", r->dir, strerror(-rc));
    return 0;
}

/* How the child ended, when it said nothing itself. */
static int judge_exit(struct receiver *r, int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return errtext_set(r->why, -EINTR, "%s/data.mdb: the process that reads it was killed",
                           r->dir);
    if (WIFSIGNALED(status))
        return errtext_set(r->why, -EBADMSG, "%s/data.mdb: reading it crashed (%s): " VERDICT,
                           r->dir, strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) != EXIT_SUCCESS || !r->has_state)
        return errtext_set(r->why, -EBADMSG, "%s/data.mdb: reading it failed: " VERDICT, r->dir);
    return 0;
}

/* A process that was killed may have left its last root in the kernel's memory alone.
 * The next update builds upon that and writes to pages that the root before it may
 * still use: so it must be on the device first. Tells the size on disk, too. */
static int settle(const char *dir, uint64_t *ret_bytes, struct errtext *why)
{
    struct stat st;

    char *path = xasprintf("%s/data.mdb", dir);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int rc = 0;

    if (fd < 0)
        rc = errno == ENOENT ? -ENOENT : errtext_errno(why, "cannot open %s", path);
    else if (fdatasync(fd) < 0 || fstat(fd, &st) < 0)
        rc = errtext_errno(why, "cannot sync %s", path);
    else if (checkpoint_lmdb_unborn(st.st_size))
        rc = -ENOENT;
    else
        *ret_bytes = (uint64_t)st.st_blocks * 512;
    if (fd >= 0)
        (void)close(fd); /* it was synced */
    free(path);
    return rc;
}

int checkpoint_lmdb_load(const char *dir, checkpoint_rows_cb rows, void *arg,
                         struct checkpoint_state *ret, struct errtext *why)
{
    struct receiver r = {.dir = dir, .rows = rows, .arg = arg, .ret = ret, .why = why};
    pid_t parent = getpid(), pid;
    int fds[2], status, rc;
    uint64_t bytes = 0;

    rc = settle(dir, &bytes, why);
    if (rc < 0)
        return rc;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return errtext_errno(why, "cannot read %s/data.mdb", dir);
    (void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES); /* smaller is slower, no more */
    pid = fork();
    if (pid < 0) {
        rc = errtext_errno(why, "cannot start a process to read %s/data.mdb", dir);
        (void)close(fds[0]);
        (void)close(fds[1]);
        return rc;
    }
    if (pid == 0) {
        (void)close(fds[0]);
        child(dir, fds[1], parent);
    }
    (void)close(fds[1]);
    r.fd = fds[0];
    rc = receive(&r);
    (void)close(fds[0]); /* ends a child that still writes */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    buf_done(&r.frame);
    if (rc == 0)
        rc = judge_exit(&r, status);
    if (rc == 0)
        ret->disk_bytes = bytes;
    return rc;
}
