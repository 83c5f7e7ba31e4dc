/* txnlog_create: making a log, and finding out whether there is one. */
#include "proto/base/mem.h"
#include "store/txnlog.h"
#include "store/txnlog_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Was the first page behind the header of segment FIRST ever written to? */
static int was_used(struct disk *disk, const char *dir, zk_zxid first, bool *ret)
{
    char *path = txnlog_segment_path(dir, first);
    uint8_t pages[2 * DISK_PAGE] = {0};
    struct segment_header header;
    struct disk_file *file;
    ssize_t got = 0;
    int rc = disk_open(disk, path, DISK_OPEN_READ, &file);

    if (rc == 0) {
        got = disk_pread(file, pages, sizeof pages, 0);
        rc = got < 0 ? (int)got : 0;
        disk_close(file);
    }
    free(path);
    if (rc < 0)
        return rc;
    *ret = segment_header_decode(pages, &header) < 0 || header.number != 0 ||
           segment_page_used(pages + DISK_PAGE);
    return 0;
}

static void on_name(void *arg, const char *name)
{
    struct segment segment = {0};

    if (segment_parse_name(name, &segment.first))
        segment_list_push(arg, &segment);
}

int txnlog_vacant(struct disk *disk, const char *dir, bool *ret, struct errtext *why)
{
    struct segment_list list = {0};
    bool used = false;
    int rc = disk_list(disk, dir, on_name, &list);

    for (size_t i = 0; rc == 0 && !used && i < list.count; i++)
        rc = was_used(disk, dir, list.items[i].first, &used);
    free(list.items);
    if (rc < 0)
        return errtext_set(why, rc, "cannot read %s: %s", dir, strerror(-rc));
    *ret = !used;
    return 0;
}

int txnlog_create_open(struct disk *disk, const struct txnlog_config *config,
                       struct disk_file **ret_file, struct errtext *why)
{
    struct spare_maker maker = {
        .disk = disk,
        .dir = config->dir,
        .bytes = config->segment_bytes,
    };
    struct segment_header header = {
        .run = config->run,
        .first_seq = 1,
        .first = config->first,
        .bytes = config->segment_bytes,
    };
    char *from = txnlog_path(config->dir, "spare");
    char *to = txnlog_segment_path(config->dir, config->first);
    uint8_t page[DISK_PAGE];
    int rc;

    do
        rc = spare_maker_step(&maker);
    while (rc > 0);
    segment_header_encode(page, &header);
    if (rc == 0)
        rc = disk_pwrite(maker.file, page, sizeof page, 0);
    if (rc == 0)
        rc = disk_sync(maker.file);
    if (rc == 0)
        rc = disk_rename(disk, from, to);
    if (rc == 0)
        rc = disk_sync_dir(disk, config->dir);
    if (rc < 0)
        errtext_set(why, rc, "cannot make the transaction log %s: %s", to, strerror(-rc));
    if (rc == 0) {
        *ret_file = maker.file;
        maker.file = NULL;
    }
    spare_maker_done(&maker);
    free(to);
    free(from);
    return rc;
}

int txnlog_create(struct disk *disk, const struct txnlog_config *config, struct errtext *why)
{
    struct disk_file *file = NULL;
    int rc = txnlog_create_open(disk, config, &file, why);

    disk_close(file);
    return rc;
}

int txnlog_remove(struct disk *disk, const char *dir, struct errtext *why)
{
    static const char *const others[] = {"spare", "ballast"};
    struct segment_list list = {0};
    int rc = disk_list(disk, dir, on_name, &list);

    for (size_t i = 0; rc == 0 && i < list.count; i++) {
        char *path = txnlog_segment_path(dir, list.items[i].first);

        rc = disk_unlink(disk, path);
        free(path);
    }
    for (size_t i = 0; rc == 0 && i < sizeof others / sizeof others[0]; i++) {
        char *path = txnlog_path(dir, others[i]);

        rc = disk_unlink(disk, path);
        if (rc == -ENOENT)
            rc = 0;
        free(path);
    }
    if (rc == 0)
        rc = disk_rmdir(disk, dir);
    free(list.items);
    return rc < 0 ? errtext_set(why, rc, "cannot remove %s: %s", dir, strerror(-rc)) : 0;
}
