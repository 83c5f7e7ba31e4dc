/* window: see window.h. Invariants:
 *   base <= applied <= committed <= end,  applied <= durable <= end
 *   the entries are exactly the txns in (base, end], in order, without a hole */
#include "replication/window.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "proto/txn.h"

#include <stdlib.h>

static void check(const struct window *h)
{
    ASSERT(h->base <= h->applied);
    ASSERT(h->applied <= h->committed);
    ASSERT(h->committed <= h->end);
    ASSERT(h->applied <= h->durable);
    ASSERT(h->durable <= h->end);
}

void window_init(struct window *h, zk_zxid zxid)
{
    *h = (struct window){
        .base = zxid, .applied = zxid, .committed = zxid, .durable = zxid, .end = zxid};
}

void window_load(struct window *h, zk_zxid base, zk_zxid applied, struct blob *const *entries,
                 size_t count)
{
    window_init(h, base);
    for (size_t i = 0; i < count; i++)
        window_append(h, entries[i]);
    ASSERT(window_has(h, applied));
    h->committed = applied;
    h->durable = h->end;
    while (window_apply_next(h) != NULL)
        ; /* is in the state already */
    ASSERT(h->applied == applied);
}

void window_done(struct window *h)
{
    for (size_t i = 0; i < h->count; i++)
        blob_unref(window_at(h, i));
    free(h->entries);
    *h = (struct window){0};
}

bool zxid_follows(zk_zxid last, zk_zxid zxid)
{
    if (zxid_epoch(zxid) == zxid_epoch(last))
        return zxid_counter(last) != ZXID_COUNTER_MAX && zxid == last + 1;
    return zxid_epoch(zxid) > zxid_epoch(last) && zxid_counter(zxid) == 1;
}

static void grow(struct window *h)
{
    size_t cap = h->cap == 0 ? 64 : h->cap * 2;
    struct blob **entries = xmalloc(cap * sizeof(struct blob *));

    for (size_t i = 0; i < h->count; i++)
        entries[i] = window_at(h, i);
    free(h->entries);
    h->entries = entries;
    h->first = 0;
    h->cap = cap;
}

void window_append(struct window *h, struct blob *txn)
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

struct blob *window_at(const struct window *h, size_t i)
{
    ASSERT(i < h->count);
    return h->entries[(h->first + i) % h->cap];
}

zk_zxid window_zxid(const struct window *h, size_t i)
{
    return txn_zxid(window_at(h, i)->data);
}

size_t window_index(const struct window *h, zk_zxid zxid)
{
    size_t low = 0, high = h->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (window_zxid(h, mid) < zxid)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

bool window_has(const struct window *h, zk_zxid zxid)
{
    size_t i = window_index(h, zxid);

    return zxid == h->base || (i < h->count && window_zxid(h, i) == zxid);
}

void window_truncate(struct window *h, zk_zxid zxid)
{
    ASSERT(window_has(h, zxid));
    ASSERT(zxid >= h->committed);
    while (h->count > 0 && window_zxid(h, h->count - 1) > zxid) {
        struct blob *txn = window_at(h, h->count - 1);

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

struct blob *window_apply_next(struct window *h)
{
    zk_zxid limit = h->committed < h->durable ? h->committed : h->durable;
    struct blob *txn;

    if (h->applied >= limit)
        return NULL;
    txn = window_at(h, window_index(h, h->applied + 1));
    h->applied = txn_zxid(txn->data);
    h->tail_bytes -= txn->len;
    check(h);
    return txn;
}

void window_trim(struct window *h, size_t count_min, size_t bytes_max)
{
    while (h->bytes > bytes_max && h->count > 0 && window_zxid(h, 0) <= h->applied &&
           (h->count > count_min || h->bytes > 2 * bytes_max)) {
        struct blob *txn = window_at(h, 0);

        h->base = txn_zxid(txn->data);
        h->bytes -= txn->len;
        h->first = (h->first + 1) % h->cap;
        h->count--;
        blob_unref(txn);
    }
    check(h);
}
