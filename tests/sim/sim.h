/* sim: a world of 1 to 7 servers that exists in one process and in simulated time. All chance
 * comes from one generator, so a seed is a history: the same one gives the same events.
 *
 *   sim_queue    what happens next           sim_server   one server: zab and its events
 *   sim_net      connections of peers        sim_perform  what its core asks for
 *   sim_links    election connections        sim_store    the store that it has
 *   sim_stream   snapshots on their way      sim_restart  how that ends and begins
 *   sim_host     its core for clients        sim_worker   the threads of a store
 *   sim_client   who reads and writes        sim_line     their connections
 *   sim_reply    what they hear              sim_app      what is written
 *   sim_multi    what is written together    sim_sequence  whose names are given
 *   sim_reap     what the leader deletes     sim_watch    what is watched
 *   sim_process  where one of many ends
 *   sim_ghost    what was proposed and       sim_platter  what is promised to be on disk
 *                committed by anybody        sim_fault    what goes wrong, and when
 *   sim_check    the invariants              sim_rot      a bit, on a disk
 *   sim_trace    what happened
 *
 * Time is in microseconds, so that what happens in the same millisecond has an order.
 * Servers are numbered from 1; the number is the sid. The last ones may be observers. */
#ifndef ZKFS_TESTS_SIM_SIM_H
#define ZKFS_TESTS_SIM_SIM_H

#include "proto/base/rng.h"
#include "replication/zab.h"
#include "server/core/core.h"
#include "store/tree.h"
#include "tests/sim/sim_client.h"
#include "tests/sim/sim_cover.h"
#include "tests/sim/sim_ghost.h"
#include "tests/sim/sim_multi.h"
#include "tests/sim/sim_net.h"
#include "tests/sim/sim_queue.h"
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_trace.h"

#include <stdbool.h>
#include <stdint.h>

#define SIM_SERVERS_MAX 7
#define SIM_MS INT64_C(1000)
#define SIM_S INT64_C(1000000)

enum sim_event_kind {
    EV_TICK,      /* the core's deadline */
    EV_LOCAL,     /* the first of the server's own to-do list */
    EV_WORK,      /* a: worker: what it has under way is done */
    EV_WORK_DONE, /* a: worker: the loop hears of it */
    EV_STORE_TICK,
    EV_META_AGAIN, /* the disk was full */
    EV_OPENED,     /* a: ticket, b: failed: a snapshot is open */
    EV_STREAM,     /* a: conn: the next part of a snapshot goes out */
    EV_DIAL,       /* a: ticket, b: to whom: the SYN arrives */
    EV_DIALLED,    /* a: ticket, b: conn, or 0: failed */
    EV_ITEM,       /* a: conn, b: end it comes from */
    EV_DOWN,       /* a: conn: this end hears that it is broken */
    EV_LINK,       /* a, b: the pair whose election connection may have changed */
    EV_BALLOT,     /* a: from whom */
    EV_REACH,      /* a: of whom, b: enum peer_reach */
    EV_CLIENT,     /* a: client: its next idea */
    EV_LINE_OPEN,  /* a: a client's connection, as all of these: it comes to the server */
    EV_LINE_FRAME,
    EV_LINE_GONE,  /* the client has left it */
    EV_LINE_HEARS, /* something comes to the client */
    EV_LINE_EOF,
    EV_CORE_TICK,
    EV_RESTART,
    EV_RESUME,
    EV_HEAL,
    EV_FAULT,
    EV_SETTLED,
};

/* What a server is to do after the actions of an event: completions and requests. */
enum sim_local_kind {
    LOCAL_SNAP_FAILED,
    LOCAL_REQUEST,
    LOCAL_REVALIDATE,
    LOCAL_TOUCHED,
    LOCAL_LISTEN_FAILED
};
struct sim_local {
    enum sim_local_kind kind;
    uint64_t conn, ticket;
    int64_t session_id;
    int32_t timeout_ms;
    struct blob *data, *auth; /* references of its own */
};

#define SIM_LOCALS_MAX 4096 /* a ring; far more than one event can add */
#define SIM_OPENED_MAX 32

