"""Writes whose connection dies: done is told as done, lost is made again, and only what nobody can
know is an error."""
import pytest

from harness import shell, wire
from harness.proxy import REPLY, REQUEST, Proxy

pytestmark = pytest.mark.sanitized

CREATE2, DELETE, SET_DATA = 15, 2, 5
LATE = 1  # version more, where 50 ms go by between open and write: the file is made without the data


@pytest.fixture
def zk(server):
    return server.session()


@pytest.fixture
def proxy(server):
    proxy = Proxy(server.port)
    yield proxy
    proxy.close()


@pytest.fixture
def mount(proxy, mounts):
    return mounts(proxy)


@pytest.fixture
def top(mount, zk, path):
    zk.made(path)
    return mount / path[1:]


# The proxy lives in this process, which may therefore not touch the mount itself, not even by a child
# that changes its directory before exec(2).

def out(command, top):
    return shell.out(f"cd '{top}' && {{ {command}; }}", "/")


def fails(command, top, message):
    return shell.fails(f"cd '{top}' && {{ {command}; }}", "/", message)


@pytest.mark.parametrize("lost", [REQUEST, REPLY])
def test_a_create_is_made_exactly_once(zk, top, path, proxy, lost):
    proxy.lose(lost, CREATE2)
    assert out("echo x > f", top) == ""
    assert proxy.happened.is_set()
    assert zk.data(path + "/f") == b"x\n"
    assert zk.stat(path + "/f").version <= LATE


@pytest.mark.parametrize("lost", [REQUEST, REPLY])
def test_a_set_is_made_exactly_once(zk, top, path, proxy, lost):
    zk.made(path + "/f", b"old")
    proxy.lose(lost, SET_DATA)
    assert out("echo x > f", top) == ""
    assert proxy.happened.is_set()
    assert zk.data(path + "/f") == b"x\n"
    assert zk.stat(path + "/f").version == 1


@pytest.mark.parametrize("lost", [REQUEST, REPLY])
def test_an_append_is_made_exactly_once(zk, top, path, proxy, lost):
    zk.made(path + "/f", b"old\n")
    proxy.lose(lost, SET_DATA)
    assert out("echo x >> f", top) == ""
    assert proxy.happened.is_set()
    assert zk.data(path + "/f") == b"old\nx\n"


@pytest.mark.parametrize("lost", [REQUEST, REPLY])
def test_a_delete_succeeds(zk, top, path, proxy, lost):
    zk.made(path + "/f", b"old")
    proxy.lose(lost, DELETE)
    assert out("rm f", top) == ""
    assert proxy.happened.is_set()
    assert zk.exists(path + "/f").err == wire.NONODE


def test_a_lost_mkdir_is_made_again(zk, top, path, proxy):
    proxy.lose(REQUEST, CREATE2)
    assert out("mkdir d", top) == ""
    assert proxy.happened.is_set()
    assert zk.data(path + "/d") == b""


# Nobody can know

def test_a_set_that_another_one_may_have_followed_is_unknown(zk, top, path, proxy, mount):
    zk.made(path + "/f", b"old")
    proxy.lose(REPLY, SET_DATA, lambda: zk.set_data(path + "/f", b"other"))
    fails("echo x > f", top, "Input/output error")
    assert zk.data(path + "/f") == b"other"
    assert zk.stat(path + "/f").version == 2
    assert "outcome unknown" in mount.log_text()


@pytest.mark.parametrize("command", ["mkdir n", "set -C; echo x > n"])
def test_who_made_a_name_that_only_one_may_make_is_unknown(zk, top, path, proxy, mount, command):
    proxy.lose(REPLY, CREATE2)
    fails(command, top, "Input/output error")
    assert zk.exists(path + "/n").err == wire.OK
    assert "outcome unknown" in mount.log_text()


def test_after_all_this_the_mount_works(zk, top, path, proxy):
    for i in range(5):
        proxy.lose(REPLY if i % 2 else REQUEST, SET_DATA if i else CREATE2)
        assert out(f"echo {i} > f; cat f", top) == f"{i}\n"
        assert proxy.happened.is_set()
    assert 4 <= zk.stat(path + "/f").version <= 4 + LATE
    assert out("ls", top) == "f\n"
