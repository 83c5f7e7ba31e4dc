/* spare_buffers: see spare_buffers.h. Sorted by size, the largest last. */
#include "server/spare_buffers.h"

#include <string.h>

/* Takes the buffer at INDEX out; the caller's. */
static struct buf take_at(struct spare_buffers *all, size_t index)
{
    struct buf taken = all->items[index];

    all->count--;
    all->bytes -= taken.cap;
    memmove(&all->items[index], &all->items[index + 1],
            (all->count - index) * sizeof all->items[0]);
    if (all->count < all->least)
        all->least = all->count;
    return taken;
}

static void drop_smallest(struct spare_buffers *all)
{
    struct buf dropped = take_at(all, 0);

    buf_done(&dropped);
}

static bool is_full(const struct spare_buffers *all, size_t more)
{
    return all->count == SPARES_MAX || all->bytes + more > SPARES_BYTES_MAX;
}

void spare_buffers_give(struct spare_buffers *all, struct buf *b)
{
    size_t at;

    while (is_full(all, b->cap) && all->count > 0 && all->items[0].cap < b->cap)
        drop_smallest(all);
    if (b->cap < SPARE_BYTES_MIN || b->cap > SPARE_BYTES_MAX || is_full(all, b->cap)) {
        buf_done(b);
        return;
    }
    for (at = all->count; at > 0 && all->items[at - 1].cap > b->cap; at--)
        all->items[at] = all->items[at - 1];
    all->items[at] = *b;
    all->items[at].len = 0;
    all->count++;
    all->bytes += b->cap;
    *b = (struct buf){0};
}

struct buf spare_buffers_take(struct spare_buffers *all, size_t size)
{
    if (all->count == 0 || all->items[all->count - 1].cap < size)
        return (struct buf){0};
    return take_at(all, all->count - 1);
}

void spare_buffers_trim(struct spare_buffers *all)
{
    for (size_t unused = all->least; unused > 0; unused--)
        drop_smallest(all);
    all->least = all->count;
}

void spare_buffers_done(struct spare_buffers *all)
{
    while (all->count > 0)
        drop_smallest(all);
}
