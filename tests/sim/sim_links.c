/* sim_links: the election connections: one between each two of whom at least one votes. It
 * stands while both live and can reach each other, and is made again whenever it can be. */
#include "tests/sim/sim.h"

static bool wants_link(const struct sim *sim, int a, int b)
{
    return a != b && (a <= sim->voters || b <= sim->voters);
}

void sim_net_changed(struct sim *sim, int s)
{
    for (int other = 1; other <= sim->count; other++)
        if (wants_link(sim, s, other))
            sim_after(sim, sim_between(sim, sim->net.delay_min, sim->net.delay_max * 3), EV_LINK, 0,
                      (uint64_t)(s < other ? s : other), (uint64_t)(s < other ? other : s));
}

/* Connection LOW, HIGH is no more, with what was under way on it. */
static void unlink_pair(struct sim *sim, int low, int high)
{
    sim->net.linked[low][high] = false;
    sim->net.ways[low][high].count = sim->net.ways[low][high].due = 0;
    sim->net.ways[high][low].count = sim->net.ways[high][low].due = 0;
}

void sim_links_crash(struct sim *sim, int s)
{
    for (int other = 1; other <= sim->count; other++) {
        unlink_pair(sim, s < other ? s : other, s < other ? other : s);
        sim->net.ways[s][other].waiting = false;
    }
}

void sim_net_cut_link(struct sim *sim, int a, int b)
{
    int low = a < b ? a : b, high = a < b ? b : a;

    if (!sim->net.linked[low][high])
        return;
    unlink_pair(sim, low, high);
    sim_after(sim, 0, EV_REACH, low, (uint64_t)high, REACH_UNKNOWN);
    sim_after(sim, 0, EV_REACH, high, (uint64_t)low, REACH_UNKNOWN);
    sim_after(sim, sim_between(sim, 1 * SIM_MS, 1000 * SIM_MS), EV_LINK, 0, (uint64_t)low,
              (uint64_t)high);
}

static void put(struct sim *sim, int from, int to, const struct ballot *ballot)
{
    struct sim_way *way = &sim->net.ways[from][to];
    int64_t at = sim->now + sim_between(sim, sim->net.delay_min, sim->net.delay_max);

    if (way->count == SIM_BALLOTS_MAX)
        return; /* a full socket; a newer one will replace it */
    if (at < way->last_at)
        at = way->last_at;
    way->last_at = at;
    way->ballots[(way->first + way->count++) % SIM_BALLOTS_MAX] = *ballot;
    sim_at(sim, at, EV_BALLOT, to, (uint64_t)from, 0);
}

void sim_net_notify(struct sim *sim, int from, int to, const struct ballot *ballot)
{
    struct sim_way *way = &sim->net.ways[from][to];
    bool linked = sim->net.linked[from < to ? from : to][from < to ? to : from];

    if (linked) {
        put(sim, from, to, ballot);
        return;
    }
    way->waiting = true;
    way->unsent = *ballot;
}

bool sim_net_ballot(struct sim *sim, int from, int to, struct ballot *ret)
{
    struct sim_way *way = &sim->net.ways[from][to];

    if (way->count == 0)
        return false;
    if (sim->net.blocked[from][to]) {
        way->due++;
        return false;
    }
    *ret = way->ballots[way->first];
    way->first = (way->first + 1) % SIM_BALLOTS_MAX;
    way->count--;
    return true;
}

static void tell_reach(struct sim *sim, int who, int of)
{
    const struct sim_server *peer = &sim->servers[of];
    enum peer_reach reach = REACH_UNKNOWN;

    if (!peer->alive && !peer->gone_host && !sim->net.blocked[who][of] &&
        !sim->net.blocked[of][who])
        reach = REACH_DOWN;
    if (sim->servers[who].alive)
        sim_after(sim, 0, EV_REACH, who, (uint64_t)of, reach);
}

/* The truth about the pair may have changed. */
void sim_links_look(struct sim *sim, int a, int b)
{
    struct sim_server *one = &sim->servers[a], *other = &sim->servers[b];
    bool can = one->alive && other->alive && !sim->net.blocked[a][b] && !sim->net.blocked[b][a];
    bool linked = sim->net.linked[a][b];

    if (can == linked && linked)
        return;
    if (!can) {
        /* A blocked connection between two that live may outlast it. */
        if (linked && one->alive && other->alive && sim_chance(sim, 2))
            return;
        unlink_pair(sim, a, b);
        tell_reach(sim, a, b);
        tell_reach(sim, b, a);
        return;
    }
    sim->net.linked[a][b] = true;
    sim_after(sim, 0, EV_REACH, a, (uint64_t)b, REACH_UP);
    sim_after(sim, 0, EV_REACH, b, (uint64_t)a, REACH_UP);
    for (int i = 0; i < 2; i++) {
        int from = i == 0 ? a : b, to = i == 0 ? b : a;
        struct sim_way *way = &sim->net.ways[from][to];

        if (way->waiting)
            put(sim, from, to, &way->unsent);
        way->waiting = false;
    }
}
