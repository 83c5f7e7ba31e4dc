/* solo: see solo.h. Invariants:
 *   committed <= durable <= proposed
 *   outstanding holds exactly the txns in (committed, proposed], in order */
#include "replication/solo.h"

#include "proto/base/assert.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"
#include "proto/txn.h"

#include <stdlib.h>

struct proposal {
    struct list link; /* in solo.outstanding */
    zk_zxid zxid;
    struct blob *txn;
};

struct solo {
    zk_zxid proposed, committed;
    size_t outstanding_count;
    struct list outstanding; /* of struct proposal, in zxid order */
};

static void action_add(struct solo_actions *out, enum solo_action_kind kind, struct proposal *p)
{
    if (out->count == out->cap) {
        out->cap = out->cap == 0 ? 16 : out->cap * 2;
        out->items = xrealloc(out->items, out->cap * sizeof *out->items);
    }
    out->items[out->count++] =
        (struct solo_action){.kind = kind, .zxid = p->zxid, .txn = blob_ref(p->txn)};
}

void solo_actions_clear(struct solo_actions *actions)
{
    for (size_t i = 0; i < actions->count; i++)
        blob_unref(actions->items[i].txn);
    actions->count = 0;
}

void solo_actions_done(struct solo_actions *actions)
{
    solo_actions_clear(actions);
    free(actions->items);
    *actions = (struct solo_actions){0};
}

static void proposal_free(struct proposal *p)
{
    list_remove(&p->link);
    blob_unref(p->txn);
    free(p);
}

struct solo *solo_new(zk_zxid last)
{
    struct solo *solo = xcalloc(1, sizeof *solo);

    ASSERT(last >= 0);
    solo->proposed = solo->committed = last;
    list_init(&solo->outstanding);
    return solo;
}

void solo_free(struct solo *solo)
{
    if (solo == NULL)
        return;
    LIST_FOR_SAFE(link, &solo->outstanding)
    {
        proposal_free(CONTAINER_OF(link, struct proposal, link));
    }
    free(solo);
}

/* Counter 0 names no txn: past the last counter, a server that is alone goes
 * on in the next epoch (an ensemble would elect, ZOOKEEPER-1277). */
zk_zxid solo_next_zxid(const struct solo *solo)
{
    if (zxid_counter(solo->proposed) == ZXID_COUNTER_MAX)
        return zxid_make(zxid_epoch(solo->proposed) + 1, 1);
    return solo->proposed + 1;
}

void solo_propose(struct solo *solo, struct blob *txn, struct solo_actions *out)
{
    struct proposal *p = xmalloc(sizeof *p);

    ASSERT(txn_zxid(txn->data) == solo_next_zxid(solo));
    p->zxid = txn_zxid(txn->data);
    p->txn = txn;
    solo->proposed = p->zxid;
    solo->outstanding_count++;
    list_push_back(&solo->outstanding, &p->link);
    action_add(out, SOLO_APPEND, p);
}

void solo_durable(struct solo *solo, zk_zxid zxid, struct solo_actions *out)
{
    ASSERT(zxid <= solo->proposed);
    LIST_FOR_SAFE(link, &solo->outstanding)
    {
        struct proposal *p = CONTAINER_OF(link, struct proposal, link);

        if (p->zxid > zxid)
            break;
        solo->outstanding_count--;
        solo->committed = p->zxid;
        action_add(out, SOLO_COMMIT, p);
        proposal_free(p);
    }
}

size_t solo_outstanding(const struct solo *solo)
{
    return solo->outstanding_count;
}
