/* core: see core.h. Here its beginning and end, the clock, and the figures; the rest is
 * in client.c, connect.c, request.c and commit.c. */
#include "server/core/core.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "server/core/acl_digest.h"
#include "server/core/client.h"
#include "server/core/connect.h"
#include "server/core/core_state.h"
#include "server/core/request.h"

#include <stdlib.h>

_Static_assert(CORE_AHEAD_MAX <= TREE_PREFETCH_MAX, "one call does for all");

#define CLIENT_WATCH_BYTES_MAX ((size_t)64 << 20)

static const struct core_sizes no_sizes = {.last = -1, .min = -1, .max = -1};

struct session_intake {
    struct core *core;
    int64_t now_ms;
};

static void take_over_session(void *arg, int64_t id, int32_t timeout_ms)
{
    struct session_intake *intake = arg;

    (void)tracker_add(&intake->core->sessions, id, timeout_ms, intake->now_ms);
}

static const char *copy_text(const char *text)
{
    return text == NULL ? NULL : xstrdup(text);
}

struct core *core_new(const struct core_config *config, const struct core_host *host,
                      struct tree *tree, const struct core_time *now)
{
    struct core *core = xcalloc(1, sizeof *core);

    ASSERT(config->min_session_timeout_ms > 0);
    ASSERT(config->min_session_timeout_ms <= config->max_session_timeout_ms);
    ASSERT(config->container_check_interval_ms == 0 || config->container_max_per_minute > 0);
    core->config = *config;
    core->config.digest_algorithm = copy_text(
        config->digest_algorithm == NULL ? ACL_DIGEST_STANDARD : config->digest_algorithm);
    ASSERT(acl_digest_known(core->config.digest_algorithm));
    core->config.super_digest = copy_text(config->super_digest);
    core->config.auth_schemes = copy_text(config->auth_schemes);
    core->config.ensemble_names = copy_text(config->ensemble_names);
    core->host = *host;
    core->tree = tree;
    core->stats.replies = no_sizes;
    core->next_session_id = config->first_session_id;
    tracker_init(&core->sessions, config->tick_ms, now->mono_ms);
    plan_init(&core->plan, tree);
    watch_table_init(&core->watches, &config->hash_key,
                     config->client_watch_bytes_max == 0 ? CLIENT_WATCH_BYTES_MAX
                                                         : config->client_watch_bytes_max);
    pending_pool_init(&core->pool);
    reaper_init(&core->reaper, config, now->mono_ms);
    core->role = config->is_member ? CORE_OUT : CORE_LEADS;
    list_init(&core->clients);
    list_init(&core->waiting);
    list_init(&core->returning);
    tree_sessions_walk(tree, take_over_session,
                       &(struct session_intake){.core = core, .now_ms = now->mono_ms});
    return core;
}

void core_free(struct core *core)
{
    if (core == NULL)
        return;
    ASSERT(core->stats.clients == 0);
    plan_done(&core->plan);
    sync_table_clear(&core->syncs);
    verdicts_clear(&core->verdicts);
    verdicts_clear(&core->doubts.remote);
    tracker_done(&core->sessions);
    watch_table_done(&core->watches);
    pending_pool_done(&core->pool);
    arena_done(&core->request_arena);
    arena_done(&core->commit_arena);
    buf_done(&core->scratch);
    free((void *)(uintptr_t)core->config.digest_algorithm);
    free((void *)(uintptr_t)core->config.super_digest);
    free((void *)(uintptr_t)core->config.auth_schemes);
    free((void *)(uintptr_t)core->config.ensemble_names);
    free(core);
}

/* Of a frame that is looked at later, and may be anything. */
static int32_t op_asked_for(const uint8_t *payload, size_t len)
{
    struct jute_reader r = jute_reader(payload, len, NULL);
    struct zk_request_header header;

    get_request_header(&r, &header);
    return r.bad ? 0 : header.type;
}

