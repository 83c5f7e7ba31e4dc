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
 * The first two and the last are in recover_root.c. */
#include "proto/base/assert.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/txn.h"
#include "store/apply.h"
#include "store/recovery.h"
#include "store/tree_load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT_BYTES_DEFAULT ((uint64_t)16 * 1024 * 1024)
#define LOG_RETAIN_DEFAULT ((uint64_t)64 * 1024 * 1024)
#define LOG_RETAIN_MEMBER_DEFAULT ((uint64_t)256 * 1024 * 1024)
#define WINDOW_DEFAULT ((uint64_t)64 * 1024 * 1024)
#define CHECKPOINT_AFTER_DEFAULT ((uint64_t)64 * 1024 * 1024)

/* So many damaged checkpoints are kept. */
#define ASIDE_MAX 100

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
    return value > 0 ? value : otherwise;
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
    struct txnlog_config config = recovery_log_config(r);
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
    struct txnlog_config config = recovery_log_config(r);
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

/* ---- all of it ---- */

static int recover(struct recovery *r)
{
    int rc = recovery_take_directories(r);

    if (rc == 0)
        rc = recovery_load_meta(r);
    if (rc == 0)
        rc = recover_state(r);
    if (rc < 0)
        return rc;
    if (r->s->meta.no_vote)
        return 0; /* it may be what was damaged */
    recovery_remove_leftovers(r);
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
        .window_bytes = config->member ? or_default(config->window_bytes, WINDOW_DEFAULT) : 0,
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
