/* sim_check: the invariants, by their numbers in our notes on the protocol: 1 one leader an epoch,
 * 2 prefix, 3 integrity, 4 and 5 primary order, 6 primary integrity, 7 durability, 8 the disk, 9
 * NEWLEADER's ack, 10 acks, 11 contiguous commits by a quorum, 12 TRUNC and what is sent to be
 * committed, 15 digest. 13 (what a client sees) is sim_client.c's, 14 (sessions) sim_ghost.c's.
 * Cheap ones after every step, all of them now and then. */
#include "replication/window.h"
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <string.h>

static bool holds(const struct sim *sim, int s, zk_zxid zxid, const struct blob *txn)
{
    return sim_platter_has(&sim->servers[s].keep.platter, zxid, txn);
}

/* 7: a quorum has it on the platter. While one history is damaged, and is no witness: no quorum can
 * be made of the other voters without it. */
static void check_durable(struct sim *sim, zk_zxid zxid, const struct blob *txn)
{
    voter_bits with = 0, without = 0;
    bool is_damaged = false;

    for (int s = 1; s <= sim->voters; s++) {
        voter_bits bit = quorums_bit(sim->config.quorums, s);

        if (holds(sim, s, zxid, txn))
            with |= bit;
        else if (!sim->servers[s].keep.platter.no_vote)
            without |= bit;
        is_damaged |= sim->servers[s].keep.platter.no_vote;
    }
    SIM_REQUIRE(sim,
                is_damaged ? !quorums_have(sim->config.quorums, without)
                           : quorums_have(sim->config.quorums, with),
                "0x%" PRIx64 " is committed, but not on the disks of a quorum (7)", zxid);
}

void sim_check_commit(struct sim *sim, int s, zk_zxid zxid, struct blob *txn)
{
    SIM_REQUIRE(sim, sim_ghost_commit(&sim->ghost, zxid, txn), "s%d, 0x%" PRIx64 ": %s (2, 3, 11)",
                s, zxid, sim->ghost.complaint);
    if (sim->ghost.last.type == OP_CLOSE_SESSION)
        sim_client_session_closed(sim, &sim->ghost.last);
    check_durable(sim, zxid, txn);
}

/* 6. A later leader may have been quicker, while the acks of this one were on their way: it cannot
 * commit anything any more, and what the later one did is none of its business. */
void sim_check_established(struct sim *sim, int s)
{
    zk_epoch epoch = zab_view(sim->servers[s].zab).epoch;
    size_t earlier = sim_ghost_index(&sim->ghost, zxid_make(epoch, 0));
    zk_zxid end = earlier == 0 ? 0 : sim->ghost.committed[earlier - 1].zxid;

    sim->cover.established++;
    if (sim->well_since != 0)
        sim->well_since = sim->now;
    SIM_REQUIRE(sim, sim_applied(sim, s) == end,
                "s%d serves as leader with 0x%" PRIx64 ", but 0x%" PRIx64 " was committed (6)", s,
                sim_applied(sim, s), end);
}

/* What a leader has decided is committed from now on, whoever hears of it. */
static void check_leader(struct sim *sim, int s, const struct zab_view *view)
{
    if (view->epoch != 0 && strcmp(view->phase, "discovery") != 0 &&
        strcmp(view->phase, "promise") != 0 && strcmp(view->phase, "epoch-acks") != 0)
        SIM_REQUIRE(sim, sim_ghost_lead(&sim->ghost, view->epoch, s), "s%d: %s: %u (1)", s,
                    sim->ghost.complaint, view->epoch);
    if (!view->serving)
        return;
    SIM_REQUIRE(sim,
                view->proposed >= zxid_make(view->epoch, 0) && view->proposed >= view->committed,
                "s%d leads, and has committed 0x%" PRIx64 " but proposed 0x%" PRIx64 " (12)", s,
                view->committed, view->proposed);
    while (sim_ghost_end(&sim->ghost) < view->committed) {
        zk_zxid zxid = sim_ghost_end(&sim->ghost) + 1;
        struct blob *txn = zab_entry(sim->servers[s].zab, zxid);

        if (txn == NULL) {
            zxid = zxid_make(view->epoch, 1);
            txn = zab_entry(sim->servers[s].zab, zxid);
        }
        SIM_REQUIRE(sim, txn != NULL, "s%d commits 0x%" PRIx64 ", which it does not have (11)", s,
                    zxid);
        sim_check_commit(sim, s, zxid, txn);
    }
}

