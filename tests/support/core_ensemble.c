/* core_ensemble: see core_ensemble.h. */
#include "tests/support/core_ensemble.h"

#include "proto/base/assert.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"
#include "proto/txn.h"
#include "server/core/session_id.h"
#include "store/tree.h"

#include <stdlib.h>

enum trio_kind {
    TO_REQUEST,
    TO_SYNC,
    TO_REVALIDATE,
    FROM_PROPOSAL,
    FROM_COMMIT,
    FROM_SYNC,
    FROM_VERDICT,
};

struct trio_message {
    enum trio_kind kind;
    struct blob *data, *auth;
    uint64_t cookie;
    int64_t session_id;
    int32_t timeout_ms;
    bool valid;
    size_t place; /* of a SYNC that the leader keeps: it waits for so many txns */
};

/* ---------------------------------------------------------------- queues */

static void push(struct trio_queue *queue, const struct trio_message *message)
{
    if (queue->count == queue->cap) {
        queue->cap = queue->cap == 0 ? 16 : 2 * queue->cap;
        queue->items = xrealloc(queue->items, queue->cap * sizeof *queue->items);
    }
    queue->items[queue->count++] = *message;
}

static struct trio_message shift(struct trio_queue *queue)
{
    struct trio_message first = queue->items[0];

    memmove(queue->items, queue->items + 1, --queue->count * sizeof *queue->items);
    return first;
}

static void drop(struct trio_message *message)
{
    blob_unref(message->data);
    blob_unref(message->auth);
}

static void clear(struct trio_queue *queue)
{
    while (queue->count > 0) {
        struct trio_message message = shift(queue);

        drop(&message);
    }
}

/* ---------------------------------------------------------------- what a core asks for */

static struct trio_server *server_of(void *arg)
{
    struct rig *rig = arg;

    return CONTAINER_OF(rig, struct trio_server, rig);
}

static zk_zxid next_zxid(void *arg)
{
    const struct trio *trio = server_of(arg)->trio;
    size_t i = trio->proposed;
    zk_zxid last = i == 0 ? 0 : txn_zxid(trio->history[i - 1]->data);

    return (zk_zxid)(last >> 32) == trio->epoch ? last + 1 : ((zk_zxid)trio->epoch << 32) + 1;
}

static void propose(void *arg, struct blob *txn)
{
    struct trio_server *server = server_of(arg);
    struct trio *trio = server->trio;

    ASSERT(server->conn == 0 && !server->is_cut);
    if (trio->proposed == trio->history_cap) {
        trio->history_cap = trio->history_cap == 0 ? 64 : 2 * trio->history_cap;
        trio->history = xrealloc(trio->history, trio->history_cap * sizeof *trio->history);
    }
    trio->history[trio->proposed++] = txn;
    server->logged = trio->proposed;
    for (int i = 0; i < TRIO; i++)
        if (trio->servers[i].conn != 0 && !trio->servers[i].is_observer)
            push(&trio->servers[i].in, &(struct trio_message){.kind = FROM_PROPOSAL});
}

static bool can_propose(void *arg)
{
    const struct trio_server *server = server_of(arg);

    ASSERT(server->conn == 0);
    return !server->is_cut;
}

static struct trio_server *by_conn(struct trio *trio, uint64_t conn)
{
    for (int i = 0; i < TRIO; i++)
        if (trio->servers[i].conn == conn)
            return &trio->servers[i];
    return NULL;
}

static void remember_cookie(struct trio_server *server, uint64_t cookie)
{
    ASSERT(server->cookie_count < TRIO_SYNCS_MAX);
    server->cookies[server->cookie_count++] = cookie;
}

/* Kept behind what is proposed; sent when that is decided. */
static void on_sync(void *arg, uint64_t conn, uint64_t cookie)
{
    struct trio *trio = server_of(arg)->trio;
    struct trio_server *from = by_conn(trio, conn);

    if (conn == 0)
        remember_cookie(from, cookie);
    push(&trio->servers[trio->leader].out,
         &(struct trio_message){.kind = FROM_SYNC, .cookie = conn, .place = trio->proposed});
}

static void on_verdict(void *arg, uint64_t conn, int64_t session_id, bool valid)
{
    struct trio_server *to = by_conn(server_of(arg)->trio, conn);

    if (to != NULL)
        push(&to->in, &(struct trio_message){
                          .kind = FROM_VERDICT, .session_id = session_id, .valid = valid});
}

static struct blob *shared(struct blob *blob)
{
    return blob == NULL ? NULL : blob_ref(blob);
}

static bool forward(void *arg, struct blob *data, struct blob *auth)
{
    struct trio_server *server = server_of(arg);

    ASSERT(server->conn != 0);
    if (server->is_asked_in_vain)
        return false;
    push(&server->out,
         &(struct trio_message){.kind = TO_REQUEST, .data = shared(data), .auth = shared(auth)});
    return true;
}

