/* sim: the world and its loop. See sim.h. */
#include "tests/sim/sim.h"
#include "tests/support/tree_dump.h"

#include <stdlib.h>
#include <string.h>

void sim_at(struct sim *sim, int64_t at, enum sim_event_kind kind, int server, uint64_t a,
            uint64_t b)
{
    sim_queue_push(&sim->queue, (struct sim_event){.at = at,
                                                   .kind = (uint8_t)kind,
                                                   .server = (uint8_t)server,
                                                   .life = sim->servers[server].life,
                                                   .a = a,
                                                   .b = b});
}

/* How many servers, of what temper, with what limits: part of the seed. */
static void choose_world(struct sim *sim)
{
    static const int sizes[] = {1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 6, 7};
    int64_t voters[SIM_SERVERS_MAX];

    sim->count = sizes[rng_below(&sim->rng, sizeof sizes / sizeof *sizes)];
    sim->voters = sim->count;
    if (sim->count >= 4 && sim_chance(sim, 2))
        sim->voters = sim->count - (int)sim_between(sim, 1, sim->count - 3);
    for (int i = 0; i < sim->voters; i++)
        voters[i] = i + 1;
    sim->config = (struct zab_config){
        .quorums = quorums_new(voters, (size_t)sim->voters),
        .config_text = sim_chance(sim, 2) ? NULL : blob_copy("version=0", 9),
        .tick_ms = (int32_t)sim_between(sim, 2, 6) * 100,
        .init_limit = 10,
        .sync_limit = 5,
        .window_count_min = (size_t)sim_between(sim, 1, 60),
        .window_bytes_max = (size_t)sim_between(sim, 1, 20) * 1000,
    };
    if (sim_chance(sim, 4))
        sim->config.learner_queue_max = 300000;
    if (sim_chance(sim, 6))
        sim->config.counter_limit = (uint32_t)sim_between(sim, 300, 1000);
    sim->ghost.counter_limit =
        sim->config.counter_limit == 0 ? 0xfffffff0u : sim->config.counter_limit;
    if (sim_chance(sim, 3))
        sim->config.finalize_wait_ms = (int32_t)sim_between(sim, 5, 200);
    if (sim_chance(sim, 4))
        sim->config.tail_bytes_max = (size_t)sim_between(sim, 6, 60) * 1000;
    sim->net.delay_min = sim_between(sim, 50, 500);
    sim->net.delay_max = sim->net.delay_min + (sim_chance(sim, 5) ? 80 * SIM_MS : 2 * SIM_MS);
    sim->store_config = (struct store_config){
        .segment_bytes = (uint64_t)DISK_PAGE << sim_between(sim, 3, 5),
        .log_retain_bytes = (uint64_t)sim_between(sim, 1, 400000),
        .checkpoint_after_bytes = (uint64_t)sim_between(sim, 20, 400) * DISK_PAGE,
        .snap_count = sim_chance(sim, 3) ? (uint64_t)sim_between(sim, 5, 200) : 0,
        .window_bytes = (uint64_t)sim_between(sim, 1, 20000),
    };
    sim_reap_choose_world(sim);
    sim->stream_bytes = sim_chance(sim, 2) ? 4000 : 300;
    sim->stream_pause = sim_chance(sim, 3) ? 400 * SIM_MS : 5 * SIM_MS;
    sim->cover.sizes[sim->count]++;
    sim->cover.with_observers += sim->voters < sim->count;
}

static void begin(struct sim *sim, uint64_t seed)
{
    sim->seed = seed;
    sim->rng = rng_seeded(seed);
    sim->cover = (struct sim_cover){.seeds = 1};
    choose_world(sim);
    sim_ghost_init(&sim->ghost);
    for (int s = 1; s <= sim->count; s++) {
        sim->servers[s].sim = sim;
        sim->servers[s].sid = s;
        sim_store_init(sim, s);
        sim->servers[s].locals = calloc(SIM_LOCALS_MAX, sizeof *sim->servers[s].locals);
        sim_after(sim, sim_between(sim, 0, 500 * SIM_MS), EV_RESTART, s, 0, 0);
    }
    sim->client_count = (int)sim_between(sim, 2, SIM_CLIENTS_MAX);
    for (int i = 0; i < sim->client_count; i++) {
        sim->clients[i].id = (uint32_t)i;
        sim->clients[i].pace = sim_between(sim, 20, 300) * SIM_MS;
        sim->clients[i].reader = i > 0 && sim_chance(sim, 4);
        sim_after(sim, 0, EV_CLIENT, 0, (uint64_t)i, 0);
    }
    sim_fault_begin(sim);
}

static void dispatch(struct sim *sim, const struct sim_event *event)
{
    switch ((enum sim_event_kind)event->kind) {
    case EV_ITEM:
        sim_server_item(sim, event->a, (int)event->b);
        break;
    case EV_LINK:
        sim_links_look(sim, (int)event->a, (int)event->b);
        break;
    case EV_CLIENT:
        sim_client_idea(sim, event);
        break;
    case EV_LINE_HEARS:
    case EV_LINE_EOF:
        sim_line_event(sim, event);
        break;
    case EV_FAULT:
    case EV_HEAL:
        sim_fault_event(sim, event);
        break;
    default:
        sim_server_event(sim, event);
        break;
    }
}

