"""How znodes look as files: shape, listing, attributes, xattrs."""
import errno
import os
import stat
import subprocess

import pytest

from harness import wire
from harness.awaiting import eventually
from harness.rawclient import create_body
from harness.shell import fails, out, sh
from harness.wire import EPHEMERAL

pytestmark = pytest.mark.sanitized


@pytest.fixture
def zk(server):
    return server.session()


@pytest.fixture
def top(server, mounts, zk, path):
    """A directory of this test's own, as the mount shows it."""
    zk.made(path)
    return mounts(server) / path[1:]


def shape(file):
    mode = os.lstat(file).st_mode
    return "dir" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else oct(mode)


@pytest.mark.parametrize("data, flags, expected", [
    (b"", 0, "dir"), (None, 0, "file"), (b"x", 0, "file"), (b"\0", 0, "file"),
    (b"", EPHEMERAL, "file"), (None, EPHEMERAL, "file"), (b"x", EPHEMERAL, "file")])
def test_the_shape_of_a_znode_without_children(zk, top, path, data, flags, expected):
    zk.made(path + "/n", data, flags)
    assert shape(top / "n") == expected
    if expected == "file":
        assert (top / "n").read_bytes() == (data or b"")


@pytest.mark.parametrize("data", [b"", None, b"x"])
def test_what_has_or_had_a_child_is_a_directory(zk, top, path, data):
    zk.made(path + "/n", data)
    zk.made(path + "/n/child", b"c")
    assert shape(top / "n") == "dir"
    assert os.listdir(top / "n") == ["child"]
    zk.delete(path + "/n/child")
    assert shape(top / "n") == "dir"
    assert os.listdir(top / "n") == []


def test_a_file_becomes_a_directory_with_its_first_child(zk, top, path):
    zk.made(path + "/n", b"value")
    assert (top / "n").read_bytes() == b"value"
    zk.made(path + "/n/child", b"c")
    assert shape(top / "n") == "dir"
    assert (top / "n" / ".zk" / "data").read_bytes() == b"value"
    assert (top / "n" / "child").read_bytes() == b"c"


def test_ls_shows_children_and_cat_their_data(zk, top, path):
    for name in ("b", "a", "ü", "with space"):
        zk.made(f"{path}/{name}", name.encode() + b"\n")
    zk.made(path + "/dir")
    assert out("ls", top) == "a\nb\ndir\nwith space\nü\n"
    assert out("cat a b 'with space'", top) == "a\nb\nwith space\n"
    assert out("find . -type f | sort", top) == "./a\n./b\n./with space\n./ü\n"
    assert out("find . -type d | sort", top) == ".\n./dir\n"


def test_what_another_client_does_is_seen_at_once(zk, top, path):
    assert not (top / "n").exists()
    zk.made(path + "/n", b"1")
    assert (top / "n").read_bytes() == b"1"
    zk.set_data(path + "/n", b"22")
    assert (top / "n").read_bytes() == b"22"
    assert (top / "n").stat().st_size == 2
    zk.delete(path + "/n")
    assert not (top / "n").exists()
    assert os.listdir(top) == []


def test_binary_data_of_any_size(zk, top, path):
    for size in (1, 4095, 4096, 4097, 131072, 131073, 1_000_000):
        data = os.urandom(size)
        zk.made(f"{path}/{size}", data)
        assert (top / str(size)).read_bytes() == data
        assert (top / str(size)).stat().st_size == size


def test_a_directory_of_thousands_is_listed_once_each(zk, top, path):
    # The reply is longer than the longest request: 1.2 MB.
    names = [f"{i:05d}" + "x" * 235 for i in range(5000)]
    zk.send_bytes(b"".join(zk.request_bytes(wire.CREATE, create_body(f"{path}/{name}", None))
                           for name in names))
    assert {zk.reply().err for _ in names} == {wire.OK}
    assert sorted(os.listdir(top)) == names
    assert out("ls | wc -l", top).strip() == "5000"


def test_a_name_too_long_for_the_kernel_is_left_out(zk, top, path):
    for length in (255, 1024, 1025):
        zk.made(path + "/" + "n" * length, b"value")
    assert sorted(map(len, os.listdir(top))) == [255, 1024]
    assert (top / ("n" * 1024)).read_bytes() == b"value"


