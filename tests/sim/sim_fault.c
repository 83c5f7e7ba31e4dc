/* sim_fault: what goes wrong. Faults come one after the other, some while others last, up to a
 * time; then everything is repaired, and from there on the ensemble has a bounded time to be well.
 */
#include "tests/sim/sim.h"

enum heal { HEAL_NETWORK, HEAL_DISK_FULL };
/* What a fault goes on with. */
enum stage { STAGE_NEXT, STAGE_FALSE_ELECTION, STAGE_DEPOSE, STAGE_TURN };

static int any_server(struct sim *sim)
{
    return (int)sim_between(sim, 1, sim->count);
}

/* 0: nobody leads. */
static int leader(struct sim *sim)
{
    for (int s = 1; s <= sim->count; s++)
        if (sim->servers[s].alive && sim->servers[s].role == ROLE_LEADING)
            return s;
    return 0;
}

/* Often the leader: its faults are the interesting ones. */
static int victim(struct sim *sim)
{
    int s = leader(sim);

    return s != 0 && sim_chance(sim, 3) ? s : any_server(sim);
}

static int64_t while_ms(struct sim *sim)
{
    static const int64_t longest[] = {50, 500, 3000, 12000};

    return sim_between(sim, 1, longest[rng_below(&sim->rng, 4)]) * SIM_MS;
}

static void crash_for(struct sim *sim, int s, bool host, int64_t away)
{
    if (s == 0 || !sim->servers[s].alive)
        return;
    sim_server_crash(sim, s, host);
    sim_after(sim, away, EV_RESTART, s, 0, 0);
}

static void crash(struct sim *sim, int s, bool host)
{
    crash_for(sim, s, host, while_ms(sim));
}

static void crash_all(struct sim *sim)
{
    for (int s = 1; s <= sim->count; s++)
        crash(sim, s, true);
}

static void pause(struct sim *sim, int s)
{
    struct sim_server *server = &sim->servers[s];

    if (!server->alive || server->paused)
        return;
    server->paused = true;
    sim_after(sim, while_ms(sim), EV_RESUME, s, 0, 0);
}

/* Blocks FROM_SIDE (a bit for each server) from the others, and the others from it if BOTH. */
static void block(struct sim *sim, unsigned from_side, bool both)
{
    for (int a = 1; a <= sim->count; a++)
        for (int b = 1; b <= sim->count; b++)
            if ((from_side >> a & 1) && !(from_side >> b & 1)) {
                sim_net_block(sim, a, b, true);
                if (both)
                    sim_net_block(sim, b, a, true);
            }
    for (int s = 1; s <= sim->count; s++)
        sim_net_changed(sim, s);
}

static void partition(struct sim *sim, unsigned from_side, bool both)
{
    block(sim, from_side, both);
    sim_after(sim, while_ms(sim), EV_HEAL, 0, HEAL_NETWORK, 0);
}

static void heal_network(struct sim *sim)
{
    for (int a = 1; a <= sim->count; a++)
        for (int b = 1; b <= sim->count; b++)
            sim_net_block(sim, a, b, false);
}

static void depose_now(struct sim *sim, int lead)
{
    block(sim, 1u << lead, true);
    sim_net_cut_unheard(sim, lead);
    sim_after(sim,
              sim_chance(sim, 2)
                  ? while_ms(sim)
                  : sim_between(sim, 50 * SIM_MS, 4 * (int64_t)sim->config.tick_ms * SIM_MS),
              EV_HEAL, 0, HEAL_NETWORK, 0);
}

/* The followers go to somebody else, and the leader does not hear of it. What they said last may
 * be on its way still, to arrive when they follow another and the leader still thinks it leads. */
static bool depose(struct sim *sim, int lead)
{
    if (lead == 0)
        return false;
    if (sim_chance(sim, 2)) {
        block(sim, ~(1u << lead), false);
        sim_after(sim, sim_between(sim, 0, sim->config.tick_ms * SIM_MS), EV_FAULT, 0, STAGE_DEPOSE,
                  (uint64_t)lead);
    } else {
        depose_now(sim, lead);
    }
    return true;
}

