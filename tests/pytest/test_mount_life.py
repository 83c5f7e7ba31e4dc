"""A mount from beginning to end: options, daemon mode, lost servers, signals, unmounting."""
import os
import select
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from harness import mounts as mounting
from harness import wire
from harness.awaiting import eventually
from harness.proxy import Proxy
from harness.shell import out
from harness.zkproc import StartFailed, reserved_port

pytestmark = pytest.mark.sanitized


@pytest.fixture
def lone(new_server):
    """A server that nobody else uses."""
    return new_server()


def sessions(server):
    return int(server.mntr()["zk_global_sessions"])


# The session's life

@pytest.mark.parametrize("end", ["unmount", "terminate"])
def test_the_end_of_a_mount_ends_its_session_at_once(lone, mounts, end):
    mount = mounts(lone, "session_timeout=60s")
    assert sessions(lone) == 1
    assert getattr(mount, end)() == 0
    eventually(lambda: sessions(lone) == 0, "the session is gone", deadline=50)
    assert not mounting.is_mounted(mount.path)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_unmount(lone, mounts, signum):
    mount = mounts(lone)
    assert mount.process.end(signum) == 0
    assert not mounting.is_mounted(mount.path)
    assert os.listdir(mount.path) == []


def test_a_mount_has_one_session_and_keeps_it(lone, mounts):
    mount = mounts(lone, "session_timeout=2s")
    os.listdir(mount.path)
    before = sessions(lone), lone.ask("srvr")
    time.sleep(3.2)  # idle for longer than the session's timeout
    os.listdir(mount.path)
    assert sessions(lone) == before[0] == 1
    zxid = [line for line in before[1].splitlines() if line.startswith("Zxid")]
    assert zxid[0] in lone.ask("srvr")  # no session was made or ended meanwhile


def test_session_timeout_is_what_the_server_is_asked_for(lone, mounts):
    mount = mounts(lone, "session_timeout=1s")
    mount.process.kill()
    eventually(lambda: sessions(lone) == 0, "the session expires", deadline=8)
    mount = mounts(lone, "session_timeout=60s")
    mount.process.kill()
    time.sleep(2)
    assert sessions(lone) == 1


# Options

def test_uid_gid_and_umask(lone, mounts):
    zk = lone.session()
    zk.made("/d")
    zk.made("/f", b"x")
    mount = mounts(lone, "uid=1234,gid=2345,umask=027")
    for name, mode in (("f", 0o640), ("d", 0o750)):
        status = os.stat(mount / name)
        assert (status.st_uid, status.st_gid) == (1234, 2345)
        assert stat.S_IMODE(status.st_mode) == mode


@pytest.mark.parametrize("options", ["nonsense", "uid=bob", "umask=9", "session_timeout=soon",
                                     "uid=", "gid=-1"])
def test_wrong_options_are_told(lone, mounts, options):
    with pytest.raises(StartFailed) as failed:
        mounts(lone, options)
    assert failed.value.status > 0
    assert options.split("=")[0] in failed.value.log


def run(*args, **options):
    return subprocess.run([mounting.BINARY, *map(str, args)], capture_output=True, text=True,
                          timeout=240, check=False, **options)


def test_usage():
    for args in ([], ["localhost:1"], ["--help"]):
        result = run(*args)
        assert "usage" in (result.stderr + result.stdout).lower()
        assert (result.returncode == 0) == (args == ["--help"])


@pytest.mark.parametrize("source", ["", ":", "host:", "host:99999", "127.0.0.1:x"])
def test_a_source_that_means_nothing(mounts, source):
    result = run(source, mounts.new_directory(), "-f")
    assert result.returncode > 0
    assert "mount.zkfs" in result.stderr


def test_a_directory_that_is_not_there(lone, tmp_path):
    result = run(lone.hosts, tmp_path / "none")
    assert result.returncode > 0
    assert str(tmp_path / "none") in result.stderr


# Daemon mode