def test_listing_knows_dot_and_dot_dot(top):
    assert out("ls -a", top).split() == [".", ".."]
    assert os.path.samefile(top / "..", top.parent)


def test_the_root_shows_zookeeper(server, mounts):
    mount = mounts(server)
    assert "zookeeper" in os.listdir(mount.path)
    assert sorted(os.listdir(mount / "zookeeper")) == ["config", "quota"]


def test_stat_of_a_file(zk, top, path):
    zk.made(path + "/n", b"12345")
    znode, file = zk.stat(path + "/n"), os.stat(top / "n")
    assert file.st_size == 5
    assert file.st_mtime_ns // 1_000_000 == znode.mtime
    assert file.st_nlink == 1
    assert file.st_blksize == 1 << 20
    assert (file.st_uid, file.st_gid) == (os.getuid(), os.getgid())
    zk.set_data(path + "/n", b"123")
    assert os.stat(top / "n").st_mtime_ns // 1_000_000 == zk.stat(path + "/n").mtime


def test_an_inode_keeps_its_number_while_its_znode_lives(zk, top, path):
    zk.made(path + "/n", b"1")
    first = os.stat(top / "n").st_ino
    zk.set_data(path + "/n", b"2")
    assert os.stat(top / "n").st_ino == first
    zk.delete(path + "/n")
    zk.made(path + "/n", b"3")
    assert os.stat(top / "n").st_ino != first


def test_every_znode_has_an_inode_number_of_its_own(zk, top, path):
    for i in range(50):
        zk.made(f"{path}/{i}", b"x")
    assert len({os.stat(top / str(i)).st_ino for i in range(50)}) == 50


@pytest.mark.parametrize("perms, absent", [(wire.READ, 0o222), (wire.WRITE, 0o444),
                                           (wire.READ | wire.ADMIN, 0o222)])
def test_mode_bits_tell_what_the_acl_allows(zk, top, path, perms, absent):
    zk.made(path + "/n", b"x", acl=((perms, "world", "anyone"),))
    mode = os.stat(top / "n").st_mode
    assert mode & absent == 0
    assert mode & (0o666 & ~absent)


def test_an_open_znode_is_readable_and_writable(zk, top, path):
    zk.made(path + "/n", b"x")
    assert stat.S_IMODE(os.stat(top / "n").st_mode) & 0o600 == 0o600
    assert stat.S_IMODE(os.stat(top).st_mode) & 0o700 == 0o700


# Extended attributes

FIELDS = ("czxid", "mzxid", "ctime", "mtime", "version", "cversion", "aversion", "ephemeralOwner",
          "dataLength", "numChildren", "pzxid")


def number(text):
    return int(text, 0)


@pytest.mark.parametrize("kind_of_znode", ["file", "directory", "ephemeral"])
def test_xattrs_are_the_stat(zk, top, path, kind_of_znode):
    name = path + "/n"
    zk.made(name, b"" if kind_of_znode == "directory" else b"abc",
            EPHEMERAL if kind_of_znode == "ephemeral" else 0)
    if kind_of_znode == "directory":
        zk.made(name + "/child")
    expected = zk.stat(name)
    for field in FIELDS:
        value = os.getxattr(top / "n", f"user.zk.{field}").decode()
        assert number(value) == getattr(expected, field), field


def test_all_of_the_stat_in_one_xattr(zk, top, path):
    zk.made(path + "/n", b"abc")
    text = os.getxattr(top / "n", "user.zk.stat").decode()
    lines = dict(line.replace("=", " ").split() for line in text.splitlines())
    assert {field: number(lines[field]) for field in FIELDS} == zk.stat(path + "/n")._asdict()


def test_xattrs_are_listed_and_getfattr_shows_them(zk, top, path):
    zk.made(path + "/n", b"abc")
    listed = os.listxattr(top / "n")
    assert {f"user.zk.{field}" for field in FIELDS} | {"user.zk.stat"} <= set(listed)
    shown = out("getfattr -d -m '^user.zk' n", top)
    assert 'user.zk.version="0"' in shown


@pytest.mark.parametrize("name, error", [
    ("user.none", errno.ENODATA), ("user.zk.none", errno.ENODATA),
    ("security.selinux", errno.ENODATA)])
