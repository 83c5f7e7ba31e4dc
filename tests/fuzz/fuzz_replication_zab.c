/* fuzz_replication_zab: a core among peers that say anything, in any order. The input is a script:
 * a byte says what happens, the bytes after it with what; zxids and epochs are mostly those that
 * matter at the moment, so that the depths are reached. Its own driver and disk are honest. What
 * must hold: no crash, no leak, no ASSERT of the core's own state; nothing is acknowledged or
 * applied that is not on the disk; what is applied goes up; a closed connection is not used. */
#include "proto/base/assert.h"
#include "tests/support/zab_script.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONNS 200 /* a script may use so many */
#define OPS_MAX 4096
#define OPENED_MAX 64

struct op {
    enum zab_action_kind kind;
    zk_zxid zxid;
    uint64_t ticket;
};

struct bed {
    const uint8_t *p, *end; /* the script */
    struct zab *zab;
    struct zab_actions out;
    int64_t now_ms;
    uint64_t last_conn, dial;
    bool open[CONNS + 1];
    size_t unsent[CONNS + 1];
    struct op ops[OPS_MAX]; /* of the disk, in order */
    size_t op_count;
    uint64_t opened[OPENED_MAX]; /* snapshots */
    size_t opened_count;
    uint64_t incoming, incoming_conn; /* a snapshot's ticket; 0: none */
    bool incoming_whole;
    zk_zxid staged, applied, on_disk;
    bool stopped;
};

static uint8_t next(struct bed *b)
{
    return b->p == b->end ? 0 : *b->p++;
}

/* ---------------------------------------------------------------- the driver */

static void opened_remove(struct bed *b, uint64_t ticket)
{
    for (size_t i = 0; i < b->opened_count; i++)
        if (b->opened[i] == ticket)
            b->opened[i--] = b->opened[--b->opened_count];
}

static void disk_ask(struct bed *b, const struct zab_action *action)
{
    ASSERT(b->op_count < OPS_MAX);
    b->ops[b->op_count++] =
        (struct op){.kind = action->kind, .zxid = action->zxid, .ticket = action->ticket};
}

static void check_send(struct bed *b, const struct zab_action *action)
{
    ASSERT(action->conn <= CONNS && b->open[action->conn]);
    b->unsent[action->conn] += peer_msg_bytes(&action->msg);
    if (action->msg.type == ACK && zxid_counter(action->msg.zxid) != 0)
        ASSERT(action->msg.zxid <= b->on_disk);
}

static void perform(struct bed *b, const struct zab_action *action)
{
    switch (action->kind) {
    case ZAB_DIAL:
        b->dial = action->ticket;
        break;
    case ZAB_SEND:
        check_send(b, action);
        break;
    case ZAB_CLOSE:
        ASSERT(action->conn <= CONNS && b->open[action->conn]);
        b->open[action->conn] = false;
        break;
    case ZAB_SNAP_INSTALL:
        b->incoming = 0;
        disk_ask(b, action);
        break;
    case ZAB_APPEND:
    case ZAB_TRUNCATE:
    case ZAB_META:
        disk_ask(b, action);
        break;
    case ZAB_SNAP_OPEN:
        ASSERT(b->opened_count < OPENED_MAX);
        b->opened[b->opened_count++] = action->ticket;
        break;
    case ZAB_SNAP_SHUT:
        opened_remove(b, action->ticket);
        break;
    case ZAB_SNAP_BEGIN:
        b->incoming = action->ticket;
        b->incoming_conn = action->conn;
        b->incoming_whole = false;
        b->staged = action->zxid;
        break;
    case ZAB_SNAP_DROP:
        b->incoming = 0;
        break;
    case ZAB_APPLY:
        ASSERT(action->zxid > b->applied && action->zxid <= b->on_disk);
        b->applied = action->zxid;
        break;
    case ZAB_STOPPED:
        b->stopped = true;
        break;
    default:
        break;
    }
}

static void told(struct bed *b)
{
    for (size_t i = 0; i < b->out.count; i++)
        perform(b, &b->out.items[i]);
    zab_actions_clear(&b->out);
}

/* ---------------------------------------------------------------- events */

static zk_zxid next_zxid(struct bed *b)
{
    struct zab_view view = zab_view(b->zab);
    uint8_t how = next(b);
    zk_epoch epochs[] = {view.epoch, view.accepted, view.accepted + 1, view.current, 0, 0x7fffffff};
    zk_zxid marks[] = {view.log_end, view.committed, view.durable, view.log_base, view.proposed};

    if (how < 128)
        return marks[how % 5] + how / 5 % 4 - 1;
    if (how < 250)
        return zxid_make(epochs[how % 6], how / 6 % 3);
    return (zk_zxid)((uint64_t)next(b) << 56 | (uint64_t)next(b) << 32 | next(b));
}

