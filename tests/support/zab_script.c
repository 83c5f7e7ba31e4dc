/* zab_script: see zab_script.h. */
#include "tests/support/zab_script.h"

#include "proto/base/assert.h"
#include "proto/txn.h"

#include <stdlib.h>

struct blob *script_txn(zk_zxid zxid)
{
    struct txn txn = {.hdr = {.zxid = zxid, .type = OP_ERROR}};
    struct buf b = {0};
    struct blob *blob;

    txn_encode(&b, &txn);
    blob = blob_copy(b.data, b.len);
    buf_done(&b);
    return blob;
}

static void remember_ticket(struct script *s, const struct zab_action *action)
{
    switch (action->kind) {
    case ZAB_DIAL:
        s->dial = action->ticket;
        break;
    case ZAB_META:
        s->meta = action->ticket;
        break;
    case ZAB_TRUNCATE:
        s->truncate = action->ticket;
        break;
    case ZAB_SNAP_OPEN:
        s->open = action->ticket;
        break;
    case ZAB_SNAP_BEGIN:
        s->snap = action->ticket;
        break;
    default:
        break;
    }
}

const char *script_told(struct script *s)
{
    s->text.len = 0;
    for (size_t i = 0; i < s->out.count; i++) {
        const struct zab_action *action = &s->out.items[i];

        remember_ticket(s, action);
        if (action->kind == ZAB_NOTE)
            continue;
        if (s->text.len > 0)
            buf_printf(&s->text, "; ");
        if (action->kind == ZAB_ALARM)
            buf_printf(&s->text, "alarm");
        else
            zab_action_print(&s->text, action);
    }
    zab_actions_clear(&s->out);
    return buf_cstr(&s->text);
}

static struct zab *make(const struct script_setup *setup, struct quorums *quorums)
{
    struct zab_config config = {.sid = setup->sid,
                                .quorums = quorums,
                                .tick_ms = TICK_MS,
                                .init_limit = INIT_LIMIT,
                                .sync_limit = SYNC_LIMIT,
                                .learner_queue_max = setup->learner_queue_max,
                                .learner_max = setup->learner_max,
                                .window_bytes_max = setup->window_bytes_max,
                                .tail_bytes_max = setup->tail_bytes_max,
                                .counter_limit = setup->counter_limit,
                                .seed = setup->seed};
    struct zab_disk disk = {.accepted = setup->accepted,
                            .current = setup->current,
                            .base = setup->base,
                            .applied = setup->applied,
                            .no_vote = setup->no_vote};
    struct blob *entries[64];
    struct zab *zab;

    for (zk_zxid zxid = setup->first; zxid != 0 && zxid <= setup->end; zxid++) {
        ASSERT(disk.entry_count < 64);
        entries[disk.entry_count++] = script_txn(zxid);
    }
    disk.entries = entries;
    zab = zab_new(&config, &disk);
    for (size_t i = 0; i < disk.entry_count; i++)
        blob_unref(entries[i]);
    return zab;
}

void script_init(struct script *s, const struct script_setup *setup)
{
    int voters = setup->voters == 0 ? 3 : setup->voters;
    int64_t sids[QUORUM_VOTERS_MAX];
    struct quorums *quorums;

    for (int i = 0; i < voters; i++)
        sids[i] = i + 1;
    quorums = quorums_new(sids, (size_t)voters);
    *s = (struct script){.zab = make(setup, quorums)};
    quorums_unref(quorums);
    script_tick(s, 0);
}

void script_done(struct script *s)
{
    zab_free(s->zab);
    zab_actions_done(&s->out);
    buf_done(&s->text);
}

const char *script_tick(struct script *s, int64_t ms)
{
    s->now_ms += ms;
    zab_tick(s->zab, s->now_ms, &s->out);
    return script_told(s);
}

const char *script_ballot(struct script *s, int64_t sid, enum peer_state state, int64_t round,
                          int64_t leader, zk_zxid zxid, int64_t epoch)
{
    struct ballot ballot = {.vote = {.leader = leader, .zxid = zxid, .epoch = epoch},
                            .round = round,
                            .state = state,
                            .version = 2};

    zab_notification(s->zab, sid, &ballot, &s->out);
    return script_told(s);
}

const char *script_peer(struct script *s, int64_t sid, enum peer_reach reach)
{
    zab_peer(s->zab, sid, reach, &s->out);
    return script_told(s);
}

const char *script_dialled(struct script *s, uint64_t conn)
{
    zab_dialled(s->zab, s->dial, conn, &s->out);
    return script_told(s);
}

const char *script_dial_failed(struct script *s)
{
    zab_dial_failed(s->zab, s->dial, &s->out);
    return script_told(s);
}

const char *script_accepted(struct script *s, uint64_t conn)
{
    zab_accepted(s->zab, conn, &s->out);
    return script_told(s);
}

const char *script_down(struct script *s, uint64_t conn)
{
    zab_conn_down(s->zab, conn, &s->out);
    return script_told(s);
}

