/* LMDB's own power cuts: what the real LMDB writes, and when it syncs, is mirrored call
 * by call onto the disk in memory that also has the log and meta, and the power is cut at
 * each of these calls, with subsets of the pages lost that were not synced. The file that
 * is left is put into a directory, and a server starts from it with the real LMDB: its
 * checkpoint is the one before or the one that was being made, whole, and with the log
 * the state is exact.
 *
 *     liblmdb ── pwrite, writev, fdatasync ──> this program's functions of these names
 *                                                 │ do it, and mirror it
 *     store ──── log, meta ─────────────────> mem_disk ── crash ──> image ──> store again
 *
 * The functions of a program come before those of libc when a library is linked; that is
 * how LMDB's calls are seen. It writes its root through a descriptor with O_DSYNC. */
#include "proto/base/assert.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "store/disk_posix.h"
#include "tests/support/mem_disk.h"
#include "tests/support/store_bed.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECKPOINT_DIR "/data/zkfs/checkpoint-1"
#define DATA_FILE CHECKPOINT_DIR "/data.mdb"
#define IMAGES_PER_CALL (TEST_SANITIZED ? 3 : 10)
#define LIVES (TEST_SANITIZED ? 1 : 3)

/* ---- mirroring ---- */

/* What is left out on purpose, for the tests that must fail then. */
enum omission { OMIT_NOTHING, OMIT_FDATASYNC, OMIT_DSYNC };

struct mirror {
    struct disk *disk;
    const char *root; /* calls on files below it are mirrored */
    enum omission omission;
    bool active;  /* a mirrored call is under way */
    size_t calls; /* of them so far */
};

/* liblmdb calls plain functions, so there is nowhere else to keep it. */
static struct mirror *mirror;

/* The name that FD has below the root; NULL: it is no concern of the mirror. */
static const char *mirrored_name(int fd, char *path, size_t size)
{
    size_t root = mirror == NULL ? 0 : strlen(mirror->root);
    char link[64];
    ssize_t len;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    len = root == 0 ? -1 : readlink(link, path, size - 1);
    if (len <= (ssize_t)root || strncmp(path, mirror->root, root) != 0 || path[root] != '/')
        return NULL;
    path[len] = '\0';
    return path + root;
}

static void mirror_write(int fd, const void *data, size_t len, uint64_t offset)
{
    char path[256];
    const char *name = mirrored_name(fd, path, sizeof path);
    struct disk_file *file;

    if (name == NULL)
        return;
    mirror->active = true;
    EXPECT_EQ(disk_open(mirror->disk, name, DISK_OPEN_CREATE, &file), 0);
    if ((fcntl(fd, F_GETFL) & O_DSYNC) != 0 && mirror->omission != OMIT_DSYNC)
        mem_disk_write_through(file, data, len, offset);
    else
        EXPECT_EQ(disk_pwrite(file, data, len, offset), 0);
    disk_close(file);
    mirror->active = false;
    mirror->calls++;
}

static void mirror_sync(int fd)
{
    char path[256];
    const char *name = mirrored_name(fd, path, sizeof path);
    struct disk_file *file;

    if (name == NULL || mirror->omission == OMIT_FDATASYNC)
        return;
    mirror->active = true;
    EXPECT_EQ(disk_open(mirror->disk, name, DISK_OPEN_WRITE, &file), 0);
    EXPECT_EQ(disk_sync(file), 0);
    disk_close(file);
    mirror->active = false;
    mirror->calls++;
}

static void mirror_sync_dir(int fd)
{
    char path[256];
    const char *name = mirrored_name(fd, path, sizeof path);

    if (name == NULL)
        return;
    mirror->active = true;
    EXPECT_EQ(disk_sync_dir(mirror->disk, name), 0);
    mirror->active = false;
    mirror->calls++;
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): as libc's, by its names */
ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
    ssize_t done = syscall(SYS_pwrite64, fd, data, len, offset);

    if (done > 0)
        mirror_write(fd, data, (size_t)done, (uint64_t)offset);
    return done;
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    off_t offset = lseek(fd, 0, SEEK_CUR);
    ssize_t done = syscall(SYS_writev, fd, parts, count);
    ssize_t at = 0;

    for (int i = 0; i < count && at < done; at += (ssize_t)parts[i].iov_len, i++)
        mirror_write(fd, parts[i].iov_base, parts[i].iov_len, (uint64_t)(offset + at));
    return done;
}

/* What is synced is the mirror; for the real file the kernel's memory will do. */
int fdatasync(int fd)
{
    mirror_sync(fd);
    return 0;
}

int fsync(int fd)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        mirror_sync_dir(fd);
    else
        mirror_sync(fd);
    return 0;
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

/* ---- LMDB's files in a real directory, all others in memory ---- */

static struct {
    struct disk *posix;
    char top[64];    /* holds these: */
    char live[80];   /* of the server whose power is cut */
    char killed[80]; /* of the one that comes after it */
    char image[80];  /* of those that start from what is left */
    const char *now; /* the one in which a checkpoint is opened */
} real;