static bool forward_sync(void *arg, struct blob *data, struct blob *auth, uint64_t cookie)
{
    struct trio_server *server = server_of(arg);

    if (!forward(arg, data, auth))
        return false;
    remember_cookie(server, cookie);
    return true;
}

static bool revalidate(void *arg, int64_t session_id, int32_t timeout_ms)
{
    struct trio_server *server = server_of(arg);

    if (server->is_asked_in_vain)
        return false;
    push(&server->out, &(struct trio_message){.kind = TO_REVALIDATE,
                                              .session_id = session_id,
                                              .timeout_ms = timeout_ms});
    return true;
}

/* ---------------------------------------------------------------- life */

struct rig *trio_rig(struct trio *trio, int server)
{
    return &trio->servers[server].rig;
}

static void give_roles(struct trio *trio, int leader)
{
    zk_zxid since;

    trio->leader = leader;
    trio->epoch++;
    since = (zk_zxid)trio->epoch << 32;
    for (int i = 0; i < TRIO; i++) {
        struct trio_server *server = &trio->servers[i];

        server->conn = i == leader ? 0 : ++trio->last_conn;
        server->is_asked_in_vain = server->is_cut = false;
        core_role(server->rig.core, i == leader ? CORE_LEADS : CORE_LEARNS, since,
                  &server->rig.now);
    }
}

void trio_init(struct trio *trio, void (*configure)(struct rig *rig))
{
    *trio = (struct trio){0};
    for (int i = 0; i < TRIO; i++) {
        struct trio_server *server = &trio->servers[i];
        struct rig *rig = &server->rig;

        server->trio = trio;
        rig_config(rig);
        rig->hold = true;
        rig->config.is_member = true;
        rig->config.first_session_id = session_id_first(1, 0, (uint8_t)(i + 1));
        rig->host.next_zxid = next_zxid;
        rig->host.propose = propose;
        rig->host.can_propose = can_propose;
        rig->host.sync = on_sync;
        rig->host.revalidate_answer = on_verdict;
        rig->host.forward = forward;
        rig->host.forward_sync = forward_sync;
        rig->host.revalidate = revalidate;
        if (configure != NULL)
            configure(rig);
        rig_start(rig);
    }
    give_roles(trio, 0);
}

void trio_done(struct trio *trio)
{
    const struct tree *first = trio->servers[0].rig.tree;

    (void)trio_settle(trio);
    for (int i = 1; i < TRIO; i++) {
        const struct tree *tree = trio->servers[i].rig.tree;

        ASSERT(tree_zxid(tree) == tree_zxid(first));
        ASSERT(tree_digest(tree) == tree_digest(first));
    }
    for (int i = 0; i < TRIO; i++) {
        struct trio_server *server = &trio->servers[i];

        clear(&server->in);
        clear(&server->out);
        free(server->in.items);
        free(server->out.items);
        rig_done(&server->rig);
    }
    for (size_t i = 0; i < trio->proposed; i++)
        blob_unref(trio->history[i]);
    free(trio->history);
    buf_done(&trio->said);
}

const char *trio_said(struct trio *trio)
{
    trio->said.len = 0;
    for (int i = 0; i < TRIO; i++) {
        const char *said = rig_said(&trio->servers[i].rig);

        if (*said != '\0')
            buf_printf(&trio->said, "%s%s", trio->said.len > 0 ? "; " : "", said);
    }
    return buf_cstr(&trio->said);
}

/* ---------------------------------------------------------------- what moves */

static void apply_next(struct trio_server *server)
{
    struct blob *txn = server->trio->history[server->applied];

    server->applied++;
    core_commit(server->rig.core, txn_zxid(txn->data), txn, &server->rig.now);
}

static void synced(struct trio_server *server)
{
    uint64_t cookie = server->cookies[0];

    ASSERT(server->cookie_count > 0);
    server->cookie_count--;
    memmove(server->cookies, server->cookies + 1, server->cookie_count * sizeof cookie);
    core_synced(server->rig.core, cookie, &server->rig.now);
}

/* Answers the syncs whose txns are decided. */
static void answer_syncs(struct trio *trio)
{
    struct trio_server *leader = &trio->servers[trio->leader];

    while (leader->out.count > 0 && leader->out.items[0].place <= trio->decided) {
        struct trio_message sync = shift(&leader->out);
        struct trio_server *to = by_conn(trio, sync.cookie);

        if (to == leader)
            synced(leader);
        else if (to != NULL)
            push(&to->in, &(struct trio_message){.kind = FROM_SYNC});
    }
}

