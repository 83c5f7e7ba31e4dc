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


def load(server, scenario, **options):
    """Runs proto_load and gives its figures as a dict of floats."""
    command = [BUILD / "bench" / "proto_load", str(server.port), scenario]
    command += [f"{key}={value}" for key, value in options.items()]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"bench: {server.kind}: {scenario}: {run.stderr.strip()}")
    return {key: float(value) for key, value in re.findall(r"(\w+)=([\d.]+)", run.stdout)}


def anonymous_mib(server):
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) / 1024


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
    figures["memory"] = anonymous_mib(server)
    figures["disk"] = disk_mib(server)
    server.kill9()
    start = time.monotonic()
    server.start()
    load(server, "get", znodes=znodes, ops=1, conns=1, depth=1)
    figures["restart"] = time.monotonic() - start
    figures["memory after restart"] = anonymous_mib(server)
    return figures


# name, scenario, options, figure, higher is better
THROUGHPUT = [
    ("get 100 B pipelined, per s", "get", {"conns": 8, "depth": 64, "ops": 400_000}, "rate", True),
    ("set 100 B pipelined over 64 conns, per s", "set",
     {"conns": 64, "depth": 32, "ops": 200_000}, "rate", True),
    ("set 100 B of one unpipelined client, us", "set",
     {"conns": 1, "depth": 1, "ops": 3_000}, "p50_us", False),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--znodes", type=int, default=MILLION, help="of the fill")
    args = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="zkfs-bench-"))
    config = {"tickTime": "2000", "maxClientCnxns": "0"}
    servers = [Zkfsd(directory / "zkfsd", **config), BenchApache(directory / "apache", **config)]
    try:
        for server in servers:
            server.start()
        table = Table()
        ours, theirs = (million(server, args.znodes) for server in servers)
        n = f"{args.znodes:,} znodes"
        table.line(f"{n}: fill, creates per s", ours["fill"], theirs["fill"], True)
        table.line(f"{n}: resident anonymous memory, MiB", ours["memory"], theirs["memory"], False)
        table.line(f"{n}: the same per znode, bytes", ours["memory"] * 2**20 / args.znodes,
                   theirs["memory"] * 2**20 / args.znodes, False)
        table.line(f"{n}: disk, MiB", ours["disk"], theirs["disk"], False)
        table.line(f"{n}: kill -9 to first read, s", ours["restart"], theirs["restart"], False)
        table.line(f"{n}: memory after restart, MiB", ours["memory after restart"],
                   theirs["memory after restart"], False)
        for name, scenario, options, figure, higher in THROUGHPUT:
            rounds = [[load(server, scenario, znodes=args.znodes, **options)[figure]
                       for server in servers] for _ in range(args.rounds)]
            table.line(name, *(statistics.median(column) for column in zip(*rounds)), higher)
    finally:
        for server in servers:
            server.close()
        shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
