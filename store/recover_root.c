/* recover_root: the directories of a store, and meta, its root: found, made anew, or begun
 * again beside what is damaged; and what meta does not name goes.
 *
 * A new database is made in the order log, meta: meta is there only when all that
 * it names is. */
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "store/recovery.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECKPOINT_PREFIX "checkpoint-"
#define LOG_NAME "txnlog"

/* The first zxid of a new database, if it stands alone. */
#define FIRST_ZXID 1

/* ---- directories, locks ---- */

static int make_directory(struct recovery *r, const char *dir)
{
    int rc = disk_mkdir_path(r->s->base.disk, dir);

    if (rc < 0)
        return errtext_set(r->why, rc, "cannot make directory %s: %s", dir, strerror(-rc));
    return 0;
}

static int lock_directory(struct recovery *r, const char *dir, struct disk_file **ret_lock)
{
    char *path = xasprintf("%s/lock", dir);
    long pid = 0;
    int rc = disk_lock(r->s->base.disk, path, ret_lock, &pid);

    if (rc == -EWOULDBLOCK)
        errtext_set(r->why, rc, "%s is in use by another server, process %ld (it holds %s)", dir,
                    pid, path);
    else if (rc < 0)
        errtext_set(r->why, rc, "cannot lock %s: %s", path, strerror(-rc));
    free(path);
    return rc;
}

int recovery_take_directories(struct recovery *r)
{
    const char *log_parent = r->config->log_dir != NULL ? r->config->log_dir : r->config->data_dir;
    int rc;

    r->s->dir = xasprintf("%s/zkfs", r->config->data_dir);
    r->s->log_root = xasprintf("%s/zkfs", log_parent);
    rc = make_directory(r, r->s->dir);
    if (rc == 0)
        rc = make_directory(r, r->s->log_root);
    if (rc == 0)
        rc = lock_directory(r, r->s->dir, &r->s->lock);
    if (rc == 0 && strcmp(r->s->log_root, r->s->dir) != 0)
        rc = lock_directory(r, r->s->log_root, &r->s->log_lock);
    return rc;
}

/* Known once meta is: it goes by the generation. */
static int take_log_directory(struct recovery *r, uint64_t generation)
{
    r->s->log_dir = store_log_dir(r->s, generation);
    return make_directory(r, r->s->log_dir);
}

/* ---- meta ---- */

struct txnlog_config recovery_log_config(const struct recovery *r)
{
    return (struct txnlog_config){
        .dir = r->s->log_dir,
        .segment_bytes = r->segment_bytes,
        .run = r->s->meta.log_run,
        .first = r->s->meta.log_first,
        .window_bytes = r->window_bytes,
    };
}

static bool parse_name(const char *name, const char *prefix, uint64_t *ret_generation)
{
    char again[64];

    if (strncmp(name, prefix, strlen(prefix)) != 0)
        return false;
    *ret_generation = strtoull(name + strlen(prefix), NULL, 10);
    (void)snprintf(again, sizeof again, "%s%" PRIu64, prefix, *ret_generation);
    return strcmp(again, name) == 0;
}

static bool parse_checkpoint_name(const char *name, uint64_t *ret_generation)
{
    return parse_name(name, CHECKPOINT_PREFIX, ret_generation);
}

static bool parse_log_name(const char *name, uint64_t *ret_generation)
{
    *ret_generation = 1;
    return strcmp(name, LOG_NAME) == 0 || parse_name(name, LOG_NAME "-", ret_generation);
}

static void count_checkpoint(void *arg, const char *name)
{
    uint64_t generation;

    if (parse_checkpoint_name(name, &generation) ||
        (parse_log_name(name, &generation) && generation > 1))
        ++*(size_t *)arg;
}

/* Without meta nothing else may be there: a lost meta is no new database. */
static int check_is_new(struct recovery *r)
{
    size_t checkpoints = 0;
    bool vacant = false;
    int rc = disk_list(r->s->base.disk, r->s->dir, count_checkpoint, &checkpoints);

    if (rc == 0 && r->s->log_lock != NULL)
        rc = disk_list(r->s->base.disk, r->s->log_root, count_checkpoint, &checkpoints);
    if (rc < 0)
        return errtext_set(r->why, rc, "cannot read %s: %s", r->s->dir, strerror(-rc));
    rc = txnlog_vacant(r->s->base.disk, r->s->log_dir, &vacant, r->why);
    if (rc < 0 || (vacant && checkpoints == 0))
        return rc;
    return errtext_set(r->why, -EBADMSG,
                       "%s/meta is missing, but %s has data; restore the directory from a copy",
                       r->s->dir, vacant ? r->s->dir : r->s->log_dir);
}

