"""Our zkcli, as scripts call it: what it prints and its exit status, on both servers."""
import base64
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from harness.zkproc import BUILD
from test_zkcli import JVM, SCRIPT, STAT


@pytest.fixture
def zkcli(server):
    """Runs one command; gives its exit status, standard output and standard error."""

    def run(*words, hosts=server.hosts, **options):
        options.setdefault("input", "")
        result = subprocess.run([BUILD / "zkcli", "-server", hosts, *words], text=True,
                                capture_output=True, timeout=120, check=False, **options)
        return result.returncode, result.stdout, result.stderr

    return run


@pytest.fixture
def script(zkcli):
    """Runs lines typed in; gives exit status, standard output and standard error."""

    def run(*lines, **options):
        return zkcli(input="".join(f"{line}\n" for line in lines), **options)

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
    # All children of a znode, then what is below each of them.
    expected = [path + name for name in ("", "/a", "/a-b", "/b", "/a/x", "/a/x/y")]
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
    assert zkcli("delete", "/zookeeper") == (1, "", "Arguments are not valid : /zookeeper\n")
    assert zkcli("reconfig", "-remove", "3") == (
        1, "", "KeeperErrorCode = Reconfig is disabled\n")
    assert zkcli("removewatches", path) == (
        1, "", f"KeeperErrorCode = No such watcher for {path}\n")
    assert zkcli("addauth", "foo", "bar") == (1, "", "KeeperErrorCode = AuthFailed\n")


@pytest.mark.parametrize("words", [
    ("ls",), ("ls", "-x", "/"), ("ls", "nope"), ("ls", "/a/"), ("get", "/..", "b"),
    ("set", "-v", "abc", "/", "x"), ("set", "/", "x", "y"), ("set", "-v"), ("setAcl", "/", "bad"),
    ("create", "-c", "-e", "/x"), ("create", "-t", "5", "-e", "/x"), ("-nonsense", "ls", "/"),
    ("create", "-t", "x", "/x"), ("get", "-b", "-x", "/"), ("set", "-b", "/", "Zg="),
    ("deleteall", "-b", "0", "/x"), ("addWatch", "-m", "ONCE", "/"), ("removewatches", "-c", "-d", "/"),
    ("setquota", "/x"), ("setquota", "-n", "0", "/x"), ("setquota", "-n", "1", "-b", "1", "/x"),
    ("setquota", "-n", "1", "/"), ("setquota", "-n", "1", "/zookeeper/quota"), ("reconfig",),
    ("reconfig", "-members", "a", "-add", "b"), ("reconfig", "-file", "/nonesuch"), ("redo", "0"),
    ("connect", "host:port"),
])
def test_what_it_refuses_itself(zkcli, words):
    status, out, errors = zkcli(*words)
    assert (status, out) == (1, "")
    assert errors


def test_a_command_that_does_not_exist_has_the_shells_status(zkcli):
    status, out, errors = zkcli("foo", "bar")
    assert (status, out) == (127, "")
    assert errors.endswith("Command not found: Command not found foo\n")
    assert "\tremovewatches path" in errors


def test_data_that_is_no_text(zkcli, path):
    data = bytes(range(256))
    zkcli("create", path)
    assert zkcli("set", "-b", path, base64.b64encode(data).decode()) == (0, "", "")
    assert zkcli("get", "-b", path) == (0, base64.b64encode(data).decode() + "\n", "")
    _, out, _ = zkcli("get", "-x", path)
    assert out.splitlines()[3] == (
        "|00000000| 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f |................|")
    assert len(out.splitlines()) == 3 + 16 + 1


# Scripts

SAME = """create @ 'two words'
get -s @
get "@"
create @/b ""
get @/b
create -s @/s- 1
create -e @/e x
create @/e/x
create @/none/x
create @/acl x ip:127.0.0.1:cdrwa
getAcl -s @/acl
setAcl -s @/acl world:anyone:r
setAcl -v 5 @/acl world:anyone:r
set @/acl x
ls @
ls -sw @
create @/w
ls -R @
stat -w @/w
set @/w x
get -w @/w
addWatch -m PERSISTENT @/w
removewatches @/w
addWatch -m PERSISTENT_RECURSIVE @/b
create @/b/c
delete -v 7 @/b/c
delete @/b
removewatches -a @/b
removewatches @/b
sync @
getEphemerals
getEphemerals @/x
getAllChildrenNumber @
whoami
config
config -c
reconfig -add server.5=localhost:1:2;3
set -s @ "x y"
ls bad
ls @/
stat
printwatches
setquota -n 10 @
setquota -n 10 @
setquota -B 1000 @
listquota @
get /zookeeper/quota@/zookeeper_limits
setquota -n 10 @/b
setquota -n 10 @/none
setquota -N 0 @
delquota -n @
listquota @
delquota @
delquota @
listquota @
history
redo 2
deleteall @
get @
foo
close
ls /
connect
ls @
printwatches off
get @
"""


