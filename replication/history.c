/* history: see history.h. Invariants:
 *   base <= applied <= committed <= end,  applied <= durable <= end
 *   the entries are exactly the txns in (base, end], in order, without a hole */
#include "replication/history.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "proto/txn.h"

#include <stdlib.h>

static void check(const struct history *h)
{
    ASSERT(h->base <= h->applied);
    ASSERT(h->applied <= h->committed);
    ASSERT(h->committed <= h->end);
    ASSERT(h->applied <= h->durable);
    ASSERT(h->durable <= h->end);
}

void history_init(struct history *h, zk_zxid zxid)
{
    *h = (struct history){
        .base = zxid, .applied = zxid, .committed = zxid, .durable = zxid, .end = zxid};
}

void history_load(struct history *h, zk_zxid base, zk_zxid applied, struct blob *const *entries,
                  size_t count)
{
    history_init(h, base);
    for (size_t i = 0; i < count; i++)
        history_append(h, entries[i]);
    ASSERT(history_has(h, applied));
    h->committed = applied;
    h->durable = h->end;
    while (history_apply_next(h) != NULL)
        ; /* is in the state already */
    ASSERT(h->applied == applied);
}

void history_done(struct history *h)
{
    for (size_t i = 0; i < h->count; i++)
        blob_unref(history_at(h, i));
    free(h->entries);
    *h = (struct history){0};
}

bool zxid_follows(zk_zxid last, zk_zxid zxid)
{
    if (zxid_epoch(zxid) == zxid_epoch(last))
        return zxid_counter(last) != ZXID_COUNTER_MAX && zxid == last + 1;
    return zxid_epoch(zxid) > zxid_epoch(last) && zxid_counter(zxid) == 1;
}

static void grow(struct history *h)
{
    size_t cap = h->cap == 0 ? 64 : h->cap * 2;
    struct blob **entries = xmalloc(cap * sizeof(struct blob *));

    for (size_t i = 0; i < h->count; i++)
        entries[i] = history_at(h, i);
    free(h->entries);
    h->entries = entries;
    h->first = 0;
    h->cap = cap;
}

void history_append(struct history *h, struct blob *txn)
{
    zk_zxid zxid = txn_zxid(txn->data);

    ASSERT(zxid_follows(h->end, zxid));
    if (h->count == h->cap)
        grow(h);
    h->entries[(h->first + h->count++) % h->cap] = blob_ref(txn);
    h->bytes += txn->len;
    h->tail_bytes += txn->len;
    h->end = zxid;
    check(h);
}

struct blob *history_at(const struct history *h, size_t i)
{
    ASSERT(i < h->count);
    return h->entries[(h->first + i) % h->cap];
}

zk_zxid history_zxid(const struct history *h, size_t i)
{
    return txn_zxid(history_at(h, i)->data);
}

size_t history_index(const struct history *h, zk_zxid zxid)
{
    size_t low = 0, high = h->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (history_zxid(h, mid) < zxid)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

bool history_has(const struct history *h, zk_zxid zxid)
{
    size_t i = history_index(h, zxid);

    return zxid == h->base || (i < h->count && history_zxid(h, i) == zxid);
}

void history_truncate(struct history *h, zk_zxid zxid)
{
    ASSERT(history_has(h, zxid));
    ASSERT(zxid >= h->committed);
    while (h->count > 0 && history_zxid(h, h->count - 1) > zxid) {
        struct blob *txn = history_at(h, h->count - 1);

        h->count--;
        h->bytes -= txn->len;
        h->tail_bytes -= txn->len;
        blob_unref(txn);
    }
    h->end = zxid;
    if (h->durable > zxid)
        h->durable = zxid;
    check(h);
}

struct blob *history_apply_next(struct history *h)
{
    zk_zxid limit = h->committed < h->durable ? h->committed : h->durable;
    struct blob *txn;

    if (h->applied >= limit)
        return NULL;
    txn = history_at(h, history_index(h, h->applied + 1));
    h->applied = txn_zxid(txn->data);
    h->tail_bytes -= txn->len;
    check(h);
    return txn;
}

void history_trim(struct history *h, size_t count_min, size_t bytes_max)
{
    while (h->bytes > bytes_max && h->count > 0 && history_zxid(h, 0) <= h->applied &&
           (h->count > count_min || h->bytes > 2 * bytes_max)) {
        struct blob *txn = history_at(h, 0);

        h->base = txn_zxid(txn->data);
        h->bytes -= txn->len;
        h->first = (h->first + 1) % h->cap;
        h->count--;
        blob_unref(txn);
    }
    check(h);
}