static uint64_t next_conn(struct bed *b)
{
    return b->last_conn == 0 ? 0 : 1 + next(b) % b->last_conn;
}

/* The round before this one, this one, or the next; or one that nobody can have counted to. */
static int64_t next_round(int64_t round, uint8_t how)
{
    if (how >= 250)
        return how % 2 == 0 ? INT64_MAX : INT64_MIN;
    return (int64_t)((uint64_t)round + how / 16 % 3 - 1);
}

static struct ballot next_ballot(struct bed *b)
{
    struct zab_view view = zab_view(b->zab);
    uint8_t how = next(b);

    return (struct ballot){.vote = {.leader = how % 5 == 4 ? VOTE_NOBODY : how % 5,
                                    .zxid = how % 3 == 0 ? view.log_end : next_zxid(b),
                                    .epoch = how % 7 == 0 ? next(b) : view.current},
                           .round = next_round(view.round, how),
                           .state = (enum peer_state)(how / 5 % 4),
                           .version = how == 255 ? 0 : 2};
}

static void packet(struct bed *b)
{
    uint64_t conn = next_conn(b);
    struct peer_msg msg = {.type = next(b) % 21, .zxid = next_zxid(b)};
    uint8_t how = next(b);

    msg.sid = how % 5;
    msg.protocol = how % 32 == 31 ? how : QUORUM_PROTOCOL_VERSION;
    msg.config_version = how == 200;
    msg.epoch = how % 8 == 7 ? -how : (int32_t)zab_view(b->zab).current + how % 3 - 1;
    msg.session_id = how;
    msg.is_answer = (zab_view(b->zab).role != ROLE_LEADING) == (how < 240);
    if (msg.type == PROPOSAL || msg.type == INFORM || msg.type == INFORMANDACTIVATE)
        msg.data = script_txn(msg.zxid);
    else if (msg.type == REQUEST || (msg.type == NEWLEADER && how % 2 == 0))
        msg.data = blob_copy("0123456789abcdef", 16);
    if (conn != 0 && b->open[conn] &&
        !(b->incoming != 0 && !b->incoming_whole && b->incoming_conn == conn))
        zab_packet(b->zab, conn, &msg, &b->out);
    peer_msg_done(&msg);
}

static void disk_done(struct bed *b)
{
    struct op op = b->ops[0];

    if (b->op_count == 0)
        return;
    memmove(&b->ops[0], &b->ops[1], --b->op_count * sizeof op);
    switch (op.kind) {
    case ZAB_APPEND:
        b->on_disk = op.zxid;
        zab_log_durable(b->zab, op.zxid, &b->out);
        break;
    case ZAB_TRUNCATE:
        b->on_disk = op.zxid;
        zab_log_truncated(b->zab, op.ticket, &b->out);
        break;
    case ZAB_META:
        zab_meta_durable(b->zab, op.ticket, &b->out);
        break;
    default:
        b->on_disk = op.zxid;
        b->applied = b->staged;
        zab_snap_installed(b->zab, op.ticket, &b->out);
        break;
    }
}

static void snapshot(struct bed *b)
{
    uint8_t how = next(b);

    if (how % 4 == 0 && b->opened_count > 0) {
        uint64_t ticket = b->opened[0];

        if (how % 8 == 0)
            opened_remove(b, ticket);
        zab_snap_opened(b->zab, ticket, how % 8 == 0 ? 0 : b->applied, how % 8 == 0, &b->out);
    } else if (b->incoming != 0 && how % 4 == 1) {
        uint64_t ticket = b->incoming;

        b->incoming = 0;
        zab_snap_failed(b->zab, ticket, &b->out);
    } else if (b->incoming != 0 && !b->incoming_whole && b->open[b->incoming_conn]) {
        b->incoming_whole = true;
        zab_snap_received(b->zab, b->incoming, &b->out);
    }
}

