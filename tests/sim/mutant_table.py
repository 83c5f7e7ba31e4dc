"""The known mistakes that are planted: each a change of the source as text that must fit in one place.

Most are numbered after the defect of Apache ZooKeeper that taught the rule. BY says who must find it: the
simulator; or the scripts (tests/unit/replication_*.c) where only a peer that is not ours can do what
brings it out, so that among our own servers the mutant is equivalent, which WHAT then explains.
"""

from collections import namedtuple

Mutant = namedtuple("Mutant", "name what changes by")

LEARNER, LEARNER_SYNC = "replication/learner.c", "replication/learner_sync.c"
LEADER, LEADER_SYNC = "replication/leader.c", "replication/leader_sync.c"
BROADCAST, WINDOW = "replication/leader_broadcast.c", "replication/window.c"
ROLES, HISTORY = "replication/zab_roles.c", "replication/zab_history.c"
LOG, LOG_OPEN, TAIL = "store/txnlog.c", "store/txnlog_open.c", "store/tail.c"
META, RECOVER_ROOT = "store/meta.c", "store/recover_root.c"
MULTI, APPLY = "server/core/prepare_multi.c", "store/apply.c"
REAPER, WATCHES = "server/core/reaper.c", "server/core/read_watches.c"


def mutant(name, what, *changes, by="simulator"):
    """CHANGES: (file, old text, new text)."""
    return Mutant(name, what, changes, by)


