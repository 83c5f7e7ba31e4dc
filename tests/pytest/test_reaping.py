"""Containers and TTL znodes: the server deletes them when they have had their time."""
import pytest

from conftest import factory
from harness import wire
from harness.awaiting import eventually
from harness.wire import BADARGUMENTS, CHILD, DELETED, NONODE, OK, UNIMPLEMENTED

CHECK_MS = 150
NEVER_USED_MS = 3000  # so long a test may take from the making of a container to its first child


@pytest.fixture(scope="module")
def reaping_server(kind, tmp_path_factory):
    with factory(tmp_path_factory, kind) as make:
        yield make(extendedTypesEnabled="true",
                   znode_container_checkIntervalMs=str(CHECK_MS),
                   znode_container_maxNeverUsedIntervalMs=str(NEVER_USED_MS))


@pytest.fixture
def raw(reaping_server):
    yield reaping_server.session()
    reaping_server.close_clients()


def make_used(raw, path):
    """A container that had a child and has none."""
    assert raw.create_container(path).err == OK
    raw.made(path + "/child")
    assert raw.delete(path + "/child").err == OK


def await_rounds(raw, path, rounds=4):
    """The server has looked through everything a few times: it has deleted what it should."""
    for i in range(rounds):
        probe = f"{path}-probe{i}"
        make_used(raw, probe)
        if raw.exists(probe, watch=True).err == OK:
            assert raw.event() == (DELETED, probe)


def server_time(raw, path):
    """The server's clock in ms, as a new znode shows it."""
    name = raw.made(path + "-clock", flags=wire.EPHEMERAL)
    time_ms = raw.stat(name).ctime
    raw.delete(name)
    return time_ms


def await_time(raw, path, time_ms):
    eventually(lambda: server_time(raw, path) > time_ms, "the time comes", interval=0.05)


@pytest.mark.sanitized
def test_a_container_goes_after_its_last_child_and_tells_so(raw, path):
    raw.create_container(path)
    raw.made(path + "/1")
    raw.made(path + "/2")
    await_rounds(raw, path)
    raw.delete(path + "/1")
    await_rounds(raw, path)
    assert raw.exists(path, watch=True).err == OK
    raw.get_children("/", watch=True)
    raw.delete(path + "/2")
    assert sorted([raw.event(), raw.event()]) == [(DELETED, path), (CHILD, "/")]
    assert raw.exists(path).err == NONODE


def test_a_container_in_use_again_stays(raw, path):
    raw.create_container(path)
    raw.made(path + "/1")
    raw.made(path + "/2", flags=wire.EPHEMERAL)
    raw.delete(path + "/1")
    await_rounds(raw, path)
    assert raw.exists(path).err == OK


def test_a_container_that_never_had_a_child_has_its_time(raw, path):
    raw.create_container(path)
    raw.exists(path, watch=True)
    assert raw.event() == (DELETED, path)


def test_znodes_that_only_look_like_containers_stay(raw, path):
    raw.made(path)
    raw.made(path + "/plain", flags=wire.CONTAINER)  # the flag without the operation
    raw.made(path + "/plain/child")
    raw.delete(path + "/plain/child")
    await_rounds(raw, path)
    assert raw.children(path) == ["plain"]


@pytest.mark.sanitized
def test_a_ttl_znode_goes_when_its_time_is_over(raw, path):
    raw.create_ttl(path, 1)
    raw.create_ttl(path + "-later", 3_600_000)
    if raw.exists(path, watch=True).err == OK:
        assert raw.event() == (DELETED, path)
    await_rounds(raw, path)
    assert raw.exists(path + "-later").err == OK


def test_a_ttl_znode_stays_while_it_has_children(raw, path):
    ttl_ms = 1500  # so long it may take until the child is there
    raw.create_ttl(path, ttl_ms)
    raw.made(path + "/child")
    await_time(raw, path, raw.stat(path).ctime + ttl_ms)
    await_rounds(raw, path)
    assert raw.exists(path, watch=True).err == OK
    raw.delete(path + "/child")
    assert raw.event() == (DELETED, path)


def test_new_data_begin_the_time_again(raw, path):
    ttl_ms = 2000
    raw.create_ttl(path, ttl_ms)
    made = raw.stat(path).ctime
    await_time(raw, path, made + ttl_ms * 0.4)
    changed = raw.set_data(path, b"").body.stat().mtime
    raw.exists(path, watch=True)
    assert raw.event() == (DELETED, path)
    assert server_time(raw, path) >= changed + ttl_ms


def test_clients_cannot_delete_as_the_server_does(raw, path):
    make = raw.create_container(path)
    assert make.err == OK
    raw.made(path + "/child")
    for name in (path, path + "/child"):
        assert raw.call(wire.DELETE_CONTAINER, wire.string(name)).err == BADARGUMENTS
    assert raw.exists(path + "/child").err == OK


def test_without_extended_types_no_ttl_znode_is_made(server, path):
    assert server.session().create_ttl(path, 1).err == UNIMPLEMENTED


def test_what_was_left_over_goes_after_a_restart(new_server):
    server = new_server(extendedTypesEnabled="true", znode_container_checkIntervalMs="100000000")
    raw = server.session()
    make_used(raw, "/container")
    raw.create_ttl("/ttl", 1)
    raw.create_container("/unused")
    server.config["znode.container.checkIntervalMs"] = str(CHECK_MS)
    server.restart()
    raw = server.session()
    for path in ("/container", "/ttl"):
        if raw.exists(path, watch=True).err == OK:
            assert raw.event() == (DELETED, path)
    assert raw.exists("/unused").err == OK


def test_deletions_are_spread(new_server):
    """A second between two: when one is gone, most of the others are still there."""
    server = new_server(znode_container_checkIntervalMs="1500", znode_container_maxPerMinute="60")
    raw = server.session()
    for i in range(8):
        make_used(raw, f"/c{i}")
    before = raw.children("/")
    raw.get_children("/", watch=True)
    assert raw.event() == (CHILD, "/")
    assert len(raw.children("/")) > len(before) / 2
