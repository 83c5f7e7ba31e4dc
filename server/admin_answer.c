/* admin_answer: the long answers. An answer is a list of steps, each of which appends a
 * little and says whether it has more; a slice is as many as fill SLICE_BYTES. */
#include "server/admin_answer.h"

#include "proto/base/mem.h"
#include "proto/opcodes.h"
#include "server/core/core_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLICE_BYTES ((size_t)64 << 10)
#define GATHER_AT_ONCE 256 /* connections */
#define STEPS_MAX 4

typedef bool (*answer_step)(struct admin_answer *a, struct buf *b); /* false: it is done */

/* A connection in the list of dump. */
struct listed_connection {
    int64_t deadline_ms, session_id;
    char peer[64];
};

struct admin_answer {
    const struct admin *admin;
    answer_step steps[STEPS_MAX + 1];
    size_t step;
    struct core_report *report;
    struct connections_walk *walk;
    struct buf *out; /* of the slice in hand */
    struct listed_connection *listed;
    size_t listed_count, listed_cap, listed_next;
};

static bool step_newline(struct admin_answer *a, struct buf *b)
{
    (void)a;
    buf_append(b, "\n", 1);
    return false;
}

/* ---- the items of reports */

/* As java.util.Date prints it. */
static void put_expiry(struct buf *b, size_t count, int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm local = {0};
    char text[64];

    (void)localtime_r(&seconds, &local);
    (void)strftime(text, sizeof text, "%a %b %d %H:%M:%S %Z %Y", &local);
    buf_printf(b, "%zu expire at %s:\n", count, text);
}

static void put_report_item(void *arg, enum core_report_item item, int64_t number, size_t count,
                            struct jute_bytes path)
{
    struct admin_answer *a = arg;
    struct buf *b = a->out;

    switch (item) {
    case REPORT_SESSION:
        buf_printf(b, "\t0x%" PRIx64 "\n", (uint64_t)number);
        break;
    case REPORT_PATH:
        buf_append(b, "\t", 1);
        buf_append(b, path.data, jute_size(path));
        buf_append(b, "\n", 1);
        break;
    case REPORT_WATCHERS:
        buf_printf(b, "%" PRId64 " connections watching ", number);
        break;
    case REPORT_WATCHED_PATHS:
        buf_printf(b, "%" PRId64 " paths\n", number);
        break;
    case REPORT_WATCHES:
        buf_printf(b, "Total watches:%" PRId64 "\n", number);
        break;
    case REPORT_SESSIONS:
        buf_printf(b, "SessionTracker dump:\nSession Sets (%" PRId64 ")/(%zu):\n", number, count);
        break;
    case REPORT_EXPIRY:
        put_expiry(b, count, number);
        break;
    case REPORT_OWNERS:
        buf_printf(b, "ephemeral nodes dump:\nSessions with Ephemerals (%" PRId64 "):\n", number);
        break;
    case REPORT_OWNER:
        buf_printf(b, "0x%" PRIx64 ":\n", (uint64_t)number);
        break;
    }
}

/* ---- stat and cons */

static void put_connection_head(const struct connection_facts *c, struct buf *b)
{
    buf_printf(b, " /%s[%x](queued=%zu,recved=%" PRIu64 ",sent=%" PRIu64, c->peer,
               (unsigned)c->interest_ops, c->outstanding, c->stats.packets_received,
               c->stats.packets_sent);
}

static bool step_stat_line(struct admin_answer *a, struct buf *b)
{
    struct connection_facts c;

    if (!connections_walk_next(a->walk, &c))
        return false;
    put_connection_head(&c, b);
    buf_printf(b, ")\n");
    return true;
}