MUTANTS = [
    mutant("ack-before-fsync", "a proposal is acknowledged before it is durable (3911)",
        (LEARNER,
         "        if (zxid > h->durable)\n"
         "            break;\n",
         "")),
    mutant("own-ack-early", "the leader counts itself before its own disk has the txn",
        (BROADCAST,
         "p->zxid <= durable ? quorums_bit",
         "durable >= 0 ? quorums_bit")),
    mutant("commit-minority", "one ack is enough to commit",
        (BROADCAST,
         "if (!quorums_have(p->quorums, p->acks | own))",
         "if ((p->acks | own) == 0)")),
    mutant("epoch-before-log", "currentEpoch is durable before the leader's history is (4643)",
        (LEARNER_SYNC,
         "        begin_history(l, l->zab->history.end);\n",
         "        begin_history(l, l->zab->history.end);\n"
         "    if (l->phase == LEARNER_HISTORY && l->zab->current < l->epoch)\n"
         "        zab_write_epochs(l->zab, l->zab->accepted, l->epoch, out);\n"),
        (LEARNER_SYNC,
         "    if (l->phase != LEARNER_PERSIST || ",
         "    if (l->phase != LEARNER_PERSIST || zab->meta_ticket != 0 || "),
        (LEARNER_SYNC,
         "    else if (l->phase == LEARNER_EPOCH)\n"
         "        ack_newleader(l, out);\n",
         "    else if (l->phase == LEARNER_EPOCH)\n"
         "        ack_newleader(l, out);\n"
         "    else\n"
         "        learner_sync_persist(l, out);\n")),
    mutant("newleader-ack-early", "NEWLEADER is acknowledged before its history is durable (4646)",
        (LEARNER_SYNC,
         "        zab->history.durable < l->target)\n"
         "        return;",
         "        false)\n"
         "        return;"),
        (LEARNER_SYNC,
         "    ASSERT(l->zab->history.durable >= l->target);\n",
         "")),
    mutant("newleader-ack-first", "NEWLEADER is acknowledged before currentEpoch is durable",
        (LEARNER_SYNC,
         "        zab_write_epochs(zab, zab->accepted, l->epoch, out);\n"
         "}\n",
         "    {\n"
         "        zab_write_epochs(zab, zab->accepted, l->epoch, out);\n"
         "        ack_newleader(l, out);\n"
         "    }\n"
         "}\n"),
        (LEARNER_SYNC,
         "    ASSERT(l->zab->current == l->epoch && l->zab->meta_ticket == 0);\n",
         "")),
    mutant("trunc-to-applied", "a new leader cuts its followers after what it has applied, not after its log's end",
        (LEADER_SYNC,
         "    return committed > l->initial_end ? committed : l->initial_end;\n",
         "    if (l->phase < LEADER_BROADCAST)\n"
         "        return committed;\n"
         "    return committed > l->initial_end ? committed : l->initial_end;\n")),
    mutant("role-on-undrained-disk", "a role begins while the last one's writes are under way (4541)",
        (HISTORY,
         "    return zab->meta_ticket == 0 && zab->truncate_ticket == 0 && !zab->stage.active &&\n"
         "           zab->history.durable == zab->history.end;",
         "    return zab->stage.active ? false : zab->meta_ticket == 0 || zab->started;")),
    mutant("damaged-votes", "a server with a damaged history votes",
        (ROLES,
         "if (zab->is_voter && !zab->no_vote)\n"
         "        own",
         "if (zab->is_voter)\n"
         "        own")),
    mutant("commit-queue-cleared", "the queue of uncommitted txns does not span NEWLEADER (4394)",
        (LEARNER_SYNC,
         "    l->target = learner_history(l)->end;\n",
         "    l->target = learner_history(l)->end;\n"
         "    l->marked = l->target;\n")),
    mutant("diff-with-a-hole", "a DIFF leaves a txn out and the learner does not look (4925)",
        (LEADER_SYNC,
         "window_index(h, from + 1); i < h->count",
         "window_index(h, from + 1) + (h->count > 20); i < h->count")),
    mutant("apply-before-uptodate", "a COMMIT before UPTODATE changes the state (1549)",
        (LEARNER_SYNC,
         "    l->marked = zxid;\n"
         "}",
         "    l->marked = zxid;\n"
         "    if (!l->zab->stage.active && l->zab->history.committed < zxid)\n"
         "        l->zab->history.committed = zxid;\n"
         "}")),
    mutant("vote-of-applied", "a vote names what is applied, not the log's end (2845)",
        (ROLES,
         ".zxid = zab->history.end, .epoch",
         ".zxid = zab->history.applied, .epoch")),
    mutant("ackepoch-of-applied", "ACKEPOCH names what is applied, not the log's end (2845)",
        (LEARNER_SYNC,
         ".zxid = announce ? zab->history.end : 0",
         ".zxid = announce ? zab->history.applied : 0")),
    mutant("counter-runs-on", "the leader does not stand down before the counter is used up (1277)",
        (BROADCAST,
         " &&\n"
         "           zxid_counter(l->proposed) < l->zab->config.counter_limit",
         ""),
        (BROADCAST,
         "    if (zxid_counter(zxid) == l->zab->config.counter_limit)\n"
         "        leader_hand_over(l);\n",
         "")),
    mutant("newer-history-ignored", "a leader rules who has a newer history than itself",
        (LEADER,
         "if (epoch > l->old_current || (epoch == l->old_current && msg->zxid > l->initial_end)) {",
         "if (epoch > l->old_current + 1000) {")),
    mutant("acks-not-forgotten", "acks of txns that a TRUNC has removed still count",
        (LEADER_SYNC,
         "    broadcast_forget_acks(l, peer);\n",
         "")),
    mutant("ackepoch-early", "an epoch is accepted before acceptedEpoch is durable",
        (LEARNER_SYNC,
         "        l->phase = LEARNER_PROMISE;\n"
         "        zab_write_epochs(zab, epoch, zab->current, out);\n",
         "        zab_write_epochs(zab, epoch, zab->current, out);\n"
         "        send_ackepoch(l, true, out);\n"),
        (LEARNER_SYNC,
         " && zab->meta_ticket == 0);\n"
         "    ASSERT(zab->history.durable",
         ");\n"
         "    ASSERT(zab->history.durable")),
    mutant("sync-unconfirmed", "a sync is answered without asking a quorum who leads",
        (BROADCAST,
         "    return quorums_have(l->zab->config.quorums, bits);",
         "    return bits != 0;")),
    mutant("sync-by-old-ping", "a sync is confirmed by a ping sent before it was asked for",
        (BROADCAST,
         "sync->round = l->round + 1;",
         "sync->round = l->round;")),
    mutant("established-alone", "a leader serves before a quorum has its history",
        (LEADER,
         "if (l->phase == LEADER_HISTORY && is_quorum(l, l->newleader_acks))",
         "if (l->phase == LEADER_HISTORY)")),
    mutant("uptodate-early", "UPTODATE comes before a quorum has the history",
        (LEADER,
         "    if (l->phase == LEADER_BROADCAST) {\n"
         "        send_uptodate",
         "    if (l->phase >= LEADER_HISTORY) {\n"
         "        check_newleader_acks(l, out);\n"
         "        send_uptodate")),
    mutant("apply-undurable", "what is not durable here is applied (4785, 4882)",
        (WINDOW,
         "h->committed < h->durable ? h->committed : h->durable;",
         "h->committed;"),
        (WINDOW,
         "    ASSERT(h->applied <= h->durable);\n",
         "")),
    mutant("unknown-gets-diff", "who has a txn that we lack gets a DIFF after it",
        (LEADER_SYNC,
         "is_epoch_start || window_has(h, p) ? CHOICE_DIFF : CHOICE_SNAP",
         "CHOICE_DIFF")),
    mutant("tail-gets-diff", "who has more than is committed gets a DIFF, its tail stays",
        (LEADER_SYNC,
         "        return zxid_epoch(p) == zxid_epoch(limit) || window_has(h, p) ? CHOICE_TRUNC : CHOICE_SNAP;",
         "        return CHOICE_DIFF;")),
    mutant("promise-counted-twice", "who has promised an epoch to one leader is counted by another one of that epoch",
        (LEARNER_SYNC,
         "        send_ackepoch(l, false, out);\n",
         "        send_ackepoch(l, true, out);\n")),
    mutant("no-epoch-ack-quorum", "a leader goes on without a quorum that promises its epoch",
        (LEADER,
         "if (l->phase != LEADER_EPOCH_ACKS || !is_quorum(l, l->epoch_acks))",
         "if (l->phase != LEADER_EPOCH_ACKS)")),
    mutant("snapshot-in-force-early", "the history is the snapshot's before that is durable (3642)",
        (LEARNER_SYNC,
         "    window_init(&zab->stage.history, msg->zxid);\n",
         "    window_init(&zab->stage.history, msg->zxid);\n"
         "    window_done(&zab->history);\n"
         "    window_init(&zab->history, msg->zxid);\n")),
    mutant("trunc-to-missing", "TRUNC across an epoch, to a zxid that the learner does not have",
        (LEADER_SYNC,
         "        return zxid_epoch(p) == zxid_epoch(limit) || window_has(h, p) ? CHOICE_TRUNC : CHOICE_SNAP;",
         "        return CHOICE_TRUNC;"),
        (LEADER_SYNC,
         "    return is_epoch_start || window_has(h, p) ? CHOICE_DIFF : CHOICE_SNAP;",
         "    return is_epoch_start || window_has(h, p) ? CHOICE_DIFF : CHOICE_TRUNC;"),
        (LEARNER_SYNC,
         "    if (!window_has(&zab->history, msg->zxid) || msg->zxid < zab->history.committed) {",
         "    if (msg->zxid < zab->history.committed) {"),
        (WINDOW,
         "    ASSERT(window_has(h, zxid));\n    ASSERT(zxid >= h->committed);\n",
         "    ASSERT(zxid >= h->committed);\n")),
    mutant("registered-late",
        "what is proposed between a learner's sync and its ack of NEWLEADER does not reach it, and it does not look",
        (BROADCAST,
         "        if (peer->phase < PEER_HISTORY || peer->is_observer)\n",
         "        if (peer->phase < PEER_ACKED || peer->is_observer)\n"),
        (BROADCAST,
         "        if (peer->phase < PEER_HISTORY)\n",
         "        if (peer->phase < PEER_ACKED)\n"),
        (LEARNER,
         "    if (!zxid_follows(last, zxid) || zxid_epoch(zxid) > l->epoch) {",
         "    if (zxid <= last) {"),
        (WINDOW,
         "    ASSERT(zxid_follows(h->end, zxid));\n", "")),
    mutant("multi-in-part", "while others are in flight, what stands before a multi's part that fails happens all the same",
        (MULTI,
         "        plan_abort(p->plan);\n"
         "        plan_begin(p->plan, zxid);\n",
         "        if (p->plan->in_flight < 9) {\n"
         "            plan_abort(p->plan);\n"
         "            plan_begin(p->plan, zxid);\n"
         "        }\n"),
        (MULTI,
         "    for (int32_t i = 0; i < multi->txns.count; i++) {\n"
         "        struct txn part",
         "    for (int32_t i = p->plan->in_flight < 9 ? 0 : failed; i < multi->txns.count; i++) {\n"
         "        struct txn part"),
        (APPLY,
         "    } else if (parts_failed(parts, count)) {",
         "    } else if (parts_failed(parts, count) && parts[0].hdr.type == OP_ERROR) {")),
    mutant("multi-one-error", "while others are in flight, each part of a multi that fails has the error of the one that did",
        (MULTI,
         "i < failed ? ZOK : i == failed ? err : ZRUNTIMEINCONSISTENCY",
         "p->plan->in_flight < 9 && i < failed ? ZOK : i == failed || p->plan->in_flight > 8 ? err : ZRUNTIMEINCONSISTENCY")),
    mutant("sequence-of-tree", "the number of a name does not count the creations in flight",
        ("server/core/prepare_create.c",
         "with_sequence(path, parent->stat.cversion, p->arena)",
         "with_sequence(path, znode_cversion(tree_lookup(p->plan->tree, path_parent(path))), p->arena)")),
    mutant("ttl-since-creation", "a TTL znode lives from its creation, not from its last change",
        (REAPER,
         "return config->extended_types && ttl > 0 && age_ms > ttl;",
         "return config->extended_types && ttl > 0 && wall_ms - stat->ctime > ttl;")),
    mutant("container-of-one", "a container that had but one member is never deleted",
        (REAPER,
         "return stat->cversion > 0 ||",
         "return stat->cversion > 1 ||")),
    mutant("reaper-of-one-look", "the leader looks for containers and TTL znodes a minute after it has looked",
        (REAPER,
         "    if (reaper->cursor == 0 && reaper->due_ms < reaper->check_ms)\n",
         "    if (reaper->cursor == 0)\n"
         "        reaper->check_ms += MS_PER_MINUTE;\n"
         "    if (reaper->cursor == 0 && reaper->due_ms < reaper->check_ms)\n")),
    mutant("missed-data-untold", "setWatches does not tell that the data has changed",
        (WATCHES,
         "    if (stat.mzxid > seen)\n",
         "    if (stat.czxid > seen)\n")),
    mutant("missed-deletion-untold", "setWatches watches for the data of what is gone",
        (WATCHES,
         "    if (znode == NULL) {\n"
         "        tell_missed(r, EVENT_NODE_DELETED, path);\n"
         "        return;",
         "    if (znode == NULL) {\n"
         "        arm_or_close(r, path, WATCH_DATA);\n"
         "        return;")),
    mutant("missed-creation-untold", "setWatches does not tell that a znode was created",
        (WATCHES,
         "        tell_missed(r, EVENT_NODE_CREATED, path);\n",
         "        arm_or_close(r, path, WATCH_DATA);\n")),
    mutant("missed-children-untold", "setWatches tells of children only when the znode itself has changed",
        (WATCHES,
         "    else if (znode_pzxid(znode) > seen)\n",
         "    else if (znode_version(znode) > 0)\n")),
    mutant("watches-set-in-part", "setWatches does not set what waits for a creation",
        (WATCHES,
         "CREATED, path);\n"
         "    else\n"
         "        arm_or_close(r, path, WATCH_DATA);\n",
         "CREATED, path);\n")),
    mutant("newleader-ack-before-install", "NEWLEADER is acknowledged while its snapshot is being installed (3104)",
        (LEARNER_SYNC,
         "        action->ticket = zab->stage.ticket;\n"
         "    }\n"
         "    learner_sync_persist(l, out);\n",
         "        action->ticket = zab->stage.ticket;\n"
         "        learner_send(l, &(struct peer_msg){.type = ACK, .zxid = zxid_make(l->epoch, 0)}, out);\n"
         "    }\n"
         "    learner_sync_persist(l, out);\n")),
    mutant("stale-snapshot-streamed", "a snapshot opened for a connection that is gone goes to the next one (4541)",
        (LEADER,
         "peer->phase != PEER_SNAPSHOT || peer->ticket != ticket",
         "peer->phase != PEER_SNAPSHOT")),
    mutant("vote-of-yesterday", "who follows says in its votes which epoch it came with (1732, 1805)",
        (LEARNER_SYNC,
         "    election_synced(zab->election, l->epoch);\n",
         "")),
    mutant("log-not-synced", "a txn counts as durable once it is written (3023)",
        (LOG,
         "        rc = disk_sync(batch->file);\n",
         "        rc = 0;\n")),
    mutant("failed-sync-forgotten", "what a failed sync left in memory counts at the next start",
        (LOG_OPEN,
         "if (rc == 0 && o->dirty_end > start)",
         "if (rc == 0 && o->dirty_end > o->log->offset)")),
    mutant("start-applies-the-tail", "a start applies, and checkpoints, what nobody has called committed (1549)",
        (TAIL,
         "tail->applied_count == tail->count || zxid_at(tail, tail->applied_count) > tail->committed",
         "tail->applied_count == tail->count")),
    mutant("meta-not-synced", "an epoch counts as durable once it is written (1653)",
        (META,
         "        rc = disk_sync(file);\n",
         "        rc = 0;\n")),
    mutant("meta-name-not-synced", "an epoch counts as durable before the name of its file is",
        (META,
         "        rc = disk_sync_dir(disk, dir);\n",
         "        rc = 0;\n")),
    mutant("damage-forgotten", "a server that has lost its history votes again at once",
        (RECOVER_ROOT,
         "    meta->no_vote = true;\n",
         "")),
    mutant("trunc-of-the-committed",
        "TRUNC below what is committed here is obeyed (4837, 3526); our leaders have all that is, and ask for no such",
        (LEARNER_SYNC,
         "    if (!window_has(&zab->history, msg->zxid) || msg->zxid < zab->history.committed) {",
         "    if (!window_has(&zab->history, msg->zxid)) {"),
        (WINDOW,
         "    ASSERT(zxid >= h->committed);\n", ""),
        by="scripts"),
    mutant("two-promises",
        "an epoch that was accepted may be lower than one before; our leaders ask for no such promise",
        (LEARNER_SYNC,
         "if (epoch < zab->accepted) {",
         "if (epoch + 1000 < zab->accepted) {"),
        by="scripts"),
    mutant("later-promise-ignored",
        "who has promised a later epoch stays out while the leader stands; seeds that show it are rarer than 1 in 1,000",
        (LEADER,
         "    if (l->phase != LEADER_DISCOVERY && accepted > l->epoch) {",
         "    if (false) {"),
        by="scripts"),
    mutant("log-stands-still", "a leader lives by the disks of others (2247); the simulator's disks get on in the end",
        (HISTORY,
         "        zab->now_ms - zab->progress_ms >= (int64_t)limit * zab->config.tick_ms) {",
         "        limit < 0) {"),
        by="scripts"),
    mutant("early-acks-count",
        "an ack before that of NEWLEADER counts at once (4685); ours send none: another server must",
        (BROADCAST,
         "    *(peer->phase >= PEER_ACKED ? &p->acks : &p->early) |=",
         "    p->acks |="),
        by="scripts"),
    mutant("newleader-ack-of-any-epoch", "NEWLEADER's ack may be of any epoch; ours ack what their connection was told",
        (LEADER,
         "    else if (peer->phase == PEER_HISTORY && zxid == zxid_make(l->epoch, 0))\n",
         "    else if (peer->phase == PEER_HISTORY)\n"),
        by="scripts"),
    mutant("newleader-of-any-epoch", "NEWLEADER may be of another epoch than was promised; our leaders send no such",
        (LEARNER_SYNC,
         "    if (msg->zxid != zxid_make(l->epoch, 0) || l->epoch != zab->accepted) {",
         "    if (msg->zxid < 0) {"),
        by="scripts"),
    mutant("hole-accepted", "a proposal need not follow the one before it (4925); our leaders leave none out",
        (LEARNER,
         "    if (!zxid_follows(last, zxid) || zxid_epoch(zxid) > l->epoch) {",
         "    if (zxid <= last) {"),
        by="scripts"),
    mutant("commit-of-anything", "COMMIT need not be of the oldest proposal; our leaders send them in order",
        (LEARNER,
         "    if (next >= h->count || window_zxid(h, next) != zxid) {",
         "    if (next >= h->count) {"),
        by="scripts"),
]