/* What a leader has proposed already is logged before NEWLEADER makes its epoch current: so the
 * log's end is bounded by the accepted epoch alone. */
static void check_disk(struct sim *sim, int s)
{
    struct sim_platter *disk = &sim->servers[s].keep.platter;
    zk_zxid end = sim_platter_end(disk);

    SIM_REQUIRE(sim, disk->current <= disk->accepted && zxid_epoch(end) <= disk->accepted,
                "s%d: epochs on disk: log 0x%" PRIx64 ", current %u, accepted %u (8)", s, end,
                disk->current, disk->accepted);
    SIM_REQUIRE(sim, disk->current >= disk->current_seen && disk->accepted >= disk->accepted_seen,
                "s%d: epochs on disk fell to current %u, accepted %u (8)", s, disk->current,
                disk->accepted);
    disk->current_seen = disk->current;
    disk->accepted_seen = disk->accepted;
}

void sim_check_step(struct sim *sim, int s)
{
    struct sim_server *server = &sim->servers[s];
    struct zab_view view = zab_view(server->zab);

    SIM_REQUIRE(sim, view.applied == sim_applied(sim, s) || server->keep.report_count > 0,
                "s%d: the core thinks that 0x%" PRIx64 " is applied, it is 0x%" PRIx64, s,
                view.applied, sim_applied(sim, s));
    check_disk(sim, s);
    SIM_REQUIRE(sim, sim_applied(sim, s) <= sim_platter_end(&server->keep.platter),
                "s%d: its state at 0x%" PRIx64 " is beyond its disk (8)", s, sim_applied(sim, s));
    if (view.role == ROLE_LEADING)
        check_leader(sim, s, &view);
    if (sim->steps % 1000 == 0)
        sim_check_all(sim);
}

/* 12: what a server has truncated, or replaced, must be kept by others, if it is committed.
 * (Apache's leader, and so ours, truncates to what is committed and proposes the rest again; it may
 * become committed by others meanwhile.) */
void sim_check_undone(struct sim *sim, zk_zxid after)
{
    for (size_t i = sim_ghost_index(&sim->ghost, after); i < sim->ghost.count; i++)
        check_durable(sim, sim->ghost.committed[i].zxid, sim->ghost.committed[i].txn);
}

/* ---------------------------------------------------------------- what is said and asked for */

/* What was sent to the learner before NEWLEADER is what its ack will stand for. */
static void note_history(struct sim *sim, int s, uint64_t conn, const struct peer_msg *msg)
{
    struct sim_end *end = sim_net_end(sim, s, conn);

    if (end == NULL || end->told)
        return;
    switch (msg->type) {
    case PROPOSAL:
    case DIFF:
    case TRUNC:
    case SNAP:
        end->history_end = msg->zxid;
        break;
    case NEWLEADER:
        end->told = true;
        break;
    default:
        break;
    }
}

/* 12, and 4 and 5 on the wire: a connection neither loses nor reorders, so what is right in the
 * order of sending is right where it arrives. */
static void check_order(struct sim *sim, int s, uint64_t conn, const struct peer_msg *msg)
{
    struct sim_end *end = sim_net_end(sim, s, conn);
    bool commits = msg->type == COMMIT || msg->type == INFORM;

    if (end == NULL)
        return;
    if (msg->type == PROPOSAL || msg->type == INFORM) {
        SIM_REQUIRE(sim, end->proposed == 0 || zxid_follows(end->proposed, msg->zxid),
                    "s%d proposes 0x%" PRIx64 " after 0x%" PRIx64 " (4, 5)", s, msg->zxid,
                    end->proposed);
        if (end->proposed_first == 0)
            end->proposed_first = msg->zxid;
        end->proposed = msg->zxid;
    }
    if (!commits)
        return;
    SIM_REQUIRE(sim,
                msg->zxid <= end->proposed &&
                    (end->committed == 0 ? msg->zxid == end->proposed_first
                                         : zxid_follows(end->committed, msg->zxid)),
                "s%d tells to commit 0x%" PRIx64 " after 0x%" PRIx64 " (12)", s, msg->zxid,
                end->committed);
    end->committed = msg->zxid;
}

