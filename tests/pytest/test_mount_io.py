"""Reading and writing through the mount: one open one version, one echo one change."""
import errno
import mmap
import os
import threading

import pytest

from harness import wire
from harness.shell import fails, out, sh
from harness.wire import EPHEMERAL, NONODE

pytestmark = pytest.mark.sanitized


@pytest.fixture
def zk(server):
    return server.session()


@pytest.fixture
def top(server, mounts, zk, path):
    zk.made(path)
    return mounts(server) / path[1:]


def error_of(call, *args):
    with pytest.raises(OSError) as failed:
        call(*args)
    return errno.errorcode[failed.value.errno]


def changes(zk, action):
    """How many transactions ACTION made. (Nobody else may write meanwhile.)"""
    before = zk.ping().zxid
    action()
    return zk.ping().zxid - before


# Writing

def test_echo_into_a_new_file_is_one_create(new_server, mounts):
    server = new_server()
    zk, top = server.session(), mounts(server).path
    # A machine that lets 50 ms go by between open and write gets two: then once more.
    name = next(f"f{i}" for i in range(5)
                if changes(zk, lambda: out(f"echo hello > f{i}", top)) == 1)
    assert zk.data("/" + name) == b"hello\n"
    assert zk.stat("/" + name).version == 0


def test_echo_into_an_old_file_is_one_set_data(new_server, mounts):
    server = new_server()
    zk, top = server.session(), mounts(server).path
    zk.made("/f", b"a longer old value")
    assert changes(zk, lambda: out("echo new > f", top)) == 1
    assert zk.data("/f") == b"new\n"
    assert zk.stat("/f").version == 1


@pytest.mark.parametrize("command", [
    "printf '%100000s' x > f", "head -c 4096 /dev/zero > f", "head -c 300000 /dev/zero > f",
    "cp /etc/passwd f", "cat /etc/passwd > f", "dd if=/dev/zero of=f bs=8192 count=5 2>&1",
    "tee f < /etc/passwd > /dev/null", "/usr/bin/python3 -c 'open(\"f\", \"w\").write(\"x\" * 58890)'"])
def test_every_tool_changes_the_znode_once(zk, top, path, command):
    zk.made(path + "/f", b"old")
    out(command, top)
    assert zk.stat(path + "/f").version == 1
    assert int(out("cat f | wc -c", top)) == zk.stat(path + "/f").dataLength > 0


def test_what_was_written_is_what_is_stored(zk, top, path):
    for size in (1, 4095, 4096, 4097, 131072, 500_000, 1_000_000):
        data = os.urandom(size)
        (top / "f").write_bytes(data)
        assert zk.data(path + "/f") == data
        assert (top / "f").read_bytes() == data


def test_several_writes_end_up_together(zk, top, path):
    out("{ echo a; date > /dev/null; echo b; echo c; } > f", top)
    assert zk.data(path + "/f") == b"a\nb\nc\n"


def test_an_empty_file_is_null_data(zk, top, path):
    out(": > new; touch touched", top)
    assert (zk.data(path + "/new"), zk.data(path + "/touched")) == (None, None)
    zk.made(path + "/old", b"old")
    out(": > old", top)
    assert zk.data(path + "/old") is None
    assert zk.stat(path + "/old").version == 1
    assert (top / "old").read_bytes() == b""
    assert os.path.isfile(top / "old")


def test_truncating_alone_is_not_seen_before_the_write(zk, top, path):
    zk.made(path + "/f", b"old")
    fd = os.open(top / "f", os.O_WRONLY | os.O_TRUNC)
    assert zk.data(path + "/f") == b"old"
    os.write(fd, b"new")
    assert zk.data(path + "/f") == b"new"
    os.close(fd)
    assert zk.stat(path + "/f").version == 1


def test_a_reader_never_sees_part_of_a_write(server, mounts, zk, path):
    zk.made(path)
    zk.made(path + "/f", b"a" * 60_000)
    writer, reader = mounts(server) / path[1:], mounts(server) / path[1:]
    done = threading.Event()
    wrong = []

    def read():
        while not done.is_set():
            data = (reader / "f").read_bytes()
            if len(data) not in (60_000, 50_000) or len(set(data)) != 1:
                wrong.append((len(data), set(data)))

    thread = threading.Thread(target=read)
    thread.start()
    for i in range(150):
        (writer / "f").write_bytes(b"ab"[i % 2:][:1] * (60_000 if i % 3 else 50_000))
    done.set()
    thread.join(120)
    assert not wrong
    assert zk.stat(path + "/f").version == 150


