/* The real disk and LMDB: a store in a directory of its own, checkpoints that come
 * back exactly, and one that is damaged anywhere. */
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "store/disk_posix.h"
#include "tests/support/store_bed.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct scene {
    char dir[64];
    struct disk *disk;
    struct history history;
    struct store_bed bed;
    struct store_config config;
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void scene_init(struct scene *s)
{
    log_set_level(LOG_LEVEL_ERROR);
    (void)snprintf(s->dir, sizeof s->dir, "/tmp/zkfs-store-XXXXXX");
    EXPECT(mkdtemp(s->dir) != NULL);
    s->disk = disk_posix_new();
    history_init(&s->history, 2);
    s->config = (struct store_config){.data_dir = s->dir, .checkpoints = &checkpoint_lmdb};
}

static void scene_done(struct scene *s)
{
    history_done(&s->history);
    disk_posix_free(s->disk);
    EXPECT_EQ(nftw(s->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static int reopen(struct scene *s)
{
    return store_bed_open(&s->bed, &s->history, s->disk, &s->config);
}

static void append_each(struct scene *s, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        store_bed_append(&s->bed, 1);
        store_bed_run_all(&s->bed);
    }
}

TEST(checkpoints_come_back_exactly_over_many_lives)
{
    struct store_stats stats;
    struct scene s;

    scene_init(&s);
    for (int life = 0; life < 4; life++) {
        EXPECT_EQ(reopen(&s), 0);
        EXPECT(store_bed_is_right(&s.bed));
        append_each(&s, 150);
        store_stats(s.bed.store, &stats);
        EXPECT(stats.checkpoint_count > 3);
        EXPECT(stats.checkpoint_disk_bytes > 0);
        if (life % 2 == 0)
            store_bed_close(&s.bed);
        else
            store_free(s.bed.store);
    }
    EXPECT_EQ(reopen(&s), 0);
    EXPECT_EQ(store_log_end(s.bed.store), 600);
    EXPECT(store_bed_is_right(&s.bed));
    store_bed_close(&s.bed);
    scene_done(&s);
}

TEST(a_second_process_is_refused_with_the_pid_of_the_first)
{
    struct scene s;
    int status;
    pid_t pid;

    scene_init(&s);
    EXPECT_EQ(reopen(&s), 0);
    pid = fork();
    EXPECT(pid >= 0);
    if (pid == 0) {
        struct store_bed other;
        char expected[32];
        int rc = store_bed_open(&other, &s.history, s.disk, &s.config);

        (void)snprintf(expected, sizeof expected, "process %ld", (long)getppid());
        _exit(rc == -EWOULDBLOCK && strstr(other.why.text, expected) != NULL ? 0 : 1);
    }
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    store_bed_close(&s.bed);
    scene_done(&s);
}

/* ---- damage ---- */

static void read_whole(const char *path, struct buf *ret)
{
    FILE *file = fopen(path, "rb");
    struct stat st;

    EXPECT(file != NULL && fstat(fileno(file), &st) == 0);
    EXPECT_EQ(fread(buf_extend(ret, (size_t)st.st_size), 1, (size_t)st.st_size, file), st.st_size);
    EXPECT_EQ(fclose(file), 0);
}

static void write_whole(const char *path, const struct buf *bytes)
{
    FILE *file = fopen(path, "wb");

    EXPECT(file != NULL);
    EXPECT_EQ(fwrite(bytes->data, 1, bytes->len, file), bytes->len);
    EXPECT_EQ(fclose(file), 0);
}

/* A page or a few bytes turn into something else. */
static void damage(struct buf *b, struct rng *rng)
{
    size_t at = rng_below(rng, b->len), len = 1 + rng_below(rng, 8);

    if (rng_below(rng, 3) == 0) {
        at = at / DISK_PAGE * DISK_PAGE;
        len = DISK_PAGE;
    }
    for (size_t i = at; i < at + len && i < b->len; i++)
        b->data[i] = (uint8_t)rng_next(rng);
}

/* Either the damage hit what does not matter, and all is exactly there, or it is
 * refused by name. Never a crash, never another state. */
TEST(a_checkpoint_damaged_anywhere_is_refused_by_name_or_still_exact)
{
    struct rng rng = rng_seeded(3);
    struct buf whole = {0};
    struct scene s;
    int refused = 0;
    char *path;

    scene_init(&s);
    s.config.checkpoint_after_bytes = (uint64_t)150 * DISK_PAGE;
    EXPECT_EQ(reopen(&s), 0);
    append_each(&s, 400);
    store_bed_close(&s.bed);
    path = xasprintf("%s/zkfs/checkpoint-1/data.mdb", s.dir);
    read_whole(path, &whole);
    for (int i = 0; i < 150; i++) {
        struct buf copy = {0};
        int rc;

        buf_append(&copy, whole.data, whole.len);
        damage(&copy, &rng);
        write_whole(path, &copy);
        buf_done(&copy);
        rc = reopen(&s);
        if (rc == 0) {
            EXPECT(store_bed_is_right(&s.bed));
            store_free(s.bed.store);
        } else {
            EXPECT(rc == -EBADMSG || rc == -EPROTO);
            EXPECT(strstr(s.bed.why.text, path) != NULL ||
                   strstr(s.bed.why.text, "/txnlog/") != NULL);
            refused++;
        }
    }
    EXPECT(refused > 20);
    write_whole(path, &whole);
    EXPECT_EQ(reopen(&s), 0);
    store_bed_close(&s.bed);
    buf_done(&whole);
    free(path);
    scene_done(&s);
}

TEST(a_checkpoint_cut_short_is_refused)
{
    struct buf whole = {0};
    struct scene s;
    char *path;

    scene_init(&s);
    EXPECT_EQ(reopen(&s), 0);
    append_each(&s, 200);
    store_bed_close(&s.bed);
    path = xasprintf("%s/zkfs/checkpoint-1/data.mdb", s.dir);
    read_whole(path, &whole);
    for (size_t len = 0; len < whole.len; len += 3 * DISK_PAGE) {
        struct buf copy = {0};
        int rc;

        buf_reserve(&copy, len + 1);
        buf_append(&copy, whole.data, len);
        write_whole(path, &copy);
        buf_done(&copy);
        rc = reopen(&s);
        if (rc == 0) { /* only old pages were lost */
            EXPECT(store_bed_is_right(&s.bed));
            store_free(s.bed.store);
        } else {
            EXPECT_EQ(rc, -EBADMSG);
        }
    }
    buf_done(&whole);
    free(path);
    scene_done(&s);
}

TEST(what_an_interrupted_first_checkpoint_left_is_no_damage)
{
    static const size_t lengths[] = {0, 100, DISK_PAGE, (size_t)2 * DISK_PAGE};
    struct store_stats stats;
    struct scene s;
    char *path;

    scene_init(&s);
    EXPECT_EQ(reopen(&s), 0);
    append_each(&s, 3);
    store_bed_close(&s.bed);
    path = xasprintf("%s/zkfs/checkpoint-1/data.mdb", s.dir);
    for (size_t i = 0; i < 4; i++) {
        struct buf junk = {0};

        memset(buf_extend(&junk, lengths[i] + 1), 0x55, lengths[i] + 1);
        junk.len = lengths[i];
        write_whole(path, &junk);
        buf_done(&junk);
        EXPECT_EQ(reopen(&s), 0);
        EXPECT(store_bed_is_right(&s.bed));
        if (i == 3) {
            append_each(&s, 100);
            store_stats(s.bed.store, &stats);
            EXPECT(stats.checkpoint_count > 0);
        }
        store_bed_close(&s.bed);
    }
    EXPECT_EQ(reopen(&s), 0);
    EXPECT(store_bed_is_right(&s.bed));
    store_bed_close(&s.bed);
    free(path);
    scene_done(&s);
}

/* ---- the disk itself ---- */

static void on_name(void *arg, const char *name)
{
    if (strcmp(name, "b") == 0)
        *(bool *)arg = true;
}

TEST(the_real_disk_keeps_its_contract)
{
    struct disk_file *file;
    struct scene s;
    char *a, *b;
    char bytes[8] = "";
    uint64_t size;
    bool found = false;

    scene_init(&s);
    a = xasprintf("%s/x/y/a", s.dir);
    b = xasprintf("%s/x/y/b", s.dir);
    EXPECT_EQ(disk_open(s.disk, a, DISK_OPEN_CREATE, &file), -ENOENT);
    *strrchr(a, '/') = '\0';
    EXPECT_EQ(disk_mkdir_path(s.disk, a), 0);
    EXPECT_EQ(disk_mkdir_path(s.disk, a), 0);
    a[strlen(a)] = '/';
    EXPECT_EQ(disk_open(s.disk, a, DISK_OPEN_WRITE, &file), -ENOENT);
    EXPECT_EQ(disk_open(s.disk, a, DISK_OPEN_CREATE, &file), 0);
    EXPECT_EQ(disk_allocate(file, 5000), 0);
    EXPECT_EQ(disk_pwrite(file, "hello", 5, 4998), 0);
    EXPECT_EQ(disk_sync(file), 0);
    EXPECT_EQ(disk_size(file, &size), 0);
    EXPECT_EQ(size, 5003);
    EXPECT_EQ(disk_pread(file, bytes, sizeof bytes, 4997), 6);
    EXPECT_MEM(bytes, "\0hello", 6);
    disk_close(file);
    EXPECT_EQ(disk_rename(s.disk, a, b), 0);
    *strrchr(a, '/') = '\0';
    EXPECT_EQ(disk_sync_dir(s.disk, a), 0);
    EXPECT_EQ(disk_list(s.disk, a, on_name, &found), 0);
    EXPECT(found);
    EXPECT_EQ(disk_rmdir(s.disk, a), -ENOTEMPTY);
    EXPECT_EQ(disk_unlink(s.disk, b), 0);
    EXPECT_EQ(disk_unlink(s.disk, b), -ENOENT);
    EXPECT_EQ(disk_rmdir(s.disk, a), 0);
    EXPECT_EQ(disk_list(s.disk, a, on_name, &found), -ENOENT);
    free(a);
    free(b);
    scene_done(&s);
}
