"""Plants known mistakes (mutant_table.py) in the core, one at a time, and looks for who finds them.

A mutant is a change of the source as text, so the core itself has no switches, and one that no longer fits
is an error. It is caught when a seed of the simulator fails, or a script does; the same seeds and scripts
pass without it. One that stops everything would be caught by anybody and does not count: it must let
a whole seed pass, or an invariant must name it after a hundred acknowledged writes.
"""

import argparse
import os
import re
import subprocess
import sys
import time

from mutant_table import MUTANTS

TRIALS = 40  # seeds, of which one must pass


def plant(mutant, root):
    """The mutated sources, each in a file of its own; None and why when they do not fit."""
    texts = {}
    for path, old, new in mutant.changes:
        if path not in texts:
            with open(path, encoding="utf-8") as source:
                texts[path] = source.read()
        if texts[path].count(old) != 1:
            return None, f"does not fit: {texts[path].count(old)} places in {path}"
        texts[path] = texts[path].replace(old, new)
    os.makedirs(f"{root}/{mutant.name}", exist_ok=True)
    targets = []
    for path, text in texts.items():
        targets.append(f"{root}/{mutant.name}/{os.path.basename(path)}")
        with open(targets[-1], "w", encoding="utf-8") as out:
            out.write(text)
    return targets, ""


def run(command):
    return subprocess.run(command, shell=isinstance(command, str), capture_output=True, text=True)


class Mill:
    """Builds programs that have a mutant in them."""

    def __init__(self, args):
        self.args = args
        with open(f"{args.build}/flags", encoding="utf-8") as flags:
            self.compile_flags, self.link_flags = flags.read().strip().split("|")

    def link(self, program, objects):
        done = run(f"{self.compile_flags.split()[0]} {self.link_flags} -o {program} {objects} {self.args.libs}")
        return program if done.returncode == 0 else None

    def build(self, mutant):
        """(the simulator, unit programs, why not)."""
        root = f"{self.args.build}/mutants"
        sources, why = plant(mutant, root)
        if sources is None:
            return None, [], why
        objects = ""
        for source in sources:
            objects += " " + source.replace(".c", ".o")
            done = run(f"{self.compile_flags} -Wno-error -w -c -o {objects.split()[-1]} {source}")
            if done.returncode != 0:
                return None, [], "does not build: " + (done.stderr.strip().splitlines() or ["?"])[0]
        sim = self.link(f"{root}/{mutant.name}/sim", self.args.objects + objects)
        units = [self.link(f"{root}/{mutant.name}/{os.path.basename(unit)[:-2]}",
                           f"{unit} {self.args.unit_objects}{objects}") for unit in self.args.units.split()]
        if sim is None or None in units:
            return None, [], "does not link"
        return sim, units, ""


class Hunt:
    """The simulator goes over seeds until one fails."""

    def __init__(self, program, args):
        self.program, self.args = program, args
        self.seed, self.why = None, ""

    def over(self, first, count):
        """True: all pass. Else seed, why, writes: of the first that does not."""
        command = [self.program, "--from", str(first), "--seeds", str(count), "--quiet"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=self.args.timeout)
        except subprocess.TimeoutExpired:
            self.seed, self.why, self.writes = None, f"not found in {self.args.timeout} s", 0
            return False
        if done.returncode == 0:
            return True
        failed = re.search(r"^FAILED: seed (\d+).*, (\d+) writes", done.stdout, re.M)
        why = re.search(r"^VIOLATION: (.*)$", done.stdout, re.M) or re.search(
            r"(assertion failed: .*)$", done.stderr, re.M)
        self.seed, self.writes = (int(failed[1]), int(failed[2])) if failed else (None, 0)
        self.why = why[1] if why else f"died without a word, exit status {done.returncode}"
        return False

    def works(self):
        """Does it do its work now and then, in spite of the mutant?"""
        if self.seed > self.args.first:
            return True
        if self.writes >= 100 and "liveness" not in self.why and "assertion" not in self.why:
            return True
        seed, why = self.seed, self.why
        passes = any(self.over(first, 1) for first in range(seed + 1, seed + TRIALS))
        self.seed, self.why = seed, why
        return passes


def scripts_that_fail(units):
    """The names of the scripts that do not pass with the mutant."""
    names = []
    for unit in units:
        names += re.findall(r"^tests/unit/\w+\.c:\d+: (\w+): ", run([unit]).stdout, re.M)
    return list(dict.fromkeys(names))


def judge(mutant, mill, args):
    """(caught, seed, what is said about it)."""
    sim, units, why = mill.build(mutant)
    if sim is None:
        return False, None, why
    scripts = scripts_that_fail(units)
    noted = f" [scripts: {len(scripts)}]"
    if mutant.by == "scripts":
        return bool(scripts), None, f"script {scripts[0]}" if scripts else "SURVIVES all scripts"
    hunt = Hunt(sim, args)
    if hunt.over(args.first, args.seeds):
        return False, None, "SURVIVES" + noted
    if hunt.seed is None:
        return False, None, hunt.why + noted
    if not hunt.works():
        return False, hunt.seed, "STOPS EVERYTHING: " + hunt.why[:80]
    return True, hunt.seed, hunt.why[:100] + noted


def main():
    parser = argparse.ArgumentParser()
    for name in ("build", "objects", "units", "unit-objects", "libs"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--timeout", type=int, default=900)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    mill = Mill(args)
    caught = missed = 0

    print(f"{'mutant':26} {'seed':>6}  {'s':>5}  caught by", flush=True)
    for mutant in MUTANTS:
        if args.only and not any(word in mutant.name for word in args.only.split(",")):
            continue
        start = time.monotonic()
        is_caught, seed, what = judge(mutant, mill, args)
        caught += is_caught
        missed += not is_caught
        print(f"{mutant.name:26} {seed if seed is not None else '-':>6}  {time.monotonic() - start:5.1f}  {what}",
              flush=True)
    print(f"mutants: {caught} caught, {missed} not, within {args.seeds} seeds from {args.first}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