def test_data_over_the_limit_is_too_big_and_says_so(zk, top, path):
    zk.made(path + "/f", b"old")
    fails("head -c 2000000 /dev/zero > f", top, "File too large")
    assert zk.data(path + "/f") == b"old"


@pytest.mark.parametrize("offset", [0, 2000])
def test_too_much_in_pieces_is_too_big_as_well(zk, top, path, offset):
    # From memory that does not begin with a page the kernel takes 1 MiB less OFFSET at first, and
    # that may still fit: then write(2) is short, and the rest is refused.
    zk.made(path + "/f", b"old")
    data = memoryview(mmap.mmap(-1, 2 << 20))[offset:offset + 1_100_000]
    fd = os.open(top / "f", os.O_WRONLY | os.O_TRUNC)

    def write_all():
        written = 0
        while written < len(data):
            written += os.write(fd, data[written:])

    assert error_of(write_all) == "EFBIG"
    os.close(fd)
    assert zk.data(path + "/f") == b"old"


def test_a_value_that_the_kernel_splits_is_still_one_change(zk, top, path):
    data = os.urandom(2 << 20)
    memory = mmap.mmap(-1, len(data))
    memory[:] = data
    zk.made(path + "/f", b"old")
    for version, offset in enumerate((0, 1, 2000, 4095), 1):
        fd = os.open(top / "f", os.O_WRONLY | os.O_TRUNC)
        assert os.write(fd, memoryview(memory)[offset:offset + 1_047_000]) == 1_047_000
        os.close(fd)
        assert zk.stat(path + "/f").version == version
        assert zk.data(path + "/f") == data[offset:offset + 1_047_000]


# Refusals: the script has to notice

def test_a_refused_echo_exits_non_zero(zk, top, path):
    zk.made(path + "/f", b"old", acl=((wire.READ, "world", "anyone"),))
    fails("echo x > f", top, "Permission denied")
    assert zk.data(path + "/f") == b"old"


def test_a_directory_that_refuses_creates(zk, top, path):
    zk.made(path + "/d", b"", acl=((wire.READ, "world", "anyone"),))
    fails("echo x > d/f", top, "Permission denied")
    fails("mkdir d/e", top, "Permission denied")
    zk.made(path + "/d2", b"")
    zk.made(path + "/d2/f", b"x")
    zk.set_acl(path + "/d2", [(wire.READ, "world", "anyone")])
    fails("rm -f d2/f", top, "Permission denied")


def test_a_znode_deleted_under_a_writer_is_an_error(zk, top, path):
    zk.made(path + "/f", b"old")
    fd = os.open(top / "f", os.O_WRONLY | os.O_TRUNC)
    zk.delete(path + "/f")
    assert error_of(os.write, fd, b"new") in ("ENOENT", "ESTALE")
    try:
        os.close(fd)
    except OSError:
        pass
    assert zk.exists(path + "/f").err == NONODE


def test_a_parent_that_is_not_there(top):
    fails("echo x > none/f", top, "No such file or directory")


def test_below_an_ephemeral_is_not_a_directory(zk, top, path):
    zk.made(path + "/eph", b"x", EPHEMERAL)
    fails("echo x > eph/f", top, "Not a directory")
    fails("mkdir eph/d", top, "Not a directory")


@pytest.mark.parametrize("name", [b"\x01", b"a\x7fb", b"\xc2\x85", b"\xff\xfe", b"bad\xed\xa0\x80",
                                  "\U0001F600".encode(), "\ue000".encode()])
def test_names_that_zookeeper_forbids_are_invalid(top, name):
    file = os.fsencode(top) + b"/" + name
    assert error_of(os.open, file, os.O_CREAT | os.O_WRONLY) == "EINVAL"
    assert error_of(os.mkdir, file) == "EINVAL"
    assert not os.path.exists(file)


# O_EXCL, O_TRUNC, directories

