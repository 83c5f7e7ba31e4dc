/* recover: opening a store: from what lies on disk to a tree and a log that goes
 * on. In this order:
 *
 *     directories, locks    one server per directory
 *     meta                  the root; none: a new database, if nothing else is there
 *     checkpoint            every row and the digest checked; a damaged one is set aside if
 *                           the log has everything
 *     log                   every txn after the checkpoint applied, its digest checked;
 *                           a member's beyond the commit mark kept as entries (tail.h)
 *     leftovers             deleted, now that it is known what is in force
 *
 * A new database is made in the order log, meta: meta is there only when all that
 * it names is. */
#include "proto/base/assert.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/txn.h"
#include "store/apply.h"
#include "store/store_snap.h"
#include "store/tree_load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT_BYTES_DEFAULT ((uint64_t)16 * 1024 * 1024)
#define LOG_RETAIN_DEFAULT ((uint64_t)64 * 1024 * 1024)
#define LOG_RETAIN_MEMBER_DEFAULT ((uint64_t)256 * 1024 * 1024)
#define WINDOW_DEFAULT ((uint64_t)64 * 1024 * 1024)
#define CHECKPOINT_AFTER_DEFAULT ((uint64_t)64 * 1024 * 1024)
#define CHECKPOINT_PREFIX "checkpoint-"
#define LOG_NAME "txnlog"

/* So many damaged checkpoints are kept. */
#define ASIDE_MAX 100

/* The first zxid of a new database, if it stands alone. */
#define FIRST_ZXID 1

struct recovery {
    struct store *s;
    const struct store_config *config;
    uint64_t segment_bytes;
    struct errtext *why;
    struct tree_load *load;
    struct arena arena;
    uint64_t txns;
};

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

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

static int take_directories(struct recovery *r)
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

