/* rng: pseudo-random numbers from a seed [xorshift64*, Vigna], for jitter and
 * for tests: the same seed gives the same numbers. Not for secrets. */
#ifndef ZKFS_PROTO_BASE_RNG_H
#define ZKFS_PROTO_BASE_RNG_H

#include "proto/base/hash.h"

#include <stdint.h>

struct rng {
    uint64_t state; /* never 0 */
};

static inline struct rng rng_seeded(uint64_t seed)
{
    uint64_t state = hash_u64(seed + 0x9e3779b97f4a7c15);

    return (struct rng){.state = state == 0 ? 1 : state};
}

static inline uint64_t rng_next(struct rng *rng)
{
    rng->state ^= rng->state >> 12;
    rng->state ^= rng->state << 25;
    rng->state ^= rng->state >> 27;
    return rng->state * 0x2545f4914f6cdd1d;
}

/* A number from 0 to LIMIT-1; LIMIT > 0. */
static inline uint64_t rng_below(struct rng *rng, uint64_t limit)
{
    return (rng_next(rng) >> 11) % limit;
}

#endif
