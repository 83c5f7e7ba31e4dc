"""Measures zkfsd beside Apache ZooKeeper, in the same run, and prints figures and ratios.

Every scenario runs on both servers in turn, ROUNDS times, and the medians are compared: the
machine is noisy, so only the ratios mean much. Nothing here passes or fails. The load comes from
proto_load, which checks every reply.
"""
import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "pytest"))
from harness.zkproc import Apache, Zkfsd  # noqa: E402

BUILD = Path(os.environ.get("ZKFS_BUILD", ROOT / "build"))
MILLION = 1_000_000


class BenchApache(Apache):
    """Apache with the heap and the compiler that an operator would give it."""

    def command(self):
        command = super().command()
        command[1:4] = ["-Xmx2g"]
        return command


def run_load(program, server, *args):
    """Runs a load generator and gives its figures as a dict of floats."""
    command = [BUILD / "bench" / program, str(server.port), *map(str, args)]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"bench: {server.kind}: {program}: {run.stderr.strip()}")
    return {key: float(value) for key, value in re.findall(r"(\w+)=([\d.]+)", run.stdout)}


def load(server, scenario, **options):
    """Runs proto_load and gives its figures as a dict of floats."""
    options = [f"{key}={value}" for key, value in options.items()]
    return run_load("proto_load", server, scenario, *options)


def anonymous_mib(server):
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) / 1024


def settled_mib(server):
    """The same, once it stays: a checkpoint that is being made takes some for a while."""
    before, now = -1, anonymous_mib(server)
    for _ in range(20):
        if abs(now - before) < 1:
            break
        time.sleep(1)
        before, now = now, anonymous_mib(server)
    return now


def disk_mib(server):
    """What the server's files occupy."""
    blocks = sum(p.stat().st_blocks for p in server.datadir.rglob("*") if p.is_file())
    return blocks * 512 / 2**20


def cpu_seconds(server):
    fields = Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Table:
    """Lines of figures: ours, theirs and how many times better ours is."""

    def __init__(self):
        print(f"{'':44} {'zkfsd':>12} {'Apache':>12} {'ratio':>8}", flush=True)

    def line(self, what, ours, theirs, higher_is_better):
        better = ours / theirs if higher_is_better else theirs / ours
        print(f"{what:44} {ours:12,.1f} {theirs:12,.1f} {better:7.1f}x", flush=True)


def million(server, znodes):
    """Fill, memory, disk, and the time from kill -9 to the first read."""
    figures = {"fill": load(server, "fill", znodes=znodes, conns=8, depth=128)["rate"]}
    figures["memory"] = settled_mib(server)
    figures["disk"] = disk_mib(server)
    server.kill9()
    start = time.monotonic()
    server.start()
    load(server, "get", znodes=znodes, ops=1, conns=1, depth=1)
    figures["restart"] = time.monotonic() - start
    figures["memory after restart"] = anonymous_mib(server)
    return figures


def churn(server, sessions):
    """Sessions opened and closed per second of the server's processor time."""
    before = cpu_seconds(server)
    run_load("proto_session_load", server, "churn", sessions)
    return sessions / (cpu_seconds(server) - before)


def watchers(server, count, rounds):
    return run_load("proto_watch_load", server, "fire", count, rounds)


