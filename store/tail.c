/* tail: see tail.h. */
#include "store/tail.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "proto/txn.h"

#include <stdlib.h>
#include <string.h>

void tail_init(struct tail *tail, zk_zxid applied, uint64_t window_bytes)
{
    *tail = (struct tail){
        .window_bytes = window_bytes,
        .applied = applied,
        .base = applied,
        .committed = applied,
    };
}

void tail_done(struct tail *tail)
{
    for (size_t i = 0; i < tail->count; i++)
        blob_unref(tail->txns[tail->head + i]);
    free(tail->txns);
    *tail = (struct tail){.base = tail->base};
}

static zk_zxid zxid_at(const struct tail *tail, size_t i)
{
    return txn_zxid(tail->txns[tail->head + i]->data);
}

/* The first txn leaves the window. */
static void drop_first(struct tail *tail)
{
    struct blob *first = tail->txns[tail->head];

    ASSERT(tail->applied_count > 0);
    tail->base = zxid_at(tail, 0);
    tail->overflowed = true;
    tail->bytes -= first->len;
    blob_unref(first);
    tail->head++;
    tail->count--;
    tail->applied_count--;
}

static void count_applied(struct tail *tail)
{
    tail->bytes += tail->txns[tail->head + tail->applied_count]->len;
    tail->applied_count++;
}

void tail_push(struct tail *tail, zk_zxid zxid, const uint8_t *txn, size_t len)
{
    if (tail->head + tail->count == tail->cap) {
        if (tail->head > tail->cap / 2) {
            memmove(tail->txns, tail->txns + tail->head, tail->count * sizeof *tail->txns);
            tail->head = 0;
        } else {
            tail->cap = tail->cap == 0 ? 256 : 2 * tail->cap;
            tail->txns = xrealloc(tail->txns, tail->cap * sizeof *tail->txns);
        }
    }
    tail->txns[tail->head + tail->count++] = blob_copy(txn, len);
    if (zxid <= tail->applied) /* the checkpoint has it */
        count_applied(tail);
    while (tail->bytes > tail->window_bytes && tail->applied_count > 0)
        drop_first(tail);
}

void tail_commit(struct tail *tail, zk_zxid zxid)
{
    if (zxid > tail->committed)
        tail->committed = zxid;
}

struct blob *tail_apply_next(struct tail *tail)
{
    struct blob *next;

    /* The last one that was given is applied now. */
    while (tail->bytes > tail->window_bytes && tail->applied_count > 0)
        drop_first(tail);
    if (tail->applied_count == tail->count || zxid_at(tail, tail->applied_count) > tail->committed)
        return NULL;
    next = tail->txns[tail->head + tail->applied_count];
    tail->applied = txn_zxid(next->data);
    count_applied(tail);
    return next;
}

void tail_begin(struct tail *tail, zk_zxid base)
{
    if (!tail->overflowed)
        tail->base = base;
    while (tail->count > 0 && zxid_at(tail, 0) <= tail->base)
        drop_first(tail);
}