/* One server at a time may have lost something: two are more than an ensemble of any size is
 * promised to survive. */
static bool damage(struct sim *sim, int s)
{
    if (sim->voters < 3 || (sim->damaged != 0 && (sim->servers[sim->damaged].keep.platter.no_vote ||
                                                  sim->servers[sim->damaged].keep.rotten)))
        return false;
    if (!sim_store_rot(sim, s))
        return false;
    sim_say(sim, s, "a bit rots on its disk", 0, 0);
    sim->damaged = s;
    if (sim_chance(sim, 3))
        crash(sim, s, sim_chance(sim, 2));
    return true;
}

/* A server comes back and crashes again in the middle of its handshake, or is made to begin one;
 * and it may take with it the leader, which is all that has what it was sent. */
static bool crash_in_handshake(struct sim *sim, int s)
{
    static const enum zab_action_kind kinds[] = {
        ZAB_META,       ZAB_META,         ZAB_TRUNCATE,  ZAB_APPEND,    ZAB_SNAP_BEGIN,
        ZAB_SNAP_STAGE, ZAB_SNAP_INSTALL, ZAB_SNAP_DROP, ZAB_SNAP_OPEN, ZAB_SNAP_SHUT,
        ZAB_STREAM,     ZAB_SEND,         ZAB_CLOSE,     ZAB_ROLE,      ZAB_DIAL};
    struct sim_server *server = &sim->servers[s];
    int kind = (int)kinds[rng_below(&sim->rng, sizeof kinds / sizeof *kinds)];

    if (!server->alive)
        return false;
    server->crash_with_leader = sim_chance(sim, 2);
    if (sim_chance(sim, 3)) {
        server->crash_kind = kind;
        return sim_net_cut(sim, s);
    }
    server->crash_next = kind + 1;
    crash(sim, s, sim_chance(sim, 2));
    if (sim_chance(sim, 3))
        crash(sim, leader(sim), sim_chance(sim, 2)); /* so that an epoch begins */
    return true;
}

void sim_fault_crash_now(struct sim *sim, int s)
{
    bool with_leader = sim->servers[s].crash_with_leader;

    sim->servers[s].crash_with_leader = false;
    sim_server_crash(sim, s, sim_chance(sim, 2));
    sim_after(sim, sim_between(sim, 1 * SIM_MS, with_leader ? 200 * SIM_MS : 4 * SIM_S), EV_RESTART,
              s, 0, 0);
    if (!with_leader)
        return;
    /* And who was away is all that it meets when it is back. */
    for (int other = 1; other <= sim->count; other++)
        if (!sim->servers[other].alive)
            sim_after(sim, sim_between(sim, 1 * SIM_MS, 2 * SIM_S), EV_RESTART, other, 0, 0);
    crash(sim, leader(sim), true);
}

/* As many voters as can be missed, one bit for each; none of those in BUT. */
static unsigned minority(struct sim *sim, unsigned but)
{
    unsigned chosen = 0;

    for (int left = (sim->voters - 1) / 2, tries = 0; left > 0 && tries < 100; tries++) {
        int s = (int)sim_between(sim, 1, sim->voters);

        if ((chosen | but) >> s & 1)
            continue;
        chosen |= 1u << s;
        left--;
    }
    return chosen;
}

/* The rest goes on without some; now they come back, and others go: there is a quorum only with
 * those who are behind, and so they are what an election and the synchronisation after it turn on.
 * There one of them loses its power, as soon as its disk has said something. */