static void check_ack(struct sim *sim, int s, uint64_t conn, zk_zxid zxid)
{
    struct sim_platter *disk = &sim->servers[s].keep.platter;
    struct sim_end *leader = sim_net_other_end(sim, s, conn);
    struct blob *txn;

    if (zxid_counter(zxid) == 0) {
        SIM_REQUIRE(sim, disk->current == zxid_epoch(zxid) && disk->accepted == disk->current,
                    "s%d acks epoch %u, its disk says %u (9)", s, zxid_epoch(zxid), disk->current);
        if (leader == NULL)
            return;
        zxid = leader->history_end;
        if (zxid_counter(zxid) == 0)
            return;
    }
    txn = sim_ghost_proposed(&sim->ghost, zxid);
    SIM_REQUIRE(sim, txn != NULL, "s%d acks 0x%" PRIx64 ", which nobody proposed (10)", s, zxid);
    SIM_REQUIRE(sim, sim_platter_has(disk, zxid, txn),
                "s%d acks 0x%" PRIx64 " without having it (9, 10)", s, zxid);
}

static void check_send(struct sim *sim, int s, const struct zab_action *action)
{
    const struct peer_msg *msg = &action->msg;
    struct sim_platter *disk = &sim->servers[s].keep.platter;
    struct sim_end *end;

    note_history(sim, s, action->conn, msg);
    check_order(sim, s, action->conn, msg);
    switch (msg->type) {
    case ACK:
        check_ack(sim, s, action->conn, msg->zxid);
        break;
    case LEADERINFO:
        SIM_REQUIRE(sim, disk->accepted >= zxid_epoch(msg->zxid),
                    "s%d promises epoch %u before its disk does (10)", s, zxid_epoch(msg->zxid));
        end = sim_net_end(sim, s, action->conn);
        if (end != NULL)
            end->promised = zxid_epoch(msg->zxid);
        break;
    case ACKEPOCH:
        end = sim_net_other_end(sim, s, action->conn);
        SIM_REQUIRE(sim, end == NULL || disk->accepted >= end->promised,
                    "s%d accepts epoch %u before its disk does (10)", s, end->promised);
        SIM_REQUIRE(sim, msg->zxid == sim_platter_end(disk) || (msg->zxid == 0 && msg->epoch == -1),
                    "s%d says 0x%" PRIx64 " in its ACKEPOCH, its disk 0x%" PRIx64 " (10)", s,
                    msg->zxid, sim_platter_end(disk));
        SIM_REQUIRE(sim, msg->epoch == -1 || (zk_epoch)msg->epoch == disk->current,
                    "s%d says epoch %d in its ACKEPOCH, its disk %u (10)", s, msg->epoch,
                    disk->current);
        break;
    case DIFF:
        sim->cover.diff++;
        break;
    case TRUNC:
        sim->cover.trunc++;
        break;
    case SNAP:
        sim->cover.snap++;
        break;
    default:
        break;
    }
}

/* What a server has told while it was true, others may vote for still when it is no more, after
 * a TRUNC; it then adopts its own old vote. Should it be elected, discovery ends that, where a
 * follower knows more. */
static void check_vote(struct sim *sim, int s, const struct ballot *ballot)
{
    struct sim_platter *disk = &sim->servers[s].keep.platter;

    if (ballot->state != PEER_LOOKING || ballot->vote.leader != s)
        return;
    if (ballot->vote.zxid <= sim_platter_end(disk) && ballot->vote.zxid > disk->voted)
        disk->voted = ballot->vote.zxid;
    SIM_REQUIRE(sim, ballot->vote.zxid <= disk->voted && ballot->vote.epoch <= disk->current,
                "s%d boasts in its vote: 0x%" PRIx64, s, ballot->vote.zxid);
    SIM_REQUIRE(sim, !disk->no_vote, "s%d votes, though its history was damaged", s);
}

