/* sim_cover: what the seeds have been through. A run in which some of it never happened
 * has proved nothing about it. */
#ifndef ZKFS_TESTS_SIM_SIM_COVER_H
#define ZKFS_TESTS_SIM_SIM_COVER_H

#include "replication/actions.h"

#include <stdint.h>

#define SIM_FAULTS(X)                              \
    X(CRASH, "process crash")                      \
    X(CRASH_HOST, "power cut of one")              \
    X(CRASH_ALL, "power cut of all")               \
    X(CRASH_LEADER, "crash of the leader")         \
    X(CRASH_ACTION, "crash before an action")      \
    X(PAUSE, "pause")                              \
    X(PARTITION, "partition")                      \
    X(ISOLATE_LEADER, "leader cut off")            \
    X(ONE_WAY, "one-way partition")                \
    X(CUT, "connection cut")                       \
    X(CUT_LINK, "election link cut")               \
    X(SLOW_DISK, "slow disk")                      \
    X(FSYNC, "fsync error")                        \
    X(FULL, "disk full")                           \
    X(DAMAGE, "bit rot")                           \
    X(HANDOVER, "orderly stop")                    \
    X(LISTEN, "port lost")                         \
    X(DEPOSED, "leader deposed unawares")          \
    X(HANDSHAKE, "crash in a handshake")           \
    X(FALSE_ELECTION, "election gone wrong")       \
    X(CRASH_JOB, "crash inside a job of the disk") \
    X(TURNS, "bare quorums in turn")               \
    X(FSYNC_LOSES, "fsync error that loses pages")

enum sim_fault {
#define X(name, text) FAULT_##name,
    SIM_FAULTS(X)
#undef X
        FAULT_COUNT,
};

#define SIM_ACTION_KINDS (ZAB_STOPPED + 1)

struct sim_cover {
    uint64_t seeds, steps, faults_total, writes, acked, reads, syncs, elections, established;
    int64_t simulated; /* microseconds */
    int64_t longest_outage;
    uint64_t sizes[8], with_observers;
    uint64_t roles[4], served[4];
    uint64_t diff, trunc, snap, snap_cut, torn_items;
    uint64_t sessions, reattached, expired, closed, events, ephemerals, refused;
    uint64_t power_cuts, unsynced_pages, crashed_in_job, crashed_in_start, crashed_at_report, died,
        rot_noticed, meta_refused, checkpoints;
    uint64_t crash_at[SIM_ACTION_KINDS], actions[SIM_ACTION_KINDS];
    uint64_t faults[FAULT_COUNT];
    /* what clients asked for */
    uint64_t multis, multis_failed, groups_read;
    uint64_t tickets, tickets_deleted, tickets_seen;
    uint64_t mortals, containers_reaped, ttls_reaped;
    uint64_t looks, watches_again, events_missed;
};

void sim_cover_add(struct sim_cover *total, const struct sim_cover *one);
void sim_cover_print(const struct sim_cover *cover, double real_seconds);

#endif
