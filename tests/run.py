"""Runs the tests and counts them: the engine of `make test`, `make check` and `make bench`.

Every part (a lint check, a unit test program, a fuzzer, a pytest run) streams its output and is
counted; the last line is the total. A part that ends without its counts (it crashed, it did not
build) is one failure. Exit status 0 only when something passed and nothing failed.
"""

import argparse
import glob
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree

SANITIZED = "san-address,undefined"
FUZZ_RUNS = 20000
# A session on real sockets takes 3 ms.
SLOW_FUZZERS = {"fuzz_fs_session": 3000}


class Totals:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []

    def add(self, what, passed, failed, skipped=0):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        if failed:
            self.failures.append(f"{what}: {failed} failed")

    def line(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def heading(text):
    print(f"== {text}", flush=True)


def run(command, **environment):
    """Runs COMMAND, prints its output as it comes; gives the exit status and the output."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        env={**os.environ, **environment},
    )
    lines = []
    for line in process.stdout:
        print(line, end="", flush=True)
        lines.append(line)
    return process.wait(), "".join(lines)


def make(totals, what, *args):
    """A build, or lint, by make; a failure is counted, success is not a test."""
    status, _ = run(["make", "--no-print-directory", f"-j{os.cpu_count()}", *args])
    if status != 0:
        totals.add(what, 0, 1)
    return status == 0


def lint(totals):
    """Every check that it makes says "lint NAME: ok" or "lint NAME: FAILED"."""
    heading("lint")
    status, output = run(["make", "--no-print-directory", "-k", f"-j{os.cpu_count()}", "lint"])
    passed = len(re.findall(r"^lint [\w-]+: ok", output, re.M))
    failed = len(re.findall(r"^lint [\w-]+: FAILED", output, re.M))
    if status != 0 and failed == 0:
        failed = 1
    totals.add("lint", passed, failed)


def unit(totals, build):
    heading(f"unit tests ({build})")
    for program in sorted(glob.glob(f"{build}/unit/*")):
        _, output = run([program])
        counts = re.search(r": (\d+) passed, (\d+) failed\n\Z", output)
        if counts:
            totals.add(program, int(counts[1]), int(counts[2]))
        else:
            totals.add(program, 0, 1)


def fuzz(totals, build):
    heading(f"fuzzers, mutations of their corpus ({build})")
    for program in sorted(glob.glob(f"{build}/fuzz/fuzz_*")):
        name = os.path.basename(program)
        corpus = glob.glob(f"tests/fuzz/corpus/{name}")
        runs = SLOW_FUZZERS.get(name, FUZZ_RUNS)
        status, _ = run([program, f"-runs={runs}", f"-crash={build}/{name}.crash", *corpus])
        totals.add(program, int(status == 0), int(status != 0))


def simulate(totals, build, seconds):
    """Ensembles under faults: other seeds each time, the first of them printed, and the kept ones."""
    heading(f"simulated ensembles, {seconds} s ({build})")
    with open("tests/sim/seeds.txt", encoding="utf-8") as kept:
        seeds = [line.split()[0] for line in kept if line.strip() and line[0] != "#"]
    runs = [["--from", seed, "--seeds", "1", "--quiet"] for seed in seeds]
    runs.append(["--from", str(int(time.time()) * 100000), "--seconds", str(seconds)])
    for arguments in runs:
        status, output = run([f"{build}/sim", *arguments])
        passed = re.search(r"^sim: (\d+) seeds passed", output, re.M)
        totals.add(f"sim {' '.join(arguments)}", int(passed[1]) if passed else 0, int(status != 0))


def pytest(totals, build, *select):
    """The tests learn from ZKFS_BUILD which programs to test; without it, those in build/."""
    heading(f"pytest {' '.join(select)} ({build})")
    report = f"{build}/pytest.xml"
    if os.path.exists(report):
        os.unlink(report)
    status, _ = run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider"]
        + [f"--junitxml={report}", *select, "tests/pytest"],
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


def everything(totals, cc):
    build = "build" if cc == "gcc" else f"build/{cc}"
    sanitized = f"build/{SANITIZED}" if cc == "gcc" else f"build/{cc}-{SANITIZED}"

    heading("build")
    if not make(totals, "build", "all", "tests-build", f"CC={cc}"):
        return
    lint(totals)
    unit(totals, build)
    simulate(totals, build, 30)
    pytest(totals, build)

    heading("build with address and undefined sanitizers")
    if not make(totals, "build", "all", "tests-build", f"CC={cc}", "SAN=address,undefined"):
        return
    unit(totals, sanitized)
    simulate(totals, sanitized, 15)
    fuzz(totals, sanitized)
    pytest(totals, sanitized, "-m", "sanitized")


def bench(build):
    status = 0
    # A *_load program is a load generator that the Python benchmarks run.
    programs = [p for p in glob.glob(f"{build}/bench/*") if not p.endswith("_load")]
    for program in sorted(programs + glob.glob("tests/bench/bench*.py")):
        heading(program)
        command = [sys.executable, program] if program.endswith(".py") else [program]
        status |= run(command, ZKFS_BUILD=build)[0]
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
        return bench(args.build)
    if args.part == "unit":
        unit(totals, args.build)
    else:
        everything(totals, args.cc)

    heading(f"done in {time.monotonic() - start:.0f} s")
    for failure in totals.failures:
        print(f"FAILED {failure}")
    print(totals.line(), flush=True)
    return 1 if totals.failed or not totals.passed else 0


if __name__ == "__main__":
    sys.exit(main())
