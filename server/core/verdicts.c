/* verdicts: see verdicts.h. */
#include "server/core/verdicts.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define CAP_FIRST 16

/* What lies before the first place goes behind the last one, where there is room now. */
static void grow(struct verdicts *verdicts)
{
    size_t cap = verdicts->cap == 0 ? CAP_FIRST : 2 * verdicts->cap;

    verdicts->items = xrealloc(verdicts->items, cap * sizeof *verdicts->items);
    memcpy(verdicts->items + verdicts->cap, verdicts->items,
           verdicts->first * sizeof *verdicts->items);
    verdicts->cap = cap;
}

static struct verdict *verdict_at(const struct verdicts *verdicts, size_t i)
{
    return &verdicts->items[(verdicts->first + i) % verdicts->cap];
}

void verdicts_add(struct verdicts *verdicts, const struct verdict *verdict)
{
    ASSERT(verdicts->count < VERDICTS_MAX);
    ASSERT(verdicts->count == 0 ||
           verdict_at(verdicts, verdicts->count - 1)->zxid <= verdict->zxid);
    if (verdicts->count == verdicts->cap)
        grow(verdicts);
    verdicts->count++;
    *verdict_at(verdicts, verdicts->count - 1) = *verdict;
}

bool verdicts_take(struct verdicts *verdicts, zk_zxid zxid, struct verdict *ret)
{
    if (verdicts->count == 0 || verdict_at(verdicts, 0)->zxid > zxid)
        return false;
    *ret = *verdict_at(verdicts, 0);
    verdicts->first = (verdicts->first + 1) % verdicts->cap;
    verdicts->count--;
    return true;
}

void verdicts_clear(struct verdicts *verdicts)
{
    free(verdicts->items);
    *verdicts = (struct verdicts){0};
}
