/* mem_disk: a disk in memory whose power can be cut, for tests.
 *
 * It has a volatile cache: what is written can be read at once, and survives a
 * power cut for certain only after the file's sync; until then each 4 KiB page
 * of it may be there, be missing, or be torn. Names are volatile until sync_dir
 * of their directory; a power cut keeps some first part of the changes to a
 * directory (as a journal does), so a rename happens wholly or not at all.
 *
 * There is no "after the cut" here: mem_disk_crash makes a second disk, as the
 * device would be found if power failed at this moment, and the first one goes
 * on. So one run of a workload can be cut at each of its calls, many times. */
#ifndef ZKFS_TESTS_SUPPORT_MEM_DISK_H
#define ZKFS_TESTS_SUPPORT_MEM_DISK_H

#include "proto/base/rng.h"
#include "store/disk.h"

/* Gives an empty disk with the root directory "/", to be freed. */
struct disk *mem_disk_new(void);
void mem_disk_free(struct disk *disk);

/* Which unsynced pages survive, how, and which names. */
struct mem_crash {
    uint64_t pages; /* bit i: unsynced page i (of all files, modulo 64) is on the device */
    uint64_t seed;  /* of the choices below */
    bool torn;      /* pages may be half written, in sectors of 512 bytes */
    bool names;     /* some of the unsynced names survive; else none */
};

/* Gives a disk as it would be found after a power cut now. */
struct disk *mem_disk_crash(struct disk *disk, const struct mem_crash *crash);

/* Cuts the power now, COUNT times: CHECK looks at each disk as it would be found, which ends
 * with the call. The first time nothing unsynced survives, then what RNG draws; every third
 * time pages are torn. */
void mem_disk_cut(struct disk *disk, struct rng *rng, int count,
                  void (*check)(void *arg, struct disk *image), void *arg);

/* Whoever had files open is gone, and with it its locks; what it wrote is in the cache. */
void mem_disk_process_died(struct disk *disk);

/* How many pages mem_crash.pages is about. */
size_t mem_disk_unsynced_pages(struct disk *disk);

/* HOOK is called by each call that changes something: after it took effect in
 * the cache, and, for the two syncs, before anything became durable. NULL: none. */
void mem_disk_on_call(struct disk *disk, void (*hook)(void *arg), void *arg);

/* Calls so far that change something. */
uint64_t mem_disk_calls(const struct disk *disk);

/* The process that held locks is gone. */
void mem_disk_drop_locks(struct disk *disk);

/* Makes all syncs do nothing, as a program would that forgot them. */
void mem_disk_ignore_sync(struct disk *disk, bool ignore);

/* Bytes that files may take up together; more is -ENOSPC. At first no limit. */
void mem_disk_set_capacity(struct disk *disk, uint64_t bytes);
uint64_t mem_disk_used(const struct disk *disk);

/* From now on, the next call of a kind fails with RC each time; 0: no more. */
struct mem_faults {
    int read, write, sync, change; /* change: open to create, rename, unlink, mkdir, ... */
    bool sync_loses;               /* a file's sync that fails does as mem_disk_lose_dirty */
};
void mem_disk_set_faults(struct disk *disk, const struct mem_faults *faults);

/* What is written and not synced counts as clean from now on, as with Linux after a write-back that
 * failed: it can be read still, by the next process as well, but no later sync writes it, and a
 * power cut takes it. */
void mem_disk_lose_dirty(struct disk *disk);

/* Pokes VALUE into a file, durably: rot. False: no such byte. */
bool mem_disk_rot(struct disk *disk, const char *path, uint64_t offset, uint8_t value);

/* A write with O_DSYNC: a call like disk_pwrite, and durable at its end. The disk must
 * have room. */
void mem_disk_write_through(struct disk_file *file, const void *data, size_t len, uint64_t offset);

/* A file that is there holds these bytes from now on, durably, and no others. */
void mem_disk_put(struct disk *disk, const char *path, const uint8_t *bytes, size_t len);

/* A file's bytes, borrowed until the next change; NULL: there is none. */
const uint8_t *mem_disk_bytes(struct disk *disk, const char *path, size_t *ret_len);

#endif
