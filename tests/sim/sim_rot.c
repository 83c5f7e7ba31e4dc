/* sim_rot: a bit flips in what lies on a disk. Where, follows what the store promises to notice:
 *
 *   a checkpoint, a log     anywhere, but the last two batches of the newest segment: rot in the
 *                           last one cannot be told from a tear (txnlog_read.c), and what is in
 *                           the last but one only if the last is on disk for certain. Then
 *                           it begins again without a history and without a vote
 *   the free part of a log  does no harm
 *   meta                    it refuses to start, until somebody has brought the true one back, and
 *                           then has everything; or it never knows, having written a new one
 */
#include "proto/base/mem.h"
#include "store/segment.h"
#include "tests/sim/sim.h"
#include "tests/support/mem_disk.h"

#include <stdlib.h>
#include <string.h>

#define META_DIR "/data/zkfs"
#define META_PATH META_DIR "/meta"

struct rot {
    struct sim *sim;
    struct disk *disk;
    const char *dir;
    char *path, *newest; /* of the file chosen; of the segment that is written to */
    bool is_newest;      /* so is the one chosen */
    uint64_t seen;
};

/* Each name has the same chance. */
static void choose(struct rot *rot, const char *name)
{
    if (rng_below(&rot->sim->rng, ++rot->seen) != 0)
        return;
    free(rot->path);
    rot->path = xasprintf("%s/%s", rot->dir, name);
    rot->is_newest = rot->newest != NULL && strcmp(name, rot->newest) == 0;
}

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);

    return len > end_len && strcmp(name + len - end_len, end) == 0;
}

static void find_newest(void *arg, const char *name)
{
    struct rot *rot = arg;

    if (!ends_with(name, ".log") || (rot->newest != NULL && strcmp(name, rot->newest) < 0))
        return;
    free(rot->newest);
    rot->newest = xstrdup(name);
}

static void on_file(void *arg, const char *name)
{
    if (strcmp(name, "rows") == 0 || ends_with(name, ".log"))
        choose(arg, name);
}

static void look_into(void *arg, const char *name)
{
    struct rot *rot = arg;
    char *dir = xasprintf(META_DIR "/%s", name);

    free(rot->newest);
    rot->newest = NULL;
    rot->dir = META_DIR;
    if (strcmp(name, "meta") == 0)
        choose(rot, name);
    rot->dir = dir;
    if (disk_list(rot->disk, dir, find_newest, rot) == 0)
        (void)disk_list(rot->disk, dir, on_file, rot);
    free(dir);
}

/* In the segment that is written to: where its last but one batch begins, and where they all
 * end. */
static void measure(const uint8_t *bytes, size_t len, size_t *ret_safe, size_t *ret_end)
{
    struct segment_header segment;
    struct batch_header batch;
    size_t at = DISK_PAGE, last = DISK_PAGE;
    uint64_t id;

    *ret_safe = *ret_end = 0;
    if (len < DISK_PAGE || segment_header_decode(bytes, &segment) < 0)
        return;
    id = segment_id(segment.run, segment.number);
    while (at < len && batch_peek(bytes + at, id, len - at, &batch) &&
           batch_verify(bytes + at, &batch)) {
        *ret_safe = last;
        last = at;
        at += batch_bytes(batch.len);
    }
    *ret_end = at;
}

/* Most of a segment is zeros, where it does no harm: seldom there. */
static bool find_byte(struct sim *sim, const uint8_t *bytes, size_t len, bool is_newest,
                      size_t *ret_at)
{
    size_t safe = len, end = len;

    if (is_newest)
        measure(bytes, len, &safe, &end);
    for (int tries = 0; tries < 100 && len > 0; tries++) {
        *ret_at = rng_below(&sim->rng, len);
        if (*ret_at < safe ? bytes[*ret_at] != 0 : *ret_at >= end && sim_chance(sim, 100))
            return true;
    }
    return false;
}

static bool flip(struct rot *rot, struct sim_store *keep)
{
    uint8_t bit = (uint8_t)(1u << rng_below(&rot->sim->rng, 8));
    size_t len = 0, at = 0;
    const uint8_t *bytes = mem_disk_bytes(rot->disk, rot->path, &len);

    if (bytes == NULL || !find_byte(rot->sim, bytes, len, rot->is_newest, &at))
        return false;
    if (strcmp(rot->path, META_PATH) == 0) {
        keep->meta_at = at;
        keep->meta_bit = bit;
    }
    return mem_disk_rot(rot->disk, rot->path, at, bytes[at] ^ bit);
}

bool sim_store_rot(struct sim *sim, int s)
{
    struct sim_store *keep = &sim->servers[s].keep;
    struct rot rot = {.sim = sim, .disk = keep->disk};

    if (!keep->platter.staging && disk_list(keep->disk, META_DIR, look_into, &rot) == 0 &&
        rot.path != NULL)
        keep->rotten = flip(&rot, keep);
    free(rot.path);
    free(rot.newest);
    return keep->rotten;
}

void sim_rot_meta_replaced(struct sim_server *server)
{
    if (server->keep.meta_bit != 0)
        server->keep.rotten = false;
    server->keep.meta_bit = 0;
}

void sim_rot_meta_refused(struct sim *sim, int s)
{
    struct sim_store *keep = &sim->servers[s].keep;
    size_t len = 0;
    const uint8_t *bytes = mem_disk_bytes(keep->disk, META_PATH, &len);

    sim->cover.meta_refused++;
    if (sim->healed_at == 0 && sim_chance(sim, 2))
        return;
    SIM_REQUIRE(sim, keep->meta_at < len, "s%d: its meta is gone", s);
    (void)mem_disk_rot(keep->disk, META_PATH, keep->meta_at, bytes[keep->meta_at] ^ keep->meta_bit);
    sim_rot_meta_replaced(&sim->servers[s]);
}
