"""Debian's zkCli.sh, scripted: what an operator types."""
import re
import subprocess

import pytest

SCRIPT = "/usr/share/zookeeper/bin/zkCli.sh"
JVM = "-Xmx128m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
STAT = r"""cZxid = 0x[0-9a-f]+
ctime = .*
mZxid = 0x[0-9a-f]+
mtime = .*
pZxid = 0x[0-9a-f]+
cversion = (\d+)
dataVersion = (\d+)
aclVersion = (\d+)
ephemeralOwner = (0x[0-9a-f]+)
dataLength = (\d+)
numChildren = (\d+)
"""


@pytest.fixture
def zkcli(server):
    """Runs zkCli.sh with COMMANDS typed in; gives its standard output and its errors."""

    def run(*commands):
        typed = "\n".join([*commands, "quit", ""])
        result = subprocess.run([SCRIPT, "-server", server.hosts], input=typed, text=True,
                                capture_output=True, timeout=240, check=False,
                                env={"PATH": "/usr/bin:/bin", "JVMFLAGS": JVM})
        lines = [line for line in result.stdout.splitlines(keepends=True)
                 if not re.match(r"Connecting|Welcome|JLine|WATCHER|WatchedEvent|\n", line)]
        errors = [line for line in result.stderr.splitlines() if not line.startswith("SLF4J")]
        return "".join(lines), errors

    return run


def test_an_operators_session(zkcli, path):
    out, errors = zkcli(f"create {path} hello", f"get {path}", f"set {path} world!", f"get {path}",
                        f"create -s {path}/s- x", f"create -e {path}/eph", f"ls {path}",
                        f"get {path}/eph", f"ls -R {path}", f"delete {path}/s-0000000000",
                        f"stat {path}")
    expected = (r"hello\nworld!\n\[eph, s-0000000000\]\nnull\n"
                rf"{path}\n{path}/eph\n{path}/s-0000000000\n")
    match = re.fullmatch(expected + STAT, out)
    assert match, out
    assert match.groups() == ("3", "1", "0", "0x0", "6", "1")
    assert errors == [f"Created {path}", f"Created {path}/s-0000000000", f"Created {path}/eph"]


def test_an_operators_mistakes(zkcli, path):
    out, errors = zkcli(f"create {path}", f"create {path}", f"create {path}/a", f"delete {path}",
                        f"get {path}/none", f"set -v 7 {path} x", f"delete -v 3 {path}/a",
                        f"create {path}/none/x", f"delete {path}/a", f"delete {path}")
    assert out == ""
    assert errors == [
        f"Created {path}", f"Node already exists: {path}", f"Created {path}/a",
        f"Node not empty: {path}", f"Node does not exist: {path}/none",
        f"version No is not valid : {path}", f"version No is not valid : {path}/a",
        f"Node does not exist: {path}/none/x"]


def test_acls_and_a_watch(zkcli, path):
    out, errors = zkcli(f"create {path} v", f"getAcl {path}", f"setAcl {path} world:anyone:r",
                        f"getAcl {path}", f"set {path} x", f"sync {path}")
    assert out == "'world,'anyone\n: cdrwa\n'world,'anyone\n: r\nSync is OK\n"
    assert errors == [f"Created {path}", f"Insufficient permission : {path}"]