/* 3, 4, 5: at once, what check_log() looks for in the whole of every log. */
static void check_append(struct sim *sim, int s, zk_zxid last, const struct zab_action *action)
{
    const struct blob *proposed = sim_ghost_proposed(&sim->ghost, action->zxid);

    SIM_REQUIRE(sim, zxid_follows(last, action->zxid),
                "s%d logs 0x%" PRIx64 " after 0x%" PRIx64 " (4, 5)", s, action->zxid, last);
    SIM_REQUIRE(sim,
                proposed == action->data ||
                    (proposed != NULL && sim_blob_hash(proposed) == sim_blob_hash(action->data)),
                "s%d logs 0x%" PRIx64 ", which nobody proposed so (3)", s, action->zxid);
}

void sim_check_action(struct sim *sim, int s, const struct zab_action *action)
{
    const struct sim_platter *disk = &sim->servers[s].keep.platter;

    switch (action->kind) {
    case ZAB_APPEND:
        check_append(sim, s, sim_log_end(&disk->log), action);
        break;
    case ZAB_SNAP_STAGE:
        check_append(sim, s, sim_log_end(&disk->staged), action);
        break;
    case ZAB_SEND:
        check_send(sim, s, action);
        break;
    case ZAB_NOTIFY:
        check_vote(sim, s, &action->ballot);
        break;
    default:
        break;
    }
}

/* ---------------------------------------------------------------- everything */

static void check_state(struct sim *sim, int s)
{
    const struct tree *tree = sim_tree(sim, s);
    size_t count = sim_ghost_index(&sim->ghost, tree_zxid(tree));

    SIM_REQUIRE(sim,
                tree_digest(tree) == sim_ghost_digest(&sim->ghost, count) &&
                    tree_zxid(tree) == (count == 0 ? 0 : sim->ghost.committed[count - 1].zxid),
                "s%d: its state at 0x%" PRIx64 " is not the committed one (2, 3, 15)", s,
                tree_zxid(tree));
}

static void check_log(struct sim *sim, int s, const struct sim_log *log)
{
    zk_zxid last = log->base;

    for (size_t i = 0; i < log->count; i++) {
        zk_zxid zxid = sim_log_zxid(log, i);
        struct blob *proposed = sim_ghost_proposed(&sim->ghost, zxid);

        SIM_REQUIRE(sim, zxid_follows(last, zxid), "s%d: a hole in its log at 0x%" PRIx64 " (4, 5)",
                    s, zxid);
        SIM_REQUIRE(sim,
                    proposed != NULL && (proposed == log->entries[i] ||
                                         sim_blob_hash(proposed) == sim_blob_hash(log->entries[i])),
                    "s%d: its log has something at 0x%" PRIx64 " that nobody proposed (3)", s,
                    zxid);
        last = zxid;
    }
}

void sim_check_all(struct sim *sim)
{
    sim_reap_check(sim);
    for (int s = 1; s <= sim->count; s++) {
        const struct sim_server *server = &sim->servers[s];

        if (server->alive)
            check_state(sim, s);
        check_log(sim, s, &server->keep.platter.log);
        check_disk(sim, s);
    }
    for (size_t i = 0; i < sim->ghost.count; i++)
        check_durable(sim, sim->ghost.committed[i].zxid, sim->ghost.committed[i].txn);
}

/* Is all well: one leader, everybody serves, and, if EQUAL, has everything? */
bool sim_check_settled(struct sim *sim, bool equal)
{
    int leaders = 0;

    for (int s = 1; s <= sim->count; s++) {
        const struct sim_server *server = &sim->servers[s];

        if (!server->alive || server->paused || !server->serving || server->keep.platter.no_vote ||
            (equal && sim_applied(sim, s) != sim_ghost_end(&sim->ghost)))
            return false;
        leaders += server->role == ROLE_LEADING;
    }
    return leaders == 1;
}
