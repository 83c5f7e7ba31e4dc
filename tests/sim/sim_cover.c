/* sim_cover: see sim_cover.h. */
#include "tests/sim/sim_cover.h"

#include <inttypes.h>
#include <stdio.h>

/* All fields but the longest outage are counts of 64 bits. */
void sim_cover_add(struct sim_cover *total, const struct sim_cover *one)
{
    int64_t outage =
        total->longest_outage > one->longest_outage ? total->longest_outage : one->longest_outage;
    const uint64_t *from = (const uint64_t *)one;
    uint64_t *to = (uint64_t *)total;

    _Static_assert(sizeof *one % sizeof *from == 0, "counts only");
    for (size_t i = 0; i < sizeof *one / sizeof *from; i++)
        to[i] += from[i];
    total->longest_outage = outage;
}

static void print(const char *what, uint64_t count)
{
    printf("  %-28s %12" PRIu64 "\n", what, count);
}

void sim_cover_print(const struct sim_cover *cover, double real_seconds)
{
    static const char *const faults[] = {
#define X(name, text) text,
        SIM_FAULTS(X)
#undef X
    };
    double simulated = (double)cover->simulated / 1e6;

    printf("ensembles\n");
    for (int i = 1; i < 8; i++)
        if (cover->sizes[i] > 0)
            printf("  of %d servers %28" PRIu64 "\n", i, cover->sizes[i]);
    print("with observers", cover->with_observers);
    printf("roles taken / serving begun\n");
    for (int i = 0; i < 4; i++)
        printf("  %-28s %12" PRIu64 " %12" PRIu64 "\n", zab_role_name((enum zab_role)i),
               cover->roles[i], cover->served[i]);
    print("leaders established", cover->established);
    printf("synchronisation\n");
    print("DIFF", cover->diff);
    print("TRUNC", cover->trunc);
    print("SNAP", cover->snap);
    print("SNAP cut on its way", cover->snap_cut);
    print("cuts inside a packet or part", cover->torn_items);
    printf("stores\n");
    print("checkpoints made", cover->checkpoints);
    print("power cuts", cover->power_cuts);
    print("pages not synced then", cover->unsynced_pages);
    print("crashes inside a job", cover->crashed_in_job);
    print("power cuts inside a start", cover->crashed_in_start);
    print("crashes at a report of it", cover->crashed_at_report);
    print("ends by a broken disk", cover->died);
    print("rot noticed at a start", cover->rot_noticed);
    print("starts refused for meta's rot", cover->meta_refused);
    printf("faults\n");
    for (int i = 0; i < FAULT_COUNT; i++)
        print(faults[i], cover->faults[i]);
    printf("actions: performed / crashed before\n");
    for (int i = 0; i < SIM_ACTION_KINDS; i++)
        printf("  %-28s %12" PRIu64 " %12" PRIu64 "\n", zab_action_name((enum zab_action_kind)i),
               cover->actions[i], cover->crash_at[i]);
    printf("clients\n");
    print("writes proposed", cover->writes);
    print("writes acknowledged", cover->acked);
    print("reads checked", cover->reads);
    print("syncs checked", cover->syncs);
    print("events checked", cover->events);
    print("  of what was missed", cover->events_missed);
    print("watches set again", cover->watches_again);
    print("looks and lists checked", cover->looks);
    print("ephemerals checked", cover->ephemerals);
    print("multis checked", cover->multis);
    print("  that must fail", cover->multis_failed);
    print("groups read", cover->groups_read);
    print("sequential creates checked", cover->tickets);
    print("  and deleted", cover->tickets_deleted);
    print("  seen again", cover->tickets_seen);
    print("container, TTL requests", cover->mortals);
    print("  containers reaped", cover->containers_reaped);
    print("  TTL znodes reaped", cover->ttls_reaped);
    print("writes refused", cover->refused);
    print("sessions opened", cover->sessions);
    print("  moved", cover->reattached);
    print("  closed", cover->closed);
    print("  expired", cover->expired);
    printf("longest time without an acknowledged write, in any seed: %.1f s\n",
           (double)cover->longest_outage / 1e6);
    printf("%" PRIu64 " seeds, %" PRIu64 " events, %.0f simulated s in %.1f s: %.0f to 1\n",
           cover->seeds, cover->steps, simulated, real_seconds,
           real_seconds > 0 ? simulated / real_seconds : 0);
}
