"""Plants known mistakes in the core, one at a time, and lets the simulator look for them.

Each mutant is a change of the source as text, which must fit in exactly one place: so the core itself
has no switches, and a mutant that no longer fits is an error. It is caught when a seed fails; the
same seeds pass without it. A mutant with which no seed at all passes has only broken the ensemble,
and does not count (unless an invariant names it after acknowledged writes).
"""

import argparse
import os
import re
import subprocess
import sys
import time

LEARNER, LEARNER_SYNC = "replication/learner.c", "replication/learner_sync.c"
LEADER, LEADER_SYNC = "replication/leader.c", "replication/leader_sync.c"
BROADCAST, ZAB, WINDOW = "replication/leader_broadcast.c", "replication/zab.c", "replication/window.c"

# name, what it is, file, then pairs of old and new text
MUTANTS = [
    ("ack-before-fsync", "a proposal is acknowledged before it is durable (3911)", LEARNER,
     "        if (zxid > h->durable)\n            break;\n", ""),
    ("own-ack-early", "the leader counts itself before its own disk has the txn", BROADCAST,
     "p->zxid <= durable ? quorums_bit", "durable >= 0 ? quorums_bit"),
    ("commit-minority", "one ack is enough to commit", BROADCAST,
     "if (!quorums_have(p->quorums, p->acks | own))", "if ((p->acks | own) == 0)"),
    ("epoch-before-log", "currentEpoch is durable before the leader's history is (4643)", LEARNER_SYNC,
     "    begin_history(l, zab->history.end);\n",
     "    begin_history(l, zab->history.end);\n"
     "    if (zab->current < l->epoch)\n"
     "        zab_write_epochs(zab, zab->accepted, l->epoch, out);\n",
     "    if (l->phase != LEARNER_PERSIST || ", "    if (l->phase != LEARNER_PERSIST || zab->meta_ticket != 0 || ",
     "    else if (l->phase == LEARNER_EPOCH)\n        ack_newleader(l, out);\n",
     "    else if (l->phase == LEARNER_EPOCH)\n        ack_newleader(l, out);\n"
     "    else\n        learner_sync_persist(l, out);\n"),
    ("newleader-ack-early", "NEWLEADER is acknowledged before its history is durable (4646)", LEARNER_SYNC,
     "        zab->history.durable < l->target)\n        return;", "        false)\n        return;",
     "    ASSERT(l->zab->history.durable >= l->target);\n", ""),
    ("newleader-ack-first", "NEWLEADER is acknowledged before currentEpoch is durable", LEARNER_SYNC,
     "        zab_write_epochs(zab, zab->accepted, l->epoch, out);\n}\n",
     "    {\n        zab_write_epochs(zab, zab->accepted, l->epoch, out);\n"
     "        ack_newleader(l, out);\n    }\n}\n",
     "    ASSERT(l->zab->current == l->epoch && l->zab->meta_ticket == 0);\n", ""),
    ("trunc-to-applied", "a leader's history ends where its state does (after a power cut of all)", LEADER,
     "l->initial_end = zab->history.end", "l->initial_end = zab->history.applied"),
    ("role-on-undrained-disk", "a role begins while the last one's writes are under way (4541)", ZAB,
     "    return zab->meta_ticket == 0 && zab->truncate_ticket == 0 && !zab->stage.active &&\n"
     "           zab->history.durable == zab->history.end;",
     "    return zab->stage.active ? false : zab->meta_ticket == 0 || zab->started;"),
    ("damaged-votes", "a server with a damaged history votes", ZAB,
     "if (zab->is_voter && !zab->no_vote)\n        own", "if (zab->is_voter)\n        own"),
    ("commit-queue-cleared", "the queue of uncommitted txns does not span NEWLEADER (4394)", LEARNER_SYNC,
     "    l->target = learner_history(l)->end;\n",
     "    l->target = learner_history(l)->end;\n    l->marked = l->target;\n"),
    ("diff-with-a-hole", "a DIFF leaves a txn out and the learner does not look (4925)", LEADER_SYNC,
     "window_index(h, from + 1); i < h->count", "window_index(h, from + 1) + (h->count > 20); i < h->count"),
    ("apply-before-uptodate", "a COMMIT before UPTODATE changes the state (1549)", LEARNER_SYNC,
     "    l->marked = zxid;\n}",
     "    l->marked = zxid;\n    if (!l->zab->stage.active && l->zab->history.committed < zxid)\n"
     "        l->zab->history.committed = zxid;\n}"),
    ("vote-of-applied", "a vote names what is applied, not the log's end (2845)", ZAB,
     ".zxid = zab->history.end, .epoch", ".zxid = zab->history.applied, .epoch"),
    ("ackepoch-of-applied", "ACKEPOCH names what is applied, not the log's end (2845)", LEARNER_SYNC,
     ".zxid = announce ? zab->history.end : 0", ".zxid = announce ? zab->history.applied : 0"),
    ("counter-runs-on", "the leader does not stand down before the counter is used up (1277)", BROADCAST,
     " &&\n           zxid_counter(l->proposed) < l->zab->config.counter_limit", "",
     "    if (zxid_counter(zxid) == l->zab->config.counter_limit)\n        leader_hand_over(l);\n", ""),
    ("newer-history-ignored", "a leader rules who has a newer history than itself", LEADER,
     "if (epoch > l->old_current || (epoch == l->old_current && msg->zxid > l->initial_end)) {",
     "if (epoch > l->old_current + 1000) {"),
    ("acks-not-forgotten", "acks of txns that a TRUNC has removed still count", LEADER_SYNC,
     "    broadcast_forget_acks(l, peer);\n", ""),
    ("ackepoch-early", "an epoch is accepted before acceptedEpoch is durable", LEARNER_SYNC,
     "        l->phase = LEARNER_PROMISE;\n        zab_write_epochs(zab, epoch, zab->current, out);\n",
     "        zab_write_epochs(zab, epoch, zab->current, out);\n        send_ackepoch(l, true, out);\n",
     " && zab->meta_ticket == 0);\n    ASSERT(zab->history.durable", ");\n    ASSERT(zab->history.durable"),
    ("sync-unconfirmed", "a sync is answered without asking a quorum who leads", BROADCAST,
     "    return quorums_have(l->zab->config.quorums, bits);", "    return bits != 0;"),
    ("sync-by-old-ping", "a sync is confirmed by a ping sent before it was asked for", BROADCAST,
     "sync->round = l->round + 1;", "sync->round = l->round;"),
    ("established-alone", "a leader serves before a quorum has its history", LEADER,
     "if (l->phase == LEADER_HISTORY && is_quorum(l, l->newleader_acks))", "if (l->phase == LEADER_HISTORY)"),
    ("uptodate-early", "UPTODATE comes before a quorum has the history", LEADER,
     "    if (l->phase == LEADER_BROADCAST) {\n        send_uptodate",
     "    if (l->phase >= LEADER_HISTORY) {\n        check_newleader_acks(l, out);\n        send_uptodate"),
    ("apply-undurable", "what is not durable here is applied (4785, 4882)", WINDOW,
     "h->committed < h->durable ? h->committed : h->durable;", "h->committed;",
     "    ASSERT(h->applied <= h->durable);\n", ""),
    ("unknown-gets-diff", "who has a txn that we lack gets a DIFF after it", LEADER_SYNC,
     "is_epoch_start || window_has(h, p) ? CHOICE_DIFF : CHOICE_SNAP", "CHOICE_DIFF"),
    ("tail-gets-diff", "who has more than is committed gets a DIFF, its tail stays", LEADER_SYNC,
     "        return zxid_epoch(p) == zxid_epoch(limit) || window_has(h, p) ? CHOICE_TRUNC : CHOICE_SNAP;",
     "        return CHOICE_DIFF;"),
    ("two-promises", "an epoch that was accepted may be lower than one before", LEARNER_SYNC,
     "if (epoch < zab->accepted) {", "if (epoch + 1000 < zab->accepted) {"),
]