def normal(text, path):
    """TEXT without what differs between two runs or two clients by intention."""
    text = re.sub(r"WatchedEvent state:\w+ type:None path:null\n", "", text)
    text = re.sub(r"(path:\S+) zxid: \d+", r"\1", text)
    text = re.sub(r"= 0x[1-9a-f][0-9a-f]*|(?<=time = ).*", "=", text)
    return text.replace(path, "@")


def lines_of(text):
    """The lines that are no events, and the events: a client prints these from a thread of its own."""
    noise = r"Connecting|Welcome|JLine|SLF4J|\t|ZooKeeper -server|usage: |WATCHER|$"
    lines = [line for line in text.splitlines() if not re.match(noise, line)]
    return ([line for line in lines if not line.startswith("WatchedEvent")],
            [line for line in lines if line.startswith("WatchedEvent")])


def test_a_script_prints_what_zkcli_sh_prints(server, path):
    results = []
    for argv, mine in (([SCRIPT], path + "a"), ([BUILD / "zkcli"], path + "b")):
        result = subprocess.run([*argv, "-server", server.hosts], input=SAME.replace("@", mine),
                                text=True, capture_output=True, timeout=240, check=False,
                                env={"PATH": "/usr/bin:/bin", "JVMFLAGS": JVM, "TZ": "UTC"})
        results.append((result.returncode, *lines_of(normal(result.stdout, mine)),
                        lines_of(normal(result.stderr, mine))[0]))
    (theirs_status, theirs_out, theirs_events, theirs_errors), (status, out, events, errors) = results
    failures = ["Quota does not exist for @", "Not connected"]  # on standard output, there
    assert out == [line for line in theirs_out if line not in failures]
    assert events == theirs_events
    assert [line for line in errors if line not in failures] == theirs_errors
    assert [line for line in errors if line in failures] == failures
    assert (status, theirs_status) == (1, 1)


def test_the_status_of_a_script_is_that_of_its_last_command(script, path):
    assert script() == (0, "", "")
    assert script("", "   ") == (0, "", "")
    assert script(f"get {path}", "ls /zookeeper")[::2] == (0, f"Node does not exist: {path}\n")
    assert script("ls /zookeeper", f"get {path}") == (
        1, "[config, quota]\n", f"Node does not exist: {path}\n")
    assert script(f"get {path}", "quit", "ls /") == (1, "", f"Node does not exist: {path}\n")
    assert script("foo", "exit")[0] == 127
    assert script("ls /zookeeper", "ls '/")[0] == 1


def test_a_last_line_needs_no_end(zkcli):
    assert zkcli(input="ls /zookeeper\nls /zookeeper/quota") == (0, "[config, quota]\n[]\n", "")


def test_lines_that_are_no_commands_are_refused(zkcli):
    status, out, errors = zkcli(input="ls /zookeeper\nls\0 /\nls /\n")
    assert (status, out) == (1, "[config, quota]\n")
    assert errors.startswith("standard input: ")
    assert zkcli(input=f"set / {'x' * (2 << 20)}\n")[0] == 1


def test_an_ephemeral_lives_as_long_as_the_script(script, path):
    assert script(f"create -e {path}", f"get {path}", "getEphemerals") == (
        0, f"null\n[{path}]\n", f"Created {path}\n")
    assert script(f"get {path}")[0] == 1


def test_history_and_redo(script):
    assert script("ls /zookeeper", "redo 0", "history", "redo 3", "redo 7")[:2] == (
        1, "[config, quota]\n" * 2 + "0 - ls /zookeeper\n1 - ls /zookeeper\n2 - history\n")
    assert script("'redo' 0", "'redo' 0", " redo 1") == (
        1, "", "Command index out of range\n" + "No redoing redos\n" * 2)
    status, out, errors = script(*["printwatches"] * 20, "history", "redo 19", "redo x")
    assert status == 1
    assert [line.split(" - ")[0] for line in out.splitlines()[20:31]] == [
        str(number) for number in range(10, 21)]
    assert errors == "Not a number: x\n"