def test_other_xattrs_are_not_there(zk, top, path, name, error):
    zk.made(path + "/n", b"abc")
    with pytest.raises(OSError) as failed:
        os.getxattr(top / "n", name)
    assert failed.value.errno in (error, errno.EOPNOTSUPP)


@pytest.mark.parametrize("name", ["user.zk.version", "user.zk.stat", "user.other"])
def test_xattrs_of_the_stat_cannot_be_set(zk, top, path, name):
    zk.made(path + "/n", b"abc")
    with pytest.raises(OSError) as failed:
        os.setxattr(top / "n", name, b"7")
    assert failed.value.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.EACCES)


# The control directory

def test_zk_data_is_the_directorys_own_data(zk, top, path):
    zk.made(path + "/n", b"own")
    zk.made(path + "/n/child")
    data = top / "n" / ".zk" / "data"
    assert data.read_bytes() == b"own"
    assert data.stat().st_size == 3
    assert out("echo new > n/.zk/data; cat n/.zk/data", top) == "new\n"
    assert zk.data(path + "/n") == b"new\n"
    assert zk.stat(path + "/n").version == 1
    assert zk.children(path + "/n") == ["child"]


def test_zk_is_reachable_but_not_listed(top):
    assert os.listdir(top) == []
    assert shape(top / ".zk") == "dir"
    assert os.listdir(top / ".zk") == ["data"]
    assert os.stat(top / ".zk").st_ino >> 63 == 1


def test_a_file_has_no_control_directory(zk, top, path):
    zk.made(path + "/n", b"x")
    assert sh("cat n/.zk/data", top).returncode != 0


def test_nothing_is_made_or_removed_in_the_control_directory(top, zk, path):
    for command in ("echo x > .zk/other", "mkdir .zk/dir", "rm -f .zk/data", "rmdir .zk",
                    "mkdir .zk", "echo x > .zk"):
        fails(command, top)
    assert zk.children(path) == []


def test_a_childless_directory_that_gets_data_through_its_control_file_stays_one(top, zk, path):
    """Else the file just written would be gone with the directory. (One multi makes and deletes a
    child, as for user.zk.shape.)"""
    zk.made(path + "/d")
    out("echo value > d/.zk/data", top)
    assert zk.data(path + "/d") == b"value\n"
    assert shape(top / "d") == "dir"
    assert zk.children(path + "/d") == []
    assert out("cat d/.zk/data", top) == "value\n"


def test_a_childless_directory_that_gets_data_from_elsewhere_is_a_file(top, zk, path):
    zk.made(path + "/d")
    assert shape(top / "d") == "dir"
    zk.set_data(path + "/d", b"value")
    assert shape(top / "d") == "file"
    assert out("cat d", top) == "value"


# statfs

def test_df_shows_sensible_figures(top):
    figures = os.statvfs(top)
    assert figures.f_bsize > 0 and figures.f_blocks > 0 and figures.f_namemax >= 255
    assert figures.f_bavail <= figures.f_blocks
    line = out("df -T . | tail -1", top).split()
    assert line[1] in ("fuse.zkfs", "zkfs", "fuse")


def test_the_mount_table_names_the_server(server, mounts):
    mount = mounts(server)
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        line = next(line for line in table if f" {mount.path} " in line)
    fstype, source = line.split(" - ")[1].split()[:2]
    assert (fstype, source) == ("fuse.zkfs", server.hosts)


def test_two_mounts_of_one_server_show_the_same(server, mounts, zk, path):
    zk.made(path)
    a, b = mounts(server) / path[1:], mounts(server) / path[1:]
    (a / "n").write_bytes(b"from a")
    assert (b / "n").read_bytes() == b"from a"
    os.mkdir(b / "d")
    assert sorted(os.listdir(a)) == ["d", "n"]


def test_an_ephemeral_of_somebody_vanishes_with_its_session(server, zk, top, path):
    owner = server.session()
    owner.made(path + "/eph", b"here", EPHEMERAL)
    assert (top / "eph").read_bytes() == b"here"
    owner.close_session()
    eventually(lambda: not os.path.exists(top / "eph"), "the ephemeral vanishes")
    subprocess.run(["ls", top], check=True, capture_output=True)
