/* session_throttle: see session_throttle.h. */
#include "server/session_throttle.h"

#include "proto/base/assert.h"

static int32_t at_least(int32_t weight, int32_t least)
{
    return weight < least ? least : weight;
}

void session_throttle_init(struct session_throttle *t, const struct session_throttle_config *config,
                           uint64_t seed, int64_t now_ms)
{
    int64_t worth;

    *t = (struct session_throttle){
        .config = *config, .filled_ms = now_ms, .changed_ms = now_ms, .rng = rng_seeded(seed)};
    if (config->tokens_max == 0)
        return;
    ASSERT(config->fill_ms > 0);
    if (!config->weighted) {
        t->config.new_weight = t->config.renew_weight = 1;
    } else {
        ASSERT(config->local_weight > 0);
        t->config.new_weight = at_least(config->new_weight, config->local_weight);
        t->config.renew_weight = at_least(config->renew_weight, config->local_weight);
    }
    worth = t->config.new_weight;
    t->tokens_max = worth * config->tokens_max;
    t->fill_count = worth * config->fill_count;
    t->tokens = t->tokens_max;
}

/* In whole steps, so that nothing is lost to rounding when somebody asks every moment. */
static void fill(struct session_throttle *t, int64_t now_ms)
{
    int64_t steps = (now_ms - t->filled_ms) / t->config.fill_ms;

    t->filled_ms += steps * t->config.fill_ms;
    if (t->fill_count > 0 && steps > t->tokens_max / t->fill_count)
        t->tokens = t->tokens_max;
    else
        t->tokens += steps * t->fill_count;
    if (t->tokens > t->tokens_max)
        t->tokens = t->tokens_max;
}

/* A number from 0 to 1, with 53 bits of chance. */
static double chance(struct session_throttle *t)
{
    return (double)(rng_next(&t->rng) >> 11) / (double)(UINT64_C(1) << 53);
}

/* Empty is a bucket that has not enough for the one who asks: with weights, what is left
 * need not be nought. */
static void change_drop(struct session_throttle *t, int64_t need, int64_t now_ms)
{
    const struct session_throttle_config *config = &t->config;
    int64_t missing = t->tokens_max - t->tokens;

    if (now_ms - t->changed_ms <= config->freeze_ms)
        return;
    t->changed_ms = now_ms;
    if (t->tokens < need) {
        t->drop += config->drop_increase;
        if (t->drop > 1)
            t->drop = 1;
    } else if ((double)missing <= (double)t->tokens_max * config->decrease_ratio) {
        t->drop -= config->drop_decrease;
        if (t->drop < 0)
            t->drop = 0;
    }
}

bool session_throttle_admits(struct session_throttle *t, bool renews, int64_t now_ms)
{
    int64_t need = renews ? t->config.renew_weight : t->config.new_weight;

    if (t->tokens_max == 0)
        return true;
    ASSERT(now_ms >= t->filled_ms);
    fill(t, now_ms);
    if (t->config.freeze_ms >= 0) {
        change_drop(t, need, now_ms);
        if (chance(t) < t->drop)
            return false;
    }
    if (t->tokens < need)
        return false;
    t->tokens -= need;
    return true;
}
