"""Our zkcli, as scripts call it: what it prints and its exit status, on both servers."""
import re
import socket
import subprocess
import time

import pytest

from harness.zkproc import BUILD
from test_zkcli import STAT


@pytest.fixture
def zkcli(server):
    """Runs one command; gives its exit status, standard output and standard error."""

    def run(*words, hosts=server.hosts, **options):
        result = subprocess.run([BUILD / "zkcli", "-server", hosts, *words], text=True,
                                capture_output=True, timeout=30, check=False, **options)
        return result.returncode, result.stdout, result.stderr

    return run


def test_a_znodes_life(zkcli, path):
    assert zkcli("create", path, "hello") == (0, "", f"Created {path}\n")
    assert zkcli("get", path) == (0, "hello\n", "")
    assert zkcli("set", path, "two words") == (0, "", "")
    assert zkcli("get", path) == (0, "two words\n", "")
    assert zkcli("create", f"{path}/null") == (0, "", f"Created {path}/null\n")
    assert zkcli("get", f"{path}/null") == (0, "null\n", "")
    assert zkcli("create", "-s", f"{path}/s-", "x") == (0, "", f"Created {path}/s-0000000001\n")
    assert zkcli("ls", path) == (0, "[null, s-0000000001]\n", "")
    assert zkcli("delete", f"{path}/null") == (0, "", "")
    assert zkcli("delete", f"{path}/s-0000000001") == (0, "", "")
    status, out, errors = zkcli("stat", path)
    assert (status, errors) == (0, "")
    assert re.fullmatch(STAT, out).groups() == ("4", "1", "0", "0x0", "9", "0")
    assert zkcli("delete", "-v", "1", path) == (0, "", "")


def test_an_ephemeral_is_gone_when_the_command_is_done(zkcli, path):
    assert zkcli("create", "-e", path) == (0, "", f"Created {path}\n")
    assert zkcli("stat", path) == (1, "", f"Node does not exist: {path}\n")


def test_a_flag_adds_the_stat(zkcli, path):
    zkcli("create", path, "v")
    for words, first in ((("get", "-s", path), "v\n"), (("ls", "-s", path), r"\[\]\n"),
                         (("getAcl", "-s", path), "'world,'anyone\n: cdrwa\n"),
                         (("set", "-s", path, "w"), "")):
        status, out, errors = zkcli(*words)
        assert (status, errors) == (0, "")
        assert re.fullmatch(first + STAT, out), out


def test_subtrees(zkcli, path):
    for name in ("", "/b", "/a", "/a/x", "/a-b", "/a/x/y"):
        zkcli("create", path + name, "")
    expected = [path + name for name in ("", "/a", "/a/x", "/a/x/y", "/a-b", "/b")]
    assert zkcli("ls", "-R", path) == (0, "".join(f"{line}\n" for line in expected), "")
    assert zkcli("setAcl", "-R", path, "world:anyone:cdra") == (0, "", "")
    assert zkcli("getAcl", f"{path}/a/x/y") == (0, "'world,'anyone\n: cdra\n", "")
    assert zkcli("deleteall", path) == (0, "", "")
    assert zkcli("stat", path) == (1, "", f"Node does not exist: {path}\n")
    assert zkcli("deleteall", path) == (1, "", f"Node does not exist: {path}\n")


def test_what_the_server_refuses(zkcli, path):
    zkcli("create", path)
    zkcli("create", f"{path}/a")
    assert zkcli("create", path) == (1, "", f"Node already exists: {path}\n")
    assert zkcli("delete", path) == (1, "", f"Node not empty: {path}\n")
    assert zkcli("set", "-v", "7", path, "x") == (1, "", f"version No is not valid : {path}\n")
    assert zkcli("get", f"{path}/none") == (1, "", f"Node does not exist: {path}/none\n")
    zkcli("setAcl", f"{path}/a", "world:anyone:r")
    assert zkcli("set", f"{path}/a", "x") == (1, "", f"Insufficient permission : {path}/a\n")
    assert zkcli("setAcl", path, "foo:bar:r") == (1, "", f"Acl is not valid : {path}\n")


@pytest.mark.parametrize("words", [
    (), ("foo",), ("ls",), ("ls", "-x", "/"), ("ls", "nope"), ("ls", "/a/"), ("get", "/..", "b"),
    ("set", "-v", "abc", "/", "x"), ("set", "/", "x", "y"), ("set", "-v"), ("setAcl", "/", "bad"),
    ("create", "-c", "-e", "/x"), ("create", "-t", "5", "-e", "/x"), ("-nonsense", "ls", "/"),
])
def test_what_it_refuses_itself(zkcli, words):
    status, out, errors = zkcli(*words)
    assert (status, out) == (1, "")
    assert errors


def test_a_chroot_is_the_root_of_all_paths(zkcli, server, path):
    zkcli("create", path)
    zkcli("create", f"{path}/a", "v")
    hosts = server.hosts + path
    assert zkcli("ls", "/", hosts=hosts) == (0, "[a]\n", "")
    assert zkcli("create", "-s", "/s-", hosts=hosts) == (0, "", "Created /s-0000000001\n")
    assert zkcli("ls", "-R", "/", hosts=hosts) == (0, "/\n/a\n/s-0000000001\n", "")


def test_output_that_cannot_be_written_is_a_failure(zkcli, server):
    with open("/dev/full", "w", encoding="ascii") as full:
        result = subprocess.run([BUILD / "zkcli", "-server", server.hosts, "ls", "/"], stdout=full,
                                stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    assert result.returncode == 1
    assert "No space left" in result.stderr


def test_without_a_server_it_says_so_in_time(zkcli):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        hosts = f"127.0.0.1:{taken.getsockname()[1]}"
        begin = time.monotonic()
        status, out, errors = zkcli("-timeout", "300", "ls", "/", hosts=hosts)
    assert (status, out) == (1, "")
    assert errors == f"Not connected: no server of {hosts} in 300 ms (connection refused)\n"
    assert time.monotonic() - begin < 5


def test_the_dead_server_of_a_list_is_passed_over(zkcli, server):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        hosts = f"127.0.0.1:{taken.getsockname()[1]},{server.hosts}"
        for _ in range(4):  # whichever is tried first
            assert zkcli("stat", "/", hosts=hosts)[0] == 0