def test_credentials_last_for_the_session(script, path):
    status, out, errors = script("addauth digest bob:pw", f"create {path} v auth::cdrwa",
                                 f"getAcl {path}", "whoami")
    assert (status, errors) == (0, f"Created {path}\n")
    assert out.startswith("'digest,'bob:") and "\n: cdrwa\n" in out
    assert sorted(out.splitlines()[2:]) == ["Auth scheme: User", "digest: bob", "ip: 127.0.0.1"]
    assert script(f"get {path}") == (1, "", f"Insufficient permission : {path}\n")


class Talk:
    """A script whose end is open: a line at a time."""

    def __init__(self, server, *words):
        self.popen = subprocess.Popen([BUILD / "zkcli", "-server", server.hosts, *words],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, line):
        self.popen.stdin.write(f"{line}\n")
        self.popen.stdin.flush()

    def hear(self, lines):
        return "".join(self.popen.stdout.readline() for _ in range(lines))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.popen.stdin.close()
        self.popen.stdout.close()
        if self.popen.wait(60) < 0:
            raise AssertionError(f"zkcli died: {self.popen.returncode}")


def test_events_are_printed_while_the_next_command_is_awaited(server, path):
    client = server.client()
    client.create(path, b"v")
    with Talk(server) as talk:
        talk.say(f"get -w {path}")
        assert talk.hear(1) == "v\n"
        client.set(path, b"w")
        event = talk.hear(4)
        assert re.fullmatch(
            rf"\nWATCHER::\n\nWatchedEvent state:SyncConnected type:NodeDataChanged path:{path}"
            r"( zxid: \d+)?\n", event), event


def test_the_session_outlives_its_server(new_zkfsd):
    server = new_zkfsd()
    with Talk(server) as talk:
        talk.say("create -e /e")
        talk.say("get -w /e")
        assert talk.hear(1) == "null\n"
        server.restart()
        expected = ""
        for state in ("Disconnected", "SyncConnected"):
            expected += f"\nWATCHER::\n\nWatchedEvent state:{state} type:None path:null\n"
        assert talk.hear(8) == expected
        talk.say("getEphemerals")
        assert talk.hear(1) == "[/e]\n"


def test_without_its_server_a_session_is_given_up(new_server):
    server = new_server()
    with Talk(server, "-timeout", "2000") as talk:
        talk.say("ls /zookeeper")
        assert talk.hear(1) == "[config, quota]\n"
        server.kill9()
        assert "Disconnected" in talk.hear(4)
        talk.say("ls /")
        assert "Expired" in talk.hear(4)
        talk.popen.stdin.close()
        assert talk.popen.wait(60) == 1


def test_it_does_not_touch_the_mode_of_its_standard_input(server):
    reader, writer = os.pipe()
    with os.fdopen(reader) as stdin, os.fdopen(writer, "w") as out:
        with subprocess.Popen([BUILD / "zkcli", "-server", server.hosts], stdin=stdin,
                              stdout=subprocess.PIPE, text=True) as popen:
            out.write("ls /zookeeper\n")
            out.flush()
            assert popen.stdout.readline() == "[config, quota]\n"
            assert os.get_blocking(reader)
            popen.send_signal(signal.SIGTERM)


def test_a_chroot_is_the_root_of_all_paths(zkcli, server, path):
    zkcli("create", path)
    zkcli("create", f"{path}/a", "v")
    hosts = server.hosts + path
    assert zkcli("ls", "/", hosts=hosts) == (0, "[a]\n", "")
    assert zkcli("create", "-s", "/s-", hosts=hosts) == (0, "", "Created /s-0000000001\n")
    assert zkcli("ls", "-R", "/", hosts=hosts) == (0, "/\n/a\n/s-0000000001\n", "")
    assert zkcli("config", hosts=hosts)[0] == 0
    assert zkcli("setquota", "-n", "5", "/a", hosts=hosts)[0] == 1
    assert zkcli(input="create -e /e\ngetEphemerals\n", hosts=hosts) == (
        0, "[/e]\n", "Created /e\n")


def test_output_that_cannot_be_written_is_a_failure(zkcli, server):
    with open("/dev/full", "w", encoding="ascii") as full:
        result = subprocess.run([BUILD / "zkcli", "-server", server.hosts, "ls", "/"], stdout=full,
                                stderr=subprocess.PIPE, text=True, timeout=120, check=False)
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
    assert time.monotonic() - begin < 20


def test_the_dead_server_of_a_list_is_passed_over(zkcli, server):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        hosts = f"127.0.0.1:{taken.getsockname()[1]},{server.hosts}"
        for _ in range(4):  # whichever is tried first
            assert zkcli("stat", "/", hosts=hosts)[0] == 0