struct sim_server {
    struct sim *sim;
    int sid;
    uint32_t life;
    bool alive, gone_host; /* not alive: the whole machine is off, so nobody refuses dials */
    bool serving;          /* as last told with ROLE */
    bool told_full;        /* the core, that the disk is */
    bool lines_dirty;      /* the core has something for its clients */
    bool paused, stopping;
    bool fsync_fails, listen_fails; /* faults in force */
    bool crash_with_leader;
    struct zab *zab;
    struct sim_store keep;
    struct core *core;
    enum core_role core_role;
    enum zab_role role;      /* as last told */
    struct zab_actions *out; /* where what the core asks for goes */

    int64_t skew_ms, wall_skew_ms, tick_at;

    struct sim_local *locals;
    size_t local_first, local_count;
    struct {
        uint64_t ticket;
        struct tree_stream *stream; /* NULL: not yet, or it failed */
    } opened[SIM_OPENED_MAX];
    size_t opened_count;
    struct {
        bool active;
        uint64_t conn, ticket;
    } incoming;

    struct sim_event *deferred;
    size_t deferred_count, deferred_cap;

    /* faults in force */
    int64_t slow_until;
    int crash_in;      /* actions; 0: not planned */
    int crash_kind;    /* before the next action of this kind; -1: not planned */
    int crash_next;    /* the like, in the next life: the kind + 1; 0: not planned */
    int crash_job;     /* jobs of its disk; 0: not planned. In the middle of the last one */
    int crash_reports; /* of that kind from its disk; 0: not planned. It does not hear the last */
    enum sim_report_kind crash_report;
};

/* Frames on their way, oldest first; a ring. */
struct sim_frames {
    struct blob **items;
    size_t first, count, cap;
};

/* A connection of a client. */
struct sim_line {
    uint64_t id; /* 0: none */
    uint32_t client;
    int server;
    uint32_t life; /* of the server */
    bool client_end, opening, closing;
    struct core_client *core_client; /* the server's end */
    struct sim_frames in, out;       /* as the server sees it */
    int64_t to_at, from_at;
};
#define SIM_LINES_MAX 64

struct sim_options {
    bool loud, worded;
    int quiet;
};

struct sim {
    uint64_t seed;
    struct rng rng;
    int64_t now;
    uint64_t steps;
    struct sim_queue queue;
    struct zab_config config;         /* common to all servers */
    struct store_config store_config; /* the like */
    int count, voters;
    struct sim_server servers[SIM_SERVERS_MAX + 1]; /* [0] is not used */
    struct sim_net net;
    struct sim_client clients[SIM_CLIENTS_MAX];
    int client_count;
    struct sim_line lines[SIM_LINES_MAX]; /* by id, modulo */
    uint64_t line_last;
    struct sim_ghost ghost;
    struct sim_trace trace;
    struct sim_cover cover; /* of this seed */
    /* what goes wrong */
    int64_t faults_until, healed_at, settled_at;
    int64_t well_since; /* settled, and the same leader; 0: not yet */
    uint64_t faults, writes;
    uint32_t fault_kinds; /* a bit for each that this seed knows */
    int disk_factor;      /* how much slower than they should be all disks are, before the repair */
    int false_leaders[2]; /* whom a false election is for */
    int damaged;          /* the server with a damaged history; 0: none. It stays the only one */
    bool over;
    int harshness;
    int64_t last_ack_at;
    int64_t stream_pause; /* longest time between two parts of a snapshot, */
    int64_t stream_bytes; /* and how long one is at most */
    uint32_t first_counter;
};

