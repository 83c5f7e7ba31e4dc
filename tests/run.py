"""Runs the tests and counts them: the engine of `make test`, `make check` and `make bench`.

Every part (a lint check, a unit test program, a fuzzer, a pytest run) is shown and counted; the
last line is the total. A part that ends without its counts (it crashed, it did not build) is one
failure. Exit status 0 only when something passed and nothing failed.
"""

import argparse
import concurrent.futures
import contextlib
import glob
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree

SANITIZED = "san-address,undefined"
WORKERS = "2"
FUZZ_RUNS = 20000
# A session on real sockets takes 3 ms.
SLOW_FUZZERS = {"fuzz_fs_session": 3000}


class Totals:
    """What a lane of the run has counted, and what it says: at once, or, when it runs BESIDE
    another one and at a lower priority, part by part."""

    def __init__(self, beside=False):
        self.passed = self.failed = self.skipped = 0
        self.failures = []
        self.beside = beside
        self.held = []

    def say(self, text):
        if self.beside:
            self.held.append(text)
        else:
            print(text, flush=True)

    @contextlib.contextmanager
    def part(self, name):
        start = time.monotonic()
        self.say(f"== {name}")
        try:
            yield
        finally:
            self.say(f"== {name}: done in {time.monotonic() - start:.0f} s")
            held, self.held = self.held, []
            if held:
                print("\n".join(held), flush=True)

    def add(self, what, passed, failed, skipped=0):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        if failed:
            self.failures.append(f"{what}: {failed} failed")

    def add_all(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures

    def line(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def run(totals, command, **environment):
    """Runs COMMAND and says what it says; gives the exit status and the output."""
    process = subprocess.Popen(
        [*(["nice"] if totals.beside else []), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        env={**os.environ, **environment},
    )
    lines = []
    for line in process.stdout:
        totals.say(line.rstrip("\n"))
        lines.append(line)
    return process.wait(), "".join(lines)


def make(totals, what, *args):
    """A build by make; a failure is counted, success is not a test."""
    with totals.part(what):
        status, _ = run(totals, ["make", "--no-print-directory", f"-j{os.cpu_count()}", *args])
    if status != 0:
        totals.add(what, 0, 1)
    return status == 0


def lint(totals):
    """Every check that it makes says "lint NAME: ok" or "lint NAME: FAILED"."""
    with totals.part("lint"):
        status, output = run(
            totals, ["make", "--no-print-directory", "-k", f"-j{os.cpu_count()}", "lint"]
        )
    passed = len(re.findall(r"^lint [\w-]+: ok", output, re.M))
    failed = len(re.findall(r"^lint [\w-]+: FAILED", output, re.M))
    if status != 0 and failed == 0:
        failed = 1
    totals.add("lint", passed, failed)


def unit(totals, build):
    with totals.part(f"unit tests ({build})"):
        for program in sorted(glob.glob(f"{build}/unit/*")):
            status, output = run(totals, [program])
            counts = re.search(r": (\d+) passed, (\d+) failed\n\Z", output)
            passed, failed = (int(counts[1]), int(counts[2])) if counts else (0, 1)
            if status != 0 and failed == 0:  # it died after its last line: a leak, say
                failed = 1
            totals.add(program, passed, failed)


def fuzz(totals, build):
    with totals.part(f"fuzzers, mutations of their corpus ({build})"):
        for program in sorted(glob.glob(f"{build}/fuzz/fuzz_*")):
            name = os.path.basename(program)
            corpus = glob.glob(f"tests/fuzz/corpus/{name}")
            runs = SLOW_FUZZERS.get(name, FUZZ_RUNS)
            crash = f"-crash={build}/{name}.crash"
            status, _ = run(totals, [program, f"-runs={runs}", crash, *corpus])
            totals.add(program, int(status == 0), int(status != 0))


def simulate(totals, build, seconds):
    """Ensembles under faults: the kept seeds, and then others each time, so that every run looks
    where nobody has looked yet. The first one is printed, and the one that fails: `make sim
    FROM=` goes through it again."""
    first = int(time.time()) * 10_000
    with open("tests/sim/seeds.txt", encoding="utf-8") as kept:
        seeds = [line.split()[0] for line in kept if line.strip() and line[0] != "#"]
    runs = [["--from", seed, "--seeds", "1", "--quiet"] for seed in seeds]
    runs.append(["--from", str(first), "--seconds", str(seconds)])
    with totals.part(f"simulated ensembles, {seconds} s ({build})"):
        for arguments in runs:
            status, output = run(totals, [f"{build}/sim", *arguments])
            found = re.search(r"^sim: (\d+) seeds passed", output, re.M)
            passed = int(found[1]) if found else 0
            totals.add(f"sim {' '.join(arguments)}", passed, int(status != 0))


def pytest(totals, build, *select):
    """The tests learn from ZKFS_BUILD which programs to test; without it, those in build/."""
    report = f"{build}/pytest.xml"
    if os.path.exists(report):
        os.unlink(report)
    command = [sys.executable, "-m", "pytest", "-q", "-n", WORKERS, "-p", "no:cacheprovider"]
    with totals.part(f"pytest {' '.join(select)} ({build})"):
        status, _ = run(
            totals,
            [*command, f"--junitxml={report}", *select, "tests/pytest"],
            PYTHONDONTWRITEBYTECODE="1",
            **({"ZKFS_BUILD": build} if build != "build" else {}),
        )
    if not os.path.exists(report):
        totals.add(f"pytest ({build})", 0, 1)
        return
    suite = xml.etree.ElementTree.parse(report).getroot().find("testsuite")
    tests, failures, errors, skipped = (
        int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    if status != 0 and failed == 0:  # one of them: nothing was selected
        failed = 1
    totals.add(f"pytest ({build})", max(tests - failed - skipped, 0), failed, skipped)


def computing(totals, build, sanitized):
    """All that computes and does not wait."""
    lint(totals)
    unit(totals, build)
    if sanitized:
        unit(totals, sanitized)
        simulate(totals, sanitized, 30)
        fuzz(totals, sanitized)


def everything(totals, cc):
    """In two lanes: the servers and clients of pytest wait for each other half of the time."""
    build = "build" if cc == "gcc" else f"build/{cc}"
    sanitized = f"build/{SANITIZED}" if cc == "gcc" else f"build/{cc}-{SANITIZED}"

    targets = ["all", "tests-build", f"CC={cc}"]
    if not make(totals, "build", *targets):
        return
    beside = Totals(beside=True)
    with concurrent.futures.ThreadPoolExecutor(1) as lane:
        built = lane.submit(
            make, beside, "build with sanitizers", *targets, "SAN=address,undefined"
        )
        computed = lane.submit(
            lambda: computing(beside, build, sanitized if built.result() else None)
        )
        pytest(totals, build)
        if built.result():
            pytest(totals, sanitized, "-m", "sanitized")
        simulate(totals, build, 150)  # on one core; by now the other lane is about as long
        computed.result()
    totals.add_all(beside)


def bench(totals, build):
    status = 0
    # A *_load program is a load generator that the Python benchmarks run.
    programs = [p for p in glob.glob(f"{build}/bench/*") if not p.endswith("_load")]
    for program in sorted(programs + glob.glob("tests/bench/bench*.py")):
        command = [sys.executable, program] if program.endswith(".py") else [program]
        with totals.part(program):
            status |= run(totals, command, ZKFS_BUILD=build)[0]
    return status


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=["all", "unit", "bench"])
    parser.add_argument("--build", default="build", help="the directory of the programs")
    parser.add_argument("--cc", default="gcc", help="the compiler, for part all")
    args = parser.parse_args()
    totals = Totals()
    start = time.monotonic()

    if args.part == "bench":
        return bench(totals, args.build)
    if args.part == "unit":
        unit(totals, args.build)
    else:
        everything(totals, args.cc)

    totals.say(f"== all done in {time.monotonic() - start:.0f} s")
    for failure in totals.failures:
        totals.say(f"FAILED {failure}")
    totals.say(totals.line())
    return 1 if totals.failed or not totals.passed else 0


if __name__ == "__main__":
    sys.exit(main())
