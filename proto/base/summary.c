/* summary: see summary.h. A power of two has 16 buckets: the first 32 are one value wide, the
 * next 16 two, and so on. What is above an int is counted in the last. */
#include "proto/base/summary.h"

#include "proto/base/assert.h"

#include <stddef.h>

#define EACH_BITS 4 /* 16 buckets */
#define EACH (1u << EACH_BITS)

_Static_assert(HISTOGRAM_BUCKETS == EACH * (31 - EACH_BITS + 1), "as many as an int needs");

void summary_add(struct summary *summary, int64_t value)
{
    ASSERT(value >= 0);
    if (summary->count == 0 || value < summary->min)
        summary->min = value;
    if (value > summary->max)
        summary->max = value;
    summary->sum += value;
    summary->count++;
}

static size_t bucket_of(int64_t value)
{
    unsigned v = value > INT32_MAX ? INT32_MAX : (unsigned)value;
    unsigned shift;

    if (v < EACH)
        return v;
    shift = 31 - (unsigned)__builtin_clz(v) - EACH_BITS;
    return shift * EACH + (v >> shift);
}

/* The greatest value that a bucket takes. */
static int64_t bucket_end(size_t bucket)
{
    unsigned shift = bucket < 2 * EACH ? 0 : (unsigned)(bucket / EACH) - 1;

    return ((int64_t)(bucket - shift * EACH + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, int64_t value)
{
    summary_add(&histogram->all, value);
    histogram->buckets[bucket_of(value)]++;
}

int64_t histogram_quantile(const struct histogram *histogram, unsigned per_mille)
{
    uint64_t count = (uint64_t)histogram->all.count, rank, seen = 0;

    ASSERT(per_mille <= 1000);
    /* Rounded up: of a single value every quantile is that value. */
    rank = count / 1000 * per_mille + (count % 1000 * per_mille + 999) / 1000;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > 0 && seen >= rank)
            return bucket_end(i) < histogram->all.max ? bucket_end(i) : histogram->all.max;
    }
    return 0;
}
