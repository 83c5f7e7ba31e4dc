/* reaper: see reaper.h. */
#include "server/core/reaper.h"

#include "server/core/core_state.h"
#include "server/core/ops.h"
#include "server/core/prepare.h"
#include "server/core/request.h"

#define MS_PER_MINUTE 60000

/* What a piece looks at, and deletes, at most: about a millisecond's work. */
#define LOOK_MAX 4096
#define DELETE_MAX 64

/* Between two pieces, so that clients come in between. */
#define PIECE_PAUSE_MS 5

void reaper_init(struct reaper *reaper, const struct core_config *config, int64_t now_ms)
{
    bool never = config->container_check_interval_ms == 0;

    *reaper = (struct reaper){0};
    reaper->check_ms = never ? INT64_MAX : now_ms + config->container_check_interval_ms;
    reaper->due_ms = reaper->check_ms;
}

/* The time to live of a TTL znode; 0: it is none. */
static int64_t ttl_of(int64_t owner)
{
    uint64_t ttl = (uint64_t)owner - OWNER_TTL_MARK;

    return ttl <= OWNER_TTL_MAX_MS ? (int64_t)ttl : 0;
}

/* A container that never had a child is young, or forgotten. */
static bool is_due(const struct core_config *config, const struct zk_stat_persisted *stat,
                   uint32_t child_count, int64_t wall_ms)
{
    int64_t age_ms = wall_ms - stat->mtime;
    int64_t ttl = ttl_of(stat->ephemeral_owner);

    if (child_count > 0)
        return false;
    if (stat->ephemeral_owner == OWNER_CONTAINER)
        return stat->cversion > 0 ||
               (config->container_never_used_ms > 0 && age_ms > config->container_never_used_ms);
    return config->extended_types && ttl > 0 && age_ms > ttl;
}

static bool is_due_as_committed(const struct core *core, const struct znode *znode, int64_t wall_ms)
{
    struct zk_stat_persisted stat;

    if (znode_child_count(znode) > 0)
        return false;
    znode_stat_persisted(core->tree, znode, &stat);
    return is_due(&core->config, &stat, 0, wall_ms);
}

static bool is_due_as_planned(const struct core *core, struct jute_bytes path, int64_t wall_ms)
{
    struct planned_znode room;
    const struct planned_znode *znode = plan_find(&core->plan, path, &room);

    return znode != NULL && is_due(&core->config, &znode->stat, znode->child_count, wall_ms);
}

static void propose_deletion(struct core *core, struct jute_bytes path, const struct core_time *now)
{
    struct live_session nobody = {0};
    const struct zk_vec_id no_credentials = {0};
    struct buf body = {0};
    struct write_request write = {
        .session = &nobody, .who = &no_credentials, .handler = op_delete_container()};
    size_t bytes;

    arena_reset(&core->request_arena);
    put_path_request(&body, &(struct zk_path_request){.path = path});
    write.body = jute_reader(body.data, body.len, &core->request_arena);
    (void)prepare_propose(core, &write, now, &bytes);
    buf_done(&body);
}

/* True when the znode was due and is being deleted. */
static bool reap(struct core *core, const struct znode *znode, const struct core_time *now)
{
    struct buf buf = {0};
    struct jute_bytes path;
    bool due;

    if (!is_due_as_committed(core, znode, now->wall_ms))
        return false;
    znode_path(core->tree, znode, &buf);
    path = (struct jute_bytes){.data = buf.data, .len = (int32_t)buf.len};
    due = is_due_as_planned(core, path, now->wall_ms);
    if (due)
        propose_deletion(core, path, now);
    buf_done(&buf);
    return due;
}

/* Deletions have the same distance from each other, whatever a check finds at once. */
static int64_t pause_after(const struct core_config *config, int deleted)
{
    int64_t pause_ms = MS_PER_MINUTE / config->container_max_per_minute;

    return deleted > 0 && pause_ms > PIECE_PAUSE_MS ? pause_ms : PIECE_PAUSE_MS;
}

static int deletions_max(const struct core_config *config)
{
    int64_t max = (int64_t)config->container_max_per_minute * PIECE_PAUSE_MS / MS_PER_MINUTE;

    return max < 1 ? 1 : max > DELETE_MAX ? DELETE_MAX : (int)max;
}

/* Goes on with the check; gives how many it deleted. */
static int run_piece(struct core *core, const struct core_time *now)
{
    struct reaper *reaper = &core->reaper;
    int deleted = 0;

    for (int looked = 0;
         looked < LOOK_MAX && deleted < deletions_max(&core->config) && request_may_propose(core);
         looked++) {
        const struct znode *znode = tree_owned_next(core->tree, &reaper->cursor);

        if (znode != NULL)
            deleted += reap(core, znode, now);
        if (reaper->cursor == 0)
            break;
    }
    return deleted;
}

void reaper_run(struct core *core, const struct core_time *now)
{
    struct reaper *reaper = &core->reaper;
    int deleted;

    if (now->mono_ms < reaper->due_ms)
        return;
    if (reaper->cursor == 0) {
        reaper->check_ms += core->config.container_check_interval_ms;
        if (reaper->check_ms < now->mono_ms)
            reaper->check_ms = now->mono_ms;
    }
    deleted = run_piece(core, now);
    reaper->due_ms = now->mono_ms + pause_after(&core->config, deleted);
    if (reaper->cursor == 0 && reaper->due_ms < reaper->check_ms)
        reaper->due_ms = reaper->check_ms;
}
