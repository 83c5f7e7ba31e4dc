/* sim_store: what a server keeps: the real store on a disk in memory. What the core asks of the
 * disk is asked of the store; what the store reports comes to the core as an event of
 * its own. A crash takes the store and, if the power goes, what the disk had not synced. */
#ifndef ZKFS_TESTS_SIM_SIM_STORE_H
#define ZKFS_TESTS_SIM_SIM_STORE_H

#include "replication/actions.h"
#include "replication/zab.h"
#include "store/store.h"
#include "tests/sim/sim_platter.h"
#include "tests/sim/sim_worker.h"

#include <stdbool.h>
#include <stdint.h>

struct sim;
struct sim_event;
struct sim_server;

enum sim_report_kind {
    REPORT_DURABLE,
    REPORT_TRUNCATED,
    REPORT_META,
    REPORT_SNAP_FAILED,
    REPORT_INSTALLED,
};

struct sim_report {
    enum sim_report_kind kind;
    uint64_t ticket;
    zk_zxid zxid;
};

#define SIM_REPORTS_MAX 64

struct sim_store {
    struct disk *disk;
    struct store *store; /* NULL: nobody runs */
    struct sim_worker log_worker, checkpoint_worker;
    struct sim_platter platter;

    uint64_t truncate_ticket, meta_ticket, snap_ticket;
    zk_zxid truncate_zxid;
    zk_epoch accepted, current; /* of the META under way */
    zk_zxid applied;            /* to be told to the store */

    struct sim_report reports[SIM_REPORTS_MAX];
    size_t report_count;
    uint64_t checkpoints_seen;
    bool rotten;      /* a bit has flipped, and nobody has noticed so far */
    uint8_t meta_bit; /* it was this one of meta, at META_AT; 0: it was not meta's */
    size_t meta_at;
};

/* The disk of a new server. */
void sim_store_init(struct sim *sim, int s);
void sim_store_done(struct sim *sim, int s);

/* The server starts: RET for zab_new(), whose entries are borrowed until
 * sim_store_forget_entries(). Negative: it cannot, for now. */
int sim_store_open(struct sim *sim, int s, struct zab_disk *ret);

/* The process ends, or POWER does. */
void sim_store_crash(struct sim *sim, int s, bool power);

/* An orderly end of the process. */
void sim_store_close(struct sim *sim, int s);

/* EV_WORK, EV_WORK_DONE, EV_STORE_TICK, EV_META_AGAIN. Reports may be there afterwards. */
void sim_store_event(struct sim *sim, const struct sim_event *event);
bool sim_store_next_report(struct sim *sim, int s, struct sim_report *ret);

/* APPEND, TRUNCATE, META, SNAP_BEGIN, SNAP_STAGE, SNAP_INSTALL, SNAP_DROP. */
void sim_store_do(struct sim *sim, int s, const struct zab_action *action);
/* All actions of an event were performed: what is applied counts as committed. */
void sim_store_applied(struct sim *sim, int s);

/* Bytes of the snapshot that comes in. True: it is whole. */
bool sim_store_feed(struct sim *sim, int s, const struct blob *bytes);
/* The snapshot of TICKET is no good. False: too late. */
void sim_store_snap_failed(struct sim *sim, int s);
bool sim_store_snap_bad(struct sim *sim, int s, uint64_t ticket);

/* ---- sim_rot */

/* A bit flips in what lies there. False: nothing that could rot. */
bool sim_store_rot(struct sim *sim, int s);
/* Meta is whole: written anew, or read. */
void sim_rot_meta_replaced(struct sim_server *server);
/* It could not start with such a meta. Somebody may bring the true one back. */
void sim_rot_meta_refused(struct sim *sim, int s);

/* Between sim_store.c and sim_restart.c: the log is on disk up to ZXID. ARG is the server. */
void sim_store_on_durable(void *arg, zk_zxid zxid);

/* Faults of the disk. */
void sim_store_fill(struct sim *sim, int s, bool full);
/* Writes or syncs fail; LOSES: syncs, and what was written then is never on the disk, though it can
 * be read. */
void sim_store_break(struct sim *sim, int s, bool loses);
void sim_store_mend(struct sim *sim, int s);

#endif
