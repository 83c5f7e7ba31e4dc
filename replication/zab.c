/* zab: see zab.h. Invariants:
 *   committed <= durable <= proposed
 *   outstanding holds exactly the txns in (committed, proposed], in order */
#include "replication/zab.h"

#include "proto/base/assert.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"
#include "proto/txn.h"

#include <stdlib.h>

struct proposal {
    struct list link; /* in zab.outstanding */
    zk_zxid zxid;
    struct blob *txn;
};

struct zab {
    zk_zxid proposed, committed;
    size_t outstanding_count;
    struct list outstanding; /* of struct proposal, in zxid order */
};

static void action_add(struct zab_actions *out, enum zab_action_kind kind, struct proposal *p)
{
    if (out->count == out->cap) {
        out->cap = out->cap == 0 ? 16 : out->cap * 2;
        out->items = xrealloc(out->items, out->cap * sizeof *out->items);
    }
    out->items[out->count++] =
        (struct zab_action){.kind = kind, .zxid = p->zxid, .txn = blob_ref(p->txn)};
}

void zab_actions_clear(struct zab_actions *actions)
{
    for (size_t i = 0; i < actions->count; i++)
        blob_unref(actions->items[i].txn);
    actions->count = 0;
}

void zab_actions_done(struct zab_actions *actions)
{
    zab_actions_clear(actions);
    free(actions->items);
    *actions = (struct zab_actions){0};
}

static void proposal_free(struct proposal *p)
{
    list_remove(&p->link);
    blob_unref(p->txn);
    free(p);
}

struct zab *zab_new(zk_zxid last)
{
    struct zab *zab = xcalloc(1, sizeof *zab);

    ASSERT(last >= 0);
    zab->proposed = zab->committed = last;
    list_init(&zab->outstanding);
    return zab;
}

void zab_free(struct zab *zab)
{
    if (zab == NULL)
        return;
    LIST_FOR_SAFE(link, &zab->outstanding)
    {
        proposal_free(CONTAINER_OF(link, struct proposal, link));
    }
    free(zab);
}

/* Counter 0 names no txn: past the last counter, a server that is alone goes
 * on in the next epoch (an ensemble would elect, ZOOKEEPER-1277). */
zk_zxid zab_next_zxid(const struct zab *zab)
{
    if (zxid_counter(zab->proposed) == ZXID_COUNTER_MAX)
        return zxid_make(zxid_epoch(zab->proposed) + 1, 1);
    return zab->proposed + 1;
}

void zab_propose(struct zab *zab, struct blob *txn, struct zab_actions *out)
{
    struct proposal *p = xmalloc(sizeof *p);

    ASSERT(txn_zxid(txn->data) == zab_next_zxid(zab));
    p->zxid = txn_zxid(txn->data);
    p->txn = txn;
    zab->proposed = p->zxid;
    zab->outstanding_count++;
    list_push_back(&zab->outstanding, &p->link);
    action_add(out, ZAB_APPEND, p);
}

void zab_durable(struct zab *zab, zk_zxid zxid, struct zab_actions *out)
{
    ASSERT(zxid <= zab->proposed);
    LIST_FOR_SAFE(link, &zab->outstanding)
    {
        struct proposal *p = CONTAINER_OF(link, struct proposal, link);

        if (p->zxid > zxid)
            break;
        zab->outstanding_count--;
        zab->committed = p->zxid;
        action_add(out, ZAB_COMMIT, p);
        proposal_free(p);
    }
}

size_t zab_outstanding(const struct zab *zab)
{
    return zab->outstanding_count;
}
