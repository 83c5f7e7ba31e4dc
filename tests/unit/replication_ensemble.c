/* Several cores against each other: elections, crashes with what was not synced lost, broken
 * connections, snapshots, everything in random order from a seed. The disks and the network are
 * models of a few lines; what is checked is agreement: whatever one server applies at a place,
 * all that ever get there apply the same, and what was acknowledged to a client is never lost.
 * (The simulator does the same with the real store and clients.) */
#include "proto/base/mem.h"
#include "proto/base/rng.h"
#include "proto/txn.h"
#include "replication/zab.h"
#include "tests/support/zab_script.h"
#include "tests/unit/test.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SERVERS_MAX 6
#define LOG_MAX 4000
#define LINKS_MAX 4096
#define STEPS 12000
#define SEEDS 24

/* The zxids of a history, from the first txn of all on: the model of a log and of a state. */
struct sequence {
    size_t count;
    zk_zxid zxids[LOG_MAX];
};

enum disk_kind { DISK_APPEND, DISK_TRUNCATE, DISK_META, DISK_INSTALL };

struct disk_op {
    enum disk_kind kind;
    uint64_t ticket;
    zk_zxid zxid;
    zk_epoch accepted, current;
    struct sequence *log; /* INSTALL: what will be in force */
};

/* One direction of a connection: packets, and the snapshots between them. */
struct item {
    bool is_stream;
    struct peer_msg msg;
    struct sequence *state;
};

struct link {
    bool open;
    int ends[2];           /* servers: who dialled, who accepted */
    struct item *queue[2]; /* towards ends[i] */
    size_t count[2];
    uint64_t stream_ticket; /* 0: nobody reads a snapshot; else the receiver (ends[0]) may */
};

struct server {
    struct zab *zab;
    bool voter;
    /* On disk. */
    zk_epoch accepted, current;
    size_t applied_mark; /* how much of the log is known committed there */
    struct sequence log;
    size_t base; /* how much of the log was let go (as a snapshot) */
    /* In memory. */
    struct sequence state;
    struct disk_op *ops;
    size_t op_count;
    struct sequence *staged;
    zk_zxid receiving_base;
    enum zab_role role;
    bool serving;
};

/* What an action brings about, after the list that it stands in. */
struct event {
    enum zab_action_kind cause;
    int server;
    struct zab *zab; /* of this life only */
    uint64_t number; /* conn or ticket */
    int64_t sid;
    struct ballot ballot;
};

struct world {
    uint64_t seed;
    struct rng rng;
    int64_t now_ms;
    int count, voters;
    struct server servers[SERVERS_MAX];
    struct link links[LINKS_MAX];
    size_t link_count;
    struct event *events;
    size_t event_count, event_first, event_cap;
    struct sequence decided; /* what anybody ever applied */
    bool calm;               /* no more faults */
    bool quiet;              /* no more proposals */
    uint64_t commits, snaps, crashes, leaders;
};

static void perform(struct world *w, int i, struct zab_actions *out);

/* ---------------------------------------------------------------- checks */

