/* core_report: what the core holds, told item by item, for the answers to operators: who
 * watches what, which sessions there are, whose ephemerals. In slices, as there may be a
 * million of each: between two of them the server serves its clients.
 *
 * What is there all the time is told; what comes or goes while the report is being made
 * may be told or not. Thread: the loop. */
#ifndef ZKFS_SERVER_CORE_CORE_REPORT_H
#define ZKFS_SERVER_CORE_CORE_REPORT_H

#include "proto/jute.h"
#include "server/core/core.h"

enum core_report_kind {
    /* For each session that watches data: SESSION, and a PATH for each. Persistent
     * watches are watches of data too; those of children only are left out, as Apache does. */
    CORE_REPORT_WATCHES_BY_SESSION,
    /* For each path whose data is watched: PATH, and a SESSION for each who does. */
    CORE_REPORT_WATCHES_BY_PATH,
    /* One each of WATCHERS, WATCHED_PATHS and WATCHES. */
    CORE_REPORT_WATCH_TOTALS,
    /* SESSIONS; for each time at which some expire, in order: EXPIRY, and a SESSION for
     * each; OWNERS; for each session with ephemerals: OWNER, and a PATH for each. */
    CORE_REPORT_SESSIONS,
};

enum core_report_item {
    REPORT_SESSION,       /* NUMBER is its id */
    REPORT_PATH,          /* PATH */
    REPORT_WATCHERS,      /* NUMBER: how many sessions watch data */
    REPORT_WATCHED_PATHS, /* NUMBER: how many paths have their data watched */
    REPORT_WATCHES,       /* NUMBER: how many pairs of both there are */
    REPORT_SESSIONS,      /* COUNT sessions in NUMBER sets by time of expiry */
    REPORT_EXPIRY,        /* COUNT sessions expire at NUMBER, ms since 1970 */
    REPORT_OWNERS,        /* NUMBER: sessions with ephemerals */
    REPORT_OWNER,         /* NUMBER is its id */
};

/* PATH is borrowed. Must not call the core. */
typedef void (*core_report_cb)(void *arg, enum core_report_item item, int64_t number, size_t count,
                               struct jute_bytes path);

/* To be ended with core_report_end(), before the core is freed. */
struct core_report *core_report_begin(struct core *core, enum core_report_kind kind,
                                      const struct core_time *now);

/* Tells the next items, until their paths, and CORE_REPORT_ITEM_WEIGHT bytes for each, come to
 * BUDGET. False: that was all. */
#define CORE_REPORT_ITEM_WEIGHT 32
bool core_report_next(struct core_report *r, size_t budget, core_report_cb tell_item, void *arg);

/* NULL is fine. */
void core_report_end(struct core_report *r);

#endif
