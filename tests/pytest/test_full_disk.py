"""A full disk: writes are refused, everything else goes on, nothing acknowledged is lost."""
import os
import subprocess
from contextlib import contextmanager, suppress

import pytest

from harness import wire
from harness.awaiting import eventually
from harness.zkproc import StartFailed

DISK_MIB = 96


@contextmanager
def ext4(directory):
    """A small file system in a file."""
    image, mount = directory / "image", directory / "disk"
    mount.mkdir()
    with open(image, "wb") as file:
        file.truncate(DISK_MIB << 20)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, mount], check=True)
    try:
        yield mount
    finally:
        subprocess.run(["umount", "-l", mount], check=True)


@contextmanager
def tmpfs(directory):
    mount = directory / "disk"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", mount], check=True)
    try:
        yield mount
    finally:
        subprocess.run(["umount", "-l", mount], check=True)


@pytest.fixture(params=[ext4, tmpfs], ids=["ext4", "tmpfs"])
def disk(request, tmp_path):
    with request.param(tmp_path) as mount:
        yield mount


def free_bytes(disk):
    free = os.statvfs(disk)
    return free.f_bavail * free.f_frsize


def fill(disk, leave=0):
    """Somebody else's file takes all space but LEAVE bytes."""
    fd = os.open(disk / "filler", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    size = 0
    while (more := free_bytes(disk) - leave) > 0:
        with suppress(OSError):  # ENOSPC: the server has just taken some; what is left now?
            os.posix_fallocate(fd, size, more)
            size += more
            break
    with suppress(OSError):  # ENOSPC: done
        while not leave:
            os.write(fd, bytes(4096))
    os.close(fd)


def write_until_refused(raw, acknowledged, start):
    """Creates znodes until the server refuses one; notes those it acknowledged."""
    for i in range(start, start + 20_000):
        reply = raw.create(f"/d/{i:05d}", b"%05d" % i * 2000)
        if reply.err != wire.OK:
            assert reply.err == wire.SYSTEMERROR
            return
        acknowledged.append(i)
    raise AssertionError("the disk never got full")


@pytest.fixture
def full(disk, new_zkfsd):
    """A server whose disk is full, and what it acknowledged before."""
    server = new_zkfsd(dataDir=disk / "data", preAllocSize="1024")
    raw = server.session()
    raw.made("/d")
    raw.made("/old", b"old")
    acknowledged = []
    fill(disk)
    write_until_refused(raw, acknowledged, 0)
    return server, raw, acknowledged, disk


def all_there(server, acknowledged):
    raw = server.session()
    assert raw.children("/d") == [f"{i:05d}" for i in acknowledged]
    for i in acknowledged[:3] + acknowledged[-3:]:
        assert raw.data(f"/d/{i:05d}") == b"%05d" % i * 2000


@pytest.mark.sanitized
def test_creates_and_sets_are_refused_and_the_rest_goes_on(full):
    server, raw, acknowledged, _ = full
    assert raw.set_data("/old", b"new").err == wire.SYSTEMERROR
    assert raw.data("/old") == b"old"
    assert raw.ping().err == wire.OK
    assert raw.delete("/old").err == wire.OK
    another = server.session()
    assert another.exists("/old").err == wire.NONODE
    assert another.close_session().err == wire.OK
    all_there(server, acknowledged)


def test_large_acls_do_not_use_up_what_is_held_for_deletes(full):
    _, raw, _, _ = full
    acl = [(wire.ALL, "digest", f"{i}:{'x' * 900}") for i in range(900)]
    for _ in range(8):
        reply = raw.call(wire.SET_ACL, wire.string("/old") + wire.acl_list(acl) + wire.integer(-1))
        assert reply.err == wire.SYSTEMERROR
    assert raw.delete("/old").err == wire.OK


@pytest.mark.sanitized
def test_all_resumes_by_itself_when_space_is_freed(full):
    server, raw, acknowledged, disk = full
    (disk / "filler").unlink()

    def accepted():
        raw.ping()
        return raw.set_data("/old", b"new").err == wire.OK

    eventually(accepted, "writes are accepted again", interval=0.1)
    next_one = acknowledged[-1] + 1 if acknowledged else 0
    assert raw.create(f"/d/{next_one:05d}", b"%05d" % next_one * 2000).err == wire.OK
    acknowledged.append(next_one)
    server.kill9()
    server.start()
    all_there(server, acknowledged)


def test_what_was_acknowledged_survives_a_crash_on_the_full_disk(full):
    server, _, acknowledged, disk = full
    server.kill9()
    try:
        server.start()
    except StartFailed as failed:
        assert failed.status > 0 and "No space left" in failed.log
        (disk / "filler").unlink()
        server.start()
    all_there(server, acknowledged)


def test_a_sigterm_on_the_full_disk_is_clean(full):
    server, _, acknowledged, disk = full
    assert server.stop() == 0
    (disk / "filler").unlink()
    server.start()
    all_there(server, acknowledged)


def test_a_disk_too_small_to_begin_with(disk, new_zkfsd):
    server = new_zkfsd(start=False, dataDir=disk / "data")
    fill(disk, leave=64 << 10)
    with pytest.raises(StartFailed) as failed:
        server.start()
    assert failed.value.status > 0
    assert "No space left" in failed.value.log and str(disk) in failed.value.log
