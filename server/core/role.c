/* role: a core becomes a leader, or a learner, or neither: see core_role() in core.h.
 *
 * What ends with a role: the connections, and with them all that is owed and watched; what
 * was planned; who owns which session, and which are closing. What stays: the tree, and
 * the sessions that it holds, with the timeouts that their clients agreed on. */
#include "proto/base/assert.h"
#include "server/core/client.h"
#include "server/core/core_state.h"
#include "store/tree.h"

static bool is_in_tree(const void *arg, int64_t id)
{
    const struct tree *tree = arg;
    int32_t timeout_ms;

    return tree_session(tree, id, &timeout_ms);
}

struct intake {
    struct core *core;
    int64_t now_ms;
};

static void take_over(void *arg, int64_t id, int32_t timeout_ms)
{
    const struct intake *intake = arg;
    struct session_tracker *sessions = &intake->core->sessions;

    if (tracker_find(sessions, id) == NULL)
        (void)tracker_add(sessions, id, timeout_ms, intake->now_ms);
}

/* The sessions are those of the tree again: one that was being made may never be. */
static void follow_tree(struct core *core, const struct core_time *now)
{
    plan_restart(&core->plan, core->tree);
    tracker_sift(&core->sessions, is_in_tree, core->tree);
    tree_sessions_walk(core->tree, take_over,
                       &(struct intake){.core = core, .now_ms = now->mono_ms});
}

static void leave(struct core *core, const struct core_time *now)
{
    LIST_FOR(link, &core->clients)
    {
        client_close(CONTAINER_OF(link, struct core_client, in_core),
                     "this server is not in service");
    }
    ASSERT(list_empty(&core->waiting) && list_empty(&core->returning));
    core->role = CORE_OUT;
    core->last_proposed = 0;
    verdicts_clear(&core->verdicts);
    sync_table_clear(&core->syncs);
    verdicts_clear(&core->doubts.remote);
    core->doubts.asking = false;
    follow_tree(core, now);
    tracker_restart(&core->sessions, false, now->mono_ms);
}

void core_role(struct core *core, enum core_role role, zk_zxid since, const struct core_time *now)
{
    ASSERT(core->config.is_member);
    if (role == CORE_OUT) {
        leave(core, now);
        return;
    }
    ASSERT(core->role == CORE_OUT);
    ASSERT(role == CORE_LEARNS || tree_zxid(core->tree) <= since);
    core->role = role;
    tracker_restart(&core->sessions, role == CORE_LEARNS, now->mono_ms);
    reaper_init(&core->reaper, &core->config, now->mono_ms);
}

void core_tree_replaced(struct core *core, struct tree *tree, const struct core_time *now)
{
    ASSERT(core->role == CORE_OUT);
    core->tree = tree;
    follow_tree(core, now);
}
