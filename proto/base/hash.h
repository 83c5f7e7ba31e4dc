/* hash: a keyed hash of bytes [SipHash-1-3, Aumasson and Bernstein], for
 * tables whose keys come from outside: who does not know the key cannot choose
 * colliding names. Not for storage: the value differs from run to run. */
#ifndef ZKFS_PROTO_BASE_HASH_H
#define ZKFS_PROTO_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t k0, k1;
};

uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t len);

/* A bijection that spreads the bits of V [SplitMix64, Steele et al.]. */
static inline uint64_t hash_u64(uint64_t v)
{
    v ^= v >> 30;
    v *= 0xbf58476d1ce4e5b9;
    v ^= v >> 27;
    v *= 0x94d049bb133111eb;
    return v ^ (v >> 31);
}

#endif