def daemons(directory):
    """The pids of the mount programs of DIRECTORY."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as cmdline:
                args = cmdline.read().split(b"\0")
        except OSError:
            continue
        if args[0] == os.fsencode(mounting.BINARY) and os.fsencode(directory) in args:
            found.append(int(pid))
    return found


def test_daemon_mode_returns_when_the_mount_serves(lone, mounts):
    lone.session().made("/f", b"value")
    directory = mounts.new_directory()
    result = run(lone.hosts, directory, "-o", "session_timeout=60s")
    assert (result.returncode, result.stdout) == (0, ""), result
    assert (directory / "f").read_bytes() == b"value"  # at once

    [pid] = daemons(directory)
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert os.getsid(pid) != os.getsid(0)
    assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
    subprocess.run(["umount", directory], check=True)
    eventually(lambda: not daemons(directory), "the daemon ends")
    eventually(lambda: sessions(lone) == 1, "only our own session is left", deadline=50)


def test_a_relative_mount_point_in_daemon_mode(lone, mounts):
    directory = mounts.new_directory()
    result = run(lone.hosts, directory.name, cwd=directory.parent)
    assert result.returncode == 0, result
    assert os.listdir(directory) == ["zookeeper"]


@pytest.mark.parametrize("mode", [[], ["-f"]])
def test_an_unreachable_server_is_told(mounts, mode):
    directory = mounts.new_directory()
    with reserved_port() as reserved:
        port = reserved.getsockname()[1]
        result = run(f"127.0.0.1:{port}", directory, "-o", "session_timeout=2s", *mode)
    assert result.returncode > 0
    assert f"no server answers: 127.0.0.1:{port}: connection refused" in result.stderr
    assert not mounting.is_mounted(directory)
    assert not daemons(directory)


def test_the_second_of_two_servers_will_do(lone, mounts):
    lone.session().made("/f", b"value")
    directory = mounts.new_directory()
    with reserved_port() as dead:
        result = run(f"127.0.0.1:{dead.getsockname()[1]},{lone.hosts}", directory)
    assert result.returncode == 0, result
    assert (directory / "f").read_bytes() == b"value"


def test_mount_8_finds_it(lone, mounts, tmp_path):
    """mount -t zkfs runs /sbin/mount.zkfs with the arguments in mount(8)'s order."""
    directory = mounts.new_directory()
    result = run(lone.hosts, directory, "-o", "rw,uid=7,noatime")
    assert result.returncode == 0, result
    assert os.stat(directory).st_uid == 7


# Servers that go away

def waiting(process):
    """PROCESS has begun and is not done."""
    time.sleep(0.3)
    return process.poll() is None