const char *script_recv_msg(struct script *s, uint64_t conn, struct peer_msg *msg)
{
    zab_packet(s->zab, conn, msg, &s->out);
    peer_msg_done(msg);
    return script_told(s);
}

const char *script_recv(struct script *s, uint64_t conn, enum quorum_type type, zk_zxid zxid)
{
    return script_recv_msg(s, conn, &(struct peer_msg){.type = type, .zxid = zxid});
}

const char *script_recv_txn(struct script *s, uint64_t conn, enum quorum_type type, zk_zxid zxid)
{
    return script_recv_msg(
        s, conn, &(struct peer_msg){.type = type, .zxid = zxid, .data = script_txn(zxid)});
}

const char *script_recv_info(struct script *s, uint64_t conn, enum quorum_type type, int64_t sid,
                             zk_epoch accepted)
{
    return script_recv_msg(s, conn,
                           &(struct peer_msg){.type = type,
                                              .zxid = zxid_make(accepted, 0),
                                              .sid = sid,
                                              .protocol = QUORUM_PROTOCOL_VERSION});
}

const char *script_recv_leaderinfo(struct script *s, uint64_t conn, zk_epoch epoch)
{
    return script_recv_msg(s, conn,
                           &(struct peer_msg){.type = LEADERINFO,
                                              .zxid = zxid_make(epoch, 0),
                                              .protocol = QUORUM_PROTOCOL_VERSION});
}

const char *script_recv_ackepoch(struct script *s, uint64_t conn, zk_zxid zxid, int32_t epoch)
{
    return script_recv_msg(s, conn,
                           &(struct peer_msg){.type = ACKEPOCH, .zxid = zxid, .epoch = epoch});
}

const char *script_durable(struct script *s, zk_zxid zxid)
{
    zab_log_durable(s->zab, zxid, &s->out);
    return script_told(s);
}

const char *script_meta(struct script *s)
{
    zab_meta_durable(s->zab, s->meta, &s->out);
    return script_told(s);
}

const char *script_truncated(struct script *s)
{
    zab_log_truncated(s->zab, s->truncate, &s->out);
    return script_told(s);
}

const char *script_opened(struct script *s, zk_zxid zxid)
{
    zab_snap_opened(s->zab, s->open, zxid, false, &s->out);
    return script_told(s);
}

const char *script_received(struct script *s)
{
    zab_snap_received(s->zab, s->snap, &s->out);
    return script_told(s);
}

const char *script_installed(struct script *s)
{
    zab_snap_installed(s->zab, s->snap, &s->out);
    return script_told(s);
}

const char *script_propose(struct script *s)
{
    zab_propose(s->zab, script_txn(zab_next_zxid(s->zab)), &s->out);
    return script_told(s);
}

void script_elect(struct script *s, const struct script_setup *setup)
{
    struct zab_view view;

    ASSERT(setup->sid == 1);
    script_init(s, setup);
    script_peer(s, 3, REACH_DOWN);
    view = zab_view(s->zab);
    script_ballot(s, 2, PEER_LOOKING, 1, 1, view.log_end, view.current);
    ASSERT(zab_view(s->zab).role == ROLE_LEADING);
}

void script_lead(struct script *s, const struct script_setup *setup)
{
    zk_epoch epoch = setup->accepted + 1;
    struct zab_view view;

    script_elect(s, setup);
    view = zab_view(s->zab);
    script_accepted(s, 12);
    script_recv_info(s, 12, FOLLOWERINFO, 2, setup->accepted);
    script_meta(s);
    script_recv_ackepoch(s, 12, view.log_end, (int32_t)setup->current);
    script_meta(s);
    script_recv(s, 12, ACK, zxid_make(epoch, 0));
    ASSERT(zab_view(s->zab).serving);
}

void script_lead_join(struct script *s)
{
    script_accepted(s, 13);
    script_recv_info(s, 13, FOLLOWERINFO, 3, 1);
    script_recv_ackepoch(s, 13, 0, 1);
}

void script_join(struct script *s, const struct script_setup *setup)
{
    script_init(s, setup);
    script_ballot(s, 3, PEER_LEADING, 9, 3, 0, 0);
    script_ballot(s, setup->sid == 2 ? 1 : 2, PEER_FOLLOWING, 9, 3, 0, 0);
    script_dialled(s, 13);
    script_recv_leaderinfo(s, 13, setup->accepted + 1);
    script_meta(s);
}

void script_follow(struct script *s, const struct script_setup *setup)
{
    zk_epoch epoch = setup->accepted + 1;

    script_join(s, setup);
    script_recv(s, 13, DIFF, zab_view(s->zab).log_end);
    script_recv(s, 13, NEWLEADER, zxid_make(epoch, 0));
    script_meta(s);
    script_recv(s, 13, UPTODATE, -1);
    ASSERT(zab_view(s->zab).serving);
}