static void put_session(const struct core_client_stats *s, struct buf *b)
{
    const struct summary *latency = &s->latency;

    buf_printf(b, ",sid=0x%" PRIx64 ",lop=%s,est=%" PRId64 ",to=%d", (uint64_t)s->session_id,
               s->last_op == 0 ? "NA" : zk_op_word(s->last_op), s->established_wall_ms,
               s->timeout_ms);
    if (s->last_cxid >= 0)
        buf_printf(b, ",lcxid=0x%x", (unsigned)s->last_cxid);
    buf_printf(b,
               ",lzxid=0x%" PRIx64 ",lresp=%" PRId64 ",llat=%" PRId64 ",minlat=%" PRId64
               ",avglat=%" PRId64 ",maxlat=%" PRId64,
               (uint64_t)s->last_zxid, s->last_response_mono_ms, s->last_latency_ms, latency->min,
               latency->count == 0 ? 0 : latency->sum / latency->count, latency->max);
}

static bool step_cons_line(struct admin_answer *a, struct buf *b)
{
    struct connection_facts c;

    if (!connections_walk_next(a->walk, &c))
        return false;
    put_connection_head(&c, b);
    if (c.stats.session_id != 0)
        put_session(&c.stats, b);
    buf_printf(b, ")\n");
    return true;
}

static bool step_stat_head(struct admin_answer *a, struct buf *b)
{
    (void)a;
    admin_put_version(b);
    buf_printf(b, "Clients:\n");
    return false;
}

static bool step_server(struct admin_answer *a, struct buf *b)
{
    struct admin_facts facts;

    a->admin->facts(a->admin->arg, &facts);
    admin_put_server(&facts, b);
    return false;
}

/* ---- watches */

static bool step_report(struct admin_answer *a, struct buf *b)
{
    a->out = b;
    return core_report_next(a->report, SLICE_BYTES, put_report_item, a);
}

/* By path it is the sessions that are indented, else the paths. */
static void put_watch_by_path(void *arg, enum core_report_item item, int64_t number, size_t count,
                              struct jute_bytes path)
{
    struct admin_answer *a = arg;

    (void)count;
    if (item == REPORT_SESSION) {
        buf_printf(a->out, "\t0x%" PRIx64 "\n", (uint64_t)number);
        return;
    }
    buf_append(a->out, path.data, jute_size(path));
    buf_append(a->out, "\n", 1);
}

static bool step_watches_by_path(struct admin_answer *a, struct buf *b)
{
    a->out = b;
    return core_report_next(a->report, SLICE_BYTES, put_watch_by_path, a);
}

static void put_watch_by_session(void *arg, enum core_report_item item, int64_t number,
                                 size_t count, struct jute_bytes path)
{
    struct admin_answer *a = arg;

    if (item == REPORT_SESSION)
        buf_printf(a->out, "0x%" PRIx64 "\n", (uint64_t)number);
    else
        put_report_item(a, item, number, count, path);
}

static bool step_watches_by_session(struct admin_answer *a, struct buf *b)
{
    a->out = b;
    return core_report_next(a->report, SLICE_BYTES, put_watch_by_session, a);
}

/* ---- dump */

static void list_connection(struct admin_answer *a, const struct connection_facts *facts)
{
    struct listed_connection *c;

    if (a->listed_count == a->listed_cap) {
        a->listed_cap = a->listed_cap == 0 ? 16 : a->listed_cap * 2;
        a->listed = xrealloc(a->listed, a->listed_cap * sizeof *a->listed);
    }
    c = &a->listed[a->listed_count++];
    c->deadline_ms = facts->deadline_mono_ms;
    c->session_id = facts->stats.session_id;
    memcpy(c->peer, facts->peer, sizeof c->peer);
}

static bool step_gather_connections(struct admin_answer *a, struct buf *b)
{
    struct connection_facts facts;

    (void)b;
    for (int i = 0; i < GATHER_AT_ONCE; i++) {
        if (!connections_walk_next(a->walk, &facts))
            return false;
        list_connection(a, &facts);
    }
    return true;
}

static int by_deadline(const void *a, const void *b)
{
    const struct listed_connection *x = a, *y = b;

    return (x->deadline_ms > y->deadline_ms) - (x->deadline_ms < y->deadline_ms);
}

static bool begins_set(const struct admin_answer *a, size_t i)
{
    return i == 0 || a->listed[i].deadline_ms != a->listed[i - 1].deadline_ms;
}