def start(command, cwd):
    return subprocess.Popen(["bash", "-c", command], cwd=cwd, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def test_a_read_waits_for_the_server_to_come_back(lone, mounts):
    zk = lone.session()
    zk.made("/f", b"value")
    mount = mounts(lone)
    lone.stop()
    reader = start("cat f", mount.path)
    assert waiting(reader)
    lone.start()
    assert reader.communicate(timeout=120) == ("value", "")
    assert reader.returncode == 0
    assert out("echo new > f; cat f", mount.path) == "new\n"


def test_a_write_waits_for_the_server_to_come_back(lone, mounts):
    mount = mounts(lone)
    lone.kill9()
    writer = start("echo x > f", mount.path)
    assert waiting(writer)
    lone.start()
    assert writer.communicate(timeout=120) == ("", "")
    assert writer.returncode == 0
    zk = lone.session()
    assert zk.data("/f") == b"x\n"
    assert zk.stat("/f").version <= 1  # 1 where 50 ms went by between open and write


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL])
def test_waiting_calls_can_be_interrupted(lone, mounts, signum):
    lone.session().made("/f", b"value")
    mount = mounts(lone)
    lone.kill9()
    waiters = [subprocess.Popen(["bash", "-c", command], cwd=mount.path, start_new_session=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
               for command in ("cat f", "ls", "echo x > new", "stat none", "rm f")]
    assert all([waiting(waiter) for waiter in waiters])
    # All, then wait: some of them wait in the kernel for the directory, which another one holds.
    for waiter in waiters:
        os.killpg(waiter.pid, signum)
    assert all([waiter.wait(60) != 0 for waiter in waiters])
    lone.start()
    assert out("cat f", mount.path) == "value"
    assert sorted(os.listdir(mount.path)) == ["f", "zookeeper"]


def test_the_session_survives_a_restart_of_the_server(lone, mounts):
    mount = mounts(lone, "session_timeout=10s")
    lone.restart()
    assert os.listdir(mount.path) == ["zookeeper"]
    assert sessions(lone) == 1
    for i in range(3):
        lone.kill9()
        lone.start()
        assert out(f"echo {i} > f; cat f", mount.path) == f"{i}\n"


def test_unmounting_without_a_server_does_not_hang(lone, mounts):
    mount = mounts(lone)
    lone.kill9()
    start_time = time.monotonic()
    subprocess.run(["umount", mount.path], check=True, timeout=120)
    mount.process.popen.wait(120)
    assert time.monotonic() - start_time < 8


def test_sigterm_without_a_server_does_not_hang(lone, mounts):
    mount = mounts(lone)
    lone.kill9()
    start_time = time.monotonic()
    mount.terminate()
    assert time.monotonic() - start_time < 8
    assert not mounting.is_mounted(mount.path)


def bytes_read(mount):
    with open(f"/proc/{mount.process.popen.pid}/io", encoding="utf-8") as file:
        return int(file.readline().split()[1])


def test_more_writers_than_memory_wait_for_the_server_to_come_back(lone, mounts):
    """70 values of almost 1 MiB are more than the requests of a session may take."""
    count, value = 70, "dd if=/dev/zero bs=1000000 count=1 status=none"
    mount = mounts(lone)
    opened = mount.log_path.with_suffix(".opened")
    script = start(f"for i in $(seq {count}); do {{ echo >&2; until [ -e {opened}.go ]; do "
                   f"sleep 0.1; done; {value}; }} >f$i 2>>{opened} || echo $i & done; wait",
                   mount.path)
    eventually(lambda: opened.exists() and opened.stat().st_size == count, "all are open")
    zk = lone.session()
    eventually(lambda: len(zk.children("/")) == count + 1, "all are made")
    lone.kill9()
    before = bytes_read(mount)
    Path(f"{opened}.go").touch()
    eventually(lambda: bytes_read(mount) >= before + count * 1000000,
               "the mount has all their writes")
    lone.start()
    assert script.communicate(timeout=240) == ("", "")
    assert opened.stat().st_size == count, opened.read_text()
    zk = lone.session()
    assert [zk.stat(f"/f{i + 1}").dataLength for i in range(count)] == [1000000] * count


def test_unmounting_while_a_lookup_waits_for_a_new_file(lone, mounts):
    """A file that nobody has written yet is made after 50 ms; who looks for it waits so long."""
    for i in range(5):
        proxy = Proxy(lone.port)
        mount = mounts(proxy)
        script = subprocess.Popen(["/usr/bin/python3", "-c", NEW_AND_LOOKED_FOR], cwd=mount.path,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert script.stdout.readline() == b"looking\n"
        proxy.cut()
        mount.process.popen.send_signal(signal.SIGTERM)
        assert mount.process.popen.wait(120) == 0, mount.log_text()
        script.communicate(timeout=120)
        proxy.close()


NEW_AND_LOOKED_FOR = """
import os, threading
fd = os.open("new", os.O_CREAT | os.O_WRONLY)
threading.Thread(target=lambda: os.path.exists("new")).start()
print("looking", flush=True)
"""


def test_an_expired_session_is_told_in_the_log_and_does_not_hang(lone, mounts):
    """A daemon that was stopped for too long: its session is gone."""
    zk = lone.session()
    zk.made("/f", b"value")
    mount = mounts(lone, "session_timeout=1s")
    mount.process.popen.send_signal(signal.SIGSTOP)
    eventually(lambda: zk.ping() and sessions(lone) == 1, "the session expires", deadline=8)
    mount.process.popen.send_signal(signal.SIGCONT)
    result = subprocess.run(["cat", mount / "f"], capture_output=True, timeout=120, check=False)
    assert result.stdout == b"value" or b"Input/output error" in result.stderr
    eventually(lambda: "expired" in mount.log_text(), "the log tells of the expiry")


def test_a_burst_of_parallel_users(lone, mounts):
    mount = mounts(lone)
    os.mkdir(mount / "d")
    workers = [start(f"for i in $(seq 30); do echo $i > d/{n}; cat d/{n} >/dev/null; "
                     f"ls d >/dev/null; done", mount.path) for n in range(8)]
    for worker in workers:
        assert worker.communicate(timeout=240) == ("", "")
        assert worker.returncode == 0
    zk = lone.session()
    # 30 where 50 ms went by between open and the first write: the file was made without it.
    assert {zk.stat(f"/d/{n}").version for n in range(8)} <= {29, 30}
    assert [zk.data(f"/d/{n}") for n in range(8)] == [b"30\n"] * 8
    assert wire.OK == zk.ping().err


def test_a_child_that_inherits_a_descriptor_does_not_wait_for_its_writer(lone, mounts):
    """Its end is a FLUSH by somebody who did not open the file: that commits nothing, so it has
    nothing to wait for. (Else a program that starts the server would wait for the server.)"""
    mount = mounts(lone)
    gone = mount.log_path.with_suffix(".gone")  # with it, even an open would wait
    script = start(f"exec 3>f; echo opened; until [ -e {gone} ]; do sleep 0.02; done; "
                   "echo x >&3 & sleep 0.3; echo survived; wait", mount.path)
    assert script.stdout.readline() == "opened\n"
    zk = lone.session()
    eventually(lambda: zk.exists("/f").err == wire.OK, "f is made")
    lone.kill9()
    gone.touch()
    try:
        readable, _, _ = select.select([script.stdout], [], [], 60)
        assert readable, "sleep(1) does not come back"
        assert script.stdout.readline() == "survived\n"
    finally:
        lone.start()
        script.communicate(timeout=120)
    assert script.returncode == 0
    assert out("cat f", mount.path) == "x\n"
