/* txnlog_find: which segments of a log there are, and from which one on it is read. Names
 * and headers tell: those of the run in force follow each other by number; what lies before a
 * gap is of no use, unless something in the gap is wanted: then files are missing. */
#include "store/txnlog_opening.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int opening_damaged(struct opening *o, uint64_t offset, const char *what)
{
    return errtext_set(o->why, -EBADMSG,
                       "%s: the transaction log is damaged at byte %" PRIu64
                       ": %s; " OPENING_REMEDY,
                       o->path, offset, what);
}

int opening_unreadable(struct opening *o, int rc)
{
    return errtext_set(o->why, rc, "cannot read %s: %s", o->path, strerror(-rc));
}

void opening_set_path(struct opening *o, zk_zxid first)
{
    free(o->path);
    o->path = txnlog_segment_path(o->log->dir, first);
}

static void on_name(void *arg, const char *name)
{
    struct opening *o = arg;
    zk_zxid first;

    if (segment_parse_name(name, &first))
        segment_list_push(&o->names, &(struct segment){.first = first});
}

static int by_first(const void *a, const void *b)
{
    const struct segment *x = a, *y = b;

    return (x->first > y->first) - (x->first < y->first);
}

int opening_read_header(struct opening *o, zk_zxid first, struct segment_header *ret)
{
    uint8_t page[DISK_PAGE];
    struct disk_file *file;
    ssize_t got;
    int rc;

    opening_set_path(o, first);
    rc = disk_open(o->log->disk, o->path, DISK_OPEN_READ, &file);
    if (rc < 0)
        return opening_unreadable(o, rc);
    got = disk_pread(file, page, sizeof page, 0);
    disk_close(file);
    if (got < 0)
        return opening_unreadable(o, (int)got);
    rc = got < DISK_PAGE ? -EBADMSG : segment_header_decode(page, ret);
    if (rc == -EPROTO)
        return errtext_set(o->why, rc,
                           "%s: of a format that this zkfsd does not know; run the zkfsd that "
                           "wrote it",
                           o->path);
    if (rc == 0 && ret->run == o->config->run && ret->first != first)
        rc = -EBADMSG;
    return rc < 0 ? opening_damaged(o, 0, "the header is bad") : 0;
}

/* Sorts the files into those of this run and others. */
static int read_headers(struct opening *o)
{
    for (size_t i = 0; i < o->names.count; i++) {
        struct segment segment = o->names.items[i];
        struct segment_header header;
        int rc = opening_read_header(o, segment.first, &header);

        if (rc < 0)
            return rc;
        segment.number = header.number;
        segment.bytes = header.bytes;
        segment_list_push(header.run == o->config->run ? &o->log->segments : &o->others, &segment);
    }
    if (o->log->segments.count == 0)
        return errtext_set(o->why, -ENOENT,
                           "%s: no segment of this server's transaction log is there (dataLogDir "
                           "wrong, or not mounted?); " OPENING_REMEDY,
                           o->log->dir);
    return 0;
}

/* The segment from which on there is as much log as the window wants: the txn AFTER
 * itself, and before it what follows without a gap. */
static size_t widen_start(const struct opening *o, size_t start)
{
    const struct segment_list *list = &o->log->segments;
    uint64_t bytes = 0;

    for (size_t i = start; i < list->count; i++)
        bytes += list->items[i].bytes;
    while (start > 0 && list->items[start - 1].number + 1 == list->items[start].number &&
           (bytes < o->config->window_bytes || list->items[start].first > o->after))
        bytes += list->items[--start].bytes;
    return start;
}

/* Where reading has to start: the last segment that begins at or before the
 * first txn that is wanted. */
static size_t find_start(const struct opening *o)
{
    const struct segment_list *list = &o->log->segments;
    size_t i = 0;

    while (i + 1 < list->count && list->items[i + 1].first <= o->after + 1)
        i++;
    return o->config->window_bytes == 0 ? i : widen_start(o, i);
}

/* Segments before a gap that lies before the start are of no use to anybody. */
static void drop_before_gap(struct opening *o, size_t *start)
{
    struct segment_list *list = &o->log->segments;
    size_t oldest = *start;

    while (oldest > 0 && list->items[oldest].number == list->items[oldest - 1].number + 1)
        oldest--;
    for (size_t i = 0; i < oldest; i++)
        segment_list_push(&o->others, &list->items[i]);
    list->count -= oldest;
    memmove(list->items, list->items + oldest, list->count * sizeof *list->items);
    *start -= oldest;
}

static int check_beginning(struct opening *o, const struct segment *start)
{
    opening_set_path(o, start->first);
    if (start->first <= o->after || zxid_follows(o->after, start->first) ||
        (start->number == 0 && o->after == o->config->first - 1))
        return 0;
    return errtext_set(
        o->why, -EBADMSG,
        "%s: txns from 0x%" PRIx64 " to 0x%" PRIx64
        " are neither in the checkpoint nor in the log: files are missing; " OPENING_REMEDY,
        o->path, (uint64_t)o->after + 1, (uint64_t)start->first - 1);
}

int opening_find_segments(struct opening *o, size_t *ret_start)
{
    int rc = disk_list(o->log->disk, o->log->dir, on_name, o);

    if (rc < 0)
        return errtext_set(o->why, rc, "cannot read %s: %s", o->log->dir, strerror(-rc));
    if (o->names.count > 0)
        qsort(o->names.items, o->names.count, sizeof *o->names.items, by_first);
    rc = read_headers(o);
    if (rc < 0)
        return rc;
    *ret_start = find_start(o);
    drop_before_gap(o, ret_start);
    return check_beginning(o, &o->log->segments.items[*ret_start]);
}