static bool deliver_up(struct trio *trio, struct trio_server *from)
{
    struct core *core = trio->servers[trio->leader].rig.core;
    const struct core_time *now = &trio->servers[trio->leader].rig.now;
    struct trio_message message;
    bool fine;

    if (from->conn == 0 || from->out.count == 0)
        return false;
    message = shift(&from->out);
    if (message.kind == TO_REVALIDATE)
        fine = core_revalidate(core, from->conn, message.session_id, message.timeout_ms, now);
    else
        fine = core_request(core, from->conn, message.data, message.auth, now);
    trio->dropped = trio->dropped || !fine;
    drop(&message);
    answer_syncs(trio);
    return true;
}

static bool deliver_down(struct trio_server *to)
{
    struct trio_message message;

    if (to->conn == 0 || to->in.count == 0)
        return false;
    message = shift(&to->in);
    switch (message.kind) {
    case FROM_PROPOSAL:
        to->logged++;
        break;
    case FROM_COMMIT:
        if (to->is_observer)
            to->logged++;
        ASSERT(to->applied < to->logged);
        apply_next(to);
        break;
    case FROM_SYNC:
        synced(to);
        break;
    default: {
        zk_zxid end = to->logged == 0 ? 0 : txn_zxid(to->trio->history[to->logged - 1]->data);

        core_revalidated(to->rig.core, message.session_id, message.valid, end, &to->rig.now);
    }
    }
    return true;
}

static bool decide(struct trio *trio)
{
    if (trio->decided == trio->proposed)
        return false;
    trio->decided++;
    for (int i = 0; i < TRIO; i++)
        if (trio->servers[i].conn != 0)
            push(&trio->servers[i].in, &(struct trio_message){.kind = FROM_COMMIT});
    apply_next(&trio->servers[trio->leader]);
    answer_syncs(trio);
    return true;
}

const char *trio_up(struct trio *trio, int server)
{
    while (deliver_up(trio, &trio->servers[server]))
        continue;
    answer_syncs(trio);
    return trio_said(trio);
}

const char *trio_decide(struct trio *trio)
{
    ASSERT(trio->decided < trio->proposed);
    (void)decide(trio);
    return trio_said(trio);
}

const char *trio_down(struct trio *trio, int server)
{
    while (deliver_down(&trio->servers[server]))
        continue;
    return trio_said(trio);
}

bool trio_move(struct trio *trio, enum trio_move which, int server)
{
    answer_syncs(trio);
    switch (which) {
    case MOVE_UP:
        return deliver_up(trio, &trio->servers[server]);
    case MOVE_DECIDE:
        return decide(trio);
    default:
        return deliver_down(&trio->servers[server]);
    }
}

const char *trio_settle(struct trio *trio)
{
    bool moved = true;

    while (moved) {
        moved = false;
        answer_syncs(trio);
        for (int i = 0; i < TRIO; i++)
            moved = deliver_up(trio, &trio->servers[i]) || moved;
        moved = decide(trio) || moved;
        for (int i = 0; i < TRIO; i++)
            moved = deliver_down(&trio->servers[i]) || moved;
    }
    return trio_said(trio);
}

void trio_join(struct trio *trio, int server, char name)
{
    rig_join(trio_rig(trio, server), name);
    ASSERT(strstr(trio_settle(trio), "connected") != NULL);
}

void trio_ping(struct trio *trio)
{
    struct rig *leader = trio_rig(trio, trio->leader);

    for (int i = 0; i < TRIO; i++) {
        struct blob *touched;

        if (trio->servers[i].conn == 0)
            continue;
        touched = core_take_touched(trio->servers[i].rig.core);
        if (touched != NULL)
            ASSERT(core_sessions_touched(leader->core, touched, &leader->now));
        blob_unref(touched);
    }
}

const char *trio_sleep(struct trio *trio, int64_t ms)
{
    for (int i = 0; i < TRIO; i++)
        (void)rig_sleep(trio_rig(trio, i), ms);
    return trio_said(trio);
}

static void leave(struct trio_server *server)
{
    server->cookie_count = 0;
    core_role(server->rig.core, CORE_OUT, 0, &server->rig.now);
    clear(&server->in);
    clear(&server->out);
}

const char *trio_out(struct trio *trio, int server)
{
    leave(&trio->servers[server]);
    return trio_said(trio);
}

const char *trio_elect(struct trio *trio, int leader)
{
    size_t length = trio->servers[leader].logged;

    for (int i = 0; i < TRIO; i++)
        leave(&trio->servers[i]);
    ASSERT(length >= trio->decided);
    while (trio->proposed > length)
        blob_unref(trio->history[--trio->proposed]);
    trio->decided = length;
    for (int i = 0; i < TRIO; i++) {
        trio->servers[i].logged = length;
        while (trio->servers[i].applied < length)
            apply_next(&trio->servers[i]);
    }
    give_roles(trio, leader);
    return trio_said(trio);
}
