/* sim_host: where a server's core for clients and its core for agreement meet, as a driver would
 * have it. What the first one asks of the second is an event of its own: its actions are
 * collected, and performed when whoever has called is done. */
#include "tests/sim/sim.h"

#include "proto/base/bytes.h"
#include "server/core/session_id.h"

#define TXN_TIME_AT 20 /* after clientId, cxid, zxid */
#define WALL_MS INT64_C(1700000000000)

struct core_time sim_core_time(const struct sim *sim, int s)
{
    const struct sim_server *server = &sim->servers[s];

    return (struct core_time){.mono_ms = sim->now / 1000 + server->skew_ms,
                              .wall_ms = WALL_MS + sim->now / 1000 + server->wall_skew_ms};
}

static zk_zxid next_zxid(void *arg)
{
    return zab_next_zxid(((struct sim_server *)arg)->zab);
}

static bool can_propose(void *arg)
{
    return zab_can_propose(((struct sim_server *)arg)->zab);
}

static void propose(void *arg, struct blob *txn)
{
    struct sim_server *server = arg;
    struct sim *sim = server->sim;

    sim->cover.writes++;
    SIM_REQUIRE(
        sim, (int64_t)load_be64(txn->data + TXN_TIME_AT) == sim_core_time(sim, server->sid).wall_ms,
        "s%d dates a txn by another clock than its own", server->sid);
    SIM_REQUIRE(sim, sim_ghost_propose(&sim->ghost, server->sid, txn_zxid(txn->data), txn),
                "s%d: %s", server->sid, sim->ghost.complaint);
    sim_say(sim, server->sid, "proposes zxid, for session", txn_zxid(txn->data),
            (int64_t)load_be64(txn->data));
    zab_propose(server->zab, txn, server->out);
}

static bool storage_full(void *arg)
{
    return store_full(((struct sim_server *)arg)->keep.store);
}

static void note(void *arg, const char *text)
{
    const struct sim_server *server = arg;

    sim_violation(server->sim, "s%d: %s", server->sid, text);
}

static void sync(void *arg, uint64_t conn, uint64_t cookie)
{
    struct sim_server *server = arg;

    zab_sync(server->zab, conn, cookie, server->out);
}

static void revalidate_answer(void *arg, uint64_t conn, int64_t session_id, bool valid)
{
    struct sim_server *server = arg;

    zab_revalidate_answer(server->zab, conn, session_id, valid, server->out);
}

static bool forward(void *arg, struct blob *data, struct blob *auth)
{
    struct sim_server *server = arg;

    return zab_forward(server->zab, data, auth, server->out);
}

static bool forward_sync(void *arg, struct blob *data, struct blob *auth, uint64_t cookie)
{
    struct sim_server *server = arg;

    return zab_forward_sync(server->zab, data, auth, cookie, server->out);
}

static bool revalidate(void *arg, int64_t session_id, int32_t timeout_ms)
{
    struct sim_server *server = arg;

    return zab_revalidate(server->zab, session_id, timeout_ms, server->out);
}

void sim_core_start(struct sim *sim, int s)
{
    struct sim_server *server = &sim->servers[s];
    struct core_time now = sim_core_time(sim, s);
    struct core_config config = {
        .is_member = true,
        .tick_ms = sim->config.tick_ms,
        .min_session_timeout_ms = 2 * sim->config.tick_ms,
        .max_session_timeout_ms = 20 * sim->config.tick_ms,
        .first_session_id = session_id_first(now.wall_ms, (uint16_t)server->life, (uint8_t)s),
        .container_check_interval_ms = sim->ghost.reap.interval_ms,
        .container_max_per_minute = sim->ghost.reap.per_minute,
        .container_never_used_ms = sim->ghost.reap.never_used_ms,
        .extended_types = true,
        .txn_bytes_max = store_txn_max(server->keep.store),
        .hash_key = {.k0 = rng_next(&sim->rng), .k1 = rng_next(&sim->rng)},
    };
    struct core_host host = {
        .arg = server,
        .next_zxid = next_zxid,
        .propose = propose,
        .storage_full = storage_full,
        .output = sim_line_on_output,
        .close = sim_line_on_close,
        .note = note,
        .can_propose = can_propose,
        .sync = sync,
        .revalidate_answer = revalidate_answer,
        .forward = forward,
        .forward_sync = forward_sync,
        .revalidate = revalidate,
    };

    server->core = core_new(&config, &host, sim_tree(sim, s), &now);
    server->core_role = CORE_OUT;
}

void sim_core_role(struct sim *sim, int s, const struct zab_action *action)
{
    struct sim_server *server = &sim->servers[s];
    struct core_time now = sim_core_time(sim, s);
    enum core_role role = !action->serving               ? CORE_OUT
                          : action->role == ROLE_LEADING ? CORE_LEADS
                                                         : CORE_LEARNS;

    if (role == server->core_role)
        return;
    if (server->core_role != CORE_OUT)
        core_role(server->core, CORE_OUT, 0, &now);
    if (role != CORE_OUT)
        core_role(server->core, role, action->zxid, &now);
    server->core_role = role;
}