def test_o_excl_creates_at_once(zk, top, path):
    fd = os.open(top / "f", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    assert zk.stat(path + "/f").version == 0
    assert error_of(os.open, top / "f", os.O_CREAT | os.O_EXCL | os.O_WRONLY) == "EEXIST"
    os.write(fd, b"mine")
    os.close(fd)
    assert zk.data(path + "/f") == b"mine"


def test_of_two_hosts_that_create_exclusively_one_wins(server, mounts, zk, path):
    zk.made(path)
    tops = [mounts(server) / path[1:] for _ in range(2)]
    names = [f"{i:02d}" for i in range(25)]
    won = []
    start = threading.Barrier(2)

    def create(top):
        for name in names:
            start.wait(60)
            try:
                os.close(os.open(top / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
                won.append(name)
            except FileExistsError:
                pass

    threads = [threading.Thread(target=create, args=(top,)) for top in tops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(won) == names


def test_noclobber_and_mkdir_as_locks_of_scripts(top):
    assert out("set -C; echo 1 > lock && echo got", top) == "got\n"
    fails("set -C; echo 2 > lock", top)
    assert out("cat lock; mkdir d && echo made", top) == "1\nmade\n"
    fails("mkdir d", top, "File exists")


def test_mkdir_makes_empty_data_and_rmdir_deletes(zk, top, path):
    os.mkdir(top / "d")
    assert zk.data(path + "/d") == b""
    os.mkdir(top / "d" / "e")
    assert error_of(os.rmdir, top / "d") == "ENOTEMPTY"
    os.rmdir(top / "d" / "e")
    os.rmdir(top / "d")
    assert zk.children(path) == []
    assert error_of(os.rmdir, top / "d") == "ENOENT"


def test_unlink_deletes(zk, top, path):
    zk.made(path + "/f", b"x")
    os.unlink(top / "f")
    assert zk.exists(path + "/f").err == NONODE
    assert error_of(os.unlink, top / "f") == "ENOENT"
    assert error_of(os.open, top / "f", os.O_RDONLY) == "ENOENT"


def test_unlink_and_rmdir_know_their_shapes(zk, top, path):
    zk.made(path + "/f", b"x")
    os.mkdir(top / "d")
    assert error_of(os.rmdir, top / "f") == "ENOTDIR"
    assert error_of(os.unlink, top / "d") in ("EISDIR", "EPERM")
    assert zk.children(path) == ["d", "f"]


def test_rm_r_removes_a_tree(zk, top, path):
    out("mkdir -p a/b/c; echo 1 > a/1; echo 2 > a/b/2; rm -r a", top)
    assert zk.children(path) == []


def test_links_are_refused_cleanly(zk, top, path):
    zk.made(path + "/f", b"x")
    fails("ln f g", top)
    fails("ln -s f g", top)
    fails("mkfifo p", top)
    assert zk.children(path) == ["f"]


# Reading

def test_an_open_file_shows_one_version(zk, top, path):
    old, new = b"old " * 1000, b"new! " * 2000
    zk.made(path + "/f", old)
    fd = os.open(top / "f", os.O_RDONLY)
    assert os.pread(fd, 100, 0) == old[:100]
    zk.set_data(path + "/f", new)
    assert os.pread(fd, 100, 100) == old[100:200]
    assert os.pread(fd, 9999, 3000) == old[3000:]
    assert os.pread(fd, 100, 0) == new[:100]  # from the start: the newest
    assert os.pread(fd, 99999, 100) == new[100:]
    os.close(fd)


def test_an_open_file_shows_its_version_after_the_znode_is_gone(zk, top, path):
    zk.made(path + "/f", b"x" * 1000)
    fd = os.open(top / "f", os.O_RDONLY)
    assert os.pread(fd, 10, 0) == b"x" * 10
    zk.delete(path + "/f")
    assert os.pread(fd, 9999, 10) == b"x" * 990
    os.close(fd)


def test_after_the_end_the_next_read_is_of_the_newest(zk, top, path):
    zk.made(path + "/f", b"one\n")
    fd = os.open(top / "f", os.O_RDONLY)
    assert os.read(fd, 100) == b"one\n"
    zk.set_data(path + "/f", b"one\ntwo\n")
    assert os.read(fd, 100) in (b"", b"two\n")  # the end is told once for the version read
    assert os.read(fd, 100) in (b"two\n", b"")
    os.lseek(fd, 0, os.SEEK_SET)
    assert os.read(fd, 100) == b"one\ntwo\n"
    os.close(fd)


def test_large_values_are_read_in_pieces_of_one_version(server, zk, top, path):
    zk.made(path + "/f", b"a" * 900_000)
    other = server.session()
    with open(top / "f", "rb", buffering=0) as file:
        data = file.read(10_000)
        other.set_data(path + "/f", b"b" * 900_000)
        while piece := file.read(70_000):
            data += piece
    assert data == b"a" * 900_000


def test_reading_what_may_not_be_read(zk, top, path):
    zk.made(path + "/f", b"secret", acl=((wire.ALL & ~wire.READ, "world", "anyone"),))
    fails("cat f", top, "Permission denied")
    assert "f" in os.listdir(top)


def test_reading_a_directory_is_an_error(top):
    fails("cat .", top, "Is a directory")


def test_an_own_write_is_read_back_at_once(top):
    for i in range(100):
        (top / "f").write_text(str(i))
        assert (top / "f").read_text() == str(i)
        assert (top / "f").stat().st_size == len(str(i))


# read-only

def test_a_read_only_mount_refuses_all_changes(server, mounts, zk, path):
    zk.made(path)
    zk.made(path + "/f", b"old")
    top = mounts(server, "ro") / path[1:]
    assert out("cat f", top) == "old"
    for command in ("echo x > f", "echo x > new", "mkdir d", "rm -f f", ": > f",
                    "echo x > .zk/data"):
        fails(command, top, "Read-only file system")
    assert zk.children(path) == ["f"]
    assert sh("rmdir ../zookeeper", top).returncode != 0


# commit=close

def test_with_commit_close_a_value_of_several_writes_appears_at_once(server, mounts, zk, path):
    zk.made(path)
    zk.made(path + "/f", b"old")
    top = mounts(server, "commit=close") / path[1:]
    with open(top / "f", "wb", buffering=0) as file:
        file.write(b"one ")
        file.write(b"two")
        assert zk.data(path + "/f") == b"old"
    assert zk.data(path + "/f") == b"one two"
    assert zk.stat(path + "/f").version == 1


def test_without_it_the_first_write_of_two_is_seen(zk, top, path):
    zk.made(path + "/f", b"old")
    with open(top / "f", "wb", buffering=0) as file:
        file.write(b"one ")
        assert zk.data(path + "/f") == b"one "
        file.write(b"two")
    assert zk.data(path + "/f") == b"one two"


def test_fsync_commits_what_is_collected(zk, top, path):
    with open(top / "f", "wb", buffering=0) as file:
        file.write(b"x" * 8192)
        os.fsync(file.fileno())
        assert zk.data(path + "/f") == b"x" * 8192


# Appending and editing

def test_appends_of_two_hosts_are_all_there(server, mounts, zk, path):
    zk.made(path)
    tops = [mounts(server) / path[1:] for _ in range(2)]

    def append(top, who):
        for i in range(40):
            with open(top / "log", "ab", buffering=0) as file:
                file.write(b"%s %d\n" % (who, i))

    threads = [threading.Thread(target=append, args=(top, who))
               for top, who in zip(tops, (b"a", b"b"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    lines = (tops[0] / "log").read_bytes().splitlines()
    assert sorted(lines) == sorted(b"%s %d" % (who, i) for who in (b"a", b"b") for i in range(40))
    for who in (b"a", b"b"):
        own = [line for line in lines if line.startswith(who)]
        assert own == [b"%s %d" % (who, i) for i in range(40)]


def test_an_edit_over_somebody_elses_change_is_stale(zk, top, path):
    zk.made(path + "/f", b"0123456789")
    fd = os.open(top / "f", os.O_RDWR)
    assert os.pread(fd, 100, 0) == b"0123456789"
    zk.set_data(path + "/f", b"somebody else's")
    assert error_of(lambda: (os.pwrite(fd, b"xx", 3), os.fsync(fd))) == "ESTALE"
    try:
        os.close(fd)
    except OSError:
        pass
    assert zk.data(path + "/f") == b"somebody else's"


def test_an_edit_in_the_middle_and_a_cut(zk, top, path):
    zk.made(path + "/f", b"0123456789")
    out("printf xx | dd of=f bs=1 seek=3 conv=notrunc", top)
    assert zk.data(path + "/f") == b"012xx56789"
    out("truncate -s 4 f", top)
    assert zk.data(path + "/f") == b"012x"
    out("truncate -s 6 f", top)
    assert zk.data(path + "/f") == b"012x\0\0"


def test_touch_writes_the_same_bytes_back(zk, top, path):
    zk.made(path + "/f", b"same")
    out("touch f", top)
    assert (zk.data(path + "/f"), zk.stat(path + "/f").version) == (b"same", 1)
    out("touch -d 2001-01-01 f", top)  # explicit times cannot be stored
    assert zk.stat(path + "/f").version == 1