def plant(mutant, root):
    """The mutated source in a file of its own; None and why when it does not fit."""
    name, _, path, *pairs = mutant
    with open(path, encoding="utf-8") as source:
        text = source.read()
    for old, new in zip(pairs[::2], pairs[1::2]):
        if text.count(old) != 1:
            return None, f"does not fit: {text.count(old)} places"
        text = text.replace(old, new)
    os.makedirs(f"{root}/{name}", exist_ok=True)
    target = f"{root}/{name}/{os.path.basename(path)}"
    with open(target, "w", encoding="utf-8") as out:
        out.write(text)
    return target, ""


def build(mutant, args):
    root = f"{args.build}/mutants"
    source, why = plant(mutant, root)
    if source is None:
        return None, why
    with open(f"{args.build}/flags", encoding="utf-8") as flags:
        compile_flags, link_flags = flags.read().strip().split("|")
    program = f"{root}/{mutant[0]}/sim"
    obj = source.replace(".c", ".o")
    for command in (f"{compile_flags} -Wno-error -w -c -o {obj} {source}",
                    f"{compile_flags.split()[0]} {link_flags} -o {program} {args.objects} {obj} {args.libs}"):
        done = subprocess.run(command, shell=True, capture_output=True, text=True)
        if done.returncode != 0:
            return None, "does not build: " + (done.stderr.strip().splitlines() or ["?"])[0]
    return program, ""


def hunt(program, args):
    """(seed that failed or None, seeds that passed, why)."""
    command = [program, "--from", str(args.first), "--seeds", str(args.seeds), "--quiet"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=args.timeout)
    except subprocess.TimeoutExpired:
        return None, 0, f"not found in {args.timeout} s"
    seed = re.search(r"^FAILED: seed (\d+)", done.stdout, re.M)
    if done.returncode == 0 or not seed:
        return None, args.seeds, "SURVIVES" if done.returncode == 0 else "no seed named"
    why = re.search(r"^VIOLATION: (.*)$", done.stdout, re.M) or re.search(
        r"assertion failed: (.*)$", done.stderr, re.M)
    return int(seed[1]), int(seed[1]) - args.first, why[1] if why else "?"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--objects", required=True)
    parser.add_argument("--libs", required=True)
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--timeout", type=int, default=600)
    parser.add_argument("--only", default="")
    args = parser.parse_args()

    caught = missed = 0
    print(f"{'mutant':24} {'seed':>6}  {'s':>5}  caught by", flush=True)
    for mutant in MUTANTS:
        if args.only and args.only not in mutant[0]:
            continue
        start = time.monotonic()
        program, why = build(mutant, args)
        seed = None
        if program:
            seed, _, why = hunt(program, args)
        caught += seed is not None
        missed += seed is None
        print(f"{mutant[0]:24} {seed if seed is not None else '-':>6}  {time.monotonic() - start:5.1f}  "
              f"{why[:110]}", flush=True)
    print(f"mutants: {caught} caught, {missed} not, within {args.seeds} seeds from {args.first}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