static struct txnlog_config log_config(const struct recovery *r)
{
    return (struct txnlog_config){
        .dir = r->s->log_dir,
        .segment_bytes = r->segment_bytes,
        .run = r->s->meta.log_run,
        .first = r->s->meta.log_first,
        .window_bytes = r->config->member ? or_default(r->config->window_bytes, WINDOW_DEFAULT) : 0,
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
    config = log_config(r);
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
    config = log_config(r);
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

static int load_meta(struct recovery *r)
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

/* ---- checkpoint ---- */

static int on_rows(void *arg, const uint8_t *rows, size_t len, struct errtext *why)
{
    struct recovery *r = arg;
    struct jute_reader reader = jute_reader(rows, len, NULL);

    while (jute_left(&reader) > 0) {
        struct row row;
        int rc;

        if (!row_get(&reader, &row))
            return errtext_set(why, -EBADMSG, "a row is malformed");
        rc = tree_load_row(r->load, &row, why);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Did the tree come out as the checkpoint says it was? */
static int check_tree(struct recovery *r, const struct checkpoint_state *state)
{
    if (tree_zxid(r->s->tree) == state->zxid && tree_digest(r->s->tree) == state->digest)
        return 0;
    return errtext_set(r->why, -EBADMSG,
                       "zxid or tree digest are not those written down: the checkpoint is damaged");
}

static int load_rows(struct recovery *r, struct checkpoint_state *ret)
{
    int rc;

    r->load = tree_load_new(&r->config->key);
    rc = r->s->ops->load(r->s->checkpoint, on_rows, r, ret, r->why);
    if (rc < 0) {
        tree_load_abandon(r->load);
        return rc;
    }
    rc = tree_load_done(r->load, &r->s->tree, r->why);
    return rc < 0 ? rc : check_tree(r, ret);
}

static int load_checkpoint(struct recovery *r)
{
    char *dir = store_checkpoint_dir(r->s, r->s->meta.generation);
    struct checkpoint_state state = {0};
    int rc = r->s->ops->open(r->s->base.disk, dir, &r->s->checkpoint, r->why);

    if (rc == 0) {
        rc = load_rows(r, &state);
        if (rc == -ENOENT) {
            /* None was made yet. If one is lost, the log does not reach back
             * to the beginning, and opening it will say so. */
            r->s->tree = tree_new(&r->config->key);
            rc = 0;
        } else if (rc == -EBADMSG && strstr(r->why->text, dir) == NULL) {
            errtext_prefix(r->why, "%s", dir);
        }
    }
    free(dir);
    r->s->checkpoint_zxid = state.zxid;
    r->s->checkpoint_bytes = state.disk_bytes;
    return rc;
}

/* ---- log ---- */

static int apply_txn(struct recovery *r, zk_zxid zxid, const uint8_t *bytes, size_t len,
                     struct errtext *why)
{
    struct applied applied;
    struct txn txn;

    arena_reset(&r->arena);
    if (!txn_decode(bytes, len, &r->arena, &txn))
        return errtext_set(why, -EBADMSG,
                           "%s: txn 0x%" PRIx64 " in the log is not one that this zkfsd knows",
                           r->s->log_dir, (uint64_t)zxid);
    applied = tree_apply(r->s->tree, &txn, NULL);
    if (applied.digest_mismatch)
        return errtext_set(why, -EBADMSG,
                           "%s: after txn 0x%" PRIx64 " the tree is not what it was when the txn "
                           "was logged (its digest differs); restore the data directory from a "
                           "copy",
                           r->s->log_dir, (uint64_t)zxid);
    return 0;
}

/* A member: applies what is known to be committed by now. */
static int apply_tail(struct recovery *r, struct errtext *why)
{
    struct tail *tail = &r->s->tail;
    struct blob *txn;
    int rc = 0;

    while (rc == 0 && (txn = tail_apply_next(tail)) != NULL)
        rc = apply_txn(r, txn_zxid(txn->data), txn->data, txn->len, why);
    return rc;
}

static int on_txn(void *arg, zk_zxid zxid, const uint8_t *bytes, size_t len, struct errtext *why)
{
    struct recovery *r = arg;

    r->txns += zxid > r->s->checkpoint_zxid;
    if (!r->config->member)
        return apply_txn(r, zxid, bytes, len, why);
    tail_push(&r->s->tail, zxid, bytes, len);
    return apply_tail(r, why);
}

static int replay_log(struct recovery *r)
{
    struct txnlog_config config = log_config(r);
    struct txnlog_events events = store_log_events(r->s);
    int rc;

    tree_set_provisional(r->s->tree, r->s->meta.provisional);
    tail_init(&r->s->tail, tree_zxid(r->s->tree), config.window_bytes);
    rc = txnlog_open(r->s->base.disk, r->s->base.log_worker, &config, &events,
                     r->s->checkpoint_zxid, on_txn, r, &r->s->log, r->why);
    if (rc == 0 && r->config->member) {
        tail_begin(&r->s->tail, txnlog_base(r->s->log));
        rc = apply_tail(r, r->why);
    }
    return rc;
}

/* ---- a damaged checkpoint ---- */

/* Under a name that nobody reads or deletes: it may help a person. */
static int set_aside(struct recovery *r)
{
    struct disk *disk = r->s->base.disk;
    char *dir = store_checkpoint_dir(r->s, r->s->meta.generation);
    char *aside = NULL;
    int rc = -EEXIST;

    r->s->ops->close(r->s->checkpoint);
    r->s->checkpoint = NULL;
    for (int i = 1; i <= ASIDE_MAX && (rc == -EEXIST || rc == -ENOTEMPTY); i++) {
        free(aside);
        aside = xasprintf("%s.damaged-%d", dir, i);
        rc = disk_rename(disk, dir, aside);
    }
    if (rc == 0)
        rc = disk_sync_dir(disk, r->s->dir);
    if (rc < 0) {
        errtext_set(r->why, rc, "cannot rename the damaged %s to %s: %s", dir, aside,
                    strerror(-rc));
    } else {
        log_warn("store: checkpoint damaged: cause=\"%s\" kept=%s; rebuilding the state from the "
                 "log, which reaches back to the beginning",
                 r->why->text, aside);
        rc = r->s->ops->open(disk, dir, &r->s->checkpoint, r->why);
    }
    free(dir);
    free(aside);
    return rc;
}

static int not_without_checkpoint(struct recovery *r)
{
    struct errtext damage = *r->why;

    return errtext_set(r->why, -EBADMSG,
                       "%s, and the log does not have everything; restore the data "
                       "directory from a copy, or move it away if another server of the ensemble "
                       "has the data",
                       damage.text);
}

/* A log that reaches back to the beginning can do without: its txns carry the digests
 * that the tree must have. Where it does not, nothing is changed. (What the checkpoint had
 * beyond the end of the log, none could tell; but it is made of what is durable there.) */
static int recover_from_log(struct recovery *r)
{
    struct txnlog_config config = log_config(r);
    struct errtext cause;
    int rc = txnlog_reaches(r->s->base.disk, &config, 0, &cause);

    if (rc == 0)
        rc = set_aside(r);
    else if (rc == -EBADMSG || rc == -ENOENT)
        return not_without_checkpoint(r);
    else
        *r->why = cause;
    if (rc < 0)
        return rc;
    tree_free(r->s->tree);
    r->s->tree = tree_new(&r->config->key);
    r->s->checkpoint_zxid = 0;
    r->s->checkpoint_bytes = 0;
    return replay_log(r);
}

static int recover_state(struct recovery *r)
{
    int rc = load_checkpoint(r);

    if (rc == -EBADMSG)
        return recover_from_log(r);
    return rc < 0 ? rc : replay_log(r);
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

/* ---- all of it ---- */

static int recover(struct recovery *r)
{
    int rc = take_directories(r);

    if (rc == 0)
        rc = load_meta(r);
    if (rc == 0)
        rc = recover_state(r);
    if (rc < 0)
        return rc;
    if (r->s->meta.no_vote)
        return 0; /* it may be what was damaged */
    /* Whatever cannot be deleted stays: it does no harm. */
    (void)disk_list(r->s->base.disk, r->s->dir, remove_checkpoint, r);
    (void)disk_list(r->s->base.disk, r->s->log_root, remove_log, r);
    return 0;
}

int store_open(const struct store_config *config, const struct store_base *base,
               const struct store_events *events, struct store **ret_store, struct errtext *why)
{
    struct store *s = xcalloc(1, sizeof *s);
    struct recovery r = {
        .s = s,
        .config = config,
        .segment_bytes = or_default(config->segment_bytes, SEGMENT_BYTES_DEFAULT),
        .why = why,
    };
    int rc;

    s->base = *base;
    s->key = config->key;
    list_init(&s->stages);
    list_init(&s->meta_writes);
    s->events = *events;
    s->ops = config->checkpoints != NULL ? config->checkpoints : &checkpoint_lmdb;
    s->segment_bytes = r.segment_bytes;
    s->log_retain_bytes = or_default(
        config->log_retain_bytes, config->member ? LOG_RETAIN_MEMBER_DEFAULT : LOG_RETAIN_DEFAULT);
    s->checkpoint_after_bytes =
        or_default(config->checkpoint_after_bytes, CHECKPOINT_AFTER_DEFAULT);
    s->snap_count = config->snap_count;
    rc = recover(&r);
    arena_done(&r.arena);
    if (rc < 0) {
        store_free(s);
        return rc;
    }
    s->txns = r.txns;
    log_info("store: open: dir=%s checkpoint=0x%" PRIx64 " replayed=%" PRIu64 " end=0x%" PRIx64
             " applied=0x%" PRIx64 " znodes=%" PRIu64,
             s->dir, (uint64_t)s->checkpoint_zxid, r.txns, (uint64_t)txnlog_end(s->log),
             (uint64_t)tree_zxid(s->tree), tree_znode_count(s->tree));
    *ret_store = s;
    return 0;
}
