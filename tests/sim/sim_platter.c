/* sim_platter: see sim_platter.h. */
#include "tests/sim/sim_platter.h"

#include "proto/base/assert.h"
#include "proto/txn.h"

#include <string.h>

void sim_platter_done(struct sim_platter *platter)
{
    sim_log_done(&platter->log);
    sim_log_done(&platter->staged);
}

void sim_platter_append(struct sim_platter *platter, struct blob *txn)
{
    sim_log_append(&platter->log, txn);
}

void sim_platter_durable(struct sim_platter *platter, zk_zxid zxid)
{
    platter->durable = zxid;
}

void sim_platter_truncate(struct sim_platter *platter, zk_zxid zxid)
{
    sim_log_cut(&platter->log, sim_log_index(&platter->log, zxid + 1));
    if (platter->durable > zxid)
        platter->durable = zxid;
}

void sim_platter_meta(struct sim_platter *platter, zk_epoch accepted, zk_epoch current)
{
    platter->accepted = accepted;
    platter->current = current;
}

void sim_platter_checkpoint(struct sim_platter *platter, zk_zxid zxid)
{
    sim_log_raise(&platter->log, zxid);
}

void sim_platter_stage_begin(struct sim_platter *platter, zk_zxid zxid)
{
    sim_platter_drop(platter);
    platter->staged.base = zxid;
    platter->staging = true;
}

void sim_platter_stage(struct sim_platter *platter, struct blob *txn)
{
    sim_log_append(&platter->staged, txn);
}

void sim_platter_install(struct sim_platter *platter, zk_epoch accepted, zk_epoch current)
{
    platter->staged_accepted = accepted;
    platter->staged_current = current;
    platter->installing = true;
}

void sim_platter_installed(struct sim_platter *platter)
{
    sim_log_done(&platter->log);
    platter->log = platter->staged;
    platter->staged = (struct sim_log){0};
    platter->durable = sim_log_end(&platter->log);
    platter->accepted = platter->staged_accepted;
    platter->current = platter->staged_current;
    platter->no_vote = platter->staging = platter->installing = false;
}

void sim_platter_drop(struct sim_platter *platter)
{
    sim_log_done(&platter->staged);
    platter->staging = platter->installing = false;
}

static bool is_same(const struct blob *a, const struct blob *b)
{
    return a == b || (a->len == b->len && memcmp(a->data, b->data, a->len) == 0);
}

bool sim_platter_has(const struct sim_platter *platter, zk_zxid zxid, const struct blob *txn)
{
    const struct blob *found;

    if (zxid <= platter->log.base)
        return true; /* the state's digest is compared with everybody's */
    if (zxid > platter->durable)
        return false;
    found = sim_log_find(&platter->log, zxid);
    return found != NULL && is_same(found, txn);
}

zk_zxid sim_platter_end(const struct sim_platter *platter)
{
    return platter->durable;
}

static zk_zxid found_end(const struct sim_found *found)
{
    return found->count == 0 ? found->applied : txn_zxid(found->entries[found->count - 1]->data);
}

/* Is everything of LOG up to DURABLE in what was found? A checkpoint that has rotted may be set
 * aside, where the log reaches back to the beginning: then the state is older, and all that it
 * lacks is in the log, to be compared with what was committed when it is applied. */
static const char *compare(const struct sim_log *log, zk_zxid durable,
                           const struct sim_found *found)
{
    size_t at = 0;

    if (found->applied < log->base && found_end(found) < log->base)
        return "the state is older than a checkpoint that was made";
    for (size_t i = 0; i < log->count; i++) {
        zk_zxid zxid = sim_log_zxid(log, i);

        if (zxid > durable)
            break;
        if (zxid <= found->applied)
            continue;
        while (at < found->count && txn_zxid(found->entries[at]->data) < zxid)
            at++;
        if (at == found->count || !is_same(found->entries[at], log->entries[i]))
            return "a txn that was durable is gone";
    }
    return NULL;
}

static const char *check_old(const struct sim_platter *platter, const struct sim_found *found)
{
    if (found->accepted < platter->accepted || found->current < platter->current)
        return "epochs that were durable are gone";
    if (platter->no_vote && !found->no_vote)
        return "no-vote is gone without a snapshot";
    return compare(&platter->log, platter->durable, found);
}

static bool is_new(const struct sim_platter *platter, const struct sim_found *found)
{
    return platter->installing && found->accepted == platter->staged_accepted &&
           found->current == platter->staged_current && !found->no_vote &&
           compare(&platter->staged, sim_log_end(&platter->staged), found) == NULL;
}

const char *sim_platter_found(struct sim_platter *platter, const struct sim_found *found)
{
    const char *wrong = check_old(platter, found);

    if (wrong != NULL && !is_new(platter, found))
        return wrong;
    sim_platter_drop(platter);
    sim_log_done(&platter->log);
    platter->log.base = found->base;
    for (size_t i = 0; i < found->count; i++)
        sim_log_append(&platter->log, found->entries[i]);
    platter->durable = sim_log_end(&platter->log);
    platter->accepted = found->accepted;
    platter->current = found->current;
    platter->no_vote = found->no_vote;
    return NULL;
}

void sim_platter_forget(struct sim_platter *platter)
{
    zk_epoch accepted = platter->accepted, current = platter->current;

    sim_platter_done(platter);
    *platter = (struct sim_platter){.accepted = accepted, .current = current, .no_vote = true};
}
