"""What keeps zkfsd from starting: each gets a clear message, and nothing is lost."""
import re
import socket
import subprocess

import pytest

from harness import damage, wire
from harness.awaiting import eventually
from harness.zkproc import SANITIZED, StartFailed

pytestmark = pytest.mark.sanitized

VALUE = 60  # repetitions: long enough for several segments of 64 KiB


def refused(server):
    """Starts SERVER, which has to refuse; gives what it says."""
    with pytest.raises(StartFailed) as failed:
        server.start()
    assert failed.value.status > 0, f"killed by a signal: {failed.value}"
    return failed.value.log


def test_a_port_in_use(new_zkfsd):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        log = refused(new_zkfsd(start=False, port=port))
        assert str(port) in log and "in use" in log


def test_a_second_server_on_one_directory(new_zkfsd):
    first = new_zkfsd()
    first.session().made("/x", b"1")
    log = refused(new_zkfsd(start=False, dataDir=first.datadir))
    assert str(first.datadir) in log and str(first.pid) in log
    assert first.session().data("/x") == b"1"
    first.restart()
    assert first.session().data("/x") == b"1"


def test_a_data_directory_that_cannot_be_made(new_zkfsd, tmp_path):
    server = new_zkfsd(start=False)
    file = tmp_path / "file"
    file.write_text("in the way")
    server.datadir = file / "data"
    assert str(file) in refused(server)


@pytest.fixture
def bound_read_only(tmp_path):
    """A read-only view of a directory, as of a disk that the kernel gave up on."""
    views = []

    def make(directory):
        view = tmp_path / "view"
        view.mkdir()
        subprocess.run(["mount", "--bind", directory, view], check=True)
        views.append(view)
        subprocess.run(["mount", "-o", "remount,bind,ro", view], check=True)
        return view

    yield make
    for view in views:
        subprocess.run(["umount", "-l", view], check=True)


def test_a_read_only_data_directory(new_zkfsd, bound_read_only):
    server = new_zkfsd()
    server.session().made("/x", b"1")
    server.stop()
    there = server.datadir
    server.datadir = bound_read_only(there)
    log = refused(server)
    assert str(server.datadir) in log and "Read-only file system" in log
    server.datadir = there
    server.start()
    assert server.session().data("/x") == b"1"


# Damage on disk. A standalone server has nobody to ask for what is lost, so it must refuse.

@pytest.fixture
def written(new_zkfsd):
    """A server killed after 400 creates, with checkpoints on the way when snapCount says so."""

    def make(**config):
        # A segment takes the longest request twice, so small segments want short requests.
        server = new_zkfsd(preAllocSize="64", jute_maxbuffer="16384", **config)
        raw = server.session()
        raw.made("/d")
        for i in range(400):
            raw.made(f"/d/{i:03d}", b"value %d" % i * VALUE)
        return server

    return make


def intact(server, count=400):
    raw = server.session()
    names = raw.children("/d")
    assert names == [f"{i:03d}" for i in range(count)]
    return all(raw.data(f"/d/{i:03d}") == b"value %d" % i * VALUE for i in range(count))


def test_damage_in_the_middle_of_the_log_is_named(written):
    server = written()
    server.kill9()
    log = damage.used_logs(server)[0]
    for at in (0.3, 0.5):
        with damage.flipped(log, int(damage.used_bytes(log) * at)):
            assert log.name in refused(server)
    server.start()  # the damage undone, everything is there
    assert intact(server)


def test_a_torn_tail_of_the_log_is_cut(written):
    server = written()
    server.kill9()
    log = damage.used_logs(server)[-1]
    damage.zero(log, damage.used_bytes(log) - 30)
    server.start()
    assert intact(server, 399)
    raw = server.session()
    raw.made("/d/399", b"value 399" * VALUE)
    server.kill9()
    server.start()
    assert intact(server)