static void take_frame(struct core *core, struct core_client *client, const uint8_t *payload,
                       size_t len, bool is_late, const struct core_time *now)
{
    ASSERT(client->core == core);
    if (client->state == CLIENT_CLOSED || client->state == CLIENT_DEAF)
        return;
    client->stats.packets_received++;
    core->stats.packets_received++;
    switch (client->state) {
    case CLIENT_NEW:
        connect_request(client, payload, len, now);
        break;
    case CLIENT_CONNECTING:
    case CLIENT_RETURNING:
        request_keep(client,
                     &(struct pending){.kind = PENDING_FRAME,
                                       .op = op_asked_for(payload, len),
                                       .start_ms = now->mono_ms},
                     payload, len);
        break;
    default:
        request_take(client, payload, len, is_late, now);
    }
}

void core_frame(struct core *core, struct core_client *client, const uint8_t *payload, size_t len,
                const struct core_time *now)
{
    take_frame(core, client, payload, len, false, now);
}

void core_frame_late(struct core *core, struct core_client *client, const uint8_t *payload,
                     size_t len, const struct core_time *now)
{
    take_frame(core, client, payload, len, true, now);
}

/* The body of almost any request begins with a path. Where something else stands
 * there, or nothing, no more is lost than the time. */
void core_ahead(const struct core *core, const struct jute_bytes *payloads, size_t count)
{
    struct jute_bytes paths[CORE_AHEAD_MAX];
    size_t path_count = 0;

    ASSERT(count <= CORE_AHEAD_MAX);
    for (size_t i = 0; i < count; i++) {
        struct jute_reader r = jute_reader(payloads[i].data, jute_size(payloads[i]), NULL);
        struct zk_request_header header;

        get_request_header(&r, &header);
        get_ustring(&r, &paths[path_count]);
        if (!r.bad)
            path_count++;
    }
    tree_prefetch(core->tree, paths, path_count);
}

void core_tick(struct core *core, const struct core_time *now)
{
    struct live_session *session;
    size_t bytes;

    if (core->role != CORE_LEADS)
        return;
    while (request_may_propose(core) &&
           (session = tracker_expired(&core->sessions, now->mono_ms)) != NULL) {
        arena_reset(&core->request_arena);
        (void)request_close_session(core, session, 0, now, &bytes);
        core->stats.sessions_expired++;
    }
    reaper_run(core, now);
}

int64_t core_next_tick(const struct core *core, const struct core_time *now)
{
    int64_t tick_ms = (now->mono_ms / core->config.tick_ms + 1) * core->config.tick_ms;
    int64_t reap_ms = core->reaper.due_ms;

    if (core->role != CORE_LEADS)
        return tick_ms;
    if (reap_ms <= now->mono_ms)
        reap_ms = now->mono_ms + 1;
    return reap_ms < tick_ms ? reap_ms : tick_ms;
}

size_t core_large_bytes(const struct core *core)
{
    return core->stats.large_bytes;
}

uint64_t core_walked(const struct core *core)
{
    return core->walked;
}

struct core_stats core_stats(const struct core *core)
{
    struct core_stats stats = core->stats;

    stats.sessions = core->sessions.by_id.count;
    stats.watches = core->watches.counted;
    stats.watched_paths = core->watches.paths.count;
    return stats;
}

size_t core_unanswered(const struct core *core)
{
    return core->stats.outstanding;
}

void core_stats_reset(struct core *core)
{
    core->stats = (struct core_stats){.outstanding = core->stats.outstanding,
                                      .clients = core->stats.clients,
                                      .replies = no_sizes};
    core->figures = (struct core_figures){0};
}

const struct core_figures *core_figures(const struct core *core)
{
    return &core->figures;
}

bool core_digest_logged(const struct core *core, size_t index, zk_zxid *ret_zxid,
                        uint64_t *ret_digest)
{
    size_t kept = core->digests.added < DIGEST_LOG_MAX ? core->digests.added : DIGEST_LOG_MAX;
    size_t at = (core->digests.added - kept + index) % DIGEST_LOG_MAX;

    if (index >= kept)
        return false;
    *ret_zxid = core->digests.entries[at].zxid;
    *ret_digest = core->digests.entries[at].digest;
    return true;
}