static bool step_connection_sums(struct admin_answer *a, struct buf *b)
{
    size_t sets = 0;

    qsort(a->listed, a->listed_count, sizeof *a->listed, by_deadline); /* ours is among them */
    for (size_t i = 0; i < a->listed_count; i++)
        sets += begins_set(a, i);
    buf_printf(b, "Connections dump:\nConnections Sets (%zu)/(%zu):\n", sets, a->listed_count);
    return false;
}

static bool step_connection(struct admin_answer *a, struct buf *b)
{
    const struct core_time *now = a->admin->now(a->admin->arg);
    size_t i = a->listed_next++, end = i + 1;
    const struct listed_connection *c = &a->listed[i];

    if (i >= a->listed_count)
        return false;
    if (begins_set(a, i)) {
        while (end < a->listed_count && !begins_set(a, end))
            end++;
        put_expiry(b, end - i, now->wall_ms + c->deadline_ms - now->mono_ms);
    }
    buf_printf(b, "\tip: /%s sessionId: 0x%" PRIx64 "\n", c->peer, (uint64_t)c->session_id);
    return true;
}

/* ---- the answers */

struct admin_answer *admin_answer_stat(const struct admin *admin)
{
    struct admin_answer *a = xcalloc(1, sizeof *a);

    *a = (struct admin_answer){
        .admin = admin,
        .steps = {step_stat_head, step_stat_line, step_newline, step_server},
        .walk = connections_walk_begin(admin->connections),
    };
    return a;
}

struct admin_answer *admin_answer_cons(const struct admin *admin)
{
    struct admin_answer *a = xcalloc(1, sizeof *a);

    *a = (struct admin_answer){
        .admin = admin,
        .steps = {step_cons_line, step_newline},
        .walk = connections_walk_begin(admin->connections),
    };
    return a;
}

static struct admin_answer *report_on(const struct admin *admin, enum core_report_kind kind)
{
    struct admin_answer *a = xcalloc(1, sizeof *a);

    a->admin = admin;
    a->report = core_report_begin(admin->core, kind, admin->now(admin->arg));
    return a;
}

struct admin_answer *admin_answer_dump(const struct admin *admin)
{
    static const answer_step steps[] = {step_report, step_gather_connections, step_connection_sums,
                                        step_connection};
    struct admin_answer *a = report_on(admin, CORE_REPORT_SESSIONS);

    memcpy(a->steps, steps, sizeof steps);
    a->walk = connections_walk_begin(admin->connections);
    return a;
}

struct admin_answer *admin_answer_wchs(const struct admin *admin)
{
    struct admin_answer *a = report_on(admin, CORE_REPORT_WATCH_TOTALS);

    a->steps[0] = step_report;
    return a;
}

struct admin_answer *admin_answer_wchc(const struct admin *admin)
{
    struct admin_answer *a = report_on(admin, CORE_REPORT_WATCHES_BY_SESSION);

    a->steps[0] = step_watches_by_session;
    a->steps[1] = step_newline;
    return a;
}

struct admin_answer *admin_answer_wchp(const struct admin *admin)
{
    struct admin_answer *a = report_on(admin, CORE_REPORT_WATCHES_BY_PATH);

    a->steps[0] = step_watches_by_path;
    a->steps[1] = step_newline;
    return a;
}

/* A step that appends nothing ends the slice: it took its time all the same. */
bool admin_answer_more(struct admin_answer *a, struct buf *b)
{
    size_t begin = b->len, before;

    while (a->steps[a->step] != NULL && b->len - begin < SLICE_BYTES) {
        before = b->len;
        if (!a->steps[a->step](a, b))
            a->step++;
        else if (b->len == before)
            break;
    }
    return a->steps[a->step] != NULL;
}

void admin_answer_end(struct admin_answer *a)
{
    if (a == NULL)
        return;
    core_report_end(a->report);
    connections_walk_end(a->walk);
    free(a->listed);
    free(a);
}