def test_a_log_that_ends_early_is_told_or_cut_at_a_whole_batch(written):
    server = written()
    server.kill9()
    log = damage.used_logs(server)[-1]
    with open(log, "r+b") as file:
        file.truncate(damage.used_bytes(log) * 2 // 3)
    try:
        server.start()
    except StartFailed as failed:
        assert failed.status > 0 and log.name in failed.log
        return
    names = server.session().children("/d")
    assert names == [f"{i:03d}" for i in range(len(names))]


def test_a_missing_segment_of_the_log_is_noticed(written):
    server = written()
    server.kill9()
    logs = damage.used_logs(server)
    assert len(logs) > 1, "the test needs several segments"
    moved = server.directory / "moved"
    logs[len(logs) // 2].rename(moved)
    log = refused(server)
    assert "txnlog" in log
    moved.rename(logs[len(logs) // 2])
    server.start()
    assert intact(server)


def test_a_damaged_meta_file_is_named(written):
    server = written()
    server.kill9()
    meta = server.datadir / "zkfs" / "meta"
    for at in range(0, damage.used_bytes(meta), 7):
        with damage.flipped(meta, at):
            assert "meta" in refused(server)
    server.start()
    assert intact(server)


def checkpointed(written):
    """A killed server with a checkpoint of most of its state; gives it and the LMDB file."""
    server = written(snapCount="100")
    raw = server.session()

    def file():
        files = list((server.datadir / "zkfs").glob("checkpoint-*/*.mdb"))
        return max(files, key=damage.allocated, default=None)

    def grown():
        raw.set_data("/d", b"")  # something to make a checkpoint of
        return file() is not None and damage.allocated(file()) > 30_000

    eventually(grown, "a checkpoint is written")
    server.restart()
    server.kill9()
    return server, file()


def forget_the_beginning(server):
    """Takes the oldest segment of the log, which only the checkpoint can replace."""
    logs = damage.used_logs(server)
    assert len(logs) > 1, "the test needs several segments"
    logs[0].unlink()


def test_a_damaged_checkpoint_is_named_and_crashes_nobody(written):
    server, file = checkpointed(written)
    forget_the_beginning(server)
    size = damage.used_bytes(file)
    refusals = 0
    for at in range(0, size, max(1, size // (10 if SANITIZED else 40))):
        with damage.flipped(file, at, count=16):
            try:
                server.start()
            except StartFailed as failed:
                assert failed.status > 0, f"byte {at}: killed by a signal: {failed}"
                assert "checkpoint" in failed.log, f"byte {at}: {failed}"
                refusals += 1
                continue
            assert intact(server), f"byte {at}"
            server.kill9()
    assert refusals > 2, "the damage was never noticed"
    server.start()
    assert intact(server)


def test_a_damaged_checkpoint_is_set_aside_while_the_log_has_everything(written):
    server, file = checkpointed(written)
    with open(file, "r+b") as lmdb:
        lmdb.seek(8192)
        lmdb.write(b"\xa5" * (damage.used_bytes(file) - 8192))
    damaged = file.read_bytes()
    server.start()
    kept = file.parent.with_name(file.parent.name + ".damaged-1")
    assert f"kept={kept}" in server.log_text()
    assert (kept / file.name).read_bytes() == damaged
    assert intact(server)
    server.restart()
    assert intact(server)
    assert (kept / file.name).read_bytes() == damaged


@pytest.mark.parametrize("length", [12288, 20000])
def test_a_checkpoint_cut_short_is_named(written, length):
    server, file = checkpointed(written)
    forget_the_beginning(server)
    with open(file, "r+b") as lmdb:
        lmdb.truncate(length)
    assert "checkpoint" in refused(server)


@pytest.mark.parametrize("length", [0, 1, 4096, 8192])
def test_a_checkpoint_that_was_never_finished_is_no_loss_while_the_log_has_everything(
    written, length
):
    """So short is what a crash in the making of the first one leaves: no damage."""
    server, file = checkpointed(written)
    with open(file, "r+b") as lmdb:
        lmdb.truncate(length)
    server.start()
    assert intact(server)


def test_a_missing_checkpoint_is_no_loss_while_the_log_has_everything(written):
    server, file = checkpointed(written)
    file.unlink()
    try:
        server.start()
    except StartFailed as failed:
        assert failed.status > 0 and "checkpoint" in failed.log
        return
    assert intact(server)


def test_a_missing_checkpoint_is_named_when_the_log_begins_later(written):
    server, file = checkpointed(written)
    file.unlink()
    damage.used_logs(server)[0].unlink()
    assert re.search("checkpoint|txnlog", refused(server))


def test_a_format_of_the_future_is_not_touched(written):
    """A directory that another program wrote is refused, and stays as it is."""
    server = written()
    server.kill9()
    meta = server.datadir / "zkfs" / "meta"
    meta.write_bytes(b"ZKFS meta, version 99" + bytes(4000))
    before = damage.fingerprint(server.datadir)
    refused(server)
    assert damage.fingerprint(server.datadir) == before


def test_apaches_files_beside_ours_are_left_alone(new_zkfsd):
    server = new_zkfsd(start=False)
    (server.datadir / "version-2").mkdir()
    (server.datadir / "version-2" / "snapshot.0").write_bytes(b"apache's")
    (server.datadir / "myid").write_text("1\n")
    server.start()
    server.session().made("/x")
    server.restart()
    assert (server.datadir / "version-2" / "snapshot.0").read_bytes() == b"apache's"
    assert server.session().exists("/x").err == wire.OK


def test_the_log_may_have_a_directory_of_its_own(new_zkfsd, tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    server = new_zkfsd(dataLogDir=logs)
    server.session().made("/x", b"1")
    assert list((logs / "zkfs" / "txnlog").glob("*.log"))
    assert not (server.datadir / "zkfs" / "txnlog").exists()
    server.kill9()
    server.start()
    assert server.session().data("/x") == b"1"
    assert re.search(r"clientPort=\d+", server.log_text())