static void take_turns(struct sim *sim, unsigned behind)
{
    int lead = leader(sim);
    unsigned away = minority(sim, behind | 1u << lead);

    for (int s = 1; s <= sim->voters; s++) {
        struct sim_server *server = &sim->servers[s];

        if (away >> s & 1)
            crash_for(sim, s, sim_chance(sim, 2), sim_between(sim, 1 * SIM_S, 10 * SIM_S));
        if (!(behind >> s & 1))
            continue;
        server->crash_report = sim_chance(sim, 2)
                                   ? REPORT_META
                                   : (enum sim_report_kind)sim_between(sim, 0, REPORT_INSTALLED);
        server->crash_reports = (int)sim_between(sim, 1, 3);
        server->crash_with_leader = !sim_chance(sim, 3);
        if (sim_chance(sim, 3))
            server->slow_until = sim->now + while_ms(sim);
        sim_after(sim, 0, EV_RESTART, s, 0, 0);
    }
    if (!sim_chance(sim, 3)) /* else it may lead on, in the epoch that they know */
        crash_for(sim, lead, sim_chance(sim, 2), sim_between(sim, 1 * SIM_MS, 200 * SIM_MS));
}

static bool begin_turns(struct sim *sim)
{
    int64_t first = sim_between(sim, 100 * SIM_MS, 3 * SIM_S);
    int lead = leader(sim);
    unsigned behind = minority(sim, 1u << lead);

    if (lead == 0 || behind == 0)
        return false;
    for (int s = 1; s <= sim->voters; s++)
        if (behind >> s & 1)
            crash_for(sim, s, sim_chance(sim, 2), first + 1 * SIM_S);
    sim_after(sim, first, EV_FAULT, 0, STAGE_TURN, behind);
    return true;
}

/* Everybody who searches hears from all the others that one of two leads already, and each of
 * these that it does. No election says so, but safety never rests on elections: only on promised
 * epochs, and on who has the newest history of a quorum. */
static void false_election(struct sim *sim, uint64_t more)
{
    for (int s = 1; s <= sim->voters; s++) {
        struct sim_server *server = &sim->servers[s];
        bool itself = s == sim->false_leaders[0] || s == sim->false_leaders[1];
        int64_t chosen = itself ? s : sim->false_leaders[rng_below(&sim->rng, 2)];

        for (int from = 1; from <= sim->voters; from++) {
            struct ballot ballot = {.vote = {.leader = chosen, .zxid = 1, .epoch = 1},
                                    .state = from == chosen ? PEER_LEADING : PEER_FOLLOWING,
                                    .version = 2};

            if (!server->alive || server->paused || server->role != ROLE_LOOKING || from == s)
                continue;
            ballot.round = zab_view(server->zab).round;
            sim_server_ballot(sim, s, from, &ballot);
        }
    }
    if (more == 0)
        return;
    (void)sim_net_cut(sim, any_server(sim));
    sim_after(sim, sim_between(sim, 1 * SIM_MS, sim_chance(sim, 2) ? 10 * SIM_MS : 200 * SIM_MS),
              EV_FAULT, 0, STAGE_FALSE_ELECTION, more - 1);
}

static bool begin_false_election(struct sim *sim)
{
    for (int i = 0; i < 2; i++)
        sim->false_leaders[i] = (int)sim_between(sim, 1, sim->voters);
    if (sim_chance(sim, 2))
        sim->false_leaders[1] = sim->false_leaders[0];
    if (sim_chance(sim, 2))
        crash(sim, leader(sim), true);
    false_election(sim, (uint64_t)sim_between(sim, 5, 80));
    return true;
}