static void connection(struct bed *b)
{
    uint8_t how = next(b) % 8;
    uint64_t conn = how < 4 ? b->last_conn + 1 : next_conn(b), ticket = b->dial;

    if (conn == 0 || conn > CONNS)
        return;
    if (how < 4) {
        b->last_conn = conn;
        b->open[conn] = true;
    }
    if (how == 2 || how == 3 || how == 4)
        b->dial = 0;
    if (how < 2) {
        zab_accepted(b->zab, conn, &b->out);
    } else if (how < 4) {
        zab_dialled(b->zab, ticket, conn, &b->out);
    } else if (how == 4) {
        zab_dial_failed(b->zab, ticket, &b->out);
    } else if (b->open[conn] && how < 7) {
        size_t bytes = b->unsent[conn];

        b->unsent[conn] = 0;
        zab_sent(b->zab, conn, bytes, &b->out);
    } else if (b->open[conn]) {
        b->open[conn] = false;
        zab_conn_down(b->zab, conn, &b->out);
    }
}

static void app(struct bed *b)
{
    uint8_t how = next(b);
    struct blob *data = blob_copy("0123456789abcdef", 16);

    if (how < 128) {
        if (zab_can_propose(b->zab))
            zab_propose(b->zab, script_txn(zab_next_zxid(b->zab)), &b->out);
    } else if (how < 140) {
        (void)zab_forward(b->zab, data, NULL, &b->out);
    } else if (how < 160) {
        (void)zab_forward_sync(b->zab, data, NULL, how, &b->out);
    } else if (how < 180) {
        zab_sync(b->zab, next_conn(b) * (how & 1), how, &b->out);
    } else if (how < 190) {
        (void)zab_revalidate(b->zab, how, 1000, &b->out);
    } else if (how < 200) {
        zab_revalidate_answer(b->zab, next_conn(b), how, true, &b->out);
    } else if (how < 230) {
        zab_touched(b->zab, how & 1 ? data : NULL, &b->out);
    } else if (how < 245) {
        zab_disk_full(b->zab, how & 1, &b->out);
    } else if (how < 254) {
        zab_listen_failed(b->zab, &b->out);
    } else if (how == 255) {
        zab_stop(b->zab, &b->out);
    }
    blob_unref(data);
}

static void event(struct bed *b)
{
    struct ballot ballot;
    uint8_t kind = next(b);
    int64_t sid = 1 + kind / 16 % 4;

    switch (kind % 16) {
    case 0:
        b->now_ms += next(b) * (kind & 64 ? 10 : 1);
        break;
    case 1:
    case 2:
        ballot = next_ballot(b);
        zab_notification(b->zab, sid, &ballot, &b->out);
        break;
    case 3:
        zab_peer(b->zab, sid, (enum peer_reach)(next(b) % 3), &b->out);
        break;
    case 4:
    case 5:
        connection(b);
        break;
    case 6:
    case 7:
        snapshot(b);
        break;
    case 8:
    case 9:
        app(b);
        break;
    case 10:
    case 11:
        disk_done(b);
        break;
    default:
        packet(b);
        break;
    }
    told(b);
}

/* ---------------------------------------------------------------- */

static void bed_init(struct bed *b, const uint8_t *data, size_t size)
{
    static const int64_t sids[] = {1, 2, 3};
    struct quorums *quorums = quorums_new(sids, 3);
    struct blob *entries[8];
    struct zab_disk disk = {.accepted = 4, .current = 4, .base = 0x400000000, .entries = entries};
    struct zab_config config = {.quorums = quorums, .tick_ms = 100, .init_limit = 10};
    uint8_t how;

    *b = (struct bed){.p = data, .end = data + size};
    how = next(b);
    config.sid = how % 4 + 1; /* 4: an observer */
    config.sync_limit = 5;
    config.counter_limit = how & 16 ? 12 : 0;
    config.window_count_min = 1;
    config.window_bytes_max = how & 32 ? 100 : 100000;
    config.tail_bytes_max = how & 32 ? 200 : 100000;
    config.learner_queue_max = how & 32 ? 2000 : 100000;
    disk.no_vote = how >= 240;
    disk.entry_count = how / 4 % 4;
    disk.applied = disk.base + (zk_zxid)disk.entry_count / 2;
    for (size_t i = 0; i < disk.entry_count; i++)
        entries[i] = script_txn(disk.base + 1 + (zk_zxid)i);
    b->on_disk = disk.base + (zk_zxid)disk.entry_count;
    b->applied = disk.applied;
    b->zab = zab_new(&config, &disk);
    for (size_t i = 0; i < disk.entry_count; i++)
        blob_unref(entries[i]);
    quorums_unref(quorums);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bed *b = malloc(sizeof *b);

    ASSERT(b != NULL);
    bed_init(b, data, size);
    while (b->p != b->end && !b->stopped && b->op_count < OPS_MAX / 2) {
        zab_tick(b->zab, b->now_ms, &b->out);
        told(b);
        event(b);
    }
    zab_free(b->zab);
    zab_actions_done(&b->out);
    free(b);
    return 0;
}
