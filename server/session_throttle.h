/* session_throttle: how many clients may ask for a session in a stretch of time, as Apache's
 * BlueThrottle. A bucket of tokens: who asks takes one, and is refused when there is none;
 * it is filled up again by and by. Where freeze_ms is set, askers are also refused by chance,
 * the more the longer the bucket has been empty, so that under a steady storm it is not
 * always the same ones, who come a moment after the others, that find it empty [Feng et al.:
 * BLUE].
 *
 * Pure: time is an argument, chance comes from a seed. */
#ifndef ZKFS_SERVER_SESSION_THROTTLE_H
#define ZKFS_SERVER_SESSION_THROTTLE_H

#include "proto/base/rng.h"

#include <stdbool.h>
#include <stdint.h>

struct session_throttle_config {
    int32_t tokens_max; /* 0: nobody is refused */
    int32_t fill_ms;    /* after so long, > 0 ... */
    int32_t fill_count; /* ... so many are put in */
    int32_t freeze_ms;  /* between two changes of the chance; -1: nobody is refused by chance */
    double drop_increase, drop_decrease; /* by how much it changes; >= 0 */
    double decrease_ratio; /* it falls while no more than this part of the bucket is missing */
    /* A new session takes new_weight tokens, one that is taken up again renew_weight; then
     * tokens_max and fill_count are meant for new ones, and a token is new_weight of them.
     * Neither weighs less than local_weight, which is Apache's for local sessions. */
    bool weighted;
    int32_t new_weight, local_weight, renew_weight; /* > 0 */
};

struct session_throttle {
    struct session_throttle_config config;
    int64_t tokens, tokens_max, fill_count;
    int64_t filled_ms, changed_ms;
    double drop; /* the chance to be refused, 0 to 1 */
    struct rng rng;
};

/* The bucket is full at NOW_MS. */
void session_throttle_init(struct session_throttle *t, const struct session_throttle_config *config,
                           uint64_t seed, int64_t now_ms);

/* Somebody asks for a session, which RENEWS one or is new: whether he gets on. NOW_MS does
 * not go back. */
bool session_throttle_admits(struct session_throttle *t, bool renews, int64_t now_ms);

#endif