/* Long because it is a list. */
static bool cause(struct sim *sim, enum sim_fault fault)
{
    int s = victim(sim), lead = leader(sim);
    struct sim_server *server = &sim->servers[s];

    switch (fault) {
    case FAULT_CRASH:
    case FAULT_CRASH_HOST:
        crash(sim, s, fault == FAULT_CRASH_HOST);
        return true;
    case FAULT_CRASH_ALL:
        crash_all(sim);
        return true;
    case FAULT_CRASH_LEADER:
        crash(sim, lead, sim_chance(sim, 2));
        return lead != 0;
    case FAULT_CRASH_ACTION:
        if (sim_chance(sim, 2))
            server->crash_in = (int)sim_between(sim, 1, sim_chance(sim, 2) ? 30 : 300);
        else if (server->alive)
            server->crash_kind = (int)sim_between(sim, 0, ZAB_STOPPED);
        if (sim_chance(sim, 3))
            (void)sim_net_cut(sim, s); /* so that it comes in a handshake */
        return true;
    case FAULT_PAUSE:
        pause(sim, s);
        return true;
    case FAULT_PARTITION:
        partition(sim, (unsigned)rng_next(&sim->rng) & 0xfe, true);
        return true;
    case FAULT_ISOLATE_LEADER:
        partition(sim, 1u << lead, true);
        return lead != 0;
    case FAULT_DEPOSED:
        return depose(sim, lead);
    case FAULT_ONE_WAY:
        partition(sim, sim_chance(sim, 2) ? 1u << s : ~(1u << s), false);
        return true;
    case FAULT_CUT:
        return sim_net_cut(sim, s);
    case FAULT_CUT_LINK:
        sim_net_cut_link(sim, s, any_server(sim));
        return true;
    case FAULT_SLOW_DISK:
        server->slow_until = sim->now + while_ms(sim);
        return true;
    case FAULT_FSYNC:
    case FAULT_FSYNC_LOSES:
        server->fsync_fails = server->alive;
        if (server->alive)
            sim_store_break(sim, s, fault == FAULT_FSYNC_LOSES);
        return server->alive;
    case FAULT_FULL:
        sim_store_fill(sim, s, true);
        sim_after(sim, while_ms(sim), EV_HEAL, 0, HEAL_DISK_FULL, (uint64_t)s);
        return true;
    case FAULT_DAMAGE:
        return damage(sim, s);
    case FAULT_HANDSHAKE:
        return crash_in_handshake(sim, s);
    case FAULT_CRASH_JOB:
        server->crash_job = (int)sim_between(sim, 1, sim_chance(sim, 2) ? 4 : 60);
        if (sim_chance(sim, 2))
            (void)sim_net_cut(sim, s); /* so that there are others than of broadcast */
        return server->alive;
    case FAULT_TURNS:
        return begin_turns(sim);
    case FAULT_FALSE_ELECTION:
        return begin_false_election(sim);
    case FAULT_HANDOVER:
        if (!server->alive || server->paused || server->stopping)
            return false;
        sim_server_stop(sim, s);
        return true;
    default:
        server->listen_fails = true;
        return true;
    }
}

/* Everything that is broken is repaired, and stays so. That includes a way that is too narrow: a
 * snapshot may take any time on it, and a learner keeps what is decided while its snapshot comes:
 * where that is more than it may keep, at the pace of these clients, it begins again for ever. */
static void repair(struct sim *sim)
{
    heal_network(sim);
    sim->stream_pause = 5 * SIM_MS;
    sim->stream_bytes = 4000;
    for (int s = 1; s <= sim->count; s++) {
        struct sim_server *server = &sim->servers[s];

        server->slow_until = 0;
        server->fsync_fails = server->listen_fails = false;
        sim_store_fill(sim, s, false);
        sim_store_mend(sim, s);
        server->crash_in = server->crash_next = server->crash_job = server->crash_reports = 0;
        server->crash_kind = -1;
        server->crash_with_leader = false;
        if (server->paused)
            sim_after(sim, 0, EV_RESUME, s, 0, 0);
        if (!server->alive)
            sim_after(sim, 0, EV_RESTART, s, 0, 0);
    }
    sim->healed_at = sim->now;
    sim_say(sim, 0, "ALL IS REPAIRED", 0, 0);
}