static int open_beside(struct disk *disk, const char *dir, struct checkpoint **ret,
                       struct errtext *why)
{
    char *path = xasprintf("%s%s", real.now, dir);
    int rc = disk_mkdir_path(disk, dir);

    EXPECT_EQ(rc, 0);
    rc = checkpoint_lmdb.open(real.posix, path, ret, why);
    free(path);
    return rc;
}

static struct checkpoint_ops beside;

static void real_init(void)
{
    /* In memory where there is such a place: the real file need not survive anything. */
    (void)snprintf(real.top, sizeof real.top, "%s/zkfs-power-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    EXPECT(mkdtemp(real.top) != NULL);
    (void)snprintf(real.live, sizeof real.live, "%s/live", real.top);
    (void)snprintf(real.killed, sizeof real.killed, "%s/killed", real.top);
    (void)snprintf(real.image, sizeof real.image, "%s/image", real.top);
    real.posix = disk_posix_new();
    real.now = real.live;
    beside = checkpoint_lmdb;
    beside.open = open_beside;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void remove_tree(const char *path)
{
    EXPECT(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT);
}

static void real_done(void)
{
    disk_posix_free(real.posix);
    remove_tree(real.top);
}

/* LMDB's file as DISK has it, below ROOT. */
static void put_image(const char *root, struct disk *disk)
{
    char *dir = xasprintf("%s" CHECKPOINT_DIR, root);
    char *path = xasprintf("%s" DATA_FILE, root);
    struct disk_file *file;
    const uint8_t *bytes;
    size_t len;

    remove_tree(root);
    EXPECT_EQ(disk_mkdir_path(real.posix, dir), 0);
    bytes = mem_disk_bytes(disk, DATA_FILE, &len);
    if (bytes != NULL) {
        EXPECT_EQ(disk_open(real.posix, path, DISK_OPEN_CREATE, &file), 0);
        EXPECT_EQ(disk_pwrite(file, bytes, len, 0), 0);
        disk_close(file);
    }
    free(dir);
    free(path);
}

/* ---- a server whose power is cut ---- */

static const struct store_config config = {.checkpoints = &beside,
                                           .checkpoint_after_bytes = (uint64_t)6 * DISK_PAGE};

struct cutter {
    struct store_bed bed;
    struct history history;
    struct disk *disk;
    struct mirror mirror;
    struct rng rng;
    zk_zxid must_have; /* acknowledged */
    zk_zxid made;      /* the last checkpoint that was said to be made */
    bool checks;       /* a checkpoint of an image is opened: not mirrored, not cut */
    bool killed;       /* this is the server that comes after a killed one */
    size_t images, news, kills, losses;
    char first_loss[1024];
};

static void loss(struct cutter *c, const char *what, zk_zxid found, const char *why)
{
    if (c->losses++ == 0)
        (void)snprintf(c->first_loss, sizeof c->first_loss,
                       "LMDB's call %zu: %s: acknowledged %" PRId64 ", checkpoint %" PRId64
                       ", found %" PRId64 ": %s",
                       c->mirror.calls, what, c->must_have, c->made, found, why);
}

/* The server goes on, makes a checkpoint of its own upon what it found, and starts again. */
static void check_goes_on(struct cutter *c, struct store_bed *found, struct disk *image)
{
    struct store_stats stats;
    zk_zxid end;

    do {
        store_bed_append(found, 10);
        store_bed_run_all(found);
        store_stats(found->store, &stats);
    } while (stats.checkpoint_count == 0);
    end = store_log_end(found->store);
    store_free(found->store);
    found->store = NULL;
    if (store_bed_open(found, &c->history, image, &config) < 0)
        loss(c, "cannot open the next one", end, found->why.text);
    else if (store_log_end(found->store) != end || !store_bed_is_right(found))
        loss(c, "the next one is wrong", store_log_end(found->store), "");
}

static void check_found(struct cutter *c, struct store_bed *found, struct disk *image)
{
    zk_zxid end = store_log_end(found->store);
    struct store_stats stats;

    store_stats(found->store, &stats);
    if (end < c->must_have || (c->bed.store != NULL && end > store_log_end(c->bed.store)))
        loss(c, "wrong end", end, "");
    else if (!store_bed_is_right(found))
        loss(c, "wrong state", end, "");
    else if (stats.checkpoint_zxid < c->made)
        loss(c, "an older checkpoint", stats.checkpoint_zxid, "");
    else if (rng_below(&c->rng, 16) == 0)
        check_goes_on(c, found, image);
    if (stats.checkpoint_zxid > c->made)
        c->news++;
}

static void check_image(struct cutter *c, const struct mem_crash *crash)
{
    struct disk *image = mem_disk_crash(c->disk, crash);
    struct store_bed found;

    c->images++;
    put_image(real.image, image);
    real.now = real.image;
    if (store_bed_open(&found, &c->history, image, &config) < 0)
        loss(c, "cannot open", 0, found.why.text);
    else
        check_found(c, &found, image);
    store_free(found.store);
    real.now = c->mirror.root;
    mem_disk_free(image);
}

/* Nothing unsynced survives, all of it does, all but one page, one page alone; or any. */
static uint64_t surviving_pages(struct cutter *c, int image, size_t pages)
{
    uint64_t one = (uint64_t)1 << rng_below(&c->rng, pages < 64 ? pages + 1 : 64);

    switch (image) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX;
    case 2:
        return ~one;
    case 3:
        return one;
    default:
        return rng_next(&c->rng);
    }
}

static void check_images(struct cutter *c, int count)
{
    size_t pages = mem_disk_unsynced_pages(c->disk);

    c->checks = true;
    mirror = NULL;
    for (int i = 0; i < count; i++) {
        struct mem_crash crash = {
            .pages = surviving_pages(c, i, pages),
            .seed = rng_next(&c->rng),
            .torn = rng_below(&c->rng, 4) == 0,
            .names = rng_below(&c->rng, 2) == 0,
        };

        check_image(c, &crash);
    }
    mirror = &c->mirror;
    c->checks = false;
}

static void go_on_after_kill(struct cutter *c);

static void cut_here(void *arg)
{
    struct cutter *c = arg;
    int images = IMAGES_PER_CALL;

    if (c->checks || c->losses > 0)
        return;
    /* The calls on log and meta are cut by store_power.c. */
    if (!c->mirror.active)
        images = rng_below(&c->rng, 8) == 0;
    if (c->bed.durable > c->must_have)
        c->must_have = c->bed.durable;
    check_images(c, images);
    if (c->mirror.active && !c->killed && rng_below(&c->rng, 3) == 0)
        go_on_after_kill(c);
}

static void note_made(struct cutter *c)
{
    struct store_stats stats;

    store_stats(c->bed.store, &stats);
    c->made = stats.checkpoint_zxid;
}

/* Appends COUNT txns, in steps of any size. */
static void live(struct cutter *c, struct rng *rng, zk_zxid count)
{
    zk_zxid until;

    EXPECT_EQ(store_bed_open(&c->bed, &c->history, c->disk, &config), 0);
    EXPECT(store_bed_is_right(&c->bed));
    until = store_log_end(c->bed.store) + count;
    while (store_log_end(c->bed.store) < until) {
        store_bed_append(&c->bed, 1 + rng_below(rng, 5));
        for (uint64_t steps = rng_below(rng, 8); steps > 0; steps--) {
            store_bed_step(&c->bed, rng);
            note_made(c);
        }
    }
}

/* The server is killed within this call of LMDB's: the kernel has what was written, and
 * the device only what was synced. The next server builds upon that, and the power is cut
 * while it does. It lives in a child, which has a copy of all that is in memory. */
static void go_on_after_kill(struct cutter *c)
{
    struct rng rng = rng_seeded(rng_next(&c->rng));
    int status;
    pid_t pid = fork();

    EXPECT(pid >= 0);
    if (pid == 0) {
        c->killed = true;
        c->mirror.active = false;
        c->bed.store = NULL;
        mem_disk_drop_locks(c->disk);
        real.now = c->mirror.root = real.killed;
        put_image(real.killed, c->disk);
        live(c, &rng, 25);
        (void)fputs(c->first_loss, stderr);
        _exit(c->losses > 0);
    }
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    c->kills++;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        loss(c, "after a kill and a cut", 0, "");
}

static void run_and_cut(struct cutter *c, uint64_t seed, enum omission omission)
{
    struct rng rng = rng_seeded(seed);

    *c = (struct cutter){.disk = mem_disk_new(), .rng = rng_seeded(seed + 1)};
    log_set_level(LOG_LEVEL_ERROR);
    history_init(&c->history, seed);
    real_init();
    c->mirror = (struct mirror){.disk = c->disk, .root = real.live, .omission = omission};
    mirror = &c->mirror;
    mem_disk_on_call(c->disk, cut_here, c);
    for (int life = 0; life < LIVES; life++) {
        live(c, &rng, 120);
        if (life == LIVES - 1)
            store_bed_close(&c->bed);
        else
            store_free(c->bed.store); /* killed between two calls */
        c->bed.store = NULL;
    }
    mirror = NULL;
    real_done();
    mem_disk_free(c->disk);
    history_done(&c->history);
}

TEST(a_power_cut_at_any_call_of_lmdb_leaves_the_old_checkpoint_or_the_new)
{
    struct cutter c;

    run_and_cut(&c, 1, OMIT_NOTHING);
    EXPECT_STR(c.first_loss, "");
    EXPECT(c.mirror.calls > (size_t)10 * LIVES && c.kills > LIVES);
    EXPECT(c.news > 0);
}

TEST(without_lmdb_s_fdatasync_the_same_cuts_find_losses)
{
    struct cutter c;

    run_and_cut(&c, 1, OMIT_FDATASYNC);
    EXPECT(c.losses > 0);
}

TEST(without_lmdb_s_synchronous_roots_the_same_cuts_find_losses)
{
    struct cutter c;

    run_and_cut(&c, 1, OMIT_DSYNC);
    EXPECT(c.losses > 0);
}