def held(server, count, program, *args):
    """Bytes of the server's own memory for each of COUNT things that PROGRAM makes and holds."""
    before = anonymous_mib(server)
    command = [BUILD / "bench" / program, str(server.port), *map(str, args)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        if holder.stdout.readline() != b"ready\n":
            sys.exit(f"bench: {server.kind}: {program} {args} does not get there")
        after = anonymous_mib(server)
        holder.stdin.close()
    return (after - before) * 2**20 / count


def large_directory(server, children):
    """A listing of CHILDREN names, in ms."""
    load(server, "fill", znodes=children, fan=children, conns=4, depth=128)
    return load(server, "children", znodes=children, fan=children, conns=1, depth=1,
                ops=20)["p50_us"] / 1000


def large_values(server):
    """get and set of 512 KiB, per second, and the memory that they leave."""
    size = {"znodes": 16, "bytes": 512 * 1024}
    load(server, "fill", conns=1, depth=1, **size)
    sets = load(server, "set", conns=8, depth=4, ops=400, **size)["rate"]
    gets = load(server, "get", conns=8, depth=4, ops=2000, **size)["rate"]
    return gets, sets, anonymous_mib(server)


def idle_sessions(server, count):
    """Bytes of the server's own memory per session that does nothing."""
    return held(server, count, "proto_session_load", "idle", count)


# name, scenario, options, figure, higher is better
THROUGHPUT = [
    ("get 100 B pipelined, per s", "get", {"conns": 8, "depth": 64, "ops": 400_000}, "rate", True),
    ("set 100 B pipelined over 64 conns, per s", "set",
     {"conns": 64, "depth": 32, "ops": 200_000}, "rate", True),
    ("set 100 B of one unpipelined client, us", "set",
     {"conns": 1, "depth": 1, "ops": 3_000}, "p50_us", False),
    ("multi of 10 sets over 64 conns, per s", "multi",
     {"conns": 64, "depth": 4, "ops": 20_000}, "rate", True),
]


class Bench:
    def __init__(self, args, directory):
        self.args, self.directory, self.table = args, directory, Table()

    def servers(self, name, kinds=(Zkfsd, BenchApache)):
        """Fresh servers for one group of figures."""
        config = {"tickTime": "2000", "maxClientCnxns": "0"}
        return [kind(self.directory / f"{name}-{kind.kind}", **config) for kind in kinds]

    def side_by_side(self, name, measure):
        """MEASURE of each server, with both of them running for no longer than it takes."""
        servers = self.servers(name)
        try:
            return [measure(server.start()) for server in servers]
        finally:
            for server in servers:
                server.close()

    def million(self):
        znodes = self.args.znodes
        n = f"{znodes:,} znodes"
        servers = self.servers("million")
        try:
            ours, theirs = (million(server.start(), znodes) for server in servers)
            for what, figure, higher in (
                    ("fill, creates per s", "fill", True),
                    ("resident anonymous memory, MiB", "memory", False),
                    ("disk, MiB", "disk", False),
                    ("kill -9 to first read, s", "restart", False),
                    ("memory after restart, MiB", "memory after restart", False)):
                self.table.line(f"{n}: {what}", ours[figure], theirs[figure], higher)
            print(f"{n}: {ours['memory'] * 2**20 / znodes:.0f} bytes of memory a znode")
            self.throughput(servers, znodes)
        finally:
            for server in servers:
                server.close()

    def throughput(self, servers, znodes):
        for name, scenario, options, figure, higher in THROUGHPUT:
            rounds = [[load(server, scenario, znodes=znodes, **options)[figure]
                       for server in servers] for _ in range(self.args.rounds)]
            self.table.line(name, *(statistics.median(c) for c in zip(*rounds)), higher)

    def sessions(self):
        pair = self.side_by_side("churn", lambda s: churn(s, 20_000))
        self.table.line("sessions opened and closed per CPU second", *pair, True)
        ours, theirs = self.side_by_side("idle", lambda s: idle_sessions(s, self.args.idle))
        self.table.line(f"{self.args.idle:,} idle sessions: bytes each", ours, theirs, False)

    def watches(self):
        ours, theirs = self.side_by_side("watches", lambda s: watchers(s, 5_000, 5))
        self.table.line("5,000 watchers of a znode: writer's answer, ms", ours["answer_ms"],
                        theirs["answer_ms"], False)
        self.table.line("5,000 watchers: until all are told, ms", ours["all_ms"],
                        theirs["all_ms"], False)

        for what, how, conns, each in (
                ("of one connection, 400,000", "hold", 1, 400_000),
                ("of 1,000 connections, 1,000 each", "hold", 1_000, 1_000),
                ("of 1,000 connections on the same 1,000 paths", "share", 1_000, 1_000)):
            ours, theirs = self.side_by_side("held", lambda s: held(
                s, conns * each, "proto_watch_load", how, conns, each))
            self.table.line(f"watches {what}: bytes each", ours, theirs, False)

    def large(self):
        pair = self.side_by_side("children", lambda s: large_directory(s, 100_000))
        self.table.line("getChildren of 100,000, ms", *pair, False)
        ours, theirs = self.side_by_side("values", large_values)
        self.table.line("get of 512 KiB, per s", ours[0], theirs[0], True)
        self.table.line("set of 512 KiB, per s", ours[1], theirs[1], True)
        self.table.line("memory after that, MiB", ours[2], theirs[2], False)


GROUPS = ("million", "sessions", "watches", "large")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("groups", nargs="*", choices=[*GROUPS, []], help="default: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--znodes", type=int, default=MILLION, help="of the fill")
    parser.add_argument("--idle", type=int, default=10_000, help="sessions that do nothing")
    args = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="zkfs-bench-"))
    try:
        bench = Bench(args, directory)
        for group in args.groups or GROUPS:
            getattr(bench, group)()
    finally:
        shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