/* How long a repaired ensemble may take to be well: the timeouts of a role that hangs, an election,
 * each phase of its handshake, and a second attempt. */
static int64_t patience(const struct sim *sim)
{
    const struct zab_config *config = &sim->config;

    return (int64_t)config->tick_ms * (4 * config->init_limit + 4 * config->sync_limit) * SIM_MS +
           20 * SIM_S;
}

#define RUN_AT_LEAST (62 * SIM_S)
#define WRITES_AT_LEAST 100

/* Who is not well, for the message. */
static int unwell(const struct sim *sim)
{
    for (int s = 1; s <= sim->count; s++)
        if (!sim->servers[s].serving)
            return s;
    for (int s = 1; s <= sim->count; s++)
        if (!sim->servers[s].alive || sim_applied(sim, s) != sim_ghost_end(&sim->ghost))
            return s;
    return 0;
}

/* After the repair: wait until all is well, let the clients go on for a while, stop them, and wait
 * again. True: it is over. */
static bool is_over(struct sim *sim)
{
    if (sim->healed_at == 0)
        return false;
    if (sim->settled_at == 0) {
        if (sim->now - sim->last_ack_at < 2 * SIM_S && sim->last_ack_at > sim->healed_at &&
            sim_check_settled(sim, false)) {
            sim->settled_at = sim->well_since = sim->now;
            sim_say(sim, 0, "ALL IS WELL after microseconds", sim->now - sim->healed_at, 0);
        }
        SIM_REQUIRE(sim, sim->now - sim->healed_at < patience(sim),
                    "after the faults, s%d is not well for too long (liveness)", unwell(sim));
        return false;
    }
    if (!sim->over) {
        if (sim->now < RUN_AT_LEAST || sim->cover.acked < WRITES_AT_LEAST) {
            SIM_REQUIRE(sim, sim->now < 1000 * SIM_S, "the clients get nowhere (liveness)");
            return false;
        }
        sim->over = true;
        sim->settled_at = sim->now;
    }
    SIM_REQUIRE(sim, sim->now - sim->settled_at < patience(sim),
                "without clients, s%d does not have everything (liveness)", unwell(sim));
    return sim->now - sim->settled_at > 1 * SIM_S && sim_check_settled(sim, true);
}

/* In every line, not only in its digest. */
static bool is_same_tree(const struct tree *a, const struct tree *b)
{
    struct buf text_a = {0}, text_b = {0};
    bool same;

    tree_dump(a, &text_a);
    tree_dump(b, &text_b);
    same = text_a.len == text_b.len && memcmp(text_a.data, text_b.data, text_a.len) == 0;
    buf_done(&text_a);
    buf_done(&text_b);
    return same;
}

/* At the end all have the same, and every acknowledged write is part of it. */
static void check_end(struct sim *sim)
{
    sim_check_all(sim);
    for (int s = 1; s <= sim->count; s++) {
        SIM_REQUIRE(sim, is_same_tree(sim_tree(sim, s), sim->ghost.tree),
                    "s%d's tree is not the committed one at the end", s);
    }
    for (int i = 0; i < sim->client_count; i++) {
        SIM_REQUIRE(sim,
                    sim->clients[i].acked <=
                        sim_ghost_value(&sim->ghost, (uint32_t)i, sim_ghost_end(&sim->ghost)).seq,
                    "client %d: an acknowledged write is lost", i);
        sim_multi_check_end(sim, &sim->clients[i]);
        sim_sequence_check_end(sim, &sim->clients[i]);
        sim_reap_check_end(sim, &sim->clients[i]);
    }
}

void sim_run(struct sim *sim, uint64_t seed)
{
    struct sim_event event;

    begin(sim, seed);
    while (sim_queue_pop(&sim->queue, &event)) {
        sim->now = event.at;
        sim->steps++;
        dispatch(sim, &event);
        if ((sim->steps & 15) == 0 && is_over(sim))
            break;
    }
    check_end(sim);
    sim->cover.steps = sim->steps;
    sim->cover.simulated = sim->now;
    sim->cover.faults_total = sim->faults;
    sim->cover.containers_reaped = sim->ghost.reap.containers;
    sim->cover.ttls_reaped = sim->ghost.reap.ttls;
}

void sim_done(struct sim *sim)
{
    for (int s = 1; s <= sim->count; s++) {
        struct sim_server *server = &sim->servers[s];

        sim_server_crash(sim, s, true);
        sim_store_done(sim, s);
        free(server->locals);
        free(server->deferred);
    }
    sim_lines_done(sim);
    sim_net_done(sim);
    sim_ghost_done(&sim->ghost);
    sim_queue_done(&sim->queue);
    quorums_unref(sim->config.quorums);
    blob_unref(sim->config.config_text);
}