/* Says what is wrong, ends the process: exit status 1, after the trace. */
_Noreturn void sim_violation(struct sim *sim, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
#define SIM_REQUIRE(sim, cond, ...)            \
    do {                                       \
        if (__builtin_expect(!(cond), 0))      \
            sim_violation((sim), __VA_ARGS__); \
    } while (0)

/* From LOW to HIGH, both included. */
static inline int64_t sim_between(struct sim *sim, int64_t low, int64_t high)
{
    return low + (int64_t)rng_below(&sim->rng, (uint64_t)(high - low + 1));
}
static inline bool sim_chance(struct sim *sim, unsigned one_in)
{
    return rng_below(&sim->rng, one_in) == 0;
}

void sim_at(struct sim *sim, int64_t at, enum sim_event_kind kind, int server, uint64_t a,
            uint64_t b);
static inline void sim_after(struct sim *sim, int64_t wait, enum sim_event_kind kind, int server,
                             uint64_t a, uint64_t b)
{
    sim_at(sim, sim->now + wait, kind, server, a, b);
}
static inline void sim_say(struct sim *sim, int server, const char *what, int64_t a, int64_t b)
{
    sim_trace(&sim->trace, sim->now, server, what, a, b);
}

/* One seed from beginning to end. SIM is big: on the heap, zeroed. */
void sim_run(struct sim *sim, uint64_t seed);
void sim_done(struct sim *sim);

/* ---- sim_server */
void sim_server_start(struct sim *sim, int s);
void sim_server_crash(struct sim *sim, int s, bool host);
/* The process ends as it should. */
void sim_server_exit(struct sim *sim, int s);
void sim_server_event(struct sim *sim, const struct sim_event *event);
void sim_server_item(struct sim *sim, uint64_t conn, int from_end);
void sim_server_todo(struct sim *sim, int s, struct sim_local local);
void sim_server_stop(struct sim *sim, int s);
void sim_server_ballot(struct sim *sim, int s, int from, const struct ballot *ballot);
/* The state of one that is alive. */
static inline struct tree *sim_tree(const struct sim *sim, int s)
{
    return store_tree(sim->servers[s].keep.store);
}
static inline zk_zxid sim_applied(const struct sim *sim, int s)
{
    return tree_zxid(sim_tree(sim, s));
}

/* The core has been given an event: perform what it asks for. */
void sim_perform(struct sim *sim, int s, struct zab_actions *actions);

/* What SNAP_OPEN of TICKET asked for is there, or has FAILED. It may have been shut meanwhile: the
 * core hears of it all the same, as it may have been on its way already. */
void sim_perform_opened(struct sim *sim, int s, uint64_t ticket, bool failed);

/* ---- sim_host */
struct core_time sim_core_time(const struct sim *sim, int s);
void sim_core_start(struct sim *sim, int s);
void sim_core_role(struct sim *sim, int s, const struct zab_action *action);

/* ---- sim_line. The client's end. */
uint64_t sim_line_dial(struct sim *sim, uint32_t client, int server);
void sim_line_send(struct sim *sim, uint64_t id, struct blob *frame); /* takes FRAME */
void sim_line_hang_up(struct sim *sim, uint64_t id);
/* EV_LINE_HEARS, EV_LINE_EOF. */
void sim_line_event(struct sim *sim, const struct sim_event *event);
/* The server's end. EV_LINE_OPEN, _FRAME, _GONE: true: LINE is to be opened, or a frame has come
 * on it (with a reference of the caller's). */
bool sim_line_arrive(struct sim *sim, const struct sim_event *event, struct sim_line **ret_line,
                     struct blob **ret_frame);
void sim_line_on_output(void *arg, struct core_client *client);
void sim_line_on_close(void *arg, struct core_client *client, const char *why);
/* What the core of S has for its clients goes out. */
void sim_lines_flush(struct sim *sim, int s);
void sim_lines_crash(struct sim *sim, int s);
void sim_lines_done(struct sim *sim);

/* ---- sim_fault */
void sim_fault_event(struct sim *sim, const struct sim_event *event);
void sim_fault_begin(struct sim *sim);
/* The action before which S was to crash has come. */
void sim_fault_crash_now(struct sim *sim, int s);

/* ---- sim_check */
void sim_check_step(struct sim *sim, int s);
void sim_check_action(struct sim *sim, int s, const struct zab_action *action);
/* S has decided, or applied, a txn that is new to the ghost. */
void sim_check_commit(struct sim *sim, int s, zk_zxid zxid, struct blob *txn);
/* A disk has lost, as it was told to, its txns after AFTER. */
void sim_check_undone(struct sim *sim, zk_zxid after);
/* S begins to serve as leader. */
void sim_check_established(struct sim *sim, int s);
void sim_check_all(struct sim *sim);
bool sim_check_settled(struct sim *sim, bool equal);

#endif