static int make_new(struct recovery *r)
{
    struct txnlog_config config;
    struct buf bytes = {0};
    int rc = check_is_new(r);

    if (rc < 0)
        return rc;
    r->s->meta = (struct meta){
        .generation = 1,
        .log_run = hash_bytes(&r->config->key, "log run", 7),
        .log_first = FIRST_ZXID,
    };
    config = recovery_log_config(r);
    rc = txnlog_create(r->s->base.disk, &config, r->why);
    if (rc < 0)
        return rc;
    meta_encode(&bytes, &r->s->meta);
    rc = meta_replace(r->s->base.disk, r->s->dir, bytes.data, bytes.len, r->why);
    buf_done(&bytes);
    if (rc == 0)
        log_info("store: new database: dir=%s", r->s->dir);
    return rc;
}

static void find_generation(void *arg, const char *name)
{
    struct recovery *r = arg;
    uint64_t generation;

    if ((parse_checkpoint_name(name, &generation) || parse_log_name(name, &generation)) &&
        generation > r->s->last_generation)
        r->s->last_generation = generation;
}

/* An empty history in a generation of its own, beside what is damaged. */
static int forget(struct recovery *r)
{
    struct meta *meta = &r->s->meta;
    struct txnlog_config config;
    struct buf bytes = {0};
    int rc = disk_list(r->s->base.disk, r->s->dir, find_generation, r);

    if (rc == 0)
        rc = disk_list(r->s->base.disk, r->s->log_root, find_generation, r);
    if (rc < 0)
        return errtext_set(r->why, rc, "cannot read %s: %s", r->s->dir, strerror(-rc));
    meta->generation = ++r->s->last_generation;
    meta->log_run = hash_u64(meta->log_run + meta->generation);
    meta->log_first = FIRST_ZXID;
    meta->no_vote = true;
    rc = take_log_directory(r, meta->generation);
    if (rc < 0)
        return rc;
    config = recovery_log_config(r);
    rc = txnlog_create(r->s->base.disk, &config, r->why);
    meta_encode(&bytes, meta);
    if (rc == 0)
        rc = meta_replace(r->s->base.disk, r->s->dir, bytes.data, bytes.len, r->why);
    buf_done(&bytes);
    if (rc == 0)
        log_warn("store: history is damaged, beginning without: dir=%s; no vote until there is a "
                 "snapshot",
                 r->s->dir);
    return rc;
}

int recovery_load_meta(struct recovery *r)
{
    int rc = meta_read(r->s->base.disk, r->s->dir, &r->s->meta, r->why);

    if (rc == -ENOENT) {
        rc = take_log_directory(r, 1);
        return rc < 0 ? rc : make_new(r);
    }
    if (rc == 0 && r->config->forget)
        return forget(r);
    if (rc == 0)
        rc = take_log_directory(r, r->s->meta.generation);
    if (rc < 0)
        return rc;
    /* A killed process may have renamed it in the kernel's memory only. */
    rc = disk_sync_dir(r->s->base.disk, r->s->dir);
    return rc < 0 ? errtext_set(r->why, rc, "cannot sync %s: %s", r->s->dir, strerror(-rc)) : 0;
}

/* ---- leftovers ---- */

static void remove_checkpoint(void *arg, const char *name)
{
    struct recovery *r = arg;
    struct errtext why;
    uint64_t generation;
    char *dir;

    if (!parse_checkpoint_name(name, &generation) || generation == r->s->meta.generation)
        return;
    dir = store_checkpoint_dir(r->s, generation);
    if (r->s->ops->remove(r->s->base.disk, dir, &why) < 0)
        log_warn("store: a leftover stays: %s", why.text);
    free(dir);
}

static void remove_log(void *arg, const char *name)
{
    struct recovery *r = arg;
    struct errtext why;
    uint64_t generation;
    char *dir;

    if (!parse_log_name(name, &generation) || generation == r->s->meta.generation)
        return;
    dir = store_log_dir(r->s, generation);
    if (txnlog_remove(r->s->base.disk, dir, &why) < 0)
        log_warn("store: a leftover stays: %s", why.text);
    free(dir);
}

void recovery_remove_leftovers(struct recovery *r)
{
    (void)disk_list(r->s->base.disk, r->s->dir, remove_checkpoint, r);
    (void)disk_list(r->s->base.disk, r->s->log_root, remove_log, r);
}