static void next_fault(struct sim *sim)
{
    enum sim_fault fault;

    do {
        fault = (enum sim_fault)rng_below(&sim->rng, FAULT_COUNT);
    } while (!(sim->fault_kinds >> fault & 1));
    if (sim->now >= sim->faults_until && sim->faults >= 3) {
        repair(sim);
        return;
    }
    if (fault == FAULT_CRASH_ALL && !sim_chance(sim, 2))
        fault = FAULT_CRASH_ACTION;
    sim_say(sim, 0, "FAULT", fault, 0);
    if (cause(sim, fault)) {
        sim->faults++;
        sim->cover.faults[fault]++;
    }
    sim_after(
        sim,
        sim_between(sim, 10 * SIM_MS, sim_chance(sim, 4) ? 12 * SIM_S : sim->harshness * SIM_S),
        EV_FAULT, 0, STAGE_NEXT, 0);
}

void sim_fault_event(struct sim *sim, const struct sim_event *event)
{
    if (event->kind == EV_FAULT && event->a == STAGE_NEXT)
        next_fault(sim);
    else if (event->kind == EV_FAULT && sim->healed_at != 0)
        return; /* repaired meanwhile */
    else if (event->kind == EV_FAULT && event->a == STAGE_DEPOSE)
        depose_now(sim, (int)event->b);
    else if (event->kind == EV_FAULT && event->a == STAGE_TURN)
        take_turns(sim, (unsigned)event->b);
    else if (event->kind == EV_FAULT)
        false_election(sim, event->b);
    else if (event->a == HEAL_NETWORK)
        heal_network(sim);
    else
        sim_store_fill(sim, (int)event->b, false);
}

/* A sync that was confirmed by an old ping shows only when others have decided something before the
 * leader of yesterday has sent the next one, and nobody has asked it meanwhile: quick elections,
 * slow ticks, clients that write much and ask seldom, and leaders deposed all the time. */
static void have_stale_leaders(struct sim *sim)
{
    sim->fault_kinds = 1u << FAULT_DEPOSED | 1u << FAULT_CRASH_LEADER;
    sim->disk_factor = 1;
    sim->harshness = 6;
    sim->config.tick_ms = 2000;
    sim->config.finalize_wait_ms = (int32_t)sim_between(sim, 5, 50);
    for (int i = 0; i < sim->client_count; i++) {
        sim->clients[i].reader = i % 2 == 1;
        sim->clients[i].pace =
            (i % 2 == 1 ? sim_between(sim, 200, 400) : sim_between(sim, 20, 60)) * SIM_MS;
    }
}

/* Who has promised an epoch to one leader comes to another one that has chosen the same: for that
 * two must have been followed in vain, one soon after the other, and more than once. */
static void have_wrong_elections(struct sim *sim)
{
    sim->fault_kinds =
        1u << FAULT_FALSE_ELECTION | 1u << FAULT_HANDSHAKE | 1u << FAULT_CRASH_LEADER;
    sim->harshness = 2;
}

void sim_fault_begin(struct sim *sim)
{
    sim->faults_until = sim_between(sim, 40 * SIM_S, 50 * SIM_S);
    sim->harshness = (int)sim_between(sim, 1, 8);
    sim->disk_factor = sim_chance(sim, 4) ? (int)sim_between(sim, 5, 30) : 1;
    /* Some things happen only where few kinds of faults come again and again. */
    sim->fault_kinds = (1u << FAULT_COUNT) - 1;
    if (sim_chance(sim, 2))
        sim->fault_kinds &= (uint32_t)rng_next(&sim->rng) & (uint32_t)(rng_next(&sim->rng) >> 32);
    sim->fault_kinds |= 1u << FAULT_CRASH_LEADER;
    if (sim_chance(sim, 12))
        have_stale_leaders(sim);
    else if (sim_chance(sim, 12))
        have_wrong_elections(sim);
    sim_after(sim, sim_between(sim, 0, 4 * SIM_S), EV_FAULT, 0, STAGE_NEXT, 0);
}