/* The seed is all that is needed to see it again. */
#define CHECK(w, cond) \
    ((cond) ? (void)0 : test_fail(__FILE__, __LINE__, "seed %" PRIu64 ": %s", (w)->seed, #cond))

static void check_applied(struct world *w, int i)
{
    const struct server *s = &w->servers[i];
    size_t at = s->state.count - 1;

    if (at < w->decided.count) {
        CHECK(w, s->state.zxids[at] == w->decided.zxids[at]);
        return;
    }
    CHECK(w, at == w->decided.count);
    CHECK(w, at < LOG_MAX);
    w->decided.zxids[w->decided.count++] = s->state.zxids[at];
    w->commits++;
}

/* Everything decided is in the durable logs of a majority, at any moment. */
static void check_durability(const struct world *w)
{
    int have = 0;

    for (int i = 0; i < w->voters; i++) {
        const struct sequence *log = &w->servers[i].log;

        have += log->count >= w->decided.count &&
                memcmp(log->zxids, w->decided.zxids,
                       w->decided.count * sizeof w->decided.zxids[0]) == 0;
    }
    CHECK(w, have > w->voters / 2);
}

static void check_leaders(const struct world *w)
{
    for (int i = 0; i < w->count; i++)
        for (int j = 0; j < i; j++)
            if (w->servers[i].zab != NULL && w->servers[j].zab != NULL &&
                w->servers[i].role == ROLE_LEADING && w->servers[i].serving &&
                w->servers[j].role == ROLE_LEADING && w->servers[j].serving)
                CHECK(w, zab_view(w->servers[i].zab).epoch != zab_view(w->servers[j].zab).epoch);
}

/* ---------------------------------------------------------------- servers */

static void start(struct world *w, int i)
{
    struct server *s = &w->servers[i];
    int64_t sids[SERVERS_MAX] = {1, 2, 3, 4, 5, 6};
    struct quorums *quorums = quorums_new(sids, (size_t)w->voters);
    struct zab_config config = {.sid = i + 1,
                                .quorums = quorums,
                                .tick_ms = TICK_MS,
                                .init_limit = INIT_LIMIT,
                                .sync_limit = SYNC_LIMIT,
                                .counter_limit = 40,
                                .window_count_min = 1,
                                .window_bytes_max = 36 * 20};
    struct zab_disk disk = {.accepted = s->accepted, .current = s->current};
    struct blob **entries = xcalloc(LOG_MAX, sizeof(struct blob *));
    struct zab_actions out = {0};

    s->state.count = s->applied_mark;
    memcpy(s->state.zxids, s->log.zxids, s->applied_mark * sizeof s->log.zxids[0]);
    s->base = s->applied_mark > 8 && s->base < s->applied_mark - 8 ? s->applied_mark - 8 : s->base;
    disk.applied = s->applied_mark == 0 ? 0 : s->log.zxids[s->applied_mark - 1];
    disk.base = s->base == 0 ? 0 : s->log.zxids[s->base - 1];
    for (size_t k = s->base; k < s->log.count; k++)
        entries[disk.entry_count++] = script_txn(s->log.zxids[k]);
    disk.entries = entries;
    s->zab = zab_new(&config, &disk);
    for (size_t k = 0; k < disk.entry_count; k++)
        blob_unref(entries[k]);
    free(entries);
    quorums_unref(quorums);
    s->role = ROLE_LOOKING;
    s->serving = false;
    zab_tick(s->zab, w->now_ms, &out);
    perform(w, i, &out);
}

static struct event *event_add(struct world *w, int i, enum zab_action_kind cause)
{
    if (w->event_first + w->event_count == w->event_cap) {
        if (w->event_count > 0)
            memmove(w->events, w->events + w->event_first, w->event_count * sizeof *w->events);
        w->event_first = 0;
        w->event_cap = 2 * w->event_count + 64;
        w->events = xrealloc(w->events, w->event_cap * sizeof *w->events);
    }
    w->events[w->event_first + w->event_count] =
        (struct event){.cause = cause, .server = i, .zab = w->servers[i].zab};
    return &w->events[w->event_first + w->event_count++];
}

static void item_done(struct item *item)
{
    peer_msg_done(&item->msg);
    free(item->state);
}

/* The packets under way are lost; each end is told, unless it closed. */
static void cut(struct world *w, size_t n, int closer)
{
    struct link *l = &w->links[n];

    if (!l->open)
        return;
    l->open = false;
    for (int d = 0; d < 2; d++) {
        for (size_t k = 0; k < l->count[d]; k++)
            item_done(&l->queue[d][k]);
        free(l->queue[d]);
        l->queue[d] = NULL;
        l->count[d] = 0;
        if (l->ends[d] == closer || w->servers[l->ends[d]].zab == NULL)
            continue;
        event_add(w, l->ends[d], ZAB_CLOSE)->number = n + 1;
    }
}

static void crash(struct world *w, int i)
{
    struct server *s = &w->servers[i];

    zab_free(s->zab);
    s->zab = NULL;
    w->crashes++;
    for (size_t k = 0; k < s->op_count; k++)
        free(s->ops[k].log);
    free(s->ops);
    s->ops = NULL;
    s->op_count = 0;
    free(s->staged);
    s->staged = NULL;
    /* The commit mark is lazy: it may be far behind. */
    s->applied_mark = s->base + rng_below(&w->rng, s->applied_mark - s->base + 1);
    for (size_t n = 0; n < w->link_count; n++)
        if (w->links[n].open && (w->links[n].ends[0] == i || w->links[n].ends[1] == i))
            cut(w, n, i);
}

/* ---------------------------------------------------------------- the disk */

static struct disk_op *op_add(struct server *s, enum disk_kind kind, const struct zab_action *a)
{
    s->ops = xrealloc(s->ops, (s->op_count + 1) * sizeof *s->ops);
    s->ops[s->op_count] = (struct disk_op){.kind = kind,
                                           .ticket = a->ticket,
                                           .zxid = a->zxid,
                                           .accepted = a->accepted,
                                           .current = a->current};
    return &s->ops[s->op_count++];
}

static void cut_log(struct sequence *log, zk_zxid zxid)
{
    while (log->count > 0 && log->zxids[log->count - 1] > zxid)
        log->count--;
}

static void disk_step(struct world *w, int i)
{
    struct server *s = &w->servers[i];
    struct disk_op op = s->ops[0];
    struct zab_actions out = {0};

    memmove(s->ops, s->ops + 1, --s->op_count * sizeof *s->ops);
    switch (op.kind) {
    case DISK_APPEND:
        CHECK(w, s->log.count < LOG_MAX);
        CHECK(w, s->log.count == 0 || op.zxid > s->log.zxids[s->log.count - 1]);
        s->log.zxids[s->log.count++] = op.zxid;
        zab_log_durable(s->zab, op.zxid, &out);
        break;
    case DISK_TRUNCATE:
        cut_log(&s->log, op.zxid);
        CHECK(w, s->log.count >= s->applied_mark);
        zab_log_truncated(s->zab, op.ticket, &out);
        break;
    case DISK_META:
        CHECK(w,
              op.accepted >= s->accepted && op.current >= s->current && op.current <= op.accepted);
        s->accepted = op.accepted;
        s->current = op.current;
        zab_meta_durable(s->zab, op.ticket, &out);
        break;
    case DISK_INSTALL:
        s->log = *op.log;
        s->accepted = op.accepted;
        s->current = op.current;
        s->base = s->applied_mark = 0;
        while (s->base < s->log.count && s->log.zxids[s->base] <= s->receiving_base)
            s->applied_mark = ++s->base;
        s->state = s->log;
        cut_log(&s->state, s->receiving_base);
        free(op.log);
        w->snaps++;
        zab_snap_installed(s->zab, op.ticket, &out);
        break;
    }
    check_durability(w);
    perform(w, i, &out);
}

/* ---------------------------------------------------------------- the network */

static void push(struct world *w, int from, uint64_t conn, struct item item)
{
    struct link *l = &w->links[conn - 1];
    int d = l->ends[0] == from ? 1 : 0;

    if (!l->open) {
        item_done(&item);
        return;
    }
    l->queue[d] = xrealloc(l->queue[d], (l->count[d] + 1) * sizeof(struct item));
    l->queue[d][l->count[d]++] = item;
}

static void link_step(struct world *w, size_t n, int d)
{
    struct link *l = &w->links[n];
    struct item item = l->queue[d][0];
    struct server *to = &w->servers[l->ends[d]], *from = &w->servers[l->ends[1 - d]];
    int to_index = l->ends[d], from_index = l->ends[1 - d];
    struct zab_actions out = {0};

    if (item.is_stream && to->staged == NULL)
        return; /* its SNAP is not understood yet */
    memmove(l->queue[d], l->queue[d] + 1, --l->count[d] * sizeof(struct item));
    if (item.is_stream) {
        *to->staged = *item.state;
        zab_snap_received(to->zab, l->stream_ticket, &out);
    } else {
        zab_sent(from->zab, n + 1, peer_msg_bytes(&item.msg), &out);
        perform(w, from_index, &out);
        if (to->zab != NULL && l->open)
            zab_packet(to->zab, n + 1, &item.msg, &out);
    }
    item_done(&item);
    perform(w, to_index, &out);
}

/* I has asked for a connection to J. */
static void dial(struct world *w, int i, int j, uint64_t ticket)
{
    struct zab_actions out = {0};

    CHECK(w, w->link_count < LINKS_MAX);
    if (w->servers[j].zab == NULL || w->servers[j].role != ROLE_LEADING) {
        zab_dial_failed(w->servers[i].zab, ticket, &out);
        perform(w, i, &out);
        return;
    }
    w->links[w->link_count++] = (struct link){.open = true, .ends = {i, j}};
    zab_accepted(w->servers[j].zab, w->link_count, &out);
    perform(w, j, &out);
    zab_dialled(w->servers[i].zab, ticket, w->link_count, &out);
    perform(w, i, &out);
}

static void happen(struct world *w, const struct event *e)
{
    struct server *s = &w->servers[e->server];
    struct zab_actions out = {0};

    switch (e->cause) {
    case ZAB_NOTIFY:
        zab_notification(s->zab, e->sid, &e->ballot, &out);
        break;
    case ZAB_DIAL:
        dial(w, e->server, (int)e->sid - 1, e->number);
        break;
    case ZAB_CLOSE:
        zab_conn_down(s->zab, e->number, &out);
        break;
    case ZAB_SNAP_OPEN:
        zab_snap_opened(s->zab, e->number,
                        s->state.count == 0 ? 0 : s->state.zxids[s->state.count - 1], false, &out);
        break;
    default:
        zab_touched(s->zab, NULL, &out);
    }
    perform(w, e->server, &out);
}

static void let_happen(struct world *w)
{
    while (w->event_count > 0) {
        struct event e = w->events[w->event_first++];

        w->event_count--;
        if (w->servers[e.server].zab == e.zab && e.zab != NULL)
            happen(w, &e);
    }
}

static void notify(struct world *w, int i, const struct zab_action *a)
{
    struct event *e;

    if (!w->calm && rng_below(&w->rng, 10) == 0)
        return;
    e = event_add(w, (int)a->sid - 1, ZAB_NOTIFY);
    e->sid = i + 1;
    e->ballot = a->ballot;
}

/* ---------------------------------------------------------------- actions */

static void stream(struct world *w, int i, const struct zab_action *a)
{
    struct sequence *state = xmalloc(sizeof *state);

    *state = w->servers[i].state;
    push(w, i, a->conn, (struct item){.is_stream = true, .state = state});
}

static void apply(struct world *w, int i, zk_zxid zxid)
{
    struct server *s = &w->servers[i];

    s->state.zxids[s->state.count++] = zxid;
    CHECK(w, s->log.count >= s->state.count); /* never what is not durable here */
    CHECK(w, s->log.zxids[s->state.count - 1] == zxid);
    s->applied_mark = s->state.count;
    check_applied(w, i);
    check_durability(w);
}

/* Long because it is a list. */
static void perform_one(struct world *w, int i, const struct zab_action *a)
{
    struct server *s = &w->servers[i];
    struct event *e;

    switch (a->kind) {
    case ZAB_NOTIFY:
        notify(w, i, a);
        break;
    case ZAB_DIAL:
        e = event_add(w, i, ZAB_DIAL);
        e->sid = a->sid;
        e->number = a->ticket;
        break;
    case ZAB_SEND:
        push(w, i, a->conn,
             (struct item){.msg = {.type = a->msg.type,
                                   .zxid = a->msg.zxid,
                                   .data = a->msg.data == NULL ? NULL : blob_ref(a->msg.data),
                                   .sid = a->msg.sid,
                                   .protocol = a->msg.protocol,
                                   .epoch = a->msg.epoch}});
        break;
    case ZAB_CLOSE:
        cut(w, a->conn - 1, i);
        break;
    case ZAB_STREAM:
        stream(w, i, a);
        break;
    case ZAB_APPEND:
        op_add(s, DISK_APPEND, a);
        break;
    case ZAB_TRUNCATE:
        op_add(s, DISK_TRUNCATE, a);
        break;
    case ZAB_META:
        op_add(s, DISK_META, a);
        break;
    case ZAB_SNAP_OPEN:
        event_add(w, i, ZAB_SNAP_OPEN)->number = a->ticket;
        break;
    case ZAB_SNAP_BEGIN:
        free(s->staged);
        s->staged = xcalloc(1, sizeof *s->staged);
        s->receiving_base = a->zxid;
        w->links[a->conn - 1].stream_ticket = a->ticket;
        break;
    case ZAB_SNAP_STAGE:
        CHECK(w, s->staged != NULL);
        if (s->staged != NULL)
            s->staged->zxids[s->staged->count++] = a->zxid;
        break;
    case ZAB_SNAP_INSTALL:
        op_add(s, DISK_INSTALL, a)->log = s->staged;
        s->staged = NULL;
        break;
    case ZAB_SNAP_DROP:
        free(s->staged);
        s->staged = NULL;
        break;
    case ZAB_APPLY:
        apply(w, i, a->zxid);
        break;
    case ZAB_ROLE:
        w->leaders += a->role == ROLE_LEADING && a->serving;
        s->role = a->role;
        s->serving = a->serving;
        check_leaders(w);
        break;
    case ZAB_ASK_TOUCHED:
        (void)event_add(w, i, ZAB_ASK_TOUCHED); /* it needs no more */
        break;
    default:
        break;
    }
}

static void perform(struct world *w, int i, struct zab_actions *out)
{
    const struct zab *zab = w->servers[i].zab;

    for (size_t k = 0; k < out->count && w->servers[i].zab == zab && zab != NULL; k++)
        perform_one(w, i, &out->items[k]);
    zab_actions_done(out);
}

/* ---------------------------------------------------------------- the schedule */

static void pass_time(struct world *w)
{
    w->now_ms += (int64_t)rng_below(&w->rng, 60);
    for (int i = 0; i < w->count; i++) {
        struct zab_actions out = {0};

        if (w->servers[i].zab == NULL)
            continue;
        zab_tick(w->servers[i].zab, w->now_ms, &out);
        perform(w, i, &out);
    }
}

static void propose(struct world *w, int i)
{
    struct zab_actions out = {0};
    struct zab *zab = w->servers[i].zab;

    if (w->quiet || zab == NULL || !zab_can_propose(zab) || w->decided.count > LOG_MAX - 200)
        return;
    zab_propose(zab, script_txn(zab_next_zxid(zab)), &out);
    perform(w, i, &out);
}

static void move_packets(struct world *w)
{
    for (size_t n = w->link_count > 60 ? w->link_count - 60 : 0; n < w->link_count; n++)
        for (int d = 0; d < 2; d++)
            while (w->links[n].open && w->links[n].count[d] > 0 && rng_below(&w->rng, 3) != 0) {
                size_t before = w->links[n].count[d];

                link_step(w, n, d);
                if (w->links[n].open && w->links[n].count[d] == before)
                    break;
            }
}

static void faults(struct world *w)
{
    int i = (int)rng_below(&w->rng, (uint64_t)w->count);

    if (rng_below(&w->rng, 150) == 0) {
        if (w->servers[i].zab != NULL)
            crash(w, i);
        else
            start(w, i);
    }
    if (rng_below(&w->rng, 2000) == 0) /* power for all */
        for (int j = 0; j < w->count; j++)
            if (w->servers[j].zab != NULL)
                crash(w, j);
    if (rng_below(&w->rng, 100) == 0 && w->link_count > 0) {
        size_t back = rng_below(&w->rng, w->link_count < 10 ? w->link_count : 10);

        cut(w, w->link_count - 1 - back, -1);
    }
}

static void step(struct world *w)
{
    pass_time(w);
    if (!w->calm)
        faults(w);
    for (int i = 0; i < w->count; i++) {
        struct server *s = &w->servers[i];

        if (s->zab == NULL && (w->calm || rng_below(&w->rng, 200) == 0))
            start(w, i);
        while (s->zab != NULL && s->op_count > 0 && rng_below(&w->rng, w->calm ? 9 : 2) != 0)
            disk_step(w, i);
        if (rng_below(&w->rng, 4) == 0)
            propose(w, i);
    }
    let_happen(w);
    move_packets(w);
    let_happen(w);
}

static void world_done(struct world *w)
{
    for (int i = 0; i < w->count; i++)
        if (w->servers[i].zab != NULL)
            crash(w, i);
    free(w->events);
    free(w);
}

static struct world *run(uint64_t seed)
{
    struct world *w = xcalloc(1, sizeof *w);

    w->seed = seed;
    w->rng = rng_seeded(seed);
    w->voters = 3 + 2 * (int)rng_below(&w->rng, 2);
    w->count = w->voters + 1; /* and an observer */
    for (int i = 0; i < w->count; i++)
        start(w, i);
    for (int k = 0; k < STEPS; k++)
        step(w);
    w->calm = true;
    for (int k = 0; k < 2000; k++) {
        w->quiet = k >= 1000;
        step(w);
    }
    return w;
}

TEST(whatever_breaks_all_agree_and_go_on_afterwards)
{
    uint64_t commits = 0, snaps = 0, crashes = 0, leaders = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world *w = run(seed);

        for (int i = 0; i < w->count; i++) {
            CHECK(w, w->servers[i].serving);
        }
        commits += w->commits;
        snaps += w->snaps;
        crashes += w->crashes;
        leaders += w->leaders;
        world_done(w);
    }
    EXPECT(commits > 1000 && snaps > 10 && crashes > 100 && leaders > 100);
}
