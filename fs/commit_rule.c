/* commit_rule: see commit_rule.h.
 *
 * Invariants: makes implies owes (until the outcome is known); dirty implies begun. */
#include "fs/commit_rule.h"

#include "proto/base/assert.h"

void commit_rule_init(struct commit_rule *rule, enum commit_mode mode, bool makes, bool truncates,
                      bool appends)
{
    *rule = (struct commit_rule){
        .mode = mode, .makes = makes, .owes = makes || truncates, .appends = appends};
}

/* Whether a WRITE of SIZE bytes can be a whole value, and not the first piece of one. */
static bool looks_complete(size_t size)
{
    return size < COMMIT_WRITE_MAX && size % COMMIT_PAGE != 0;
}

enum commit_decision commit_rule_write(struct commit_rule *rule, uint64_t offset, size_t size,
                                       bool is_empty)
{
    bool first = !rule->begun && is_empty && offset == 0;

    rule->begun = true;
    rule->dirty = true;
    if (rule->mode == COMMIT_AT_CLOSE || !looks_complete(size))
        return COMMIT_NOTHING;
    return first || rule->appends ? COMMIT_NOW : COMMIT_NOTHING;
}

enum commit_decision commit_rule_flush(struct commit_rule *rule)
{
    if (rule->dirty)
        return COMMIT_NOW;
    if (!rule->owes)
        return COMMIT_NOTHING;
    rule->idle_flushes++;
    return rule->idle_flushes >= 2 ? COMMIT_NOW : COMMIT_NOTHING;
}

enum commit_decision commit_rule_sync(const struct commit_rule *rule)
{
    return commit_rule_pending(rule) ? COMMIT_NOW : COMMIT_NOTHING;
}

enum commit_decision commit_rule_release(const struct commit_rule *rule)
{
    return commit_rule_sync(rule);
}

enum commit_decision commit_rule_quiet(const struct commit_rule *rule)
{
    return rule->dirty && rule->mode == COMMIT_AT_WRITE ? COMMIT_NOW : COMMIT_NOTHING;
}

enum commit_decision commit_rule_settle(const struct commit_rule *rule)
{
    return rule->makes && rule->owes && !rule->dirty ? COMMIT_NOW : COMMIT_NOTHING;
}

void commit_rule_truncate(struct commit_rule *rule, uint64_t size)
{
    if (size == 0) {
        rule->owes = true;
        rule->dirty = rule->begun = false;
        rule->idle_flushes = 1; /* no shell truncates this way: the next FLUSH is the close */
    } else {
        rule->dirty = rule->begun = true;
    }
}

void commit_rule_committed(struct commit_rule *rule)
{
    ASSERT(commit_rule_pending(rule));
    rule->makes = rule->owes = rule->dirty = false;
    rule->idle_flushes = 0;
}

void commit_rule_failed(struct commit_rule *rule)
{
    rule->owes = rule->dirty = rule->begun = false;
    rule->idle_flushes = 0;
}
