"""Plays sequences on two servers side by side, finds the first difference, and cuts it down.

    python3 -m differential.compare --seeds 1000 --from 0       (in tests/pytest)
"""
import argparse
import itertools
import sys
import tempfile
import time
from pathlib import Path

from harness.zkproc import Apache, Zkfsd

from .plan import CLIENTS, plan
from .play import SUPER_DIGEST, Player

# No znode goes by itself, as the two would not do it at the same time.
CONFIG = {"tickTime": "2000", "maxClientCnxns": "0", "extendedTypesEnabled": "true",
          "enforceQuota": "true",
          "znode.container.checkIntervalMs": "100000000",
          "DigestAuthenticationProvider.superDigest": SUPER_DIGEST}
ROOTS = itertools.count()
# The oracle is a program with threads: what does not show again in so many tries is a race of its own.
AGAIN = 3


class Difference(Exception):
    def __init__(self, step, op, ours, theirs):
        super().__init__(f"step {step}: {op}\n  ours:   {ours}\n  theirs: {theirs}")
        self.step = step


class Cut(Exception):
    """From here on the two may differ, as we follow a newer release: nothing more to compare."""


def zkfsd(directory):
    return Zkfsd(directory, **CONFIG)


def apache(directory):
    return Apache(directory, **CONFIG)


def intended(name, args, ours, theirs):
    """Whether this difference is one that we want. Cut when the two differ from here on."""
    # 3.8.0 finds watches of other connections as well.
    if name == "checkWatches":
        return ours[1] == -121 and theirs[1] == 0
    # exists asks for READ since 3.8.4; on 3.8.0 it leaves a watch that ours does not.
    if name == "exists" and ours[1] == -102 and theirs[1] == 0:
        if args["watch"]:
            raise Cut
        return True
    return False


def same(op, ours, theirs):
    if ours == theirs:
        return True
    if isinstance(op, str):
        return False
    if op.name == "burst":
        return all(a == b or intended(name, args, a, b)
                   for (name, args), a, b in zip(op.args["ops"], ours, theirs))
    return intended(op.name, op.args, ours, theirs)


class Comparison:
    def __init__(self, ours, theirs):
        self.servers = ours, theirs

    def players(self, root):
        return [Player(server, root, CLIENTS) for server in self.servers]

    def run(self, ops):
        """Plays OPS on both; Difference at the first step that differs."""
        root = f"/fuzz{next(ROOTS)}"
        players = self.players(root)
        try:
            for step, op in enumerate(ops):
                answers = [player.send(op) for player in players]
                self.check(step, op, *[answer() for answer in answers])
            self.check(len(ops), "leftover events and the tree",
                       *[player.leftovers() for player in players])
        except Cut:
            pass
        finally:
            for player in players:
                player.close()

    @staticmethod
    def check(step, op, ours, theirs):
        if not same(op, ours, theirs):
            raise Difference(step, op, ours, theirs)

    def differs(self, ops):
        """The Difference that OPS shows, or None."""
        try:
            self.run(ops)
        except Difference as difference:
            return difference
        return None

    def again(self, ops):
        """The Difference that OPS shows a second time, or None."""
        return next(filter(None, (self.differs(ops) for _ in range(AGAIN))), None)

    def shrink(self, ops, difference):
        """OPS without what is not needed for a DIFFERENCE, and the last one seen."""
        ops = ops[:difference.step + 1]
        size = len(ops) // 2
        while size:
            at = 0
            while at < len(ops):
                shorter = ops[:at] + ops[at + size:]
                found = self.differs(shorter)
                if found:
                    ops, difference = shorter[:found.step + 1], found
                else:
                    at += size
            size //= 2
        return ops, difference

    def report(self, seed, ops, difference):
        """The shortest sequence that still shows the DIFFERENCE of SEED, as text."""
        ops, difference = self.shrink(ops, difference)
        lines = "\n".join(f"  {step}: {op}" for step, op in enumerate(ops))
        return f"seed {seed}:\n{lines}\n{difference}"


def run_seeds(comparison, seeds, limit=5, seconds=None):
    """Plays each seed; gives (how many were played, reports of those that differ)."""
    reports, played, end = [], 0, time.monotonic() + (seconds or 1e9)
    for seed in seeds:
        ops = plan(seed)
        once = comparison.differs(ops)
        twice = once and comparison.again(ops)
        if twice:
            reports.append(comparison.report(seed, ops, twice))
        elif once:
            print(f"seed {seed} differed once and not again:\n{once}", file=sys.stderr)
        played += 1
        if len(reports) >= limit or time.monotonic() > end:
            break
    return played, reports


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--twins", action="store_true", help="two Apache servers: a self-test")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zkfs-differential-") as directory:
        make = apache if args.twins else zkfsd
        servers = make(Path(directory, "ours")), apache(Path(directory, "theirs"))
        try:
            for server in servers:
                server.start()
            start = time.monotonic()
            seeds = range(args.first, args.first + args.seeds)
            played, reports = run_seeds(Comparison(*servers), seeds)
            took = time.monotonic() - start
        finally:
            for server in servers:
                server.close()
    print("\n\n".join(reports))
    print(f"{played} sequences in {took:.0f} s, {len(reports)} differ")
    return 1 if reports else 0


if __name__ == "__main__":
    sys.exit(main())
