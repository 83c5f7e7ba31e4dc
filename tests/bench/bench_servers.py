"""zkfsd beside Apache ZooKeeper: speed, memory, and the time from a crash to the first read.

Both run on the same machine with data on the same disk, one after the other, with their usual
durability. The load comes from proto_load, which checks every reply. Figures, not a test: what
counts is the last column.

    bench_servers.py [--znodes N] [--only zkfsd]
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "pytest"))

from harness import zkproc  # noqa: E402: lies beside, not below
from harness.rawclient import ConnectionClosed  # noqa: E402

LOAD = zkproc.BUILD / "bench" / "proto_load"
CONFIG = {"tickTime": "2000", "maxClientCnxns": "0"}

# What is measured on a small tree: scenario, its keys, the figure and its unit.
RUNS = [
    ("get, 8 clients pipeline 64", "get", "conns=8 depth=64 ops=400000", "rate", "/s"),
    ("set, 8 clients pipeline 64", "set", "conns=8 depth=64 ops=100000", "rate", "/s"),
    ("multi of 10 sets, the same", "multi", "conns=8 depth=64 ops=20000", "rate", "/s"),
    ("get, 1 client, one by one", "get", "conns=1 depth=1 ops=20000", "p50_us", "us"),
    ("set, 1 client, one by one", "set", "conns=1 depth=1 ops=1000", "p50_us", "us"),
    ("set, 64 clients, one by one", "set", "conns=64 depth=1 ops=50000", "rate", "/s"),
]
SMALL_TREE = 10000


class Apache(zkproc.Apache):
    """As its package runs it, with a heap that a million znodes fit into."""

    def command(self):
        small = ("-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
        command = [word for word in super().command() if word not in small]
        return [command[0], "-Xmx2g", *command[1:]]


def load(server, scenario, keys):
    """Runs proto_load and gives its figures by name."""
    command = [LOAD, str(server.port), scenario, *keys.split()]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"{server.kind}: {' '.join(map(str, command))}: {result.stderr}")
    return {key: float(value) for key, value in re.findall(r"(\w+)=([\d.]+)", result.stdout)}


def anonymous_mib(server):
    status = Path(f"/proc/{server.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) / 1024


def read_one(server):
    """Whether a client gets an answer about a znode of the tree."""
    try:
        client = server.raw(deadline=60)
        client.connect()
        return client.get_data("/bench/dir0000000/node0000000").err == 0
    except (OSError, ConnectionClosed):
        return False


def crash_to_read_s(server):
    server.close_clients()
    server.kill9()
    began = time.monotonic()
    server.start()
    while not read_one(server):
        time.sleep(0.002)
    return time.monotonic() - began


def measure_small(server, _):
    """Gives [(what, value, unit)], as measure_large."""
    figures = []
    load(server, "fill", f"znodes={SMALL_TREE} conns=8 depth=64")
    for _ in range(2):  # let a virtual machine compile what it will need
        load(server, "get", f"znodes={SMALL_TREE} ops=100000")
        load(server, "set", f"znodes={SMALL_TREE} ops=20000")
    for what, scenario, keys, figure, unit in RUNS:
        value = load(server, scenario, f"{keys} znodes={SMALL_TREE}")[figure]
        figures.append((what, value, unit))
    return figures


def measure_large(server, znodes):
    figures = []
    filled = load(server, "fill", f"znodes={znodes} bytes=100 conns=8 depth=64")
    figures.append((f"creating {znodes} znodes", filled["rate"], "/s"))
    figures.append((f"memory of {znodes} znodes", anonymous_mib(server), "MiB"))
    figures.append(("kill -9 to first read", crash_to_read_s(server), "s"))
    figures.append(("memory after that", anonymous_mib(server), "MiB"))
    return figures


def run_on(maker, directory, znodes):
    figures = []
    for part, name in ((measure_small, "small"), (measure_large, "large")):
        server = maker(directory / name, **CONFIG)
        try:
            server.start()
            figures += part(server, znodes)
        finally:
            server.close()
            shutil.rmtree(directory / name, ignore_errors=True)
    return figures


def shown(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def print_table(results):
    kinds = list(results)
    print(f"{'':32}" + "".join(f"{kind:>14}" for kind in kinds) + "   ours is")
    for row in zip(*results.values()):
        what, _, unit = row[0]
        line = f"{what:32}" + "".join(f"{shown(value) + ' ' + unit:>14}" for _, value, _ in row)
        if len(row) == 2:
            ours, theirs = row[0][1], row[1][1]
            factor = ours / theirs if unit == "/s" else theirs / ours
            line += f"   {factor:.1f} times as good"
        print(line)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--znodes", type=int, default=1000000, help="of the large tree")
    parser.add_argument("--only", choices=["zkfsd", "apache"])
    args = parser.parse_args()
    makers = {"zkfsd": zkproc.Zkfsd, "apache": Apache}
    # On the disk of the build, not in /tmp, which may be memory: fsync shall cost what it costs.
    directory = Path(tempfile.mkdtemp(prefix="bench-", dir=zkproc.BUILD))
    try:
        results = {kind: run_on(maker, directory / kind, args.znodes)
                   for kind, maker in makers.items() if args.only in (None, kind)}
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print(f"{os.cpu_count()} processors, data on the file system of {zkproc.BUILD}")
    print_table(results)


if __name__ == "__main__":
    main()
